"""When to try again. Pure: only the worker retries, and only here is it decided when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential back-off with full jitter: the n-th retry waits uniformly between *floor* and
    min(*cap*, *first* · 2ⁿ⁻¹), never less than what the receiver asked for. Seconds.
    """

    first: float = 10.0
    cap: float = 900.0
    floor: float = 1.0

    def due_at(self, attempt: int, now: datetime, random: Random, retry_after: float | None) -> datetime:
        """When attempt number *attempt* (from 1) may be followed by the next."""
        ceiling = min(self.cap, self.first * 2 ** min(attempt - 1, 30))
        wait = max(random.uniform(min(self.floor, ceiling), ceiling), min(retry_after or 0.0, 86_400.0))
        return now + timedelta(seconds=wait)
