"""Messages: what was accepted, from whom, to whom, and the evidence of its bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from gateway.model.delivery import NewDelivery
from gateway.model.document import BusinessType, Content, Document, DocumentStatus, StatusCode
from gateway.model.verdict import Judged


class Kind(StrEnum):
    """What a message is, as far as routing may know."""

    DOCUMENT = "document"
    RECALL = "recall"
    UPDATE = "update"
    REPLACEMENT = "replacement"
    STATUS = "status"
    NOTICE = "notice"
    OPAQUE = "opaque"
    """Bytes that a person released from quarantine although the gateway cannot read them."""


_KIND_OF = {
    BusinessType.NEW: Kind.DOCUMENT,
    BusinessType.RECALL: Kind.RECALL,
    BusinessType.UPDATE: Kind.UPDATE,
    BusinessType.REPLACEMENT: Kind.REPLACEMENT,
}

NEEDS_PREDECESSOR = frozenset({Kind.RECALL, Kind.UPDATE})
"""Kinds that mean nothing to a receiver who never got the document they change (DESIGN §3, head rejected)."""

_JUNK_IDS = frozenset({"", "n/a", "na", "null", "none", "-", "0", "undefined"})


@dataclass(frozen=True, slots=True)
class Envelope:
    """All that routing may look at. *identity* is the id of promise P3, *conversation* what keeps its order.

    *priority* is the edXML one, 0…4 (§5.4). *business_id* is the DocumentId as it came.
    """

    kind: Kind
    sender: str
    recipients: tuple[str, ...]
    identity: str
    conversation: str
    business_id: str = ""
    code: str = ""
    subject: str = ""
    priority: int = 0
    status: int = 0
    """The business status a Kind.STATUS reports (§5.1); 0 otherwise."""

    @property
    def urgent(self) -> bool:
        """HOẢ TỐC and HOẢ TỐC hẹn giờ go before everything else."""
        return self.priority >= 3


def envelope_of(content: Content, digest: str) -> Envelope:
    """The envelope of canonical *content*; *digest* stands in for ids that identify nothing ("N/A", empty)."""
    if isinstance(content, DocumentStatus):
        return _status_envelope(content, digest)
    return _document_envelope(content, digest)


def _document_envelope(document: Document, digest: str) -> Envelope:
    kind = _KIND_OF[document.business_type]
    issuer = document.sender.organ_id
    known = _usable(document.document_id)
    subject_id = document.document_id
    if about := _changed_document(document, kind):
        subject_id = about
    return Envelope(
        kind=kind,
        sender=issuer,
        recipients=_distinct(organ.organ_id for organ in document.recipients),
        identity=f"{kind}|{document.document_id}" if known else f"{kind}|#{digest}",
        conversation=conversation_of(issuer, subject_id if known else f"#{digest}"),
        business_id=document.document_id,
        code=str(document.code),
        subject=document.subject,
        priority=document.other.priority,
    )


def _changed_document(document: Document, kind: Kind) -> str:
    """The DocumentId that an update or replacement is about, "" if it names none: it belongs to that conversation."""
    named = ""
    if kind is Kind.UPDATE and document.business:
        named = document.business.document_id
    if kind is Kind.REPLACEMENT and document.business and document.business.replacements:
        named = document.business.replacements[0].document_id
    return named if _usable(named) else ""


def _status_envelope(status: DocumentStatus, digest: str) -> Envelope:
    sender = status.sender.organ_id
    issuer = sender if status.status == StatusCode.GIVE_BACK else status.about.organ_id
    known = _usable(status.about.document_id)
    to = f"|{status.about.organ_id}" if status.status == StatusCode.GIVE_BACK else ""
    at = "once" if status.status == StatusCode.ARRIVED else status.at.isoformat() if status.at else ""
    return Envelope(
        kind=Kind.STATUS,
        sender=sender,
        recipients=_distinct([status.about.organ_id]),
        identity=f"status|{status.about.document_id}|{status.status:02d}|{at}{to}"
        if known and at
        else f"status|#{digest}",
        conversation=conversation_of(issuer, status.about.document_id if known else f"#{digest}"),
        business_id=status.about.document_id,
        code=status.about.code,
        subject=status.description,
        status=status.status,
    )


def conversation_of(issuer: str, document_id: str) -> str:
    """One document with its statuses, recall, update and replacement: issuer and DocumentId."""
    return f"document|{issuer}|{document_id}"


def _usable(document_id: str) -> bool:
    return document_id.strip().casefold() not in _JUNK_IDS


def _distinct(codes: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(code for code in codes if code))


@dataclass(frozen=True, slots=True)
class BodyRef:
    """Where bytes are kept, with the evidence of what they were: SHA-256 (hex) and size in bytes."""

    id: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Decoded:
    """What an adapter's `decode` understood. *findings* are "code where" strings: deviations that were repaired."""

    content: Content
    findings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Submission:
    """Bytes handed to the accept story by an entrance.

    *peer* is the configured id of the system or platform they came from; *reference* what that peer calls them
    (Idempotency-Key, axis docId), "" if it gave nothing; *hints* what the wire said about them beside the bytes.
    """

    peer: str
    dialect: str
    raw: bytes
    received_at: datetime
    reference: str = ""
    hints: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """An accepted message; immutable. *marks* are what an operator should know ("conflict", "also_arrived", …)."""

    id: str
    envelope: Envelope
    peer: str
    dialect: str
    reference: str
    received_at: datetime
    digest: str
    body: BodyRef
    findings: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Everything one accept commits at once; the store adds the entry and keeps the bytes.

    *on_conflict* says what the same id with other content means: `refuse` for systems of ours, `mark` for platforms
    (P3). *acknowledgement* is the transport acknowledgement the peer must get, itself a delivery (DESIGN §4).
    """

    message_id: str
    submission: Submission
    envelope: Envelope
    digest: str
    deliveries: tuple[NewDelivery, ...]
    on_conflict: Literal["refuse", "mark"]
    acknowledgement: NewDelivery | None = None
    findings: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    verdicts: tuple[Judged, ...] = ()
    """What was said of the signatures of its attachments."""
    quarantine_id: str = ""
    """Set when a person released this from quarantine: the same commit settles it, and moves the arrival there."""
    actor: str = ""
    """That person."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The answer of the accept story: durable from now on. A duplicate gets the first message's id."""

    message_id: str
    received_at: datetime
    duplicate: bool
    deliveries: tuple[str, ...]
    destinations: tuple[str, ...] = ()
    """Destinations that got a new delivery and whose workers should wake."""


class QuarantineState(StrEnum):
    """open until a person settles it."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Quarantining:
    """Bytes that were not understood or not trusted, kept with the reason."""

    id: str
    submission: Submission
    code: str
    where: str
    detail: str
    acknowledgement: NewDelivery | None = None


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One quarantined package as a person sees it."""

    id: str
    peer: str
    dialect: str
    reference: str
    received_at: datetime
    code: str
    where: str
    detail: str
    state: QuarantineState
    body: BodyRef
    settled_by: str = ""
    reason: str = ""
    message_id: str = ""
