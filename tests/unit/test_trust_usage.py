"""Which bit of KeyUsage a signer needs is the policy's to say; time stamps and OCSP are not touched by it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from trust_pki import AT, usage, world

from gateway.model.verdict import NotValid
from gateway.signing.policy import COMPAT
from gateway.signing.trust import Evidence, sorted_out, validate_chain

DIGITAL, LASTING = "digital_signature", "non_repudiation"


@pytest.mark.parametrize(
    ("bits", "asked", "good"),
    [
        ((DIGITAL,), {DIGITAL, LASTING}, True),
        (("content_commitment",), {DIGITAL, LASTING}, True),
        ((DIGITAL,), {LASTING}, False),
        (("content_commitment",), {LASTING}, True),
        (("content_commitment",), {DIGITAL}, False),
        ((DIGITAL, "content_commitment"), {LASTING}, True),
        (("key_encipherment",), {DIGITAL, LASTING}, False),
    ],
)
def test_a_signers_key_usage_must_hold_what_the_policy_asks(bits: tuple[str, ...], asked: set[str], good: bool) -> None:
    root, authority, _leaf = world()
    signer = authority.issue("signer", ku=usage(*bits))
    trust = sorted_out([root.cert, authority.cert])
    policy = replace(COMPAT, usages=frozenset(asked))

    def judged() -> None:
        validate_chain(signer.cert, pool=(), trust=trust, at=AT, evidence=Evidence(), policy=policy, purpose="signing")

    if good:
        judged()
    else:
        with pytest.raises(NotValid, match=r"chain\.usage"):
            judged()
