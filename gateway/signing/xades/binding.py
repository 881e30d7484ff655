"""Which certificate the signer meant: SigningCertificate and SigningCertificateV2 (EN 319 132-1 §5.2.2, TS 101 903
§7.2.2). A key alone may be in several certificates; the signed digest says which one counts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from asn1crypto import core, tsp
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.formats.safexml import Element
from gateway.model.verdict import NotValid
from gateway.signing.policy import Policy
from gateway.signing.trust.armour import DECODING_FAULTS, decoding
from gateway.signing.xades.encoding import base64_bytes
from gateway.signing.xades.names import children, digest_of, only, text
from gateway.signing.xades.properties import Properties
from gateway.signing.xades.signed import signature_properties
from gateway.signing.xmldsig import VerifiedSignature
from gateway.signing.xmldsig.uris import DS

MAX_ENTRIES: Final = 32
_WHERE: Final = "SigningCertificate"
_TYPE: Final = re.compile(r"(?:^|(?<!\\)[,;+])\s*+[A-Za-z0-9.\-]{1,60}\s*+=\s*+")
"""What stands between the values of a distinguished name in text."""


def bound_certificate(
    verified: VerifiedSignature, properties: Properties, *, candidates: Sequence[x509.Certificate], policy: Policy
) -> x509.Certificate:
    """The one of *candidates* (all with the key that signed) that the signed properties name.

    Without SigningCertificate and V2 the one in ds:KeyInfo, if that was itself signed (TS 101 903 §4.4.1). Raises
    NotValid signature.properties: neither, another certificate, issuer or number that is not the certificate's.
    """
    about = signature_properties(properties)
    old = only(about, "SigningCertificate", properties.form) if about is not None else None
    new = only(about, "SigningCertificateV2", properties.form) if about is not None else None
    if old is None and new is None:
        shown = [one for one in candidates if one in verified.embedded]
        if shown and _key_info_signed(verified):
            return shown[0]
        raise NotValid("signature.properties", "it is not said which certificate signed", _WHERE)
    left = list(candidates)
    for element in (one for one in (old, new) if one is not None):
        left = [one for one in left if _is_named(one, element, properties.form, policy)]
    if not left:
        raise NotValid("signature.properties", "it names another certificate than the one that signed", _WHERE)
    return left[0]


def _key_info_signed(verified: VerifiedSignature) -> bool:
    return verified.key_info is not None and any(
        one.element is verified.key_info and one.whole and not one.left_out for one in verified.references
    )


def _is_named(certificate: x509.Certificate, element: Element, form: str, policy: Policy) -> bool:
    entries = children(element, "Cert", form)
    if not 1 <= len(entries) <= MAX_ENTRIES:
        raise NotValid("signature.properties", f"not 1 to {MAX_ENTRIES} certificates", _WHERE)
    for entry in entries:
        if _has_digest(certificate, entry, form, policy):
            _check_issuer(certificate, entry, form)
            return True
    return False


def _has_digest(certificate: x509.Certificate, entry: Element, form: str, policy: Policy) -> bool:
    digest = only(entry, "CertDigest", form)
    if digest is None:
        raise NotValid("malformed", "a certificate without digest", _WHERE)
    # v1.1.1 has these two in its own namespace.
    method, value = only(digest, "DigestMethod", DS, form), only(digest, "DigestValue", DS, form)
    uri = method.get("Algorithm", "") if method is not None else ""
    expected = digest_of(uri, certificate.public_bytes(Encoding.DER), policy, _WHERE)
    return base64_bytes(text(value), _WHERE) == expected


def _check_issuer(certificate: x509.Certificate, entry: Element, form: str) -> None:
    old, new = only(entry, "IssuerSerial", form), only(entry, "IssuerSerialV2", form)
    if old is not None and not _is_issuer(certificate, old):
        raise NotValid("signature.properties", "another issuer or number than the certificate's", "IssuerSerial")
    if new is not None and not _is_issuer_v2(certificate, base64_bytes(text(new), "IssuerSerialV2")):
        raise NotValid("signature.properties", "another issuer or number than the certificate's", "IssuerSerialV2")


def _is_issuer(certificate: x509.Certificate, element: Element) -> bool:
    """The number exactly. Of the name the values only: its attribute types and order are written in many ways."""
    number = text(only(element, "X509SerialNumber", DS))
    if not re.fullmatch(r"[+-]?[0-9]{1,60}", number) or int(number) != certificate.serial_number:
        return False
    try:
        held = [str(one.value) for rdn in certificate.issuer.rdns for one in rdn]
    except DECODING_FAULTS:
        return True
    before, *values = map(_unescaped, _TYPE.split(text(only(element, "X509IssuerName", DS))))
    if before or any(one.startswith("#") or '"' in one or "\\" in one for one in values):
        return True  # A spelling we do not take apart; the digest has already said which certificate it is.
    return Counter(map(_folded, values)) == Counter(map(_folded, held))


def _unescaped(value: str) -> str:
    """RFC 4514 §3: a backslash before one special character; hexadecimal pairs are left as they are."""
    return re.sub(r'\\([ "#+,;<=>\\])', r"\1", value.strip())


def _folded(value: str) -> str:
    return " ".join(value.split()).casefold()


def _is_issuer_v2(certificate: x509.Certificate, der: bytes) -> bool:
    """IssuerSerial of RFC 5035 §5: one directoryName, and the number."""
    with decoding("IssuerSerialV2", "signature.properties"):
        found = tsp.IssuerSerial.load(der, strict=True)
        names = found["issuer"]
        issuer = asn1.Certificate.load(certificate.public_bytes(Encoding.DER)).issuer
        number = found["serial_number"]
        if not isinstance(number, core.Integer) or number.native != certificate.serial_number:
            return False
        return len(names) == 1 and names[0].name == "directory_name" and names[0].chosen == issuer
