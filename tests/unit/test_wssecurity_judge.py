"""The verdict about a SOAP message in a file, and the fault that answers a refused one."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.formats import soap
from gateway.formats.soap import Version
from gateway.formats.soap_fault import read_fault, write_fault
from gateway.model.verdict import REASONS, Judgement, NotValid, Scope, Verdict
from gateway.signing import verify
from gateway.signing.trust import Evidence
from gateway.signing.wssecurity import Attachment, fault_for
from tests.unit.trust_pki import DAY, crl
from tests.unit.wss_messages import AT, COMPAT, MARK, PRODUCTION, WSSE, envelope, mime, people, question, signed

PDF = Attachment("a@x", "application/pdf", b"%PDF")


def verdict(content: bytes, **more: Any) -> Verdict:
    return verify.judge(content, question(**more))


def test_a_good_file_is_valid_with_signer_time_and_what_was_signed() -> None:
    found = verdict(signed())
    assert (found.judgement, found.reason, found.scope) == (Judgement.VALID, "ok", Scope.FULL)
    assert found.signer == people()[2].cert.subject.rfc4514_string()
    assert found.certificate == hashlib.sha256(people()[2].der).hexdigest()
    assert (found.signed_at, found.time_proven, found.signatures) == (AT, False, 1)
    assert len(found.signed) == 5
    assert all(len(part.sha256) == 64 and part.path for part in found.signed)


def test_the_moment_of_the_question_is_now() -> None:
    assert verdict(signed(), at=AT + timedelta(seconds=359)).judgement is Judgement.VALID
    for away in (timedelta(minutes=7), timedelta(minutes=-2)):
        assert verdict(signed(), at=AT + away).reason == "signature.time"


def test_a_changed_file_is_invalid_and_an_unsigned_one_too() -> None:
    assert verdict(signed().replace(MARK, b"Forged!")).reason == "signature.digest"
    assert verdict(envelope()).reason == "signature.absent"


def test_attachments_come_from_the_mime_file_or_from_beside_it() -> None:
    message = signed(attachments=(PDF,))
    part = ("a@x", "application/pdf", b"%PDF")
    assert verdict(mime(message, [part])).judgement is Judgement.VALID
    assert verdict(message, detached={"a@x": b"%PDF"}).judgement is Judgement.VALID
    assert verdict(message, detached={"a@x": b"%FDP"}).reason == "signature.digest"
    missing = verdict(message)
    assert (missing.reason, missing.judgement) == ("signature.reference", Judgement.INDETERMINATE)
    assert verdict(mime(message, [])).judgement is Judgement.INVALID


def test_an_attachment_that_looks_like_der_is_not_taken_for_a_revocation_list() -> None:
    message = signed(attachments=(Attachment("a.p7s", "application/octet-stream", b"\x30\x03abc"),))
    assert verdict(message, detached={"a.p7s": b"\x30\x03abc"}).judgement is Judgement.VALID
    assert verdict(signed(), detached={"a.crl": b"\x30\x03abc"}).judgement is not Judgement.VALID


def test_a_revocation_list_beside_the_file_or_fetched_before_counts() -> None:
    root, issuing, own, other = people()
    lists = (crl(issuing, [(own.cert.serial_number, AT - DAY)]), crl(root))
    for more in ({"detached": {"a.crl": lists[0], "b.crl": lists[1]}}, {"evidence": Evidence(crls=lists)}):
        assert verdict(signed(), **more).reason == "certificate.revoked"
        assert verdict(signed(holder=other), **more).judgement is Judgement.VALID


def test_an_unsigned_attachment_is_refused_in_production_and_left_out_in_compat() -> None:
    file = mime(signed(), [("a@x", "application/pdf", b"%PDF")])
    assert verdict(file, policy=PRODUCTION).reason == "signature.place"
    lenient = verdict(file, policy=COMPAT)
    assert (lenient.judgement, lenient.scope) == (Judgement.VALID, Scope.PARTIAL)
    assert not any("cid:" in part.path for part in lenient.signed)


def test_certificates_of_a_file_are_listed_and_garbage_has_none() -> None:
    _, issuing, own, _ = people()
    assert verify.certificates(signed(), "wsse") == (own.cert,)
    assert set(verify.certificates(signed(token="pki_path"), "wsse")) == {own.cert, issuing.cert}
    elsewhere = signed().replace(b"<s:Body", b"<s:Body ", 1).replace(b"wsse:Security>", b"wsse:Secure>")
    assert verify.certificates(elsewhere.replace(b"<wsse:Security ", b"<wsse:Secure "), "wsse") == ()
    spoilt = signed().replace(b"<wsse:BinarySecurityToken", b"<wsse:BinarySecurityToken x='").replace(b"'", b'"')
    for garbage in (b"", b"<a/>", spoilt, b"\xff" * 99):
        assert verify.certificates(garbage, "wsse") == ()


@given(st.binary(max_size=200), st.integers(0, 4000))
def test_any_bytes_in_a_message_get_a_verdict(noise: bytes, place: int) -> None:
    message = signed()
    mutant = message[:place] + noise + message[place + len(noise) :]
    assert verdict(mutant).reason in REASONS


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("signature.digest", "FailedCheck"),
        ("signature.wrong", "FailedCheck"),
        ("signature.replayed", "FailedCheck"),
        ("signature.time", "MessageExpired"),
        ("signature.absent", "InvalidSecurity"),
        ("signature.ambiguous", "InvalidSecurity"),
        ("signature.place", "InvalidSecurity"),
        ("malformed", "InvalidSecurity"),
        ("algorithm.forbidden", "UnsupportedAlgorithm"),
        ("algorithm.unsupported", "UnsupportedAlgorithm"),
        ("key.untrusted", "FailedAuthentication"),
        ("chain.unknown", "FailedAuthentication"),
        ("certificate.speaker", "FailedAuthentication"),
        ("chain.invalid", "InvalidSecurityToken"),
        ("certificate.revoked", "InvalidSecurityToken"),
        ("certificate.expired", "InvalidSecurityToken"),
    ],
)
@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_refusal_is_answered_by_a_fault_code_of_the_standard(version: Version, reason: str, code: str) -> None:
    fault = fault_for(NotValid(reason, "what a forger would like to know", "here"), role="urn:us")
    written = write_fault(version, fault)
    assert b"forger" not in written
    found = read_fault(soap.parse(written))
    assert (found.subcode, found.role) == (f"{{{WSSE}}}{code}", "urn:us")
    assert found.side == ("sender" if version == "1.2" else "receiver")  # 1.1 has room for one code only


def test_what_we_could_not_check_is_our_fault_and_may_be_sent_again() -> None:
    unsure = [NotValid("revocation.unknown"), NotValid("limit.exceeded"), NotValid("internal")]
    unsure.append(NotValid("signature.replayed", judgement=Judgement.INDETERMINATE))
    for one in unsure:
        assert (fault_for(one).side, fault_for(one).subcode) == ("receiver", "")


def test_a_mandatory_header_is_answered_as_soap_says() -> None:
    assert fault_for(NotValid("header.not_understood")).side == "must_understand"


def test_every_reason_has_a_fault() -> None:
    for reason in REASONS:
        if reason != "ok":
            assert fault_for(NotValid(reason)).reason
