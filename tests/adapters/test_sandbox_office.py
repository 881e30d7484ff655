"""The VXP maker's document system: many parties behind one system id, on the simulated axis itself."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from aiohttp import web

from sandbox import edxml
from sandbox.app import Running, start
from sandbox.caller import AxisRefusal
from sandbox.edxml import Organ
from sandbox.faults import Rule
from sandbox.habits import VENDOR_SDK, Habits
from sandbox.office import OfficeSystem
from sandbox.patience import GaveUp, Patience
from sandbox.replies import Replies
from sandbox.settings import MINISTRY_SYSTEM, SandboxSettings, System
from sandbox.wire import VIETNAM
from sandbox.writing import Draft, pdf_files, write_document

VECTORS = Path(__file__).parent.parent / "vectors" / "vxp"
CAPTURE: list[dict[str, Any]] = json.loads((VECTORS / "vxp_sdk_wire_capture.json").read_text("utf-8"))["requests"]
OFFICE = System("000.00.00.H53", "office", "QLVB Tây Ninh", ("H53.*", "*.H53"))
MINISTRIES = (System(MINISTRY_SYSTEM, "g22", "Văn phòng Chính phủ"), System("000.00.00.G09", "g09", "Bộ Nội vụ"))
TRADE, FINANCE = Organ("H53.02", "Sở Công Thương"), Organ("000.00.11.H53", "Sở Tài chính")
MINISTRY, SECOND = Organ(MINISTRY_SYSTEM, "Văn phòng Chính phủ"), Organ("000.00.00.G09", "Bộ Nội vụ")


async def no_pause(seconds: float) -> None:
    assert seconds >= 0


@asynccontextmanager
async def axis(**options: Any) -> AsyncIterator[Running]:
    settings = SandboxSettings(systems=(OFFICE, *MINISTRIES), ministries_poll=False, **options)
    running = await start(settings)
    try:
        yield running
    finally:
        await running.stop()


def office(running: Running, habits: Habits | None = None, folder: Path | None = None, **more: Any) -> OfficeSystem:
    return OfficeSystem(running.axis_url, OFFICE, folder, habits or Habits(), patience=Patience(no_pause), **more)


def draft(number: str, sender: Organ = TRADE, *to: Organ) -> Draft:
    files = pdf_files("Báo cáo", 1, 2000, 1)
    return Draft(sender, to or (MINISTRY,), number, "SCT", f"V/v số {number}", "2026/11/22", files=files)


async def ministry_sends(running: Running, number: str, *to: Organ) -> None:
    file = write_document(draft(number, MINISTRY, *to), datetime(2026, 11, 22), Random(1))
    await running.ministries[MINISTRY_SYSTEM].send_document(file, MINISTRY.code)


def fault(running: Running, **rule: Any) -> None:
    running.axis.script.add([Rule.from_json(rule)])


def packages(running: Running, kind: str = "edoc") -> list[str]:
    return [package.sender for package in running.axis.operations.store.packages() if package.message_type == kind]


async def test_one_system_sends_for_every_party_and_hears_what_became_of_each_document() -> None:
    async with axis() as running, office(running) as system:
        first, second = await system.issue(draft("1")), await system.issue(draft("2", FINANCE))
        assert packages(running) == [TRADE.code, FINANCE.code]
        assert [record["doc_id"] for record in system.sent.records.values()] == [first.doc_id, second.doc_id]
        await running.ministries[MINISTRY_SYSTEM].poll_once()
        rows = await system.sent_list(doc_id=second.doc_id)
        assert [(row["fromCode"], row["receiveStatus"]) for row in rows] == [(FINANCE.code, "done")]
        await system.poll_once()
        reported = [(record["recipient"], record["status_code"]) for record in system.statuses.records.values()]
        assert sorted(reported) == [(FINANCE.code, "01"), (FINANCE.code, "03"), (TRADE.code, "01"), (TRADE.code, "03")]


async def test_a_system_may_not_send_for_a_party_it_does_not_act_for() -> None:
    async with axis() as running, office(running) as system:
        with pytest.raises(AxisRefusal) as caught:
            await system.issue(draft("1", SECOND))
        assert (caught.value.code, system.tries, system.sent.distinct) == ("19", 1, 0)


@pytest.mark.parametrize("copies", ["per_system", "per_agency"])
async def test_each_party_has_its_own_books_however_the_axis_packs(copies: str) -> None:
    async with axis(copies=copies) as running, office(running) as system:
        await ministry_sends(running, "1", TRADE, FINANCE)
        await ministry_sends(running, "2", FINANCE)
        await system.poll_once()
        assert [len(system.received_by(party.code)) for party in (TRADE, FINANCE)] == [1, 2]
        assert system.documents.repeated == 0
        assert running.axis.operations.store.pending(OFFICE.system_id, "edoc") == []


async def test_one_party_can_be_served_while_the_others_wait() -> None:
    async with axis() as running, office(running) as system:
        await ministry_sends(running, "1", TRADE)
        await ministry_sends(running, "2", FINANCE)
        assert await system.poll_once(FINANCE.code) == 1
        assert (len(system.received_by(TRADE.code)), len(system.received_by(FINANCE.code))) == (0, 1)
        assert await system.poll_once() == 1


@pytest.mark.parametrize(("reading", "receivers"), [("overrides", ["000.00.00.G09"]), ("ignored", [MINISTRY_SYSTEM])])
async def test_the_to_header_travels_beside_the_documents_own_recipients(reading: str, receivers: list[str]) -> None:
    async with axis(to_header=reading) as running, office(running) as system:
        await system.issue(draft("1"), to=[SECOND.code])
        assert [copy.system for copy in running.axis.operations.store.copies()] == receivers


async def test_a_send_is_repeated_with_the_same_bytes_until_ok() -> None:
    async with axis() as running, office(running) as system:
        for action in ("503", "garbage", "refuse"):
            fault(running, operation="sendEdoc", action=action, times=1)
        fault(running, operation="sendEdoc", action="cut_after_send", times=1)
        sent = await system.issue(draft("1"))
        assert (sent.tries, system.sent.distinct) == (5, 1)
        store = running.axis.operations.store
        files = [store.content(package.doc_id, "sent") for package in store.packages()]
        assert len(files) == 2, "the axis has no idempotency key: the lost answer became a second package"
        assert files[0] == files[1]


async def test_a_passing_fail_is_tried_again_and_patience_ends() -> None:
    async with axis() as running, office(running) as system:
        fault(running, operation="sendEdoc", action="fail", code="20")
        with pytest.raises(GaveUp):
            await system.send(write_document(draft("1"), datetime(2026, 11, 22), Random(1)), tries=3)
        assert (system.tries, system.sent.distinct) == (3, 0)


async def test_all_books_survive_a_restart(tmp_path: Path) -> None:
    async with axis() as running:
        async with office(running, folder=tmp_path) as system:
            await system.issue(draft("1"))
            await ministry_sends(running, "2", TRADE)
            await running.ministries[MINISTRY_SYSTEM].poll_once()
            await system.poll_once()
            before = system.state()
        async with office(running, folder=tmp_path) as again:
            await ministry_sends(running, "2", TRADE)
            await again.poll_once()
            assert again.state() == before | {"documents_repeated": 1, "tries": 0}
            assert (before["sent"], before["documents"], before["statuses"]) == (1, 1, 2)


async def test_recall_update_replacement_and_13_reach_the_receiver_as_what_they_are() -> None:
    original = draft("1")
    async with axis() as running, office(running) as system:
        ministry = running.ministries[MINISTRY_SYSTEM]
        ministry.replies = Replies(("01",), change_answer="15")
        await system.issue(original)
        await system.recall(original, "Gửi nhầm")
        await system.update(original, subject="V/v sửa lần 1")
        await system.update(original, subject="V/v sửa lần 2")
        await system.replace(original, "9")
        await system.ask_back(original, "Sai thể thức")
        await ministry.poll_once()
        received = [(r["document_id"], r["business_type"]) for r in ministry.documents.records.values()]
        old, new = "H53.02,2026/11/22,1/SCT", "H53.02,2026/11/22,9/SCT"
        assert received == [(old, "0"), (old, "1"), (old, "2"), (old, "2"), (new, "3")]
        (asked,) = ministry.statuses.records.values()
        assert (asked["recipient"], asked["document_id"], asked["description"]) == (MINISTRY.code, old, "Sai thể thức")
        await system.poll_once()
        answers = {(record["document_id"], record["status_code"]) for record in system.statuses.records.values()}
        assert answers == {(old, "01"), (old, "15"), (new, "01"), (new, "15")}


async def test_a_13_goes_to_every_receiver_and_each_is_a_status_of_its_own() -> None:
    async with axis() as running, office(running) as system:
        original = draft("1", TRADE, MINISTRY, SECOND)
        await system.issue(original)
        assert len(await system.ask_back(original, "Sai thể thức")) == 2
        assert (system.sent.distinct, system.sent.repeated) == (3, 0)
        assert running.axis.operations.store.repeats() == []
        for ministry in running.ministries.values():
            await ministry.poll_once()
        asked = [record["recipient"] for one in running.ministries.values() for record in one.statuses.records.values()]
        assert asked == [MINISTRY.code, SECOND.code]


async def test_statuses_are_reported_for_the_party_that_received() -> None:
    async with axis() as running, office(running) as system:
        await ministry_sends(running, "1", TRADE, FINANCE)
        await system.poll_once()
        for record in system.documents.records.values():
            await system.report(record, "01" if record["recipient"] == TRADE.code else "02", "Không thuộc thẩm quyền")
        ministry = running.ministries[MINISTRY_SYSTEM]
        await ministry.poll_once()
        reported = {(record["sender"], record["status_code"]) for record in ministry.statuses.records.values()}
        assert reported == {(TRADE.code, "01"), (FINANCE.code, "02")}


@pytest.mark.parametrize(
    ("acknowledgement", "state", "acks", "listed_again"),
    [("done", "done", 1, 0), ("twice", "done", 2, 0), ("fail", "fail", 1, 0), ("never", "processing", 0, 1)],
)
async def test_a_system_acknowledges_as_its_habit_is(
    acknowledgement: Any, state: str, acks: int, listed_again: int
) -> None:
    async with axis() as running, office(running, Habits(acknowledgement=acknowledgement)) as system:
        await ministry_sends(running, "1", TRADE)
        assert await system.poll_once() == 1
        (copy,) = running.axis.operations.store.copies()
        assert (copy.state, copy.acks, copy.fetched) == (state, acks, 1)
        await system.poll_once()
        assert (system.documents.distinct, system.documents.repeated) == (1, listed_again)


async def test_a_clock_that_is_hours_off_shows_in_the_signed_timestamp_and_in_what_is_written() -> None:
    async with (
        axis(timestamp_window=timedelta(hours=1)) as running,
        office(running, Habits(clock_offset=timedelta(hours=-3))) as late,
    ):
        with pytest.raises(AxisRefusal) as caught:
            await late.issue(draft("1"))
        assert caught.value.code == "33"
    now = datetime(2026, 11, 22, 8, 0, tzinfo=VIETNAM)
    async with axis() as running, office(running, Habits(clock_offset=timedelta(hours=-3)), now=lambda: now) as late:
        sent = await late.issue(draft("1"))
        assert b"2026/11/22 05:00:00" in (running.axis.operations.store.content(sent.doc_id, "sent") or b"")


async def test_a_second_send_is_the_same_document_in_other_bytes() -> None:
    async with axis() as running, office(running, Habits(sends_twice=True)) as system:
        await system.issue(draft("1"))
        store = running.axis.operations.store
        first, second = (store.content(package.doc_id, "sent") or b"" for package in store.packages())
        assert first != second
        assert edxml.read(first).identity() == edxml.read(second).identity()
        assert (system.sent.distinct, system.sent.repeated) == (1, 1)


async def test_a_send_that_breaks_off_in_the_middle_leaves_nothing_and_is_made_good() -> None:
    async with axis() as running, office(running, Habits(torn_sends=2)) as system:
        sent = await system.issue(replace(draft("1"), files=pdf_files("Lớn", 1, 300_000, 1)))
        assert sent.tries == 3
        assert len(packages(running)) == 1
        assert not running.axis.meter.signing_errors


class Listener:
    """Takes every request, answers OK and keeps the headers."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, dict[str, str]]] = []

    async def handle(self, request: web.Request) -> web.Response:
        await request.read()
        self.heard.append((request.match_info["operation"], dict(request.headers)))
        data: Any = [] if "List" in request.path else ""
        return web.json_response({"status": "OK", "ErrorCode": "0", "ErrorDesc": "", "DocId": "d", "data": data})

    def signed(self, place: int) -> dict[str, str]:
        operation, headers = self.heard[place]
        return {"operation": operation, **json.loads(headers["XroadVnpt-sign-header"])}


@asynccontextmanager
async def listened(habits: Habits) -> AsyncIterator[tuple[Listener, OfficeSystem]]:
    listener = Listener()
    app = web.Application()
    app.router.add_post("/{operation}", listener.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with OfficeSystem(f"http://127.0.0.1:{runner.addresses[0][1]}", OFFICE, habits=habits) as system:
            yield listener, system
    finally:
        await runner.cleanup()


async def test_calls_carry_the_headers_that_were_recorded_from_the_vendors_sdk() -> None:
    async with listened(Habits()) as (listener, system):
        await system.poll_once()
        await system.issue(draft("1"))
        await system.issue(draft("2"), to=["000.00.00.G22", "000.00.00.H41"])
        await system.sent_list(doc_id="abc-1")
    recorded = {0: CAPTURE[0], 2: CAPTURE[1], 3: CAPTURE[8], 4: CAPTURE[7]}
    for place, request in recorded.items():
        headers = dict(request["headers"])
        leaked = {"XroadVnpt-docId"} if place == 3 else set()
        expected = {name for name in headers if name.startswith("XroadVnpt-")} - leaked
        made = {name for name in listener.heard[place][1] if name.startswith("XroadVnpt-")}
        assert made == expected, request["request_line"]


async def test_the_vendors_sdk_leaks_old_parameters_and_never_looks_at_the_clock_again() -> None:
    moments = iter(datetime(2026, 11, 22, 8, minute, tzinfo=VIETNAM) for minute in range(60))
    async with listened(VENDOR_SDK) as (listener, system):
        system._now = lambda: next(moments)  # the writing clock goes on; only the header's stands still
        await system.sent_list(doc_id="abc-1")
        await system.issue(draft("1"), to=["000.00.00.G22"])
        await system.issue(draft("2"))
        await system.poll_once(TRADE.code)
    asked, first, second, listed, _ = (listener.signed(place) for place in range(5))
    assert first["XroadVnpt-docId"] == second["XroadVnpt-docId"] == listed["XroadVnpt-docId"] == "abc-1"
    assert ("XroadVnpt-to" in first, "XroadVnpt-to" in second, "XroadVnpt-to" in listed) == (True, False, False)
    assert listed["XroadVnpt-hash-file"] == second["XroadVnpt-hash-file"] != first["XroadVnpt-hash-file"]
    assert len({call["XroadVnpt-timestamp"] for call in (asked, first, second, listed)}) == 1


async def test_the_vendors_sdk_works_with_the_axis_leaks_and_all() -> None:
    async with axis() as running, office(running, VENDOR_SDK) as system:
        for number in range(2):
            await ministry_sends(running, str(number), TRADE, FINANCE)
            await system.poll_once()
            await system.issue(draft(f"a{number}"), to=[MINISTRY.code])
            await system.issue(draft(f"b{number}", FINANCE, SECOND))
        assert [len(system.received_by(party.code)) for party in (TRADE, FINANCE)] == [2, 2]
        receivers = [copy.system for copy in running.axis.operations.store.copies() if copy.system != OFFICE.system_id]
        assert receivers == [MINISTRY_SYSTEM, SECOND.code] * 2
        assert not running.axis.meter.signing_errors
