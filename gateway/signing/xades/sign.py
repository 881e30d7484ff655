"""Making a XAdES baseline signature, level B (EN 319 132-1 §6): prepared here, signed elsewhere, completed here."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from asn1crypto import core, tsp
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from gateway.formats.safexml import Element
from gateway.ports.signing import DigestName, Scheme
from gateway.signing.trust.armour import decoding
from gateway.signing.xades.names import SIGNED_PROPERTIES, XADES
from gateway.signing.xmldsig import Canonical, NewReference, PreparedSignature, Transform
from gateway.signing.xmldsig import prepare as prepare_signature
from gateway.signing.xmldsig.uris import DS, ENC, EXC_C14N

_FORM: Final = f"{{{XADES}}}"


@dataclass(frozen=True, slots=True)
class SignedContent:
    """What is to be signed, and its media type, which DataObjectFormat states (§6.3)."""

    reference: NewReference
    media_type: str


def prepare(
    contents: Sequence[SignedContent],
    *,
    scheme: Scheme,
    certificate: x509.Certificate,
    chain: Sequence[x509.Certificate] = (),
    signed_at: datetime,
    signature_id: str,
    digest: DigestName = "sha256",
    place: Element | None = None,
    index: int | None = None,
    form: Canonical | None = None,
) -> PreparedSignature:
    """A signature over *contents* with SigningTime (*signed_at*, aware), SigningCertificateV2 and DataObjectFormat.

    *signature_id* starts all ids inside it and must be new in the document. *place*, *index*, *form*, *scheme* and
    *digest* are those of `xmldsig.prepare`. Raises NotValid signature.reference, signature.ambiguous, malformed.
    """
    numbered = [
        replace(one.reference, id=one.reference.id or f"{signature_id}-content-{place}")
        for place, one in enumerate(contents, 1)
    ]
    formats = [(about.id, one.media_type) for about, one in zip(numbered, contents, strict=True)]
    properties_id = f"{signature_id}-properties"
    own = NewReference(f"#{properties_id}", (Transform(EXC_C14N),), type=SIGNED_PROPERTIES)
    return prepare_signature(
        [*numbered, own],
        scheme=scheme,
        digest=digest,
        certificate=certificate,
        chain=chain,
        place=place,
        index=index,
        objects=[_qualifying(signature_id, properties_id, certificate, signed_at, formats)],
        signature_id=signature_id,
        value_id=f"{signature_id}-value",
        form=form,
    )


def _qualifying(
    signature_id: str,
    properties_id: str,
    certificate: x509.Certificate,
    signed_at: datetime,
    formats: Sequence[tuple[str, str]],
) -> Element:
    root = etree.Element(f"{_FORM}QualifyingProperties", {"Target": f"#{signature_id}"}, nsmap={"xades": XADES})
    signed = _child(root, "SignedProperties")
    signed.set("Id", properties_id)
    about_signature = _child(signed, "SignedSignatureProperties")
    _child(about_signature, "SigningTime", signed_at.isoformat(timespec="seconds"))
    _named_certificate(about_signature, certificate)
    about_content = _child(signed, "SignedDataObjectProperties")
    for reference_id, media_type in formats:
        one = _child(about_content, "DataObjectFormat")
        one.set("ObjectReference", f"#{reference_id}")
        _child(one, "MimeType", media_type)
    return root


def _named_certificate(parent: Element, certificate: x509.Certificate) -> None:
    """SigningCertificateV2 (§5.2.2) with the SHA-256 of the certificate, its issuer and number."""
    der = certificate.public_bytes(Encoding.DER)
    entry = _child(_child(parent, "SigningCertificateV2"), "Cert")
    digest = _child(entry, "CertDigest")
    method = etree.SubElement(digest, f"{{{DS}}}DigestMethod", nsmap={"ds": DS})
    method.set("Algorithm", f"{ENC}sha256")
    value = etree.SubElement(digest, f"{{{DS}}}DigestValue", nsmap={"ds": DS})
    value.text = _base64(hashlib.sha256(der).digest())
    with decoding("the certificate"):
        issuer = asn1.GeneralName("directory_name", asn1.Certificate.load(der).issuer)
        number = core.Integer(certificate.serial_number)
        _child(entry, "IssuerSerialV2", _base64(tsp.IssuerSerial({"issuer": [issuer], "serial_number": number}).dump()))


def _child(parent: Element, name: str, content: str | None = None) -> Element:
    element = etree.SubElement(parent, f"{_FORM}{name}")
    element.text = content
    return element


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
