"""The breaker before one destination: it counts transport faults, 5xx and 429, never the rejection of a document."""

from __future__ import annotations

from random import Random

from gateway.clock import Clock


class Breaker:
    """Closed: all slots. After *threshold* faults in a row, open: nothing is claimed until a jittered pause is over;
    then one probing attempt at a time, until one gets through. In memory, per node.
    """

    def __init__(
        self, clock: Clock, random: Random, *, threshold: int = 5, first_pause: float = 5.0, cap: float = 300.0
    ) -> None:
        self._clock = clock
        self._random = random
        self._threshold = threshold
        self._first_pause = first_pause
        self._cap = cap
        self._faults = 0
        self._open_until: float | None = None

    @property
    def open(self) -> bool:
        """Whether the destination counts as down."""
        return self._open_until is not None

    def allowance(self, slots: int) -> int:
        """How many attempts may be under way now, out of *slots*."""
        if self._open_until is None:
            return slots
        return 1 if self._clock.monotonic() >= self._open_until else 0

    def pause_left(self) -> float | None:
        """Seconds until the next probe; None if nothing is being waited for."""
        if self._open_until is None:
            return None
        return max(0.0, self._open_until - self._clock.monotonic())

    def note(self, *, fault: bool) -> bool:
        """Take note of one attempt. True if this opened or closed the breaker."""
        was_open = self.open
        if not fault:
            self._faults, self._open_until = 0, None
            return was_open
        self._faults += 1
        if self._faults >= self._threshold:
            ceiling = min(self._cap, self._first_pause * 2 ** min(self._faults - self._threshold, 16))
            self._open_until = self._clock.monotonic() + self._random.uniform(ceiling / 2, ceiling)
        return self.open and not was_open
