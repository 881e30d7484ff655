"""What signed attributes say: type and digest of the content, the signer's certificate, the claimed time."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any, Final

from asn1crypto import cms, core, tsp
from asn1crypto import x509 as asn1

from gateway.model.verdict import NotValid
from gateway.signing.cms import ber
from gateway.signing.cms.algorithms import same
from gateway.signing.cms.model import Attributes, Signer
from gateway.signing.trust.armour import decoding
from gateway.signing.trust.node import name_key

CONTENT_TYPE: Final = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST: Final = "1.2.840.113549.1.9.4"
SIGNING_TIME: Final = "1.2.840.113549.1.9.5"
PROTECTION: Final = "1.2.840.113549.1.9.52"
SIGNING_CERTIFICATE: Final = "1.2.840.113549.1.9.16.2.12"
SIGNING_CERTIFICATE_V2: Final = "1.2.840.113549.1.9.16.2.47"
SIGNATURE_TIME_STAMP: Final = "1.2.840.113549.1.9.16.2.14"

_NAMED: Final = {"sha1", "sha224", "sha256", "sha384", "sha512", "sha3_256", "sha3_384", "sha3_512"}
"""Digests that may name a certificate. SHA-1 is the only one the older form has (RFC 2634 §5.4.1); to abuse it one
would need a second preimage that is a certificate with the same key.
"""


def sole(signed: Attributes, oid: str, what: str) -> bytes | None:
    """The one value of an attribute; None if it is absent. Raises NotValid signature.properties for several."""
    values = signed.get(oid)
    if values is None:
        return None
    if len(values) != 1:
        raise NotValid("signature.properties", f"the attribute {what} has not exactly one value")
    return values[0]


def content_type(signed: Attributes) -> str:
    """The contentType attribute. Raises NotValid signature.properties."""
    raw = sole(signed, CONTENT_TYPE, "contentType")
    if raw is None:
        raise NotValid("signature.properties", "the attribute contentType is missing")
    with decoding("the attribute contentType", "signature.properties"):
        return ber.oid(ber.Reader().one(raw))


def message_digest(signed: Attributes) -> bytes:
    """The messageDigest attribute. Raises NotValid signature.properties."""
    raw = sole(signed, MESSAGE_DIGEST, "messageDigest")
    if raw is None:
        raise NotValid("signature.properties", "the attribute messageDigest is missing")
    with decoding("the attribute messageDigest", "signature.properties"):
        reader = ber.Reader()
        return reader.octets(reader.one(raw))


def signing_time(signed: Attributes) -> datetime | None:
    """The claimed time (RFC 5652 §11.3), in UTC. Raises NotValid signature.properties."""
    raw = sole(signed, SIGNING_TIME, "signingTime")
    if raw is None:
        return None
    with decoding("the attribute signingTime", "signature.properties"):
        moment = cms.Time.load(raw, strict=True).native
        if not isinstance(moment, datetime):
            raise ValueError("not a time of our calendar")
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)


def check_protection(signer: Signer) -> None:
    """CMSAlgorithmProtection, where present, names the algorithms in use (RFC 6211). Raises signature.properties."""
    raw = sole(signer.signed, PROTECTION, "CMSAlgorithmProtection")
    if raw is None:
        return
    with decoding("the attribute CMSAlgorithmProtection", "signature.properties"):
        protection = cms.CMSAlgorithmProtection.load(raw, strict=True)
        signature = protection["signature_algorithm"]
        held = (
            not isinstance(signature, core.Void)
            and isinstance(protection["mac_algorithm"], core.Void)
            and same(protection["digest_algorithm"], signer.digest_algorithm)
            and same(signature, signer.algorithm)
        )
    if not held:
        raise NotValid("signature.properties", "the algorithms are not those that were signed")


def names_certificate(signed: Attributes, der: bytes) -> bool:
    """Whether ESS signing-certificate attributes are there and name the certificate *der* (RFC 5035 §3, §5.4).

    False where there is none. Raises NotValid signature.properties: of another certificate, empty, or malformed.
    """
    found = False
    for oid, kind in (
        (SIGNING_CERTIFICATE, tsp.SigningCertificate),
        (SIGNING_CERTIFICATE_V2, tsp.SigningCertificateV2),
    ):
        raw = sole(signed, oid, "signingCertificate")
        if raw is None:
            continue
        with decoding("the attribute signingCertificate", "signature.properties"):
            named = kind.load(raw, strict=True)["certs"]
            if not len(named) or not _names(named[0], der):
                raise NotValid("signature.properties", "the signed attributes name another certificate")
        found = True
    return found


def _names(identifier: Any, der: bytes) -> bool:
    digest = "sha1"
    if isinstance(identifier, tsp.ESSCertIDv2):
        digest = str(identifier["hash_algorithm"]["algorithm"].native)
    if digest not in _NAMED:
        raise NotValid("algorithm.unsupported", f"a certificate named by its {digest}")
    if hashlib.new(digest, der, usedforsecurity=False).digest() != identifier["cert_hash"].native:
        return False
    place = identifier["issuer_serial"]
    if isinstance(place, core.Void):
        return True
    certificate = asn1.Certificate.load(der)
    issuers = [name.chosen for name in place["issuer"] if name.name == "directory_name"]
    return len(issuers) == 1 and (
        name_key(issuers[0]) == name_key(certificate.issuer)
        and int(place["serial_number"].native) == certificate.serial_number
    )


def looks_like_attributes(content: bytes) -> bool:
    """Whether *content* could be the signed attributes of another signature, passed off as content without any."""
    if content[:1] != b"\x31":
        return False
    with decoding("the content", "signature.properties"):
        reader = ber.Reader()
        try:
            kinds = [ber.oid(reader.parts(one, ber.SEQUENCE)[0]) for one in reader.parts(reader.one(content))]
        except (ValueError, IndexError):
            return False
        return MESSAGE_DIGEST in kinds or CONTENT_TYPE in kinds
