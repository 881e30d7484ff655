"""A regional axis as the gateway uses it: a destination and a polled platform (reference §7.1)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import structlog

from adapters.lgsp import answers
from adapters.lgsp.answers import LgspFault, Result
from adapters.lgsp.codes import ACKNOWLEDGEMENTS, MESSAGE_TYPES, type_of
from adapters.lgsp.form import compose
from adapters.lgsp.line import JSON, Line, Pace, Request
from adapters.lgsp.package import EDXML, FILE_FIELD, Encode, bytes_of, off_loop, unbase64
from adapters.lgsp.replies import dumps
from adapters.lgsp.settings import Account, LgspSettings
from adapters.lgsp.waiting import Recently, Window
from gateway.client import Answer, Client
from gateway.clock import Clock
from gateway.errors import Refusal
from gateway.formats.foreign import as_text, clean, moment
from gateway.model.delivery import Delivered, Delivery, Outcome, Purpose, Rejected
from gateway.model.document import Attachment, Content, Document
from gateway.model.message import Kind, Message
from gateway.ports import Decode, Fetched, Listed, Outbound, Parcel, Poller, Repeat

ACKNOWLEDGED_FOR: Final = 3600.0
"""Seconds in which an acknowledged package that is still listed is taken for a late list, not for a lost word."""
UNFETCHABLE_FOR: Final = 900.0
"""Seconds before a package the axis lists but does not give is asked for again, so that it stops no other."""

_NOT_OURS_TO_SEND = frozenset({Kind.OPAQUE, Kind.NOTICE})


@dataclass(frozen=True, slots=True)
class Package:
    """A getEdoc answer: the file, and the rows of attachments given beside it."""

    fetched: Fetched
    beside: Sequence[object]


class LgspPlatform(Outbound, Poller):
    """One regional axis. A second copy of a document is seen by people there, so repeat is visible.

    The first account's types and references are plain ("edoc", a docId); another account's carry its SystemId
    ("edoc:H37.DN.002", "H37.DN.002/<docId>"), so that an account added later changes nothing of what is known.
    *decode*, *encode* and *is_strict* are edXML's, handed in by wiring.
    """

    dialect = EDXML
    repeat = Repeat.VISIBLE

    def __init__(
        self,
        settings: LgspSettings,
        client: Client,
        clock: Clock,
        pace: Pace,
        decode: Decode,
        encode: Encode,
        is_strict: Callable[[bytes], bool],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._line = Line(settings, client, clock, pace)
        self._decode = decode
        self._encode = encode
        self._is_strict = is_strict
        self._accounts = {account.system_id: account for account in settings.accounts}
        self._first = settings.accounts[0]
        self._polled = {
            type if account is self._first else f"{type}:{account.system_id}": (type, account)
            for account in settings.accounts
            for type in MESSAGE_TYPES
        }
        self.types: Sequence[str] = tuple(self._polled)
        self._windows = {type: Window(settings.catch_up_days, settings.overlap_days) for type in self._polled}
        self._acknowledged = Recently(ACKNOWLEDGED_FOR)
        self._unfetchable = Recently(UNFETCHABLE_FOR)
        self._log = structlog.get_logger("adapters.lgsp").bind(platform=settings.id)

    # ------------------------------------------------------------------------------------------------ destination

    def examine(self, content: Content, dialect: str) -> None:
        """What we write ourselves must be conformant; what a system wrote as edXML must be expressible."""
        if not self._is_strict(self._encode(content)) and dialect != self.dialect:
            raise Refusal("edxml.strict", detail="the package made of this content does not conform")

    def encode(self, parcel: Parcel) -> bytes:
        """The edXML file. A conformant original goes out unchanged (principle 2); else it is written anew.

        An acknowledgement is its JSON.
        """
        delivery, message = parcel.delivery, parcel.message
        if delivery.purpose is Purpose.ACKNOWLEDGEMENT:
            _, doc_id = self._account_of(delivery.instruction.get("reference", ""))
            return dumps({"docId": doc_id, "status": delivery.instruction.get("status", "")})
        if message is None or message.envelope.kind in _NOT_OURS_TO_SEND:
            return parcel.raw
        if message.dialect == self.dialect and not parcel.altered and self._is_strict(parcel.raw):
            return parcel.raw
        return self._encode(parcel.read())

    async def send(self, delivery: Delivery, message: Message | None, wire: bytes, deadline: float) -> Outcome:
        """sendEdoc, or updateStatus for an acknowledgement. Codes: see `answers`."""
        if delivery.purpose is Purpose.ACKNOWLEDGEMENT:
            return await self._acknowledge(delivery.instruction.get("reference", ""), wire, deadline)
        if message is None or message.envelope.kind in _NOT_OURS_TO_SEND:
            return Rejected("lgsp.opaque", "the axis takes edXML only")
        account = self._sender(message.envelope.sender)
        if account is None:
            return Rejected("lgsp.account", f"no account is configured for {message.envelope.sender}")
        fields = {"messageType": type_of(message)}
        content_type, body = await off_loop(len(wire), compose, wire, FILE_FIELD, f"{delivery.id}.edxml", fields)
        request = Request(
            "POST", "sendEdoc", account, deadline, body=body, content_type=content_type, doc_id=delivery.id
        )
        return await self._line.attempt(request, self._judge(repeatable=False), repeatable=False)

    async def _acknowledge(self, reference: str, wire: bytes, deadline: float) -> Outcome:
        account, doc_id = self._account_of(reference)
        request = Request("POST", "updateStatus", account, deadline, body=wire, content_type=JSON, doc_id=doc_id)
        outcome = await self._line.attempt(request, self._judge(repeatable=True), repeatable=True)
        if isinstance(outcome, Delivered):
            self._acknowledged.note(reference, self._clock.monotonic())
        return outcome

    def _judge(self, *, repeatable: bool) -> Callable[[Answer], Outcome]:
        settings = self._settings
        settled = settings.settled_codes if repeatable else frozenset()

        def judge(answer: Answer) -> Outcome:
            now = self._clock.now()
            return answers.outcome_of_act(answer, settings.rejected_codes, settled, now, repeatable=repeatable)

        return judge

    def _sender(self, party: str) -> Account | None:
        return next((account for account in self._settings.accounts if party in account.parties), None)

    def _account_of(self, reference: str) -> tuple[Account, str]:
        system_id, slash, doc_id = reference.partition("/")
        account = self._accounts.get(system_id) if slash else None
        return (account, doc_id) if account else (self._first, reference)

    # ------------------------------------------------------------------------------------------------ polled platform

    async def list(self, type: str) -> Sequence[Listed]:
        """What the axis has for us and was not acknowledged, each docId once. Raises PollFault."""
        message_type, account = self._polled[type]
        now = self._clock.now()
        first, last = self._windows[type].days(now)
        days = f"fromDate={quote(f'{first:%Y/%m/%d}', safe='')}&toDate={quote(f'{last:%Y/%m/%d}', safe='')}"
        request = Request(
            "GET",
            "syncReceivedEdocList",
            account,
            self._settings.list_deadline,
            query=f"?messageType={message_type}&{days}",
        )
        rows = await self._line.ask(request, lambda answer: _rows(answers.expect(answer)))
        found = self._open(rows, account)
        self._windows[type].listed(now, first, (item.created_at for item in found))
        at = self._clock.monotonic()
        return tuple(item for item in found if not self._unfetchable.has(item.reference, at))

    def _open(self, rows: Sequence[Mapping[str, Any]], account: Account) -> Sequence[Listed]:
        """The packages nobody acknowledged yet; rows that name none that could be asked for are told in the log."""
        prefix = "" if account is self._first else f"{account.system_id}/"
        at = self._clock.monotonic()
        found: dict[str, Listed] = {}
        unusable = 0
        for row in rows:
            doc_id = as_text(row.get("docId")).strip()
            taken = as_text(row.get("status")).strip().lower() in self._settings.taken_statuses
            if not doc_id or len(doc_id) > 255 or not doc_id.isprintable():
                unusable += 1
            elif not taken and not self._acknowledged.has(prefix + doc_id, at):
                found.setdefault(doc_id, Listed(prefix + doc_id, moment(row.get("createdTime"))))
        if unusable:
            self._log.warning("lgsp.list.unusable", rows=unusable)
        return tuple(found.values())

    async def fetch(self, reference: str) -> Fetched:
        """getEdoc: the package's bytes. Raises PollFault; damaged base64 is handed on with its refusal."""
        account, doc_id = self._account_of(reference)
        request = Request(
            "GET",
            "getEdoc",
            account,
            self._settings.fetch_deadline,
            query=f"?docId={quote(doc_id, safe='')}",
            doc_id=doc_id,
        )
        try:
            package = await self._line.ask(request, lambda answer: _package(answers.expect(answer)))
        except LgspFault as fault:
            if fault.code in ("lgsp.fail", "lgsp.garbage", "lgsp.request", "lgsp.http"):
                self._unfetchable.note(reference, self._clock.monotonic())
            raise
        if package.fetched.refusal or not package.beside:
            return package.fetched
        return await off_loop(len(package.fetched.raw), self._with_attachments, package, reference)

    def _with_attachments(self, package: Package, reference: str) -> Fetched:
        """The file as it came, unless attachments were given only beside it: then they are written into it."""
        raw = package.fetched.raw
        try:
            content = self._decode(raw).content
            if not isinstance(content, Document) or content.attachments:
                return package.fetched
        except Refusal:
            return package.fetched
        try:
            whole = dataclasses.replace(content, attachments=tuple(map(_attachment, package.beside)))
        except ValueError:
            return Fetched(raw, Refusal("edxml.base64", "getEdoc.data.attachments", "an attachment is damaged"))
        self._log.warning("lgsp.attachments.beside", doc_id=clean(reference), count=len(package.beside))
        return Fetched(self._encode(whole))

    def acknowledgement(self, reference: str, status: str) -> Mapping[str, str]:
        """The instruction for `send`: the reference and done, processing or fail."""
        if status not in ACKNOWLEDGEMENTS:
            raise ValueError(f"not a transport status: {status}")
        return {"reference": reference, "status": status}


def _rows(result: Result) -> Sequence[Mapping[str, Any]]:
    data = result.members.get("data")
    if data is None:
        return ()
    if not isinstance(data, list):
        raise LgspFault("lgsp.garbage", "data is no list")
    return [row if isinstance(row, dict) else {} for row in data]


def _package(result: Result) -> Package:
    """The file: base64 where it is given, because its bytes never went through a text, else the text."""
    given = result.members.get("data")
    text = given if isinstance(given, str) else result.data.get("data") or result.data.get("edxml")
    if not isinstance(text, str) or not text.strip():
        raise LgspFault("lgsp.garbage", "data holds no package")
    try:
        fetched = Fetched(bytes_of(text))
    except ValueError:
        broken = Refusal("edxml.base64", "getEdoc.data", "the package is neither XML nor base64")
        fetched = Fetched(text.encode("utf-8", "surrogatepass"), broken)
    beside = result.data.get("attachments")
    return Package(fetched, beside if isinstance(beside, list) else ())


def _attachment(row: object) -> Attachment:
    """An attachment given beside the file. Raises ValueError if it is damaged."""
    if not isinstance(row, dict) or not isinstance(row.get("fileContent"), str):
        raise ValueError("an attachment without content")
    return Attachment(as_text(row.get("fileName")).strip() or "attachment", unbase64(row["fileContent"]))
