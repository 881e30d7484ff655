"""The stage: a simulated axis in this process, the real gateway in a process of its own that can be killed."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Any, TypeVar

import aiohttp

from gateway.cli.frame import Exit, Failure
from gateway.clock import SystemClock
from gateway.config import load
from gateway.intake.identify import issue_key
from gateway.ports import Books
from gateway.proof.verification import verify_store
from gateway.storage import open_readonly
from gateway.wiring import open_gateway, store_settings
from sandbox.agencies import Agency
from sandbox.app import Running, start
from sandbox.department import DepartmentSystem
from sandbox.habits import VENDOR_SDK
from sandbox.office import OfficeSystem
from sandbox.pki.desk import Desk
from sandbox.pki.hierarchy import Hierarchy
from sandbox.pki.seal import seal_png
from sandbox.pki.service import RunningPki
from sandbox.pki.typeface import default_typeface
from sandbox.province import OFFICE_VARIABLE, merged_province
from sandbox.settings import PROVINCE_SYSTEM, SECOND_MINISTRY_SYSTEM, SandboxSettings

Value = TypeVar("Value")

PROVINCE = merged_province(departments=3, communes=4)
"""Two former provinces, two makers' document systems: one speaks VXP, the other REST."""

SENDER = PROVINCE.rest.parties[0]
"""The department whose seal the gateway applies."""
BUSY = PROVINCE.rest.parties[1]
"""One that sends much, and seals nothing."""
COMMUNES = PROVINCE.vxp.parties[-2:]

SEATS = tuple((f"cho-thu-{n}", f"H53.98.0{n}", f"000.98.0{n}.H53") for n in (1, 2))
"""Seats for the audience's own software: configured id, party, VXP system id."""

_CONFIG = """\
# Written by `lienthong demo`; a real one is config/gateway.toml.
[gateway]
id = "demo"
data_dir = "{data_dir}"
[listen.intake]
plain_http = "127.0.0.1:{intake}"
[listen.console]
address = "127.0.0.1:{console}"
[store]
reserve = "10MB"
[delivery]
retry_first = "200ms"
retry_max = "1s"
[trust]
directory = "{trust}"
fetch_from = ["{pki}"]
[signing]
stamps = ["{pki}/tsa/government"]
[[signing.keys]]
id = "van-thu"
file = "{trust}/van-thu.p12"
password = "env:DEMO_KEY_PASSWORD"
[[signing.profiles]]
id = "con-dau"
key = "van-thu"
parties = ["{sender}"]
seal_image = "{trust}/con-dau.png"
level = "B-LT"
{systems}
[[platforms]]
id = "vxp"
adapter = "vxp"
base_url = "{axis}"
environment = "test"
system_id = "{system_id}"
secret = "env:DEMO_VXP_SECRET"
requests_per_second = 100
poll_interval = "300ms"
deadline = "3s"
[[routes]]
to = ["{strict}"]
platform = "vxp"
signatures = {{ document = "require" }}
[[routes]]
to = ["*"]
platform = "vxp"
sign = ["con-dau"]
"""


@dataclass
class Stage:
    """Everything a scene acts on."""

    folder: Path
    config_file: Path
    sandbox: Running
    keys: dict[str, str]
    intake_port: int
    console_port: int
    secrets: dict[str, str]
    desk: Desk
    process: asyncio.subprocess.Process | None = None

    @property
    def base_url(self) -> str:
        """Where systems reach the gateway."""
        return f"http://127.0.0.1:{self.intake_port}"

    @property
    def console_url(self) -> str:
        """The management side."""
        return f"http://127.0.0.1:{self.console_port}"

    def rest_system(self) -> DepartmentSystem:
        """The REST maker's document system, to be used as an async context manager."""
        key = self.keys[PROVINCE.rest.id]
        return DepartmentSystem(self.base_url, key, folder=self.folder / "systems", name=PROVINCE.rest.id, timeout=5)

    def vxp_system(self) -> OfficeSystem:
        """The VXP maker's document system with the vendor SDK's habits, to be used as an async context manager."""
        return OfficeSystem(f"{self.base_url}/vxp", PROVINCE.vxp.seat(), self.folder / "systems", VENDOR_SDK, timeout=5)

    async def start_gateway(self) -> None:
        """Start the gateway process and wait until it is ready."""
        environment = {**os.environ, **self.secrets}
        log = (self.folder / "gateway.log").open("ab")
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway.cli", "serve", "-c", str(self.config_file),
            env=environment, stdout=log, stderr=log,
        )  # fmt: skip
        log.close()
        await self.until(self._ready, 20)

    async def kill_gateway(self) -> int:
        """kill -9; the process id that died."""
        process = self._require_process()
        process.send_signal(signal.SIGKILL)
        await process.wait()
        return process.pid

    async def stop_gateway(self) -> None:
        """An orderly end."""
        if self.process is None or self.process.returncode is not None:
            return
        self.process.terminate()
        try:
            await asyncio.wait_for(self.process.wait(), 25)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()

    async def _ready(self) -> bool:
        process = self._require_process()
        if process.returncode is not None:
            raise RuntimeError(f"the gateway ended with {process.returncode}; see {self.folder / 'gateway.log'}")
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with session.get(self.console_url + "/readyz") as response:
                    return response.status == 200
        return False

    def _require_process(self) -> asyncio.subprocess.Process:
        if self.process is None:
            raise RuntimeError("the gateway was never started")
        return self.process

    async def books(self) -> Books:
        """The books, read from the disk as an auditor would, whether or not the gateway runs."""
        config = load(self.config_file, self.secrets)
        store = await open_readonly(store_settings(config), SystemClock())
        try:
            return await store.books()
        finally:
            await store.close()

    async def log_verifies(self) -> bool:
        """Whether the audit log, recomputed from the disk, matches its checkpoints."""
        config = load(self.config_file, self.secrets)
        store = await open_readonly(store_settings(config), SystemClock())
        try:
            return (await verify_store(store)).intact
        finally:
            await store.close()

    def holds(self, marker: bytes) -> bool:
        """Whether any file of the gateway's data directory holds *marker*, as it is or in base64."""
        forms = [marker, *(base64.b64encode(bytes(shift) + marker)[4:-4] for shift in range(3))]
        files = (path.read_bytes() for path in (self.folder / "state").rglob("*") if path.is_file())
        return any(form in content for content in files for form in forms)

    async def call(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        """One call of the gateway's REST interface."""
        headers = {"Authorization": f"Bearer {self.keys[PROVINCE.rest.id]}", **options.pop("headers", {})}
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self.base_url + path, headers=headers, **options) as response,
        ):
            return response.status, await response.json(content_type=None)

    async def axis(self, method: str, path: str, **options: Any) -> Any:
        """One call of the simulated axis' control interface."""
        return await control(self.sandbox, method, path, **options)

    async def axis_content(self, doc_id: str) -> bytes:
        """A package's bytes as they were sent to the axis."""
        url = f"{self.sandbox.control_url}/packages/{doc_id}/content?form=sent"
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            return await response.read()

    async def until(self, condition: Callable[[], Awaitable[Value | None]], seconds: float = 20) -> Value:
        """The first true value of *condition*. TimeoutError if none comes in time."""
        async with asyncio.timeout(seconds):
            while not (value := await condition()):  # noqa: ASYNC110 (what is awaited happens in other processes)
                await asyncio.sleep(0.05)
            return value

    def write_connections(self) -> Path:
        """`connections.json`: what one needs to try own software against the demo (mode 0600)."""
        seats = [
            {"id": name, "party": party, "adapter": "vxp", "base_url": f"{self.base_url}/vxp", "system_id": system_id,
             "secret": self.secrets[_variable(name)]}
            for name, party, system_id in SEATS
        ]  # fmt: skip
        rest, key = PROVINCE.rest, self.keys[PROVINCE.rest.id]
        json_seat = {"id": rest.id, "party": SENDER.code, "adapter": "rest", "base_url": self.base_url,
                     "system_id": rest.id, "secret": key}  # fmt: skip
        content = {
            "systems": [*seats, json_seat],
            "sandbox": {"control_url": self.sandbox.control_url},
            "console": None,
            "api": {"base_url": f"{self.base_url}/api/v1", "key": key},
        }
        path = self.folder / "connections.json"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(content, file, ensure_ascii=False, indent=2)
        return path


async def control(sandbox: Running, method: str, path: str, **options: Any) -> Any:
    """One call of a sandbox's control interface; its decoded answer."""
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, sandbox.control_url + path, **options) as response,
    ):
        return await response.json()


def require_own(folder: Path) -> None:
    """Failure if *folder* holds something that an earlier demo did not write: it would be removed."""
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "demo.marker").exists():
        raise Failure(
            Exit.USAGE,
            "demo.folder",
            f"{folder} đang có dữ liệu khác, không phải của buổi diễn",
            f"{folder} holds something else than a demo",
            "Chọn thư mục khác bằng --data-dir",
            "Choose another folder with --data-dir",
        )


@asynccontextmanager
async def set_stage(folder: Path) -> AsyncIterator[Stage]:
    """A fresh stage in *folder* (what an earlier demo left there is removed), torn down at the end."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "demo.marker").touch()
    (folder / "systems").mkdir()
    sandbox = await start(_sandbox_settings(folder))
    try:
        stage = await _prepare(folder, sandbox)
        try:
            yield stage
        finally:
            await stage.stop_gateway()
    finally:
        await sandbox.stop()


def _sandbox_settings(folder: Path) -> SandboxSettings:
    settings = PROVINCE.sandbox(data_dir=folder / "axis", ministry_interval=0.3, pki_port=0)
    extra = tuple(Agency(20_000 + n, party, f"Đơn vị thử {n}") for n, (_, party, _) in enumerate(SEATS, start=1))
    return replace(settings, agencies=(*settings.agencies, *extra))


async def _prepare(folder: Path, sandbox: Running) -> Stage:
    intake, console = free_port(), free_port()
    secrets = {"DEMO_VXP_SECRET": sandbox.systems[PROVINCE_SYSTEM].secret, OFFICE_VARIABLE: PROVINCE.vxp.secret}
    secrets |= {_variable(name): token_hex(16) for name, _, _ in SEATS}
    pki = _require_pki(sandbox)
    secrets["DEMO_KEY_PASSWORD"] = token_hex(16)
    await asyncio.to_thread(_lay_trust, pki.hierarchy, folder / "trust", secrets["DEMO_KEY_PASSWORD"])
    file = folder / "lienthong.toml"
    file.write_text(
        _CONFIG.format(
            data_dir=folder / "state",
            intake=intake,
            console=console,
            axis=sandbox.axis_url,
            system_id=PROVINCE_SYSTEM,
            systems=_systems(),
            trust=folder / "trust",
            pki=pki.hierarchy.base_url,
            sender=SENDER.code,
            strict=SECOND_MINISTRY_SYSTEM,
        ),
        encoding="utf-8",
    )
    keys: dict[str, str] = {}
    async with open_gateway(load(file, secrets)) as gateway:
        issued = issue_key(PROVINCE.rest.id, datetime.now(UTC), note="demo")
        await gateway.store.add_key(issued.key, "demo")
        keys[PROVINCE.rest.id] = issued.text
    return Stage(folder, file, sandbox, keys, intake, console, secrets, Desk(pki.hierarchy))


def _require_pki(sandbox: Running) -> RunningPki:
    if sandbox.pki is None:
        raise RuntimeError("the sandbox runs without its PKI")
    return sandbox.pki


def _lay_trust(hierarchy: Hierarchy, folder: Path, password: str) -> None:
    """Whom the gateway believes, and the department's key and seal."""
    hierarchy.write_trust(folder / "state", ("government",))
    hierarchy.write_trust(folder / "public", ("public",))
    hierarchy.write_trust(folder / "tsa")
    key = folder / "van-thu.p12"
    key.touch(0o600)
    key.write_bytes(hierarchy.organisation(SENDER.name, kind="rsa").pkcs12(password))
    seal = seal_png(SENDER.name, "Ủy ban nhân dân tỉnh Tây Ninh", default_typeface())
    (folder / "con-dau.png").write_bytes(seal)


def _systems() -> str:
    """The province's two systems, the communes delegating 01 to the gateway, and the seats for own software."""
    delegated = json.dumps(PROVINCE.vxp.codes())
    own = [
        f'''[[systems]]
id = "{name}"
adapter = "vxp"
parties = ["{party}"]
environment = "test"
system_id = "{system_id}"
secret = "env:{_variable(name)}"
'''
        for name, party, system_id in SEATS
    ]
    return "\n".join([PROVINCE.vxp.toml() + f"automatic_arrival = {delegated}\n", PROVINCE.rest.toml(), *own])


def _variable(name: str) -> str:
    return "DEMO_" + name.upper().replace("-", "_") + "_SECRET"


def free_port() -> int:
    """A loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
