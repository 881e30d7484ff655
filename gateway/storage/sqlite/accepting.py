"""STORY 1, the transaction: a message is accepted, recognised again, or refused as a conflict (P1, P3)."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import replace

from gateway.clock import from_millis
from gateway.errors import Refusal
from gateway.model.delivery import UNASSIGNED, NewDelivery, State
from gateway.model.message import Acceptance, Accepted, Kind, Message
from gateway.storage.bodies import Body
from gateway.storage.sqlite import arriving, incidents, messages, quarantining, queueing, rows, verdicts
from gateway.storage.sqlite.keeping import keep
from gateway.storage.sqlite.transaction import Transaction, written


def accept(tx: Transaction, acceptance: Acceptance, body: Body) -> Accepted:
    """Everything one accept commits. Refusal 'message.conflict'; Stale if its quarantine was settled before."""
    submission = acceptance.submission
    arrival = arriving.find(tx.db, submission.peer, submission.reference)
    if arrival and arrival["message_id"]:
        if arrival["sha256"] == body.sha256:
            return _again(tx, acceptance, body, arrival["message_id"])
        if acceptance.on_conflict == "refuse":
            raise Refusal("message.conflict", "Idempotency-Key", "the key was used for other bytes")
    known = _known(tx, acceptance)
    if same := known.get(acceptance.digest) or _served_here(tx, acceptance):
        return _again_or_further(tx, acceptance, body, same)
    conflicts = {} if acceptance.envelope.kind is Kind.UPDATE else known  # an update is meant to say something else
    if conflicts and acceptance.on_conflict == "refuse":
        raise Refusal("message.conflict", "identity", f"{acceptance.envelope.identity} was used for other content")
    return _first(tx, acceptance, body, conflicts)


def _known(tx: Transaction, acceptance: Acceptance) -> dict[str, str]:
    """Digest to message id of what this sender used the same identity for."""
    envelope = acceptance.envelope
    if not envelope.identity:
        return {}
    found = tx.all(
        "SELECT digest, message_id FROM identities WHERE peer = ? AND sender = ? AND identity = ?",
        acceptance.submission.peer,
        envelope.sender,
        envelope.identity,
    )
    return {row["digest"]: row["message_id"] for row in found}


def _served_here(tx: Transaction, acceptance: Acceptance) -> str | None:
    """The message of one of our own systems that a platform now brings back for a party connected here."""
    if acceptance.on_conflict != "mark" or not acceptance.envelope.identity:
        return None
    row = tx.one(
        "SELECT message_id FROM identities WHERE sender = ? AND identity = ? AND digest = ?",
        acceptance.envelope.sender,
        acceptance.envelope.identity,
        acceptance.digest,
    )
    if row is None:
        return None
    message_id: str = row["message_id"]
    messages.mark(tx, message_id, "also_arrived")
    return message_id


def _first(tx: Transaction, acceptance: Acceptance, body: Body, conflicts: dict[str, str]) -> Accepted:
    submission, envelope = acceptance.submission, acceptance.envelope
    message = Message(
        id=acceptance.message_id,
        envelope=envelope,
        peer=submission.peer,
        dialect=submission.dialect,
        reference=submission.reference,
        received_at=submission.received_at,
        digest=acceptance.digest,
        body=keep(tx, body),
        findings=acceptance.findings,
        marks=(*acceptance.marks, *(("conflict",) if conflicts else ())),
    )
    messages.insert(tx, message, submission)
    verdicts.insert(tx, message.id, acceptance.verdicts)
    _remember(tx, acceptance)
    arriving.arrived(tx, submission, body.sha256, message_id=message.id)
    created = acceptance.deliveries + _acknowledgement(tx, acceptance)
    woken = _create(tx, acceptance, created, message.id)
    if acceptance.quarantine_id:
        quarantining.settle_accepted(tx, acceptance, message.id)
    else:
        tx.count("received")
    tx.count("accepted")
    tx.entry("message.accepted", _accepted_fields(acceptance, message, created))
    if conflicts:
        _report_conflict(tx, acceptance, conflicts)
    ids = tuple(delivery.id for delivery in acceptance.deliveries)
    return Accepted(message.id, from_millis(_received(tx, message.id)), False, ids, _distinct(woken))


def _again_or_further(tx: Transaction, acceptance: Acceptance, body: Body, first_id: str) -> Accepted:
    """Content that is known: a duplicate, or the same document sent on to further recipients. These get the package
    that names them, as a message of its own; nobody gets it who has it.
    """
    wanted, named = set(acceptance.envelope.recipients), set[str]()
    answer = ""
    for row in _same_content(tx, first_id):
        recipients = set(json.loads(row["recipients"]))
        named |= recipients
        if row["body_sha256"] == body.sha256 or (wanted <= recipients and not answer):
            answer = row["id"]
    missing = tuple(_missing(acceptance.deliveries, _served(tx, first_id)))
    if wanted - named and missing and not answer:
        return _first(tx, replace(acceptance, deliveries=missing), body, {})
    return _again(tx, acceptance, body, answer or first_id)


def _same_content(tx: Transaction, message_id: str) -> list[sqlite3.Row]:
    """The messages of one sender, identity and content, first to last: one, unless recipients came later."""
    return tx.all(
        f"""{rows.MESSAGES} JOIN messages one ON one.id = ? AND m.conversation = one.conversation
            AND m.peer = one.peer AND m.sender = one.sender AND m.identity = one.identity AND m.digest = one.digest
            ORDER BY m.seq""",
        message_id,
    )


def _served(tx: Transaction, message_id: str) -> list[sqlite3.Row]:
    """Every delivery that brings the content of *message_id* to somebody, by whichever of its messages."""
    return [
        row
        for same in _same_content(tx, message_id)
        for row in tx.all(
            """SELECT id, message_id, state, destination, party, recipients FROM deliveries
               WHERE message_id = ? AND purpose = 'content' ORDER BY seq""",
            same["id"],
        )
    ]


def _again(tx: Transaction, acceptance: Acceptance, body: Body, message_id: str) -> Accepted:
    """A duplicate: the first answer, and deliveries only where the message has none yet."""
    submission = acceptance.submission
    served = _served(tx, message_id)
    missing = tuple(_missing(acceptance.deliveries, served))
    arriving.arrived(tx, submission, body.sha256, message_id=message_id)
    created = missing + _acknowledgement(tx, acceptance)
    woken = _create(tx, acceptance, created, message_id)
    if acceptance.quarantine_id:
        quarantining.settle_accepted(tx, acceptance, message_id)
        tx.count("received", -1)
    tx.count("duplicates")
    tx.entry("message.duplicate", _duplicate_fields(acceptance, body, message_id, created))
    ids = tuple(row["id"] for row in served if row["message_id"] == message_id)
    ids += tuple(delivery.id for delivery in missing)
    return Accepted(message_id, from_millis(_received(tx, message_id)), True, ids, _distinct(woken))


def _missing(wanted: Iterable[NewDelivery], served: list[sqlite3.Row]) -> Iterator[NewDelivery]:
    """*wanted* without the recipients who have, or will get, the message there. One that is held as unassigned is on
    its way by a person's hand; and one that a person assigned is not unassigned again.
    """
    for delivery in wanted:
        same = [row for row in served if _serves(row, delivery)]
        covered = {code for row in same for code in json.loads(row["recipients"])}
        left = tuple(code for code in delivery.recipients if code not in covered)
        if left or (not same and not delivery.recipients):
            yield replace(delivery, recipients=left)


def _serves(row: sqlite3.Row, delivery: NewDelivery) -> bool:
    if row["state"] == State.CANCELLED:
        return False
    if UNASSIGNED in (row["destination"], delivery.destination):
        return True
    return bool(row["destination"] == delivery.destination and row["party"] == delivery.party)


def _create(
    tx: Transaction, acceptance: Acceptance, deliveries: Iterable[NewDelivery], message_id: str
) -> tuple[str, ...]:
    """Create *deliveries*, the transport acknowledgement among them; destinations that got work."""
    envelope, submission = acceptance.envelope, acceptance.submission
    woken: tuple[str, ...] = ()
    for new in deliveries:
        if new is acceptance.acknowledgement:
            woken += arriving.acknowledge(tx, submission.peer, submission.reference, new, message_id)
        elif queueing.create(tx, new, message_id, envelope.kind, envelope.identity) is State.QUEUED:
            woken += (new.destination,)
    return woken


def _acknowledgement(tx: Transaction, acceptance: Acceptance) -> tuple[NewDelivery, ...]:
    """The transport acknowledgement, unless the same package came twice before its first one went out."""
    if acceptance.acknowledgement is None:
        return ()
    last = arriving.last_acknowledgement(tx, acceptance.submission.peer, acceptance.submission.reference)
    if last is not None and last["ended_at"] is None and not acceptance.quarantine_id:
        return ()
    return (acceptance.acknowledgement,)


def _remember(tx: Transaction, acceptance: Acceptance) -> None:
    envelope = acceptance.envelope
    if envelope.identity:
        tx.do(
            """INSERT INTO identities (peer, sender, identity, digest, message_id) VALUES (?, ?, ?, ?, ?)
               ON CONFLICT DO NOTHING""",
            acceptance.submission.peer,
            envelope.sender,
            envelope.identity,
            acceptance.digest,
            acceptance.message_id,
        )


def _report_conflict(tx: Transaction, acceptance: Acceptance, conflicts: dict[str, str]) -> None:
    first = next(iter(conflicts.values()))
    incidents.raise_incident(
        tx,
        "message.conflict",
        f"{acceptance.submission.peer} {acceptance.envelope.identity}",
        f"message {acceptance.message_id} has the id of message {first} and other content",
    )


def _received(tx: Transaction, message_id: str) -> int:
    row = tx.one("SELECT received_at FROM messages WHERE id = ?", message_id)
    if row is None:
        raise LookupError(f"no message {message_id}")
    return int(row["received_at"])


def _accepted_fields(acceptance: Acceptance, message: Message, created: tuple[NewDelivery, ...]) -> dict[str, object]:
    envelope = message.envelope
    return {
        **_recognised(acceptance, message.body.sha256, message.body.size, message.id, created),
        "kind": envelope.kind,
        "sender": envelope.sender,
        "recipients": envelope.recipients,
        "content_digest": message.digest,
        "business_id": envelope.business_id,
        "document_code": envelope.code,
        "conversation": envelope.conversation,
        "marks": message.marks,
        "signatures": tuple(verdicts.written(judged) for judged in acceptance.verdicts),
        "urgent": envelope.urgent,
    }


def _duplicate_fields(
    acceptance: Acceptance, body: Body, message_id: str, created: tuple[NewDelivery, ...]
) -> dict[str, object]:
    return {
        **_recognised(acceptance, body.sha256, body.size, message_id, created),
        "content_digest": acceptance.digest,
    }


def _recognised(
    acceptance: Acceptance, sha256: str, size: int, message_id: str, created: tuple[NewDelivery, ...]
) -> dict[str, object]:
    submission = acceptance.submission
    return {
        "message": message_id,
        "peer": submission.peer,
        "dialect": submission.dialect,
        "reference": submission.reference,
        "received_at": written(submission.received_at),
        "identity": acceptance.envelope.identity,
        "body_sha256": sha256,
        "size": size,
        "deliveries": tuple(delivery.id for delivery in created),
        "destinations": _distinct(delivery.destination for delivery in created),
        "quarantine": acceptance.quarantine_id,
        "actor": acceptance.actor,
    }


def _distinct(destinations: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(destinations))
