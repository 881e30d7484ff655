"""Composition of the sandbox: the axis, its control interface and the simulated ministries in one process.

running = await start(SandboxSettings(data_dir=Path("var/sandbox")))
running.axis_url, running.control_url, running.systems[PROVINCE_SYSTEM].secret
await running.stop()
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

from sandbox.agency import AgencySystem
from sandbox.axis import Axis
from sandbox.control import Control
from sandbox.faults import Script
from sandbox.gate import Gate, require_loopback
from sandbox.meter import Meter
from sandbox.operations import Operations
from sandbox.pki.service import PkiSettings, RunningPki
from sandbox.pki.service import start as start_pki
from sandbox.settings import MINISTRY_SYSTEM, PROVINCE_SYSTEM, SECOND_MINISTRY_SYSTEM, SandboxSettings, System
from sandbox.store import Store
from sandbox.wire import VIETNAM


@dataclass(frozen=True, slots=True)
class Running:
    """A started sandbox. `systems` maps system ids to credentials, `ministries` to the simulated receivers.

    `pki` is the test PKI, None if none was asked for.
    """

    axis_url: str
    control_url: str
    systems: Mapping[str, System]
    ministries: Mapping[str, AgencySystem]
    axis: Axis
    control: Control
    gates: tuple[Gate, Gate]
    polls: tuple[asyncio.Task[None], ...]
    pki: RunningPki | None = None

    async def stop(self) -> None:
        """Stop polling, close both listeners and the store; raises what a ministry's polling died of, if it did."""
        for poll in self.polls:
            poll.cancel()
        ended = await asyncio.gather(*self.polls, return_exceptions=True)
        await self.control.close()
        for gate in self.gates:
            await gate.stop()
        if self.pki is not None:
            await self.pki.stop()
        self.axis.operations.store.close()
        for outcome in ended:
            if isinstance(outcome, Exception):
                raise outcome


async def start(settings: SandboxSettings, now: Callable[[], datetime] | None = None) -> Running:
    """Start the sandbox on loopback. Raises ValueError for any other address, OSError if a port is taken."""
    clock = now or (lambda: datetime.now(VIETNAM))
    require_loopback(settings.host)
    if settings.data_dir is not None:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    systems = settings.systems or default_systems(settings)
    store = Store(settings.data_dir / "axis.sqlite" if settings.data_dir else None)
    axis = Axis(Operations(settings, systems, store, clock), Script(), Meter(time.monotonic), clock)
    axis_gate = Gate(axis.application(), settings.host, settings.port)
    pki: RunningPki | None = None
    try:
        pki = await _pki(settings, clock)
        return await _open(settings, systems, axis, axis_gate, clock, pki)
    except (OSError, ValueError):
        if pki is not None:
            await pki.stop()
        await axis_gate.stop()
        store.close()
        raise


async def _pki(settings: SandboxSettings, clock: Callable[[], datetime]) -> RunningPki | None:
    """Start the test PKI if there is to be one."""
    if settings.pki_port is None:
        return None
    folder = settings.data_dir / "pki" if settings.data_dir else None
    return await start_pki(PkiSettings(settings.host, settings.pki_port, folder), clock)


async def _open(
    settings: SandboxSettings,
    systems: tuple[System, ...],
    axis: Axis,
    axis_gate: Gate,
    clock: Callable[[], datetime],
    pki: RunningPki | None,
) -> Running:
    """Open both listeners and let the ministries poll."""
    await axis_gate.open()
    ministries = {
        system.system_id: AgencySystem(axis_gate.url, system, folder=settings.data_dir, now=clock)
        for system in systems
        if system.system_id in settings.ministries
    }
    control = Control(axis, axis_gate, ministries, clock, pki)
    control_gate = Gate(control.application(), settings.host, settings.control_port)
    await control_gate.open()
    polls = (
        tuple(asyncio.create_task(ministry.run(settings.ministry_interval)) for ministry in ministries.values())
        if settings.ministries_poll
        else ()
    )
    return Running(
        axis_gate.url,
        control_gate.url,
        {system.system_id: system for system in systems},
        ministries,
        axis,
        control,
        (axis_gate, control_gate),
        polls,
        pki,
    )


def default_systems(settings: SandboxSettings) -> tuple[System, ...]:
    """Return the province and two ministries. Secrets are random, and kept in the data directory if there is one."""
    systems = (
        System(
            PROVINCE_SYSTEM,
            settings.province_secret or secrets.token_hex(16),
            settings.province_name,
            settings.province_agencies,
        ),
        System(MINISTRY_SYSTEM, secrets.token_hex(16), "Văn phòng Chính phủ", ("*.G22", "G22", "G22.*")),
        System(SECOND_MINISTRY_SYSTEM, secrets.token_hex(16), "Bộ Nội vụ", ("*.G09", "G09", "G09.*")),
    )
    if settings.data_dir is None:
        return systems
    return _remembered(settings.data_dir / "systems.json", systems, settings.province_secret)


def run(settings: SandboxSettings, say: Callable[[str], object] = sys.stdout.write) -> int:
    """Run the sandbox until interrupted; the body of the command `lienthong sandbox`. Returns the exit code."""
    try:
        asyncio.run(_serve(settings, say))
    except (OSError, ValueError) as error:
        say(f"Không khởi động được môi trường giả lập (cannot start): {error}\n")
        return 2
    return 0


async def _serve(settings: SandboxSettings, say: Callable[[str], object]) -> None:
    running = await start(settings)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stopped.set)
    say(f"Trục liên thông giả lập (simulated axis): {running.axis_url}\n")
    say(f"Điều khiển (control): {running.control_url}\n")
    if running.pki is not None:
        say(f"PKI thử nghiệm (test PKI): {running.pki.url} (/ocsp /crl /ca /tsa)\n")
    for system in running.systems.values():
        say(f"  {system.name}: systemid {system.system_id}, secret {system.secret}\n")
    try:
        await stopped.wait()
    finally:
        await running.stop()


def _remembered(path: Path, systems: tuple[System, ...], province_secret: str | None) -> tuple[System, ...]:
    """Use the secrets of the last start, so that a restart needs no new configuration elsewhere."""
    if path.exists():
        known = {row["system_id"]: row["secret"] for row in json.loads(path.read_text("utf-8"))}
        systems = tuple(replace(system, secret=known.get(system.system_id, system.secret)) for system in systems)
    if province_secret:
        systems = (replace(systems[0], secret=province_secret), *systems[1:])
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump([asdict(system) for system in systems], file, ensure_ascii=False, indent=1)
    return systems
