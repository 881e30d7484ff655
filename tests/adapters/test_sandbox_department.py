"""The REST maker's document system with many parties, statuses and bad habits, against the interface's contract."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from sandbox.department import DepartmentSystem, Refused, compose
from sandbox.edxml import Organ
from sandbox.habits import Habits
from sandbox.wire import VIETNAM

PARTIES = (Organ("000.00.01.H39", "Sở Nội vụ"), Organ("H39.20.01", "UBND xã Long An số 1"))
MINISTRY = Organ("000.00.00.G22", "Văn phòng Chính phủ")
NOW = datetime(2026, 11, 22, 8, 0, tzinfo=VIETNAM)
EDXML = b'<?xml version="1.0" encoding="UTF-8"?><edXML xmlns="x"/>'


@dataclass
class Gateway:
    """Accepts once per Idempotency-Key, lists one delivery per party, and keeps what it was told."""

    trouble: list[int] = field(default_factory=list)
    heard: list[tuple[str, str, str, bytes]] = field(default_factory=list)
    acknowledged: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    mailbox: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)

    async def hand_in(self, request: web.Request) -> web.Response:
        body = await request.read()
        key = request.headers["Idempotency-Key"]
        known = any(key == earlier for _, earlier, _, _ in self.heard)
        self.heard.append((request.path, key, request.content_type, body))
        if self.trouble:
            return web.json_response({"code": "made.up"}, status=self.trouble.pop(0))
        return web.json_response({"message_id": f"m-{key}", "duplicate": known}, status=200 if known else 202)

    async def listing(self, request: web.Request) -> web.Response:
        wanted = request.query.get("party")
        rows = [{"delivery": name} for name, (party, _) in self.mailbox.items() if wanted in (None, party)]
        return web.json_response({"deliveries": rows, "unread": len(rows)})

    async def fetch(self, request: web.Request) -> web.Response:
        party, content = self.mailbox[request.match_info["delivery"]]
        return web.json_response({"message_id": "m", "party": party, "kind": "document", "content": content})

    async def settle(self, request: web.Request) -> web.Response:
        delivery, said = request.match_info["delivery"], await request.json()
        self.acknowledged.append((delivery, said))
        if said["result"] == "done":
            self.mailbox.pop(delivery, None)
        return web.json_response({"delivery": delivery})

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/api/v1/documents", self.hand_in)
        app.router.add_post("/api/v1/documents/{id}/status", self.hand_in)
        app.router.add_get("/api/v1/mailbox", self.listing)
        app.router.add_get("/api/v1/mailbox/{delivery}", self.fetch)
        app.router.add_post("/api/v1/mailbox/{delivery}/ack", self.settle)
        return app


async def no_pause(seconds: float) -> None:
    assert seconds >= 0


@asynccontextmanager
async def department(
    gateway: Gateway, habits: Habits | None = None, folder: Path | None = None
) -> AsyncIterator[DepartmentSystem]:
    runner = web.AppRunner(gateway.application(), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with DepartmentSystem(
            url, "key", folder, pause=no_pause, habits=habits or Habits(), now=lambda: NOW
        ) as system:
            yield system
    finally:
        await runner.cleanup()


def letter(number: str, sender: Organ = MINISTRY) -> dict[str, Any]:
    return compose(sender, PARTIES, number, "VP", "V/v báo cáo", "2026-11-22", document_id=f"d-{number}")


def for_both_parties(number: str) -> dict[str, tuple[str, dict[str, Any]]]:
    return {f"{number}-{party.code}": (party.code, letter(number)) for party in PARTIES}


async def test_a_status_is_about_a_message_and_repeated_with_the_same_words_until_accepted() -> None:
    gateway = Gateway(trouble=[503, 500])
    async with department(gateway) as system:
        accepted = await system.report("m/1", 2, "Không thuộc thẩm quyền", party=PARTIES[1].code)
    assert accepted.tries == 3
    assert len(set(gateway.heard)) == 1
    path, _, content_type, body = gateway.heard[0]
    assert (path, content_type) == ("/api/v1/documents/m/1/status", "application/json")
    assert json.loads(body) == {
        "status": 2,
        "description": "Không thuộc thẩm quyền",
        "from": "H39.20.01",
        "at": "2026-11-22T08:00:00+07:00",
    }


async def test_two_parties_statuses_about_one_message_have_their_own_keys() -> None:
    gateway = Gateway()
    async with department(gateway) as system:
        for party in PARTIES:
            assert not (await system.report("m-1", 1, party=party.code)).duplicate
        await system.report("m-1", 13, "Ban hành nhầm", to=MINISTRY.code)
        assert system.sent.distinct == 3
    assert json.loads(gateway.heard[2][3])["to"] == MINISTRY.code


async def test_a_refused_status_is_not_tried_again() -> None:
    gateway = Gateway(trouble=[422])
    async with department(gateway) as system:
        with pytest.raises(Refused):
            await system.report("m-1", 13)
        assert (len(gateway.heard), system.sent.distinct) == (1, 0)


async def test_an_edxml_file_is_handed_in_as_it_is() -> None:
    gateway = Gateway()
    async with department(gateway) as system:
        await system.send_edxml(EDXML, "k-1")
    assert gateway.heard == [("/api/v1/documents", "k-1", "application/xml", EDXML)]


async def test_each_party_has_its_own_books_and_can_be_pulled_alone(tmp_path: Path) -> None:
    gateway = Gateway(mailbox=for_both_parties("1") | for_both_parties("2"))
    async with department(gateway, folder=tmp_path) as system:
        assert await system.pull_once(party=PARTIES[1].code) == 2
        assert [len(system.received_by(party.code)) for party in PARTIES] == [0, 2]
        await system.pull_once()
        assert (system.received.distinct, system.received.repeated) == (4, 0)
    async with department(gateway, folder=tmp_path) as again:
        assert [len(again.received_by(party.code)) for party in PARTIES] == [2, 2]


@pytest.mark.parametrize(
    ("acknowledgement", "said", "repeated"),
    [
        ("done", [{"result": "done"}], 0),
        ("twice", [{"result": "done"}, {"result": "done"}], 0),
        ("fail", [{"result": "fail", "reason": "hỏng"}] * 2, 1),
        ("never", [], 1),
    ],
)
async def test_a_system_acknowledges_as_its_habit_is(
    acknowledgement: Any, said: list[dict[str, str]], repeated: int
) -> None:
    gateway = Gateway(mailbox={"d1": (PARTIES[0].code, letter("1"))})
    async with department(gateway, Habits(acknowledgement=acknowledgement, reason="hỏng")) as system:
        for _ in range(2):
            await system.pull_once()
        assert gateway.acknowledged == [("d1", words) for words in said]
        assert (system.received.distinct, system.received.repeated) == (1, repeated)


async def test_a_clock_that_is_off_shows_in_a_status() -> None:
    gateway = Gateway()
    async with department(gateway, Habits(clock_offset=timedelta(hours=5))) as system:
        await system.report("m-1", 1)
    assert json.loads(gateway.heard[0][3])["at"] == "2026-11-22T13:00:00+07:00"


async def test_a_second_send_is_the_same_document_under_another_key() -> None:
    gateway = Gateway()
    async with department(gateway, Habits(sends_twice=True)) as system:
        await system.send(letter("1", PARTIES[0]), "k")
    assert [key for _, key, _, _ in gateway.heard] == ["k", "k-again"]
    assert gateway.heard[0][3] == gateway.heard[1][3]


async def test_a_send_that_breaks_off_in_the_middle_is_made_good() -> None:
    gateway = Gateway()
    async with department(gateway, Habits(torn_sends=2)) as system:
        accepted = await system.send(letter("1", PARTIES[0]) | {"content": "x" * 300_000}, "k")
        assert (accepted.tries, accepted.duplicate) == (3, False)
    assert len(gateway.heard) == 1, "half a body never became a request"
