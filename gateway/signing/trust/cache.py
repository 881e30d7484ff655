"""What was fetched and is still good, within bounds of number and bytes; and what failed lately."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Kept:
    """A piece of evidence and the moment from which it must be fetched again."""

    content: bytes
    until: datetime


class Cache:
    """The least lately used goes first when *entries* or *size* (bytes of contents) would be exceeded."""

    def __init__(self, *, entries: int, size: int) -> None:
        self._entries = entries
        self._size = size
        self._held = 0
        self._kept: OrderedDict[Hashable, Kept] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def held(self) -> int:
        """Bytes of contents."""
        return self._held

    def get(self, key: Hashable, now: datetime) -> bytes | None:
        """The content, unless its time is over."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        if kept.until <= now:
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return kept.content

    def put(self, key: Hashable, content: bytes, until: datetime) -> None:
        """Keep *content*; one larger than the whole cache is not kept at all."""
        if key in self._kept:
            self._drop(key)
        if len(content) > self._size or self._entries < 1:
            return
        self._kept[key] = Kept(content, until)
        self._held += len(content)
        while len(self._kept) > self._entries or self._held > self._size:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: Hashable) -> None:
        self._held -= len(self._kept.pop(key).content)


class Resting:
    """Questions that failed and are not asked again for a while, with what was wrong; at most *entries* of them."""

    def __init__(self, *, entries: int, rest: float) -> None:
        self._entries = entries
        self._rest = rest
        self._failed: OrderedDict[Hashable, tuple[float, str]] = OrderedDict()

    def why(self, key: Hashable, monotonic: float) -> str | None:
        """What was wrong less than *rest* seconds ago; None if it may be asked."""
        failed = self._failed.get(key)
        if failed is None:
            return None
        if failed[0] <= monotonic:
            del self._failed[key]
            return None
        return failed[1]

    def note(self, key: Hashable, detail: str, monotonic: float) -> None:
        self._failed.pop(key, None)
        self._failed[key] = (monotonic + self._rest, detail)
        while len(self._failed) > self._entries:
            self._failed.popitem(last=False)


def good_until(now: datetime, next_update: datetime | None, max_age: timedelta, unnamed: timedelta) -> datetime:
    """When evidence that says *next_update* is fetched again: then, or after *max_age*; *unnamed* if it says none."""
    return min(next_update, now + max_age) if next_update is not None else now + min(unnamed, max_age)
