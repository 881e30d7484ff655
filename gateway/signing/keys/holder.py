"""Whose key it is: its certificate, the authorities above it, and whether it is in force."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.model.verdict import NotValid
from gateway.ports.signing import KeyUnavailable, Scheme
from gateway.signing.keys import fault
from gateway.signing.keys.reading import read
from gateway.signing.keys.scheme import PublicKey, fitting
from gateway.signing.trust.armour import DECODING_FAULTS, blocks, certificates, decoding


@dataclass(frozen=True, slots=True)
class Holder:
    """A certificate that can belong to a key of this scheme. *chain*: DER, issuer first."""

    leaf: x509.Certificate
    certificate: bytes
    chain: tuple[bytes, ...]
    public: PublicKey
    scheme: Scheme

    def refusal(self, now: datetime) -> KeyUnavailable | None:
        """Why nothing may be signed at *now*: key.expired, also before the certificate's first day."""
        if now > self.leaf.not_valid_after_utc:
            return fault.expired(f"the certificate ended {self.leaf.not_valid_after_utc.isoformat()}")
        if now < self.leaf.not_valid_before_utc:
            begins = self.leaf.not_valid_before_utc.isoformat()
            return fault.expired(f"the certificate begins {begins}", temporary=True)
        return None


def holder(leaf: x509.Certificate, pool: Sequence[x509.Certificate], wanted: Scheme | None) -> Holder:
    """The holder *leaf* names, with what *pool* has of its chain. Raises key.unusable."""
    try:
        with decoding("the certificate"):
            own = leaf.public_key()
            scheme: Scheme = wanted or ("ecdsa" if isinstance(own, ec.EllipticCurvePublicKey) else "rsa-pkcs1v15")
            public = fitting(own, scheme)
            chain = tuple(one.public_bytes(Encoding.DER) for one in above(leaf, pool))
            return Holder(leaf, leaf.public_bytes(Encoding.DER), chain, public, scheme)
    except NotValid as refusal:
        raise fault.unusable(refusal.detail) from refusal


def above(leaf: x509.Certificate, pool: Sequence[x509.Certificate]) -> tuple[x509.Certificate, ...]:
    """The authorities of *leaf* in *pool*, each the issuer of the one before; what does not belong is left out."""
    found: list[x509.Certificate] = []
    current, left = leaf, list(pool)
    while issuer := next((one for one in left if _issued(one, current)), None):
        if issuer != leaf:
            found.append(issuer)
        left.remove(issuer)
        current = issuer
    return tuple(found)


def _issued(authority: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, *DECODING_FAULTS):
        return False
    return True


def certificates_in(*paths: Path | None) -> tuple[x509.Certificate, ...]:
    """The certificates in the files, in their order. Raises key.unusable, key.offline."""
    return tuple(itertools.chain.from_iterable(decoded(read(path), path.name) for path in paths if path))


def decoded(raw: bytes, name: str) -> tuple[x509.Certificate, ...]:
    """The certificates in PEM or DER; at least one. Raises key.unusable with *name*."""
    try:
        found = certificates(blocks(raw))
    except NotValid as refusal:
        raise fault.unusable(f"{name}: {refusal.detail}") from refusal
    if not found:
        raise fault.unusable(f"{name}: no certificate in it")
    return found
