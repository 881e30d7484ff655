"""Trying again: how long a document system waits between two tries, and what it raises when it stops."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

Pause = Callable[[float], Awaitable[None]]


class GaveUp(Exception):
    """Nobody said accepted within the number of tries; the document may or may not have arrived."""


class Patience:
    """Exponential waits from 0.1 to 5 seconds with full jitter, the same for the same seed."""

    def __init__(self, pause: Pause = asyncio.sleep, seed: int = 1) -> None:
        self._pause = pause
        self._dice = Random(seed)  # noqa: S311 (jitter)

    async def wait(self, attempt: int, told: float | None = None) -> None:
        """Wait before the try after `attempt` (from 1): as long as told, else as long as the dice say."""
        own = self._dice.uniform(0.02, min(5.0, 0.1 * 2 ** min(attempt, 10)))
        await self._pause(own if told is None else told)
