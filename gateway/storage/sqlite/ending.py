"""The end of a delivery, and all that follows from it in the same transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import datetime

from gateway.clock import to_millis
from gateway.errors import Refusal, Stale
from gateway.model.delivery import Concluded, Notice, Purpose, State
from gateway.model.message import Envelope, Kind, Message
from gateway.ports import Conclusion, Tells
from gateway.storage.bodies import Body, Retention
from gateway.storage.sqlite import incidents, messages, queueing, rows
from gateway.storage.sqlite.incidents import DETAIL_LIMIT
from gateway.storage.sqlite.keeping import keep
from gateway.storage.sqlite.transaction import Transaction, written

GATEWAY = "gateway"
"""The actor of what no person ordered, and the peer of notices."""

PREDECESSOR_FAILED = "predecessor_failed"
MAILBOX_FAILED = "mailbox.failed"


def finish(
    tx: Transaction,
    row: sqlite3.Row,
    state: State,
    *,
    at: datetime,
    code: str,
    detail: str,
    reference: str = "",
    tell: Tells | None = None,
    facts: Mapping[str, object] | None = None,
) -> tuple[str, ...]:
    """End *row*: followers that need it are cancelled, the next one is promoted, senders are told. Destinations that
    got work.
    """
    _close(tx, row, state, at, code, detail, reference)
    tx.entry(f"delivery.{state}", {**queueing.named(row), "code": code, **(facts or {})})
    woken: tuple[str, ...] = ()
    if state in (State.REJECTED, State.EXPIRED):
        woken += _tell(tx, row, state, code, detail, tell)
        woken += _cancel_followers(tx, row, at, tell)
    woken += queueing.promote(tx, row)
    incidents.close_incident(tx, MAILBOX_FAILED, row["id"], GATEWAY)
    return tuple(dict.fromkeys(woken))


def end(
    tx: Transaction, delivery_id: str, state: State, code: str, detail: str, actor: str, conclusion: Conclusion | None
) -> Concluded:
    """End without an attempt: expired, or cancelled by a named person."""
    row = queueing.fetch(tx, delivery_id)
    if row["ended_at"] is not None:
        raise Refusal("delivery.ended", detail=f"{delivery_id} is {row['state']}")
    if row["state"] == State.LEASED:
        raise Stale(f"{delivery_id} is under way")
    facts: dict[str, object] = {"actor": actor}
    if actor != GATEWAY:
        facts["reason"] = detail
    if state is State.EXPIRED:
        facts["expires_at"] = written(datetime.fromtimestamp(row["expires_at"] / 1000, tx.now.tzinfo))
    at = conclusion.at if conclusion else tx.now
    tell = conclusion.tell if conclusion else None
    return Concluded(True, state, finish(tx, row, state, at=at, code=code, detail=detail, tell=tell, facts=facts))


def _close(
    tx: Transaction, row: sqlite3.Row, state: State, at: datetime, code: str, detail: str, reference: str
) -> None:
    tx.do(
        """UPDATE deliveries SET state = ?, ended_at = ?, code = ?, detail = ?, reference = ?, lease = NULL,
                                 attempt_id = NULL WHERE seq = ?""",
        state,
        to_millis(at),
        code,
        detail[:DETAIL_LIMIT],
        reference,
        row["seq"],
    )


def _cancel_followers(tx: Transaction, head: sqlite3.Row, at: datetime, tell: Tells | None) -> tuple[str, ...]:
    """The head's notice does not speak of them, and nothing may end silently (P2)."""
    woken: tuple[str, ...] = ()
    for follower in queueing.followers_in_need(tx, head):
        detail = f"delivery {head['id']} before it failed"
        _close(tx, follower, State.CANCELLED, at, PREDECESSOR_FAILED, detail, "")
        tx.entry("delivery.cancelled", {**queueing.named(follower), "actor": GATEWAY, "code": PREDECESSOR_FAILED})
        woken += _tell(tx, follower, State.CANCELLED, PREDECESSOR_FAILED, detail, tell)
    return woken


def _tell(
    tx: Transaction, row: sqlite3.Row, state: State, code: str, detail: str, tell: Tells | None
) -> tuple[str, ...]:
    """An incident for the operator, and a notice to the sender if its dialect has a place for one; acknowledgements
    and notices breed none."""
    if row["purpose"] != Purpose.CONTENT:
        return ()
    message = rows.message(tx.all(f"{rows.MESSAGES} WHERE m.id = ?", row["message_id"])[0])
    incidents.raise_incident(tx, f"delivery.{state}", row["destination"], f"delivery {row['id']}: {code}")
    notice = tell(rows.delivery(row), message, state, code, detail) if tell else None
    return _send(tx, message, row["id"], code, notice) if notice else ()


def _send(tx: Transaction, about: Message, delivery_id: str, code: str, notice: Notice) -> tuple[str, ...]:
    """Store the notice as a message of ours and create its delivery."""
    new = notice.delivery
    body = keep(tx, Body(notice.raw, Retention.MESSAGE, tx.now))
    envelope = Envelope(
        kind=Kind.NOTICE,
        sender=GATEWAY,
        recipients=new.recipients,
        identity=f"notice|{delivery_id}",
        conversation=new.conversation,
        business_id=about.envelope.business_id,
        code=about.envelope.code,
        subject=about.envelope.subject,
    )
    messages.insert(
        tx,
        Message(
            id=notice.message_id,
            envelope=envelope,
            peer=GATEWAY,
            dialect="notice",
            reference="",
            received_at=tx.now,
            digest=body.sha256,
            body=body,
        ),
    )
    state = queueing.create(tx, new, notice.message_id, Kind.NOTICE)
    created = queueing.fetch(tx, new.id)
    tx.entry("notice.created", {**queueing.named(created), "code": code, "body_sha256": body.sha256, "size": body.size})
    return (new.destination,) if state is State.QUEUED else ()
