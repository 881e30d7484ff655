"""One life of the gateway: a real process that is started, found ready, and killed or found dead."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

SERVE = (sys.executable, "-c", "from gateway.cli import main; main()", "serve")
"""`lienthong serve`, whether or not the command is on the path."""

SLOTS = 4
"""Sends that the gateway may have under way at once."""

CONFIG = """
[gateway]
id = "crash"
data_dir = "{data_dir}"
[listen.intake]
plain_http = "127.0.0.1:{intake}"
[listen.console]
address = "127.0.0.1:{console}"
[store]
reserve = "1MB"
[delivery]
retry_first = "50ms"
retry_max = "400ms"
[audit]
seal_interval = "200ms"
[[systems]]
id = "snv"
parties = ["H53.01", "H53.01.*"]
automatic_arrival = ["H53.01"]
environment = "test"
[[systems]]
id = "stc"
parties = ["H53.02"]
environment = "test"
[[systems]]
id = "snn"
adapter = "vxp"
parties = ["H53.03"]
automatic_arrival = ["H53.03"]
system_id = "{office_system}"
secret = "env:OFFICE_SECRET"
environment = "test"
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
slots = {slots}
"""


class NotAsPlanned(AssertionError):
    """The gateway did not die, did not start, or ended in another way than the harness meant it to."""


def free_port() -> int:
    """A port of the loopback address that nobody listens on now; every life of the gateway takes the same."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(slots=True)
class GatewayLife:
    """A gateway process from start to end. Its log is appended to *log*."""

    config: Path
    console_url: str
    log: Path
    environment: Mapping[str, str]
    command: Sequence[str] = SERVE
    _process: Process | None = field(default=None)

    async def start(self) -> None:
        """Start the process; it is not ready yet."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self.command, "-c", str(self.config), stdout=log, stderr=log, env={**os.environ, **self.environment}
            )

    async def ready(self, seconds: float = 30.0) -> bool:
        """True as soon as /readyz says so, False if the process died before. Raises NotAsPlanned after *seconds*."""
        died = asyncio.create_task(self.process.wait())
        try:
            async with aiohttp.ClientSession() as session, asyncio.timeout(seconds):
                while not died.done():
                    if await _answers(session, f"{self.console_url}/readyz"):
                        return True
                    await asyncio.wait({died}, timeout=0.02)
            return False
        except TimeoutError:
            raise NotAsPlanned(f"not ready after {seconds} s\n{self.tail()}") from None
        finally:
            died.cancel()

    async def killed_itself(self, seconds: float) -> None:
        """Wait for the death at an armed point. Raises NotAsPlanned if none comes or it has another cause."""
        try:
            code = await asyncio.wait_for(self.process.wait(), seconds)
        except TimeoutError:
            await self.kill()
            raise NotAsPlanned(f"the point was not reached in {seconds} s\n{self.tail()}") from None
        if code != -signal.SIGKILL:
            raise NotAsPlanned(f"exit {code} instead of SIGKILL\n{self.tail()}")

    async def kill(self) -> None:
        """SIGKILL now, and wait until it is gone. Raises NotAsPlanned if it had ended by itself."""
        if self.process.returncode is None:
            self.process.kill()
        if (code := await self.process.wait()) != -signal.SIGKILL:
            raise NotAsPlanned(f"exit {code} before it was killed\n{self.tail()}")

    async def stop(self, seconds: float = 30.0) -> None:
        """SIGTERM, and an orderly end. Raises NotAsPlanned for anything else."""
        self.process.terminate()
        try:
            code = await asyncio.wait_for(self.process.wait(), seconds)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()
            raise NotAsPlanned(f"did not stop within {seconds} s\n{self.tail()}") from None
        if code != 0:
            raise NotAsPlanned(f"exit {code} after SIGTERM\n{self.tail()}")

    async def put_down(self) -> None:
        """Make sure that nothing is left running, whatever happened."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    @property
    def process(self) -> Process:
        assert self._process is not None, "not started"
        return self._process

    def tail(self) -> str:
        """The last lines of the log."""
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-25:])


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url, timeout=aiohttp.ClientTimeout(total=5)) as response:
            return response.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False
