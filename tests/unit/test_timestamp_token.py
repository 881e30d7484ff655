"""A time stamp proves a time only if everything about it holds: statement, imprint, signature, authority."""

from __future__ import annotations

import functools
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asn1crypto import tsp
from asn1crypto import x509 as asn1
from cms_maker import (
    DATA,
    ESS,
    ESS_V2,
    HOUR,
    STAMPER,
    Make,
    attributes,
    authority,
    ess_v1,
    message,
    response,
    statement,
    token,
)
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st
from trust_pki import AT, DAY, Holder, access, crl, entry, key, make, point, points, world

from gateway.model.verdict import Judgement, NotValid, Scope, Verdict
from gateway.signing import timestamp, verify
from gateway.signing.policy import COMPAT, PRODUCTION, Policy
from gateway.signing.question import Question
from gateway.signing.timestamp import Stamp
from gateway.signing.timestamp.client import request
from gateway.signing.timestamp.statement import Imprint
from gateway.signing.trust import Evidence, sorted_out

CONTENT = b"Noi dung cong van so 12/UBND"
TST_INFO = "1.2.840.113549.1.9.16.1.4"


@functools.cache
def tsa() -> Holder:
    return authority(world()[1])


def ask(
    *trusted: x509.Certificate,
    at: datetime = AT + HOUR,
    policy: Policy = COMPAT,
    detached: dict[str, bytes] | None = None,
    evidence: Evidence = Evidence(),  # noqa: B008 (frozen)
) -> Question:
    root, issuing, _ = world()
    store = sorted_out(trusted or (root.cert, issuing.cert))
    return Question("tsr", store, at, policy, detached or {}, evidence)


def held(raw: bytes, question: Question | None = None, *, imprinted: Any = CONTENT, **more: Any) -> Stamp:
    return timestamp.verify_stamp(raw, imprinted=imprinted, question=question or ask(), **more)


def refused(raw: bytes, question: Question | None = None, **more: Any) -> tuple[str, str]:
    with pytest.raises(NotValid) as caught:
        held(raw, question, **more)
    assert caught.value.where == "time stamp"
    return caught.value.reason, caught.value.detail


def judged(raw: bytes, **more: Any) -> Verdict:
    return verify.judge(raw, ask(**more))


def test_a_good_stamp_says_when_by_whom_and_over_what() -> None:
    stamp = held(token(CONTENT, tsa(), accuracy={"seconds": 1, "millis": 500, "micros": 7}, nonce=99))
    assert stamp.at == AT
    assert stamp.accuracy == timedelta(seconds=1, milliseconds=500, microseconds=7)
    assert stamp.latest == AT + stamp.accuracy
    assert stamp.certificate == tsa().cert
    assert stamp.digest == ("sha256", hashlib.sha256(CONTENT).digest())
    assert (stamp.policy, stamp.serial, stamp.nonce) == ("2.999.1", 7, 99)
    assert stamp.signed == statement(CONTENT, accuracy={"seconds": 1, "millis": 500, "micros": 7}, nonce=99)
    assert stamp.chain.leaf == tsa().cert


def test_the_imprint_may_be_given_as_a_way_to_digest() -> None:
    raw = token(CONTENT, tsa(), name="sha512")
    assert held(raw, imprinted=lambda name: hashlib.new(name, CONTENT).digest()).digest[0] == "sha512"
    assert refused(raw, imprinted=lambda name: bytes(64))[0] == "timestamp.invalid"
    assert held(raw, imprinted=None).digest == ("sha512", hashlib.sha512(CONTENT).digest())


def test_a_stamp_over_other_content_is_invalid() -> None:
    reason, detail = refused(token(CONTENT + b"!", tsa()))
    assert (reason, detail) == ("timestamp.invalid", "the time stamp is over other content")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (b"20260102030405Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        (b"20260102030405.1Z", datetime(2026, 1, 2, 3, 4, 5, 100_000, tzinfo=UTC)),
        (b"20260102030405.123456Z", datetime(2026, 1, 2, 3, 4, 5, 123_456, tzinfo=UTC)),
        (b"20260102030405.123456789Z", datetime(2026, 1, 2, 3, 4, 5, 123_456, tzinfo=UTC)),
    ],
)
def test_the_time_may_have_a_fraction(written: bytes, expected: datetime) -> None:
    assert held(token(CONTENT, tsa(), at=written), ask(at=expected + DAY)).at == expected


@pytest.mark.parametrize(
    "written",
    [
        b"20260102030405",
        b"20260102030405+0700",
        b"202601020304Z",
        b"20260102030405.Z",
        b"20260102030405,5Z",
        b"20261302030405Z",
        b"20260102030461Z",
        b"2026010203040\xc2\xb2Z",
        b"",
    ],
)
def test_a_time_that_is_not_gmt_with_seconds_is_malformed(written: bytes) -> None:
    raw = token(CONTENT, tsa(), at=written)
    assert refused(raw)[0] == "timestamp.invalid"
    assert judged(raw).judgement is Judgement.MALFORMED


def test_a_stamp_from_the_future_proves_nothing_yet() -> None:
    raw = token(CONTENT, tsa())
    assert held(raw, ask(at=AT - timedelta(minutes=4))).at == AT
    assert refused(raw, ask(at=AT - timedelta(minutes=6)))[0] == "timestamp.unknown"


@pytest.mark.parametrize("at", [datetime.max, datetime.min])
def test_a_question_at_the_end_of_the_calendar_is_answered(at: datetime) -> None:
    assert judged(token(CONTENT, tsa()), at=at.replace(tzinfo=UTC)).reason in ("ok", "timestamp.unknown")


@pytest.mark.parametrize(
    "stated",
    [
        {"version": 2},
        {"accuracy": {"millis": 1000}},
        {"accuracy": {"micros": 0}},
        {"accuracy": {"seconds": -1}},
        {"tsa": asn1.GeneralName("directory_name", asn1.Name.build({"common_name": "Another"}))},
        {"tsa": asn1.GeneralName("dns_name", "tsa.example.vn")},
        {"message_imprint": {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": b"short"}},
    ],
)
def test_a_statement_that_does_not_hold_together_is_invalid(stated: dict[str, Any]) -> None:
    assert refused(token(CONTENT, tsa(), **stated), imprinted=None)[0] == "timestamp.invalid"


def test_the_authority_may_be_named_as_its_certificate_names_it() -> None:
    own = asn1.Certificate.load(tsa().der)
    assert held(token(CONTENT, tsa(), tsa=asn1.GeneralName("directory_name", own.subject))).serial == 7
    names = x509.SubjectAlternativeName([x509.DNSName("tsa.example.vn")])
    named = authority(world()[1], subject="CN=Named,O=Test,C=VN", extensions=[(names, False)])
    assert held(token(CONTENT, named, tsa=asn1.GeneralName("dns_name", "tsa.example.vn"))).serial == 7


def test_a_critical_extension_is_not_passed_over() -> None:
    for critical, expected in ((True, "timestamp.unknown"), (False, "")):
        extension = tsp.Extension({"extn_id": "1.2.3", "critical": critical, "extn_value": b"\x05\x00"})
        raw = token(CONTENT, tsa(), extensions=[extension])
        if expected:
            assert refused(raw)[0] == expected
            assert judged(raw).judgement is Judgement.UNSUPPORTED
        else:
            assert held(raw).serial == 7


def test_the_statement_is_covered_by_the_signature() -> None:
    raw = token(CONTENT, tsa())
    digest = hashlib.sha256(CONTENT).digest()
    other = raw.replace(digest, hashlib.sha256(b"other").digest())
    assert refused(other, imprinted=b"other")[0] == "timestamp.invalid"


def test_a_stamp_signed_with_another_key_is_invalid() -> None:
    reason, detail = refused(token(CONTENT, tsa(), Make(signed_by=key("stranger"))))
    assert reason == "timestamp.invalid"
    assert "signature.wrong" in detail


def test_the_certificate_must_be_named_by_the_signed_attributes() -> None:
    for change in ("absent", "other"):
        signed = attributes(statement(CONTENT), tsa(), kind=TST_INFO)
        signed.pop(ESS_V2)
        if change == "other":
            signed[ESS] = [ess_v1(b"other")]
        assert refused(token(CONTENT, tsa(), Make(attributes=signed)))[0] == "timestamp.invalid"
    signed[ESS] = [ess_v1(tsa().der)]
    assert held(token(CONTENT, tsa(), Make(attributes=signed))).serial == 7


def test_a_token_has_signed_attributes_one_signer_and_the_right_content() -> None:
    assert refused(token(CONTENT, tsa(), Make(attributes=None)))[0] == "timestamp.invalid"
    assert refused(token(CONTENT, tsa(), Make(signers=2)))[0] == "timestamp.invalid"
    assert refused(message(statement(CONTENT), tsa(), Make(kind=DATA)))[0] == "timestamp.invalid"
    assert refused(token(CONTENT, tsa(), Make(detached=True)))[0] == "timestamp.invalid"


def purposes(*extra: Any, critical: bool = True) -> tuple[x509.ExtendedKeyUsage, bool]:
    return x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING, *extra]), critical


@pytest.mark.parametrize(
    "extensions",
    [
        [],
        [purposes(critical=False)],
        [purposes(ExtendedKeyUsageOID.EMAIL_PROTECTION)],
        [(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), True)],
        [(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]), True)],
    ],
)
def test_a_certificate_that_is_not_for_time_stamps_alone_makes_none_even_when_pinned(extensions: Any) -> None:
    wrong = world()[1].issue("CN=Not a TSA,O=Test,C=VN", extensions=extensions)
    raw = token(CONTENT, wrong)
    assert refused(raw)[0] == "timestamp.invalid"
    assert refused(raw, ask(wrong.cert))[0] == "timestamp.invalid"


def test_a_pinned_authority_needs_no_chain() -> None:
    own = make("CN=Lone TSA,O=Test,C=VN", extensions=[STAMPER], constraints=None, key_label="lone")
    stranger = authority(make("CN=Elsewhere,O=Test,C=VN", ca=True), subject="CN=Pinned TSA,O=Test,C=VN")
    assert refused(token(CONTENT, stranger))[0] == "timestamp.unknown"
    assert held(token(CONTENT, stranger), ask(stranger.cert)).chain.standing == "pinned"
    assert held(token(CONTENT, own), ask(own.cert)).chain.standing == "pinned"


def test_the_chain_is_judged_at_the_time_of_the_stamp() -> None:
    short = authority(world()[1], subject="CN=Short TSA,O=Test,C=VN", begins=AT - DAY, ends=AT + HOUR)
    raw = token(CONTENT, short)
    assert held(raw, ask(at=AT + 300 * DAY)).at == AT
    for at in (AT - 2 * DAY, AT + 2 * HOUR):
        reason, _ = refused(token(CONTENT, short, at=at), ask(at=AT + 300 * DAY))
        assert reason in ("timestamp.invalid", "timestamp.unknown")


def test_the_authoritys_certificate_may_come_from_beside() -> None:
    raw = token(CONTENT, tsa(), Make(certificates=[]))
    assert refused(raw)[0] == "timestamp.unknown"
    assert held(raw, pool=[tsa().cert]).certificate == tsa().cert


def test_a_weak_digest_is_a_matter_of_policy() -> None:
    raw = token(CONTENT, tsa(), name="sha1")
    assert held(raw).digest[0] == "sha1"
    assert refused(raw, ask(policy=PRODUCTION))[0] == "timestamp.invalid"


def lists(*revoked: x509.RevokedCertificate, begins: datetime = AT - HOUR, ends: datetime = AT + 7 * DAY) -> Evidence:
    root, issuing, _ = world()
    return Evidence(crls=(crl(root), crl(issuing, entries=revoked, begins=begins, ends=ends)))


def test_revocation_before_the_stamp_makes_it_invalid() -> None:
    raw = token(CONTENT, tsa())
    serial = tsa().cert.serial_number
    assert held(raw, evidence=lists()).chain.standing == "good"
    gone = lists(entry(serial, AT - HOUR, (x509.CRLReason(x509.ReasonFlags.superseded), False)))
    assert refused(raw, evidence=gone)[0] == "timestamp.invalid"


@pytest.mark.parametrize(
    ("reason", "still_good"),
    [
        ("superseded", True),
        ("cessation_of_operation", True),
        ("affiliation_changed", True),
        ("unspecified", True),
        ("key_compromise", False),
        ("ca_compromise", False),
        ("privilege_withdrawn", False),
        (None, False),
    ],
)
def test_revocation_after_the_stamp_counts_by_its_reason(reason: str | None, still_good: bool) -> None:
    serial = tsa().cert.serial_number
    said = [] if reason is None else [(x509.CRLReason(x509.ReasonFlags[reason]), False)]
    later = lists(entry(serial, AT + DAY, *said), begins=AT + 2 * DAY, ends=AT + 9 * DAY)
    raw = token(CONTENT, tsa())
    question = ask(at=AT + 3 * DAY, evidence=later)
    if still_good:
        assert held(raw, question).at == AT
    else:
        assert refused(raw, question)[0] == "timestamp.invalid"


def test_revocation_data_that_is_missing_is_said_to_be_missing() -> None:
    sourced = authority(world()[1], subject="CN=Sourced TSA,O=Test,C=VN", extensions=[points(point("http://x.vn/crl"))])
    raw = token(CONTENT, sourced)
    assert refused(raw, ask(policy=PRODUCTION))[0] == "revocation.unknown"
    assert judged(raw, policy=PRODUCTION).reason == "revocation.unknown"
    assert held(raw, ask(policy=PRODUCTION), evidence=lists()).chain.standing == "good"
    stale = lists(begins=AT - 9 * DAY, ends=AT - 8 * DAY)
    assert refused(raw, ask(policy=PRODUCTION), evidence=stale)[0] == "revocation.stale"


def test_lists_inside_the_token_count() -> None:
    sourced = authority(world()[1], subject="CN=Sourced TSA,O=Test,C=VN", extensions=[points(point("http://x.vn/crl"))])
    raw = token(CONTENT, sourced, Make(crls=lists().crls))
    assert held(raw, ask(policy=PRODUCTION)).chain.standing == "good"


def test_what_is_offered_about_others_says_nothing_of_the_authority() -> None:
    other_root = make("CN=Other root,O=Test,C=VN", ca=True)
    others = Evidence(crls=(crl(other_root),))
    raw = token(CONTENT, tsa())
    assert held(raw, evidence=others).chain.standing == "unchecked"
    issuer_only = Evidence(crls=(crl(world()[1]),))
    assert refused(raw, evidence=issuer_only)[0] == "revocation.unknown"
    spoilt = Evidence(crls=(b"\x30\x00",))
    assert refused(raw, evidence=spoilt)[0] == "revocation.unknown"
    alone = judged(raw, evidence=others)
    assert (alone.judgement, alone.reason) == (Judgement.INDETERMINATE, "revocation.unknown")


def test_a_file_may_be_an_answer_or_a_bare_token_in_der_or_pem() -> None:
    bare = token(CONTENT, tsa())
    pem = b"-----BEGIN CMS-----\n" + _base64(bare) + b"-----END CMS-----\n"
    for raw in (bare, response(bare), response(bare, 1), pem):
        verdict = judged(raw, detached={"a.txt": CONTENT})
        assert verdict.judgement is Judgement.VALID
        assert verdict.signed_at == AT
        assert verdict.time_proven
        assert tsa().cert in timestamp.certificates(raw)


def _base64(raw: bytes) -> bytes:
    import base64

    return base64.encodebytes(raw)


def test_the_content_beside_the_file_is_named_and_must_fit() -> None:
    raw = response(token(CONTENT, tsa()))
    whole = judged(raw, detached={"other.txt": b"other", "a.txt": CONTENT})
    assert whole.scope is Scope.FULL
    assert [(part.path, part.sha256) for part in whole.signed] == [
        ("TSTInfo", hashlib.sha256(statement(CONTENT)).hexdigest()),
        ("a.txt", hashlib.sha256(CONTENT).hexdigest()),
    ]
    changed = judged(raw, detached={"a.txt": CONTENT + b"!"})
    assert (changed.judgement, changed.reason) == (Judgement.INVALID, "signature.digest")
    alone = judged(raw)
    assert (alone.judgement, alone.scope) == (Judgement.VALID, Scope.PARTIAL)
    assert [part.path for part in alone.signed] == ["TSTInfo"]
    assert "content" in alone.detail


def test_a_certificate_or_list_can_be_the_stamped_content() -> None:
    listed = crl(world()[1])
    verdict = judged(token(listed, tsa()), detached={"a.crl": listed})
    assert (verdict.judgement, verdict.scope) == (Judgement.VALID, Scope.FULL)


def test_material_beside_the_file_is_used_and_is_no_content() -> None:
    root, issuing, _ = world()
    raw = token(CONTENT, tsa(), Make(certificates=[]))
    beside = {"tsa.der": tsa().der, "issuing.der": issuing.der, "a.crl": crl(issuing), "b.crl": crl(root)}
    question = Question("tsr", sorted_out([root.cert]), AT + HOUR, COMPAT, beside)
    verdict = verify.judge(raw, question)
    assert (verdict.judgement, verdict.scope) == (Judgement.VALID, Scope.PARTIAL)
    revoked = {**beside, "a.crl": crl(issuing, [(tsa().cert.serial_number, AT - HOUR)])}
    assert verify.judge(raw, Question("tsr", sorted_out([root.cert]), AT + HOUR, COMPAT, revoked)).reason == (
        "certificate.revoked"
    )


@pytest.mark.parametrize(
    ("asked", "good"),
    [
        ({}, True),
        ({"nonce": 5}, True),
        ({"nonce": 6}, False),
        ({"policy": "2.999.1"}, True),
        ({"policy": "2.999.2"}, False),
        ({"imprint": bytes(32)}, False),
        ({"digest": "sha512"}, False),
    ],
)
def test_a_request_beside_the_file_must_be_the_one_answered(asked: dict[str, Any], good: bool) -> None:
    fields = {"digest": "sha256", "imprint": hashlib.sha256(CONTENT).digest(), "policy": "", "nonce": None, **asked}
    verdict = judged(response(token(CONTENT, tsa(), nonce=5)), detached={"q.tsq": request(Imprint(**fields))})
    if good:
        assert (verdict.judgement, verdict.scope) == (Judgement.VALID, Scope.PARTIAL)
    else:
        assert (verdict.judgement, verdict.reason) == (Judgement.INVALID, "timestamp.invalid")


@pytest.mark.parametrize(
    ("raw", "judgement"),
    [
        (response(None, 2), Judgement.INVALID),
        (response(None, 0), Judgement.MALFORMED),
        (response(b"\x30\x00", 0), Judgement.MALFORMED),
        (b"", Judgement.MALFORMED),
        (b"\x30\x00", Judgement.MALFORMED),
        (b"hello", Judgement.MALFORMED),
        (b"-----BEGIN CMS-----\nAAAA\n-----END CMS-----", Judgement.MALFORMED),
    ],
)
def test_a_file_that_holds_no_stamp_is_told_apart(raw: bytes, judgement: Judgement) -> None:
    assert judged(raw).judgement is judgement
    assert timestamp.certificates(raw) == ()


def test_a_refusal_with_a_token_in_it_is_still_a_refusal() -> None:
    assert judged(response(token(CONTENT, tsa()), 2)).judgement is Judgement.INVALID
    assert judged(response(token(CONTENT, tsa())) + b"\0").judgement is Judgement.MALFORMED


def test_failures_name_the_authority_and_its_time() -> None:
    verdict = judged(token(CONTENT, tsa()), at=AT - DAY)
    assert verdict.signer == "CN=TSA,O=Test,C=VN"
    assert verdict.signed_at == AT
    assert not verdict.time_proven


@settings(max_examples=250, deadline=None)
@given(st.integers(min_value=0), st.integers(1, 255))
def test_one_changed_byte_proves_nothing_new(place: int, change: int) -> None:
    raw = bytearray(_fixed())
    raw[place % len(raw)] ^= change
    verdict = judged(bytes(raw), detached={"a.txt": CONTENT})
    if verdict.judgement is Judgement.VALID:
        assert verdict.signed_at == AT
        assert verdict.signed == judged(_fixed(), detached={"a.txt": CONTENT}).signed


@functools.cache
def _fixed() -> bytes:
    return response(token(CONTENT, tsa()))


def test_access_to_a_responder_is_a_source_like_any_other() -> None:
    sourced = authority(world()[1], subject="CN=Asked TSA,O=Test,C=VN", extensions=[access("http://x.vn/ocsp")])
    assert refused(token(CONTENT, sourced), ask(policy=PRODUCTION))[0] == "revocation.unknown"
