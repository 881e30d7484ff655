"""Pools, keys and names made to burn time end in a bounded number of steps, and nothing but NotValid comes out."""

from __future__ import annotations

import random
from datetime import datetime, timedelta, timezone

import pytest
from asn1crypto import keys as asn1_keys
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from trust_pki import AT, Holder, answer, crl, key, make, name_constraints, policies, san, world

from gateway.model.verdict import Judgement, NotValid
from gateway.signing.policy import COMPAT, PRODUCTION, Policy
from gateway.signing.trust import CONFORMANCE, Evidence, judge_ocsp, judge_x509, sorted_out, validate_chain
from gateway.signing.trust.limits import MAX_POOL, Budget


def reason(leaf: Holder, top: Holder, pool: list[Holder], policy: Policy = PRODUCTION) -> str:
    try:
        validate_chain(
            leaf.cert, pool=[one.cert for one in pool], trust=sorted_out([top.cert]), at=AT,
            evidence=Evidence(), policy=policy, purpose="any", rigour=CONFORMANCE,
        )  # fmt: skip
    except NotValid as fault:
        return fault.reason
    return "ok"


def test_a_complete_graph_of_authorities_ends() -> None:
    seeds = [make(f"CN=Knot {place}", ca=True) for place in range(12)]
    knot = [one.authority(f"CN=Knot {place}") for one in seeds for place, other in enumerate(seeds) if one is not other]
    assert reason(seeds[0].issue("CN=Leaf"), make("CN=Anchor", ca=True), knot) == "limit.exceeded"


def test_a_thousand_namesakes_end() -> None:
    top = make("CN=Anchor", ca=True)
    real = top.authority("CN=Middle", key_label="real middle")
    fakes = [make("CN=Middle", ca=True, key_label="fake middle", serial=1 + place) for place in range(1000)]
    assert reason(real.issue("CN=Leaf"), top, [*fakes, real]) == "ok"


def test_a_flood_is_refused() -> None:
    top, middle, leaf = world()
    with pytest.raises(NotValid) as refused:
        validate_chain(
            leaf.cert, pool=[middle.cert] * (MAX_POOL + 1), trust=sorted_out([top.cert]), at=AT,
            evidence=Evidence(), policy=PRODUCTION, purpose="any",
        )  # fmt: skip
    assert refused.value.reason == "limit.exceeded"


def test_a_path_longer_than_any_real_one_ends() -> None:
    top = make("CN=Anchor", ca=True)
    found, last = [], top
    for place in range(30):
        last = last.authority(f"CN=Step {place}")
        found.append(last)
    assert reason(last.issue("CN=Leaf"), top, found) == "chain.unknown"


def test_many_names_times_many_constraints_end() -> None:
    top = make("CN=Anchor", ca=True)
    middle = top.authority(
        "CN=Middle", extensions=[name_constraints(excluded=[x509.DNSName(f"h{place}.vn") for place in range(1500)])]
    )
    leaf = middle.issue("CN=Leaf", extensions=[san(*(x509.DNSName(f"a{place}.org") for place in range(1500)))])
    assert reason(leaf, top, [middle]) == "limit.exceeded"


def test_policies_that_multiply_end() -> None:
    top = make("CN=Anchor", ca=True)
    many = policies(*(f"1.2.3.{place}" for place in range(200)))
    found, last = [], top
    for place in range(10):
        last = last.authority(f"CN=Step {place}", extensions=[many])
        found.append(last)
    assert reason(last.issue("CN=Leaf", extensions=[many]), top, found) == "ok"
    flood = policies(*(f"1.2.3.{place}" for place in range(400)))
    assert reason(top.issue("CN=Leaf", extensions=[flood]), top, []) == "limit.exceeded"


def with_rsa(modulus: int, exponent: int) -> bytes:
    """The subjectPublicKeyInfo of an RSA key with these numbers."""
    spki = asn1_keys.PublicKeyInfo.load(
        key("rsa").public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    )
    spki["public_key"] = asn1_keys.RSAPublicKey({"modulus": modulus, "public_exponent": exponent})
    return spki.dump()


@pytest.mark.parametrize(
    ("modulus", "exponent"),
    # Ids by hand: pytest would write the numbers out.
    [
        ((1 << 16383) + 1, 65537),
        ((1 << 2047) + 1, (1 << 2000) + 1),
        ((1 << 2047) + 1, 1),
        ((1 << 2047) + 1, 65536),
        (0, 3),
        (1, 3),
        ((1 << 511) + 1, 65537),
        ((1 << 100_000) + 1, 65537),
    ],
    ids=["16k", "long exponent", "one", "even", "zero", "unit", "512", "100k"],
)
@pytest.mark.parametrize("policy", [PRODUCTION, COMPAT])
def test_an_unusable_rsa_key_is_refused_before_it_is_used(modulus: int, exponent: int, policy: Policy) -> None:
    top = make("CN=Anchor", ca=True)
    for place in (top.authority("CN=Middle"), top.issue("CN=Leaf")):
        parsed = asn1.Certificate.load(place.der)
        parsed["tbs_certificate"]["subject_public_key_info"] = asn1_keys.PublicKeyInfo.load(with_rsa(modulus, exponent))
        odd = Holder(x509.load_der_x509_certificate(parsed.dump(force=True)), None)
        leaf = place.issue("CN=Below")
        assert reason(odd, top, [], policy) in ("algorithm.forbidden", "algorithm.unsupported")
        assert reason(leaf, top, [odd], policy) != "ok"


def test_a_budget_is_spent_once() -> None:
    budget = Budget(units=2)
    budget.check()
    budget.check()
    with pytest.raises(NotValid):
        budget.compare()


def test_damaged_certificates_in_the_pool_do_not_stop_a_sound_path() -> None:
    top, middle, leaf = world()
    generator = random.Random(5280)
    damaged = []
    for _ in range(300):
        raw = bytearray(middle.der)
        for _ in range(3):
            raw[generator.randrange(len(raw))] = generator.randrange(256)
        try:
            damaged.append(Holder(x509.load_der_x509_certificate(bytes(raw)), None))
        except (ValueError, x509.InvalidVersion):
            continue
    assert damaged
    assert reason(leaf, top, [*damaged, middle]) == "ok"


def test_whatever_is_thrown_at_a_judgement_it_answers() -> None:
    top, middle, leaf = world()
    trust, sound = sorted_out([top.cert]), crl(middle)
    generator = random.Random(6960)
    for _ in range(400):
        pieces = [bytearray(one) for one in (leaf.der, middle.der, crl(top), sound)]
        victim = generator.choice(pieces)
        for _ in range(generator.randrange(1, 6)):
            victim[generator.randrange(len(victim))] = generator.randrange(256)
        raw, *detached = (bytes(one) for one in pieces)
        verdict = judge_x509(raw, trust=trust, detached=detached, at=AT, policy=PRODUCTION)
        untouched = raw == leaf.der
        assert verdict.judgement is not Judgement.VALID or untouched


@pytest.mark.parametrize(
    "at",
    [
        datetime(9999, 12, 31, 23, 59, tzinfo=timezone(timedelta(hours=-12))),
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
    ],
)
def test_a_moment_outside_the_calendar_is_no_question(at: datetime) -> None:
    top, middle, leaf = world()
    trust = sorted_out([top.cert, middle.cert])
    asked = {"trust": trust, "at": at, "policy": COMPAT}
    assert judge_x509(leaf.der, detached=(), **asked).reason == "question"
    assert judge_ocsp(answer(leaf, middle, middle), detached=(leaf.der,), **asked).reason == "question"
