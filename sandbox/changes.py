"""What may follow a document that was sent: recall, update, replacement, and the request to give it back (§5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from sandbox.edxml import Organ, Reference, Seen
from sandbox.writing import Draft, write_status

NEW, RECALL, UPDATE, REPLACEMENT = range(4)
"""BussinessDocType (reference vxp-edxml §5.2)."""

GIVE_BACK = "13"
"""StatusCode by which the original sender asks a receiver to give a document back."""


def draft_of(seen: Seen) -> Draft:
    """Return the draft a document that was read could have been written from."""
    return Draft(
        sender=seen.sender,
        recipients=seen.recipients,
        number=seen.number,
        notation=seen.notation,
        subject=seen.subject,
        promulgated=seen.promulgated,
        type_name=seen.type_name,
        priority=int(seen.priority) if seen.priority.isdecimal() else 0,
        document_id=seen.document_id,
        files=seen.files,
    )


def recall(original: Draft, reason: str = "") -> Draft:
    """Return the recall: the same document again under business type 1."""
    return replace(original, business_type=RECALL, reason=reason)


def update(original: Draft, reason: str = "", **changed: Any) -> Draft:
    """Return the update: the document with fields `changed`, naming the document it updates."""
    return replace(original, business_type=UPDATE, business_document_id=original.identifier(), reason=reason, **changed)


def replacement(original: Draft, number: str, reason: str = "", **changed: Any) -> Draft:
    """Return the replacement: a new document under its own number that names the one it takes the place of."""
    fields: dict[str, Any] = {"document_id": "", **changed}
    return replace(
        original,
        number=number,
        business_type=REPLACEMENT,
        replaces=(original.identifier(),),
        reason=reason,
        **fields,
    )


def give_back(original: Draft, reason: str, now: datetime) -> Iterable[bytes]:
    """Yield the status 13 for each receiver. The direction is turned: From is the original sender, ResponseFor names
    the receiver and keeps the sender's DocumentId (reference §4)."""
    for receiver in original.recipients:
        about = Reference(
            receiver.code, f"{original.number}/{original.notation}", original.identifier(), original.promulgated
        )
        yield write_status(Organ(original.sender.code, original.sender.name), about, GIVE_BACK, reason, now)
