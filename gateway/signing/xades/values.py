"""Certificates and revocation data kept beside a signature (EN 319 132-1 §5.4): unsigned, judged like any other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from cryptography import x509

from gateway.formats.safexml import Element
from gateway.model.verdict import NotValid
from gateway.signing.trust import Evidence, armour
from gateway.signing.xades.encoding import base64_bytes
from gateway.signing.xades.names import XADES_141, children, text

MAX_VALUES: Final = 512
"""Certificates, CRLs and OCSP responses of one signature."""


@dataclass(slots=True)
class Values:
    """What was kept; *certificates* that cannot be read are left out, revocation data never is."""

    certificates: list[x509.Certificate] = field(default_factory=list)
    crls: list[bytes] = field(default_factory=list)
    ocsp: list[bytes] = field(default_factory=list)

    def evidence(self) -> Evidence:
        """Not binding: a writer's choice of what to keep must not oblige a certificate that names no source."""
        return Evidence(ocsp=tuple(self.ocsp), crls=tuple(self.crls), binding=False)


def read_values(unsigned: Element | None, form: str) -> Values:
    """CertificateValues and RevocationValues, also those inside TimeStampValidationData. Raises NotValid malformed
    (revocation data that is not base64), limit.exceeded.
    """
    found = Values()
    for about in children(unsigned, "UnsignedSignatureProperties", form) if unsigned is not None else ():
        for holder in (about, *children(about, "TimeStampValidationData", XADES_141)):
            _read_from(holder, form, found)
    return found


def _read_from(holder: Element, form: str, found: Values) -> None:
    for one in children(holder, "CertificateValues", form):
        for value in children(one, "EncapsulatedX509Certificate", form):
            _count(found)
            _add_certificate(found, text(value))
    for one in children(holder, "RevocationValues", form):
        _read_revocation(one, form, found)


def _read_revocation(one: Element, form: str, found: Values) -> None:
    kinds = (("CRLValues", "EncapsulatedCRLValue", found.crls), ("OCSPValues", "EncapsulatedOCSPValue", found.ocsp))
    for list_name, name, target in kinds:
        for group in children(one, list_name, form):
            for value in children(group, name, form):
                _count(found)
                target.append(base64_bytes(text(value), name))


def _count(found: Values) -> None:
    if len(found.certificates) + len(found.crls) + len(found.ocsp) >= MAX_VALUES:
        raise NotValid("limit.exceeded", f"more than {MAX_VALUES} certificates and answers", "UnsignedProperties")


def _add_certificate(found: Values, encoded: str) -> None:
    try:
        found.certificates.append(armour.certificate(base64_bytes(encoded, "EncapsulatedX509Certificate")))
    except NotValid:
        return
