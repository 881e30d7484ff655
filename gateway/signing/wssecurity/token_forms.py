"""The forms in which a signed message names its signer's certificate (X.509 Token Profile 1.1.1 §3.2)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from asn1crypto import core
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from gateway.formats.safexml import Element
from gateway.signing.wssecurity.names import (
    BASE64,
    DS,
    KEY_IDENTIFIER,
    PKI_PATH,
    THUMBPRINT,
    TOKEN,
    TOKEN_REFERENCE,
    WSSE,
    WSSE11,
    WSU_ID,
    X509_V3,
)

TokenForm: TypeAlias = Literal["direct", "pki_path", "key_identifier", "thumbprint", "issuer_serial"]
"""The certificate in the message (alone, or with its chain), or a name of it that the receiver must resolve."""

_TOKEN_TYPE: Final = f"{{{WSSE11}}}TokenType"


@dataclass(frozen=True, slots=True)
class NamedSigner:
    """*key_info* for the signature; *element* is the token it points at, None where the receiver has it."""

    key_info: Element
    element: Element | None


def add(
    security: Element, form: TokenForm, certificate: x509.Certificate, chain: Sequence[x509.Certificate], token_id: str
) -> NamedSigner:
    """Put what *form* needs into the Security header. *chain*: issuer first.

    Raises ValueError: a key identifier is wanted of a certificate that has none.
    """
    key_info = etree.Element(f"{{{DS}}}KeyInfo", nsmap={"ds": DS, "wsse": WSSE})
    reference = etree.SubElement(key_info, TOKEN_REFERENCE)
    if form in ("direct", "pki_path"):
        kind = X509_V3 if form == "direct" else PKI_PATH
        element = _token(security, kind, _der(certificate) if form == "direct" else _path(certificate, chain), token_id)
        if form == "pki_path":
            reference.set(_TOKEN_TYPE, kind)  # Basic Security Profile 1.1 wants it said for a path
        pointer = etree.SubElement(reference, f"{{{WSSE}}}Reference")
        pointer.set("URI", f"#{token_id}")
        pointer.set("ValueType", kind)
        return NamedSigner(key_info, element)
    if form == "issuer_serial":
        _issuer_serial(reference, certificate)
    else:
        _identifier(reference, form, certificate)
    return NamedSigner(key_info, None)


def _token(security: Element, kind: str, octets: bytes, token_id: str) -> Element:
    element = etree.SubElement(security, TOKEN)
    element.set("EncodingType", BASE64)
    element.set("ValueType", kind)
    element.set(WSU_ID, token_id)
    element.text = base64.b64encode(octets).decode("ascii")
    return element


def _identifier(reference: Element, form: TokenForm, certificate: x509.Certificate) -> None:
    if form == "thumbprint":
        kind, value = THUMBPRINT, hashlib.sha1(_der(certificate)).digest()  # noqa: S324 - the profile's name for it
    else:
        kind, value = KEY_IDENTIFIER, _key_identifier(certificate)
    element = etree.SubElement(reference, f"{{{WSSE}}}KeyIdentifier")
    element.set("EncodingType", BASE64)
    element.set("ValueType", kind)
    element.text = base64.b64encode(value).decode("ascii")


def _issuer_serial(reference: Element, certificate: x509.Certificate) -> None:
    pair = etree.SubElement(etree.SubElement(reference, f"{{{DS}}}X509Data"), f"{{{DS}}}X509IssuerSerial")
    etree.SubElement(pair, f"{{{DS}}}X509IssuerName").text = certificate.issuer.rfc4514_string()
    etree.SubElement(pair, f"{{{DS}}}X509SerialNumber").text = str(certificate.serial_number)


def _path(certificate: x509.Certificate, chain: Sequence[x509.Certificate]) -> bytes:
    """PkiPath: the topmost authority first."""
    ordered = (*reversed(chain), certificate)
    return bytes(core.SequenceOf([core.Any.load(_der(one)) for one in ordered], spec=core.Any).dump())


def _key_identifier(certificate: x509.Certificate) -> bytes:
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except x509.ExtensionNotFound as fault:
        raise ValueError("the certificate has no subject key identifier") from fault


def _der(one: x509.Certificate) -> bytes:
    return one.public_bytes(Encoding.DER)
