"""What a simulated ministry does on demand: statuses in sequence, recalls, updates, replacements."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest
from lxml import etree

from sandbox import changes, edxml
from sandbox.app import Running, start
from sandbox.caller import Caller
from sandbox.edxml import Organ, Seen
from sandbox.replies import Replies
from sandbox.settings import MINISTRY_SYSTEM, PROVINCE_SYSTEM, SandboxSettings
from sandbox.writing import Draft, pdf_files, write_document

VECTORS = Path(__file__).parent.parent / "vectors" / "vxp"
DEPARTMENT = Organ("H53.02", "Sở Công Thương")
COMMUNE = Organ("H53.31.01", "UBND xã")
MINISTRY = Organ(MINISTRY_SYSTEM, "Văn phòng Chính phủ")
NOW = datetime(2026, 11, 22, 8, 0)


@asynccontextmanager
async def sandbox(**options: Any) -> AsyncIterator[Running]:
    running = await start(SandboxSettings(ministries_poll=False, **options))
    try:
        yield running
    finally:
        await running.stop()


async def order(running: Running, name: str, system: str = MINISTRY_SYSTEM, **wanted: Any) -> tuple[int, Any]:
    url = f"{running.control_url}/ministries/{system}/{name}"
    async with aiohttp.ClientSession() as session, session.post(url, json=wanted) as response:
        return response.status, await response.json()


def province(running: Running) -> Caller:
    return Caller(running.axis_url, PROVINCE_SYSTEM, running.systems[PROVINCE_SYSTEM].secret)


def draft(number: str, sender: Organ, *to: Organ) -> Draft:
    return Draft(sender, to, number, "SCT", f"V/v {number}", "2026/11/22", files=pdf_files("x", 1, 0, 1))


async def province_sends(running: Running, number: str) -> str:
    async with province(running) as axis:
        file = write_document(draft(number, DEPARTMENT, MINISTRY), NOW, Random(1))
        await axis.send(DEPARTMENT.code, "edoc", file)
    return edxml.read(file).document_id


async def ministry_sent(running: Running, number: str) -> str:
    file = write_document(draft(number, MINISTRY, DEPARTMENT, COMMUNE), NOW, Random(1))
    await running.ministries[MINISTRY_SYSTEM].send_document(file, MINISTRY.code)
    return edxml.read(file).document_id


async def listed(running: Running, kind: str) -> list[Seen]:
    async with province(running) as axis:
        return [edxml.read(await axis.fetch(row["docId"])) for row in await axis.pending(kind)]


async def reported(running: Running) -> list[str]:
    return [seen.status_code for seen in await listed(running, "status")]


async def test_statuses_01_to_06_come_one_per_poll_in_the_order_asked_for() -> None:
    codes = ["01", "03", "04", "05", "06"]
    async with sandbox() as running:
        await order(running, "replies", codes=codes, polls_between=1)
        await province_sends(running, "1")
        for place in range(1, 6):
            await order(running, "poll")
            assert await reported(running) == codes[:place]
        _, state = await order(running, "poll")
        assert (state["replies_owed"], len(await reported(running))) == (0, 5)


async def test_polls_lie_between_two_statuses_and_each_document_has_its_own_pace() -> None:
    async with sandbox() as running:
        await order(running, "replies", codes=["01", "03"], polls_between=3)
        await province_sends(running, "1")
        await order(running, "poll")
        await province_sends(running, "2")
        counts = []
        for _ in range(5):
            await order(running, "poll")
            counts.append(len(await reported(running)))
        assert counts == [2, 2, 3, 4, 4]


async def test_a_refusal_gives_its_reason_and_is_said_once() -> None:
    async with sandbox() as running:
        await order(running, "replies", codes=["02"], reasons={"02": "Không thuộc thẩm quyền"})
        document_id = await province_sends(running, "1")
        await order(running, "poll")
        (seen,) = await listed(running, "status")
        assert (seen.status_code, seen.description) == ("02", "Không thuộc thẩm quyền")
        assert seen.response_for
        assert seen.response_for.document_id == document_id


async def test_a_status_on_demand_takes_the_place_of_the_one_owed() -> None:
    async with sandbox() as running:
        await order(running, "replies", codes=["01", "06"], polls_between=9)
        document_id = await province_sends(running, "1")
        await order(running, "poll")
        status, _ = await order(running, "status", document_id=document_id, code="06", description="Xong")
        assert (status, await reported(running)) == (201, ["01", "06"])
        _, state = await order(running, "poll")
        assert state["replies_owed"] == 0


@pytest.mark.parametrize(
    ("name", "kind", "wanted"),
    [
        ("recall", "1", {"reason": "Ban hành nhầm"}),
        ("update", "2", {"reason": "Sửa trích yếu", "subject": "V/v mới"}),
        ("replacement", "3", {"reason": "Thay thế", "number": "8"}),
    ],
)
async def test_what_follows_a_document_names_it_and_goes_to_the_same_receivers(
    name: str, kind: str, wanted: dict[str, str]
) -> None:
    async with sandbox() as running:
        document_id = await ministry_sent(running, "7")
        status, answer = await order(running, name, document_id=document_id, **wanted)
        assert (status, len(answer["docIds"])) == (201, 1)
        original, follower = await listed(running, "edoc")
        assert (original.business_type, follower.business_type) == ("0", kind)
        assert follower.recipients == original.recipients
        assert [file.content for file in follower.files] == [file.content for file in original.files]
        assert (follower.document_id == document_id) is (name != "replacement")
        assert follower.subject == wanted.get("subject", original.subject)
        file = running.axis.operations.store.content(answer["docIds"][0], "relayed") or b""
        assert wanted["reason"].encode() in file
        assert file.count(document_id.encode()) == {"1": 1, "2": 2, "3": 1}[kind]


async def test_a_recall_by_status_asks_every_receiver_with_a_13() -> None:
    async with sandbox() as running:
        document_id = await ministry_sent(running, "7")
        _, answer = await order(running, "recall", form="status", reason="Sai thể thức")
        assert (len(answer["docIds"]), answer["document_ids"]) == (2, [document_id])
        asked = await listed(running, "status")
        assert [seen.status_code for seen in asked] == ["13", "13"]
        assert {seen.response_for.organ_id for seen in asked if seen.response_for} == {DEPARTMENT.code, COMMUNE.code}
        assert {seen.sender.code for seen in asked} == {MINISTRY.code}


async def test_without_a_document_named_the_last_one_is_recalled_not_its_recall() -> None:
    async with sandbox() as running:
        await ministry_sent(running, "7")
        last = await ministry_sent(running, "8")
        for _ in range(2):
            _, answer = await order(running, "recall")
            assert answer["document_ids"] == [last]


@pytest.mark.parametrize(
    ("name", "system", "wanted", "status"),
    [
        ("recall", "000.00.00.Z00", {}, 404),
        ("recall", MINISTRY_SYSTEM, {}, 404),
        ("recall", MINISTRY_SYSTEM, {"document_id": "nowhere"}, 404),
        ("status", MINISTRY_SYSTEM, {"document_id": "nowhere", "code": "01"}, 404),
        ("status", MINISTRY_SYSTEM, {"document_id": "nowhere", "code": "07"}, 400),
        ("replies", MINISTRY_SYSTEM, {"codes": ["99"]}, 400),
        ("replies", MINISTRY_SYSTEM, {"codes": "01"}, 400),
        ("replies", MINISTRY_SYSTEM, {"polls_between": -1}, 400),
        ("replies", MINISTRY_SYSTEM, {"change_answer": "01"}, 400),
        ("replies", MINISTRY_SYSTEM, {"statuses": ["01"]}, 400),
    ],
)
async def test_an_order_that_cannot_be_carried_out_says_why(
    name: str, system: str, wanted: dict[str, Any], status: int
) -> None:
    async with sandbox() as running:
        given, answer = await order(running, name, system, **wanted)
        assert (given, bool(answer["error"])) == (status, True)
        assert running.ministries[MINISTRY_SYSTEM].replies == Replies()


async def test_a_recall_in_an_unknown_form_and_an_axis_that_is_away_are_told_apart() -> None:
    async with sandbox() as running:
        await ministry_sent(running, "7")
        assert (await order(running, "recall", form="letter"))[0] == 400
        document_id = await province_sends(running, "1")
        await order(running, "poll")
        await running.gates[0].shut()
        assert (await order(running, "status", document_id=document_id, code="05"))[0] == 502


def business(file: bytes) -> list[str]:
    """Names of everything below Bussiness in document order."""
    trace = edxml.child(edxml.parse(file), "edXMLEnvelope", "edXMLHeader", "TraceHeaderList", "Bussiness")
    assert trace is not None
    return [etree.QName(element).localname for element in trace.iter()]


@pytest.mark.parametrize(
    ("sample", "absent"),
    [
        ("edoc_revocation.xml", set()),
        ("edoc_update.xml", {"ReceiverList", "Receiver", "ReceiverType", "OrganId"}),
        ("edoc_replacement.xml", set()),
    ],
)
def test_what_is_written_has_the_structure_of_the_vendors_sample(sample: str, absent: set[str]) -> None:
    theirs = (VECTORS / sample).read_bytes()
    original = changes.draft_of(edxml.read(theirs))
    ours = {
        "edoc_revocation.xml": lambda: changes.recall(original),
        "edoc_update.xml": lambda: changes.update(original),
        "edoc_replacement.xml": lambda: changes.replacement(original, "9"),
    }[sample]()
    never_written = absent | {"Email", "Mobile"}
    expected = [name for name in business(theirs) if name not in never_written]
    assert list(dict.fromkeys(business(write_document(ours, NOW, Random(1))))) == list(dict.fromkeys(expected))
    assert edxml.read(write_document(ours, NOW, Random(1))).business_type == edxml.read(theirs).business_type


async def test_every_command_of_the_guide_works_in_the_order_it_stands_there() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text("utf-8")
    commands = re.findall(r"^curl -X (\w+) \$CONTROL(\S+)(?: -d '(.*)')?$", guide, re.MULTILINE)
    assert len(commands) == guide.count("\ncurl ") > 10
    form = {"Content-Type": "application/x-www-form-urlencoded"}  # what curl -d says
    serial = ""
    async with sandbox(pki_port=0) as running, aiohttp.ClientSession(headers=form) as session:
        for method, path, body in commands:
            url = running.control_url + path.replace("$SERIAL", serial)
            async with session.request(method, url, data=body.encode()) as response:
                assert response.status < 300, (path, await response.text())
                if path == "/pki/certificates":
                    serial = (await response.json())["serial"]
        kinds = [seen.business_type for seen in await listed(running, "edoc")]
        assert (kinds, await reported(running)) == (["0", "2", "1", "3"], ["13", "13"])
