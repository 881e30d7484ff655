"""What anybody may read back. Every function reads one snapshot."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from gateway.clock import from_millis
from gateway.model.delivery import ENDED, Attempt, Delivery, State
from gateway.model.message import Message
from gateway.ports import Books, QueueState
from gateway.storage.sqlite import rows
from gateway.storage.sqlite.rows import MESSAGES


def message(db: sqlite3.Connection, message_id: str) -> Message | None:
    """One message, or None."""
    row = db.execute(f"{MESSAGES} WHERE m.id = ?", (message_id,)).fetchone()
    return rows.message(row) if row else None


def conversation(db: sqlite3.Connection, conversation: str, limit: int) -> Sequence[Message]:
    """The messages of one conversation, first to last."""
    found = db.execute(f"{MESSAGES} WHERE m.conversation = ? ORDER BY m.seq LIMIT ?", (conversation, limit))
    return [rows.message(row) for row in found]


def statuses(db: sqlite3.Connection, conversation: str, sender: str) -> Sequence[int]:
    """What *sender* reported in *conversation*, first to last."""
    found = db.execute(
        """SELECT status FROM messages WHERE conversation = ? AND kind = 'status' AND sender = ? COLLATE NOCASE
           ORDER BY seq""",
        (conversation, sender),
    )
    return [row["status"] for row in found]


def known(db: sqlite3.Connection, peer: str, sender: str, identity: str, digest: str) -> bool:
    """Whether this content came under this identity before."""
    found = db.execute(
        "SELECT 1 FROM identities WHERE peer = ? AND sender = ? AND identity = ? AND digest = ?",
        (peer, sender, identity, digest),
    )
    return bool(identity) and found.fetchone() is not None


def delivery(db: sqlite3.Connection, delivery_id: str) -> Delivery | None:
    """One delivery, or None."""
    row = db.execute("SELECT * FROM deliveries WHERE id = ?", (delivery_id,)).fetchone()
    return rows.delivery(row) if row else None


def deliveries_of(db: sqlite3.Connection, message_id: str) -> Sequence[Delivery]:
    """All deliveries of a message, acknowledgements included, in the order they were created."""
    found = db.execute("SELECT * FROM deliveries WHERE message_id = ? ORDER BY seq", (message_id,))
    return [rows.delivery(row) for row in found]


def attempts_of(db: sqlite3.Connection, delivery_id: str) -> Sequence[Attempt]:
    """All attempts, first to last."""
    found = db.execute("SELECT * FROM attempts WHERE delivery_id = ? ORDER BY number", (delivery_id,))
    return [rows.attempt(row) for row in found]


def queues(db: sqlite3.Connection) -> Sequence[QueueState]:
    """Every destination that ever had a delivery or is paused."""
    counts: dict[str, dict[State, int]] = {}
    for row in db.execute("SELECT * FROM tallies WHERE count > 0 ORDER BY destination"):
        counts.setdefault(row["destination"], {})[State(row["state"])] = row["count"]
    reasons = {scope: reason for scope, reason in paused(db).items() if not scope.startswith("poll:")}
    return [
        QueueState(name, counts.get(name, {}), _oldest_open(db, name), reasons.get(name, ""))
        for name in sorted(counts.keys() | reasons.keys())
    ]


def paused(db: sqlite3.Connection) -> dict[str, str]:
    """Scope to reason; a reason is never empty."""
    return {row["scope"]: row["reason"] or row["actor"] for row in db.execute("SELECT * FROM pauses ORDER BY scope")}


def books(db: sqlite3.Connection) -> Books:
    """P2 at this moment. *created* is counted apart from the tallies it must agree with."""
    counters = {row["name"]: row["value"] for row in db.execute("SELECT name, value FROM counters")}
    tallies = {
        State(row["state"]): row["total"]
        for row in db.execute("SELECT state, sum(count) AS total FROM tallies GROUP BY state")
    }
    return Books(
        received=counters["received"],
        accepted=counters["accepted"],
        quarantined=counters["quarantined"],
        duplicates=counters["duplicates"],
        created=counters["created"],
        delivered=tallies.get(State.DELIVERED, 0),
        rejected=tallies.get(State.REJECTED, 0),
        expired=tallies.get(State.EXPIRED, 0),
        cancelled=tallies.get(State.CANCELLED, 0),
        open=sum(count for state, count in tallies.items() if state not in ENDED),
        maybe_twice=counters["maybe_twice"],
    )


def _oldest_open(db: sqlite3.Connection, destination: str) -> datetime | None:
    row = db.execute(
        "SELECT created_at FROM deliveries WHERE destination = ? AND ended_at IS NULL ORDER BY seq LIMIT 1",
        (destination,),
    ).fetchone()
    return from_millis(row["created_at"]) if row else None
