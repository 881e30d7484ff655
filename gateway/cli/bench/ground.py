"""The ground a measurement stands on: gateway, simulated axis, bare server and senders, each a process of its own.

All of it is on loopback, and what it writes lies below one folder that the caller removes.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp

from gateway.cli.bench.load import Plan, Sent
from gateway.cli.frame import Exit, Failure
from gateway.clock import SystemClock
from gateway.config import load
from gateway.intake.identify import issue_key
from gateway.model.delivery import State
from gateway.ports import Store
from gateway.storage import StoreSettings, open_readonly
from gateway.wiring import open_gateway
from sandbox.settings import PROVINCE_SYSTEM

RECIPIENT = "000.00.00.G01"
"""A unit of the axis' directory that no simulated ministry fetches for: what is measured ends on the axis."""
START_SECONDS = 30.0
STOP_SECONDS = 20.0

_CONFIG = """\
[gateway]
id = "bench"
data_dir = "{data_dir}"
[listen.intake]
plain_http = "127.0.0.1:0"
[listen.console]
address = "127.0.0.1:0"
[store]
reserve = "100MB"
[[systems]]
id = "sender"
parties = ["H53.01"]
environment = "test"
"""
_PLATFORM = """\
[[platforms]]
id = "{id}"
adapter = "vxp"
base_url = "{url}"
environment = "test"
system_id = "{system_id}"
secret = "env:BENCH_{id}"
requests_per_second = 1000
slots = {slots}
[[routes]]
to = ["{to}"]
platform = "{id}"
"""


class BenchFault(Failure):
    """A measurement is not possible, or a document was refused or lost; *reason* says which."""

    def __init__(self, reason: str) -> None:
        super().__init__(Exit.FINDING, "bench", f"Phép đo không thành công: {reason}", f"nothing measured: {reason}")


@dataclass(frozen=True, slots=True)
class Axis:
    """A simulated axis; as a destination of the gateway it is called *id* and serves the units *to*."""

    id: str
    to: str
    url: str
    control_url: str
    secret: str

    async def control(self, method: str, path: str, **options: object) -> Mapping[str, object]:
        """One call of the control interface."""
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self.control_url + path, **options) as response,  # type: ignore[arg-type]
        ):
            answer: Mapping[str, object] = await response.json()
            return answer

    async def packages(self) -> int:
        """Packages it holds, by its own count, repeats included."""
        counts = (await self.control("GET", "/state?packages=0"))["counts"]
        return int(counts["packages"]) if isinstance(counts, dict) else 0


@dataclass(frozen=True, slots=True)
class Site:
    """A gateway's configuration and the key of its one system."""

    file: Path
    data_dir: Path
    key: str
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Running:
    """A gateway that is up: where it listens, and its store read beside it."""

    site: Site
    base_url: str
    pid: int
    store: Store

    def cpu_seconds(self) -> float:
        """Processor time its process has used so far (proc(5), stat: utime and stime)."""
        numbers = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(numbers[11]) + int(numbers[12])) / os.sysconf("SC_CLK_TCK")

    async def delivered(self, destination: str) -> int:
        """Deliveries that *destination* has confirmed."""
        for queue in await self.store.queues():
            if queue.destination == destination:
                return queue.counts.get(State.DELIVERED, 0)
        return 0

    async def until_delivered(self, destination: str, count: int, seconds: float) -> None:
        """Wait until *destination* has confirmed *count* deliveries. BenchFault after *seconds*."""
        try:
            async with asyncio.timeout(seconds):
                while await self.delivered(destination) < count:  # noqa: ASYNC110 (another process' doing)
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise BenchFault(f"{destination}: not delivered within {seconds:.0f} s") from None

    async def ended(self, message_ids: Sequence[str], destination: str) -> list[float]:
        """When each message's delivery to *destination* ended, in seconds since the epoch."""
        return [await self._ended(message_id, destination) for message_id in message_ids]

    async def _ended(self, message_id: str, destination: str) -> float:
        for delivery in await self.store.deliveries_of(message_id):
            if delivery.destination == destination and delivery.ended_at and delivery.state is State.DELIVERED:
                return delivery.ended_at.timestamp()
        raise BenchFault(f"message {message_id} was not delivered to {destination}")


@asynccontextmanager
async def running(
    log: Path, *command: str, environment: Mapping[str, str] | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """`python -m` *command*; asked to end at the end, and killed if it does not. What it says goes to *log*."""
    with log.open("ab") as file:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", *command, env={**os.environ, **(environment or {})},
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=file,
        )  # fmt: skip
    try:
        yield process
    finally:
        await _stop(process)


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        await asyncio.wait_for(process.communicate(), STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()


async def _line(process: asyncio.subprocess.Process, log: Path) -> str:
    """The next line of the process' output. BenchFault if it ends instead."""
    if process.stdout is None:
        raise RuntimeError("started without a pipe")
    try:
        line = await asyncio.wait_for(process.stdout.readline(), START_SECONDS)
    except TimeoutError:
        line = b""
    if not line:
        raise BenchFault(f"did not start: {log.read_text('utf-8', 'replace')[-400:]}")
    return line.decode()


async def _told(process: asyncio.subprocess.Process, log: Path, name: str) -> Any:
    """The member *name* of the next line, which is JSON. BenchFault if the process says something else."""
    line = await _line(process, log)
    told = json.loads(line)
    if name not in told:
        raise BenchFault(f"did not start: {line.strip()[:400]}")
    return told[name]


@asynccontextmanager
async def axis(folder: Path, id: str, to: str = "*") -> AsyncIterator[Axis]:
    """`lienthong sandbox` with its data below *folder*."""
    own, log = folder / id, folder / f"{id}.log"
    ports = ("--port", "0", "--control-port", "0")
    async with running(log, "gateway.cli", "sandbox", *ports, "--data-dir", str(own)) as process:
        urls = [_url(await _line(process, log)) for _ in range(2)]
        systems = json.loads((own / "systems.json").read_text("utf-8"))
        secret = next(row["secret"] for row in systems if row["system_id"] == PROVINCE_SYSTEM)
        yield Axis(id, to, urls[0], urls[1], secret)


@asynccontextmanager
async def bare_server(folder: Path) -> AsyncIterator[str]:
    """The bare HTTP server; its base URL."""
    log = folder / "echo.log"
    async with running(log, "gateway.cli.bench.echo") as process:
        yield f"http://127.0.0.1:{await _told(process, log, 'port')}"


async def site(folder: Path, axes: Sequence[Axis], slots: int) -> Site:
    """A new gateway below *folder* with a key for its system, not yet running."""
    file, data_dir = folder / "lienthong.toml", folder / "state"
    folder.mkdir(parents=True)
    platforms = [
        _PLATFORM.format(id=one.id, url=one.url, system_id=PROVINCE_SYSTEM, slots=slots, to=one.to) for one in axes
    ]
    file.write_text(_CONFIG.format(data_dir=data_dir) + "".join(platforms), encoding="utf-8")
    environment = {f"BENCH_{one.id}": one.secret for one in axes}
    issued = issue_key("sender", datetime.now(UTC), note="bench")
    async with open_gateway(load(file, environment)) as gateway:
        await gateway.store.add_key(issued.key, "bench")
    return Site(file, data_dir, issued.text, environment)


@asynccontextmanager
async def serving(site: Site) -> AsyncIterator[Running]:
    """`lienthong serve` for *site*."""
    log = site.file.with_name("gateway.log")
    command = ("gateway.cli", "serve", "--json", "-c", str(site.file))
    async with AsyncExitStack() as stack:
        process = await stack.enter_async_context(running(log, *command, environment=site.environment))
        port = (await _told(process, log, "intake"))[0]
        store = await open_readonly(StoreSettings(site.data_dir), SystemClock())
        stack.push_async_callback(store.close)
        yield Running(site, f"http://127.0.0.1:{port}", process.pid, store)


async def send(folder: Path, plan: Plan) -> Sent:
    """Have *plan* carried out by a process of its own. BenchFault if one document was not accepted."""
    log = folder / "load.log"
    async with running(log, "gateway.cli.bench.load") as process:
        output, _ = await process.communicate(json.dumps(asdict(plan)).encode())
    if process.returncode:
        raise BenchFault(f"the senders failed: {log.read_text('utf-8', 'replace')[-400:]}")
    sent = Sent(**json.loads(output))
    if sent.refused or not sent.waits:
        raise BenchFault(f"not every document was accepted: {sent.refused}")
    return sent


def _url(line: str) -> str:
    found = re.search(r"http://\S+", line)
    if found is None:
        raise BenchFault(f"no address in {line!r}")
    return found[0]
