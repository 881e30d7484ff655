"""By when a PDF signature existed, and whether its certificate held at that moment."""

from __future__ import annotations

import functools
import re
from datetime import timedelta

import pytest
from pades_papers import (
    LATER,
    NOW,
    approved,
    document,
    document_stamp,
    hierarchy,
    judged,
    letter,
    old_sha1,
    signed,
    stranger,
    with_store,
)

from gateway.model.verdict import Judgement
from gateway.signing.policy import PRODUCTION
from gateway.signing.trust.model import TrustStore
from sandbox.pki.authority import Validity
from sandbox.pki.hierarchy import Hierarchy
from sandbox.pki.revocation import revocation_list
from sandbox.wire import VIETNAM

DAY = timedelta(days=1)
YEARS = timedelta(days=5 * 365)


@functools.cache
def elsewhere() -> Hierarchy:
    """Authorities of their own, which revoke."""
    return Hierarchy("http://127.0.0.1:3", lambda: NOW)


def trusting(*trees: Hierarchy) -> TrustStore:
    return TrustStore(
        anchors=tuple(each.root("government").certificate for each in trees),
        intermediates=tuple(each.issuing("government").certificate for each in trees),
    )


def lists() -> dict[str, bytes]:
    pki = elsewhere()
    authorities = (pki.issuing("government"), pki.root("government"))
    return {f"{each.slug}.crl": revocation_list(pki, each) for each in authorities}


def test_after_the_certificate_ended_only_a_time_stamp_helps() -> None:
    verdict = judged(approved(), at=NOW + YEARS)
    assert (verdict.judgement, verdict.reason) == (Judgement.INDETERMINATE, "certificate.expired")
    assert "Trần Văn Bình" in verdict.signer
    assert judged(signed(document(), stamped=True), at=NOW + YEARS).reason == "ok"
    assert judged(document_stamp(approved()), at=NOW + YEARS).reason == "ok"


def test_an_unknown_authority_proves_no_time_and_harms_no_signature() -> None:
    stamped = document_stamp(approved(), pki=elsewhere())
    verdict = judged(stamped)
    assert (verdict.reason, verdict.time_proven) == ("ok", False)
    assert judged(stamped, at=NOW + YEARS).reason == "certificate.expired"
    assert judged(stamped, trust=trusting(hierarchy(), elsewhere())).time_proven


def test_a_time_stamp_for_another_document_is_invalid() -> None:
    one, other = document_stamp(approved()), document_stamp(signed(document(), "Khac"))
    _, gap, resume, _ = (int(each) for each in re.findall(rb"/ByteRange\s*\[(.*?)\]", one)[-1].split())
    _, at, end, _ = (int(each) for each in re.findall(rb"/ByteRange\s*\[(.*?)\]", other)[-1].split())
    token = other[at + 1 : end - 1][: resume - gap - 2].ljust(resume - gap - 2, b"0")
    assert judged(one[: gap + 1] + token + one[resume - 1 :]).reason == "timestamp.invalid"


def test_what_is_stamped_after_the_question_proves_nothing_yet() -> None:
    assert not judged(letter(), at=NOW - DAY).time_proven


def test_a_certificate_revoked_before_signing_is_refused_and_one_revoked_later_is_not() -> None:
    early, late = (elsewhere().organisation(name, tree="government") for name in ("Sở A", "Sở B"))
    elsewhere().revoke(early.serial, NOW - DAY, "keyCompromise")
    trust = trusting(elsewhere(), hierarchy())
    papers = [signed(document(), identity=each, stamped=True) for each in (early, late)]
    verdict = judged(papers[0], trust=trust, detached=lists())
    assert (verdict.judgement, verdict.reason) == (Judgement.INVALID, "certificate.revoked")
    assert judged(papers[1], trust=trust, detached=lists()).reason == "ok"


def test_the_store_of_the_file_tells_of_a_revocation_too() -> None:
    revoked = elsewhere().organisation("Sở C", tree="government")
    elsewhere().revoke(revoked.serial, NOW - DAY)
    pdf = with_store(signed(document(), identity=revoked), tuple(lists().values()))
    assert judged(pdf, trust=trusting(elsewhere())).reason == "certificate.revoked"


def test_a_certificate_not_yet_valid_is_refused() -> None:
    future = hierarchy().organisation("Sở D", validity=Validity.around(NOW + 10 * DAY, DAY, 9 * DAY))
    assert judged(signed(document(), identity=future)).reason == "certificate.not_yet"


def test_every_signature_of_a_document_must_be_trusted() -> None:
    verdict = judged(signed(signed(document(), identity=stranger()), "Hai"))
    assert (verdict.judgement, verdict.reason) == (Judgement.INDETERMINATE, "chain.unknown")
    assert "'Ky'" in verdict.detail
    assert verdict.signatures == 2


def test_a_document_that_is_only_stamped_is_not_signed() -> None:
    verdict = judged(document_stamp(document()))
    assert (verdict.judgement, verdict.reason) == (Judgement.INVALID, "signature.absent")


def test_the_digest_over_a_digest_is_taken_by_the_old_policy_only() -> None:
    assert judged(old_sha1(document())).reason == "ok"
    assert judged(old_sha1(document()), policy=PRODUCTION).reason == "algorithm.forbidden"
    changed = old_sha1(document()).replace(b"1000 dong", b"9000 dong")
    assert judged(changed).reason == "signature.digest"


@pytest.mark.parametrize("form", ["/adbe.x509.rsa_sha1", "/Foo"])
def test_another_form_of_signature_is_not_judged(form: str) -> None:
    verdict = judged(old_sha1(document(), form))
    assert (verdict.judgement, verdict.reason) == (Judgement.UNSUPPORTED, "algorithm.unsupported")


def test_the_claimed_time_comes_with_its_zone() -> None:
    claimed = judged(approved(), at=LATER).signed_at
    assert claimed is not None and claimed.astimezone(VIETNAM) <= claimed
    assert claimed.utcoffset() is not None
