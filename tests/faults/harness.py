"""The crash harness: the sandbox lives, the gateway dies again and again, and at the end somebody counts.

    async with CrashRun(tmp_path, seed=1) as run:
        await run.kill_at("commit.after", nth=2)      # the gateway kills itself with -9 at that point
        await run.kill_at_random()
        verdict = await run.verdict()                 # settle, stop, judge
    assert verdict.good, verdict.summary()

With a power supply every kill is a power loss: what was not fsynced is gone.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Literal

from desks import OFFICE_SECRET, OFFICE_SYSTEM, PARTY, REST
from evidence import gather
from lives import CONFIG, SERVE, SLOTS, GatewayLife, NotAsPlanned, free_port
from supply import PowerSupply
from traffic import Traffic
from verdict import Verdict, judge

from gateway.clock import SystemClock
from gateway.config import load
from gateway.intake.identify import issue_key
from gateway.storage import SqliteStore, StoreSettings, open_readonly, open_store
from gateway.wiring import store_settings
from sandbox.app import Running, start
from sandbox.settings import PROVINCE_SYSTEM, SandboxSettings

ROOT = Path(__file__).parents[2]
RANDOM = "random"
UNTIL_REACHED = 45.0
"""Seconds in which the traffic must have led the gateway to an armed point."""
SURVIVALS = (0.0, 0.5, 0.9)
"""Shares of unflushed blocks that a power loss leaves behind, in turn."""
POINTS = {
    "accept.after_spool": "the bytes lie in their file, no row knows them",
    "commit.before": "accepted in the transaction, not committed",
    "commit.after": "accepted for good, the sender has not heard it",
    "attempt.before_send": "leased, the bytes to send are kept, nothing was sent",
    "attempt.after_send": "the receiver has it, its answer is not in the books",
    "wire.after_spool": "the bytes to send lie in their file, no row knows them",
    "wire.after_keep": "the bytes to send are kept, the attempt has not begun to send",
    "conclude.before_commit": "the outcome is in the transaction, not committed",
    "poll.after_store": "a package of the axis is accepted, its acknowledgement not yet on its way",
    "mailbox.fetched": "a system's fetch is on record, it has not got the content",
    "settle.before_commit": "a system's `done` and the automatic 01 are in the transaction, not committed",
    "settle.after": "`done` and the automatic 01 are committed, the system has not heard it",
    "seal.before_commit": "entries have their places in the tree, not committed",
    "seal.after_commit": "sealed, and the sealer does not know",
}
"""Every point at which the gateway can be told to die, and what is true there."""
_REACHED = re.compile(r'(?:Points|reach)\(([^()]*)\)|spooled=("[^"]+")')
_NAME = re.compile(r'"([a-z_.]+)"')


def named_points() -> frozenset[str]:
    """Every point that the source has."""
    sources = [path.read_text("utf-8") for path in (ROOT / "gateway").rglob("*.py")]
    places = [call or spool for source in sources for call, spool in _REACHED.findall(source)]
    return frozenset(name for place in places for name in _NAME.findall(place))


@dataclass(frozen=True, slots=True)
class Place:
    """Files and addresses of one run."""

    config: Path
    settings: StoreSettings
    base_url: str
    console_url: str
    log: Path


class CrashRun:
    """One data directory, one axis, one day's traffic, many deaths. *unsafe* replaces `lienthong serve` until the
    judgement (negative controls); *supply* makes the disk forget, and *survivals* say how much, in turn. *to_header* is
    how the axis reads the header of that name: one that ignores it brings documents back that were served here.
    """

    def __init__(
        self,
        folder: Path,
        seed: int,
        *,
        supply: Callable[[Path, Random], PowerSupply] | None = None,
        survivals: Sequence[float] = SURVIVALS,
        unsafe: Sequence[str] | None = None,
        stutter: bool = True,
        inbound: bool = True,
        to_header: Literal["overrides", "ignored"] = "overrides",
        pace: float = 0.15,
    ) -> None:
        self.kills: Counter[str] = Counter()
        self._folder = folder
        self._dice = Random(seed)
        self._make_supply = supply
        self._supply: PowerSupply | None = None
        self._survivals = survivals
        self._command = tuple(unsafe or SERVE)
        self._stutter = stutter
        self._inbound = inbound
        self._sandbox_settings = SandboxSettings(ministry_interval=0.3, to_header=to_header)
        self._pace = pace
        self._life: GatewayLife | None = None

    async def __aenter__(self) -> CrashRun:
        self._sandbox = await start(self._sandbox_settings)
        self._place = place(self._folder, self._sandbox)
        keys = await issued_keys(self._place.settings)
        if self._make_supply:
            self._supply = self._make_supply(self._place.settings.data_dir, Random(self._dice.random()))
            self._supply.settle()
        dice = Random(self._dice.random())
        self.traffic = Traffic(self._place.base_url, keys, self._sandbox.control_url, dice, self._pace)
        await self.traffic.start(faults=self._stutter, inbound=self._inbound)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._life:
            await self._life.put_down()
        await self.traffic.close()
        await self._sandbox.stop()

    # -- deaths --------------------------------------------------------------------------------------------------

    async def kill_at(self, point: str, nth: int = 1) -> None:
        """One life that ends by its own hand at the *nth* passing of *point*."""
        life = await self._start(armed=f"{point}:{nth}")
        await life.killed_itself(UNTIL_REACHED)
        self._died(point)

    async def kill_at_random(self) -> None:
        """One life that ends at any moment: one in five while it is still starting, others up to 1.2 s after."""
        life = await self._start()
        if self._dice.random() < 0.8:
            if not await life.ready():
                raise NotAsPlanned(f"it died by itself\n{life.tail()}")
            await asyncio.sleep(self._dice.uniform(0, 1.2))
        else:
            await asyncio.sleep(self._dice.uniform(0, 1.0))
        await life.kill()
        self._died(RANDOM)

    async def kill_after_acceptances(self, count: int) -> None:
        """One life that ends the moment *count* more documents were heard accepted."""
        life = await self._start()
        await self.traffic.heard(len(self.traffic.letters) + count)
        await life.kill()
        self._died("after an answer")

    async def stop_and_lose_power(self) -> None:
        """One life that ends in order, and then the power goes."""
        life = await self._start()
        await self.traffic.heard(len(self.traffic.letters) + 1)
        await life.stop()
        self._lose_power()

    async def _start(self, armed: str = "", *, sound: bool = False) -> GatewayLife:
        environment = {**secrets(self._sandbox), "LIENTHONG_CRASH_AT": armed}
        if self._supply:
            environment |= self._supply.environment
        here = self._place
        command = SERVE if sound else self._command
        self._life = GatewayLife(here.config, here.console_url, here.log, environment, command)
        await self._life.start()
        return self._life

    def _died(self, point: str) -> None:
        self.kills[point] += 1
        self._lose_power()

    def _lose_power(self) -> None:
        if self._supply:
            self._supply.lose(self._survivals[self._supply.losses % len(self._survivals)])

    # -- the end -------------------------------------------------------------------------------------------------

    async def verdict(self, seconds: float = 120.0) -> Verdict:
        """One last, sound life in which everything settles; then an orderly stop, and the judgement. It is printed,
        and appended to ``verdict.txt`` in the run's folder.
        """
        life = await self._start(sound=True)
        if not await life.ready():
            raise NotAsPlanned(f"it does not start again\n{life.tail()}")
        await self.traffic.stop(seconds)
        await self._settled(seconds)
        await life.stop()
        store = await open_store(self._place.settings, SystemClock(), mailboxes=frozenset(PARTY))
        try:
            log = self._place.log.read_text("utf-8", "replace")
            evidence = await gather(self.traffic, store, log)
            losses = self._supply.losses if self._supply else 0
            verdict = await judge(evidence, store, self._place.settings, dict(self.kills), losses)
        finally:
            await store.close()
        self._report(verdict)
        return verdict

    async def _settled(self, seconds: float) -> None:
        """Wait until nobody owes anybody anything, twice in a row; after *seconds* the judgement says what is left."""
        store = await open_readonly(self._place.settings, SystemClock())
        deadline, quiet = asyncio.get_running_loop().time() + seconds, 0
        try:
            while quiet < 2 and asyncio.get_running_loop().time() < deadline:
                quiet = quiet + 1 if await self._quiet(store) else 0
                await asyncio.sleep(0.5)
        finally:
            await store.close()

    async def _quiet(self, store: SqliteStore) -> bool:
        if (await store.books()).open:
            return False
        state = await self.traffic.control("GET", "/state?packages=0")
        owed = sum(ministry["replies_owed"] for ministry in state["ministries"].values())
        return not state["pending"] and not owed and not self.traffic.owed()

    def _report(self, verdict: Verdict) -> None:
        text = verdict.summary()
        print(f"\n{text}")
        with (self._folder / "verdict.txt").open("a", encoding="utf-8") as report:
            report.write(text + "\n")


def place(folder: Path, sandbox: Running) -> Place:
    """Write the configuration of a run; its ports are kept through all lives."""
    intake, console = free_port(), free_port()
    file = folder / "lienthong.toml"
    text = CONFIG.format(
        data_dir=folder / "state",
        intake=intake,
        console=console,
        axis_url=sandbox.axis_url,
        system_id=PROVINCE_SYSTEM,
        office_system=OFFICE_SYSTEM,
        slots=SLOTS,
    )
    file.write_text(text, encoding="utf-8")
    config = load(file, secrets(sandbox))
    base_url, console_url = (f"http://127.0.0.1:{port}" for port in (intake, console))
    return Place(file, store_settings(config), base_url, console_url, folder / "gateway.log")


def secrets(sandbox: Running) -> dict[str, str]:
    """What the configuration takes from the environment."""
    return {"VXP_SECRET": sandbox.systems[PROVINCE_SYSTEM].secret, "OFFICE_SECRET": OFFICE_SECRET}


async def issued_keys(settings: StoreSettings) -> dict[str, str]:
    """An API key for each REST system, made before the first life."""
    store = await open_store(settings, SystemClock())
    try:
        issued = {system: issue_key(system, datetime.now(UTC)) for system in REST}
        for one in issued.values():
            await store.add_key(one.key, "test")
    finally:
        await store.close()
    return {system: one.text for system, one in issued.items()}
