"""Whether the key behind a verified signature is believed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cryptography import x509

from gateway.model.verdict import NotValid
from gateway.signing.question import Question
from gateway.signing.trust import describe
from gateway.signing.trust.chain import validate_chain
from gateway.signing.trust.model import Evidence, joined
from gateway.signing.xmldsig.model import Signer, VerifiedSignature

_MAX_CERTIFICATES = 4
"""Certificates with one key whose chains are tried."""
_NO_CHAIN = frozenset({"chain.unknown", "algorithm.forbidden"})


def trusted_signer(
    verified: VerifiedSignature,
    *,
    question: Question,
    at: datetime | None = None,
    pool: Sequence[x509.Certificate] = (),
    evidence: Evidence | None = None,
) -> Signer:
    """The signer, believed as of *at* (the question's time if not given), by chain or as a raw key of the trust store.

    Of several certificates with the signing key the first with a chain that holds is taken. Where none leads anywhere,
    a key that the store also holds bare is believed as that; a revoked certificate stays one. *pool* and *evidence*
    come beside what KeyInfo and the question hold. Raises NotValid key.untrusted and what `validate_chain` raises.
    """
    signer = verified.signer
    if not signer.certificates:
        allowed = question.policy.hmac if isinstance(signer.key, bytes) else question.policy.raw_keys
        if not signer.trusted or not allowed:
            raise NotValid("key.untrusted", "a bare key", signer=signer.name)
        return Signer(signer.name)
    everything = joined(question.evidence, evidence or Evidence())
    first: NotValid | None = None
    for certificate in signer.certificates[:_MAX_CERTIFICATES]:
        try:
            chain = validate_chain(
                certificate,
                pool=(*verified.embedded, *pool),
                trust=question.trust,
                at=at or question.at,
                evidence=everything,
                policy=question.policy,
                purpose="signing",
            )
        except NotValid as fault:
            first = first or fault
        else:
            return Signer(describe.subject(certificate), certificate, chain)
    if first is not None and signer.trusted and question.policy.raw_keys and first.reason in _NO_CHAIN:
        return Signer(signer.name)
    raise first or NotValid("key.untrusted", "no certificate")
