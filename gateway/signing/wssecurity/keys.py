"""From ds:KeyInfo to certificates: wsse:SecurityTokenReference in its forms (X.509 Token Profile 1.1.1 §3.2).

A reference only finds a certificate. Whether its key made the signature is computed, whether it is believed is asked of
the trust store.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from gateway.formats.safexml import Element
from gateway.model.verdict import NotValid
from gateway.signing.question import Question
from gateway.signing.trust import armour, describe
from gateway.signing.trust.judge import sniffed
from gateway.signing.trust.model import Evidence
from gateway.signing.wssecurity.header import SecurityHeader
from gateway.signing.wssecurity.ids import MessageIds
from gateway.signing.wssecurity.issuer import key_of, key_of_text
from gateway.signing.wssecurity.names import (
    DS,
    KEY_IDENTIFIER,
    THUMBPRINT,
    TOKEN,
    TOKEN_REFERENCE,
    WSSE,
    X509_V3,
)
from gateway.signing.wssecurity.tokens import Token, octets, read_token
from gateway.signing.xmldsig import Candidate

_ISSUER_SERIAL: Final = f"{{{DS}}}X509IssuerSerial"
_CERTIFICATE: Final = f"{{{DS}}}X509Certificate"


class Keys:
    """The certificates at hand for one message, and what references in it find."""

    def __init__(self, ids: MessageIds, security: SecurityHeader, question: Question, now: datetime) -> None:
        self._ids = ids
        self._block = security.block
        self._now = now
        trust = question.trust
        tokens = [one for element in security.tokens for one in certificates_of(element)]
        beside = sniffed(tuple(question.detached.values()))
        self.evidence: Evidence = beside.evidence()
        """Revocation data that came beside the file."""
        self.known: tuple[x509.Certificate, ...] = (
            *tokens,
            *trust.pinned,
            *trust.intermediates,
            *trust.anchors,
            *beside.certificates,
        )
        """What may be found by a name or digest, and be part of a chain."""

    def candidates(self, key_info: Element) -> Sequence[Candidate] | None:
        """Who *key_info* says signed, by its token reference; None if it holds none (KeyRule of the XML-DSig core).

        Raises NotValid chain.unknown (the certificate is not at hand), signature.reference, signature.place,
        algorithm.unsupported, malformed.
        """
        children = list(key_info.iterchildren(etree.Element))
        if not any(child.tag == TOKEN_REFERENCE for child in children):
            return None
        if len(children) != 1:
            raise NotValid("signature.ambiguous", "KeyInfo names several keys", "ds:KeyInfo")
        return tuple(_by_key(self.token(children[0]).candidates))

    def pool(self, key_info: Element | None) -> tuple[x509.Certificate, ...]:
        """Certificates for the chain: those beside the signer's in its token, and what is known."""
        reference = None if key_info is None else key_info.find(TOKEN_REFERENCE)
        return (*self.token(reference).others, *self.known) if reference is not None else self.known

    def token(self, reference: Element) -> Token:
        """What a wsse:SecurityTokenReference stands for. Raises NotValid as `candidates`."""
        children = list(reference.iterchildren(etree.Element))
        if len(children) != 1:
            raise NotValid("signature.ambiguous", "not exactly one reference", "wsse:SecurityTokenReference")
        child, name = children[0], str(children[0].tag)
        if name == f"{{{WSSE}}}Reference":
            return read_token(self._direct(child))
        if name == f"{{{WSSE}}}Embedded":
            return read_token(_embedded(child))
        if name == f"{{{WSSE}}}KeyIdentifier":
            return self._identified(child)
        if name == f"{{{DS}}}X509Data":
            return self._named(child)
        raise NotValid("algorithm.unsupported", "this form of token reference", name.rpartition("}")[2])

    def _direct(self, child: Element) -> Element:
        """The token in our own Security header that a direct reference names (§3.2.2)."""
        uri = child.get("URI", "")
        if not uri.startswith("#"):
            raise NotValid("algorithm.unsupported", "a token outside the message", uri[:120])
        found = self._ids.element(uri[1:])
        if found.getparent() is not self._block:
            raise NotValid("signature.place", "the token is not in our Security header", uri[:120])
        if found.tag != TOKEN:
            raise NotValid("algorithm.unsupported", "this kind of token", str(found.tag).rpartition("}")[2])
        return found

    def _identified(self, child: Element) -> Token:
        """KeyIdentifier: subject key identifier, SHA-1 of the certificate, or (as some write) all of it."""
        kind, value = child.get("ValueType", ""), octets(child)
        if kind == KEY_IDENTIFIER:
            return self._found(one for one in self.known if _key_identifier(one) == value)
        if kind == THUMBPRINT:
            # A name for a certificate, not a proof: SHA-1 is what the profile has (WSS 1.1.1 §7.3).
            return self._found(one for one in self.known if hashlib.sha1(_der(one)).digest() == value)  # noqa: S324
        if kind == X509_V3:
            return Token((armour.certificate(value),))
        raise NotValid("algorithm.unsupported", f"a key identifier of the type {kind[-60:]}", "wsse:KeyIdentifier")

    def _named(self, child: Element) -> Token:
        """X509Data: the certificates in it, or issuer and serial number of one."""
        inside = [armour.certificate(octets(one)) for one in child.iterchildren(_CERTIFICATE)]
        if inside:
            return Token(tuple(inside))
        pairs = list(child.iterchildren(_ISSUER_SERIAL))
        if len(pairs) != 1:
            raise NotValid("algorithm.unsupported", "X509Data without issuer and serial number", "ds:X509Data")
        issuer, serial = (pairs[0].findtext(f"{{{DS}}}{name}") or "" for name in ("X509IssuerName", "X509SerialNumber"))
        wanted = key_of_text(issuer, serial)
        return self._found(one for one in self.known if key_of(one) == wanted)

    def _found(self, matches: Iterable[x509.Certificate]) -> Token:
        """Certificates that are valid now before others: a renewed one may have the same key identifier."""
        unique = {_der(one): one for one in matches}.values()
        if not unique:
            raise NotValid("chain.unknown", "the certificate named is not at hand", "wsse:SecurityTokenReference")
        return Token(tuple(sorted(unique, key=lambda one: not self._valid(one))))

    def _valid(self, one: x509.Certificate) -> bool:
        return one.not_valid_before_utc <= self._now <= one.not_valid_after_utc


def _embedded(child: Element) -> Element:
    found = list(child.iterchildren(etree.Element))
    if [one.tag for one in found] != [TOKEN]:
        raise NotValid("algorithm.unsupported", "an embedded token of another kind", "wsse:Embedded")
    return found[0]


def certificates_of(element: Element) -> tuple[x509.Certificate, ...]:
    """All certificates of a BinarySecurityToken or ds:X509Certificate, none if it cannot be read."""
    try:
        token = read_token(element) if element.tag == TOKEN else Token((armour.certificate(octets(element)),))
    except NotValid:
        return ()
    return (*token.candidates, *token.others)


def _by_key(certificates: Sequence[x509.Certificate]) -> Iterable[Candidate]:
    grouped: dict[str, list[x509.Certificate]] = {}
    for one in certificates:
        with armour.decoding("the certificate's key", "algorithm.unsupported"):
            grouped.setdefault(describe.key_fingerprint(one), []).append(one)
    for same in grouped.values():
        yield Candidate(same[0].public_key(), tuple(same))


def _key_identifier(one: x509.Certificate) -> bytes | None:
    try:
        return one.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except (x509.ExtensionNotFound, *armour.DECODING_FAULTS):
        return None


def _der(one: x509.Certificate) -> bytes:
    return one.public_bytes(Encoding.DER)
