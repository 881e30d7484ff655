"""Document systems that speak VXP, against a running gateway: over the simulated axis' own client, not ours."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from province import Province, document
from vxp_systems import AGENCY, SNV, STNMT, caller, package, status, vxp_province

from gateway.model.delivery import State
from sandbox import edxml
from sandbox.app import Running
from sandbox.caller import AxisFailure


@pytest.fixture
async def vxp(tmp_path: Path, sandbox: Running) -> AsyncIterator[Province]:
    async with vxp_province(tmp_path, sandbox) as province:
        yield province


async def test_a_document_for_a_neighbour_and_a_ministry_reaches_both_and_its_sender_reads_so(vxp: Province) -> None:
    file = package("1", to=("H53.03", "000.00.00.G22"))
    async with caller(vxp, SNV) as snv, caller(vxp, STNMT) as stnmt:
        doc_id = await snv.send("H53.01", "edoc", file)
        (row,) = await stnmt.pending("edoc")
        assert await stnmt.fetch(row["docId"]) == file
        await stnmt.acknowledge(row["docId"], "done")
        await vxp.delivered(doc_id.replace("-", ""))
        assert await stnmt.pending("edoc") == []
        await stnmt.send("H53.03", "status", status("1", "03", "H53.03"))
        sent = (await snv.call("getSentEdocList", {"servicetype": "eDoc", "messagetype": "edoc"}))["data"]
    assert {row["toCode"]: (row["sendStatus"], row["receiveStatus"]) for row in sent} == {
        "H53.03": ("done", "03"),
        "000.00.00.G22": ("done", ""),
    }
    assert {row["senderDocId"] for row in sent} == {doc_id}
    assert all(row["title"] == "V/v số 1" and row["notation"] == "1/SNV-VP" for row in sent)


async def test_the_same_file_again_gets_the_same_docid(vxp: Province) -> None:
    file = package("2", to=("H53.03",))
    async with caller(vxp, SNV) as snv, caller(vxp, STNMT) as stnmt:
        first, second = await snv.send("H53.01", "edoc", file), await snv.send("H53.01", "edoc", file)
        assert first == second
        assert len(await stnmt.pending("edoc")) == 1


async def test_a_document_written_in_json_arrives_as_edxml_and_the_same_at_every_fetch(vxp: Province) -> None:
    code, _ = await vxp.call(
        "POST", "/api/v1/documents", system="stc", json=document("3", to="H53.03", sender="H53.02")
    )
    assert code == 202
    async with caller(vxp, STNMT) as stnmt:
        (row,) = await stnmt.pending("edoc")
        first, second = await stnmt.fetch(row["docId"]), await stnmt.fetch(row["docId"])
    assert first == second
    seen = edxml.read(first)
    assert [part.content for part in seen.files] == [b"%PDF-1.7 3"]
    assert seen.sender.code == "H53.02"


async def test_a_document_that_ended_badly_is_a_fail_with_its_reason_in_the_books_of_its_sender(vxp: Province) -> None:
    async with caller(vxp, SNV) as snv, caller(vxp, STNMT) as stnmt:
        doc_id = await snv.send("H53.01", "edoc", package("4", to=("H53.03",)))
        (row,) = await stnmt.pending("edoc")
        await stnmt.acknowledge(row["docId"], "fail")
        (sent,) = (await snv.call("getSentEdocList", {"docId": doc_id}))["data"]
        assert (sent["sendStatus"], sent["receiverDocId"]) == ("processing", row["docId"])
        assert sent["sendStatusDesc"].startswith("Tạm giữ, chờ người xử lý")
        delivery_id = row["docId"].replace("-", "")
        await vxp.gateway.store.end(delivery_id, State.CANCELLED, "cancelled.person", "gửi nhầm đơn vị", "lan")
        (sent,) = (await snv.call("getSentEdocList", {"docId": doc_id}))["data"]
    assert (sent["sendStatus"], sent["receivedTime"]) == ("fail", "")
    assert sent["sendStatusDesc"] == "Đã hủy: cancelled.person, gửi nhầm đơn vị"


async def test_agencies_are_those_of_the_axis_and_a_system_registers_its_own_only(vxp: Province) -> None:
    async with caller(vxp, SNV) as snv:
        listed = {row["code"]: row for row in (await snv.call("getAgenciesList", {}))["data"]}
        assert listed["000.00.00.G22"]["name"] == "Văn phòng Chính phủ"
        assert "H53.03" in listed
        assert (await snv.call("getAgenciesListQD20", {"level": "1"}))["data"]
        assert (await snv.call("getSynchronizeUnit", {}))["data"]
        wanted = {"id": "", "pcode": "H53.01", "code": AGENCY, "name": "Chi cục Văn thư", "mail": "a@b.vn"}
        await snv.call("registerAgency", {}, json.dumps(wanted).encode())
        listed = {row["code"]: row for row in (await snv.call("getAgenciesList", {}))["data"]}
        assert listed[AGENCY]["name"] == "Chi cục Văn thư"
        with pytest.raises(AxisFailure, match="'19'"):
            await snv.call("registerAgency", {}, json.dumps({**wanted, "code": "H53.03"}).encode())
        await snv.call("deleteAgency", {"AgencyCode": AGENCY})
        with pytest.raises(AxisFailure, match="'19'"):
            await snv.call("deleteAgency", {"AgencyCode": "000.00.00.G22"})
