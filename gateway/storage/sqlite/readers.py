"""The read pool: read-only connections, each read in one snapshot and within a time limit."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import TypeVar

from gateway.clock import Clock
from gateway.errors import StoreUnavailable
from gateway.storage.settings import StoreSettings
from gateway.storage.sqlite.connect import connect_reader

T = TypeVar("T")

STEPS = 10_000
"""Virtual machine steps between two looks at the clock."""


class Readers:
    """Runs queries in threads; a read that outlives *read_timeout* ends as StoreUnavailable, because a long reader
    keeps the write-ahead log from being emptied.
    """

    def __init__(self, settings: StoreSettings, clock: Clock) -> None:
        self._timeout = settings.read_timeout
        self._clock = clock
        self._idle: SimpleQueue[sqlite3.Connection] = SimpleQueue()
        self._all = [connect_reader(settings) for _ in range(settings.readers)]
        for db in self._all:
            self._idle.put(db)
        self._threads = ThreadPoolExecutor(settings.readers, "store-reader")
        self._closed = False

    async def read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """The result of *query* on one consistent snapshot. Raises StoreUnavailable."""
        if self._closed:
            raise StoreUnavailable("the store is closed")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._run, query)
        except sqlite3.OperationalError as error:
            raise StoreUnavailable(f"read failed: {error}") from error

    def _run(self, query: Callable[[sqlite3.Connection], T]) -> T:
        db = self._idle.get()
        deadline = self._clock.monotonic() + self._timeout
        db.set_progress_handler(lambda: self._clock.monotonic() > deadline, STEPS)
        try:
            db.execute("BEGIN")
            return query(db)
        finally:
            db.set_progress_handler(None, 0)
            if db.in_transaction:
                db.execute("ROLLBACK")
            self._idle.put(db)

    def close(self) -> None:
        """Wait for reads under way, then close all connections."""
        self._closed = True
        self._threads.shutdown()
        for db in self._all:
            db.close()
