"""The request rate agreed with a platform, kept across all workers and the poller of this process."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Final

from gateway.clock import Clock
from gateway.errors import GatewayError

LONGEST_PAUSE: Final = 900.0
"""Seconds; a platform's wish to be left alone is granted this long before it is asked again."""

_OUTAGE = 3
"""Faults in a row after which a platform counts as down."""


class Congested(GatewayError):
    """A turn would not come in time; nothing was sent. *wait* is the expected wait in seconds."""

    def __init__(self, wait: float) -> None:
        self.wait = wait
        super().__init__(f"the agreed request rate leaves no turn for {wait:.1f} s")


class Pace:
    """A token bucket with a first-come queue.

    Over any span of t seconds at most ``burst + rate * t`` turns are given. A waiter that gives up (cancelled) takes
    no token with it. During an outage each try waits up to *jitter* seconds more, so that a province's workers, and
    provinces among each other, do not all return in the same moment.
    """

    def __init__(
        self,
        rate: float,
        clock: Clock,
        random: Random,
        *,
        burst: int = 1,
        jitter: float = 5.0,
        max_waiting: int = 256,
    ) -> None:
        if rate <= 0 or burst < 1:
            raise ValueError("a rate is above 0 requests per second, a burst at least 1")
        self._interval = 1 / rate
        self._tolerance = (burst - 1) * self._interval
        self._clock = clock
        self._random = random
        self._jitter = jitter
        self._max_waiting = max_waiting
        self._waiting = 0
        self._faults = 0
        self._due = clock.monotonic()
        self._line = asyncio.Lock()

    async def turn(self, patience: float) -> None:
        """Return when one request may be sent. Raises Congested if that is more than *patience* seconds away."""
        expected = self._expected()
        if expected > patience or self._waiting >= self._max_waiting:
            raise Congested(expected)
        self._waiting += 1
        try:
            async with asyncio.timeout(patience), self._line:
                await self._take(min(self._jitter, patience / 2))
        except TimeoutError as error:
            raise Congested(max(self._expected(), self._interval)) from error
        finally:
            self._waiting -= 1

    def answered(self) -> None:
        """The platform answered: any outage is over."""
        self._faults = 0

    def failed(self) -> None:
        """The platform could not be reached or was unwell."""
        self._faults += 1

    def pause(self, seconds: float) -> None:
        """The platform asked for rest (429 with Retry-After): no turn before that."""
        until = self._clock.monotonic() + min(seconds, LONGEST_PAUSE)
        self._due = max(self._due, until + self._tolerance)

    def _expected(self) -> float:
        ahead = self._due - self._tolerance - self._clock.monotonic()
        return max(ahead, 0.0) + self._waiting * self._interval

    async def _take(self, jitter: float) -> None:
        """Wait as the head of the line for a token and take it; `_due` is when the bucket will be full again."""
        wait = self._due - self._tolerance - self._clock.monotonic()
        if self._faults >= _OUTAGE:
            wait = max(wait, 0.0) + self._random.random() * jitter
        if wait > 0:
            await self._clock.sleep(wait)
        self._due = max(self._due, self._clock.monotonic()) + self._interval
