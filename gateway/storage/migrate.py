"""Schema versions: numbered SQL files, applied in order, each in its own transaction."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from importlib import resources

from gateway.clock import Clock, to_millis
from gateway.errors import GatewayError
from gateway.storage.lock import DirectoryLock
from gateway.storage.settings import StoreSettings
from gateway.storage.sqlite.connect import connect_writer


class SchemaTooNew(GatewayError):
    """The database was written by a newer release; this one would misread it."""


class SchemaTooOld(GatewayError):
    """The database needs `lienthong migrate` (or a server start) before it can be read."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step: its number, its file name and its SQL."""

    version: int
    name: str
    sql: str


def migrations() -> tuple[Migration, ...]:
    """All steps this release knows, in order."""
    folder = resources.files("gateway.storage") / "migrations" / "sqlite"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    return tuple(Migration(int(file.name[:4]), file.name, file.read_text("utf-8")) for file in files)


def version(db: sqlite3.Connection) -> int:
    """The schema version of *db*; 0 for an empty database."""
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'schema_version'").fetchone():
        return 0
    return int(db.execute("SELECT coalesce(max(version), 0) FROM schema_version").fetchone()[0])


def check(db: sqlite3.Connection) -> None:
    """Raise SchemaTooNew or SchemaTooOld unless *db* has exactly this release's schema."""
    found, newest = version(db), migrations()[-1].version
    if found > newest:
        raise SchemaTooNew(f"the database has schema {found}, this release knows up to {newest}")
    if found < newest:
        raise SchemaTooOld(f"the database has schema {found}, this release needs {newest}")


def apply(db: sqlite3.Connection, at: int) -> tuple[int, int]:
    """Bring *db* up to date; (version before, version after). *at* in milliseconds. Raises SchemaTooNew."""
    before = version(db)
    if before > migrations()[-1].version:
        check(db)
    db.execute("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY, name TEXT, at INTEGER) STRICT")
    for step in migrations():
        if step.version > before:
            _apply(db, step, at)
    return before, version(db)


def _apply(db: sqlite3.Connection, step: Migration, at: int) -> None:
    try:
        db.executescript(f"BEGIN IMMEDIATE;\n{step.sql}")
        db.execute("INSERT INTO schema_version (version, name, at) VALUES (?, ?, ?)", (step.version, step.name, at))
        db.execute("COMMIT")
    except sqlite3.Error:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def migrate(settings: StoreSettings, clock: Clock) -> tuple[int, int]:
    """`lienthong migrate`: (version before, version after). Takes the lock. Raises DataDirectoryLocked,
    SchemaTooNew.
    """
    lock = DirectoryLock(settings.data_dir)
    try:
        db = connect_writer(settings)
        try:
            return apply(db, to_millis(clock.now()))
        finally:
            db.close()
    finally:
        lock.release()
