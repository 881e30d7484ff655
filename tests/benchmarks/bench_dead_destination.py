"""P4: one dead destination slows no other.

One gateway with two destinations. With: one of them refuses every connection while thousands of deliveries are
queued for it. Without: both are alive, and the same thousands were cancelled, so that the two stores have the same
size. What the other one gets per second is measured in turns, and the result is the median of the ratios with /
without, each formed from two neighbouring measurements. The promise is 0.9.

    python tests/benchmarks/bench_dead_destination.py [--pairs N] [--queued N] [--seconds S] [--data-dir DIR]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from gateway.cli.bench import ground
from gateway.cli.bench.ground import Axis, Site
from gateway.cli.bench.load import Plan
from gateway.config import load
from gateway.model.delivery import State
from gateway.model.message import Submission
from gateway.wiring import open_gateway
from sandbox.department import compose
from sandbox.edxml import File, Organ

PROMISE = 0.9
ALIVE, DEAD = "000.00.00.G01", "000.00.00.G02"
SLOTS = 4
"""As in a configuration that says nothing about it."""
SIZE = 2000
CALLERS = 8
WARM_UP = 1.0
"""Seconds of load before each measurement: a gateway that starts reads its log and finds out who is dead."""
AT_ONCE = 64


@dataclass(frozen=True)
class Rates:
    """Documents per second for the destination that lives, and the gateway's processor time for each in ms, which
    other programs on this machine disturb least.
    """

    accepted: float
    delivered: float
    cpu_ms: float


async def queue_up(site: Site, count: int) -> list[str]:
    """Accept *count* documents for the dead destination while nothing runs that would deliver them; the deliveries."""
    waiting = iter(range(count))
    queued: list[str] = []
    async with open_gateway(load(site.file, site.environment)) as gateway:

        async def accept_some() -> None:
            for number in waiting:
                raw, now = document(number), datetime.now(UTC)
                accepted = await gateway.accept(
                    Submission(peer="sender", dialect="rest-json", raw=raw, received_at=now)
                )
                queued.extend(accepted.deliveries)

        await asyncio.gather(*(accept_some() for _ in range(AT_ONCE)))
    return queued


async def relieved(site: Site, deliveries: list[str]) -> Site:
    """A copy of *site* in which *deliveries* were cancelled: as much history, nothing queued."""
    folder = site.data_dir.parent.with_name("relieved")
    shutil.copytree(site.data_dir.parent, folder)
    copy = replace(site, file=folder / site.file.name, data_dir=folder / site.data_dir.name)
    copy.file.write_text(site.file.read_text("utf-8").replace(str(site.data_dir), str(copy.data_dir)), "utf-8")
    waiting = iter(deliveries)
    async with open_gateway(load(copy.file, copy.environment)) as gateway:

        async def cancel_some() -> None:
            for delivery in waiting:
                await gateway.store.end(delivery, State.CANCELLED, "cancelled", "bench", "bench")

        await asyncio.gather(*(cancel_some() for _ in range(AT_ONCE)))
    return copy


def document(number: int) -> bytes:
    """A document for the unit that the dead destination serves."""
    files = [File("cong-van.pdf", "application/pdf", number.to_bytes(8, "big") * 250)]
    sender, recipient = Organ("H53.01", "Sở Nội vụ"), Organ(DEAD, "Bộ Công Thương")
    written = compose(sender, [recipient], str(number), "DEAD-VP", "V/v chờ trục", "2026-11-20", files)
    return json.dumps(written, ensure_ascii=False).encode()


async def measured(folder: Path, site: Site, axis: Axis, name: str, seconds: float) -> Rates:
    """Start the gateway of *site*, load it in full with documents for *axis*, stop it."""
    async with ground.serving(site) as gateway:
        await sent(folder, gateway, axis, f"{name}W", WARM_UP)
        return await sent(folder, gateway, axis, name, seconds)


async def sent(folder: Path, gateway: ground.Running, axis: Axis, name: str, seconds: float) -> Rates:
    """Send for *seconds* and wait until everything has been delivered."""
    before, cpu = await gateway.delivered(axis.id), gateway.cpu_seconds()
    plan = Plan(
        gateway.base_url, gateway.site.key, name, to=ALIVE, size=SIZE, count=100_000, seconds=seconds, callers=CALLERS
    )
    heard = await ground.send(folder, plan)
    await gateway.until_delivered(axis.id, before + len(heard.ids), 120)
    cpu = gateway.cpu_seconds() - cpu
    ends = await gateway.ended(heard.ids, axis.id)
    count = len(heard.ids)
    return Rates(count / heard.seconds, count / (max(ends) - min(heard.starts)), cpu * 1000 / count)


async def still_queued(site: Site, dead: Axis) -> int:
    """Open deliveries to the dead destination, read while no gateway runs."""
    async with open_gateway(load(site.file, site.environment)) as gateway:
        for queue in await gateway.store.queues():
            if queue.destination == dead.id:
                return sum(queue.counts.get(state, 0) for state in (State.QUEUED, State.DEFERRED, State.LEASED))
    return 0


async def compare(folder: Path, pairs: int, queued: int, seconds: float) -> list[tuple[Rates, Rates]]:
    """(without, with) for every pair; which one comes first changes from pair to pair."""
    async with ground.axis(folder, "alive", ALIVE) as alive, ground.axis(folder, "dead", DEAD) as dead:
        burdened = await ground.site(folder / "burdened", [alive, dead], SLOTS)
        print(f"Xếp hàng {queued} văn bản cho đích đã chết / queueing {queued} for the dead destination", flush=True)
        free = await relieved(burdened, await queue_up(burdened, queued))
        found = []
        for number in range(pairs):
            rates: dict[Path, Rates] = {}
            for site in (free, burdened) if number % 2 == 0 else (burdened, free):
                await dead.control("POST", "/outage", json={"on": site is burdened})
                rates[site.file] = await measured(folder, site, alive, f"P{number}", seconds)
            found.append((rates[free.file], rates[burdened.file]))
            print(_line(f"cặp / pair {number + 1}", *found[-1]), flush=True)
        await dead.control("POST", "/outage", json={"on": True})
        left = await still_queued(burdened, dead)
        if left != queued:
            raise SystemExit(f"{queued} were queued, {left} are: the dead destination was not dead")
        return found


def _line(name: str, without: Rates, burdened: Rates) -> str:
    return (
        f"{name}: chuyển / delivered {without.delivered:.1f} → {burdened.delivered:.1f} /s "
        f"({burdened.delivered / without.delivered:.3f}), nhận / accepted {without.accepted:.1f} → "
        f"{burdened.accepted:.1f} /s ({burdened.accepted / without.accepted:.3f}), CPU {without.cpu_ms:.2f} → "
        f"{burdened.cpu_ms:.2f} ms ({burdened.cpu_ms / without.cpu_ms:.3f})"
    )


def judge(found: list[tuple[Rates, Rates]]) -> bool:
    """Print the medians; whether the promise was kept."""
    delivered = median(burdened.delivered / without.delivered for without, burdened in found)
    accepted = median(burdened.accepted / without.accepted for without, burdened in found)
    cpu = median(burdened.cpu_ms / without.cpu_ms for without, burdened in found)
    kept = min(delivered, accepted) >= PROMISE
    print(
        f"Trung vị / median: chuyển / delivered {delivered:.3f}, nhận / accepted {accepted:.3f}, CPU {cpu:.3f}; "
        f"hứa / promised ≥ {PROMISE}: {'đạt / kept' if kept else 'KHÔNG ĐẠT / BROKEN'}"
    )
    return kept


def main() -> int:
    """0 if the promise was kept, 1 if not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--queued", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--data-dir", type=Path, default=Path("var"))
    given = parser.parse_args()
    given.data_dir.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=given.data_dir)).resolve()
    try:
        found = asyncio.run(compare(folder, given.pairs, given.queued, given.seconds))
    finally:
        shutil.rmtree(folder)
    return 0 if judge(found) else 1


if __name__ == "__main__":
    sys.exit(main())
