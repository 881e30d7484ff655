"""The wsse:Security header block that is meant for us, and what lies in it (WSS 1.1.1 §5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from lxml import etree

from gateway.errors import Refusal
from gateway.formats.safexml import Element
from gateway.formats.soap import NEXT, SoapEnvelope, require_understood
from gateway.model.verdict import NotValid
from gateway.signing.wssecurity.names import SECURITY, SIGNATURE, TIMESTAMP, TOKEN, WSSE11, XENC
from gateway.signing.wssecurity.rules import Rules

MAX_SIGNATURES: Final = 8
MAX_TOKENS: Final = 16
_ENCRYPTED: Final = frozenset({"EncryptedData", "EncryptedKey", "ReferenceList", "EncryptedHeader"})


@dataclass(frozen=True, slots=True)
class SecurityHeader:
    """Our Security header *block* and its children by kind, each list in document order."""

    block: Element
    timestamp: Element | None
    tokens: tuple[Element, ...]
    signatures: tuple[Element, ...]


def check_mandatory(envelope: SoapEnvelope, actor: str, rules: Rules) -> None:
    """Raise NotValid header.not_understood for a mandatory header block for us that is outside *rules.understood*."""
    try:
        require_understood(envelope, rules.understood, roles={actor} if actor else ())
    except Refusal as refused:
        raise NotValid("header.not_understood", "mandatory and not understood", refused.where) from refused


def find_security(envelope: SoapEnvelope, actor: str) -> SecurityHeader:
    """The one Security header for *actor* ("" is the ultimate receiver) or for whoever comes next.

    Raises NotValid signature.absent (none, or nothing signed in it), signature.ambiguous (two, or two Timestamps),
    algorithm.unsupported (something is encrypted), limit.exceeded.
    """
    ours = [block.element for block in envelope.blocks if block.name == SECURITY and block.role in {actor, *NEXT}]
    if not ours:
        raise NotValid("signature.absent", "no wsse:Security header for this receiver", "/Envelope/Header")
    if len(ours) > 1:
        raise NotValid("signature.ambiguous", "two wsse:Security headers for one receiver", "/Envelope/Header")
    _nothing_encrypted(envelope, ours[0])
    return _read(ours[0])


def _read(block: Element) -> SecurityHeader:
    stamps, tokens, signatures = (list(block.iterchildren(tag)) for tag in (TIMESTAMP, TOKEN, SIGNATURE))
    if len(stamps) > 1:
        raise NotValid("signature.ambiguous", "two Timestamps", "wsse:Security")
    if not signatures:
        raise NotValid("signature.absent", "no Signature", "wsse:Security")
    if len(signatures) > MAX_SIGNATURES or len(tokens) > MAX_TOKENS:
        raise NotValid("limit.exceeded", "too many signatures or tokens", "wsse:Security")
    return SecurityHeader(block, stamps[0] if stamps else None, tuple(tokens), tuple(signatures))


def _nothing_encrypted(envelope: SoapEnvelope, block: Element) -> None:
    """What the header's own rules would have us decrypt first; what lies deeper is the payload's affair."""
    places = [*block.iterchildren(etree.Element), *envelope.body, *(one.element for one in envelope.blocks)]
    for element in places:
        name = etree.QName(element)
        if name.namespace in (*XENC, WSSE11) and name.localname in _ENCRYPTED:
            raise NotValid("algorithm.unsupported", "the message is encrypted", name.localname)
