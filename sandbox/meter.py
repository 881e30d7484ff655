"""What the axis saw: requests per operation, refusals, signing errors and how fast each system called."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox.refusals import SIGNING_CODES, Refusal

_KEPT = 200


@dataclass(slots=True)
class Meter:
    """Counters for the control interface. `clock` gives monotonic seconds."""

    clock: Callable[[], float]
    requests: Counter[str] = field(default_factory=Counter)
    refusals: deque[dict[str, str]] = field(default_factory=lambda: deque(maxlen=_KEPT))
    signing_errors: deque[dict[str, str]] = field(default_factory=lambda: deque(maxlen=_KEPT))
    peak_per_second: dict[str, int] = field(default_factory=dict)
    _recent: dict[str, deque[float]] = field(default_factory=dict)

    def request(self, operation: str, system: str) -> None:
        """Count one request and update the caller's highest number within any one second."""
        self.requests[operation] += 1
        recent = self._recent.setdefault(system, deque())
        now = self.clock()
        recent.append(now)
        while recent[0] <= now - 1.0:
            recent.popleft()
        self.peak_per_second[system] = max(self.peak_per_second.get(system, 0), len(recent))

    def refused(self, operation: str, system: str, refusal: Refusal) -> None:
        """Keep a refusal, and keep it apart if the signing was wrong."""
        record = {"operation": operation, "system": system, "code": refusal.code, "description": refusal.description}
        self.refusals.append(record)
        if refusal.code in SIGNING_CODES:
            self.signing_errors.append(record)
