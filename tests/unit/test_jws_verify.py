"""Which JWS hold, and that what holds is handed on exactly."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jws_tools import (
    OFFERED,
    PAYLOAD,
    SECRET,
    SHARED,
    b64,
    compact,
    digest,
    general,
    json_part,
    private_key,
    question,
    raw_signature,
    raw_trust,
    refused,
    rooted,
    verify,
    x5c,
)
from trust_pki import AT, DAY, crl, key, make, world

from gateway.model.verdict import Judgement, Scope
from gateway.signing import verify as door
from gateway.signing.jws import certificates, judge
from gateway.signing.policy import COMPAT, PRODUCTION
from gateway.signing.trust import Evidence, TrustStore, sorted_out

PUBLIC = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "ES256K", "EdDSA"]


@pytest.mark.parametrize("alg", PUBLIC)
def test_every_public_key_algorithm_gives_back_the_payload(alg: str) -> None:
    private = private_key(alg)
    assert verify(compact(alg, private), raw_trust(a=private)) == PAYLOAD


@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
def test_a_shared_key_counts_under_compat_only(alg: str) -> None:
    assert verify(compact(alg, SECRET), SHARED) == PAYLOAD
    assert refused(compact(alg, SECRET), SHARED, PRODUCTION).reason == "algorithm.forbidden"


@pytest.mark.parametrize("alg", ["EdDSA", "ES256K"])
def test_what_production_does_not_list_is_forbidden(alg: str) -> None:
    private = private_key(alg)
    assert refused(compact(alg, private), raw_trust(a=private), PRODUCTION).reason == "algorithm.forbidden"


def test_a_raw_key_does_not_count_in_production() -> None:
    assert refused(compact("ES256", key("a")), raw_trust(a=key("a")), PRODUCTION).reason == "key.untrusted"


def test_a_chain_to_an_anchor_names_the_signer() -> None:
    _, issuing, leaf = world()
    content = compact("ES256", leaf.key, header={"x5c": x5c(leaf, issuing)})
    verdict = judge(content, question(rooted(), PRODUCTION))
    assert (verdict.judgement, verdict.signer, verdict.scope) == (
        Judgement.VALID,
        leaf.cert.subject.rfc4514_string(),
        Scope.FULL,
    )
    assert [(part.path, part.sha256) for part in verdict.signed] == [("payload", digest(PAYLOAD))]
    assert verdict.certificate == digest(leaf.der)
    assert verdict.signatures == 1
    assert certificates(content) == (leaf.cert, issuing.cert)


def test_the_common_door_judges_a_jws() -> None:
    assert door.judge(compact("HS256", SECRET), question(SHARED)).judgement is Judgement.VALID
    assert door.judge(b"\x00", question(SHARED)).judgement is Judgement.MALFORMED


def test_a_chain_to_nowhere_is_indeterminate() -> None:
    stranger = make("CN=Stranger")
    content = compact("ES256", stranger.key, header={"x5c": x5c(stranger)})
    assert refused(content, rooted(), OFFERED).judgement is Judgement.INDETERMINATE


def test_a_revoked_signer_is_refused_by_a_detached_list() -> None:
    root, issuing, leaf = world()
    lists = {
        "a.crl": crl(issuing, [(leaf.cert.serial_number, AT - DAY)]),
        "b.crl": crl(root),
        "payload.json": PAYLOAD,
    }
    content = compact("ES256", leaf.key, header={"x5c": x5c(leaf, issuing)})
    assert refused(content, rooted(), OFFERED, detached=lists).reason == "certificate.revoked"
    fetched = Evidence(crls=(lists["a.crl"], lists["b.crl"]))
    assert refused(content, rooted(), OFFERED, evidence=fetched).reason == "certificate.revoked"


def test_thumbprints_beside_a_chain_must_be_the_signers() -> None:
    _, issuing, leaf = world()
    right = {"x5c": x5c(leaf, issuing), "x5t#S256": b64(hashlib.sha256(leaf.der).digest())}
    assert verify(compact("ES256", leaf.key, header=right), rooted(), OFFERED) == PAYLOAD
    wrong = {**right, "x5t#S256": b64(hashlib.sha256(issuing.der).digest())}
    assert refused(compact("ES256", leaf.key, header=wrong), rooted(), OFFERED).reason == "signature.properties"
    sha1 = {**right, "x5t": b64(hashlib.sha1(issuing.der).digest())}
    assert refused(compact("ES256", leaf.key, header=sha1), rooted(), OFFERED).reason == "signature.properties"


@pytest.mark.parametrize("hint", ["none", "kid hex", "kid base64url", "x5t", "x5t#S256"])
def test_a_pinned_certificate_signs_without_a_chain(hint: str) -> None:
    one, other = make("CN=One", issuer=make("CN=Gone", ca=True)), make("CN=Other", issuer=make("CN=Gone", ca=True))
    hints = {
        "none": {},
        "kid hex": {"kid": digest(one.der)},
        "kid base64url": {"kid": b64(hashlib.sha256(one.der).digest())},
        "x5t": {"x5t": b64(hashlib.sha1(one.der).digest())},
        "x5t#S256": {"x5t#S256": b64(hashlib.sha256(one.der).digest())},
    }
    trust = sorted_out([other.cert, one.cert])
    assert verify(compact("ES256", one.key, header=hints[hint]), trust, PRODUCTION) == PAYLOAD
    if hint != "none":
        assert refused(compact("ES256", other.key, header=hints[hint]), trust, PRODUCTION).reason == "signature.wrong"


def test_a_pinned_certificate_counts_within_its_validity_only() -> None:
    old = make("CN=Old", issuer=make("CN=Gone", ca=True), begins=AT - 9 * DAY, ends=AT - DAY)
    assert refused(compact("ES256", old.key), sorted_out([old.cert]), PRODUCTION).reason == "certificate.expired"


def test_kid_chooses_among_trusted_keys_and_is_else_a_hint() -> None:
    trust = raw_trust(a=key("a"), b=key("b"))
    assert verify(compact("ES256", key("b"), header={"kid": "b"}), trust) == PAYLOAD
    assert refused(compact("ES256", key("b"), header={"kid": "a"}), trust).reason == "signature.wrong"
    assert verify(compact("ES256", key("b"), header={"kid": "2026-11"}), trust) == PAYLOAD
    assert refused(compact("ES256", key("c"), header={"kid": "2026-11"}), trust).reason == "key.untrusted"


def test_a_key_that_only_the_message_brings_is_not_trusted() -> None:
    numbers = key("rsa mine").public_key().public_numbers()
    jwk = {"kty": "RSA", "n": b64(numbers.n.to_bytes(256)), "e": "AQAB"}
    for extra in ({"jwk": jwk}, {"jku": "https://example.org/keys"}, {"x5u": "https://example.org/x"}):
        content = compact("RS256", key("rsa mine"), header=extra)
        assert refused(content, TrustStore(), COMPAT).reason == "key.untrusted"
        assert refused(content, raw_trust(other=key("rsa other")), COMPAT).reason == "signature.wrong"


def test_flattened_and_general_json_hold_like_the_compact_form() -> None:
    part = json_part("ES256", key("a"), {"alg": "ES256"}, {"kid": "a"})
    trust = raw_trust(a=key("a"), r=key("rsa r"))
    assert verify(json.dumps({"payload": b64(PAYLOAD), **part}).encode(), trust) == PAYLOAD
    second = json_part("RS256", key("rsa r"), {}, {"alg": "RS256", "kid": "r"})
    verdict = judge(general(part, second), question(trust))
    assert (verdict.signatures, verdict.signer) == (2, "a")


def test_every_signature_must_hold_and_the_failing_one_is_named() -> None:
    good = json_part("ES256", key("a"), {"alg": "ES256"})
    bad = json_part("ES256", key("c"), {"alg": "ES256"})
    found = refused(general(good, bad), raw_trust(a=key("a")))
    assert (found.reason, found.where) == ("signature.wrong", "signatures[1]")


def test_a_detached_payload_is_the_one_handed_in() -> None:
    content, trust = compact("ES256", key("a"), detached=True), raw_trust(a=key("a"))
    stranger = make("CN=Beside").der
    assert verify(content, trust, detached={"x.json": PAYLOAD}) == PAYLOAD
    assert verify(content, trust, detached={"x.json": PAYLOAD, "c.cer": stranger}) == PAYLOAD
    assert verify(content, trust, detached={"x.json": b"1", "payload.bin": PAYLOAD}) == PAYLOAD
    assert refused(content, trust, detached={"x.json": PAYLOAD + b" "}).reason == "signature.wrong"
    assert refused(content, trust, detached={"x": PAYLOAD, "y": b""}).reason == "signature.reference"
    assert refused(content, trust).reason == "signature.reference"
    lonely = json_part("ES256", key("a"), {"alg": "ES256"})
    assert verify(general(lonely, payload=None), trust, detached={"x.json": PAYLOAD}) == PAYLOAD
    assert refused(general(lonely, payload=None), trust).reason == "signature.reference"


def test_a_detached_payload_that_looks_like_der_is_no_broken_revocation_list() -> None:
    _, issuing, leaf = world()
    text = b"0123 is the number"
    content = compact("ES256", leaf.key, payload=text, header={"x5c": x5c(leaf, issuing)}, detached=True)
    assert verify(content, rooted(), OFFERED, detached={"x.txt": text}) == text


def test_an_empty_payload_may_be_signed() -> None:
    assert verify(compact("ES256", key("a"), payload=b""), raw_trust(a=key("a"))) == b""


def test_an_unencoded_payload_is_signed_as_it_is() -> None:
    extra, trust = {"b64": False, "crit": ["b64"]}, raw_trust(a=key("a"))
    text = b"$.02-number"
    detached = compact("ES256", key("a"), payload=text, header=extra, detached=True)
    assert verify(detached, trust, detached={"x": text}) == text
    plain = compact("ES256", key("a"), payload=b"no dots here", header=extra)
    assert verify(plain, trust) == b"no dots here"
    first = b64(json.dumps({"alg": "ES256", **extra}).encode())
    value = b64(raw_signature("ES256", key("a"), f"{first}.".encode() + text))
    whole = {"payload": text.decode(), "protected": first, "signature": value}
    assert verify(json.dumps(whole).encode(), trust) == text


def test_the_example_of_rfc_7515_appendix_a1_holds() -> None:
    """The key, header, payload and signature are those of the RFC."""
    secret = base64.urlsafe_b64decode(
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow=="
    )
    content = (
        b"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
        b"cGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    )
    trust = TrustStore(shared_keys=(("rfc", secret),))
    assert json.loads(verify(content, trust)) == {
        "iss": "joe",
        "exp": 1300819380,
        "http://example.com/is_root": True,
    }


def test_a_weak_key_is_forbidden_by_policy() -> None:
    weak = rsa.generate_private_key(65537, 1024)
    holder = make("CN=Weak", key_label="rsa1024 weak", issuer=world()[1])
    content = compact("RS256", holder.key, header={"x5c": x5c(holder)})
    assert refused(content, rooted(), OFFERED).reason == "algorithm.forbidden"
    assert verify(compact("RS256", weak), raw_trust(w=weak), COMPAT) == PAYLOAD
