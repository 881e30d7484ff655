"""Fixtures of the store's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from place import Place
from storage_samples import FakeClock

from gateway.ports import Store
from gateway.storage import StoreSettings


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
