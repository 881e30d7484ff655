"""What everybody holds once all is quiet, and what they should hold by what was promised."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from desks import PARTY, Reported, reported_by
from traffic import MINISTRIES, Injected, Letter, Traffic

from gateway.model.delivery import Delivery
from gateway.model.message import Kind, Message
from gateway.ports import Books
from gateway.storage import SqliteStore

AXIS = "vxp"
PAGE = 200
IN_EFFECT = (1, 3)
"""The statuses that every document draws from every recipient: a ministry's replies, our systems' and the gateway's."""
AUTOMATIC = "status.automatic"


@dataclass(frozen=True, slots=True)
class Evidence:
    """*documents* and *statuses* are by system or ministry; *axis* is the sandbox's state, *cuts* its answers to us
    that got lost; *complaints* what our systems saw that must not be.
    """

    letters: tuple[Letter, ...]
    injected: tuple[Injected, ...]
    documents: Mapping[str, Counter[str]]
    statuses: Mapping[str, Counter[Reported]]
    complaints: tuple[str, ...]
    refused: tuple[str, ...]
    axis: Mapping[str, Any]
    cuts: int
    messages: tuple[Message, ...]
    deliveries: Mapping[str, tuple[Delivery, ...]]
    books: Books
    log: str

    def promised_documents(self) -> dict[str, Counter[str]]:
        """By receiver: DocumentIds that it must hold, each once."""
        promised: dict[str, Counter[str]] = {receiver: Counter() for receiver in (*PARTY, *MINISTRIES)}
        for letter in self.letters:
            for receiver in (*letter.ministries, *letter.neighbours):
                promised[receiver][letter.document_id] += 1
        for item in self.injected:
            for system in item.systems:
                promised[system][item.document_id] += 1
        return promised

    def promised_statuses(self) -> dict[str, Counter[Reported]]:
        """By who sent the document: the statuses that it must have heard, each once."""
        promised: dict[str, Counter[Reported]] = {receiver: Counter() for receiver in (*PARTY, *MINISTRIES)}
        for letter in self.letters:
            for recipient in letter.recipients:
                promised[letter.system].update(Reported(recipient, letter.document_id, code) for code in IN_EFFECT)
        for item in self.injected:
            for system in item.systems:
                said = (Reported(PARTY[system], item.document_id, code) for code in IN_EFFECT)
                promised[item.ministry].update(said)
        return promised

    def of_document(self, peer: str, document_id: str) -> list[Message]:
        """Messages of kind document that *peer* handed over under this DocumentId."""
        return [m for m in self.messages if m.peer == peer and is_document(m) and m.envelope.business_id == document_id]

    def of_package(self, row: Mapping[str, Any]) -> list[Message]:
        """Our messages that a package at the axis is made of."""
        return [m for m in self.messages if what(m) == (row["from"], row["documentId"], row["businessType"])]

    def marked(self, mark: str) -> int:
        return sum(mark in message.marks for message in self.messages)

    def automatic(self) -> int:
        """Statuses that the gateway reported for a party."""
        return sum(AUTOMATIC in message.findings for message in self.messages)


async def gather(traffic: Traffic, store: SqliteStore, log: str) -> Evidence:
    """Ask everybody."""
    axis = await traffic.control("GET", "/state")
    fired = (await traffic.control("GET", "/faults"))["fired"]
    messages = tuple([message async for message in _messages(store)])
    ministries = {code: axis["ministries"][code] for code in MINISTRIES}
    documents = {code: Counter(row["document_id"] for row in books["received"]) for code, books in ministries.items()}
    statuses = {code: Counter(map(reported_by, books["received_statuses"])) for code, books in ministries.items()}
    desks = traffic.desks
    others = [f"{name}: {desk.others()} notices or unreadable pieces" for name, desk in desks.items() if desk.others()]
    return Evidence(
        letters=tuple(traffic.letters),
        injected=tuple(traffic.injected),
        documents=documents | {name: desk.documents() for name, desk in desks.items()},
        statuses=statuses | {name: desk.statuses() for name, desk in desks.items()},
        complaints=(*others, *(line for desk in desks.values() for line in desk.twice)),
        refused=tuple(traffic.refused),
        axis=axis,
        cuts=sum(f["operation"] == "sendEdoc" and f["action"] in ("cut_after_send", "answer_lost") for f in fired),
        messages=messages,
        deliveries={m.id: tuple(await store.deliveries_of(m.id)) for m in messages},
        books=await store.books(),
        log=log,
    )


def what(message: Message) -> tuple[str, str, str]:
    """Sender, DocumentId and business type of a message, as the axis writes them."""
    envelope = message.envelope
    kind = f"status {envelope.status:02d}" if envelope.kind is Kind.STATUS else "0"
    return envelope.sender, envelope.business_id, kind


def is_document(message: Message) -> bool:
    return message.envelope.kind is Kind.DOCUMENT


async def _messages(store: SqliteStore) -> AsyncIterator[Message]:
    """Every message of systems and platforms, newest first."""
    before = ""
    while page := await store.messages(before=before, limit=PAGE):
        for message in page:
            yield message
        before = page[-1].id
