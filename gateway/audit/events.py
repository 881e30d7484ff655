"""The catalogue of entry types: for each, the fields it must and may have.

A field name means one thing in every type and always has one form, so an auditor reads any entry with this page alone.
Entries name things and digests; they never hold a document's text, a body or a secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final


class Form(Enum):
    """How a field's value looks: text, a whole number, true or false, or a list of texts."""

    TEXT = "text"
    NUMBER = "number"
    FLAG = "flag"
    TEXTS = "list of text"


FIELDS: Final[Mapping[str, Form]] = MappingProxyType(
    {
        # what it is about
        "message": Form.TEXT,  # our id of the message
        "delivery": Form.TEXT,  # our id of the delivery
        "deliveries": Form.TEXTS,  # ids of the deliveries this commit created
        "attempt": Form.TEXT,  # our id of the attempt
        "number": Form.NUMBER,  # of the attempt, from 1
        "quarantine": Form.TEXT,  # our id of the quarantined package
        "key": Form.TEXT,  # id of an API key, never its secret
        "signing_key": Form.TEXT,  # the configuration's name of a signing key
        "incident": Form.TEXT,  # the incident's key
        "subject": Form.TEXT,  # what an incident is about (a destination, a peer), never a document's subject
        # who
        "peer": Form.TEXT,  # configured id of the system or platform the bytes came from
        "system": Form.TEXT,  # configured id of a provincial system
        "party": Form.TEXT,  # code of an organisation
        "sender": Form.TEXT,  # code of the sending organisation
        "recipients": Form.TEXTS,  # codes of the receiving organisations
        "destination": Form.TEXT,  # configured id of what is delivered to
        "destinations": Form.TEXTS,
        "actor": Form.TEXT,  # the person or system that ordered it
        "network": Form.TEXT,  # source network of strangers, CIDR
        # how it is named and recognised
        "dialect": Form.TEXT,
        "kind": Form.TEXT,
        "purpose": Form.TEXT,  # of a delivery: content, acknowledgement, notice
        "reference": Form.TEXT,  # the other side's id
        "identity": Form.TEXT,  # the id of promise P3
        "business_id": Form.TEXT,  # DocumentId as it came
        "document_code": Form.TEXT,  # "7816/VPCP-TTĐT"
        "conversation": Form.TEXT,
        "replay_of": Form.TEXT,  # id of the ended delivery
        # digests (SHA-256, hex) and sizes (bytes)
        "body_sha256": Form.TEXT,  # of the bytes as received
        "content_digest": Form.TEXT,  # of the canonical content (P3)
        "sent_sha256": Form.TEXT,  # of the bytes as sent
        "receipt_sha256": Form.TEXT,  # of the receiver's evidence
        "config_sha256": Form.TEXT,
        "file_sha256": Form.TEXT,  # of an attachment before we signed it
        "signed_sha256": Form.TEXT,  # of the same attachment with our signature
        "certificate_sha256": Form.TEXT,
        "size": Form.NUMBER,
        # what happened
        "outcome": Form.TEXT,  # delivered, deferred, rejected, unknown
        "rule": Form.TEXT,  # the secrecy rule that recognised a marking, never what it found
        "code": Form.TEXT,  # stable code of an outcome, refusal, hold or incident
        "where": Form.TEXT,  # XPath, JSON pointer or header name of a refusal
        "detail": Form.TEXT,
        "reason": Form.TEXT,  # a person's own words
        "state": Form.TEXT,
        "findings": Form.TEXTS,
        "marks": Form.TEXTS,
        "signatures": Form.TEXTS,  # each: SHA-256 of the file, verdict, reason, SHA-256 of the signer's certificate
        "late": Form.FLAG,  # the outcome came after somebody else had taken over
        "unknown": Form.FLAG,  # it may have arrived: sent, no answer
        "maybe_twice": Form.FLAG,
        "urgent": Form.FLAG,
        "count": Form.NUMBER,
        # times besides the entry's own, RFC 3339
        "received_at": Form.TEXT,
        "due_at": Form.TEXT,
        "expires_at": Form.TEXT,
        "first": Form.TEXT,
        "last": Form.TEXT,
        # the gateway itself
        "scope": Form.TEXT,  # what is paused: a destination, or "poll:<platform>:<type>"
        "start": Form.TEXT,  # id of one run of the server
        "version": Form.TEXT,
    }
)


@dataclass(frozen=True, slots=True)
class EntryType:
    """One type of entry: *required* fields are always there, *optional* ones may be; there are no others."""

    name: str
    required: frozenset[str]
    optional: frozenset[str]


def _type(name: str, required: str, optional: str = "") -> EntryType:
    must = frozenset(required.split())
    kind = EntryType(name, must, frozenset(optional.split()) - must)
    if unlisted := (kind.required | kind.optional) - FIELDS.keys():
        raise AssertionError(f"{name}: no such field {sorted(unlisted)}")
    return kind


def _catalogue(*types: EntryType) -> Mapping[str, EntryType]:
    return MappingProxyType({kind.name: kind for kind in types})


_RECOGNISED = "identity business_id document_code conversation reference dialect received_at findings marks"
_DELIVERY = "message party recipients purpose conversation number attempt reference detail maybe_twice state"

TYPES: Final = _catalogue(
    # story 1
    _type(
        "message.accepted",
        "message peer kind sender recipients body_sha256 content_digest size",
        f"{_RECOGNISED} deliveries destinations quarantine urgent actor signatures",
    ),
    _type(
        "message.duplicate",
        "message peer body_sha256 size",
        f"{_RECOGNISED} kind sender recipients content_digest deliveries destinations quarantine actor",
    ),
    _type(
        "message.quarantined",
        "quarantine peer code body_sha256 size",
        "dialect reference where detail received_at deliveries destinations",
    ),
    _type("message.withheld", "peer body_sha256 size rule", "sender reference"),
    _type(
        "quarantine.accepted",
        "quarantine actor",
        "message peer reason reference code body_sha256 deliveries destinations",
    ),
    _type(
        "quarantine.rejected",
        "quarantine actor reason",
        "peer reference code body_sha256 deliveries destinations",
    ),
    # story 2
    _type("delivery.created", "delivery destination purpose", f"{_DELIVERY} actor reason expires_at replay_of"),
    _type(
        "delivery.attempted",
        "delivery destination attempt number outcome",
        f"{_DELIVERY} code unknown late due_at sent_sha256 receipt_sha256",
    ),
    _type(
        "delivery.delivered",
        "delivery destination",
        f"{_DELIVERY} code actor late sent_sha256 receipt_sha256",
    ),
    _type("delivery.rejected", "delivery destination code", f"{_DELIVERY} actor reason sent_sha256 receipt_sha256"),
    _type("delivery.expired", "delivery destination", f"{_DELIVERY} code actor reason expires_at"),
    _type("delivery.cancelled", "delivery destination actor", f"{_DELIVERY} code reason"),
    _type("delivery.held", "delivery destination code", f"{_DELIVERY} actor reason"),
    _type("delivery.released", "delivery destination actor", f"{_DELIVERY} code reason"),
    _type("delivery.rescued", "delivery destination", f"{_DELIVERY} code start"),
    _type(
        "signature.applied",
        "signing_key certificate_sha256 file_sha256 signed_sha256",
        "delivery message destination attempt actor party",
    ),
    _type("notice.created", "message delivery", f"{_DELIVERY} destination code body_sha256 size"),
    _type("mailbox.fetched", "delivery system", f"{_DELIVERY} destination actor body_sha256"),
    # what persons must know and do
    _type("incident.opened", "code subject", "incident detail count first last"),
    _type("incident.closed", "code subject actor", "incident detail reason count first last"),
    _type("key.added", "key system actor", "expires_at reason"),
    _type("key.revoked", "key actor", "system reason"),
    _type("queue.paused", "scope actor reason", "code detail"),
    _type("queue.resumed", "scope actor", "reason"),
    # the gateway itself
    _type("server.started", "start version", "config_sha256 detail"),
    _type("strangers.refused", "network count", "code first last"),
)
