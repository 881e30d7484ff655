"""Software written for the regional axis, against a running gateway: /lgsp/v1 as configuration brings it up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from lgsp_systems import LgspSystem
from province import Province, document, running_gateway
from vxp_systems import package, status

from gateway.errors import Refusal
from sandbox import edxml
from sandbox.app import Running
from sandbox.settings import MINISTRY_SYSTEM

SYSTEM = """
adapter = "lgsp"
system_id = "H53.DN.001"
secret = "file:snv.secret"
parties = ["H53.01", "H53.01.*"]
"""
SECRET = "khoa-cua-snv"


@pytest.fixture
async def lgsp(tmp_path: Path, sandbox: Running) -> AsyncIterator[Province]:
    (tmp_path / "snv.secret").write_text(SECRET, encoding="utf-8")
    async with running_gateway(tmp_path, sandbox, system=SYSTEM, intake="lgsp_login = true") as province:
        yield province


def system(province: Province) -> LgspSystem:
    return LgspSystem(f"{province.base_url}/lgsp/v1", "H53.DN.001", SECRET)


async def test_a_document_reaches_a_system_here_and_the_axis_and_its_statuses_come_back(lgsp: Province) -> None:
    snv = system(lgsp)
    code, answer = await snv.send(package("1", to=("H53.02", "000.00.00.G22")))
    assert (code, answer["success"], answer["data"]["errorCode"]) == (200, True, "0")
    async with lgsp.system("stc") as stc:
        assert await stc.pull_once("done") == 1
    await lgsp.delivered(answer["docId"].replace("-", ""))
    ministry = lgsp.sandbox.ministries[MINISTRY_SYSTEM]
    await ministry.poll_once()
    assert [row["document_id"] for row in ministry.documents.records.values()] == ["H53.01,2026/11/20,1/SNV-VP"]

    async def two_statuses() -> bool:
        return len(await snv.pending("status")) == 2

    await lgsp.until(two_statuses)
    _, sent = await snv.call("GET", "getSentEdocList", params={"docId": answer["docId"]})
    assert {row["toCode"]: row["sendStatus"] for row in sent["data"]} == {"H53.02": "done", "000.00.00.G22": "done"}


async def test_a_document_written_in_json_is_pulled_as_edxml_and_acknowledged(lgsp: Province) -> None:
    snv = system(lgsp)
    code, accepted = await lgsp.call(
        "POST", "/api/v1/documents", system="stc", json=document("2", to="H53.01", sender="H53.02")
    )
    assert code == 202
    (row,) = await snv.pending()
    seen = edxml.read(await snv.fetch(row["docId"]))
    assert (seen.sender.code, [part.content for part in seen.files]) == ("H53.02", [b"%PDF-1.7 2"])
    assert (await snv.acknowledge(row["docId"]))["success"] is True
    assert await snv.pending() == []
    await lgsp.delivered(accepted["message_id"])
    _, answer = await snv.send(status("2", "03", "H53.01", about="H53.02"), "status")
    assert answer["success"] is True
    async with lgsp.system("stc") as stc:
        assert await stc.pull_once() == 1


async def test_a_wrong_secret_is_error_15_and_opens_nothing(lgsp: Province) -> None:
    for stranger in (replace(system(lgsp), secret="doan-mo"), replace(system(lgsp), system_id="H53.DN.002")):
        code, answer = await stranger.send(package("3", to=("H53.02",)))
        assert (code, answer["success"], answer["data"]["errorCode"]) == (401, False, "15")
    assert (await lgsp.gateway.store.books()).received == 0


async def test_a_form_whose_package_cannot_be_read_is_kept_whole_and_read_again_when_a_person_asks(
    lgsp: Province,
) -> None:
    _, answer = await system(lgsp).send(package("4", to=("H53.02",)).replace(b"</edXML>", b""))
    assert answer["success"] is False
    (kept,) = await lgsp.gateway.store.quarantined()
    assert (kept.peer, kept.dialect) == ("snv", "lgsp-form")
    with pytest.raises(Refusal, match="xml"):
        await lgsp.gateway.settling.accept(kept.id, "lan")


async def test_the_login_is_answered_where_it_is_configured_and_its_token_opens_nothing(lgsp: Province) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{lgsp.base_url}/lgsp/v1/auth/login", json={"username": "x"}) as response:
            token = (await response.json())["data"]["token"]
        headers = {"Authorization": f"Bearer {token}"}
        async with session.get(f"{lgsp.base_url}/lgsp/v1/syncReceivedEdocList", headers=headers) as response:
            assert response.status == 401
