"""What the disk alone can do: the floor under every promise of durability."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

PAGE = bytes(4096)


def append_rate(folder: Path, seconds: float) -> float:
    """Appends of 4 KB per second to one file in *folder*, each flushed with fdatasync before the next."""
    path = folder / "floor.append"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
    try:
        started, count = time.perf_counter(), 0
        while (elapsed := time.perf_counter() - started) < seconds:
            os.write(descriptor, PAGE)
            os.fdatasync(descriptor)
            count += 1
        return count / elapsed
    finally:
        os.close(descriptor)
        path.unlink()


def commit_rate(folder: Path, seconds: float) -> float:
    """Transactions of one small row per second in an SQLite file in *folder*, as durable as the gateway's own."""
    path = folder / "floor.db"
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE rows (text TEXT)")
            started, count = time.perf_counter(), 0
            while (elapsed := time.perf_counter() - started) < seconds:
                db.execute("INSERT INTO rows VALUES (?)", (f"{count:0100d}",))
                count += 1
            return count / elapsed
    finally:
        for name in ("floor.db", "floor.db-wal", "floor.db-shm"):
            (folder / name).unlink(missing_ok=True)
