"""The SQLite store: each verb of the contract, handed to the writer's thread or to a reader.

What a verb promises is written at :class:`gateway.ports.Store`; how, at the function it calls.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from gateway.clock import Clock
from gateway.errors import BodyDamaged, Refusal, StoreUnavailable
from gateway.model.access import ApiKey, Caller
from gateway.model.delivery import Attempt, Claim, Concluded, Delivery, NewDelivery, State
from gateway.model.incident import Incident
from gateway.model.message import (
    Acceptance,
    Accepted,
    BodyRef,
    Message,
    Quarantined,
    QuarantineState,
    Quarantining,
)
from gateway.model.verdict import Applied, Judged
from gateway.ports import (
    Books,
    Conclusion,
    PartyBooks,
    PartyMailbox,
    QueueState,
    Reach,
    StoredCheckpoint,
    StoredEntry,
    Withholding,
)
from gateway.storage.bodies import Body, BodyFiles, Retention
from gateway.storage.lock import DirectoryLock
from gateway.storage.settings import StoreSettings
from gateway.storage.sqlite import (
    accepting,
    arriving,
    delivering,
    ending,
    finding,
    incidents,
    keeping,
    parties,
    pulling,
    quarantining,
    queueing,
    records,
    sealing,
    tending,
    verdicts,
    withholding,
)
from gateway.storage.sqlite.lanes import Lanes
from gateway.storage.sqlite.readers import Readers
from gateway.storage.sqlite.transaction import Transaction
from gateway.storage.sqlite.writer import NO_POINTS, Points, Writer

if TYPE_CHECKING:
    from gateway.ports import Store

T = TypeVar("T")

ACCEPT = Points("commit.before", "commit.after")
CONCLUDE = Points("conclude.before_commit")
WIRE = Points(after="wire.after_keep")
FETCHED = Points(after="mailbox.fetched")
SETTLE = Points("settle.before_commit", "settle.after")
SEAL = Points("seal.before_commit")
SPOOLERS = 4
"""Threads that write, read and hash body files."""


@dataclass(frozen=True, slots=True)
class Own:
    """What one opened store is made of. *writer* and *lock* are None when it was opened read-only."""

    settings: StoreSettings
    clock: Clock
    reach: Reach
    start: str
    mailboxes: frozenset[str]
    platforms: frozenset[str]
    files: BodyFiles
    readers: Readers
    writer: Writer | None
    lock: DirectoryLock | None


class SqliteStore:
    """The store of one data directory. Made by :func:`gateway.storage.open_store`."""

    def __init__(self, own: Own) -> None:
        self._own = own
        self._lanes = Lanes()
        self._spoolers = ThreadPoolExecutor(SPOOLERS, "store-spooler")
        self._spooling: set[asyncio.Task[Any]] = set()
        self._closed = False

    @property
    def start(self) -> str:
        """This server start's id, which names its leases."""
        return self._own.start

    @property
    def commits(self) -> int:
        """Groups committed since the store was opened."""
        return self._own.writer.commits if self._own.writer else 0

    def free_bytes(self) -> int:
        """Free space of the data directory's file system, for the reserve (P7)."""
        return shutil.disk_usage(self._own.settings.data_dir).free

    async def require_writable(self) -> None:
        """Raise StoreUnavailable once durability can no longer be promised; only a new process may go on then."""
        self._writer.require_sound()

    async def close(self) -> None:
        """Commit what waits, close everything, let the next process in. Closing twice does nothing."""
        self._closed = True
        while self._spooling:
            await asyncio.wait(self._spooling)
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._spoolers.shutdown()
        self._own.readers.close()
        if self._own.writer:
            self._own.writer.close()
        if self._own.lock:
            self._own.lock.release()

    # ------------------------------------------------------------------------------------------------ accepting

    async def arrival(self, peer: str, reference: str) -> tuple[str, str] | None:
        return await self._read(partial(arriving.known, peer=peer, reference=reference))

    async def accept(self, acceptance: Acceptance) -> Accepted:
        if not acceptance.deliveries:
            raise ValueError("every accepted message has at least one delivery (P2)")
        return await self._write_body(
            acceptance.submission.raw,
            Retention.MESSAGE,
            lambda tx, body: accepting.accept(tx, acceptance, body),
            ACCEPT,
            spooled="accept.after_spool",
        )

    async def quarantine(self, item: Quarantining) -> Quarantined:
        return await self._write_body(
            item.submission.raw, Retention.QUARANTINE, lambda tx, body: quarantining.quarantine(tx, item, body)
        )

    async def withhold(self, item: Withholding) -> None:
        await self._write(lambda tx: withholding.withhold(tx, item))

    async def withheld(self, peer: str, reference: str) -> str | None:
        return await self._read(lambda db: withholding.rules_of(db, peer, reference))

    async def acknowledge_again(self, peer: str, reference: str, acknowledgement: NewDelivery) -> bool:
        return await self._write(lambda tx: arriving.acknowledge_again(tx, peer, reference, acknowledgement))

    # ------------------------------------------------------------------------------------------------ delivering

    async def claim(self, destination: str, limit: int) -> Sequence[Claim]:
        return await self._write(lambda tx: delivering.claim(tx, destination, limit, self._lanes))

    async def keep_wire(self, claim: Claim, wire: bytes, applied: Sequence[Applied] = ()) -> BodyRef:
        return await self._write_body(
            wire,
            Retention.WIRE,
            lambda tx, body: delivering.keep_wire(tx, claim, body, applied),
            WIRE,
            spooled="wire.after_spool",
        )

    async def conclude(self, claim: Claim, conclusion: Conclusion) -> Concluded:
        return await self._write(lambda tx: delivering.conclude(tx, claim, conclusion), CONCLUDE)

    async def next_due(self, destination: str) -> datetime | None:
        return await self._read(lambda db: delivering.next_due(db, destination, self._own.clock.now()))

    async def due_to_expire(self, now: datetime, limit: int) -> Sequence[Delivery]:
        return await self._read(lambda db: delivering.due_to_expire(db, now, limit))

    async def end(
        self, delivery_id: str, state: State, code: str, detail: str, actor: str, conclusion: Conclusion | None = None
    ) -> Concluded:
        return await self._write(lambda tx: ending.end(tx, delivery_id, state, code, detail, actor, conclusion))

    async def rescue(self) -> Sequence[Delivery]:
        return await self._write(delivering.rescue)

    async def destinations(self) -> Sequence[str]:
        return await self._read(delivering.destinations)

    # ------------------------------------------------------------------------------------------------ mailboxes

    async def mailbox(self, system: str, party: str | None, limit: int) -> Sequence[Delivery]:
        return await self._read(lambda db: pulling.mailbox(db, system, party, limit))

    async def delivery(self, delivery_id: str) -> Delivery | None:
        return await self._read(lambda db: records.delivery(db, delivery_id))

    async def fetched(self, delivery: Delivery) -> None:
        await self._write(lambda tx: pulling.fetched(tx, delivery), FETCHED)

    async def statuses(self, conversation: str, sender: str) -> Sequence[int]:
        return await self._read(lambda db: records.statuses(db, conversation, sender))

    async def known(self, peer: str, sender: str, identity: str, digest: str) -> bool:
        return await self._read(lambda db: records.known(db, peer, sender, identity, digest))

    async def settle(
        self, delivery_id: str, system: str, done: bool, reason: str, follow_up: pulling.FollowUp | None = None
    ) -> Concluded:
        return await self._write(lambda tx: pulling.settle(tx, delivery_id, system, done, reason, follow_up), SETTLE)

    # ------------------------------------------------------------------------------------------------ records

    async def message(self, message_id: str) -> Message | None:
        return await self._read(lambda db: records.message(db, message_id))

    async def messages(
        self,
        *,
        peer: str | None = None,
        party: str | None = None,
        own: Caller | None = None,
        text: str = "",
        before: str = "",
        limit: int = 50,
    ) -> Sequence[Message]:
        return await self._read(
            partial(finding.messages, peer=peer, party=party, own=own, text=text, before=before, limit=limit)
        )

    async def conversation(self, conversation: str, limit: int = 1000) -> Sequence[Message]:
        return await self._read(lambda db: records.conversation(db, conversation, limit))

    async def deliveries_of(self, message_id: str) -> Sequence[Delivery]:
        return await self._read(lambda db: records.deliveries_of(db, message_id))

    async def verdicts(self, message_id: str) -> Sequence[Judged]:
        return await self._read(lambda db: verdicts.of_message(db, message_id))

    async def attempts_of(self, delivery_id: str) -> Sequence[Attempt]:
        return await self._read(lambda db: records.attempts_of(db, delivery_id))

    async def body(self, body_id: str) -> bytes:
        """Also raises Refusal 'message.not_found' if there is no such body, and BodyDamaged (with an incident)."""
        try:
            kept = await self._read(lambda db: keeping.find(db, body_id))
            if kept is None:
                raise Refusal("message.not_found", "body", f"no body {body_id}")
            if not kept.path:
                return kept.content
            return await self._spool(partial(self._own.files.read, body_id, kept.path, kept.sha256))
        except BodyDamaged as damage:
            if self._own.writer:
                await self.raise_incident("store.body_damaged", damage.body_id, str(damage))
            raise

    async def queues(self) -> Sequence[QueueState]:
        return await self._read(records.queues)

    async def books(self) -> Books:
        return await self._read(records.books)

    async def before(self, delivery_id: str) -> Delivery | None:
        return await self._read(lambda db: queueing.before(db, delivery_id))

    async def party_books(self, party: str) -> PartyBooks:
        return await self._read(lambda db: parties.books(db, party))

    async def party_mailboxes(self) -> Sequence[PartyMailbox]:
        return await self._read(parties.mailboxes)

    # ------------------------------------------------------------------------------------------------ tending

    async def quarantined(
        self, *, state: QuarantineState | None = QuarantineState.OPEN, limit: int = 100
    ) -> Sequence[Quarantined]:
        return await self._read(lambda db: quarantining.items(db, state, limit))

    async def quarantined_item(self, quarantine_id: str) -> Quarantined | None:
        return await self._read(lambda db: quarantining.item(db, quarantine_id))

    async def reject_quarantined(
        self, quarantine_id: str, actor: str, reason: str, acknowledgement: NewDelivery | None = None
    ) -> None:
        await self._write(lambda tx: quarantining.reject(tx, quarantine_id, actor, reason, acknowledgement))

    async def hold(self, delivery_id: str, actor: str, reason: str) -> Concluded:
        return await self._write(lambda tx: tending.hold(tx, delivery_id, actor, reason))

    async def release(
        self, delivery_id: str, actor: str, reason: str, destination: str = "", party: str = ""
    ) -> Concluded:
        return await self._write(lambda tx: tending.release(tx, delivery_id, actor, reason, destination, party))

    async def pause(self, destination: str, actor: str, reason: str) -> None:
        await self._write(lambda tx: tending.pause(tx, destination, actor, reason))

    async def resume(self, destination: str, actor: str, reason: str) -> None:
        await self._write(lambda tx: tending.resume(tx, destination, actor, reason))

    async def paused(self) -> Mapping[str, str]:
        return await self._read(records.paused)

    async def raise_incident(self, code: str, subject: str, detail: str) -> Incident:
        return await self._write(lambda tx: incidents.raise_incident(tx, code, subject, detail))

    async def close_incident(self, code: str, subject: str, actor: str) -> bool:
        return await self._write(lambda tx: incidents.close_incident(tx, code, subject, actor))

    async def incidents(self, *, open_only: bool = True, limit: int = 100) -> Sequence[Incident]:
        return await self._read(lambda db: incidents.incidents(db, open_only, limit))

    async def add_key(self, key: ApiKey, actor: str) -> None:
        await self._write(lambda tx: tending.add_key(tx, key, actor))

    async def key(self, key_id: str) -> ApiKey | None:
        return await self._read(lambda db: tending.key(db, key_id))

    async def keys(self) -> Sequence[ApiKey]:
        return await self._read(tending.keys)

    async def revoke_key(self, key_id: str, actor: str) -> bool:
        return await self._write(lambda tx: tending.revoke_key(tx, key_id, actor))

    async def record(self, type: str, fields: Mapping[str, object]) -> None:
        await self._write(lambda tx: tx.entry(type, fields))

    # ------------------------------------------------------------------------------------------------ entries

    async def unsealed(self, limit: int) -> Sequence[StoredEntry]:
        return await self._read(lambda db: sealing.unsealed(db, limit))

    async def seal(self, entries: Sequence[StoredEntry], first_position: int, checkpoint: StoredCheckpoint) -> None:
        await self._write(lambda tx: sealing.seal(tx, entries, first_position, checkpoint), SEAL)

    async def sealed(self, start: int, limit: int) -> Sequence[StoredEntry]:
        return await self._read(lambda db: sealing.sealed(db, start, limit))

    async def last_checkpoint(self) -> StoredCheckpoint | None:
        return await self._read(sealing.last_checkpoint)

    async def checkpoints(self, limit: int = 1000) -> Sequence[StoredCheckpoint]:
        return await self._read(lambda db: sealing.checkpoints(db, limit))

    # ------------------------------------------------------------------------------------------------ threads

    async def _read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        return await self._own.readers.read(query)

    async def _write(self, verb: Callable[[Transaction], T], points: Points = NO_POINTS) -> T:
        return await self._writer.submit(lambda db: verb(self._transaction(db)), points)

    async def _write_body(
        self,
        raw: bytes,
        retention: Retention,
        verb: Callable[[Transaction, Body], T],
        points: Points = NO_POINTS,
        spooled: str = "",
    ) -> T:
        """A large body becomes a file, fsynced before its transaction is queued. Once that has begun, cancelling the
        caller no longer matters: the file ends up with a row or is unlinked.
        """
        if self._closed:
            raise StoreUnavailable("the store is closed")
        now = self._own.clock.now()
        if len(raw) > self._own.settings.inline_limit:
            return await self._unbroken(self._spool_and_write(raw, retention, now, verb, points, spooled))
        body = Body(raw, retention, now)
        if spooled:
            self._own.reach(spooled)
        return await self._submit(body, verb, points)

    async def _spool_and_write(
        self,
        raw: bytes,
        retention: Retention,
        now: datetime,
        verb: Callable[[Transaction, Body], T],
        points: Points,
        spooled: str,
    ) -> T:
        try:
            body = await self._spool(partial(self._own.files.spool, raw, retention, now))
        except OSError as error:
            raise StoreUnavailable(f"body file: {error.strerror}") from error
        if spooled:
            self._own.reach(spooled)
        try:
            submitted = self._submit(body, verb, points)
        except StoreUnavailable:
            await self._spool(partial(self._abandon, body, committed=False))
            raise
        return await submitted

    def _submit(self, body: Body, verb: Callable[[Transaction, Body], T], points: Points) -> asyncio.Future[T]:
        return self._writer.submit(
            lambda db: verb(self._transaction(db), body),
            points,
            lambda committed: self._abandon(body, committed=committed),
        )

    def _abandon(self, body: Body, *, committed: bool) -> None:
        """Unlink the file of a body that no committed row refers to."""
        if body.path and not (committed and body.kept):
            self._own.files.discard(body.path)

    async def _unbroken(self, work: Coroutine[Any, Any, T]) -> T:
        """Run *work* to its end even if the caller is cancelled."""
        task = asyncio.create_task(work)
        self._spooling.add(task)
        task.add_done_callback(self._spooling.discard)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(task)

    async def _spool(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._spoolers, work)

    @property
    def _writer(self) -> Writer:
        if self._own.writer is None:
            raise StoreUnavailable("the store was opened read-only")
        return self._own.writer

    def _transaction(self, db: sqlite3.Connection) -> Transaction:
        own = self._own
        quota = own.settings.quarantine_quota_bytes
        return Transaction(db, own.clock.now(), own.start, own.mailboxes, own.platforms, quota)


def _conforms(store: SqliteStore) -> Store:
    """The type checker's proof that every verb of the contract is here."""
    return store
