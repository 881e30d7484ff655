"""Messages, deliveries and attempts as JSON members."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from adapters.rest.answers import moment
from adapters.rest.sentences import sentence
from gateway.model.delivery import ENDED, Attempt, Delivery, State
from gateway.model.message import Message
from gateway.model.verdict import Judged, members

MESSAGES = "/api/v1/messages"

Members = dict[str, object]


def summary(message: Message) -> Members:
    """A message on one line of a list."""
    envelope = message.envelope
    return {
        "message_id": message.id,
        "kind": envelope.kind.value,
        "from": envelope.sender,
        "to": list(envelope.recipients),
        "document_id": envelope.business_id,
        "code": envelope.code,
        "subject": envelope.subject,
        "priority": envelope.priority,
        "urgent": envelope.urgent,
        "received_at": moment(message.received_at),
        "marks": list(message.marks),
        "links": {"self": f"{MESSAGES}/{message.id}"},
    }


def whole(
    message: Message, timeline: Sequence[Members], history: Sequence[Members], judged: Sequence[Judged]
) -> Members:
    """A message with the evidence of its bytes, its timeline, and the rest of its conversation."""
    return {
        **summary(message),
        "dialect": message.dialect,
        "digests": {"content": message.digest, "body": message.body.sha256, "body_size": message.body.size},
        "findings": list(message.findings),
        "signatures": [signature_row(one) for one in judged],
        "timeline": list(timeline),
        "history": list(history),
        "links": {"self": f"{MESSAGES}/{message.id}", "body": f"{MESSAGES}/{message.id}/body"},
    }


def signature_row(judged: Judged) -> Members:
    """What was said of one attachment when the message was accepted."""
    return {
        "attachment": judged.name,
        "sha256": judged.sha256,
        "form": judged.form,
        "judged_at": moment(judged.at),
        **members(judged.verdict),
    }


def timeline_row(delivery: Delivery, recipient: str, attempts: Sequence[Attempt], language: str) -> Members:
    """Where the message stands for one *recipient*."""
    since = entered_at(delivery, attempts)
    said = sentence(delivery, since)
    return {
        "recipient": recipient,
        "delivery": delivery.id,
        "destination": delivery.destination,
        "state": delivery.state.value,
        "since": moment(since),
        "sentence": said.of(language),
        "sentence_vi": said.vi,
        "sentence_en": said.en,
        "attempt_count": delivery.attempts,
        "code": delivery.code,
        "reference": delivery.reference,
        "maybe_twice": delivery.maybe_twice,
        "replay_of": delivery.replay_of,
        "expires_at": moment(delivery.expires_at),
        "attempts": [_attempt(attempt) for attempt in attempts],
    }


def history_row(message: Message) -> Members:
    """Another message of the conversation: a status, recall, update or the document itself."""
    return {**summary(message), "status": message.envelope.status or None, "findings": list(message.findings)}


def entered_at(delivery: Delivery, attempts: Sequence[Attempt]) -> datetime:
    """When *delivery* entered its state, as far as its attempts tell."""
    if delivery.ended_at and delivery.state in ENDED:
        return delivery.ended_at
    if not attempts or delivery.state in (State.QUEUED, State.WAITING):
        return delivery.created_at
    last = attempts[-1]
    return last.started_at if delivery.state is State.LEASED else last.ended_at or last.started_at


def _attempt(attempt: Attempt) -> Members:
    return {
        "number": attempt.number,
        "started_at": moment(attempt.started_at),
        "ended_at": moment(attempt.ended_at) if attempt.ended_at else None,
        "outcome": attempt.outcome,
        "code": attempt.code,
        "detail": attempt.detail,
        "reference": attempt.reference,
        "sent_sha256": attempt.sent_sha256,
    }


def mailbox_row(delivery: Delivery, message: Message) -> Members:
    """A delivery on one line of its system's mailbox."""
    envelope = message.envelope
    return {
        "delivery": delivery.id,
        "message_id": message.id,
        "kind": envelope.kind.value,
        "from": envelope.sender,
        "party": delivery.party,
        "subject": envelope.subject,
        "code": envelope.code,
        "document_id": envelope.business_id,
        "priority": envelope.priority,
        "urgent": envelope.urgent,
        "received_at": moment(message.received_at),
        "marks": list(message.marks),
    }
