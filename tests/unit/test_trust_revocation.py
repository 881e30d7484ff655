"""Revocation after PKITS 4.4, 4.14, 4.15 and RFC 5280 §6.3: what the evidence at hand comes to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from asn1crypto import crl as asn1_crl
from cryptography import x509
from trust_pki import (
    AT,
    CA_USAGE,
    DAY,
    Extension,
    Holder,
    Say,
    access,
    answer,
    crl,
    entry,
    idp,
    key,
    make,
    name,
    point,
    points,
    relabelled,
    usage,
    world,
)

from gateway.model.verdict import NotValid
from gateway.signing.policy import COMPAT, PRODUCTION
from gateway.signing.trust import CONFORMANCE, SIGNATURE, Evidence, Rigour, sorted_out, validate_chain

URL = "http://crl.example.vn/a.crl"
OTHER_URL = "http://crl.example.vn/b.crl"
REVOKED = x509.ocsp.OCSPCertStatus.REVOKED


def ask(
    leaf: Holder,
    top: Holder,
    pool: list[Holder],
    *,
    crls: list[bytes] | None = None,
    ocsp: list[bytes] | None = None,
    at: datetime = AT,
    rigour: Rigour = SIGNATURE,
    policy=PRODUCTION,
) -> str:
    """The standing, or the reason of the refusal."""
    try:
        return validate_chain(
            leaf.cert,
            pool=[one.cert for one in pool],
            trust=sorted_out([top.cert]),
            at=at,
            evidence=Evidence(ocsp=tuple(ocsp or ()), crls=tuple(crls or ())),
            policy=policy,
            purpose="signing",
            rigour=rigour,
        ).standing
    except NotValid as fault:
        return fault.reason


def lists_for(leaf: Holder, authority: Holder, *lists: bytes, **asked: object) -> str:
    """Ask about *leaf*, issued by *authority*, itself the anchor."""
    return ask(leaf, authority, [], crls=list(lists), **asked)


@pytest.fixture(scope="module")
def ca() -> Holder:
    return make("CN=CA,C=VN", ca=True)


@pytest.fixture(scope="module")
def leaf(ca: Holder) -> Holder:
    return ca.issue("CN=Leaf,C=VN", serial=77)


# Without evidence: the policy decides


@pytest.mark.parametrize(
    ("source", "policy", "outcome"),
    [
        ([], PRODUCTION, "not_published"),
        ([points(point(URL))], PRODUCTION, "revocation.unknown"),
        ([access(ocsp_url="http://ocsp.example.vn")], PRODUCTION, "revocation.unknown"),
        ([access(issuer_url="http://ca.example.vn/a.cer")], PRODUCTION, "not_published"),
        ([points(point(URL))], COMPAT, "unchecked"),
        ([], COMPAT, "unchecked"),
    ],
)
def test_without_evidence_the_policy_and_the_certificate_decide(
    ca: Holder, source: list[Extension], policy: object, outcome: str
) -> None:
    assert ask(ca.issue("CN=Leaf", extensions=source), ca, [], policy=policy) == outcome


def test_an_authority_that_names_a_source_needs_evidence_too() -> None:
    top = make("CN=Top", ca=True)
    middle = top.authority("CN=Middle", extensions=[points(point(URL))])
    assert ask(middle.issue("CN=Leaf"), top, [middle]) == "revocation.unknown"


def test_evidence_at_hand_binds_every_certificate_below_the_anchor() -> None:
    top, middle, leaf = world()
    assert ask(leaf, top, [middle], crls=[crl(top), crl(middle)]) == "good"
    assert ask(leaf, top, [middle], crls=[crl(top)]) == "revocation.unknown"
    assert ask(leaf, top, [middle], crls=[crl(middle)]) == "revocation.unknown"
    assert ask(leaf, top, [middle], crls=[crl(top), crl(middle)], policy=COMPAT) == "good"
    assert ask(leaf, top, [middle], crls=[crl(middle)], policy=COMPAT) == "revocation.unknown"


def test_a_revoked_authority_revokes_what_it_issued() -> None:
    top, middle, leaf = world()
    lists = [crl(top, [(middle.cert.serial_number, AT - DAY)]), crl(middle)]
    assert ask(leaf, top, [middle], crls=lists) == "certificate.revoked"


# One CRL, all its faults

MADE_UP = (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5"), b"\x05\x00"), True)
HARMLESS = (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5"), b"\x05\x00"), False)

SINGLE: dict[str, tuple[Callable[[Holder], bytes], str]] = {
    "not listed": (lambda ca: crl(ca), "good"),
    "another is listed": (lambda ca: crl(ca, [(78, AT - DAY)]), "good"),
    "listed": (lambda ca: crl(ca, [(77, AT - DAY)]), "certificate.revoked"),
    "listed on the very second": (lambda ca: crl(ca, [(77, AT)], begins=AT), "certificate.revoked"),
    "date in the list's future": (lambda ca: crl(ca, [(77, AT + DAY)]), "certificate.revoked"),
    "listed before it was issued": (lambda ca: crl(ca, [(77, AT - 400 * DAY)]), "certificate.revoked"),
    "stale": (lambda ca: crl(ca, begins=AT - 9 * DAY, ends=AT - DAY), "revocation.stale"),
    "fresh to the last second": (lambda ca: crl(ca, begins=AT - 9 * DAY, ends=AT), "good"),
    "stale but listed": (lambda ca: crl(ca, [(77, AT - 9 * DAY)], begins=AT - 9 * DAY, ends=AT - DAY),
                         "certificate.revoked"),
    "listed, made later": (lambda ca: crl(ca, [(77, AT + DAY)], begins=AT + 2 * DAY, ends=AT + 9 * DAY), "good"),
    "listed earlier, made later": (lambda ca: crl(ca, [(77, AT - DAY)], begins=AT + 2 * DAY, ends=AT + 9 * DAY),
                                   "certificate.revoked"),
    "compromised before it was revoked": (lambda ca: crl(ca, entries=[entry(77, AT + DAY, (
        x509.InvalidityDate((AT - DAY).replace(tzinfo=None)), False))], begins=AT + 2 * DAY, ends=AT + 9 * DAY),
        "certificate.revoked"),
    "forged": (lambda ca: crl(ca, signed_by=key("stranger")), "revocation.unknown"),
    "of another issuer": (lambda ca: crl(make("CN=Other CA", ca=True)), "revocation.unknown"),
    "in the issuer's name by another": (lambda ca: crl(make("CN=Other CA", ca=True), issuer="CN=CA,C=VN"),
                                        "revocation.unknown"),
    "unknown critical extension": (lambda ca: crl(ca, extensions=[MADE_UP]), "revocation.unknown"),
    "unknown extension": (lambda ca: crl(ca, extensions=[HARMLESS]), "good"),
    "unknown critical extension of an entry": (lambda ca: crl(ca, entries=[entry(5, AT - DAY, MADE_UP)]),
                                               "revocation.unknown"),
    "unknown extension of an entry": (lambda ca: crl(ca, entries=[entry(77, AT - DAY, HARMLESS)]),
                                      "certificate.revoked"),
    "removed from the list": (lambda ca: crl(ca, entries=[entry(77, AT - DAY, (
        x509.CRLReason(x509.ReasonFlags.remove_from_crl), False))]), "good"),
    "on hold": (lambda ca: crl(ca, entries=[entry(77, AT - DAY, (
        x509.CRLReason(x509.ReasonFlags.certificate_hold), False))]), "certificate.revoked"),
    "SHA-1": (lambda ca: relabelled(crl(ca), asn1_crl.CertificateList, "tbs_cert_list"),
              "revocation.unknown"),
    "critical number": (lambda ca: crl(ca, number=None, extensions=[(x509.CRLNumber(3), True)]),
                        "revocation.unknown"),
    "users only": (lambda ca: crl(ca, extensions=[idp(only_contains_user_certs=True)]), "good"),
    "authorities only": (lambda ca: crl(ca, extensions=[idp(only_contains_ca_certs=True)]), "revocation.unknown"),
    "attribute certificates only": (lambda ca: crl(ca, extensions=[idp(only_contains_attribute_certs=True)]),
                                    "revocation.unknown"),
    "point named, none in the certificate": (lambda ca: crl(ca, extensions=[idp(url=URL)]), "revocation.unknown"),
    "some reasons": (lambda ca: crl(ca, extensions=[idp(only_some_reasons=frozenset(
        {x509.ReasonFlags.key_compromise}))]), "revocation.unknown"),
    "a delta alone": (lambda ca: crl(ca, extensions=[(x509.DeltaCRLIndicator(1), True)]), "revocation.unknown"),
    "spoilt": (lambda ca: crl(ca)[:-1] + b"\x00\x00", "revocation.unknown"),
    "no list at all": (lambda ca: b"\x30\x00", "revocation.unknown"),
}  # fmt: skip


@pytest.mark.parametrize("case", SINGLE)
def test_one_list_decides_or_does_not(ca: Holder, leaf: Holder, case: str) -> None:
    build, outcome = SINGLE[case]
    assert lists_for(leaf, ca, build(ca)) == outcome


@pytest.mark.parametrize(
    ("build", "outcome"),
    [
        (lambda ca: crl(ca), "good"),
        (lambda ca: crl(ca, begins=AT + DAY), "revocation.unknown"),
        (lambda ca: crl(ca, number=None), "revocation.unknown"),
        (lambda ca: crl(ca, [(5, AT - DAY), (5, AT - DAY)]), "revocation.unknown"),
        (lambda ca: crl(ca, [(77, AT + DAY)], begins=AT + 2 * DAY), "revocation.unknown"),
    ],
)
def test_a_question_about_now_takes_no_answer_from_later(
    ca: Holder, leaf: Holder, build: Callable[[Holder], bytes], outcome: str
) -> None:
    assert lists_for(leaf, ca, build(ca), rigour=CONFORMANCE) == outcome


def test_grace_lets_a_list_be_a_little_late(ca: Holder, leaf: Holder) -> None:
    late = crl(ca, begins=AT - 9 * DAY, ends=AT - timedelta(hours=2))
    assert lists_for(leaf, ca, late, rigour=Rigour(grace=timedelta(hours=3))) == "good"
    assert lists_for(leaf, ca, late, rigour=Rigour(grace=timedelta(hours=1))) == "revocation.stale"


def test_a_list_made_after_a_certificate_ended_does_not_clear_it(ca: Holder) -> None:
    ended = ca.issue("CN=Ended", ends=AT + DAY, serial=9)
    after = crl(ca, begins=AT + 5 * DAY, ends=AT + 12 * DAY)
    assert lists_for(ended, ca, after) == "revocation.unknown"
    assert lists_for(ended, ca, crl(ca, begins=AT + DAY, ends=AT + 9 * DAY)) == "good"
    kept = x509.UnrecognizedExtension(
        x509.ObjectIdentifier("2.5.29.60"), b"\x18\x0f" + (AT - DAY).strftime("%Y%m%d%H%M%SZ").encode()
    )
    assert lists_for(ended, ca, crl(ca, begins=AT + 5 * DAY, ends=AT + 9 * DAY, extensions=[(kept, False)])) == "good"


def test_several_lists_must_cover_every_reason(ca: Holder, leaf: Holder) -> None:
    some = frozenset({x509.ReasonFlags.key_compromise, x509.ReasonFlags.ca_compromise})
    rest = frozenset(set(x509.ReasonFlags) - some - {x509.ReasonFlags.unspecified, x509.ReasonFlags.remove_from_crl})
    one = crl(ca, extensions=[idp(only_some_reasons=some)])
    two = crl(ca, extensions=[idp(only_some_reasons=rest)])
    assert lists_for(leaf, ca, one) == "revocation.unknown"
    assert lists_for(leaf, ca, one, two) == "good"
    listed = crl(ca, [(77, AT - DAY)], extensions=[idp(only_some_reasons=rest)])
    assert lists_for(leaf, ca, one, listed) == "certificate.revoked"


def test_a_point_of_the_certificate_must_meet_the_point_of_the_list(ca: Holder) -> None:
    leaf = ca.issue("CN=Leaf", extensions=[points(point(URL))])
    assert lists_for(leaf, ca, crl(ca, extensions=[idp(url=URL)])) == "good"
    assert lists_for(leaf, ca, crl(ca, extensions=[idp(url=OTHER_URL)])) == "revocation.unknown"
    assert lists_for(leaf, ca, crl(ca)) == "good"


def test_a_relative_point_is_completed_with_the_issuers_name(ca: Holder) -> None:
    relative = x509.RelativeDistinguishedName([x509.NameAttribute(x509.NameOID.COMMON_NAME, "List 1")])
    whole = x509.DirectoryName(x509.Name([*ca.cert.subject, x509.NameAttribute(x509.NameOID.COMMON_NAME, "List 1")]))
    leaf = ca.issue("CN=Leaf", extensions=[points(x509.DistributionPoint([whole], None, None, None))])
    assert lists_for(leaf, ca, crl(ca, extensions=[idp(relative_name=relative)])) == "good"
    other = x509.RelativeDistinguishedName([x509.NameAttribute(x509.NameOID.COMMON_NAME, "List 2")])
    assert lists_for(leaf, ca, crl(ca, extensions=[idp(relative_name=other)])) == "revocation.unknown"


def test_an_authority_without_crl_sign_makes_no_list() -> None:
    ca = make("CN=No lists", ca=True, ku=usage("key_cert_sign"))
    assert lists_for(ca.issue("CN=Leaf"), ca, crl(ca)) == "revocation.unknown"
    silent = make("CN=Silent", ca=True, ku=None)
    assert lists_for(silent.issue("CN=Leaf"), silent, crl(silent)) == "good"


def test_a_separate_key_for_lists_is_found_and_itself_judged() -> None:
    top = make("CN=Top", ca=True)
    signing = top.authority("CN=Split", key_label="split certificates", ku=usage("key_cert_sign"))
    listing = top.issue("CN=Split", key_label="split lists", ku=usage("crl_sign"))
    leaf = signing.issue("CN=Leaf")
    good = [crl(top), crl(listing)]
    assert ask(leaf, top, [signing, listing], crls=good) == "good"
    assert ask(leaf, top, [signing], crls=good) == "revocation.unknown"
    dead = [crl(top, [(listing.cert.serial_number, AT - DAY)]), crl(listing)]
    assert ask(leaf, top, [signing, listing], crls=dead) == "revocation.unknown"
    bad = [crl(top), crl(listing, [(leaf.cert.serial_number, AT - DAY)])]
    assert ask(leaf, top, [signing, listing], crls=bad) == "certificate.revoked"


def test_a_self_issued_key_for_lists_may_list_itself() -> None:
    top = make("CN=Top", ca=True)
    old = top.authority("CN=Rolling", key_label="certificates of rolling")
    lists = old.issue("CN=Rolling", key_label="lists of rolling", ku=usage("crl_sign"))
    assert ask(old.issue("CN=Leaf"), top, [old, lists], crls=[crl(top), crl(lists)]) == "good"


def test_a_namesake_from_elsewhere_makes_no_list() -> None:
    top, elsewhere = make("CN=Top", ca=True), make("CN=Elsewhere", ca=True)
    middle = top.authority("CN=Middle", key_label="true middle")
    impostor = elsewhere.authority("CN=Middle", key_label="false middle")
    trust_both = sorted_out([top.cert, elsewhere.cert])
    with pytest.raises(NotValid) as refused:
        validate_chain(
            middle.issue("CN=Leaf").cert, pool=[middle.cert, impostor.cert], trust=trust_both, at=AT,
            evidence=Evidence(crls=(crl(top), crl(elsewhere), crl(impostor))), policy=PRODUCTION, purpose="signing",
        )  # fmt: skip
    assert refused.value.reason == "revocation.unknown"


# Indirect lists (PKITS 4.14.22-35)


@pytest.fixture(scope="module")
def indirect() -> tuple[Holder, Holder, Holder, Holder]:
    """Anchor, authority, the separate issuer of its lists, and a leaf that names it."""
    top = make("CN=Top", ca=True)
    authority = top.authority("CN=Authority")
    lister = top.issue("CN=Lister", ku=usage("crl_sign"))
    leaf = authority.issue("CN=Leaf", serial=11, extensions=[points(point(issuer="CN=Lister"))])
    return top, authority, lister, leaf


def named_entry(serial: int, issuer: str | None) -> x509.RevokedCertificate:
    named = [(x509.CertificateIssuer([x509.DirectoryName(name(issuer))]), True)] if issuer else []
    return entry(serial, AT - DAY, *named)


@pytest.mark.parametrize(
    ("entries", "outcome"),
    [
        ([], "good"),
        ([named_entry(11, "CN=Authority")], "certificate.revoked"),
        ([named_entry(11, "CN=Other")], "good"),
        ([named_entry(11, None)], "good"),
        ([named_entry(3, "CN=Authority"), named_entry(11, None)], "certificate.revoked"),
        ([named_entry(3, "CN=Authority"), named_entry(4, "CN=Other"), named_entry(11, None)], "good"),
    ],
)
def test_an_indirect_list_attributes_its_entries(
    indirect: tuple[Holder, Holder, Holder, Holder], entries: list[x509.RevokedCertificate], outcome: str
) -> None:
    top, authority, lister, leaf = indirect
    lists = [crl(top), crl(lister, entries=entries, extensions=[idp(indirect_crl=True)])]
    assert ask(leaf, top, [authority, lister], crls=lists) == outcome


def test_an_indirect_list_must_say_so_and_be_named(indirect: tuple[Holder, Holder, Holder, Holder]) -> None:
    top, authority, lister, leaf = indirect
    assert ask(leaf, top, [authority, lister], crls=[crl(top), crl(lister)]) == "revocation.unknown"
    unnamed = authority.issue("CN=Leaf", serial=11)
    lists = [crl(top), crl(lister, extensions=[idp(indirect_crl=True)])]
    assert ask(unnamed, top, [authority, lister], crls=lists) == "revocation.unknown"


# Deltas (PKITS 4.15)


def delta(ca: Holder, base: int, number: int, *entries: x509.RevokedCertificate, begins: datetime = AT) -> bytes:
    return crl(ca, entries=entries, begins=begins, number=number, extensions=[(x509.DeltaCRLIndicator(base), True)])


def reason(serial: int, flag: x509.ReasonFlags) -> x509.RevokedCertificate:
    return entry(serial, AT - DAY, (x509.CRLReason(flag), False))


HOLD, REMOVED = x509.ReasonFlags.certificate_hold, x509.ReasonFlags.remove_from_crl


def test_a_delta_adds_and_removes(ca: Holder, leaf: Holder) -> None:
    held = crl(ca, entries=[reason(77, HOLD)], begins=AT - 2 * DAY)
    clean = crl(ca, begins=AT - 2 * DAY)
    assert lists_for(leaf, ca, clean, delta(ca, 5, 6)) == "good"
    assert lists_for(leaf, ca, clean, delta(ca, 5, 6, reason(77, HOLD))) == "certificate.revoked"
    assert lists_for(leaf, ca, held, delta(ca, 5, 6)) == "certificate.revoked"
    assert lists_for(leaf, ca, held, delta(ca, 5, 6, reason(77, REMOVED))) == "good"


def test_a_delta_that_does_not_fit_is_left_out(ca: Holder, leaf: Holder) -> None:
    held = crl(ca, entries=[reason(77, HOLD)], begins=AT - 2 * DAY)
    assert lists_for(leaf, ca, held, delta(ca, 6, 7, reason(77, REMOVED))) == "certificate.revoked"
    assert lists_for(leaf, ca, held, delta(ca, 3, 4, reason(77, REMOVED))) == "certificate.revoked"
    forged = crl(ca, entries=[reason(77, REMOVED)], number=6, signed_by=key("stranger"),
                 extensions=[(x509.DeltaCRLIndicator(5), True)])  # fmt: skip
    assert lists_for(leaf, ca, held, forged) == "certificate.revoked"
    stale_base = crl(ca, begins=AT - 9 * DAY, ends=AT - DAY)
    assert lists_for(leaf, ca, stale_base, delta(ca, 5, 6)) == "revocation.stale"


# OCSP beside CRLs


def test_any_source_that_says_revoked_is_believed(ca: Holder, leaf: Holder) -> None:
    good = answer(leaf, ca, ca)
    bad = answer(leaf, ca, ca, Say(status=REVOKED, revoked_at=AT - DAY))
    assert ask(leaf, ca, [], ocsp=[good], crls=[crl(ca, [(77, AT - DAY)])]) == "certificate.revoked"
    assert ask(leaf, ca, [], ocsp=[bad], crls=[crl(ca)]) == "certificate.revoked"
    assert ask(leaf, ca, [], ocsp=[good]) == "good"


@pytest.mark.parametrize(
    ("say", "outcome"),
    [
        (Say(), "good"),
        (Say(status=x509.ocsp.OCSPCertStatus.UNKNOWN), "revocation.unknown"),
        (Say(status=REVOKED, revoked_at=AT - DAY), "certificate.revoked"),
        (Say(status=REVOKED, revoked_at=AT + DAY, begins=AT + 2 * DAY, ends=AT + 3 * DAY), "good"),
        (Say(status=REVOKED, revoked_at=AT + DAY), "certificate.revoked"),
        (Say(begins=AT - 2 * DAY, ends=AT - DAY), "revocation.stale"),
        (Say(begins=AT - 2 * DAY, ends=None), "revocation.stale"),
        (Say(ends=None), "good"),
        (Say(begins=AT + DAY, ends=AT + 2 * DAY), "good"),
        (Say(forged=True), "revocation.unknown"),
    ],
)
def test_an_ocsp_answer_counts_for_its_time(ca: Holder, leaf: Holder, say: Say, outcome: str) -> None:
    assert ask(leaf, ca, [], ocsp=[answer(leaf, ca, ca, say)]) == outcome


def test_a_list_answers_where_the_responder_does_not_know(ca: Holder, leaf: Holder) -> None:
    unknown = answer(leaf, ca, ca, Say(status=x509.ocsp.OCSPCertStatus.UNKNOWN))
    assert ask(leaf, ca, [], ocsp=[unknown], crls=[crl(ca)]) == "good"


def test_a_revoked_responder_answers_for_nobody(ca: Holder, leaf: Holder) -> None:
    delegate = ca.issue("CN=Responder", extensions=[
        (x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.OCSP_SIGNING]), False)])  # fmt: skip
    good = answer(leaf, ca, delegate, Say(certs=[delegate.cert]))
    limited = crl(ca, [(delegate.cert.serial_number, AT - DAY)], extensions=[
        idp(only_some_reasons=frozenset({x509.ReasonFlags.key_compromise}))])  # fmt: skip
    assert ask(leaf, ca, [], ocsp=[good]) == "good"
    assert ask(leaf, ca, [], ocsp=[good], crls=[limited]) == "revocation.unknown"
    assert CA_USAGE.crl_sign
