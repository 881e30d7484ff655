from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from storage_samples import MAILBOX, FakeClock

from gateway.ports import Store
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


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def place(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Place]:
    place = Place(StoreSettings(tmp_path / "data", readers=2, quarantine_quota_bytes=100), clock, [])
    yield place
    for store in place.opened:
        await store.close()


@pytest.fixture(params=["sqlite"])
def open_any(request: pytest.FixtureRequest, place: Place) -> Callable[[], Awaitable[Store]]:
    """Opens the store under test; another implementation joins the conformance suite by a parameter here."""
    return {"sqlite": place.open}[request.param]


@pytest.fixture
async def store(open_any: Callable[[], Awaitable[Store]]) -> Store:
    return await open_any()
