"""Quarantine: bytes we could not parse or trust, until a person settles them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from gateway.clock import to_millis
from gateway.errors import Refusal, Stale
from gateway.model.delivery import NewDelivery
from gateway.model.message import Acceptance, Quarantined, QuarantineState, Quarantining
from gateway.storage.bodies import Body
from gateway.storage.sqlite import arriving, rows
from gateway.storage.sqlite.incidents import DETAIL_LIMIT
from gateway.storage.sqlite.keeping import keep
from gateway.storage.sqlite.transaction import Transaction, mapped, written

PARTY_PART = 4
UNNAMED_PART = 2
"""The share of a system's quota that one of its parties may use is one part in this many; "" is everything unnamed."""


def quarantine(tx: Transaction, item: Quarantining, body: Body) -> Quarantined:
    """Set the bytes aside. The same bytes under the same reference that still lie there are not kept twice: a system
    that repeats its mistake would otherwise use up its quota by itself.
    """
    submission = item.submission
    lying = tx.one(
        "SELECT * FROM quarantine WHERE peer = ? AND sha256 = ? AND state = 'open' AND reference = ?",
        submission.peer,
        body.sha256,
        submission.reference,
    )
    if lying is not None:
        return rows.quarantined(lying)
    _require_room(tx, item, body)
    keep(tx, body)
    _insert(tx, item, body)
    arriving.arrived(tx, submission, body.sha256, quarantine_id=item.id)
    arriving.acknowledge(tx, submission.peer, submission.reference, item.acknowledgement, None)
    tx.count("received")
    tx.count("quarantined")
    tx.entry("message.quarantined", _fields(item, body))
    return rows.quarantined(fetch(tx, item.id))


def fetch(tx: Transaction, quarantine_id: str) -> sqlite3.Row:
    """The row. Refusal 'message.not_found' if there is none."""
    row = tx.one("SELECT * FROM quarantine WHERE id = ?", quarantine_id)
    if row is None:
        raise Refusal("message.not_found", detail=f"nothing in quarantine under {quarantine_id}")
    return row


def settle_accepted(tx: Transaction, acceptance: Acceptance, message_id: str) -> None:
    """A person released it and it became *message_id*."""
    actor = acceptance.actor or "unnamed"
    row = _settle(tx, acceptance.quarantine_id, QuarantineState.ACCEPTED, actor, "", message_id)
    tx.count("quarantined", -1)
    tx.entry("quarantine.accepted", {**_settled_fields(row, actor, ""), "message": message_id})


def reject(
    tx: Transaction, quarantine_id: str, actor: str, reason: str, acknowledgement: NewDelivery | None
) -> tuple[str, ...]:
    """A person refused it for good; it stays on record. Destinations to wake. Raises Stale if settled before."""
    row = _settle(tx, quarantine_id, QuarantineState.REJECTED, actor, reason, None)
    woken = arriving.acknowledge(tx, row["peer"], row["reference"], acknowledgement, None)
    created = (acknowledgement.id,) if acknowledgement else ()
    tx.entry("quarantine.rejected", {**_settled_fields(row, actor, reason), "deliveries": created})
    return woken


def items(db: sqlite3.Connection, state: QuarantineState | None, limit: int) -> Sequence[Quarantined]:
    """Newest first, of one *state* if given."""
    found = db.execute(
        "SELECT * FROM quarantine WHERE state = coalesce(?, state) ORDER BY seq DESC LIMIT ?", (state, limit)
    )
    return [rows.quarantined(row) for row in found]


def item(db: sqlite3.Connection, quarantine_id: str) -> Quarantined | None:
    """One package, or None."""
    row = db.execute("SELECT * FROM quarantine WHERE id = ?", (quarantine_id,)).fetchone()
    return rows.quarantined(row) if row else None


def party_of(item: Quarantining) -> str:
    """In whose name the bytes came, as the wire said beside them (hint "from"); "" where it did not. What is inside
    them is not asked: they are here because it cannot be read or trusted.
    """
    return (item.submission.hints or {}).get("from", "")


def _require_room(tx: Transaction, item: Quarantining, body: Body) -> None:
    """A system has its quota. Of it one party may use a quarter, and all that names no party half, so that one
    commune's garbage leaves the others room. A party without anything there may always bring one package.
    """
    peer, party = item.submission.peer, party_of(item)
    if peer in tx.platforms or item.acknowledgement is not None:
        return  # sent in good faith, and it will not be sent again corrected (principle 8)
    used, mine = tx.all(
        """SELECT coalesce(sum(size), 0), coalesce(sum(size) FILTER (WHERE party = ?), 0) FROM quarantine
           WHERE peer = ? AND state = 'open'""",
        party,
        peer,
    )[0]
    if used + body.size > tx.quarantine_quota:
        raise Refusal("limit.quota", detail=f"{used} bytes of {peer} are in quarantine", retry_after=3600)
    share = tx.quarantine_quota // (PARTY_PART if party else UNNAMED_PART)
    if mine and mine + body.size > share:
        whose = party or "no named party"
        raise Refusal("limit.quota", detail=f"{mine} bytes of {whose} are in quarantine", retry_after=3600)


def _insert(tx: Transaction, item: Quarantining, body: Body) -> None:
    submission = item.submission
    tx.do(
        """INSERT INTO quarantine (id, peer, dialect, reference, received_at, code, place, detail, state, body_id,
                                   sha256, size, hints, party)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'open', ?, ?, ?, ?, ?)""",
        item.id,
        submission.peer,
        submission.dialect,
        submission.reference,
        to_millis(submission.received_at),
        item.code,
        item.where[:DETAIL_LIMIT],
        item.detail[:DETAIL_LIMIT],
        body.id,
        body.sha256,
        body.size,
        mapped(submission.hints),
        party_of(item),
    )


def _settle(
    tx: Transaction, quarantine_id: str, state: QuarantineState, actor: str, reason: str, message_id: str | None
) -> sqlite3.Row:
    row = fetch(tx, quarantine_id)
    if row["state"] != QuarantineState.OPEN:
        raise Stale(f"{quarantine_id} was settled before: {row['state']}")
    tx.do(
        """UPDATE quarantine SET state = ?, settled_by = ?, settled_at = ?, reason = ?, message_id = ?
           WHERE id = ?""",
        state,
        actor,
        tx.millis,
        reason,
        message_id,
        quarantine_id,
    )
    return row


def _fields(item: Quarantining, body: Body) -> dict[str, object]:
    submission = item.submission
    return {
        "quarantine": item.id,
        "peer": submission.peer,
        "code": item.code,
        "body_sha256": body.sha256,
        "size": body.size,
        "dialect": submission.dialect,
        "reference": submission.reference,
        "received_at": written(submission.received_at),
        "deliveries": (item.acknowledgement.id,) if item.acknowledgement else (),
    }


def _settled_fields(row: sqlite3.Row, actor: str, reason: str) -> dict[str, object]:
    return {
        "quarantine": row["id"],
        "actor": actor,
        "reason": reason,
        "peer": row["peer"],
        "reference": row["reference"],
        "code": row["code"],
        "body_sha256": row["sha256"],
    }
