"""Arrivals: what a peer handed over under its own reference, and the transport acknowledgement it gets for it."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace

from gateway.model.delivery import NewDelivery, State
from gateway.model.message import Submission
from gateway.storage.sqlite import queueing
from gateway.storage.sqlite.transaction import Transaction


def find(db: sqlite3.Connection, peer: str, reference: str) -> sqlite3.Row | None:
    """The arrival of (peer, reference); None if it is new or the peer gave no reference."""
    if not reference:
        return None
    row: sqlite3.Row | None = db.execute(
        "SELECT * FROM arrivals WHERE peer = ? AND reference = ?", (peer, reference)
    ).fetchone()
    return row


def known(db: sqlite3.Connection, peer: str, reference: str) -> tuple[str, str] | None:
    """(message or quarantine id, SHA-256 of the bytes), or None."""
    row = find(db, peer, reference)
    return (row["message_id"] or row["quarantine_id"], row["sha256"]) if row else None


def arrived(
    tx: Transaction, submission: Submission, sha256: str, *, message_id: str = "", quarantine_id: str = ""
) -> None:
    """Remember the arrival. The first message under a reference stays; a quarantined package gives way to it."""
    if not submission.reference:
        return
    tx.do(
        """INSERT INTO arrivals (peer, reference, sha256, at, message_id, quarantine_id)
           VALUES (?, ?, ?, ?, ?, ?)
           ON CONFLICT (peer, reference) DO UPDATE
           SET sha256 = excluded.sha256, message_id = excluded.message_id, quarantine_id = excluded.quarantine_id
           WHERE message_id IS NULL""",
        submission.peer,
        submission.reference,
        sha256,
        tx.millis,
        message_id or None,
        quarantine_id or None,
    )


def acknowledge(
    tx: Transaction, peer: str, reference: str, acknowledgement: NewDelivery | None, message_id: str | None
) -> tuple[str, ...]:
    """Create the transport acknowledgement, if one is due; destinations to wake."""
    if acknowledgement is None:
        return ()
    state = queueing.create(tx, acknowledgement, message_id, None)
    tx.do(
        "UPDATE arrivals SET acknowledgement_id = ? WHERE peer = ? AND reference = ?",
        acknowledgement.id,
        peer,
        reference,
    )
    return (acknowledgement.destination,) if state is State.QUEUED else ()


def acknowledge_again(tx: Transaction, peer: str, reference: str, acknowledgement: NewDelivery) -> bool:
    """One new acknowledgement with the instruction of the last one, unless that is still open or none was ever due."""
    last = last_acknowledgement(tx, peer, reference)
    if last is None or last["ended_at"] is None:
        return False
    same = replace(acknowledgement, instruction=json.loads(last["instruction"]))
    acknowledge(tx, peer, reference, same, last["message_id"])
    tx.entry("delivery.created", {**queueing.named(queueing.fetch(tx, same.id)), "reason": "listed again"})
    return True


def last_acknowledgement(tx: Transaction, peer: str, reference: str) -> sqlite3.Row | None:
    """The newest acknowledgement delivery of (peer, reference)."""
    return tx.one(
        """SELECT d.* FROM arrivals a JOIN deliveries d ON d.id = a.acknowledgement_id
           WHERE a.peer = ? AND a.reference = ?""",
        peer,
        reference,
    )
