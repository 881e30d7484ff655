"""What persons change at queues and keys, each with a named actor and an entry."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from gateway.clock import to_millis
from gateway.errors import Refusal, Stale
from gateway.model.access import ApiKey
from gateway.model.delivery import UNASSIGNED, Concluded, State
from gateway.storage.sqlite import incidents, queueing, rows
from gateway.storage.sqlite.ending import MAILBOX_FAILED
from gateway.storage.sqlite.transaction import Transaction, written


def hold(tx: Transaction, delivery_id: str, actor: str, reason: str) -> Concluded:
    """A live delivery stops where it is; what comes after it in its conversation waits. Refusal 'delivery.ended';
    Stale while an attempt is under way. Holding again changes nothing.
    """
    row = queueing.fetch(tx, delivery_id)
    if row["ended_at"] is not None:
        raise Refusal("delivery.ended", detail=f"{delivery_id} is {row['state']}")
    if row["state"] == State.LEASED:
        raise Stale(f"{delivery_id} is under way")
    if row["state"] == State.HELD:
        return Concluded(False, State.HELD)
    tx.do(
        "UPDATE deliveries SET state = 'held', code = 'held', detail = ? WHERE seq = ?",
        reason[: incidents.DETAIL_LIMIT],
        row["seq"],
    )
    tx.entry("delivery.held", {**queueing.named(row), "code": "held", "actor": actor, "reason": reason})
    return Concluded(True, State.HELD, queueing.promote(tx, row))


def release(tx: Transaction, delivery_id: str, actor: str, reason: str, destination: str, party: str) -> Concluded:
    """A held delivery goes on, at another destination if given (then *party* is taken as given too). Refusal
    'delivery.ended'; 'message.no_recipient' if it would stay unassigned; Stale if it is not held.
    """
    row = queueing.fetch(tx, delivery_id)
    if row["ended_at"] is not None:
        raise Refusal("delivery.ended", detail=f"{delivery_id} is {row['state']}")
    if row["state"] != State.HELD:
        raise Stale(f"{delivery_id} is {row['state']}, not held")
    to, whose = destination or row["destination"], party if destination else party or row["party"]
    if to == UNASSIGNED:
        raise Refusal("message.no_recipient", "destination", "name the destination it shall go to")
    tx.do(
        """UPDATE deliveries SET destination = ?, party = ?, state = 'waiting', due_at = ?, code = '', detail = ''
           WHERE seq = ?""",
        to,
        whose,
        tx.millis,
        row["seq"],
    )
    woken = _go_on(tx, queueing.fetch(tx, delivery_id))
    woken += queueing.promote(tx, row)
    tx.entry(
        "delivery.released",
        {**queueing.named(queueing.fetch(tx, delivery_id)), "actor": actor, "reason": reason, "code": row["code"]},
    )
    incidents.close_incident(tx, MAILBOX_FAILED, delivery_id, actor)
    return Concluded(True, State(queueing.fetch(tx, delivery_id)["state"]), tuple(dict.fromkeys(woken)))


def _go_on(tx: Transaction, row: sqlite3.Row) -> tuple[str, ...]:
    if not queueing.ready(tx, row):
        return ()
    tx.do("UPDATE deliveries SET state = 'queued' WHERE seq = ?", row["seq"])
    return (row["destination"],)


def pause(tx: Transaction, scope: str, actor: str, reason: str) -> None:
    """Nothing of *scope* is claimed until it is resumed; pausing again replaces the reason."""
    tx.do(
        """INSERT INTO pauses (scope, reason, actor, at) VALUES (?, ?, ?, ?)
           ON CONFLICT (scope) DO UPDATE SET reason = excluded.reason, actor = excluded.actor""",
        scope,
        reason,
        actor,
        tx.millis,
    )
    tx.entry("queue.paused", {"scope": scope, "actor": actor, "reason": reason})


def resume(tx: Transaction, scope: str, actor: str, reason: str) -> None:
    """Undo a pause; nothing happens if there is none."""
    if tx.do("DELETE FROM pauses WHERE scope = ?", scope):
        tx.entry("queue.resumed", {"scope": scope, "actor": actor, "reason": reason})


def add_key(tx: Transaction, key: ApiKey, actor: str) -> None:
    """Store *key*; never its secret."""
    tx.do(
        """INSERT INTO keys (id, system, secret_sha256, created_at, expires_at, revoked_at, note)
           VALUES (?, ?, ?, ?, ?, ?, ?)""",
        key.id,
        key.system,
        key.secret_sha256,
        to_millis(key.created_at),
        None if key.expires_at is None else to_millis(key.expires_at),
        None if key.revoked_at is None else to_millis(key.revoked_at),
        key.note,
    )
    expires = written(key.expires_at) if key.expires_at else ""
    tx.entry("key.added", {"key": key.id, "system": key.system, "actor": actor, "expires_at": expires})


def revoke_key(tx: Transaction, key_id: str, actor: str) -> bool:
    """Revoke from now on; False if there is no such key or it is revoked already."""
    row = tx.one("SELECT system FROM keys WHERE id = ? AND revoked_at IS NULL", key_id)
    if row is None:
        return False
    tx.do("UPDATE keys SET revoked_at = ? WHERE id = ?", tx.millis, key_id)
    tx.entry("key.revoked", {"key": key_id, "system": row["system"], "actor": actor})
    return True


def key(db: sqlite3.Connection, key_id: str) -> ApiKey | None:
    """One key, revoked or not."""
    row = db.execute("SELECT * FROM keys WHERE id = ?", (key_id,)).fetchone()
    return rows.key(row) if row else None


def keys(db: sqlite3.Connection) -> Sequence[ApiKey]:
    """All keys, oldest first."""
    return [rows.key(row) for row in db.execute("SELECT * FROM keys ORDER BY created_at, id")]
