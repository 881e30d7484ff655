"""A place to open stores in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from storage_samples import MAILBOX, FakeClock

from gateway.storage import SqliteStore, StoreSettings, open_store

PLATFORM = "axis"


@dataclass
class Place:
    """A data directory that a store can be opened on, closed and opened again, as after a restart."""

    settings: StoreSettings
    clock: FakeClock
    opened: list[SqliteStore]

    async def open(self, reach: Callable[[str], None] = lambda point: None, **changes: Any) -> SqliteStore:
        settings = replace(self.settings, **changes)
        store = await open_store(
            settings, self.clock, reach, mailboxes=frozenset({MAILBOX}), platforms=frozenset({PLATFORM})
        )
        self.opened.append(store)
        return store
