"""A province in a test: the real gateway, the real simulated axis, real HTTP and a real SQLite file."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.config import Config, load
from gateway.intake.identify import issue_key
from gateway.telemetry import set_up_logging
from gateway.wiring import Gateway, open_gateway
from sandbox.app import Running, start
from sandbox.department import DepartmentSystem, compose
from sandbox.edxml import File, Organ
from sandbox.settings import PROVINCE_SYSTEM, SandboxSettings

set_up_logging(json_lines=False, level=logging.INFO)

CONFIG = """
[gateway]
id = "test"
data_dir = "{data_dir}"
[listen.intake]
plain_http = "127.0.0.1:0"
{intake}
[listen.console]
address = "127.0.0.1:0"
[store]
reserve = "1MB"
[delivery]
retry_first = "50ms"
retry_max = "400ms"
{delivery}
[[systems]]
id = "snv"
{system}
environment = "test"
[[systems]]
id = "stc"
parties = ["H53.02"]
environment = "test"
{receiver}
[[platforms]]
id = "vxp"
adapter = "vxp"
base_url = "{axis_url}"
environment = "test"
system_id = "{system_id}"
secret = "env:VXP_SECRET"
requests_per_second = 500
poll_interval = "100ms"
deadline = "5s"
{platform}
"""


@dataclass
class Province:
    """Handles on everything a test looks at."""

    sandbox: Running
    gateway: Gateway
    base_url: str
    console_url: str
    keys: dict[str, str]

    def system(self, name: str) -> DepartmentSystem:
        """The document system *name*, not yet entered."""
        return DepartmentSystem(self.base_url, self.keys[name], name=name)

    async def call(self, method: str, path: str, *, system: str = "snv", **options: Any) -> tuple[int, Any]:
        """One call of the REST interface: status, decoded answer."""
        headers = {"Authorization": f"Bearer {self.keys[system]}", **options.pop("headers", {})}
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self.base_url + path, headers=headers, **options) as response,
        ):
            return response.status, await response.json(content_type=None)

    async def control(self, method: str, path: str, **options: Any) -> Any:
        """One call of the sandbox's control interface."""
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self.sandbox.control_url + path, **options) as response,
        ):
            return await response.json()

    async def until(self, condition: Callable[[], Awaitable[Any]], seconds: float = 60.0) -> Any:
        """The first true value of *condition*; the test fails if none comes in time."""
        async with asyncio.timeout(seconds):
            while not (value := await condition()):
                await asyncio.sleep(0.02)
            return value

    async def delivered(self, message_id: str) -> Any:
        """Wait until every delivery of a message is delivered."""

        async def ended() -> bool:
            rows = await self.gateway.store.deliveries_of(message_id)
            return bool(rows) and all(row.state == "delivered" for row in rows)

        return await self.until(ended)


def document(number: str, *, to: str = "000.00.00.G22", sender: str = "H53.01", **more: Any) -> dict[str, Any]:
    """A complete document of the REST interface with one small attachment."""
    files = more.pop("files", [File("cong-van.pdf", "application/pdf", b"%PDF-1.7 " + number.encode())])
    recipients = [Organ(code, f"Đơn vị {code}") for code in to.split(",")]
    subject = more.pop("subject", "V/v kiểm tra")
    return compose(
        Organ(sender, "Sở Nội vụ"),
        recipients,
        number,
        "SNV-VP",
        subject,
        "2026-11-20",
        files,
        document_id=f"{sender},2026/11/20,{number}/SNV-VP",
        **more,
    )


@asynccontextmanager
async def running_gateway(
    folder: Path,
    sandbox: Running,
    *,
    intake: str = "",
    delivery: str = "",
    platform: str = "",
    system: str = 'parties = ["H53.01", "H53.01.*"]',
    receiver: str = "",
) -> AsyncIterator[Province]:
    """The gateway in this process, on a data directory below *folder*, with fresh keys for its two systems."""
    file = folder / "lienthong.toml"
    file.write_text(
        CONFIG.format(
            data_dir=folder / "state",
            axis_url=sandbox.axis_url,
            system_id=PROVINCE_SYSTEM,
            intake=intake,
            delivery=delivery,
            platform=platform,
            system=system,
            receiver=receiver,
        ),
        encoding="utf-8",
    )
    async with listening(load(file, {"VXP_SECRET": sandbox.systems[PROVINCE_SYSTEM].secret}), sandbox) as province:
        yield province


@asynccontextmanager
async def listening(config: Config, sandbox: Running) -> AsyncIterator[Province]:
    """The gateway of *config* in this process, with fresh keys for its systems."""
    async with open_gateway(config) as gateway:
        keys = {}
        for item in config.systems:
            issued = issue_key(item.id, datetime.now(UTC))
            await gateway.store.add_key(issued.key, "test")
            keys[item.id] = issued.text
        bound: asyncio.Future[tuple[int, int]] = asyncio.get_running_loop().create_future()
        running = asyncio.create_task(gateway.run(lambda a, b: bound.set_result((a[0], b[0]))))
        await asyncio.wait({running, bound}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            await running
        intake_port, console_port = bound.result()
        try:
            yield Province(
                sandbox, gateway, f"http://127.0.0.1:{intake_port}", f"http://127.0.0.1:{console_port}", keys
            )
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
async def sandbox() -> AsyncIterator[Running]:
    """A simulated axis with its own store; the ministries answer only when a test polls for them."""
    running = await start(SandboxSettings(ministries_poll=False))
    try:
        yield running
    finally:
        await running.stop()


@pytest.fixture
async def province(tmp_path: Path, sandbox: Running) -> AsyncIterator[Province]:
    """A running gateway between two document systems and the axis."""
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(running_gateway(tmp_path, sandbox))
