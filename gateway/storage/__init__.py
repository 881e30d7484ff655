"""The disk is the truth: everything acknowledged is here, and nothing is that is not (P1)."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable
from datetime import date, timedelta

from gateway.clock import Clock, from_millis, to_millis
from gateway.errors import BodyDamaged
from gateway.model.ids import new_id
from gateway.ports import Reach
from gateway.storage.bodies import BodyFiles
from gateway.storage.lock import DataDirectoryLocked, DirectoryLock
from gateway.storage.migrate import SchemaTooNew, SchemaTooOld, apply, check, migrate
from gateway.storage.settings import StoreSettings
from gateway.storage.sqlite.connect import connect_reader, connect_writer
from gateway.storage.sqlite.readers import Readers
from gateway.storage.sqlite.store import Own, SqliteStore
from gateway.storage.sqlite.writer import Writer

__all__ = [
    "BodyDamaged",
    "DataDirectoryLocked",
    "SchemaTooNew",
    "SchemaTooOld",
    "SqliteStore",
    "StoreSettings",
    "migrate",
    "open_readonly",
    "open_store",
]


async def open_store(
    settings: StoreSettings,
    clock: Clock,
    reach: Reach = lambda point: None,
    *,
    mailboxes: frozenset[str] = frozenset(),
    platforms: frozenset[str] = frozenset(),
) -> SqliteStore:
    """Lock the data directory, migrate, sweep orphaned body files, begin a new server start.

    *mailboxes* are the destinations that systems pull from; *platforms* the peers without a quarantine quota. Raises
    DataDirectoryLocked, SchemaTooNew, OSError, sqlite3.Error.
    """
    return await asyncio.to_thread(_open, settings, clock, reach, mailboxes, platforms)


async def open_readonly(settings: StoreSettings, clock: Clock) -> SqliteStore:
    """Read beside a running server, without the lock; every writing verb raises StoreUnavailable. Raises
    SchemaTooNew, SchemaTooOld, sqlite3.Error.
    """
    return await asyncio.to_thread(_open_readonly, settings, clock)


def _open(
    settings: StoreSettings, clock: Clock, reach: Reach, mailboxes: frozenset[str], platforms: frozenset[str]
) -> SqliteStore:
    lock = DirectoryLock(settings.data_dir)
    try:
        db = connect_writer(settings)
    except (OSError, sqlite3.Error):
        lock.release()
        raise
    try:
        files = BodyFiles(settings.bodies, durable=settings.synchronous == "FULL")
        start = _begin(db, files, clock)
        readers = Readers(settings, clock)
    except Exception:
        db.close()
        lock.release()
        raise
    writer = Writer(db, group_limit=settings.group_limit, queue_limit=settings.queue_limit, reach=reach)
    return SqliteStore(Own(settings, clock, reach, start, mailboxes, platforms, files, readers, writer, lock))


def _begin(db: sqlite3.Connection, files: BodyFiles, clock: Clock) -> str:
    """Migrate, sweep, and write down this server start; its id."""
    now = clock.now()
    apply(db, to_millis(now))
    files.sweep(_unswept_since(db), _known(db))
    start = new_id(now)
    db.execute("INSERT INTO server_starts (id, at, pid) VALUES (?, ?, ?)", (start, to_millis(now), os.getpid()))
    return start


def _unswept_since(db: sqlite3.Connection) -> date:
    """Orphans are younger than the last start, which swept all before it; a day is allowed for a clock set back."""
    last = db.execute("SELECT max(at) AS at FROM server_starts").fetchone()["at"]
    return date.min if last is None else from_millis(last).date() - timedelta(days=1)


def _known(db: sqlite3.Connection) -> Callable[[str], bool]:
    return lambda path: db.execute("SELECT 1 FROM bodies WHERE path = ?", (path,)).fetchone() is not None


def _open_readonly(settings: StoreSettings, clock: Clock) -> SqliteStore:
    db = connect_reader(settings)
    try:
        check(db)
    finally:
        db.close()
    nothing: frozenset[str] = frozenset()
    files, readers = BodyFiles(settings.bodies), Readers(settings, clock)
    return SqliteStore(Own(settings, clock, lambda point: None, "", nothing, nothing, files, readers, None, None))
