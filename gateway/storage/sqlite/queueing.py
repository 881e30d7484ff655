"""The order rule (DESIGN §3): per (destination, party, conversation) one delivery at a time, oldest first.

A delivery may go if no other of its conversation is under way (queued, leased, deferred) and none before it is live;
else it waits. In a mailbox nothing waits: its system sees all that is un-acknowledged, oldest first, and so a recall
never hides behind its document.
"""

from __future__ import annotations

import sqlite3

from gateway.clock import to_millis
from gateway.errors import Refusal
from gateway.model.delivery import Delivery, NewDelivery, Purpose, State
from gateway.model.document import StatusCode
from gateway.model.message import NEEDS_PREDECESSOR, Kind
from gateway.storage.sqlite import rows
from gateway.storage.sqlite.transaction import Transaction, listed, mapped


def create(tx: Transaction, new: NewDelivery, message_id: str | None, kind: Kind | None, identity: str = "") -> State:
    """Create a delivery as queued, waiting or held. *message_id* is None for an acknowledgement of what is not a
    message. The entry of the commit names it, but a hold has an entry of its own.
    """
    state = _first_state(tx, new)
    due = to_millis(tx.now)
    tx.do(
        """INSERT INTO deliveries (id, message_id, kind, purpose, destination, party, recipients, conversation, state,
                                   urgent, instruction, created_at, due_at, expires_at, code, detail,
                                   needs_predecessor, replay_of)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        new.id,
        message_id,
        kind or "",
        new.purpose,
        new.destination,
        new.party,
        listed(new.recipients),
        new.conversation,
        state,
        int(new.urgent),
        mapped(new.instruction),
        due,
        due,
        to_millis(new.expires_at),
        "held" if new.held else "",
        new.held,
        int(_needs_predecessor(new.purpose, kind, identity)),
        new.replay_of,
    )
    tx.count("created")
    if new.held:
        tx.entry("delivery.held", {**named(fetch(tx, new.id)), "code": "held", "detail": new.held})
    return state


def fetch(tx: Transaction, delivery_id: str) -> sqlite3.Row:
    """The delivery's row. Refusal 'delivery.not_found' if there is none."""
    row = tx.one("SELECT * FROM deliveries WHERE id = ?", delivery_id)
    if row is None:
        raise Refusal("delivery.not_found", detail=f"no delivery {delivery_id}")
    return row


def ready(tx: Transaction, row: sqlite3.Row) -> bool:
    """True if *row* may go now."""
    before = tx.one(
        """SELECT 1 FROM deliveries
           WHERE destination = ? AND party = ? AND conversation = ? AND ended_at IS NULL AND seq <> ?
             AND (state IN ('queued', 'leased', 'deferred') OR seq < ?) LIMIT 1""",
        *_group(row),
        row["seq"],
        row["seq"],
    )
    return before is None or row["destination"] in tx.mailboxes


def before(db: sqlite3.Connection, delivery_id: str) -> Delivery | None:
    """What a waiting delivery waits behind: the one under way, else the oldest live one of its conversation."""
    row = db.execute(
        """SELECT head.* FROM deliveries follower JOIN deliveries head
             ON head.destination = follower.destination AND head.party = follower.party
             AND head.conversation = follower.conversation AND head.ended_at IS NULL AND head.seq <> follower.seq
           WHERE follower.id = ? AND follower.state = 'waiting'
             AND (head.state IN ('queued', 'leased', 'deferred') OR head.seq < follower.seq)
           ORDER BY head.state IN ('queued', 'leased', 'deferred') DESC, head.seq LIMIT 1""",
        (delivery_id,),
    ).fetchone()
    return rows.delivery(row) if row else None


def promote(tx: Transaction, left: sqlite3.Row) -> tuple[str, ...]:
    """*left* is no longer before the others of its conversation: let the next one go. Destinations to wake."""
    following = tx.one(
        """SELECT * FROM deliveries
           WHERE destination = ? AND party = ? AND conversation = ? AND ended_at IS NULL AND state = 'waiting'
           ORDER BY seq LIMIT 1""",
        *_group(left),
    )
    if following is None or not ready(tx, following):
        return ()
    tx.do("UPDATE deliveries SET state = 'queued' WHERE seq = ?", following["seq"])
    return (following["destination"],)


def followers_in_need(tx: Transaction, head: sqlite3.Row) -> list[sqlite3.Row]:
    """Deliveries waiting behind *head* that mean nothing to a receiver who never got it. Only a document that is
    certain not to have arrived is needed: a status or an update may fail without voiding a recall.
    """
    if head["kind"] not in (Kind.DOCUMENT, Kind.REPLACEMENT) or head["unknown_before"]:
        return []
    return tx.all(
        """SELECT * FROM deliveries
           WHERE destination = ? AND party = ? AND conversation = ? AND ended_at IS NULL
             AND state = 'waiting' AND needs_predecessor = 1 AND seq > ? ORDER BY seq""",
        *_group(head),
        head["seq"],
    )


def named(row: sqlite3.Row) -> dict[str, object]:
    """How an entry names a delivery."""
    return {
        "delivery": row["id"],
        "destination": row["destination"],
        "message": row["message_id"] or "",
        "party": row["party"],
        "purpose": row["purpose"],
    }


def _first_state(tx: Transaction, new: NewDelivery) -> State:
    if new.held:
        return State.HELD
    if new.destination in tx.mailboxes:
        return State.QUEUED
    before = tx.one(
        """SELECT 1 FROM deliveries
           WHERE destination = ? AND party = ? AND conversation = ? AND ended_at IS NULL LIMIT 1""",
        new.destination,
        new.party,
        new.conversation,
    )
    return State.QUEUED if before is None else State.WAITING


def _needs_predecessor(purpose: Purpose, kind: Kind | None, identity: str) -> bool:
    if purpose is not Purpose.CONTENT:
        return False
    recalled = identity.startswith("status|") and f"|{StatusCode.GIVE_BACK:02d}|" in identity
    return kind in NEEDS_PREDECESSOR or recalled


def _group(row: sqlite3.Row) -> tuple[str, str, str]:
    return row["destination"], row["party"], row["conversation"]
