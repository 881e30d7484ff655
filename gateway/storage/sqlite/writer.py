"""Group commit: one thread commits everything that waits, at once (DESIGN §6)."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from gateway.errors import StoreUnavailable
from gateway.ports import Reach

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Points:
    """Names reached in the writer's thread around the COMMIT that holds a unit; "" for none."""

    before: str = ""
    after: str = ""


NO_POINTS = Points()


@dataclass(slots=True, eq=False)
class _Unit:
    work: Callable[[sqlite3.Connection], Any]
    points: Points
    abandon: Callable[[bool], None]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    result: Any = None
    error: Exception | None = field(default=None)


def _nothing_to_abandon(_committed: bool) -> None:
    return


class Writer:
    """Owns the writing connection. There is no timer: while one commit is being fsynced, the next group gathers.

    Each unit runs in its own savepoint, so a failing unit is undone alone and its neighbours are committed. When a
    COMMIT itself fails, durability is unknown and a later one may falsely succeed: the writer then refuses
    everything until the process starts again (DESIGN §7).
    """

    def __init__(self, db: sqlite3.Connection, *, group_limit: int, queue_limit: int, reach: Reach) -> None:
        self._db = db
        self._group_limit = group_limit
        self._queue_limit = queue_limit
        self._reach = reach
        self._queue: SimpleQueue[_Unit | None] = SimpleQueue()
        self._closed = False
        self._poison = ""
        self.commits = 0
        """Groups committed so far."""
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def submit(
        self,
        work: Callable[[sqlite3.Connection], T],
        points: Points = NO_POINTS,
        abandon: Callable[[bool], None] = _nothing_to_abandon,
    ) -> asyncio.Future[T]:
        """Queue *work*; the future ends after the fsync. From then on cancelling the caller changes nothing.

        *abandon* is called in the writer's thread once it is certain whether the unit was committed. Raises
        StoreUnavailable when poisoned, closed or full.
        """
        if self._poison or self._closed or self._queue.qsize() >= self._queue_limit:
            raise StoreUnavailable(self._poison or ("the store is closed" if self._closed else "write queue is full"))
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._queue.put(_Unit(work, points, abandon, loop, future))
        return future

    def require_sound(self) -> None:
        """Raise StoreUnavailable after a commit failed: the next one might falsely succeed."""
        if self._poison:
            raise StoreUnavailable(self._poison)

    def close(self) -> None:
        """Commit what waits, then end the thread. Blocks; closing twice does nothing."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        ending = False
        while not ending:
            group, ending = self._gather()
            if group:
                self._commit(group)
        self._db.close()

    def _gather(self) -> tuple[list[_Unit], bool]:
        unit = self._queue.get()
        group: list[_Unit] = []
        while unit is not None:
            group.append(unit)
            if len(group) == self._group_limit:
                return group, False
            try:
                unit = self._queue.get_nowait()
            except Empty:
                return group, False
        return group, True

    def _commit(self, group: list[_Unit]) -> None:
        """BEGIN, each unit in its savepoint, COMMIT; then everybody is told."""
        try:
            certain = self._transact(group)
        except Exception as error:  # noqa: BLE001 handed to every caller of the group
            self._undo()
            _fail(group, str(error), error)
            certain = True
        if certain:
            for unit in group:
                unit.abandon(unit.error is None)
        self._pass_points(unit.points.after for unit in group if unit.error is None)
        _tell(group)

    def _transact(self, group: list[_Unit]) -> bool:
        """True if it is certain what was committed."""
        if self._poison:
            raise StoreUnavailable(self._poison)
        self._db.execute("BEGIN IMMEDIATE")
        for unit in group:
            self._attempt(unit)
        self._pass_points(unit.points.before for unit in group if unit.error is None)
        if not self._flush():
            _fail(group, self._poison, None)
            return False
        self.commits += 1
        return True

    def _attempt(self, unit: _Unit) -> None:
        self._db.execute("SAVEPOINT unit")
        try:
            unit.result = unit.work(self._db)
        except Exception as error:
            if not self._db.in_transaction:  # the disk failed and SQLite undid the whole group
                raise
            self._db.execute("ROLLBACK TO unit")
            unit.error = _translated(error)
        self._db.execute("RELEASE unit")

    def _flush(self) -> bool:
        """COMMIT; False if it failed and the writer is now poisoned. A full disk is a clean failure: nothing of the
        group was written as committed, and there is no later fsync to believe.
        """
        try:
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
                raise
            self._poison = f"a commit failed ({error}); restart to verify the store"
            self._undo()
            return False
        return True

    def _undo(self) -> None:
        if self._db.in_transaction:
            try:
                self._db.execute("ROLLBACK")
            except sqlite3.Error as error:
                self._poison = self._poison or f"a rollback failed ({error}); restart to verify the store"

    def _pass_points(self, names: Iterable[str]) -> None:
        for name in dict.fromkeys(names):
            if name:
                self._reach(name)


def _translated(error: Exception) -> Exception:
    """What the machine could not do is StoreUnavailable; what the caller did wrong stays as it is."""
    if isinstance(error, sqlite3.OperationalError | OSError):
        unavailable = StoreUnavailable(str(error))
        unavailable.__cause__ = error
        return unavailable
    return error


def _fail(group: list[_Unit], reason: str, cause: Exception | None) -> None:
    """Nobody of the group was committed; even a refusal may have rested on a neighbour's undone work."""
    for unit in group:
        unit.error = StoreUnavailable(reason)
        unit.error.__cause__ = cause


def _tell(group: list[_Unit]) -> None:
    for loop in {unit.loop for unit in group}:
        mine = [unit for unit in group if unit.loop is loop]
        with suppress(RuntimeError):  # the loop was closed: nobody waits any more
            loop.call_soon_threadsafe(_settle, mine)


def _settle(units: list[_Unit]) -> None:
    for unit in units:
        if unit.future.done():
            continue
        if unit.error is not None:
            unit.future.set_exception(unit.error)
        else:
            unit.future.set_result(unit.result)
