"""Generated attacks on XML signatures: no forged byte is handed on, whatever the attack (issue 4, shown by 1)."""

from __future__ import annotations

import hashlib

import pytest

from gateway.formats import safexml
from gateway.model.verdict import Judgement, Scope, Verdict
from gateway.signing.policy import Policy
from gateway.signing.xmldsig import Canonical, NodeSet, canonical, signatures_in, uris
from tests.security.xmldsig_mutants import Original, mutants, originals
from tests.unit.xmldsig_tools import COMPAT, PRODUCTION, ask

ORIGINALS = originals()
LEAST = 1000


def _digests(verdict: Verdict) -> set[str]:
    return {part.sha256 for part in verdict.signed}


def _is_there(content: bytes, digest: str) -> bool:
    """Whether an element of *content* has these canonical octets: what is handed on must stand in the file."""
    root = safexml.parse(content).root
    whole = NodeSet(root, document=True, without=signatures_in(root))
    places = (whole, *(NodeSet(one) for one in root.iter("*")))
    return any(hashlib.sha256(canonical(one, Canonical())).hexdigest() == digest for one in places)


@pytest.mark.parametrize(
    ("original", "policy"),
    [*((one, PRODUCTION) for one in ORIGINALS), *((one, COMPAT) for one in (ORIGINALS[0], *ORIGINALS[-2:]))],
    ids=lambda one: one.name,
)
def test_no_attack_gets_a_forged_byte_handed_on(original: Original, policy: Policy) -> None:
    truth = ask(original.content, policy=policy)
    assert truth.judgement is Judgement.VALID and truth.signed
    count = valid = 0
    for name, content in mutants(original):
        verdict = ask(content, policy=policy)
        count += 1
        assert verdict.reason != "internal", name
        if verdict.judgement is Judgement.VALID:
            valid += 1
            assert _digests(verdict) == _digests(truth), name
            assert verdict.scope is not Scope.FULL or truth.scope is Scope.FULL, name
            assert verdict.signer == truth.signer, name
            assert all(_is_there(content, digest) for digest in _digests(verdict)), name
        else:
            assert not verdict.signed and verdict.scope is Scope.NONE, name
    assert 0 < valid < count / 4
    print(f"{original.name} under {policy.name}: {count} mutants, {valid} still hand on the original bytes, 0 forged")


def test_there_are_a_thousand_attacks_and_more() -> None:
    counts = {original.name: sum(1 for _ in mutants(original)) for original in ORIGINALS}
    every = {(name, content) for original in ORIGINALS for name, content in mutants(original)}
    distinct = {content for _, content in every}
    print(counts, len(distinct))
    assert sum(counts.values()) >= LEAST and len(distinct) >= LEAST


def test_the_oracle_sees_a_forged_byte() -> None:
    original = ORIGINALS[0]
    forged = original.content.replace(b">100<", b">999<")
    root = safexml.parse(forged).root
    body = next(one for one in root.iter("*") if "body" in one.attrib.values())
    digest = hashlib.sha256(canonical(NodeSet(body), Canonical(uris.EXC_C14N))).hexdigest()
    assert digest not in _digests(ask(original.content))
    assert not _is_there(original.content, digest) and _is_there(forged, digest)
