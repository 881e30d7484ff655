"""The audit of a stored log, as `lienthong audit verify` and a running gateway do it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from gateway.audit.checkpoint import Checkpoint
from gateway.audit.verify import Verdict, Verification
from gateway.ports import EntrySource

CHUNK: Final = 2000
CHECKPOINTS: Final = 100_000
"""The newest checkpoints that are compared. Older entries are covered by the first of them, as one range."""


async def verify_store(source: EntrySource, kept: Sequence[Checkpoint] = ()) -> Verdict:
    """Recompute the tree and hold it against the stored checkpoints and those *kept* elsewhere.

    Sealing may go on meanwhile: what is sealed later is left for the next verification. Hashing runs in a thread.
    """
    checkpoints = await source.checkpoints(CHECKPOINTS)
    verification = Verification(checkpoints, kept)
    end = max([*(point.size for point in checkpoints), *(point.size for point in kept)], default=0)
    position = 0
    while position < end and (chunk := await source.sealed(position, min(CHUNK, end - position))):
        if not await asyncio.to_thread(verification.feed, chunk):
            return verification.verdict()
        position += len(chunk)
    tail = await source.sealed(position, 1)
    last = await source.last_checkpoint()
    if tail and (last is None or last.size <= position):
        verification.feed(tail)
    return verification.verdict()
