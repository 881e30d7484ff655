"""Connections, with the settings promise P1 stands on."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from gateway.storage.settings import StoreSettings

BUSY_MILLIS = 5000


def connect_writer(settings: StoreSettings) -> sqlite3.Connection:
    """The one connection that writes. WAL and `synchronous=FULL`: every commit is fsynced before it returns.

    auto_vacuum must be set before the first table and before WAL, or SQLite ignores it.
    """
    created = not settings.database.exists()
    db = _connect(f"{_uri(settings.database)}?mode=rwc")
    if created:
        settings.database.chmod(0o600)
    db.execute("PRAGMA auto_vacuum = INCREMENTAL")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = " + settings.synchronous)
    db.execute("PRAGMA foreign_keys = ON")
    db.execute("PRAGMA journal_size_limit = 67108864")
    return db


def connect_reader(settings: StoreSettings) -> sqlite3.Connection:
    """A connection that cannot write."""
    db = _connect(f"{_uri(settings.database)}?mode=ro")
    db.execute("PRAGMA query_only = ON")
    return db


def _uri(path: Path) -> str:
    return path.absolute().as_uri()


def _connect(uri: str) -> sqlite3.Connection:
    db = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, cached_statements=512)
    db.row_factory = sqlite3.Row
    db.execute(f"PRAGMA busy_timeout = {BUSY_MILLIS}")
    db.execute("PRAGMA trusted_schema = OFF")
    db.execute("PRAGMA cache_size = -16384")
    return db
