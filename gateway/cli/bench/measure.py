"""One round of a measurement: the floors, the gateway under full load, the gateway at half of what it can do."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.cli.bench import ground
from gateway.cli.bench.figures import Effort, Round, quantile
from gateway.cli.bench.floor import append_rate, commit_rate
from gateway.cli.bench.ground import RECIPIENT, Axis, BenchFault, Running
from gateway.cli.bench.load import Plan, Sent

FLOOR_SECONDS = 0.7
DRAIN_SECONDS = 120.0
"""How long the last document may take to be delivered."""


@dataclass(frozen=True, slots=True)
class Measuring:
    """Everything a round needs: a running gateway, its axis and the bare server."""

    folder: Path
    effort: Effort
    gateway: Running
    axis: Axis
    bare_url: str

    async def warm_up(self) -> None:
        """Send a few documents that nobody measures: connections, caches, compiled schemas."""
        await self._sent(replace(self._plan("W", 1000), count=50, seconds=5.0))

    async def round(self, name: str, size: int) -> Round:
        """One repetition with attachments of *size* bytes; *name* must not have been used before."""
        await asyncio.to_thread(os.sync)  # what earlier rounds left unwritten would slow this one's floor
        appends = await asyncio.to_thread(append_rate, self.folder, FLOOR_SECONDS)
        commits = await asyncio.to_thread(commit_rate, self.folder, FLOOR_SECONDS)
        bare = await ground.send(self.folder, replace(self._plan(f"{name}B", size), base_url=self.bare_url))
        full, delivered, cpu = await self._full(self._plan(f"{name}F", size))
        calm_rate = max(0.5, delivered / 2)
        calm, ends = await self._calm(replace(self._plan(f"{name}C", size), rate=calm_rate))
        return Round(
            append_floor=appends,
            commit_floor=commits,
            http_floor=len(bare.waits) / bare.seconds,
            accepted=len(full.waits) / full.seconds,
            delivered=delivered,
            cpu_ms=cpu * 1000 / len(full.waits),
            full_accept_p50=quantile(full.waits, 0.5) * 1000,
            full_accept_p99=quantile(full.waits, 0.99) * 1000,
            calm_rate=calm_rate,
            calm_accept_p50=quantile(calm.waits, 0.5) * 1000,
            calm_accept_p99=quantile(calm.waits, 0.99) * 1000,
            calm_end_p50=quantile(ends, 0.5) * 1000,
            calm_end_p99=quantile(ends, 0.99) * 1000,
        )

    def _plan(self, name: str, size: int) -> Plan:
        effort = self.effort
        return Plan(
            base_url=self.gateway.base_url,
            key=self.gateway.site.key,
            name=name,
            to=RECIPIENT,
            size=size,
            count=effort.messages,
            seconds=effort.seconds,
            callers=effort.callers,
        )

    async def _full(self, plan: Plan) -> tuple[Sent, float, float]:
        """What was heard, the documents delivered per second, and the processor seconds it took."""
        cpu = self.gateway.cpu_seconds()
        sent, ends = await self._sent(plan)
        return sent, len(ends) / (max(ends) - min(sent.starts)), self.gateway.cpu_seconds() - cpu

    async def _calm(self, plan: Plan) -> tuple[Sent, list[float]]:
        """What was heard, and each document's seconds from end to end."""
        sent, ends = await self._sent(plan)
        return sent, [end - start for start, end in zip(sent.starts, ends, strict=True)]

    async def _sent(self, plan: Plan) -> tuple[Sent, list[float]]:
        before, held = await self.gateway.delivered(self.axis.id), await self.axis.packages()
        sent = await ground.send(self.folder, plan)
        await self.gateway.until_delivered(self.axis.id, before + len(sent.ids), DRAIN_SECONDS)
        arrived = await self.axis.packages() - held
        if arrived != len(sent.ids):
            raise BenchFault(f"{len(sent.ids)} documents were accepted, the axis has {arrived}")
        return sent, await self.gateway.ended(sent.ids, self.axis.id)
