"""Rows to the words of the model."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime

from gateway.clock import from_millis
from gateway.model.access import ApiKey
from gateway.model.delivery import Attempt, Delivery, Purpose, State
from gateway.model.incident import Incident
from gateway.model.message import BodyRef, Envelope, Kind, Message, Quarantined, QuarantineState
from gateway.ports import StoredCheckpoint, StoredEntry

MESSAGES = """
    SELECT m.*, b.sha256 AS body_sha256, b.size AS body_size
    FROM messages m JOIN bodies b ON b.id = m.body_id
"""


def message(row: sqlite3.Row) -> Message:
    """A row of :data:`MESSAGES`."""
    envelope = Envelope(
        kind=Kind(row["kind"]),
        sender=row["sender"],
        recipients=_texts(row["recipients"]),
        identity=row["identity"],
        conversation=row["conversation"],
        business_id=row["business_id"],
        code=row["code"],
        subject=row["subject"],
        priority=row["priority"],
        status=row["status"],
    )
    return Message(
        id=row["id"],
        envelope=envelope,
        peer=row["peer"],
        dialect=row["dialect"],
        reference=row["reference"],
        received_at=from_millis(row["received_at"]),
        digest=row["digest"],
        body=BodyRef(row["body_id"], row["body_sha256"], row["body_size"]),
        findings=_texts(row["findings"]),
        marks=_texts(row["marks"]),
    )


def delivery(row: sqlite3.Row) -> Delivery:
    """A row of `deliveries`."""
    return Delivery(
        id=row["id"],
        message_id=row["message_id"] or "",
        purpose=Purpose(row["purpose"]),
        destination=row["destination"],
        party=row["party"],
        recipients=_texts(row["recipients"]),
        conversation=row["conversation"],
        state=State(row["state"]),
        urgent=bool(row["urgent"]),
        instruction=json.loads(row["instruction"]),
        created_at=from_millis(row["created_at"]),
        due_at=from_millis(row["due_at"]),
        expires_at=from_millis(row["expires_at"]),
        ended_at=_moment(row["ended_at"]),
        attempts=row["attempts"],
        code=row["code"],
        detail=row["detail"],
        reference=row["reference"],
        maybe_twice=bool(row["maybe_twice"]),
        replay_of=row["replay_of"],
    )


def attempt(row: sqlite3.Row) -> Attempt:
    """A row of `attempts`."""
    return Attempt(
        id=row["id"],
        delivery_id=row["delivery_id"],
        number=row["number"],
        started_at=from_millis(row["started_at"]),
        ended_at=_moment(row["ended_at"]),
        outcome=row["outcome"],
        code=row["code"],
        detail=row["detail"],
        reference=row["reference"],
        sent_sha256=row["sent_sha256"],
    )


def quarantined(row: sqlite3.Row) -> Quarantined:
    """A row of `quarantine`."""
    return Quarantined(
        id=row["id"],
        peer=row["peer"],
        dialect=row["dialect"],
        reference=row["reference"],
        received_at=from_millis(row["received_at"]),
        code=row["code"],
        where=row["place"],
        detail=row["detail"],
        state=QuarantineState(row["state"]),
        body=BodyRef(row["body_id"], row["sha256"], row["size"]),
        settled_by=row["settled_by"],
        reason=row["reason"],
        message_id=row["message_id"] or "",
    )


def incident(row: sqlite3.Row) -> Incident:
    """A row of `incidents`."""
    return Incident(
        key=incident_key(row["code"], row["subject"]),
        code=row["code"],
        subject=row["subject"],
        detail=row["detail"],
        first=from_millis(row["first_at"]),
        last=from_millis(row["last_at"]),
        count=row["count"],
        open=bool(row["open"]),
    )


def incident_key(code: str, subject: str) -> str:
    """The key that folds repetitions of one cause."""
    return f"{code}|{subject}"


def key(row: sqlite3.Row) -> ApiKey:
    """A row of `keys`."""
    return ApiKey(
        id=row["id"],
        system=row["system"],
        secret_sha256=row["secret_sha256"],
        created_at=from_millis(row["created_at"]),
        expires_at=_moment(row["expires_at"]),
        revoked_at=_moment(row["revoked_at"]),
        note=row["note"],
    )


def entry(row: sqlite3.Row) -> StoredEntry:
    """A row of `entries`."""
    return StoredEntry(row["id"], row["position"], from_millis(row["at"]), row["type"], row["raw"])


def checkpoint(row: sqlite3.Row) -> StoredCheckpoint:
    """A row of `checkpoints`."""
    return StoredCheckpoint(row["size"], row["root"], from_millis(row["at"]))


def _texts(column: str) -> tuple[str, ...]:
    return tuple(json.loads(column))


def _moment(millis: int | None) -> datetime | None:
    return None if millis is None else from_millis(millis)
