"""What /vxp grants and refuses, operation by operation, against a running gateway."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from random import Random

import aiohttp
import pytest
from province import Province
from vxp_systems import (
    AGENCY,
    SNV,
    STNMT,
    caller,
    document_id,
    now,
    package,
    raw_call,
    sending,
    status,
    told,
    vxp_province,
)

from adapters.vxp import served_sent
from gateway.clock import SystemClock
from gateway.delivery.notice import Notices
from gateway.model.delivery import Purpose, Rejected, State
from gateway.ports import Conclusion
from sandbox.app import Running
from sandbox.edxml import File

EDOCS = {"servicetype": "eDoc", "messagetype": "edoc"}


@pytest.fixture
async def vxp(tmp_path: Path, sandbox: Running) -> AsyncIterator[Province]:
    async with vxp_province(tmp_path, sandbox) as province:
        yield province


async def listed(vxp: Province, credentials: tuple[str, str] = STNMT, **params: str) -> list[dict[str, str]]:
    async with caller(vxp, credentials) as system:
        answer = await system.call("getReceivedEdocList", {**EDOCS, **params})
    return list(answer["data"])


async def books(vxp: Province, credentials: tuple[str, str] = SNV, **params: str) -> list[dict[str, str]]:
    async with caller(vxp, credentials) as system:
        answer = await system.call("getSentEdocList", params)
    return list(answer["data"])


async def send(vxp: Province, file: bytes, sender: str = "H53.01", type: str = "edoc") -> str:
    async with caller(vxp, SNV if sender.startswith("H53.01") else STNMT) as system:
        return await system.send(sender, type, file)


# ------------------------------------------------------------------------------------------------ sendEdoc


@pytest.mark.parametrize(
    ("sender", "header", "type", "code"),
    [
        ("H53.03", "H53.03", "edoc", "19"),
        ("H53.03", "H53.01", "edoc", "19"),
        ("H53.01", "H53.03", "edoc", "19"),
        ("H53.01", "", "edoc", "101"),
        ("H53.01", "H53.01", "letter", "101"),
        ("H53.01", "H53.01", "", "101"),
        ("H53.01", "H53.01", "status", "22"),
    ],
)
async def test_a_package_must_be_what_its_headers_say_and_from_a_party_of_its_system(
    vxp: Province, sender: str, header: str, type: str, code: str
) -> None:
    file = package("1", to=("H53.02",), sender=sender)
    assert await told(vxp, SNV, "sendEdoc", sending(file, header, type), file) == code
    assert await books(vxp) == []


async def test_a_department_below_may_send_under_the_code_of_its_centre(vxp: Province) -> None:
    file = package("1", to=("H53.03",), sender="H53.01.005")
    assert await told(vxp, SNV, "sendEdoc", sending(file, "H53.01"), file) == "0"
    assert [row["from"] for row in await listed(vxp)] == ["H53.01.005"]


async def test_a_status_announced_as_a_document_is_refused_and_kept_in_quarantine(vxp: Province) -> None:
    file = status("1", "03", "H53.01", "H53.03")
    assert await told(vxp, SNV, "sendEdoc", sending(file), file) == "22"
    (kept,) = await vxp.gateway.store.quarantined()
    assert (kept.peer, kept.dialect, kept.code) == ("snv", "edxml", "vxp.message_type")


async def test_a_damaged_file_is_refused(vxp: Province) -> None:
    file = package("1")
    assert await told(vxp, SNV, "sendEdoc", sending(file), file[:-20]) == "10"
    parameters = sending(file)
    del parameters["hash-file"]
    assert await told(vxp, SNV, "sendEdoc", parameters, file) == "101"
    assert await books(vxp) == []


async def test_a_file_without_the_final_line_end_is_stored_as_it_was_announced(vxp: Province) -> None:
    file = package("1", to=("H53.03",)).rstrip()
    assert await told(vxp, SNV, "sendEdoc", sending(file), file + b"\r\n") == "0"
    (row,) = await listed(vxp)
    async with caller(vxp, STNMT) as stnmt:
        assert await stnmt.fetch(row["docId"]) == file


async def test_a_file_of_megabytes_comes_back_byte_for_byte(vxp: Province) -> None:
    scan = File("bản quét.pdf", "application/pdf", b"%PDF-1.7 " + Random(1).randbytes(3_000_000))
    file = package("1", to=("H53.03",), files=(scan,))
    assert await told(vxp, SNV, "sendEdoc", sending(file), file + b"\r\n") == "0"
    (row,) = await listed(vxp)
    async with caller(vxp, STNMT) as stnmt:
        assert await stnmt.fetch(row["docId"]) == file
    assert await raw_call(vxp, STNMT, "downloadEdoc", {"docId": row["docId"]}) == (200, file)


async def test_the_same_id_with_other_content_is_refused(vxp: Province) -> None:
    await send(vxp, package("1", to=("H53.03",)))
    other = package("1", to=("H53.03",), priority=1)
    assert await told(vxp, SNV, "sendEdoc", sending(other), other) == "107"


async def test_a_file_too_large_hears_so_in_json(tmp_path: Path, sandbox: Running) -> None:
    async with vxp_province(tmp_path, sandbox, intake='max_body = "64KB"\nmax_in_flight = "1MB"') as vxp:
        assert await told(vxp, SNV, "sendEdoc", sending(b""), bytes(500_000)) == "10"
        assert await told(vxp, SNV, "countReceiveEdoc", {}, b"{}") == "0"


# ------------------------------------------------------------------------------------------------ lists


async def test_a_list_can_be_narrowed_to_one_party_of_the_system(vxp: Province) -> None:
    await send(vxp, package("1", to=("H53.01", "H53.01.005"), sender="H53.03"), "H53.03")
    assert [row["to"] for row in await listed(vxp, SNV)] == ["H53.01", "H53.01.005"]
    assert [row["to"] for row in await listed(vxp, SNV, to="H53.01.005")] == ["H53.01.005"]
    assert await listed(vxp, SNV, to="H53.01.006") == []
    assert await told(vxp, SNV, "getReceivedEdocList", {**EDOCS, "to": "H53.03"}) == "19"


async def test_what_the_sdk_leaves_behind_from_earlier_calls_narrows_no_list(vxp: Province) -> None:
    doc_id = await send(vxp, package("1", to=("H53.03",)))
    (row,) = await listed(vxp)
    leaked = {"to": '["000.00.00.G22"]', "docId": row["docId"], "status": "done", "from": "H53.09", "hash-file": "0"}
    assert [again["docId"] for again in await listed(vxp, **leaked)] == [row["docId"]]
    await send(vxp, package("2", to=("H53.01",), sender="H53.03"), "H53.03")
    (received,) = await listed(vxp, SNV)
    assert [sent["senderDocId"] for sent in await books(vxp, docId=received["docId"])] == [doc_id]


async def test_documents_and_statuses_are_listed_and_counted_apart(vxp: Province) -> None:
    await send(vxp, package("1", to=("H53.01",), sender="H53.03"), "H53.03")
    await send(vxp, status("1", "03", "H53.01", "H53.03"), type="status")
    async with caller(vxp, STNMT) as stnmt, caller(vxp, SNV) as snv:
        assert [row["messageType"] for row in await stnmt.pending("status")] == ["status"]
        assert await stnmt.pending("edoc") == []
        assert [
            (await stnmt.call(name, {}, b"{}"))["count"] for name in ("countReceiveEdoc", "countReceiveStatus")
        ] == [
            0,
            1,
        ]
        assert [(await snv.call(name, {}, b"{}"))["count"] for name in ("countReceiveEdoc", "countReceiveStatus")] == [
            1,
            0,
        ]
        (sent,) = (await stnmt.call("getSentEdocList", EDOCS))["data"]
        (about,) = (await snv.call("getSentEdocList", {"messagetype": "status"}))["data"]
    assert (sent["receiveStatus"], sent["receiveStatusDesc"]) == ("03", "Đã tiếp nhận, vào sổ văn bản đến")
    assert (about["messageType"], about["toCode"], about["receiveStatus"]) == ("status", "H53.03", "")


async def test_dates_narrow_a_list_in_any_usual_form_and_nonsense_does_not(vxp: Province) -> None:
    await send(vxp, package("1", to=("H53.03",)))
    today, tomorrow = now(), now() + timedelta(days=1)
    for form in ("%Y/%m/%d", "%d/%m/%Y", "%Y-%m-%d", "%Y/%m/%d %H:%M:%S"):
        assert len(await listed(vxp, fromDate=f"{today:{form}}", toDate=f"{tomorrow:{form}}")) == 1
        assert await listed(vxp, fromDate=f"{tomorrow + timedelta(days=1):{form}}") == []
        assert await listed(vxp, toDate=f"{today - timedelta(days=1):{form}}") == []
    assert len(await listed(vxp, fromDate="hôm nay".encode("ascii", "ignore").decode(), toDate="?")) == 1


async def test_a_row_has_every_name_the_sdk_reads_and_local_times(vxp: Province) -> None:
    await send(vxp, package("1", to=("H53.03",)))
    (row,) = await listed(vxp)
    names = "docId serviceType messageType created_time updated_time from to status status_desc"
    assert list(row) == names.split()
    assert row["created_time"][:10] == f"{now():%Y/%m/%d}"
    assert (row["status"], row["serviceType"]) == ("processing", "eDoc")
    (sent,) = await books(vxp)
    names = "serviceType messageType senderDocId receiverDocId fromCode toCode title notation sentTime sendStatus"
    assert list(sent) == [*names.split(), "sendStatusDesc", "receivedTime", "receiveStatus", "receiveStatusDesc"]
    assert all(isinstance(value, str) for value in sent.values())


async def test_the_books_show_one_document_if_asked_and_nothing_of_others(vxp: Province) -> None:
    first, second = await send(vxp, package("1", to=("H53.03",))), await send(vxp, package("2", to=("H53.03",)))
    assert [row["senderDocId"] for row in await books(vxp)] == [second, first]
    assert [row["senderDocId"] for row in await books(vxp, docId=first)] == [first]
    assert await books(vxp, docId="abc-1") == []
    assert await books(vxp, STNMT, docId=first) == []
    assert await books(vxp, STNMT) == []


async def test_the_books_end_after_the_message_that_fills_them(vxp: Province, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served_sent, "MOST_ROWS", 3)
    for number in ("1", "2", "3"):
        await send(vxp, package(number, to=("H53.03", "H53.02")))
    assert [row["notation"] for row in await books(vxp)] == ["3/SNV-VP", "3/SNV-VP", "2/SNV-VP", "2/SNV-VP"]


# ------------------------------------------------------------------------------------------------ getEdoc, updateStatus


async def test_an_acknowledged_package_leaves_the_list_and_can_still_be_fetched(vxp: Province) -> None:
    file = package("1", to=("H53.03",))
    await send(vxp, file)
    (row,) = await listed(vxp)
    here = {"docId": row["docId"]}
    assert await told(vxp, STNMT, "updateStatus", {**here, "status": "processing"}, b"{}") == "0"
    assert await listed(vxp) == [row]
    for _ in range(2):
        assert await told(vxp, STNMT, "updateStatus", {**here, "status": "done"}, b"{}") == "0"
    assert await listed(vxp) == []
    assert await raw_call(vxp, STNMT, "downloadEdoc", {"docId": row["docId"].upper()}) == (200, file)
    assert await told(vxp, STNMT, "updateStatus", {**here, "status": "fail"}, b"{}") == "106"
    assert await told(vxp, STNMT, "updateStatus", {**here, "status": "03"}, b"{}") == "101"
    assert await told(vxp, STNMT, "updateStatus", here, b"{}") == "101"


async def test_a_package_acknowledged_as_failed_is_held_and_may_yet_be_done(vxp: Province) -> None:
    await send(vxp, package("1", to=("H53.03",)))
    (row,) = await listed(vxp)
    for _ in range(2):
        assert await told(vxp, STNMT, "updateStatus", {"docid": row["docId"], "status": "fail"}, b"{}") == "0"
    assert await listed(vxp) == []
    (incident,) = await vxp.gateway.store.incidents()
    assert incident.subject == row["docId"].replace("-", "")
    assert await told(vxp, STNMT, "updateStatus", {"docid": row["docId"], "status": "done"}, b"{}") == "0"


@pytest.mark.parametrize("operation", ["getEdoc", "updateStatus"])
async def test_what_belongs_to_another_system_does_not_exist(vxp: Province, operation: str) -> None:
    doc_id = await send(vxp, package("1", to=("H53.03",)))
    (row,) = await listed(vxp)
    answers = set()
    for named in (row["docId"], doc_id, "abc-1", "0" * 32, row["docId"][:-1], "../" + row["docId"]):
        _, body = await raw_call(vxp, SNV, operation, {"docId": named, "status": "done"}, b"{}")
        answers.add((json.loads(body)["ErrorCode"], json.loads(body)["ErrorDesc"].partition(", yêu cầu")[0]))
    assert len(answers) == 1
    assert answers.pop()[0] == "105"
    assert await listed(vxp) == [row]


async def test_a_download_that_is_refused_cannot_be_taken_for_the_file(vxp: Province) -> None:
    code, body = await raw_call(vxp, SNV, "downloadEdoc", {"docId": "abc-1"}, method="GET")
    assert (code, json.loads(body)["ErrorCode"]) == (404, "105")


async def test_an_update_is_listed_behind_its_document(vxp: Province) -> None:
    await send(vxp, package("1", to=("H53.03",)))
    update = package("2", to=("H53.03",), business_type=2, business_document_id=document_id("1"))
    message_id = (await send(vxp, update)).replace("-", "")
    (delivery,) = await vxp.gateway.store.deliveries_of(message_id)
    rows = await listed(vxp)
    assert [row["docId"].replace("-", "") for row in rows][1:] == [delivery.id]


async def test_what_was_cancelled_before_anybody_took_it_is_not_handed_out(vxp: Province) -> None:
    await send(vxp, package("1", to=("H53.03",)))
    (row,) = await listed(vxp)
    await vxp.gateway.store.end(row["docId"].replace("-", ""), State.CANCELLED, "cancelled.person", "nhầm", "lan")
    assert await listed(vxp) == []
    assert await told(vxp, STNMT, "getEdoc", {"docId": row["docId"]}, b"{}") == "105"
    assert await told(vxp, STNMT, "updateStatus", {"docId": row["docId"], "status": "done"}, b"{}") == "106"


async def test_bytes_that_a_person_hands_on_unread_come_as_a_document_unchanged(vxp: Province) -> None:
    junk = b"no edXML at all"
    assert await told(vxp, SNV, "sendEdoc", sending(junk), junk) == "22"
    (kept,) = await vxp.gateway.store.quarantined()
    await vxp.gateway.settling.accept(kept.id, "lan", to="H53.03")
    (row,) = await listed(vxp)
    assert (row["messageType"], row["from"]) == ("edoc", "")
    async with caller(vxp, STNMT) as stnmt:
        assert await stnmt.fetch(row["docId"]) == junk


async def test_a_notice_is_never_listed_and_is_delivered_by_the_books_that_tell_it(vxp: Province) -> None:
    doc_id = await send(vxp, package("1", to=("H53.03",)))
    store = vxp.gateway.store
    message = await store.message(doc_id.replace("-", ""))
    assert message
    (delivery,) = await store.deliveries_of(message.id)
    ended = Conclusion(Rejected("expired"), now(), tell=Notices(lambda peer: peer, SystemClock()))
    await store.end(delivery.id, State.EXPIRED, "expired", "quá 30 ngày", "gateway", ended)
    (waiting,) = await store.mailbox("snv", None, 10)
    assert waiting.purpose is Purpose.NOTICE
    assert await listed(vxp, SNV) == []
    assert await told(vxp, SNV, "countReceiveEdoc", {}, b"{}") == "0"
    assert await told(vxp, SNV, "getEdoc", {"docId": waiting.id}, b"{}") == "105"
    for _ in range(2):
        (row,) = await books(vxp)
        assert (row["sendStatus"], row["sendStatusDesc"].partition(":")[0]) == ("fail", "Hết hạn mà chưa chuyển được")
        assert await store.mailbox("snv", None, 10) == []
    told_now = await store.delivery(waiting.id)
    assert told_now
    assert told_now.state is State.DELIVERED


# ------------------------------------------------------------------------------------------------ the door


async def test_an_unsigned_call_is_a_fail_in_json_on_every_operation(vxp: Province) -> None:
    async with aiohttp.ClientSession() as session:
        for operation in ("sendEdoc", "getEdoc", "getAgenciesList", "anything"):
            async with session.post(f"{vxp.base_url}/vxp/{operation}", data=b"{}") as response:
                answer = await response.json()
                assert (response.status, answer["status"], answer["ErrorCode"]) == (200, "FAIL", "15")
    assert await vxp.gateway.store.quarantined() == []


async def test_every_operation_answers_get_and_a_doubled_slash_too(vxp: Province) -> None:
    for method, operation in (("GET", "countReceiveEdoc"), ("POST", "/countReceiveEdoc"), ("GET", "/getAgenciesList")):
        code, body = await raw_call(vxp, SNV, operation, method=method)
        assert (code, json.loads(body)["status"]) == (200, "OK")
    assert await told(vxp, SNV, "getEverything") == "104"


async def test_a_clock_two_days_off_is_told_its_own_code(vxp: Province) -> None:
    _, body = await raw_call(vxp, SNV, "getAgenciesList", at=now() - timedelta(days=2))
    assert json.loads(body)["ErrorCode"] == "103"


async def test_agencies_once_read_survive_an_outage_of_the_axis_and_a_change_does_not(vxp: Province) -> None:
    asked = vxp.sandbox.axis.meter.requests
    for credentials in (SNV, STNMT, SNV):
        assert await told(vxp, credentials, "getAgenciesList") == "0"
    assert asked["getAgenciesList"] == 1
    await vxp.sandbox.gates[0].shut()
    assert await told(vxp, SNV, "getAgenciesList") == "0"
    agency = json.dumps({"code": AGENCY, "name": "Chi cục", "pcode": "H53.01"}).encode()
    code, body = await raw_call(vxp, SNV, "registerAgency", {}, agency)
    assert (code, json.loads(body)["ErrorCode"]) == (503, "20")


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"", "101"), (b"[]", "101"), (b'{"code":"H53.01.9"}', "101"), (b'{"code":"H53.03","name":"x"}', "19")],
)
async def test_an_agency_that_is_not_described_or_not_owned_is_not_registered(
    vxp: Province, body: bytes, code: str
) -> None:
    assert await told(vxp, SNV, "registerAgency", {}, body) == code
    assert vxp.sandbox.axis.meter.requests["registerAgency"] == 0


async def test_what_the_axis_refuses_about_an_agency_is_passed_on(vxp: Province) -> None:
    assert await told(vxp, SNV, "deleteAgency", {"AgencyCode": "H53.01.777"}) == "109"
