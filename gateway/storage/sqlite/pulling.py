"""Mailboxes: deliveries that a system pulls. They stay queued until acknowledged; a fetch is an attempt, no lease."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

from gateway.errors import Refusal
from gateway.model.delivery import Concluded, Delivery, Purpose, State
from gateway.model.message import Acceptance, Message
from gateway.storage.bodies import Body, Retention
from gateway.storage.sqlite import incidents, queueing, rows
from gateway.storage.sqlite.accepting import accept
from gateway.storage.sqlite.ending import MAILBOX_FAILED, finish
from gateway.storage.sqlite.incidents import DETAIL_LIMIT
from gateway.storage.sqlite.transaction import Transaction


def mailbox(db: sqlite3.Connection, system: str, party: str | None, limit: int) -> Sequence[Delivery]:
    """Un-acknowledged deliveries of *system*, oldest first; *party* is matched without regard to case."""
    found = db.execute(
        """SELECT * FROM deliveries INDEXED BY deliveries_live
           WHERE destination = ? AND ended_at IS NULL AND state IN ('queued', 'deferred')
             AND (? IS NULL OR party = ? COLLATE NOCASE)
           ORDER BY seq LIMIT ?""",
        (system, party, party, limit),
    )
    return [rows.delivery(row) for row in found]


def fetched(tx: Transaction, delivery: Delivery) -> None:
    """Record a fetch; an earlier one that was never acknowledged ends as unknown. Nothing if it is not queued in a
    mailbox: a system that is pushed to may look its delivery up without attempting it."""
    row = queueing.fetch(tx, delivery.id)
    if row["state"] != State.QUEUED or row["destination"] not in tx.mailboxes:
        return
    _end_fetch(tx, row, "unknown", "")
    attempt_id, number = tx.new_id(), row["attempts"] + 1
    body = tx.one("SELECT b.sha256 FROM messages m JOIN bodies b ON b.id = m.body_id WHERE m.id = ?", row["message_id"])
    sent = body["sha256"] if body else ""
    tx.do(
        """INSERT INTO attempts (id, delivery_id, number, started_at, outcome, sent_sha256)
           VALUES (?, ?, ?, ?, 'started', ?)""",
        attempt_id,
        row["id"],
        number,
        tx.millis,
        sent,
    )
    tx.do("UPDATE deliveries SET attempts = ? WHERE seq = ?", number, row["seq"])
    fields = {**queueing.named(row), "system": row["destination"], "attempt": attempt_id, "number": number}
    tx.entry("mailbox.fetched", {**fields, "body_sha256": sent})


FollowUp = Callable[[Delivery, Message], Acceptance | None]


def settle(
    tx: Transaction, delivery_id: str, system: str, done: bool, reason: str, follow_up: FollowUp | None = None
) -> Concluded:
    """The system's acknowledgement. What was never offered to *system* is unknown to it ('delivery.not_found')."""
    row = queueing.fetch(tx, delivery_id)
    state = State(row["state"])
    if row["destination"] != system or state is State.WAITING:
        raise Refusal("delivery.not_found", detail=f"{delivery_id} was not offered to {system}")
    if (done and state is State.DELIVERED) or (not done and state is State.HELD):
        return Concluded(False, state)
    if row["ended_at"] is not None:
        raise Refusal("delivery.ended", detail=f"{delivery_id} is {state}")
    if state is State.HELD and row["code"] != MAILBOX_FAILED:
        raise Refusal("delivery.not_found", detail=f"{delivery_id} is held by a person")
    if done:
        _end_fetch(tx, row, "delivered", "ok")
        woken = finish(
            tx, row, State.DELIVERED, at=tx.now, code="ok", detail=reason, facts={"actor": f"system {system}"}
        )
        return Concluded(True, State.DELIVERED, woken + _follow_up(tx, row, follow_up))
    return _hold(tx, row, system, reason)


def _follow_up(tx: Transaction, row: sqlite3.Row, follow_up: FollowUp | None) -> tuple[str, ...]:
    """Accept what follows from the delivery; destinations that got work."""
    if follow_up is None or row["purpose"] != Purpose.CONTENT:
        return ()
    message = rows.message(tx.all(f"{rows.MESSAGES} WHERE m.id = ?", row["message_id"])[0])
    acceptance = follow_up(rows.delivery(row), message)
    if acceptance is None:
        return ()
    return accept(tx, acceptance, Body(acceptance.submission.raw, Retention.MESSAGE, tx.now)).destinations


def _hold(tx: Transaction, row: sqlite3.Row, system: str, reason: str) -> Concluded:
    """The system could not take it: a person must look. What was released into its conversation before it may go."""
    _end_fetch(tx, row, "rejected", MAILBOX_FAILED)
    tx.do(
        "UPDATE deliveries SET state = 'held', code = ?, detail = ? WHERE seq = ?",
        MAILBOX_FAILED,
        reason[:DETAIL_LIMIT],
        row["seq"],
    )
    tx.entry("delivery.held", {**queueing.named(row), "code": MAILBOX_FAILED, "actor": f"system {system}"})
    incidents.raise_incident(tx, MAILBOX_FAILED, row["id"], f"{system}: {reason}")
    return Concluded(True, State.HELD, queueing.promote(tx, row))


def _end_fetch(tx: Transaction, row: sqlite3.Row, outcome: str, code: str) -> None:
    tx.do(
        "UPDATE attempts SET ended_at = ?, outcome = ?, code = ? WHERE delivery_id = ? AND outcome = 'started'",
        tx.millis,
        outcome,
        code,
        row["id"],
    )
