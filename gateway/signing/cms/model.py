"""The values of CMS: a message taken apart, what is asked of it, and what a verified signer stands for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from cryptography import x509

from gateway.signing.trust.model import Evidence

ID_DATA: Final = "1.2.840.113549.1.7.1"
"""Content of no particular form (RFC 5652 §4)."""
ID_TST_INFO: Final = "1.2.840.113549.1.9.16.1.4"
"""The content of a time stamp (RFC 3161 §2.4.2)."""

Attributes = Mapping[str, tuple[bytes, ...]]
"""Dotted OID to the DER (or, where it came so, BER) of each value, in their order."""


@dataclass(frozen=True, slots=True)
class Signer:
    """One SignerInfo (RFC 5652 §5.3), not verified. *digest*: the policy's name of digestAlgorithm, like "sha256".

    *key_id* is the subjectKeyIdentifier, or *issuer* (DER of the name) and *serial* are set. *signed_forms*: the
    attributes encoded as SET OF, as they stand and in DER; () where there are none. *digest_algorithm*,
    *algorithm*: asn1crypto's DigestAlgorithm and SignedDigestAlgorithm as they stand in the message.
    """

    version: int
    issuer: bytes | None
    serial: int | None
    key_id: bytes | None
    digest: str
    digest_algorithm: Any
    algorithm: Any
    signature: bytes
    signed: Attributes
    signed_forms: tuple[bytes, ...]
    unsigned: Attributes


@dataclass(frozen=True, slots=True)
class SignedCms:
    """A SignedData, well-formed and not verified. *content* is None where it is detached.

    *certificates* and *evidence*: all that could be read of what is inside; *unread*: how many other certificates are.
    """

    content_type: str
    content: bytes | None
    signers: tuple[Signer, ...]
    certificates: tuple[x509.Certificate, ...]
    evidence: Evidence
    unread: int = 0


@dataclass(frozen=True, slots=True)
class Rules:
    """What a caller insists on, beside RFC 5652.

    *content_type*: the expected type of content (None: any). *signed_attributes*: they must be there. *bound*: the
    signed attributes must name the signer's certificate (ESS signing-certificate, RFC 5035; CAdES, PAdES, RFC 3161).
    *signer*: which of several signers; None wants exactly one.
    """

    content_type: str | None = ID_DATA
    signed_attributes: bool = False
    bound: bool = False
    signer: int | None = None


@dataclass(frozen=True, slots=True)
class SignedContent:
    """What one signer signed, verified except for the standing of *certificate*.

    *content*: exactly the bytes signed if they were inside, or handed in as bytes; None where only a digest was handed
    in. *certificates*: all that came inside, the signer's first. *evidence*: revocation data inside (SignedData.crls,
    RFC 5652 §10.2.1, RFC 5940; CAdES revocation-values; Adobe's revocationInfoArchival). *signing_time*: claimed,
    aware; None if absent. *stamps*: DER of the signature-time-stamp tokens (CAdES) over *signature*, not verified.
    name *certificate*.
    """

    content_type: str
    content: bytes | None
    certificate: x509.Certificate
    certificates: tuple[x509.Certificate, ...]
    evidence: Evidence
    signing_time: datetime | None
    signature: bytes
    stamps: tuple[bytes, ...]
    digest: str
    digest_value: bytes
    attributes: Attributes
    unsigned: Attributes
    bound: bool
