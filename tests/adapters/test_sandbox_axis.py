"""Routing, lists, acknowledgements and memory of the simulated axis, over real HTTP."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest

from sandbox import edxml
from sandbox.app import Running, start
from sandbox.caller import AxisFailure, Caller, signed_headers
from sandbox.edxml import File, Organ, Reference
from sandbox.settings import MINISTRY_SYSTEM, PROVINCE_SYSTEM, SECOND_MINISTRY_SYSTEM, SandboxSettings
from sandbox.wire import VIETNAM
from sandbox.writing import Draft, pdf_files, write_document, write_status

DEPARTMENT = Organ("H53.02", "Sở Công Thương")
MINISTRY = Organ("000.00.00.G22", "Văn phòng Chính phủ")
SECOND = Organ("000.00.00.G09", "Bộ Nội vụ")
NOW = datetime(2026, 11, 22, 8, 0, tzinfo=VIETNAM)


def document(*to: Organ, number: str = "12", files: tuple[File, ...] = (), sender: Organ = DEPARTMENT) -> bytes:
    draft = Draft(sender, to or (MINISTRY,), number, "SCT-VP", "V/v báo cáo", "2026/11/22", files=files)
    return write_document(draft, NOW, Random(1))


@asynccontextmanager
async def axis(**options: Any) -> AsyncIterator[tuple[Running, Callable[[str], Caller]]]:
    """A running sandbox and a way to get a connected caller per system."""
    running = await start(SandboxSettings(ministries_poll=False, **options))
    async with AsyncExitStack() as stack:
        callers = {
            system_id: await stack.enter_async_context(Caller(running.axis_url, system_id, system.secret))
            for system_id, system in running.systems.items()
        }
        stack.push_async_callback(running.stop)
        yield running, callers.__getitem__


async def test_a_document_reaches_each_recipients_system_once_and_carries_the_attachments() -> None:
    files = pdf_files("Báo cáo", 2, 5000, seed=3)
    async with axis() as (_, system):
        await system(PROVINCE_SYSTEM).send(DEPARTMENT.code, "edoc", document(MINISTRY, SECOND, files=files))
        for receiver in (MINISTRY_SYSTEM, SECOND_MINISTRY_SYSTEM):
            rows = await system(receiver).pending("edoc")
            assert [(row["from"], row["status"]) for row in rows] == [(DEPARTMENT.code, "processing")]
            seen = edxml.read(await system(receiver).fetch(rows[0]["docId"]))
            assert [file.content for file in seen.files] == [file.content for file in files]


@pytest.mark.parametrize(("reading", "receiver"), [("overrides", SECOND_MINISTRY_SYSTEM), ("ignored", MINISTRY_SYSTEM)])
async def test_the_to_header_is_read_as_the_settings_say(reading: str, receiver: str) -> None:
    async with axis(to_header=reading) as (running, system):
        await system(PROVINCE_SYSTEM).send(DEPARTMENT.code, "edoc", document(MINISTRY), to=[SECOND.code])
        assert [copy.system for copy in running.axis.operations.store.copies()] == [receiver]


@pytest.mark.parametrize(
    ("reading", "expected"), [("per_system", ['["H53.01", "H53.02"]']), ("per_agency", ["H53.01", "H53.02"])]
)
async def test_two_recipients_behind_one_system_get_packages_as_the_settings_say(
    reading: str, expected: list[str]
) -> None:
    async with axis(copies=reading) as (_, system):
        file = document(Organ("H53.01"), DEPARTMENT, sender=MINISTRY)
        await system(MINISTRY_SYSTEM).send(MINISTRY.code, "edoc", file)
        assert [row["to"] for row in await system(PROVINCE_SYSTEM).pending("edoc")] == expected


async def test_a_package_stays_listed_until_it_is_acknowledged_for_good() -> None:
    async with axis() as (_, system):
        await system(PROVINCE_SYSTEM).send(DEPARTMENT.code, "edoc", document(MINISTRY))
        receiver = system(MINISTRY_SYSTEM)
        doc_id = (await receiver.pending("edoc"))[0]["docId"]
        await receiver.fetch(doc_id)
        await receiver.acknowledge(doc_id, "processing")
        assert len(await receiver.pending("edoc")) == 1
        assert (await receiver.call("countReceiveEdoc", {}, b"{}"))["count"] == 1
        await receiver.acknowledge(doc_id, "done")
        assert await receiver.pending("edoc") == []
        assert (await receiver.call("countReceiveEdoc", {}, b"{}"))["count"] == 0
        sent = (await system(PROVINCE_SYSTEM).call("getSentEdocList", {"servicetype": "eDoc", "messagetype": "edoc"}))[
            "data"
        ]
        assert [(row["toCode"], row["receiveStatus"], row["notation"]) for row in sent] == [
            (MINISTRY.code, "done", "12/SCT-VP")
        ]


async def test_the_same_document_sent_twice_is_two_packages_and_one_visible_repeat() -> None:
    async with axis() as (running, system):
        ids = [await system(PROVINCE_SYSTEM).send(DEPARTMENT.code, "edoc", document(MINISTRY)) for _ in range(2)]
        await system(PROVINCE_SYSTEM).send(DEPARTMENT.code, "edoc", document(MINISTRY, number="13"))
        assert len(await system(MINISTRY_SYSTEM).pending("edoc")) == 3
        state = await control_state(running)
        assert [(group["count"], group["docIds"]) for group in state["repeats"]] == [(2, ids)]
        assert state["counts"]["repeats"] == 1


async def test_a_status_goes_to_the_agency_it_answers() -> None:
    about = Reference(DEPARTMENT.code, "12/SCT-VP", "H53.02,2026/11/22,12/SCT-VP", "2026/11/22")
    async with axis() as (_, system):
        await system(MINISTRY_SYSTEM).send(MINISTRY.code, "status", write_status(MINISTRY, about, "01", "Đã đến", NOW))
        rows = await system(PROVINCE_SYSTEM).pending("status")
        seen = edxml.read(await system(PROVINCE_SYSTEM).fetch(rows[0]["docId"]))
        assert (seen.status_code, seen.response_for) == ("01", about)
        assert await system(PROVINCE_SYSTEM).pending("edoc") == []


@pytest.mark.parametrize(
    ("sender", "recipient", "code"), [(DEPARTMENT.code, "999.99.99.Z99", "18"), ("000.00.00.G22", MINISTRY.code, "19")]
)
async def test_unknown_recipients_and_foreign_senders_fail(sender: str, recipient: str, code: str) -> None:
    async with axis() as (running, system):
        with pytest.raises(AxisFailure, match=f"'ErrorCode': '{code}'"):
            await system(PROVINCE_SYSTEM).send(sender, "edoc", document(Organ(recipient)))
        assert running.axis.operations.store.count() == 0


async def test_a_directory_agency_without_a_connected_system_is_accepted_and_stays_pending() -> None:
    async with axis() as (running, system):
        await system(PROVINCE_SYSTEM).send(DEPARTMENT.code, "edoc", document(Organ("000.00.00.G12")))
        assert [(copy.system, copy.state) for copy in running.axis.operations.store.copies()] == [
            ("unattended", "processing")
        ]


async def test_a_restart_with_a_data_directory_remembers_packages_secrets_and_registrations(tmp_path: Path) -> None:
    async with axis(data_dir=tmp_path) as (running, system):
        secret = running.systems[PROVINCE_SYSTEM].secret
        await system(PROVINCE_SYSTEM).send(DEPARTMENT.code, "edoc", document(MINISTRY))
        await system(MINISTRY_SYSTEM).call(
            "registerAgency",
            {},
            json.dumps(
                {"id": "", "pcode": MINISTRY.code, "code": "000.00.77.G22", "name": "Cục mới", "mail": ""}
            ).encode(),
        )
    async with axis(data_dir=tmp_path) as (running, system):
        assert running.systems[PROVINCE_SYSTEM].secret == secret
        first = await system(MINISTRY_SYSTEM).pending("edoc")
        assert len(first) == 1
        doc_id = await system(PROVINCE_SYSTEM).send(DEPARTMENT.code, "edoc", document(Organ("000.00.77.G22")))
        listed = await system(MINISTRY_SYSTEM).pending("edoc")
        assert len({row["docId"] for row in listed} | {doc_id}) == 3
    assert (tmp_path / "systems.json").stat().st_mode & 0o777 == 0o600


async def test_the_directory_has_447_agencies_under_old_and_invented_new_codes() -> None:
    async with axis() as (_, system):
        province = system(PROVINCE_SYSTEM)
        old = (await province.call("getAgenciesList", {}))["data"]
        assert len(old) == 447
        assert set(old[0]) == {"id", "pid", "code", "name", "mail", "oldCode"}
        top = (await province.call("getAgenciesListQD20", {"level": "1"}))["data"]
        assert {"H53", "G22"} <= {row["code"] for row in top}
        everyone = (await province.call("getAgenciesListQD20", {}))["data"]
        assert {row["code102"]: row["code"] for row in everyone}["000.00.20.G14"] == "G14.12"
        units = (await province.call("getSynchronizeUnit", {}))["data"]
        assert {row["code"]: row["centerCode"] for row in units}["000.00.02.H53"] == PROVINCE_SYSTEM


async def test_an_agency_registers_receives_and_is_deleted() -> None:
    new = Organ("H53.99", "Trung tâm mới")
    async with axis() as (_, system):
        wanted = json.dumps({"id": "", "pcode": "H53", "code": new.code, "name": new.name, "mail": "a@b.vn"}).encode()
        await system(PROVINCE_SYSTEM).call("registerAgency", {}, wanted)
        await system(MINISTRY_SYSTEM).send(MINISTRY.code, "edoc", document(new, sender=MINISTRY))
        assert len(await system(PROVINCE_SYSTEM).pending("edoc")) == 1
        await system(PROVINCE_SYSTEM).call("deleteAgency", {"AgencyCode": new.code})
        with pytest.raises(AxisFailure, match="'18'"):
            await system(MINISTRY_SYSTEM).send(MINISTRY.code, "edoc", document(new, sender=MINISTRY))
        with pytest.raises(AxisFailure, match="'36'"):
            await system(MINISTRY_SYSTEM).call(
                "registerAgency", {}, json.dumps({"code": "000.00.00.H53", "name": "x"}).encode()
            )


async def test_every_agency_of_the_directory_fits_into_one_to_header() -> None:
    async with axis() as (running, system):
        codes = [agency.code for agency in running.axis.operations.directory]
        doc_id = await system(PROVINCE_SYSTEM).send(DEPARTMENT.code, "edoc", document(MINISTRY), to=codes)
        rows = (await system(PROVINCE_SYSTEM).call("getSentEdocList", {"docId": doc_id}))["data"]
        assert {row["toCode"] for row in rows} == set(codes)


@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("line_end", [b"", b"\r\n"])
async def test_hash_file_is_accepted_padded_or_not_and_the_body_with_or_without_line_end(
    padded: bool, line_end: bytes
) -> None:
    file = document(MINISTRY)
    digest = hashlib.sha256(file).digest()
    text = digest.hex() if padded else "".join(f"{byte:x}" for byte in digest)
    async with axis() as (running, system):
        answer = await system(PROVINCE_SYSTEM).call(
            "sendEdoc",
            {"servicetype": "eDoc", "messagetype": "edoc", "from": DEPARTMENT.code, "hash-file": text},
            file + line_end,
            "application/octet-stream",
        )
        assert running.axis.operations.store.content(answer["DocId"], "sent") == file


async def test_a_timestamp_outside_the_window_fails() -> None:
    async with axis(timestamp_window=timedelta(hours=1)) as (running, _):
        secret = running.systems[PROVINCE_SYSTEM].secret
        late = datetime.now(VIETNAM) - timedelta(hours=2)
        headers = signed_headers(PROVINCE_SYSTEM, secret, {}, "application/json", late)
        async with (
            aiohttp.ClientSession() as session,
            session.post(running.axis_url + "/countReceiveEdoc", data=b"{}", headers=headers) as response,
        ):
            assert (await response.json())["ErrorCode"] == "33"


async def test_download_answers_raw_bytes_to_get_and_post() -> None:
    async with axis() as (running, system):
        await system(PROVINCE_SYSTEM).send(DEPARTMENT.code, "edoc", document(MINISTRY))
        doc_id = (await system(MINISTRY_SYSTEM).pending("edoc"))[0]["docId"]
        expected = await system(MINISTRY_SYSTEM).fetch(doc_id)
        secret = running.systems[MINISTRY_SYSTEM].secret
        headers = signed_headers(MINISTRY_SYSTEM, secret, {"docId": doc_id}, "application/json", datetime.now(VIETNAM))
        async with aiohttp.ClientSession() as session:
            for method in ("GET", "POST"):
                async with session.request(method, running.axis_url + "/downloadEdoc", headers=headers) as response:
                    assert await response.read() == expected


async def test_a_body_over_the_limit_fails_with_all_three_keys() -> None:
    async with axis(max_body=10_000) as (_, system):
        with pytest.raises(AxisFailure, match="'37'"):
            await system(PROVINCE_SYSTEM).send(DEPARTMENT.code, "edoc", b"<edXML>" + b" " * 20_000 + b"</edXML>")


@pytest.mark.parametrize(
    ("operation", "params", "code"),
    [
        ("getEdoc", {"docId": "none"}, "31"),
        ("getEdoc", {}, "30"),
        ("updateStatus", {"docId": "x", "status": "06"}, "30"),
        ("steal", {}, "35"),
        ("registerAgency", {}, "30"),
        ("getReceivedEdocList", {}, "30"),
    ],
)
async def test_wrong_calls_fail_with_a_code(operation: str, params: dict[str, str], code: str) -> None:
    async with axis() as (_, system):
        with pytest.raises(AxisFailure, match=f"'ErrorCode': '{code}'"):
            await system(PROVINCE_SYSTEM).call(operation, params, b"{}")


async def test_hex_ids_are_24_digits_when_asked_for() -> None:
    async with axis(docid_form="hex24") as (_, system):
        doc_id = await system(PROVINCE_SYSTEM).send(DEPARTMENT.code, "edoc", document(MINISTRY))
        assert len(doc_id) == 24
        int(doc_id, 16)


async def test_only_loopback_is_bound() -> None:
    with pytest.raises(ValueError, match="loopback"):
        await start(SandboxSettings(host="0.0.0.0"))


async def control_state(running: Running) -> dict[str, Any]:
    async with aiohttp.ClientSession() as session, session.get(running.control_url + "/state") as response:
        state: dict[str, Any] = await response.json()
        return state
