"""Urgent first, but one slot in five goes to the rest (DESIGN §3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

URGENT_IN_A_ROW = 4


class Lanes:
    """Remembers, per destination, how many urgent ones passed while others waited: so the rule also holds for a worker
    that claims one at a time. Kept in memory only; after a restart the count begins anew.
    """

    def __init__(self) -> None:
        self._passed: dict[str, int] = {}

    def order(self, destination: str, urgent: Sequence[T], rest: Sequence[T], limit: int) -> list[T]:
        """The next *limit* of both lanes, each lane in its own order."""
        lanes = list(urgent), list(rest)
        slots = min(limit, len(urgent) + len(rest))
        return [self._next(destination, *lanes) for _ in range(slots)]

    def _next(self, destination: str, urgent: list[T], rest: list[T]) -> T:
        passed = self._passed.get(destination, 0)
        if rest and (not urgent or passed >= URGENT_IN_A_ROW):
            self._passed[destination] = 0
            return rest.pop(0)
        self._passed[destination] = passed + 1 if rest else 0
        return urgent.pop(0)
