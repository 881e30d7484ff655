"""Each fault the simulated axis can be told to have, seen from a caller."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from random import Random
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from sandbox import edxml
from sandbox.app import Running, start
from sandbox.caller import AxisFailure, Caller
from sandbox.edxml import NotEdxml, Organ
from sandbox.faults import Rule, Script
from sandbox.settings import MINISTRY_SYSTEM, PROVINCE_SYSTEM, SandboxSettings
from sandbox.writing import Draft, write_document

SENDER = "H53.02"
FILE = write_document(
    Draft(Organ(SENDER), (Organ("000.00.00.G22"),), "12", "SCT", "V/v thử", "2026/11/22"),
    datetime(2026, 11, 22),
    Random(1),
)


class Rig:
    """A sandbox with the province's connection, the ministry's, and the control interface."""

    def __init__(self, running: Running, province: Caller, ministry: Caller, session: aiohttp.ClientSession) -> None:
        self.running, self.province, self.ministry, self._session = running, province, ministry, session

    async def control(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        async with self._session.request(method, self.running.control_url + path, **options) as response:
            return response.status, await response.json()

    async def fault(self, **rule: Any) -> None:
        assert (await self.control("POST", "/faults", json=[rule]))[0] == 200

    async def send(self) -> str:
        return await self.province.send(SENDER, "edoc", FILE)

    def count(self) -> int:
        return self.running.axis.operations.store.count()


@asynccontextmanager
async def rig(timeout: float = 5.0) -> AsyncIterator[Rig]:
    running = await start(SandboxSettings(ministries_poll=False))
    secrets = {key: system.secret for key, system in running.systems.items()}
    try:
        async with (
            Caller(running.axis_url, PROVINCE_SYSTEM, secrets[PROVINCE_SYSTEM], timeout) as province,
            Caller(running.axis_url, MINISTRY_SYSTEM, secrets[MINISTRY_SYSTEM]) as ministry,
            aiohttp.ClientSession() as session,
        ):
            yield Rig(running, province, ministry, session)
    finally:
        await running.stop()


async def test_refuse_tears_the_connection_and_nothing_is_stored() -> None:
    async with rig() as axis:
        await axis.fault(operation="sendEdoc", action="refuse", times=1)
        with pytest.raises(aiohttp.ClientError):
            await axis.send()
        assert axis.count() == 0
        await axis.send()
        assert axis.count() == 1


async def test_503_carries_retry_after_only_when_told() -> None:
    async with rig() as axis:
        await axis.fault(operation="sendEdoc", action="503", match={"nth": 1}, retry_after=7)
        await axis.fault(operation="sendEdoc", action="503", times=1)
        async with aiohttp.ClientSession() as session:
            for expected in ("7", None):
                async with session.post(axis.running.axis_url + "/sendEdoc") as response:
                    assert (response.status, response.headers.get("Retry-After")) == (503, expected)


async def test_slow_answers_late_but_rightly() -> None:
    async with rig(timeout=0.2) as axis:
        await axis.fault(operation="sendEdoc", action="slow", seconds=0.6, times=1)
        with pytest.raises(TimeoutError):
            await axis.send()
        await stored(axis, 1)


@pytest.mark.parametrize("action", ["cut_after_send", "answer_lost"])
async def test_a_lost_answer_leaves_the_package_stored_and_a_naive_retry_makes_a_repeat(action: str) -> None:
    async with rig() as axis:
        await axis.fault(operation="sendEdoc", action=action, seconds=0.05, times=1)
        with pytest.raises(aiohttp.ClientError):
            await axis.send()
        assert axis.count() == 1
        await axis.send()
        assert [count for _, count, _ in axis.running.axis.operations.store.repeats()] == [2]


async def test_duplicate_stores_twice_lists_twice_or_delivers_again_after_done() -> None:
    async with rig() as axis:
        await axis.fault(operation="sendEdoc", action="duplicate", times=1)
        await axis.send()
        assert axis.count() == 2
        await axis.fault(operation="getReceivedEdocList", action="duplicate", times=1)
        rows = await axis.ministry.pending("edoc")
        assert (len(rows), len({row["docId"] for row in rows})) == (4, 2)
        await axis.fault(operation="updateStatus", action="duplicate", times=1)
        await axis.ministry.acknowledge(rows[0]["docId"], "done")
        assert len(await axis.ministry.pending("edoc")) == 2
        await axis.ministry.acknowledge(rows[0]["docId"], "done")
        assert len(await axis.ministry.pending("edoc")) == 1


@pytest.mark.parametrize(("processed", "count"), [(False, 0), (True, 1)])
async def test_garbage_comes_with_or_without_effect(processed: bool, count: int) -> None:
    async with rig() as axis:
        await axis.fault(operation="sendEdoc", action="garbage", processed=processed, times=1)
        with pytest.raises(AxisFailure, match="unreadable"):
            await axis.send()
        assert axis.count() == count


@pytest.mark.parametrize(("processed", "count"), [(False, 0), (True, 1)])
async def test_fail_answers_the_code_it_was_given(processed: bool, count: int) -> None:
    async with rig() as axis:
        await axis.fault(operation="sendEdoc", action="fail", code="20", description="Bảo trì", processed=processed)
        with pytest.raises(AxisFailure, match="'ErrorCode': '20', 'ErrorDesc': 'Bảo trì'"):
            await axis.send()
        assert axis.count() == count


async def test_truncate_hands_out_damaged_base64_or_a_cut_file_once() -> None:
    async with rig() as axis:
        await axis.send()
        doc_id = (await axis.ministry.pending("edoc"))[0]["docId"]
        whole = await axis.ministry.fetch(doc_id)
        await axis.fault(operation="getEdoc", action="truncate", times=1)
        with pytest.raises((AxisFailure, NotEdxml)):
            edxml.read(await axis.ministry.fetch(doc_id))
        assert await axis.ministry.fetch(doc_id) == whole


async def test_a_rule_strikes_only_whom_it_names() -> None:
    async with rig() as axis:
        await axis.fault(operation="*", action="503", match={"system": PROVINCE_SYSTEM, "messagetype": "status"})
        await axis.send()
        await axis.ministry.pending("status")
        with pytest.raises(AxisFailure, match="503"):
            await axis.province.pending("status")
        assert (await axis.control("GET", "/faults"))[1]["rules"][0]["fired"] == 1
        await axis.control("DELETE", "/faults")
        await axis.province.pending("status")


async def test_an_outage_refuses_connections_and_ends_on_the_same_port() -> None:
    async with rig() as axis:
        await axis.send()
        await axis.control("POST", "/outage", json={"on": True})
        with pytest.raises(aiohttp.ClientError):
            await axis.send()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", urlsplit(axis.running.axis_url).port)
        await axis.control("POST", "/outage", json={"on": False})
        await axis.send()
        assert axis.count() == 2


async def test_an_outage_of_seconds_ends_by_itself_and_may_answer_503() -> None:
    async with rig() as axis:
        await axis.control("POST", "/outage", json={"seconds": 0.2, "mode": "503"})
        with pytest.raises(AxisFailure, match="503"):
            await axis.send()
        async with asyncio.timeout(5):
            while not (await axis.control("GET", "/state?packages=0"))[1]["open"]:
                await asyncio.sleep(0.02)
        await axis.send()


async def test_the_control_interface_injects_documents_past_faults() -> None:
    async with rig() as axis:
        await axis.fault(operation="*", action="503")
        query = {
            "from": "000.00.00.G22",
            "to": "H53.01",
            "priority": "3",
            "pdfs": "2",
            "size": "4000",
            "subject": "HOẢ TỐC: phòng chống bão",
            "business_type": "2",
        }
        status, answer = await axis.control("POST", "/packages", params=query)
        assert (status, len(answer["digests"]), list(answer["received_as"])) == (201, 2, [PROVINCE_SYSTEM])
        content = axis.running.axis.operations.store.content(answer["docId"], "relayed") or b""
        seen = edxml.read(content)
        assert (seen.priority, seen.business_type, seen.subject) == ("3", "2", "HOẢ TỐC: phòng chống bão")
        assert [len(file.content) for file in seen.files] == [4000, 4000]
        raw, _ = await axis.control("POST", "/packages", data=FILE, headers={"Content-Type": "application/xml"})
        bad, _ = await axis.control("POST", "/packages", data=b"<x/>", headers={"Content-Type": "application/xml"})
        assert (raw, bad) == (201, 400)


async def test_the_state_counts_requests_refusals_and_peaks() -> None:
    async with rig() as axis:
        await axis.send()
        async with Caller(axis.running.axis_url, PROVINCE_SYSTEM, "wrong") as stranger:
            with pytest.raises(AxisFailure, match="'15'"):
                await stranger.pending("edoc")
        _, state = await axis.control("GET", "/state")
        assert state["requests"] == {"sendEdoc": 1, "getReceivedEdocList": 1}
        assert [error["code"] for error in state["signing_errors"]] == ["15"]
        assert state["peak_per_second"][PROVINCE_SYSTEM] >= 1
        assert state["packages"][0]["from"] == SENDER


@pytest.mark.parametrize(
    "rule", [{"action": "explode"}, {"action": "503", "typo": 1}, "503", {}, {"action": "503", "match": {"nht": 1}}]
)
async def test_a_wrong_rule_is_refused_and_changes_nothing(rule: object) -> None:
    async with rig() as axis:
        assert (await axis.control("POST", "/faults", json=[{"action": "503"}, rule]))[0] == 400
        await axis.send()


def test_the_same_seed_makes_the_same_faults() -> None:
    def pattern(seed: int) -> list[bool]:
        script = Script()
        script.add([Rule.from_json({"action": "503", "match": {"probability": 0.5, "seed": seed}})])
        return [script.decide("sendEdoc", {}) is not None for _ in range(40)]

    assert pattern(7) == pattern(7)
    assert pattern(7) != pattern(8)
    assert 5 < sum(pattern(7)) < 35


def test_nth_counts_only_requests_the_rule_concerns() -> None:
    script = Script()
    script.add([Rule.from_json({"operation": "getEdoc", "action": "503", "match": {"nth": [2, 3]}})])
    asked = ["getEdoc", "sendEdoc", "getEdoc", "getEdoc", "getEdoc"]
    assert [script.decide(operation, {}) is not None for operation in asked] == [False, False, True, True, False]


def test_a_request_one_rule_strikes_still_counts_for_the_others() -> None:
    script = Script()
    script.add(
        [
            Rule.from_json({"action": "503", "match": {"nth": 1}}),
            Rule.from_json({"action": "refuse", "match": {"nth": 2}}),
        ]
    )
    struck = [script.decide("sendEdoc", {}) for _ in range(3)]
    assert [rule and rule.action for rule in struck] == ["503", "refuse", None]


async def stored(axis: Rig, count: int) -> None:
    async with asyncio.timeout(5):
        while axis.count() < count:
            await asyncio.sleep(0.02)
