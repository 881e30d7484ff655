"""The sealer: gives committed entries their places in the tree, and nobody else does (principle 7)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog

from gateway.audit.merkle import Frontier, leaf_hash
from gateway.clock import Clock
from gateway.errors import GatewayError, Stale, StoreUnavailable
from gateway.ports import EntrySource, Reach, StoredCheckpoint, StoredEntry

log = structlog.get_logger("sealer")

BATCH: Final = 500
"""Entries per checkpoint at most: short transactions, and a narrow range when a changed entry must be found."""
CHUNK: Final = 2000
"""Entries per read when the tree is rebuilt."""
LONGEST_PAUSE: Final = 30.0
"""Seconds between tries while the store is away."""


class BrokenTree(GatewayError):
    """What is sealed no longer agrees with its last checkpoint; nothing may be built on it. See `audit verify`."""


class Sealer:
    """Seals what was committed every *interval* seconds (P5: within 5 s), in batches, oldest first.

    One sealer per store. It holds the right edge of the tree in memory, rebuilt from the sealed entries at start and
    whenever it is unsure whether its last transaction was committed.
    """

    def __init__(self, source: EntrySource, clock: Clock, interval: float = 2.0, reach: Reach = lambda _: None) -> None:
        self._source = source
        self._clock = clock
        self._interval = interval
        self._reach = reach
        self._frontier: Frontier | None = None

    async def run(self) -> None:
        """Seal until cancelled. Outlasts an absent store; raises BrokenTree, which no retry heals."""
        failures = 0
        while True:
            try:
                sealed = await self.seal_once()
                failures = 0
            except (Stale, StoreUnavailable) as error:
                sealed, failures = 0, failures + 1
                log.warning("sealing_deferred", reason=str(error), failures=failures)
            if sealed < BATCH:
                await self._clock.sleep(min(self._interval * 2 ** min(failures, 5), LONGEST_PAUSE))

    async def seal_once(self) -> int:
        """Seal one batch with its checkpoint, in one transaction; how many entries (0: nothing to do).

        Raises Stale or StoreUnavailable, after which the batch may or may not be sealed and a call may follow;
        BrokenTree.
        """
        frontier = self._frontier or await self._rebuilt()
        self._frontier = frontier
        entries = await self._source.unsealed(BATCH)
        if not entries:
            return 0
        grown = frontier.copy()
        _extend(grown, entries)
        checkpoint = StoredCheckpoint(grown.size, grown.root(), self._clock.now())
        self._frontier = None
        await self._source.seal(entries, frontier.size, checkpoint)
        self._reach("seal.after_commit")
        self._frontier = grown
        return len(entries)

    async def _rebuilt(self) -> Frontier:
        """The frontier of the sealed entries, checked against the last checkpoint."""
        frontier = Frontier()
        while chunk := await self._source.sealed(frontier.size, CHUNK):
            if chunk[0].position != frontier.size:
                raise BrokenTree(f"entry {frontier.size} is missing")
            await asyncio.to_thread(_extend, frontier, chunk)
        checkpoint = await self._source.last_checkpoint()
        if checkpoint is None:
            checkpoint = StoredCheckpoint(0, Frontier().root(), self._clock.now())
        if checkpoint.size > frontier.size and await self._source.sealed(frontier.size, 1):
            raise Stale("the tree grew while it was read")
        if (checkpoint.size, checkpoint.root) != (frontier.size, frontier.root()):
            raise BrokenTree(f"{frontier.size} entries do not give the checkpoint of size {checkpoint.size}")
        return frontier


def _extend(frontier: Frontier, entries: Sequence[StoredEntry]) -> None:
    for entry in entries:
        frontier.append(leaf_hash(entry.raw))
