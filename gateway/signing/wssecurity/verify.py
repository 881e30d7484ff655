"""Verification of a WS-Security message: one header, signatures that hold, the parts that must be signed, its time."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from lxml import etree

from gateway.errors import Refusal
from gateway.formats import soap
from gateway.formats.mime import content_id_of
from gateway.formats.safexml import Element
from gateway.formats.soap import SoapMessage
from gateway.model.verdict import NotValid, Scope, SignedPart
from gateway.signing import xmldsig
from gateway.signing.question import Question
from gateway.signing.trust import describe
from gateway.signing.wssecurity.attachments import Attachments
from gateway.signing.wssecurity.coverage import Judged, complete_ones, matched, required_parts
from gateway.signing.wssecurity.header import SecurityHeader, check_mandatory, find_security
from gateway.signing.wssecurity.ids import MessageIds
from gateway.signing.wssecurity.keys import Keys
from gateway.signing.wssecurity.model import SignedAttachment, SignedElement, VerifiedMessage
from gateway.signing.wssecurity.names import ADDRESSING, DS
from gateway.signing.wssecurity.places import Part, Places
from gateway.signing.wssecurity.rules import Replays, Rules
from gateway.signing.wssecurity.stamp import Timestamp, check_fresh, read_timestamp
from gateway.signing.wssecurity.transforms import transform_rules


def verify_message(
    message: SoapMessage | bytes,
    *,
    question: Question,
    now: datetime,
    rules: Rules,
    actor: str = "",
    replays: Replays | None = None,
) -> VerifiedMessage:
    """What *message* (bytes: an envelope, or MIME headers and a multipart) proves to *actor* at *now* (aware).

    *question* gives trust, policy and evidence; its own moment does not count. Every signature in our Security header
    must hold; one signer must cover all that *rules* ask for. *replays* is asked last, so that only authentic messages
    enter it. Without it nothing is said of replays. Synchronous and pure but for *replays*.

    Raises NotValid malformed, header.not_understood, signature.absent, .ambiguous, .place, .reference, .wrong, .digest,
    .time, .replayed, algorithm.*, key.untrusted, limit.exceeded and what `trust.validate_chain` raises.
    """
    message = _read(message)
    check_mandatory(message.envelope, actor, rules)
    security = find_security(message.envelope, actor)
    if security.timestamp is None and rules.timestamp == "required":
        raise NotValid("signature.time", "no Timestamp says when the message was made", "wsse:Security")
    verification = _Verification(message, security, question, now)
    judged = [verification.judged(one) for one in security.signatures]
    complete = complete_ones(judged, verification.required(rules))
    chosen = complete[0]
    timestamp = verification.timestamp(chosen)
    found = verification.handed_on(chosen, timestamp, len(judged))
    try:
        until = check_fresh(timestamp, now, rules) if timestamp else now + rules.max_age + rules.skew
        if replays is not None:
            replays.admit(_marks(complete, found.message_id), until=until, now=now)
    except NotValid as fault:
        fault.signer = chosen.signer.name
        fault.signed_at = timestamp.created if timestamp else None
        raise
    return found


def _read(message: SoapMessage | bytes) -> SoapMessage:
    if isinstance(message, SoapMessage):
        return message
    try:
        return soap.parse_soap(message)
    except Refusal as refused:
        raise NotValid("malformed", refused.detail or refused.code, f"{refused.code} {refused.where}".strip()) from None


def _marks(complete: tuple[Judged, ...], message_id: str) -> frozenset[tuple[str, bytes]]:
    """By what a repeated message is known again: what was signed, and by whom, of every signature that would do.

    Not the SignatureValue: of an ECDSA signature anybody can make a second one that holds.
    """
    signer = complete[0].signer
    who = describe.fingerprint(signer.certificate) if signer.certificate else signer.name
    marks = {("signed content", one.verified.signed_info) for one in complete}
    if message_id:
        marks.add(("MessageID", message_id.encode()))
    return frozenset((kind, hashlib.sha256(who.encode() + b"\0" + value).digest()) for kind, value in marks)


class _Verification:
    """What is the same for every signature of one message."""

    def __init__(self, message: SoapMessage, security: SecurityHeader, question: Question, now: datetime) -> None:
        self._security = security
        self._now = now
        self._attachments = Attachments(message, question.detached)
        self._question = question = _without_attachments(question, security)
        ids = MessageIds(message.envelope.root)
        ids.check_marked()
        self._places = Places(message.envelope, security, ids)
        self._keys = Keys(ids, security, question, now)
        self._rules = xmldsig.Rules(
            resolve=lambda uri: self._attachments.by_uri(uri).content,
            transforms=transform_rules(self._attachments, self._keys),
            keys=self._keys.candidates,
            pool=self._keys.known,
            every_id_unique=False,  # check_marked has asked for those of the standard
        )

    def judged(self, signature: Element) -> Judged:
        """One signature: its references first, then what the core says, then its signer."""
        expected = self._places.expected(signature)
        verified = xmldsig.verify_signature(signature, question=self._question, rules=self._rules)
        pairs = matched(verified, expected)
        signer = xmldsig.trusted_signer(
            verified,
            question=self._question,
            at=self._now,
            pool=self._keys.pool(verified.key_info),
            evidence=self._keys.evidence,
        )
        return Judged(verified, signer, pairs)

    def required(self, rules: Rules) -> Mapping[Part, str]:
        """What one signature must cover."""
        return required_parts(self._places, self._security, self._attachments, rules)

    def timestamp(self, chosen: Judged) -> Timestamp | None:
        """The Timestamp as it was signed."""
        element = self._security.timestamp
        if element is None:
            return None
        return read_timestamp(_signed(element, chosen.parts()[element].content).tree())

    def handed_on(self, chosen: Judged, timestamp: Timestamp | None, signatures: int) -> VerifiedMessage:
        """The signed bytes by kind, each read again from those bytes."""
        body, found = self._places.body, chosen.covers
        headers = tuple(
            _signed(expected.element, reference.content)
            for expected, reference in found
            if expected.kind == "header" and expected.element is not None
        )
        attachments = tuple(
            SignedAttachment(self._attachments.by_uri(expected.uri).content_id, reference.content)
            for expected, reference in found
            if expected.kind == "attachment"
        )
        return VerifiedMessage(
            body=_signed(body, chosen.parts()[body].content),
            headers=headers,
            attachments=attachments,
            signer=chosen.signer,
            timestamp=timestamp,
            message_id=_message_id(headers),
            signed=tuple(SignedPart(reference.path, reference.sha256) for _, reference in found),
            scope=self._scope(chosen),
            signatures=signatures,
        )

    def _scope(self, chosen: Judged) -> Scope:
        """Full if nothing but the Security headers themselves is unsigned."""
        beside = {*self._places.blocks, *self._attachments.beside}
        return Scope.FULL if beside <= chosen.parts().keys() else Scope.PARTIAL


def _without_attachments(question: Question, security: SecurityHeader) -> Question:
    """*question* without the detached files that are attachments: one that looks like DER is no revocation list."""
    references = (one for signature in security.signatures for one in signature.iter(f"{{{DS}}}Reference"))
    names = {content_id_of(one.get("URI", "")) for one in references}
    return replace(question, detached={name: raw for name, raw in question.detached.items() if name not in names})


def _signed(element: Element, content: bytes) -> SignedElement:
    """The signed bytes of *element*. Raises NotValid signature.place if they begin otherwise than it does."""
    name = etree.QName(element)
    start = f"<{element.prefix}:{name.localname}" if element.prefix else f"<{name.localname}"
    if not re.match(re.escape(start.encode()) + rb"[ >]", content):
        raise NotValid("signature.place", "the signed bytes are another element", name.localname[:120])
    return SignedElement(name.text, content)


def _message_id(headers: tuple[SignedElement, ...]) -> str:
    """The one signed wsa:MessageID, read from the signed bytes."""
    found = [one for one in headers if one.name in {f"{{{space}}}MessageID" for space in ADDRESSING}]
    if len(found) > 1:
        raise NotValid("signature.ambiguous", "two MessageIDs", "wsa:MessageID")
    return "".join(found[0].tree().itertext()).strip() if found else ""
