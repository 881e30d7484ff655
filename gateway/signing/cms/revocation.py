"""Revocation data and certificates that travel inside a CMS message, as evidence (nothing of it is believed here).

It is not binding: a sender's choice of what to enclose must not oblige a certificate that names no source.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from cryptography import x509

from gateway.model.verdict import NotValid
from gateway.signing.cms import ber
from gateway.signing.cms.ber import Fields, Reader, Value
from gateway.signing.cms.model import Attributes
from gateway.signing.trust import armour
from gateway.signing.trust.armour import decoding
from gateway.signing.trust.model import Evidence

MAX_PIECES: Final = 512

_OCSP_RESPONSE: Final = "1.3.6.1.5.5.7.16.2"
_OCSP_BASIC: Final = "1.3.6.1.5.5.7.48.1.1"
_REVOCATION_VALUES: Final = "1.2.840.113549.1.9.16.2.24"
_CERTIFICATE_VALUES: Final = "1.2.840.113549.1.9.16.2.23"
_ADOBE_ARCHIVAL: Final = "1.2.840.113583.1.1.8"
_SUCCESSFUL: Final = b"\x0a\x01\x00"
_BASIC_DER: Final = bytes.fromhex("06092b0601050507300101")


def of_message(reader: Reader, value: Value) -> Evidence:
    """The evidence in SignedData.crls (RFC 5652 §10.2.1, OCSP by RFC 5940). Raises NotValid limit.exceeded."""
    crls: list[bytes] = []
    ocsp: list[bytes] = []
    for part in _counted(reader.parts(value)):
        if part.tag == ber.SEQUENCE:
            crls.append(part.der)
        elif part.tag == ber.ZERO + 1:
            kind, inner = reader.parts(part)
            if ber.oid(kind) == _OCSP_RESPONSE:
                ocsp.append(inner.der)
            elif ber.oid(kind) == _OCSP_BASIC:
                ocsp.append(_response(inner.der))
    return Evidence(ocsp=tuple(ocsp), crls=tuple(crls), binding=False)


def of_attributes(signed: Attributes, unsigned: Attributes) -> Evidence:
    """The evidence in Adobe's signed revocationInfoArchival and CAdES' unsigned revocation-values (ETSI EN 319 122-1
    §A.1.2). Raises NotValid malformed, limit.exceeded.
    """
    crls: list[bytes] = []
    ocsp: list[bytes] = []
    with decoding("the revocation values"):
        for raw in signed.get(_ADOBE_ARCHIVAL, ()):
            for tag, value in _listed(raw, 3):
                if tag < 2:
                    (crls, ocsp)[tag].append(value.der)
        for raw in unsigned.get(_REVOCATION_VALUES, ()):
            for tag, value in _listed(raw, 3):
                if tag < 2:
                    (crls, ocsp)[tag].append(value.der if tag == 0 else _response(value.der))
    return Evidence(ocsp=tuple(ocsp), crls=tuple(crls), binding=False)


def certificate_values(unsigned: Attributes) -> tuple[x509.Certificate, ...]:
    """The readable certificates in CAdES' certificate-values (ETSI EN 319 122-1 §A.1.1)."""
    found = []
    with decoding("the certificate values"):
        reader = Reader()
        for raw in unsigned.get(_CERTIFICATE_VALUES, ()):
            for value in _counted(reader.parts(reader.one(raw), ber.SEQUENCE)):
                try:
                    found.append(armour.certificate(value.der))
                except NotValid:
                    continue
    return tuple(found)


def _listed(raw: bytes, kinds: int) -> Iterator[tuple[int, Value]]:
    """The members of a SEQUENCE of lists, each list under an explicit context tag, with the tag's number."""
    reader = Reader()
    fields = Fields(reader.parts(reader.one(raw), ber.SEQUENCE))
    for tag in range(kinds):
        member = fields.optional(ber.ZERO + tag)
        if member is None or tag == 2:
            continue
        for value in _counted(reader.parts(reader.sole(member), ber.SEQUENCE)):
            yield tag, value
    fields.end()


def _counted(values: list[Value]) -> Iterable[Value]:
    if len(values) > MAX_PIECES:
        raise NotValid("limit.exceeded", f"more than {MAX_PIECES} pieces of evidence in a message")
    return values


def _response(basic: bytes) -> bytes:
    """The OCSPResponse around a BasicOCSPResponse (RFC 6960 §4.2.1)."""
    body = ber.encode(ber.SEQUENCE, _BASIC_DER + ber.encode(ber.OCTETS, basic))
    return ber.encode(ber.SEQUENCE, _SUCCESSFUL + ber.encode(ber.ZERO, body))
