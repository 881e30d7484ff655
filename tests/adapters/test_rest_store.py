"""The JSON interface over the real accept story and the real store: from handing in to the acknowledgement."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rest_ports import House

from adapters.rest import RestEndpoints, decode
from gateway.errors import Refusal
from gateway.intake.accept import AcceptStory
from gateway.intake.limits import DiskGate
from gateway.intake.routing import Routing, Seat
from gateway.intake.validation import Peer
from gateway.model.access import Caller
from gateway.model.document import Content
from gateway.model.message import Message
from gateway.model.party import Parties
from gateway.ports import Call, Reply
from gateway.storage import SqliteStore, StoreSettings, open_store
from gateway.telemetry import Metrics

SENDER = Caller("sender", Parties(("H53.01",)))
TAKER = Caller("taker", Parties(("H53.02", "H53.03")))
DOCUMENT: dict[str, Any] = {
    "from": {"organ_id": "H53.01"},
    "to": [{"organ_id": "H53.02"}, {"organ_id": "H53.03"}],
    "code": {"number": "125", "notation": "SNV-VP"},
    "promulgation": {"on": "2026-11-20"},
    "subject": "V/v báo cáo",
    "attachments": [{"name": "cv.pdf", "content": "JVBERi0xLjcK"}],
}


class TickingClock:
    """A millisecond passes with every look."""

    def __init__(self) -> None:
        self._looks = 0

    def now(self) -> datetime:
        self._looks += 1
        return datetime(2026, 11, 20, 0, 31, tzinfo=UTC) + timedelta(milliseconds=self._looks)

    def monotonic(self) -> float:
        return self._looks / 1000

    async def sleep(self, seconds: float) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Gate:
    """The interface, called as the HTTP layer calls it."""

    rest: RestEndpoints
    store: SqliteStore
    clock: TickingClock

    async def call(
        self, caller: Caller, method: str, pattern: str, body: object = None, key: str = "", **path: str
    ) -> Reply:
        endpoint = next(item for item in self.rest.endpoints() if (item.method, item.path) == (method, pattern))
        headers = {"content-type": "application/json", **({"idempotency-key": key} if key else {})}
        raw = b"" if body is None else json.dumps(body).encode()
        try:
            return await endpoint.handle(Call(caller, path, {}, headers, raw, self.clock.now()))
        except Refusal as refusal:
            return self.rest.refuse(refusal, "vi", "r")

    async def send(self, body: object = DOCUMENT, key: str = "") -> Any:
        return read(await self.call(SENDER, "POST", "/api/v1/documents", body, key))

    async def mailbox(self) -> Any:
        return read(await self.call(TAKER, "GET", "/api/v1/mailbox"))


def read(reply: Reply) -> Any:
    return json.loads(reply.body)


@pytest.fixture
async def gate(tmp_path: Path) -> AsyncIterator[Gate]:
    clock = TickingClock()
    store = await open_store(StoreSettings(tmp_path), clock, mailboxes=frozenset({"sender", "taker"}))

    async def contents(message: Message) -> Content:
        return decode(await store.body(message.body.id)).content

    accept = AcceptStory(
        store=store,
        dialects={"rest-json": decode},
        peers={caller.system: Peer(caller.system, False, caller.parties) for caller in (SENDER, TAKER)},
        routing=Routing(tuple(Seat(caller.system, caller.parties) for caller in (SENDER, TAKER)), ()),
        platforms={},
        gate=DiskGate(lambda: 1 << 40, 0, clock),
        clock=clock,
        metrics=Metrics(),
        wake=lambda destinations: None,
    )
    house = House()
    try:
        yield Gate(RestEndpoints(accept, store, store, contents, clock, house.judge, house.seal), store, clock)
    finally:
        await store.close()


async def test_a_document_travels_from_one_system_to_the_mailbox_of_another(gate: Gate) -> None:
    accepted = await gate.send(key="hscv-1")
    listed = await gate.mailbox()
    assert [(row["party"], row["message_id"]) for row in listed["deliveries"]] == [
        ("H53.02", accepted["message_id"]),
        ("H53.03", accepted["message_id"]),
    ]
    assert listed["unread"] == 2
    name = listed["deliveries"][0]["delivery"]
    item = read(await gate.call(TAKER, "GET", "/api/v1/mailbox/{delivery}", delivery=name))
    assert item["content"]["document_id"] == "H53.01,2026/11/20,125/SNV-VP"
    assert item["content"]["attachments"][0]["content"] == "JVBERi0xLjcK"
    assert (await gate.mailbox())["unread"] == 2
    for _ in range(2):
        done = await gate.call(TAKER, "POST", "/api/v1/mailbox/{delivery}/ack", {"result": "done"}, delivery=name)
        assert (done.status, read(done)["state"]) == (200, "delivered")
    assert [row["party"] for row in (await gate.mailbox())["deliveries"]] == ["H53.03"]
    shown = read(await gate.call(SENDER, "GET", "/api/v1/messages/{id}", id=accepted["message_id"]))
    rows = {row["recipient"]: row for row in shown["timeline"]}
    assert (rows["H53.02"]["state"], rows["H53.03"]["state"]) == ("delivered", "queued")
    assert [attempt["outcome"] for attempt in rows["H53.02"]["attempts"]] == ["delivered"]
    assert rows["H53.02"]["sentence"].startswith("Hệ thống taker đã xác nhận lúc 07:31:00 ngày 20/11/2026")


async def test_sent_again_it_is_answered_with_the_first_answer_and_delivered_once(gate: Gate) -> None:
    first = await gate.send(key="hscv-1")
    again = await gate.call(SENDER, "POST", "/api/v1/documents", DOCUMENT, "hscv-1")
    assert again.status == 200
    assert read(again) == {**first, "duplicate": True, "deliveries": read(again)["deliveries"]}
    assert (await gate.mailbox())["unread"] == 2


async def test_the_same_id_with_other_content_is_a_conflict(gate: Gate) -> None:
    await gate.send()
    conflict = await gate.send({**DOCUMENT, "subject": "khác"})
    assert (conflict["status"], conflict["code"]) == (409, "message.conflict")
    assert (await gate.mailbox())["unread"] == 2


async def test_a_failed_delivery_is_held_and_leaves_the_list(gate: Gate) -> None:
    await gate.send()
    name = (await gate.mailbox())["deliveries"][0]["delivery"]
    body = {"result": "fail", "reason": "Hỏng tệp"}
    for _ in range(2):
        failed = await gate.call(TAKER, "POST", "/api/v1/mailbox/{delivery}/ack", body, delivery=name)
        assert (failed.status, read(failed)["state"]) == (200, "held")
    assert (await gate.mailbox())["unread"] == 1
    assert len(await gate.store.incidents()) == 1


async def test_everything_un_acknowledged_is_listed_oldest_first_and_may_be_taken_in_any_order(gate: Gate) -> None:
    first = (await gate.send())["deliveries"]
    update = {
        **DOCUMENT,
        "document_id": "H53.01,2026/11/21,126/SNV-VP",
        "business": {"type": 2, "document_id": "H53.01,2026/11/20,125/SNV-VP"},
    }
    second = (await gate.send(update))["deliveries"]
    assert [row["delivery"] for row in (await gate.mailbox())["deliveries"]] == [*first, *second]
    assert (await gate.call(TAKER, "GET", "/api/v1/mailbox/{delivery}", delivery=second[0])).status == 200


async def test_both_sides_find_the_message_and_a_third_does_not(gate: Gate) -> None:
    accepted = await gate.send()
    third = replace(SENDER, system="third", parties=Parties(("H53.09",)))
    for caller, found in ((SENDER, 1), (TAKER, 1), (third, 0)):
        page = read(await gate.call(caller, "GET", "/api/v1/messages"))
        assert len(page["messages"]) == found
        shown = await gate.call(caller, "GET", "/api/v1/messages/{id}/body", id=accepted["message_id"])
        assert shown.status == (200 if found else 404)
    original = await gate.call(TAKER, "GET", "/api/v1/messages/{id}/body", id=accepted["message_id"])
    assert original.body == json.dumps(DOCUMENT).encode()


async def test_a_sender_that_is_not_ones_own_is_refused(gate: Gate) -> None:
    refused = await gate.send({**DOCUMENT, "from": {"organ_id": "H53.02"}})
    assert (refused["status"], refused["code"]) == (403, "auth.forbidden")
