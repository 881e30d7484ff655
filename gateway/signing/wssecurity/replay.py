"""The memory of accepted messages, so that none counts twice within the time it may be fresh (WSS 1.1.1 §13)."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Collection
from datetime import datetime
from typing import Final

from gateway.model.verdict import Judgement, NotValid

MAX_MARKS: Final = 200_000
"""Some 40 MB; at 5 messages a second and 12 minutes, 7,200 marks are in use."""


class ReplayCache:
    """Marks of messages in memory, each until its message can no longer be fresh. Safe to use from several threads.

    Nothing is forgotten before its time: when *capacity* is reached, new messages are refused as indeterminate until
    old ones run out. *floor*: messages whose time ends at or before it are refused the same way, because it is not
    known whether they came before; give the moment of the start plus the window to be strict across restarts.
    """

    def __init__(self, *, capacity: int = MAX_MARKS, floor: datetime | None = None) -> None:
        self._capacity = capacity
        self._floor = floor
        self._marks: set[tuple[str, bytes]] = set()
        self._ends: list[tuple[datetime, str, bytes]] = []
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._marks)

    def admit(self, marks: Collection[tuple[str, bytes]], *, until: datetime, now: datetime) -> None:
        """See :class:`gateway.signing.wssecurity.rules.Replays`. All marks are kept, or none."""
        with self._lock:
            self._forget(now)
            for mark in marks:
                if mark in self._marks:
                    raise NotValid("signature.replayed", f"the same {mark[0]} was accepted before")
            if self._floor is not None and until <= self._floor:
                raise _unknown("what came at that time is not remembered")
            if len(self._marks) + len(marks) > self._capacity:
                raise _unknown("the memory of accepted messages is full")
            for kind, value in marks:
                self._marks.add((kind, value))
                heapq.heappush(self._ends, (until, kind, value))

    def _forget(self, now: datetime) -> None:
        """Drop what has run out. The floor rises with it: a clock set back must not make those messages fresh again."""
        while self._ends and self._ends[0][0] < now:
            end, kind, value = heapq.heappop(self._ends)
            self._marks.discard((kind, value))
            self._floor = end if self._floor is None else max(self._floor, end)


def _unknown(detail: str) -> NotValid:
    return NotValid("signature.replayed", detail, judgement=Judgement.INDETERMINATE)
