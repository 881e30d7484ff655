"""What is waiting at the axis: which days to ask for, and what not to ask for again just now.

The axis lists by day, acknowledged packages among the others. Nothing may fall out of the window unseen: it reaches
back to the oldest package that the last list still showed as open, and after a start as far as configured.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Final

from gateway.clock import VIETNAM

MOST_REMEMBERED: Final = 20_000


class Window:
    """The days of the next list of one type."""

    def __init__(self, catch_up_days: int, overlap_days: int) -> None:
        self._catch_up = timedelta(days=catch_up_days)
        self._overlap = timedelta(days=overlap_days)
        self._oldest: date | None = None

    def days(self, now: datetime) -> tuple[date, date]:
        """First and last day to ask for. Tomorrow is the last: the axis' clock may be ahead."""
        today = now.astimezone(VIETNAM).date()
        first = today - self._catch_up if self._oldest is None else min(self._oldest, today) - self._overlap
        return first, today + timedelta(days=1)

    def listed(self, now: datetime, first: date, opened: Iterable[datetime | None]) -> None:
        """A list from *first* on showed these packages as open; one without a time may be as old as the window."""
        today = now.astimezone(VIETNAM).date()
        days = (first + self._overlap if at is None else at.astimezone(VIETNAM).date() for at in opened)
        self._oldest = min(days, default=today)


class Recently:
    """References noted within the last *seconds*; at most 20,000, the oldest are forgotten first."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._noted: OrderedDict[str, float] = OrderedDict()

    def note(self, reference: str, now: float) -> None:
        """Remember *reference* from *now* (monotonic seconds) on."""
        self._noted[reference] = now
        self._noted.move_to_end(reference)
        while len(self._noted) > MOST_REMEMBERED:
            self._noted.popitem(last=False)

    def has(self, reference: str, now: float) -> bool:
        """Whether it was noted lately."""
        noted = self._noted.get(reference)
        return noted is not None and now - noted < self._seconds
