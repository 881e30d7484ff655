"""The platform against the simulated axis, which shares no code with it: there and back, and every fault between."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from random import Random
from typing import Any

import pytest
from structlog.testing import capture_logs

from adapters.vxp import Secret, VxpPlatform, VxpSettings, codec, decode
from adapters.vxp.answers import AxisFault
from adapters.vxp.directory import Agency
from gateway.client import Client
from gateway.clock import SystemClock
from gateway.model.delivery import Deferred, Delivered, Delivery, Outcome, Purpose, Rejected, State
from gateway.model.document import (
    Attachment,
    Code,
    Document,
    DocumentStatus,
    DocumentType,
    Organization,
    Promulgation,
    ResponseFor,
    Signer,
)
from gateway.model.message import BodyRef, Message, envelope_of
from gateway.ports import Listed
from sandbox.app import Running, start
from sandbox.faults import Rule
from sandbox.settings import MINISTRY_SYSTEM, PROVINCE_SYSTEM, SandboxSettings

NOW = datetime(2026, 11, 22, tzinfo=UTC)
PDF = b"%PDF-1.7\n" + bytes(range(256))
DOCUMENT = Document(
    Organization("H53.02", "Sở Công Thương"),
    (Organization(MINISTRY_SYSTEM, "Văn phòng Chính phủ"),),
    "H53.02,2026/11/22,12/SCT",
    Code("12", "SCT"),
    Promulgation("Tây Ninh", date(2026, 11, 22)),
    DocumentType(1, 0, "Công văn"),
    subject="Về việc thử",
    signer=Signer("KT.", "Giám đốc", "Nguyễn Văn A"),
    attachments=(Attachment("Công văn 12.pdf", PDF),),
)
STATUS = DocumentStatus(
    Organization(MINISTRY_SYSTEM, "Văn phòng Chính phủ"),
    ResponseFor("H53.02", "12/SCT", DOCUMENT.document_id, date(2026, 11, 22)),
    1,
    "Đã đến",
    datetime(2026, 11, 22, 8, 0),
)


class Rig:
    """A sandbox and two platforms of ours: the province's connection and the ministry's."""

    def __init__(self, running: Running, province: VxpPlatform, ministry: VxpPlatform) -> None:
        self.running = running
        self.province = province
        self.ministry = ministry

    def fault(self, **rule: Any) -> None:
        self.running.axis.script.add([Rule.from_json(rule)])

    def kept(self) -> int:
        return self.running.axis.operations.store.count()

    async def send(self, deadline: float = 20) -> Outcome:
        return await self.province.send(delivery(), message(DOCUMENT), codec.encode(DOCUMENT), deadline)

    async def waiting(self) -> Sequence[Listed]:
        """What waits for the ministry after one document was sent."""
        assert isinstance(await self.send(), Delivered)
        return await self.ministry.list("edoc")

    async def acknowledge(self, reference: str, status: str = "done") -> Outcome:
        instruction = self.ministry.acknowledgement(reference, status)
        return await self.ministry.send(delivery(Purpose.ACKNOWLEDGEMENT, instruction), None, b"{}", 20)


@asynccontextmanager
async def rig(sandbox: SandboxSettings | None = None, **options: Any) -> AsyncIterator[Rig]:
    running = await start(sandbox or SandboxSettings(ministries_poll=False))

    def platform(system_id: str) -> VxpPlatform:
        secret = options.get("secret") or Secret(running.systems[system_id].secret)
        settings = VxpSettings("truc", running.axis_url, system_id, secret, requests_per_second=1000)
        changes = {name: value for name, value in options.items() if name != "secret"}
        return VxpPlatform(dataclasses.replace(settings, **changes), client, SystemClock(), Random(1))

    try:
        async with Client([running.axis_url]) as client:
            yield Rig(running, platform(PROVINCE_SYSTEM), platform(MINISTRY_SYSTEM))
    finally:
        await running.stop()


def delivery(purpose: Purpose = Purpose.CONTENT, instruction: Any = None, *recipients: str) -> Delivery:
    return Delivery(
        id="d",
        message_id="m",
        purpose=purpose,
        destination="truc",
        party="",
        recipients=recipients or (MINISTRY_SYSTEM,),
        conversation="c",
        state=State.LEASED,
        urgent=False,
        instruction=instruction or {},
        created_at=NOW,
        due_at=NOW,
        expires_at=NOW,
        ended_at=None,
        attempts=1,
        code="",
        detail="",
        reference="",
        maybe_twice=False,
    )


def message(content: Document | DocumentStatus) -> Message:
    return Message("m", envelope_of(content, "0" * 64), "qlvb", "edxml", "", NOW, "0" * 64, BodyRef("b", "0" * 64, 1))


async def test_a_document_goes_out_and_its_attachment_arrives_unharmed() -> None:
    async with rig() as it:
        sent = await it.send()
        (listed,) = await it.ministry.list("edoc")
        fetched = await it.ministry.fetch(listed.reference)
        rows = await it.province.get_sent_edoc_list("edoc")
    assert isinstance(sent, Delivered)
    assert [row.sender_doc_id for row in rows] == [sent.reference]
    assert listed.created_at is not None
    assert fetched.refusal is None
    content = decode(fetched.raw).content
    assert isinstance(content, Document)
    assert (content.document_id, content.subject) == (DOCUMENT.document_id, DOCUMENT.subject)
    assert [(file.name, file.content) for file in content.attachments] == [("Công văn 12.pdf", PDF)]


async def test_the_other_hash_form_and_no_to_header_pass_as_well() -> None:
    async with rig(hash_file="padded", to_header="never") as it:
        assert isinstance(await it.send(), Delivered)


async def test_the_to_header_narrows_the_recipients_to_those_of_this_delivery() -> None:
    two = dataclasses.replace(DOCUMENT, recipients=(*DOCUMENT.recipients, Organization("H53.03", "Sở Xây dựng")))
    async with rig() as it:
        await it.province.send(delivery(), message(two), codec.encode(two), 20)
        assert await it.province.list("edoc") == ()
        assert len(await it.ministry.list("edoc")) == 1


async def test_a_status_travels_as_a_status() -> None:
    async with rig() as it:
        given = delivery(Purpose.CONTENT, None, "H53.02")
        sent = await it.ministry.send(given, message(STATUS), codec.encode(STATUS), 20)
        assert await it.province.list("edoc") == ()
        (listed,) = await it.province.list("status")
        content = decode((await it.province.fetch(listed.reference)).raw).content
        assert await it.province.count_receive_status() == 1
    assert isinstance(sent, Delivered)
    assert isinstance(content, DocumentStatus)
    assert (content.status, content.about.document_id) == (1, DOCUMENT.document_id)


async def test_what_is_not_acknowledged_is_listed_again_and_what_is_done_is_not() -> None:
    async with rig() as it:
        (listed,) = await it.waiting()
        assert await it.ministry.list("edoc") == (listed,)
        assert isinstance(await it.acknowledge(listed.reference), Delivered)
        assert await it.ministry.list("edoc") == ()
        assert isinstance(await it.acknowledge(listed.reference), Delivered)


async def test_a_wrong_secret_is_told_and_gives_nothing_away() -> None:
    async with rig(secret=Secret("not-the-secret")) as it:
        with capture_logs() as lines:
            outcome = await it.send()
            with pytest.raises(AxisFault, match=r"vxp\.fail"):
                await it.province.list("edoc")
    assert isinstance(outcome, Deferred)
    assert (outcome.code, outcome.unknown, outcome.fault) == ("vxp.fail", False, False)
    assert "not-the-secret" not in repr((outcome, lines))


async def test_a_sender_of_another_system_is_refused_for_good_if_that_code_is_configured() -> None:
    stranger = dataclasses.replace(DOCUMENT, sender=Organization("000.00.00.G09"))
    async with rig(rejected_codes=frozenset({"19"})) as it:
        outcome = await it.province.send(delivery(), message(stranger), codec.encode(stranger), 20)
    assert isinstance(outcome, Rejected)
    assert outcome.code == "vxp.refused"
    assert outcome.detail.startswith("19: ")


@pytest.mark.parametrize("action", ["cut_after_send", "answer_lost"])
async def test_an_answer_that_never_came_leaves_the_outcome_unknown(action: str) -> None:
    async with rig() as it:
        it.fault(operation="sendEdoc", action=action, times=1, seconds=0)
        outcome = await it.send()
        assert it.kept() == 1
        again = await it.send()
    assert isinstance(outcome, Deferred)
    assert (outcome.code, outcome.unknown, outcome.fault) == ("vxp.cut", True, True)
    assert isinstance(again, Delivered)


async def test_silence_past_the_deadline_leaves_the_outcome_unknown() -> None:
    async with rig() as it:
        it.fault(operation="sendEdoc", action="slow", times=1, seconds=3)
        outcome = await it.send(deadline=0.4)
    assert isinstance(outcome, Deferred)
    assert (outcome.code, outcome.unknown) == ("vxp.cut", True)
    assert outcome.detail.startswith("client.timeout")


async def test_unavailable_names_its_wait_and_took_nothing() -> None:
    async with rig() as it:
        it.fault(operation="sendEdoc", action="503", times=1, retry_after=7)
        outcome = await it.send()
        assert it.kept() == 0
    assert outcome == Deferred("vxp.unavailable", "HTTP 503", 7.0, unknown=False, fault=True)


async def test_garbage_after_taking_the_document_is_not_taken_for_a_refusal() -> None:
    async with rig() as it:
        it.fault(operation="sendEdoc", action="garbage", times=1, processed=True)
        outcome = await it.send()
        assert it.kept() == 1
    assert isinstance(outcome, Deferred)
    assert (outcome.code, outcome.unknown) == ("vxp.garbage", True)


async def test_a_listener_that_is_gone_certainly_took_nothing() -> None:
    async with rig() as it:
        await it.running.gates[0].stop()
        outcome = await it.send()
    assert isinstance(outcome, Deferred)
    assert (outcome.code, outcome.unknown) == ("vxp.unreachable", False)


@pytest.mark.parametrize("action", ["refuse", "503", "garbage", "fail", "cut_after_send"])
async def test_no_fault_makes_a_waiting_package_disappear(action: str) -> None:
    async with rig() as it:
        (listed,) = await it.waiting()
        for operation in ("getReceivedEdocList", "getEdoc"):
            it.fault(operation=operation, action=action, times=1)
        with pytest.raises(AxisFault):
            await it.ministry.list("edoc")
        with pytest.raises(AxisFault):
            await it.ministry.fetch(listed.reference)
        assert await it.ministry.list("edoc") == (listed,)
        assert (await it.ministry.fetch(listed.reference)).refusal is None


async def test_an_acknowledgement_whose_answer_is_lost_is_simply_repeated() -> None:
    async with rig() as it:
        (listed,) = await it.waiting()
        it.fault(operation="updateStatus", action="answer_lost", times=1, seconds=0)
        first = await it.acknowledge(listed.reference)
        second = await it.acknowledge(listed.reference)
    assert isinstance(first, Deferred)
    assert (first.code, first.unknown) == ("vxp.cut", False)
    assert isinstance(second, Delivered)


async def test_an_acknowledgement_of_what_the_axis_no_longer_knows_can_be_settled() -> None:
    async with rig(settled_codes=frozenset({"31"})) as it:
        outcome = await it.acknowledge("no-such-document")
    assert isinstance(outcome, Delivered)
    assert outcome.code == "vxp.settled"


async def test_a_package_listed_twice_is_taken_once() -> None:
    async with rig() as it:
        (listed,) = await it.waiting()
        it.fault(operation="getReceivedEdocList", action="duplicate", times=1)
        assert await it.ministry.list("edoc") == (listed,)


async def test_a_bare_download_gives_the_same_bytes() -> None:
    async with rig() as it:
        (listed,) = await it.waiting()
        fetched = await it.ministry.fetch(listed.reference)
        assert await it.ministry.download_edoc(listed.reference) == fetched.raw
        with pytest.raises(AxisFault, match=r"vxp\.fail"):
            await it.ministry.download_edoc("no-such-document")


async def test_the_directory_of_the_axis_can_be_read_and_extended() -> None:
    async with rig() as it:
        agencies = await it.province.get_agencies_list()
        assert len(agencies) >= 447
        await it.province.register_agency(Agency("H53.99", "Đơn vị thử", "thu@example.vn"), "H53")
        named = {agency.code: agency.name for agency in await it.province.get_agencies_list()}
        assert named["H53.99"] == "Đơn vị thử"
        await it.province.delete_agency("H53.99")
        units = {unit.code: unit for unit in await it.province.get_synchronize_unit()}
        assert units["H53.99"].deleted
        assert await it.province.get_agencies_list_qd20(1)
        assert await it.province.count_receive_edoc() == 0
