"""Certificates inside security tokens (X.509 Certificate Token Profile 1.1.1 §3.1)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from asn1crypto import core
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs7

from gateway.formats.safexml import Element
from gateway.model.verdict import NotValid
from gateway.signing.trust import armour
from gateway.signing.wssecurity.names import BASE64, PKCS7, PKI_PATH, TOKEN, X509_V1, X509_V3

MAX_BYTES: Final = 256 << 10
MAX_PATH: Final = 20


@dataclass(frozen=True, slots=True)
class Token:
    """What a token or reference stands for: *candidates* for the signer, best first, and other certificates.

    *element* is the BinarySecurityToken in the message, None where there is none. Nothing of it is trusted yet.
    """

    candidates: tuple[x509.Certificate, ...]
    others: tuple[x509.Certificate, ...] = ()
    element: Element | None = None


def read_token(element: Element) -> Token:
    """The certificates of a wsse:BinarySecurityToken. Raises NotValid malformed or algorithm.unsupported."""
    if element.get("EncodingType", BASE64) != BASE64:
        raise NotValid("algorithm.unsupported", "a token that is not in Base64", "wsse:BinarySecurityToken")
    kind = element.get("ValueType", "")
    raw = octets(element)
    if kind in (X509_V3, X509_V1):
        return Token((armour.certificate(raw),), (), element)
    if kind == PKI_PATH:
        path = _pki_path(raw)
        return Token((path[-1],), path[:-1], element)
    if kind == PKCS7:
        signers, others = _of_pkcs7(raw)
        return Token(signers, others, element)
    raise NotValid("algorithm.unsupported", f"a token of the type {kind[-60:]}", "wsse:BinarySecurityToken")


def octets(element: Element) -> bytes:
    """The bytes of an element's Base64 text, which must be all it holds. Raises NotValid malformed."""
    text = element.text or ""
    if len(element) or len(text) > MAX_BYTES * 4 // 3:
        raise NotValid("malformed", "not plain Base64, or too long", str(element.tag).rpartition("}")[2])
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as fault:
        raise NotValid("malformed", "damaged Base64", str(element.tag).rpartition("}")[2]) from fault


def tokens_in(header: Element) -> Sequence[Element]:
    """The BinarySecurityTokens directly in a Security header."""
    return list(header.iterchildren(TOKEN))


class _PkiPath(core.SequenceOf):  # type: ignore[misc]
    """PkiPath ::= SEQUENCE OF Certificate, the authority first (ITU-T X.509 §7.6)."""

    _child_spec = asn1_x509.Certificate


def _pki_path(raw: bytes) -> tuple[x509.Certificate, ...]:
    with armour.decoding("the PKIPath"):
        items: Any = _PkiPath.load(raw, strict=True)
        if not 1 <= len(items) <= MAX_PATH:
            raise NotValid("malformed", "a PKIPath without certificates, or too long")
        return tuple(armour.certificate(item.dump()) for item in items)


def _of_pkcs7(raw: bytes) -> tuple[tuple[x509.Certificate, ...], tuple[x509.Certificate, ...]]:
    """A degenerate PKCS#7 is a bag: whoever issued no other in it may be the signer."""
    with armour.decoding("the PKCS#7"):
        found = pkcs7.load_der_pkcs7_certificates(raw)
        if not 1 <= len(found) <= MAX_PATH:
            raise NotValid("malformed", "a PKCS#7 without certificates, or with too many")
        issuers = {one.issuer.public_bytes() for one in found if one.issuer != one.subject}
        ends = tuple(one for one in found if one.subject.public_bytes() not in issuers)
    return ends or tuple(found), tuple(one for one in found if one not in ends)
