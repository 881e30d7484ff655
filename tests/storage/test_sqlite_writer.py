"""SQLite: the writer's promises, on a real disk (P1, P6, DESIGN §6 and §7)."""

from __future__ import annotations

import asyncio
import resource
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from place import Place
from storage_samples import acceptance

from gateway.errors import Refusal, StoreUnavailable
from gateway.storage import SqliteStore
from gateway.storage.sqlite.delivering import DUE, NEXT_DUE
from gateway.storage.sqlite.transaction import Transaction


async def in_writer(store: SqliteStore, sql: str, *values: object) -> list[tuple[Any, ...]]:
    return await store._write(lambda tx: [tuple(row) for row in tx.all(sql, *values)])


@contextmanager
def files_may_not_grow_beyond(size: int) -> Iterator[None]:
    """The kernel fails every write past *size* bytes (EFBIG), as a broken disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class Valve:
    """A reach that stops the writer's thread before its first commit, so that a known group gathers behind it."""

    def __init__(self) -> None:
        self.opened = threading.Event()

    def __call__(self, point: str) -> None:
        if point == "commit.before":
            self.opened.wait(10)


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("auto_vacuum", 2), ("trusted_schema", 0)],
)
async def test_the_settings_that_promises_stand_on_are_in_force(place: Place, pragma: str, value: object) -> None:
    store = await place.open()
    assert await store._own.writer.submit(lambda db: tuple(db.execute(f"PRAGMA {pragma}").fetchone())) == (value,)  # type: ignore[union-attr]


async def test_a_reader_cannot_write(place: Place) -> None:
    store = await place.open()
    with pytest.raises(StoreUnavailable, match="readonly"):
        await store._read(lambda db: db.execute("DELETE FROM counters"))


async def test_a_hundred_accepts_at_once_share_a_few_commits(place: Place) -> None:
    valve = Valve()
    store = await place.open(valve)
    accepts = [asyncio.ensure_future(store.accept(acceptance(place.clock.now()))) for _ in range(101)]
    await asyncio.sleep(0)
    before = store.commits
    valve.opened.set()
    answers = await asyncio.gather(*accepts)
    assert len({answer.message_id for answer in answers}) == 101
    assert store.commits - before <= 3
    assert (await store.books()).accepted == 101


async def test_a_group_is_bounded(place: Place) -> None:
    valve = Valve()
    store = await place.open(valve, group_limit=10)
    accepts = [asyncio.ensure_future(store.accept(acceptance(place.clock.now()))) for _ in range(101)]
    await asyncio.sleep(0)
    valve.opened.set()
    await asyncio.gather(*accepts)
    assert store.commits >= 11


async def test_a_failing_unit_does_not_fail_its_neighbours(place: Place) -> None:
    valve = Valve()
    store = await place.open(valve)
    now = place.clock.now()
    work = [
        store.accept(acceptance(now)),
        store.accept(acceptance(now, raw=b"x", identity="document|1")),
        store.accept(acceptance(now, raw=b"y", identity="document|1")),
        store._write(broken),
        store.accept(acceptance(now)),
    ]
    pending = [asyncio.ensure_future(each) for each in work]
    await asyncio.sleep(0)
    valve.opened.set()
    results = await asyncio.gather(*pending, return_exceptions=True)
    assert isinstance(results[2], Refusal)
    assert isinstance(results[3], StoreUnavailable)
    assert not any(isinstance(results[n], Exception) for n in (0, 1, 4))
    books = await store.books()
    assert books.accepted == 3 and books.balanced


def broken(tx: Transaction) -> None:
    tx.count("received", 1000)
    tx.do("INSERT INTO no_such_table VALUES (1)")


async def test_after_a_failed_commit_nothing_more_is_promised(place: Place) -> None:
    store = await place.open()
    kept = await store.accept(acceptance(place.clock.now()))
    log = place.settings.database.with_name("gateway.db-wal")
    with files_may_not_grow_beyond(log.stat().st_size + 100), pytest.raises(StoreUnavailable, match="commit failed"):
        await store.accept(acceptance(place.clock.now()))
    for _ in range(2):  # the disk is well again, but what the failed commit left behind is unknown
        with pytest.raises(StoreUnavailable, match="restart"):
            await store.accept(acceptance(place.clock.now()))
    with pytest.raises(StoreUnavailable):
        await store.require_writable()
    assert await store.message(kept.message_id) is not None, "reading goes on"
    await store.close()
    store = await place.open()
    await store.accept(acceptance(place.clock.now()))
    assert (await store.books()).accepted == 2


async def test_everybody_in_the_group_of_a_failed_commit_hears_it(place: Place) -> None:
    valve = Valve()
    store = await place.open(valve)
    pending = [asyncio.ensure_future(store.accept(acceptance(place.clock.now()))) for _ in range(20)]
    await asyncio.sleep(0)
    with files_may_not_grow_beyond(place.settings.database.with_name("gateway.db-wal").stat().st_size + 100):
        valve.opened.set()
        results = await asyncio.gather(*pending, return_exceptions=True)
    assert all(isinstance(result, StoreUnavailable) for result in results)
    assert (await store.books()).accepted == 0


async def test_a_full_database_is_unavailable_and_recovers(place: Place) -> None:
    store = await place.open()
    [(pages,)] = await in_writer(store, "PRAGMA page_count")
    await in_writer(store, f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StoreUnavailable, match="full"):
        await store.accept(acceptance(place.clock.now(), raw=b"x" * 16_000))
    await in_writer(store, "PRAGMA max_page_count = 1000000")
    await store.accept(acceptance(place.clock.now(), raw=b"x" * 16_000))
    assert (await store.books()).accepted == 1


async def test_above_the_queue_limit_the_store_is_unavailable_at_once(place: Place) -> None:
    valve = Valve()
    store = await place.open(valve, queue_limit=5, group_limit=1)
    pending = [asyncio.ensure_future(store.accept(acceptance(place.clock.now()))) for _ in range(20)]
    await asyncio.sleep(0)
    valve.opened.set()
    results = await asyncio.gather(*pending, return_exceptions=True)
    refused = [result for result in results if isinstance(result, StoreUnavailable)]
    assert len(refused) >= 14
    assert (await store.books()).accepted == 20 - len(refused)


async def test_a_caller_who_leaves_changes_nothing(place: Place) -> None:
    valve = Valve()
    store = await place.open(valve)
    given = acceptance(place.clock.now())
    leaver = asyncio.ensure_future(store.accept(given))
    stayer = asyncio.ensure_future(store.accept(acceptance(place.clock.now())))
    await asyncio.sleep(0)
    leaver.cancel()
    valve.opened.set()
    await stayer
    assert await store.message(given.message_id) is not None


async def test_closing_commits_what_was_handed_in(place: Place) -> None:
    store = await place.open()
    pending = [asyncio.ensure_future(store.accept(acceptance(place.clock.now()))) for _ in range(10)]
    await asyncio.sleep(0)
    await store.close()
    await asyncio.gather(*pending)
    for raw in (b"small", b"large" * 10_000):
        with pytest.raises(StoreUnavailable, match="closed"):
            await store.accept(acceptance(place.clock.now(), raw=raw))
    with pytest.raises(StoreUnavailable, match="closed"):
        await store.books()
    assert (await (await place.open()).books()).accepted == 10


async def test_an_endless_read_is_cut_off(place: Place) -> None:
    store = await place.open()
    step = 1.0

    def monotonic() -> float:
        nonlocal step
        step += 1.0
        return step

    place.clock.monotonic = monotonic  # type: ignore[method-assign]
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    with pytest.raises(StoreUnavailable, match="interrupted"):
        await store._read(lambda db: db.execute(endless).fetchall())


async def test_claims_are_one_index_read(place: Place) -> None:
    store = await place.open()
    due = await in_writer(store, f"EXPLAIN QUERY PLAN {DUE}", "axis", 1, 0, 0, 10)
    soon = await in_writer(store, f"EXPLAIN QUERY PLAN {NEXT_DUE}", "axis", 1, 0)
    for plan in (due, soon):
        assert [row[3].split(" (")[0] for row in plan] == ["SEARCH deliveries USING INDEX deliveries_due"]


async def test_an_ended_delivery_is_never_brought_back(place: Place) -> None:
    store = await place.open()
    answer = await store.accept(acceptance(place.clock.now()))
    await in_writer(store, "UPDATE deliveries SET state = 'expired', ended_at = 1 WHERE id = ?", *answer.deliveries)
    with pytest.raises(sqlite3.IntegrityError, match="never changes its state"):
        await in_writer(store, "UPDATE deliveries SET state = 'queued', ended_at = NULL")
