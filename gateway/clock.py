"""Time as an argument: the one place that reads the machine's clocks."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Protocol

VIETNAM = timezone(timedelta(hours=7), "+07:00")
"""Vietnam keeps UTC+07:00 all year; edXML and VXP write local time without a zone."""


class Clock(Protocol):
    """What the gateway may know about time. Tests move it; nothing else reads the time."""

    def now(self) -> datetime:
        """Wall time, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never run backwards; for deadlines and rates only."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after *seconds* of this clock."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def to_millis(moment: datetime) -> int:
    """Milliseconds since the epoch, the form in which stores keep time."""
    return int(moment.timestamp() * 1000)


def from_millis(millis: int) -> datetime:
    """The inverse of :func:`to_millis`, aware, in UTC."""
    return datetime.fromtimestamp(millis / 1000, UTC)
