"""The sealer on the real SQLite store: entries get places and checkpoints, and what was done to the table is found."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.audit.checkpoint import Checkpoint
from gateway.audit.merkle import leaf_hash, root_of
from gateway.audit.verify import Finding
from gateway.errors import Stale, StoreUnavailable
from gateway.ports import StoredCheckpoint, StoredEntry
from gateway.proof import sealer as sealing
from gateway.proof.sealer import BATCH, BrokenTree, Sealer
from gateway.proof.verification import verify_store
from gateway.storage import SqliteStore, StoreSettings, open_store


class SteppingClock:
    """Time moves only when a test lets a sleeper go on."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 22, 7, 0, tzinfo=UTC)
        self.slept: list[float] = []
        self._sleeping = asyncio.Event()
        self._go_on = asyncio.Event()

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._sleeping.set()
        await self._go_on.wait()
        self._go_on.clear()
        self.time += timedelta(seconds=seconds)

    async def somebody_sleeps(self) -> None:
        await self._sleeping.wait()
        self._sleeping.clear()

    def wake(self) -> None:
        self._go_on.set()


class Failing:
    """The real store, whose `seal` fails as told: before its commit, or after it with the answer lost."""

    def __init__(self, store: SqliteStore, *plan: str) -> None:
        self._store = store
        self._plan = list(plan)
        self.unsealed = store.unsealed
        self.sealed = store.sealed
        self.last_checkpoint = store.last_checkpoint
        self.checkpoints = store.checkpoints

    async def seal(self, entries: Sequence[StoredEntry], first_position: int, checkpoint: StoredCheckpoint) -> None:
        step = self._plan.pop(0) if self._plan else ""
        if step == "unavailable":
            raise StoreUnavailable("disk is away")
        if step == "stale":
            raise Stale("somebody else sealed")
        await self._store.seal(entries, first_position, checkpoint)
        if step == "answer lost":
            raise StoreUnavailable("answer lost")


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
async def store(tmp_path: Path, clock: SteppingClock) -> AsyncIterator[SqliteStore]:
    opened = await open_store(StoreSettings(tmp_path), clock)
    yield opened
    await opened.close()


@pytest.fixture
def sealer(store: SqliteStore, clock: SteppingClock) -> Sealer:
    return Sealer(store, clock)


async def record(store: SqliteStore, count: int) -> None:
    for number in range(count):
        await store.record("strangers.refused", {"network": "10.0.0.0/24", "count": number})


async def sealed_in_batches(store: SqliteStore, sealer: Sealer, batches: int = 4, size: int = 5) -> None:
    """A log of batches*size entries with a checkpoint after each batch."""
    await seal_all(sealer)
    for _ in range(batches):
        await record(store, size)
        assert await sealer.seal_once() >= size


async def seal_all(sealer: Sealer) -> int:
    total = 0
    while count := await sealer.seal_once():
        total += count
    return total


def tamper(tmp_path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(StoreSettings(tmp_path).database)) as db:
        for statement in statements:
            db.execute(statement)
        db.commit()


async def test_entries_get_consecutive_positions_in_commit_order(store: SqliteStore, sealer: Sealer) -> None:
    await record(store, 7)
    count = await sealer.seal_once()
    entries = await store.sealed(0, 100)
    assert [row.position for row in entries] == list(range(count))
    assert [row.id for row in entries] == sorted(row.id for row in entries)
    assert await store.unsealed(10) == []


async def test_the_checkpoint_is_the_root_over_the_stored_bytes(store: SqliteStore, sealer: Sealer) -> None:
    await sealed_in_batches(store, sealer)
    last = await store.last_checkpoint()
    entries = await store.sealed(0, 100)
    assert last is not None
    assert (last.size, last.root) == (len(entries), root_of(leaf_hash(row.raw) for row in entries))


async def test_nothing_to_seal_makes_no_checkpoint(store: SqliteStore, sealer: Sealer) -> None:
    await seal_all(sealer)
    before = await store.checkpoints()
    assert await sealer.seal_once() == 0
    assert await store.checkpoints() == before


async def test_a_batch_is_bounded(store: SqliteStore, sealer: Sealer, monkeypatch: pytest.MonkeyPatch) -> None:
    await seal_all(sealer)
    monkeypatch.setattr(sealing, "BATCH", 3)
    await record(store, 8)
    assert [await sealer.seal_once() for _ in range(4)] == [3, 3, 2, 0]
    assert BATCH <= 1000


async def test_after_a_restart_the_tree_goes_on(
    store: SqliteStore, sealer: Sealer, clock: SteppingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "CHUNK", 4)
    await sealed_in_batches(store, sealer)
    await record(store, 3)
    assert await Sealer(store, clock).seal_once() == 3
    assert (await verify_store(store)).intact


@pytest.mark.parametrize("failure", ["unavailable", "stale", "answer lost"])
async def test_sealing_goes_on_after_a_failure(store: SqliteStore, clock: SteppingClock, failure: str) -> None:
    sealer = Sealer(Failing(store, failure), clock)
    await record(store, 4)
    with pytest.raises((Stale, StoreUnavailable)):
        await sealer.seal_once()
    await record(store, 2)
    await seal_all(sealer)
    assert await store.unsealed(10) == []
    assert (await verify_store(store)).intact


async def test_running_seals_what_comes_and_waits_longer_while_the_store_is_away(
    store: SqliteStore, clock: SteppingClock
) -> None:
    sealer = Sealer(Failing(store, "unavailable", "unavailable"), clock, interval=2.0)
    await record(store, 2)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(sealer.run())
        for _ in range(3):
            await clock.somebody_sleeps()
            clock.wake()
        await clock.somebody_sleeps()
        running.cancel()
    assert clock.slept == [4.0, 8.0, 2.0, 2.0]
    assert await store.unsealed(10) == []


async def test_nothing_is_built_on_a_tree_that_was_tampered_with(
    store: SqliteStore, sealer: Sealer, clock: SteppingClock, tmp_path: Path
) -> None:
    await sealed_in_batches(store, sealer)
    tamper(tmp_path, "UPDATE entries SET raw = CAST(replace(raw, '10.0.0.0', '10.9.9.9') AS BLOB) WHERE position = 6")
    await record(store, 1)
    with pytest.raises(BrokenTree):
        await Sealer(store, clock).seal_once()
    assert len(await store.unsealed(10)) == 1


async def test_a_store_without_entries_is_intact(store: SqliteStore) -> None:
    assert (await verify_store(store)).intact


async def test_entries_that_wait_for_the_sealer_do_not_disturb(store: SqliteStore, sealer: Sealer) -> None:
    await sealed_in_batches(store, sealer)
    await record(store, 3)
    verdict = await verify_store(store)
    assert verdict.intact
    assert verdict.size == 20


# Checkpoints stand at 5, 10, 15 and 20.
ALTER = "UPDATE entries SET raw = CAST(replace(raw, '10.0.0.0', '10.9.9.9') AS BLOB) WHERE position = 7"
BREAK = "UPDATE entries SET raw = CAST(raw || ' ' AS BLOB) WHERE position = 7"
RETYPE = "UPDATE entries SET type = 'server.started' WHERE position = 7"
DELETE = "DELETE FROM entries WHERE position = 7"
OPEN_GAP = [f"UPDATE entries SET position = {n + 1} WHERE position = {n}" for n in range(19, 6, -1)]
CLOSE_GAP = [f"UPDATE entries SET position = {n - 1} WHERE position = {n}" for n in range(8, 20)]
SWAP = [
    "UPDATE entries SET position = -1 WHERE position = 7",
    "UPDATE entries SET position = 7 WHERE position = 8",
    "UPDATE entries SET position = 8 WHERE position = -1",
]
INSERT = "INSERT INTO entries (position, at, type, raw) SELECT 7, at, type, raw FROM entries WHERE position = 3"
APPEND = "INSERT INTO entries (position, at, type, raw) SELECT 20, at, type, raw FROM entries WHERE position = 3"
CUT = ["DELETE FROM entries WHERE position >= 17"]
FORGE = "UPDATE checkpoints SET root = zeroblob(32) WHERE size = 10"


@pytest.mark.parametrize(
    ("statements", "finding", "position", "last"),
    [
        ([ALTER], Finding.ALTERED, 5, 9),
        ([BREAK], Finding.ALTERED, 7, 7),
        ([RETYPE], Finding.ALTERED, 7, 7),
        ([DELETE], Finding.MISSING, 7, 7),
        ([DELETE, *CLOSE_GAP], Finding.MISSING, 5, 9),
        (SWAP, Finding.REORDERED, 7, 7),
        ([*OPEN_GAP, INSERT], Finding.INSERTED, 7, 7),
        ([APPEND], Finding.INSERTED, 20, 20),
        (CUT, Finding.MISSING, 15, 19),
        (["DELETE FROM checkpoints WHERE size > 10"], Finding.INSERTED, 10, 10),
        ([FORGE], Finding.CHECKPOINT, None, None),
    ],
)
async def test_tampering_with_the_tables_is_found_and_placed(
    store: SqliteStore,
    sealer: Sealer,
    tmp_path: Path,
    statements: list[str],
    finding: Finding,
    position: int | None,
    last: int | None,
) -> None:
    await sealed_in_batches(store, sealer)
    assert (await verify_store(store)).intact
    tamper(tmp_path, *statements)
    verdict = await verify_store(store)
    assert (verdict.finding, verdict.position, verdict.last) == (finding, position, last)


async def test_a_rolled_back_store_is_found_by_a_checkpoint_kept_elsewhere(
    store: SqliteStore, sealer: Sealer, tmp_path: Path
) -> None:
    await sealed_in_batches(store, sealer)
    last = await store.last_checkpoint()
    assert last is not None
    kept = Checkpoint("lienthong.example/test", last.size, last.root)
    assert (await verify_store(store, [kept])).intact
    tamper(tmp_path, "DELETE FROM entries WHERE position >= 10", "DELETE FROM checkpoints WHERE size > 10")
    assert (await verify_store(store)).intact
    verdict = await verify_store(store, [kept])
    assert (verdict.finding, verdict.position, verdict.last) == (Finding.MISSING, 10, 19)
