"""A province behind a regional axis: one gateway serves /lgsp/v1 as the axis, another reaches everyone through it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from province import Province, document, listening, running_gateway

from gateway.config import load
from sandbox.app import Running
from sandbox.settings import MINISTRY_SYSTEM

SECRET = "khoa-cua-tinh"
AXIS_SEAT = """
adapter = "lgsp"
system_id = "H53"
secret = "file:axis.secret"
parties = ["H53.01", "H53.01.*"]
"""
PROVINCE = """
[gateway]
id = "province"
data_dir = "state"
[listen.intake]
plain_http = "127.0.0.1:0"
[listen.console]
address = "127.0.0.1:0"
[store]
reserve = "1MB"
[delivery]
retry_first = "50ms"
retry_max = "400ms"
[[systems]]
id = "snv"
parties = ["H53.01", "H53.01.*"]
environment = "test"
[[platforms]]
id = "truc-vung"
adapter = "lgsp"
base_url = "{axis}/lgsp"
environment = "test"
system_id = "{system_id}"
secret = "env:AXIS_SECRET"
requests_per_second = 500
poll_interval = "100ms"
deadline = "5s"
login = {{ username = "lienthong", password = "env:AXIS_SECRET", application_code = "LT" }}
"""


@asynccontextmanager
async def behind(axis: Province, folder: Path, *, secret: str = SECRET) -> AsyncIterator[Province]:
    """A second gateway with one REST system, snv, whose only platform is *axis*."""
    folder.mkdir(exist_ok=True)
    file = folder / "lienthong.toml"
    file.write_text(PROVINCE.format(axis=axis.base_url, system_id="H53"), encoding="utf-8")
    async with listening(load(file, {"AXIS_SECRET": secret}), axis.sandbox) as province:
        yield province


@pytest.fixture
async def axis(tmp_path: Path, sandbox: Running) -> AsyncIterator[Province]:
    """The regional axis: our gateway, with the province as an LGSP system, stc (H53.02) and the national axis."""
    folder = tmp_path / "axis"
    folder.mkdir()
    (folder / "axis.secret").write_text(SECRET, encoding="utf-8")
    async with running_gateway(folder, sandbox, system=AXIS_SEAT, intake="lgsp_login = true") as province:
        yield province


async def test_a_document_crosses_the_regional_axis_and_the_statuses_come_back(axis: Province, tmp_path: Path) -> None:
    async with behind(axis, tmp_path / "province") as province, province.system("snv") as snv:
        accepted = await snv.send(document("1", to="000.00.00.G22,H53.02"), "key-1")
        await province.delivered(accepted.message_id)
        (delivery,) = await province.gateway.store.deliveries_of(accepted.message_id)
        (arrived,) = await axis.gateway.store.messages()
        assert delivery.reference.replace("-", "") == arrived.id
        async with axis.system("stc") as stc:
            assert await stc.pull_once("done") == 1
        await axis.delivered(arrived.id)
        ministry = axis.sandbox.ministries[MINISTRY_SYSTEM]
        await ministry.poll_once()

        async def two_statuses() -> bool:
            await snv.pull_once()
            return snv.received.distinct == 2

        await province.until(two_statuses)


async def test_a_document_from_the_axis_is_pulled_once_unchanged_and_acknowledged_there(
    axis: Province, tmp_path: Path
) -> None:
    body = document("2", to="H53.01", sender="H53.02")
    _, sent = await axis.call("POST", "/api/v1/documents", system="stc", json=body)
    async with behind(axis, tmp_path / "province") as province:
        await axis.delivered(sent["message_id"])

        async def waiting() -> Any:
            _, answer = await province.call("GET", "/api/v1/mailbox")
            return answer["deliveries"]

        await province.until(waiting)
        async with province.system("snv") as snv:
            assert (await snv.pull_once(), await snv.pull_once()) == (1, 0)
            (record,) = snv.received.records.values()
    assert record["document_id"] == body["document_id"]
    assert len(record["files"]) == 1


async def test_wrong_credentials_lose_nothing_and_the_document_goes_out_once_they_are_right(
    axis: Province, tmp_path: Path
) -> None:
    folder = tmp_path / "province"
    async with behind(axis, folder, secret="sai") as province, province.system("snv") as snv:
        accepted = await snv.send(document("3", to="H53.02"), "key-3")

        async def tried() -> bool:
            (delivery,) = await province.gateway.store.deliveries_of(accepted.message_id)
            return (delivery.state, delivery.code) == ("deferred", "lgsp.unauthorised")

        await province.until(tried)
        assert (await axis.gateway.store.books()).accepted == 0
    async with behind(axis, folder) as province:
        await province.delivered(accepted.message_id)
    assert (await axis.gateway.store.books()).accepted == 1
