"""OCSP after RFC 6960: who may answer, for which certificate, and what is made of every kind of answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from asn1crypto import ocsp as asn1
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from trust_pki import AT, DAY, NO_CHECK, OCSP_SIGNING, Holder, Say, answer, crl, make, usage

from gateway.model.verdict import Judgement, NotValid
from gateway.signing.policy import PRODUCTION
from gateway.signing.trust import CONFORMANCE, OcspAnswer, judge_ocsp, sorted_out, verify_ocsp

Status = ocsp.OCSPCertStatus


@pytest.fixture(scope="module")
def ca() -> Holder:
    return make("CN=OCSP CA", ca=True)


@pytest.fixture(scope="module")
def leaf(ca: Holder) -> Holder:
    return ca.issue("CN=Leaf", serial=4711)


def ask(response: bytes, leaf: Holder, ca: Holder, *pinned: Holder, **wishes: object) -> OcspAnswer:
    trust = sorted_out([ca.cert, *(one.cert for one in pinned)])
    return verify_ocsp(response, leaf.cert, ca.cert, trust=trust, at=AT, policy=PRODUCTION, **wishes)


def refusal(response: bytes, leaf: Holder, ca: Holder, *pinned: Holder, **wishes: object) -> str:
    with pytest.raises(NotValid) as refused:
        ask(response, leaf, ca, *pinned, **wishes)
    return refused.value.reason


@pytest.mark.parametrize("digest", [hashes.SHA1(), hashes.SHA256(), hashes.SHA384(), hashes.SHA512()])
@pytest.mark.parametrize("by_key", [False, True])
def test_the_issuer_answers_for_itself(ca: Holder, leaf: Holder, digest: hashes.HashAlgorithm, by_key: bool) -> None:
    found = ask(answer(leaf, ca, ca, Say(digest=digest, by_key=by_key)), leaf, ca)
    assert (found.status, found.revoked_at, found.this_update) == ("good", None, AT - timedelta(hours=1))
    assert found.responder == ca.cert


def test_a_revocation_comes_with_date_and_reason(ca: Holder, leaf: Holder) -> None:
    said = Say(status=Status.REVOKED, revoked_at=AT - DAY, reason=x509.ReasonFlags.key_compromise)
    found = ask(answer(leaf, ca, ca, said), leaf, ca)
    assert (found.status, found.revoked_at, found.reason) == ("revoked", AT - DAY, "key_compromise")


def test_a_responder_may_not_know(ca: Holder, leaf: Holder) -> None:
    assert ask(answer(leaf, ca, ca, Say(status=Status.UNKNOWN)), leaf, ca).status == "unknown"


def delegated(ca: Holder, leaf: Holder, *, signer: Holder | None = None, sent: bool = True, **wishes: object) -> bytes:
    """An answer by a delegate with these wishes for its certificate."""
    wishes = {"extensions": [OCSP_SIGNING, NO_CHECK], **wishes}
    delegate = (signer or ca).issue("CN=Responder", **wishes)
    return answer(leaf, ca, delegate, Say(certs=[delegate.cert] if sent else []))


@pytest.mark.parametrize("extensions", [[OCSP_SIGNING, NO_CHECK], [OCSP_SIGNING]])
def test_a_delegate_of_the_issuer_may_answer(ca: Holder, leaf: Holder, extensions: list[object]) -> None:
    found = ask(delegated(ca, leaf, extensions=extensions), leaf, ca)
    assert found.status == "good"
    assert found.responder.subject.rfc4514_string() == "CN=Responder"


@pytest.mark.parametrize(
    ("wishes", "reason"),
    [
        ({"extensions": []}, "chain.usage"),
        ({"extensions": [(x509.ExtendedKeyUsage([x509.OID_SERVER_AUTH]), False)]}, "chain.usage"),
        ({"ku": usage("key_encipherment")}, "chain.usage"),
        ({"ends": AT - DAY}, "certificate.expired"),
        ({"begins": AT + DAY}, "certificate.not_yet"),
        ({"signer": make("CN=Stranger", ca=True)}, "chain.unknown"),
        ({"signer": make("CN=OCSP CA", ca=True, key_label="namesake")}, "chain.invalid"),
        ({"sent": False}, "chain.unknown"),
        ({"key_label": "rsa1024"}, "algorithm.forbidden"),
    ],
)
def test_who_is_not_entitled_answers_for_nobody(
    ca: Holder, leaf: Holder, wishes: dict[str, object], reason: str
) -> None:
    assert refusal(delegated(ca, leaf, **wishes), leaf, ca) == reason


def test_a_delegate_must_be_of_the_very_issuer_not_of_its_parent(ca: Holder) -> None:
    middle = ca.authority("CN=Below")
    leaf = middle.issue("CN=Leaf")
    assert refusal(delegated(middle, leaf, signer=ca), leaf, middle) == "chain.unknown"


def test_a_pinned_responder_may_answer_for_any_issuer(ca: Holder, leaf: Holder) -> None:
    elsewhere = make("CN=Elsewhere", ca=True)
    responder = elsewhere.issue("CN=Responder", extensions=[OCSP_SIGNING])
    response = answer(leaf, ca, responder)
    assert refusal(response, leaf, ca) == "chain.unknown"
    assert ask(response, leaf, ca, responder).status == "good"


def test_an_answer_about_another_certificate_is_none(ca: Holder, leaf: Holder) -> None:
    other = ca.issue("CN=Leaf", serial=4712)
    assert refusal(answer(other, ca, ca), leaf, ca) == "revocation.unknown"
    namesake = make("CN=OCSP CA", ca=True, key_label="another key")
    assert refusal(answer(leaf, namesake, ca), leaf, ca) == "revocation.unknown"


@pytest.mark.parametrize(
    ("say", "reason"),
    [
        (Say(forged=True), "signature.wrong"),
        (Say(begins=AT - 2 * DAY, ends=AT - timedelta(seconds=1)), "revocation.stale"),
        (Say(begins=AT - 2 * DAY, ends=None), "revocation.stale"),
    ],
)
def test_what_does_not_hold_is_refused(ca: Holder, leaf: Holder, say: Say, reason: str) -> None:
    assert refusal(answer(leaf, ca, ca, say), leaf, ca) == reason


def test_an_answer_from_later_counts_only_for_a_signature(ca: Holder, leaf: Holder) -> None:
    later = answer(leaf, ca, ca, Say(begins=AT + DAY, ends=AT + 2 * DAY))
    assert ask(later, leaf, ca).status == "good"
    assert refusal(later, leaf, ca, rigour=CONFORMANCE) == "revocation.unknown"


def test_an_answer_after_the_end_needs_an_archive(ca: Holder) -> None:
    ended = ca.issue("CN=Ended", ends=AT + DAY)
    later = answer(ended, ca, ca, Say(begins=AT + 3 * DAY, ends=AT + 4 * DAY))
    assert refusal(later, ended, ca) == "revocation.unknown"


def test_a_nonce_if_there_is_one_must_be_ours(ca: Holder, leaf: Holder) -> None:
    said = Say(extensions=[(x509.OCSPNonce(b"0123456789abcdef"), False)])
    ours = b"\x04\x10" + b"0123456789abcdef"
    assert ask(answer(leaf, ca, ca, said), leaf, ca, nonce=ours).status == "good"
    assert refusal(answer(leaf, ca, ca, said), leaf, ca, nonce=b"\x04\x02no") == "revocation.unknown"
    assert ask(answer(leaf, ca, ca), leaf, ca, nonce=ours).status == "good"


@pytest.mark.parametrize("status", [one for one in ocsp.OCSPResponseStatus if one.value])
def test_a_responder_that_does_not_answer_leaves_it_unknown(
    ca: Holder, leaf: Holder, status: ocsp.OCSPResponseStatus
) -> None:
    response = ocsp.OCSPResponseBuilder.build_unsuccessful(status).public_bytes(Encoding.DER)
    assert refusal(response, leaf, ca) == "revocation.unknown"


def edited(der: bytes, change: Callable[[asn1.BasicOCSPResponse], None]) -> bytes:
    basic = asn1.OCSPResponse.load(der)["response_bytes"]["response"].parsed
    change(basic)
    inside = asn1.BasicOCSPResponse.load(basic.dump(force=True))
    body = asn1.ResponseBytes({"response_type": "basic_ocsp_response", "response": inside})
    return asn1.OCSPResponse({"response_status": "successful", "response_bytes": body}).dump()


def flip_signature(basic: asn1.BasicOCSPResponse) -> None:
    raw = bytearray(basic["signature"].native)
    raw[-1] ^= 1
    basic["signature"] = bytes(raw)


def change_serial(basic: asn1.BasicOCSPResponse) -> None:
    basic["tbs_response_data"]["responses"][0]["cert_id"]["serial_number"] = 4712


def critical_extension(basic: asn1.BasicOCSPResponse) -> None:
    basic["tbs_response_data"]["response_extensions"] = [
        {"extn_id": "1.2.3.4.5", "critical": True, "extn_value": b"\x05\x00"}
    ]


@pytest.mark.parametrize(
    ("change", "reasons"),
    [
        (flip_signature, {"signature.wrong"}),
        (change_serial, {"revocation.unknown"}),
        (critical_extension, {"algorithm.unsupported"}),
    ],
)
def test_an_edited_answer_is_refused(
    ca: Holder, leaf: Holder, change: Callable[[asn1.BasicOCSPResponse], None], reasons: set[str]
) -> None:
    assert refusal(edited(answer(leaf, ca, ca), change), leaf, ca) in reasons


def test_no_flipped_byte_of_a_response_is_ever_valid(ca: Holder, leaf: Holder) -> None:
    response = answer(leaf, ca, ca)
    trust, detached = sorted_out([ca.cert]), [leaf.der]
    for place in range(len(response)):
        raw = bytearray(response)
        raw[place] ^= 1 << (place % 8)
        verdict = judge_ocsp(bytes(raw), trust=trust, detached=detached, at=AT, policy=PRODUCTION)
        assert verdict.judgement is not Judgement.VALID, place


@pytest.mark.parametrize("raw", [b"", b"\x30\x00", b"\x30\x03\x0a\x01\x00", b"\x30\x03\x0a\x01\x03", bytes(50)])
def test_bytes_that_are_no_response_are_never_valid(ca: Holder, leaf: Holder, raw: bytes) -> None:
    verdict = judge_ocsp(raw, trust=sorted_out([ca.cert]), detached=[leaf.der], at=AT, policy=PRODUCTION)
    assert verdict.judgement in (Judgement.MALFORMED, Judgement.INDETERMINATE)


@pytest.mark.parametrize(
    ("say", "reason"),
    [
        (Say(), "ok"),
        (Say(status=Status.REVOKED, revoked_at=AT - DAY), "certificate.revoked"),
        (Say(status=Status.UNKNOWN), "revocation.unknown"),
        (Say(begins=AT - 2 * DAY, ends=AT - DAY), "revocation.stale"),
        (Say(begins=AT + DAY, ends=AT + 2 * DAY), "revocation.unknown"),
        (Say(forged=True), "signature.wrong"),
    ],
)
@pytest.mark.parametrize("with_leaf", [True, False])
def test_a_response_file_is_judged(ca: Holder, leaf: Holder, say: Say, reason: str, with_leaf: bool) -> None:
    detached = [leaf.der] if with_leaf else [ca.der]
    raw = answer(leaf, ca, ca, say)
    verdict = judge_ocsp(raw, trust=sorted_out([ca.cert]), detached=detached, at=AT, policy=PRODUCTION)
    assert verdict.reason == reason
    if reason == "ok":
        assert (verdict.signed[0].path, verdict.signer) == ("tbsResponseData", "CN=OCSP CA")


def test_a_response_about_another_certificate_is_not_valid_for_this_one(ca: Holder, leaf: Holder) -> None:
    other = ca.issue("CN=Other", serial=1)
    raw = answer(leaf, ca, ca)
    verdict = judge_ocsp(raw, trust=sorted_out([ca.cert]), detached=[other.der], at=AT, policy=PRODUCTION)
    assert verdict.reason == "revocation.unknown"


def test_the_issuer_of_a_response_must_lead_to_an_anchor(ca: Holder) -> None:
    middle = ca.authority("CN=Below")
    leaf = middle.issue("CN=Leaf")
    raw, detached = answer(leaf, middle, middle), [leaf.der, middle.der]
    trust = sorted_out([ca.cert])
    assert judge_ocsp(raw, trust=trust, detached=detached, at=AT, policy=PRODUCTION).reason == "ok"
    strangers = sorted_out([make("CN=Nobody", ca=True).cert])
    verdict = judge_ocsp(raw, trust=strangers, detached=detached, at=AT, policy=PRODUCTION)
    assert verdict.reason == "chain.unknown"
    revoked = [*detached, crl(ca, [(middle.cert.serial_number, AT - DAY)])]
    verdict = judge_ocsp(raw, trust=trust, detached=revoked, at=AT, policy=PRODUCTION)
    assert verdict.reason == "certificate.revoked"
