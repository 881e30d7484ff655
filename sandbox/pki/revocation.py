"""Certificate revocation lists (RFC 5280 §5): full lists, one per authority, made when asked for."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from sandbox.faults import Rule
from sandbox.pki.authority import Authority
from sandbox.pki.hierarchy import Hierarchy, Issued
from sandbox.pki.identity import make_key

FRESH: Final = timedelta(days=1)


def revocation_list(hierarchy: Hierarchy, authority: Authority, rule: Rule | None = None) -> bytes:
    """Return the DER of an authority's list; `rule` is what is to be wrong with it (`stale`, `wrong_signature`)."""
    action = rule.action if rule else ""
    published = hierarchy.now() - (timedelta(days=8) if action == "stale" else timedelta(0))
    issuer = authority.identity.key
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(published)
        .next_update(published + FRESH)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()), critical=False)
        .add_extension(x509.CRLNumber(int(published.timestamp() * 1000)), critical=False)
    )
    for line in hierarchy.revoked(authority):
        if line.revoked_at is not None and line.revoked_at <= published:
            builder = builder.add_revoked_certificate(_entry(line))
    signer = make_key() if action == "wrong_signature" else issuer
    return builder.sign(signer, hashes.SHA256()).public_bytes(Encoding.DER)


def _entry(line: Issued) -> x509.RevokedCertificate:
    """One line of the list; `unspecified` is said by leaving the reason out (RFC 5280 §5.3.1)."""
    if line.revoked_at is None:
        raise ValueError(line.serial)
    builder = x509.RevokedCertificateBuilder().serial_number(int(line.serial, 16)).revocation_date(line.revoked_at)
    reason = x509.ReasonFlags(line.reason)
    if reason is not x509.ReasonFlags.unspecified:
        builder = builder.add_extension(x509.CRLReason(reason), critical=False)
    return builder.build()
