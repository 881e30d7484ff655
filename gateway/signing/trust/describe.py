"""What a verdict says of a certificate: its subject (RFC 4514) and its fingerprint."""

from __future__ import annotations

import hashlib

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from gateway.signing.trust.armour import DECODING_FAULTS


def subject(certificate: x509.Certificate) -> str:
    """The subject by RFC 4514; "" if it is empty or cannot be decoded."""
    try:
        return certificate.subject.rfc4514_string()
    except DECODING_FAULTS:
        return ""


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 over the DER, in hex."""
    return hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).hexdigest()


def key_fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 over the SubjectPublicKeyInfo as the certificate holds it, in hex."""
    with_header = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(with_header).hexdigest()
