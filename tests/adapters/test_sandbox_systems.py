"""The simulated document systems: a ministry on the axis, a careful department on REST, a naive one without gateway."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from aiohttp import web

from sandbox.agency import AgencySystem
from sandbox.app import Running, run, start
from sandbox.caller import Caller
from sandbox.department import Acknowledged, DepartmentSystem, GaveUp, Refused, compose
from sandbox.direct import DirectSystem
from sandbox.edxml import Organ
from sandbox.faults import Rule
from sandbox.ledger import Ledger
from sandbox.pdf import make_pdf, plain_ascii
from sandbox.settings import MINISTRY_SYSTEM, PROVINCE_SYSTEM, SandboxSettings
from sandbox.writing import Draft, pdf_files, write_document

DEPARTMENT = Organ("H53.02", "Sở Công Thương")
MINISTRY = Organ("000.00.00.G22", "Văn phòng Chính phủ")


def document(number: str, sender: Organ = DEPARTMENT, to: Organ = MINISTRY) -> bytes:
    draft = Draft(sender, (to,), number, "SCT", f"V/v số {number}", "2026/11/22", files=pdf_files("Thử", 1, 2000, 1))
    return write_document(draft, datetime(2026, 11, 22), Random(1))


@asynccontextmanager
async def sandbox() -> AsyncIterator[Running]:
    running = await start(SandboxSettings(ministries_poll=False))
    try:
        yield running
    finally:
        await running.stop()


def fault(running: Running, **rule: Any) -> None:
    running.axis.script.add([Rule.from_json(rule)])


async def province_sends(running: Running, *files: bytes) -> None:
    async with Caller(running.axis_url, PROVINCE_SYSTEM, running.systems[PROVINCE_SYSTEM].secret) as axis:
        for file in files:
            await axis.send(DEPARTMENT.code, "edoc", file)


def statuses(running: Running) -> list[str]:
    return [
        package.business_type
        for package in running.axis.operations.store.packages()
        if package.message_type == "status"
    ]


async def test_a_ministry_stores_acknowledges_and_answers_with_01_and_03() -> None:
    async with sandbox() as running:
        await province_sends(running, document("1"))
        ministry = running.ministries[MINISTRY_SYSTEM]
        assert await ministry.poll_once() == 1
        assert await ministry.poll_once() == 0
        assert statuses(running) == ["status 01", "status 03"]
        about = [copy.recipients for copy in running.axis.operations.store.copies() if copy.message_type == "status"]
        assert about == [(DEPARTMENT.code,)] * 2


async def test_a_ministry_counts_a_repeat_once_in_effect_and_answers_once() -> None:
    async with sandbox() as running:
        await province_sends(running, document("1"), document("1"), document("2"))
        ministry = running.ministries[MINISTRY_SYSTEM]
        await ministry.poll_once()
        assert (ministry.documents.distinct, ministry.documents.repeated) == (2, 1)
        assert len(statuses(running)) == 4


async def test_a_ministry_gets_everything_although_the_axis_stutters() -> None:
    async with sandbox() as running:
        await province_sends(running, *(document(str(number)) for number in range(6)))
        for seed, action in enumerate(("refuse", "503", "garbage", "cut_after_send", "truncate")):
            fault(running, operation="*", action=action, match={"probability": 0.3, "seed": seed}, times=6)
        ministry = running.ministries[MINISTRY_SYSTEM]
        for _ in range(40):
            await ministry.poll_once()
        assert ministry.documents.distinct == 6
        assert ministry.state()["replies_owed"] == 0
        assert running.axis.operations.store.pending(MINISTRY_SYSTEM, "edoc") == []


async def test_a_restarted_ministry_knows_what_it_has(tmp_path: Path) -> None:
    async with sandbox() as running:
        await province_sends(running, document("1"))
        system = running.systems[MINISTRY_SYSTEM]
        await AgencySystem(running.axis_url, system, folder=tmp_path).poll_once()
        await province_sends(running, document("1"))
        again = AgencySystem(running.axis_url, system, folder=tmp_path)
        await again.poll_once()
        assert (again.documents.distinct, again.documents.repeated) == (1, 1)
        assert len(statuses(running)) == 2


def test_a_ledger_forgets_only_the_line_a_crash_tore(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    for key in ("a", "b", "a"):
        Ledger(path).add(key, note="ghi chú")
    with path.open("ab") as journal:
        journal.write(b'{"key": "c", "note": "gh')
    ledger = Ledger(path)
    assert (ledger.distinct, ledger.repeated, "c" in ledger) == (2, 1, False)
    assert ledger.add("c")
    assert Ledger(path).distinct == 3


class Gateway:
    """Just enough of the gateway's REST interface to hold the department system to its contract."""

    def __init__(self, trouble: tuple[int, ...] = ()) -> None:
        self.trouble = list(trouble)
        self.accepted: dict[str, dict[str, Any]] = {}
        self.requests: list[tuple[str, str, str]] = []
        self.mailbox: dict[str, dict[str, Any]] = {}
        self.acknowledged: list[tuple[str, str]] = []

    async def documents(self, request: web.Request) -> web.Response:
        key = request.headers["Idempotency-Key"]
        self.requests.append((key, request.headers["Authorization"], await request.text()))
        known = key in self.accepted
        status = self.trouble.pop(0) if self.trouble else 202
        if status in (0, 202):
            self.accepted.setdefault(key, await request.json())
        if status == 0 and request.transport is not None:
            request.transport.abort()
        if status not in (0, 202):
            return web.json_response({"code": "made.up"}, status=status, headers={"Retry-After": "0"})
        return web.json_response({"message_id": f"m-{key}", "duplicate": known}, status=202)

    async def listing(self, request: web.Request) -> web.Response:
        return web.json_response({"deliveries": [{"delivery": delivery} for delivery in self.mailbox]})

    async def fetch(self, request: web.Request) -> web.Response:
        delivery = request.match_info["delivery"]
        row = {"delivery": delivery, "message_id": f"m-{delivery}", "party": DEPARTMENT.code}
        return web.json_response({**row, "content": self.mailbox[delivery]})

    async def ack(self, request: web.Request) -> web.Response:
        delivery, said = request.match_info["delivery"], await request.json()
        self.acknowledged.append((delivery, said["result"]))
        if self.trouble:
            return web.json_response({"code": "made.up"}, status=self.trouble.pop(0))
        if said["result"] == "done":
            del self.mailbox[delivery]
        return web.json_response({"delivery": delivery, "state": "delivered"})

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/api/v1/documents", self.documents)
        app.router.add_get("/api/v1/mailbox", self.listing)
        app.router.add_get("/api/v1/mailbox/{delivery}", self.fetch)
        app.router.add_post("/api/v1/mailbox/{delivery}/ack", self.ack)
        return app


async def no_pause(seconds: float) -> None:
    assert seconds >= 0


@asynccontextmanager
async def department(gateway: Gateway, folder: Path | None = None) -> AsyncIterator[DepartmentSystem]:
    runner = web.AppRunner(gateway.application(), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with DepartmentSystem(url, "lt-key", folder, pause=no_pause) as system:
            yield system
    finally:
        await runner.cleanup()


def letter(number: str) -> dict[str, Any]:
    return compose(
        DEPARTMENT,
        [MINISTRY],
        number,
        "SCT-VP",
        "V/v báo cáo",
        "2026-11-22",
        pdf_files("Báo cáo", 2, 3000, 5),
        document_id=f"d-{number}",
    )


async def test_a_department_sends_the_same_bytes_until_it_hears_accepted(tmp_path: Path) -> None:
    gateway = Gateway(trouble=(503, 0, 500, 429))
    async with department(gateway, tmp_path) as system:
        assert await system.send(letter("7"), "k-7") == Acknowledged("m-k-7", True, 5)
        assert len(set(gateway.requests)) == 1
        assert gateway.requests[0][:2] == ("k-7", "Bearer lt-key")
        sent = gateway.accepted["k-7"]
        assert [base64.b64decode(file["content"])[:5] for file in sent["attachments"]] == [b"%PDF-"] * 2
    async with department(gateway, tmp_path) as system:
        assert system.sent.records["k-7"]["message_id"] == "m-k-7"


async def test_a_department_stops_at_a_refusal_and_records_nothing() -> None:
    gateway = Gateway(trouble=(422,))
    async with department(gateway) as system:
        with pytest.raises(Refused, match=r"made\.up"):
            await system.send(letter("7"), "k-7")
        assert (len(gateway.requests), system.sent.distinct) == (1, 0)


async def test_a_department_gives_up_after_its_tries() -> None:
    async with department(Gateway(trouble=(503,) * 9)) as system:
        with pytest.raises(GaveUp):
            await system.send(letter("7"), "k-7", tries=3)
        assert system.tries == 3


async def test_a_department_pulls_stores_and_acknowledges_each_delivery_and_knows_repeats() -> None:
    gateway = Gateway()
    status = {"status": "01", "from": {"organ_id": MINISTRY.code}, "about": {"document_id": "d-9"}, "at": "t"}
    gateway.mailbox = {"d1": letter("1"), "d2": letter("1"), "d3": letter("3"), "d4": status, "d5": {"text": "x"}}
    async with department(gateway) as system:
        assert await system.pull_once() == 5
        assert gateway.acknowledged == [(f"d{number}", "done") for number in range(1, 6)]
        assert (system.received.distinct, system.received.repeated) == (4, 1)


async def test_a_department_that_hears_no_answer_to_its_acknowledgement_takes_the_delivery_again() -> None:
    gateway = Gateway(trouble=(503,))
    gateway.mailbox = {"d1": letter("1")}
    async with department(gateway) as system:
        assert [await system.pull_once() for _ in range(3)] == [0, 1, 0]
        assert (system.received.distinct, system.received.repeated) == (1, 1)


async def test_a_department_that_cannot_use_a_delivery_says_fail() -> None:
    gateway = Gateway()
    gateway.mailbox = {"d1": letter("1")}
    async with department(gateway) as system:
        await system.pull_once("fail", "không mở được tệp")
        assert gateway.acknowledged == [("d1", "fail")]


async def test_without_gateway_a_clerk_who_forgets_loses_the_document() -> None:
    async with sandbox() as running:
        fault(running, operation="sendEdoc", action="refuse", times=1)
        clerk = DirectSystem(running.axis_url, running.systems[PROVINCE_SYSTEM], seed=1, diligence=0.0)
        assert not await clerk.send(document("2"), DEPARTMENT.code)
        assert clerk.mistakes.forgotten == ["H53.02,2026/11/22,2/SCT"]
        assert running.axis.operations.store.count() == 0


async def test_without_gateway_a_clerk_who_sends_again_makes_a_visible_repeat() -> None:
    async with sandbox() as running:
        fault(running, operation="sendEdoc", action="cut_after_send", times=1)
        clerk = DirectSystem(running.axis_url, running.systems[PROVINCE_SYSTEM], seed=1, diligence=1.0)
        assert await clerk.send(document("1"), DEPARTMENT.code)
        assert [count for _, count, _ in running.axis.operations.store.repeats()] == [2]


async def test_without_gateway_a_crash_after_the_acknowledgement_loses_documents_the_same_way_each_time() -> None:
    results = []
    for _ in range(2):
        async with sandbox() as running:
            async with Caller(running.axis_url, MINISTRY_SYSTEM, running.systems[MINISTRY_SYSTEM].secret) as axis:
                for number in range(8):
                    await axis.send(MINISTRY.code, "edoc", document(str(number), MINISTRY, DEPARTMENT))
            naive = DirectSystem(running.axis_url, running.systems[PROVINCE_SYSTEM], seed=3, fragility=0.4)
            await naive.receive()
            assert running.axis.operations.store.pending(PROVINCE_SYSTEM, "edoc") == []
            assert len(naive.mistakes.stored) + len(naive.mistakes.lost) == 8
            results.append(naive.mistakes)
    assert results[0] == results[1]
    assert results[0].lost


@pytest.mark.parametrize("size", [0, 1500, 2000, 9_999, 10_000, 100_001])
def test_a_pdf_has_the_size_asked_for_and_a_right_cross_reference(size: int) -> None:
    made = make_pdf("Quyết định về Đề án (số 1)", size, seed=4)
    assert made == make_pdf("Quyết định về Đề án (số 1)", size, seed=4)
    assert len(made) == size or size <= 1500
    start_of_table = int(made.rpartition(b"startxref\n")[2].split()[0])
    assert made[start_of_table : start_of_table + 4] == b"xref"
    offsets = [int(line[:10]) for line in made[start_of_table:].split(b"\n") if line.endswith(b" n ")]
    assert len(offsets) == 7
    for number, offset in enumerate(offsets, start=1):
        assert made[offset:].startswith(b"%d 0 obj" % number)


def test_two_seeds_make_two_files_and_the_title_is_shown_without_marks() -> None:
    assert make_pdf("a", 5000, seed=1) != make_pdf("a", 5000, seed=2)
    assert plain_ascii("Quyết định về Đề án đường sắt") == "Quyet dinh ve De an duong sat"
    assert b"(Quyet dinh) Tj" in make_pdf("Quyết định")


PROGRAM = """
import sys
from pathlib import Path
from sandbox.app import run
from sandbox.settings import SandboxSettings
say = lambda line: (sys.stdout.write(line), sys.stdout.flush())
sys.exit(run(SandboxSettings(data_dir=Path(sys.argv[1]), ministries_poll=False), say))
"""


@asynccontextmanager
async def process(folder: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str, str]]:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, str(folder), stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    spoken = b""
    while spoken.count(b"secret") < 3:
        spoken += await child.stdout.readline()
    url = re.search(rb"http://\S+", spoken)
    secret = re.search(rb"systemid 000.00.00.H53, secret (\S+)", spoken)
    assert url and secret
    try:
        yield child, url[0].decode(), secret[1].decode()
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


async def test_a_killed_sandbox_process_comes_back_with_its_packages_and_ends_cleanly(tmp_path: Path) -> None:
    async with process(tmp_path) as (child, url, secret):
        async with Caller(url, PROVINCE_SYSTEM, secret) as axis:
            doc_id = await axis.send(DEPARTMENT.code, "edoc", document("1"))
        child.kill()
    async with process(tmp_path) as (child, url, same):
        assert same == secret
        async with Caller(url, PROVINCE_SYSTEM, secret) as axis:
            rows = (await axis.call("getSentEdocList", {"servicetype": "eDoc", "messagetype": "edoc"}))["data"]
        assert [row["senderDocId"] for row in rows] == [doc_id]
        child.send_signal(signal.SIGTERM)
        assert await child.wait() == 0


def test_the_command_says_why_it_cannot_start() -> None:
    said: list[str] = []
    assert run(SandboxSettings(host="10.0.0.1"), said.append) == 2
    assert "10.0.0.1" in said[0]


async def test_rest_documents_are_plain_json() -> None:
    assert json.loads(json.dumps(letter("1"), ensure_ascii=False)) == letter("1")
