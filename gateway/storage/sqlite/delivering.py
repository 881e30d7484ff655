"""STORY 2, the transactions: claim, keep the bytes, conclude; and rescue for what a dead server left."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from datetime import datetime

from gateway.clock import from_millis, to_millis
from gateway.errors import Stale
from gateway.model.delivery import Claim, Concluded, Deferred, Delivered, Delivery, Rejected, State
from gateway.model.message import BodyRef
from gateway.model.verdict import Applied
from gateway.ports import Conclusion
from gateway.storage.bodies import Body
from gateway.storage.sqlite import messages, queueing, rows
from gateway.storage.sqlite.ending import finish
from gateway.storage.sqlite.incidents import DETAIL_LIMIT
from gateway.storage.sqlite.keeping import keep
from gateway.storage.sqlite.lanes import Lanes
from gateway.storage.sqlite.transaction import Transaction, written

RECEIPT_LIMIT = 4096
"""Bytes kept of a receiver's evidence."""

DUE = """
    SELECT seq FROM deliveries
    WHERE destination = ? AND urgent = ? AND state IN ('queued', 'deferred') AND due_at <= ? AND expires_at > ?
    ORDER BY due_at, seq LIMIT ?
"""
NEXT_DUE = """
    SELECT due_at FROM deliveries
    WHERE destination = ? AND urgent = ? AND state IN ('queued', 'deferred') AND expires_at > ?
    ORDER BY due_at LIMIT 1
"""


def claim(tx: Transaction, destination: str, limit: int, lanes: Lanes) -> Sequence[Claim]:
    """Lease due heads of *destination*; none while it is paused. What is past its expiry is left to be ended."""
    if _is_paused(tx.db, destination):
        return []
    urgent, rest = (tx.all(DUE, destination, lane, tx.millis, tx.millis, limit) for lane in (1, 0))
    return [_lease(tx, row["seq"]) for row in lanes.order(destination, urgent, rest, limit)]


def _lease(tx: Transaction, seq: int) -> Claim:
    """An earlier attempt with unknown outcome may have arrived: this one makes it maybe twice."""
    attempt_id = tx.new_id()
    before = tx.all("SELECT maybe_twice, unknown_before FROM deliveries WHERE seq = ?", seq)[0]
    if before["unknown_before"] and not before["maybe_twice"]:
        tx.count("maybe_twice")
    tx.do(
        """UPDATE deliveries SET state = 'leased', lease = ?, attempt_id = ?, attempts = attempts + 1,
                                 maybe_twice = max(maybe_twice, unknown_before) WHERE seq = ?""",
        tx.start,
        attempt_id,
        seq,
    )
    row = tx.all(
        """SELECT d.*, coalesce(b.sha256, '') AS sent
           FROM deliveries d LEFT JOIN bodies b ON b.id = d.wire_id WHERE seq = ?""",
        seq,
    )[0]
    tx.do(
        """INSERT INTO attempts (id, delivery_id, number, started_at, outcome, sent_sha256)
           VALUES (?, ?, ?, ?, 'started', ?)""",
        attempt_id,
        row["id"],
        row["attempts"],
        tx.millis,
        row["sent"],
    )
    return Claim(attempt_id, row["attempts"], rows.delivery(row), row["wire_id"] or "")


def keep_wire(tx: Transaction, held: Claim, body: Body, applied: Sequence[Applied] = ()) -> BodyRef:
    """Keep the bytes to send. Other bytes than before are a new recorded version. Raises Stale without the lease."""
    row = queueing.fetch(tx, held.delivery.id)
    if not _holds(row, held):
        raise Stale(f"attempt {held.attempt_id} no longer holds the lease")
    if row["wire_id"]:
        kept = messages.reference_of(tx, row["wire_id"])
        if kept.sha256 == body.sha256:
            return kept
    kept = keep(tx, body)
    tx.do(
        """INSERT INTO wires (delivery_id, version, body_id)
           SELECT ?, 1 + coalesce(max(version), 0), ? FROM wires WHERE delivery_id = ?""",
        row["id"],
        kept.id,
        row["id"],
    )
    tx.do("UPDATE deliveries SET wire_id = ? WHERE seq = ?", kept.id, row["seq"])
    tx.do("UPDATE attempts SET sent_sha256 = ? WHERE id = ?", kept.sha256, held.attempt_id)
    for one in applied:
        tx.entry("signature.applied", _applied_fields(row, held, one))
    return kept


def _applied_fields(row: sqlite3.Row, held: Claim, one: Applied) -> dict[str, object]:
    return {
        "delivery": row["id"],
        "message": row["message_id"] or "",
        "destination": row["destination"],
        "attempt": held.attempt_id,
        "signing_key": one.key,
        "certificate_sha256": one.certificate,
        "file_sha256": one.before,
        "signed_sha256": one.after,
    }


def conclude(tx: Transaction, held: Claim, conclusion: Conclusion) -> Concluded:
    """Outcome and all that follows from it; a late outcome changes nothing but its own attempt."""
    row = queueing.fetch(tx, held.delivery.id)
    if not _holds(row, held):
        return _late(tx, row, held, conclusion)
    facts = _end_attempt(tx, row, held.attempt_id, conclusion)
    outcome = conclusion.outcome
    match outcome:
        case Deferred():
            return _put_off(tx, row, outcome, conclusion)
        case Delivered():
            state, detail, reference = State.DELIVERED, "", outcome.reference
        case Rejected():
            state, detail, reference = State.REJECTED, outcome.detail, ""
    woken = finish(
        tx,
        row,
        state,
        at=conclusion.at,
        code=outcome.code,
        detail=detail,
        reference=reference,
        tell=conclusion.tell,
        facts=facts,
    )
    return Concluded(True, state, woken)


def rescue(tx: Transaction) -> Sequence[Delivery]:
    """Take back every lease of another server start: its outcome is unknown, the delivery is due at once."""
    left = tx.all("SELECT * FROM deliveries WHERE lease IS NOT NULL AND lease <> ? ORDER BY seq", tx.start)
    for row in left:
        tx.do(
            "UPDATE attempts SET outcome = 'unknown', ended_at = ? WHERE id = ? AND outcome = 'started'",
            tx.millis,
            row["attempt_id"],
        )
        tx.do(
            """UPDATE deliveries SET state = 'queued', due_at = ?, unknown_before = 1, lease = NULL, attempt_id = NULL
               WHERE seq = ?""",
            tx.millis,
            row["seq"],
        )
        tx.entry(
            "delivery.rescued",
            {**queueing.named(row), "attempt": row["attempt_id"], "number": row["attempts"], "start": row["lease"]},
        )
    return [rows.delivery(queueing.fetch(tx, row["id"])) for row in left]


def next_due(db: sqlite3.Connection, destination: str, now: datetime) -> datetime | None:
    """When something of *destination* becomes due; None while it is paused or has nothing."""
    if _is_paused(db, destination):
        return None
    found = [db.execute(NEXT_DUE, (destination, lane, to_millis(now))).fetchone() for lane in (1, 0)]
    due = [row["due_at"] for row in found if row]
    return from_millis(min(due)) if due else None


def due_to_expire(db: sqlite3.Connection, now: datetime, limit: int) -> Sequence[Delivery]:
    """Live deliveries past their expiry, longest past first, without those under way."""
    found = db.execute(
        """SELECT * FROM deliveries WHERE ended_at IS NULL AND expires_at <= ? AND state <> 'leased'
           ORDER BY expires_at, seq LIMIT ?""",
        (to_millis(now), limit),
    )
    return [rows.delivery(row) for row in found]


def destinations(db: sqlite3.Connection) -> Sequence[str]:
    """Destinations that have live deliveries."""
    live = db.execute(
        """SELECT DISTINCT destination FROM tallies
           WHERE count > 0 AND state IN ('queued', 'waiting', 'leased', 'deferred', 'held') ORDER BY destination"""
    )
    return [row["destination"] for row in live]


def _holds(row: sqlite3.Row, held: Claim) -> bool:
    return bool(row["state"] == State.LEASED and row["attempt_id"] == held.attempt_id)


def _end_attempt(tx: Transaction, row: sqlite3.Row, attempt_id: str, conclusion: Conclusion) -> dict[str, object]:
    """Write the attempt's end and its entry; digests of what was sent and what came back, for the entries to come."""
    outcome = conclusion.outcome
    word = type(outcome).__name__.lower()
    evidence = outcome.evidence if isinstance(outcome, Delivered) else b""
    reference = outcome.reference if isinstance(outcome, Delivered) else ""
    detail = "" if isinstance(outcome, Delivered) else outcome.detail
    tx.do(
        """UPDATE attempts SET ended_at = ?, outcome = ?, code = ?, detail = ?, reference = ?, receipt = ?
           WHERE id = ?""",
        to_millis(conclusion.at),
        word,
        outcome.code,
        detail[:DETAIL_LIMIT],
        reference,
        evidence[:RECEIPT_LIMIT] or None,
        attempt_id,
    )
    sent = tx.all("SELECT sent_sha256 FROM attempts WHERE id = ?", attempt_id)[0]["sent_sha256"]
    facts: dict[str, object] = {
        "sent_sha256": sent,
        "receipt_sha256": hashlib.sha256(evidence).hexdigest() if evidence else "",
    }
    fields = {**_attempt_fields(row, attempt_id), **facts, "outcome": word, "code": outcome.code}
    if isinstance(outcome, Deferred):
        fields |= {"unknown": outcome.unknown, "due_at": written(conclusion.due_at or conclusion.at)}
    tx.entry("delivery.attempted", {**fields, "reference": reference})
    return facts


def _put_off(tx: Transaction, row: sqlite3.Row, outcome: Deferred, conclusion: Conclusion) -> Concluded:
    tx.do(
        """UPDATE deliveries SET state = 'deferred', lease = NULL, attempt_id = NULL, due_at = ?, code = ?, detail = ?,
                                 unknown_before = max(unknown_before, ?) WHERE seq = ?""",
        to_millis(conclusion.due_at or conclusion.at),
        outcome.code,
        outcome.detail[:DETAIL_LIMIT],
        int(outcome.unknown),
        row["seq"],
    )
    return Concluded(True, State.DEFERRED)


def _late(tx: Transaction, row: sqlite3.Row, held: Claim, conclusion: Conclusion) -> Concluded:
    """Keep the outcome of an attempt that lost its lease; one that was concluded before keeps its first outcome."""
    outcome = conclusion.outcome
    word = type(outcome).__name__.lower()
    evidence = outcome.evidence if isinstance(outcome, Delivered) else b""
    kept = tx.do(
        """UPDATE attempts SET ended_at = ?, outcome = 'late', code = ?, detail = ?, reference = ?, receipt = ?
           WHERE id = ? AND outcome IN ('started', 'unknown')""",
        to_millis(conclusion.at),
        outcome.code,
        word if isinstance(outcome, Delivered) else f"{word}: {outcome.detail}"[:DETAIL_LIMIT],
        outcome.reference if isinstance(outcome, Delivered) else "",
        evidence[:RECEIPT_LIMIT] or None,
        held.attempt_id,
    )
    if kept:
        fields = {**_attempt_fields(row, held.attempt_id), "number": held.number, "code": outcome.code}
        tx.entry("delivery.attempted", {**fields, "outcome": word, "late": True})
    return Concluded(False, State(row["state"]))


def _attempt_fields(row: sqlite3.Row, attempt_id: str) -> dict[str, object]:
    return {
        **queueing.named(row),
        "attempt": attempt_id,
        "number": row["attempts"],
        "maybe_twice": bool(row["maybe_twice"]),
    }


def _is_paused(db: sqlite3.Connection, destination: str) -> bool:
    return db.execute("SELECT 1 FROM pauses WHERE scope = ?", (destination,)).fetchone() is not None
