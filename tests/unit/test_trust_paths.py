"""Paths after NIST PKITS and RFC 5280: each case is a small world, the reason it must end with stands beside it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from trust_pki import (
    AT,
    CA_USAGE,
    DAY,
    crl,
    policies,
    san,
    usage,
    world,
)
from trust_worlds import (
    ANY,
    P1,
    P2,
    P3,
    World,
    anchored,
    backwards,
    chain_of,
    changed,
    critical_unknown,
    cross,
    dns,
    expired_detour,
    explicit,
    forged_leaf,
    forged_middle,
    general_time,
    looped,
    looped_with_way_out,
    mapped,
    other_inner_algorithm,
    policy_world,
    renewed_key,
    root,
    self_issued_length,
    set_serial,
    sha1_leaf,
    straight,
    twice,
    under,
    utf8_names,
    v1_middle,
    version_one,
    without_path,
)

from gateway.model.verdict import Judgement
from gateway.signing.policy import COMPAT, PRODUCTION
from gateway.signing.trust import judge_x509, sorted_out

OTHER = x509.OtherName(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
IDN = "xn--l-ywa.example.vn"
CASES: dict[str, tuple[Callable[[], World], str]] = {
    # PKITS 4.1, 4.2: signatures and validity
    "valid signatures": (straight, "ok"),
    "authority's signature forged": (forged_middle, "chain.invalid"),
    "leaf's signature forged": (forged_leaf, "chain.invalid"),
    "leaf not yet valid": (lambda: straight(begins=AT + DAY), "certificate.not_yet"),
    "authority not yet valid": (lambda: under({"begins": AT + DAY}), "certificate.not_yet"),
    "leaf expired": (lambda: straight(ends=AT - DAY), "certificate.expired"),
    "authority expired": (lambda: under({"ends": AT - DAY}), "certificate.expired"),
    "root expired": (lambda: anchored({"ends": AT - DAY}), "certificate.expired"),
    "first second": (lambda: straight(begins=AT), "ok"),
    "last second": (lambda: straight(ends=AT), "ok"),
    "one second late": (lambda: straight(ends=AT - timedelta(seconds=1)), "certificate.expired"),
    "far end in GeneralizedTime": (lambda: straight(ends=AT.replace(year=2077)), "ok"),
    "near begin in GeneralizedTime": (lambda: changed(general_time), "ok"),
    "validity backwards": (lambda: changed(backwards), "chain.invalid"),
    # PKITS 4.3: names
    "names alike after preparation": (utf8_names, "ok"),
    "issuer name differs": (lambda: straight(issuer_name="CN=Nobody"), "chain.unknown"),
    "issuer without name": (lambda: straight(issuer_name=""), "chain.invalid"),
    "no path": (without_path, "chain.unknown"),
    # PKITS 4.5: self-issued
    "new with old": (lambda: renewed_key(True), "ok"),
    "new alone": (lambda: renewed_key(False), "chain.unknown"),
    # RFC 4158: ways through a pool
    "cross certificates": (cross, "ok"),
    "loop": (looped, "chain.unknown"),
    "loop with a way out": (looped_with_way_out, "ok"),
    "expired detour": (expired_detour, "ok"),
    # PKITS 4.6: basic constraints
    "authority without basicConstraints": (lambda: under({"constraints": None}), "chain.invalid"),
    "cA false": (lambda: under({"constraints": (x509.BasicConstraints(False, None), True)}), "chain.invalid"),
    "cA false, not critical": (lambda: under({"constraints": (x509.BasicConstraints(False, None), False)}),
                               "chain.invalid"),
    "basicConstraints not critical": (lambda: under({"constraints": (x509.BasicConstraints(True, None), False)}),
                                      "ok"),
    "version 1 authority": (v1_middle, "chain.invalid"),
    "path length 0 and leaf": (lambda: chain_of(0), "ok"),
    "path length 0 and leaf authority": (lambda: chain_of(0, leaf_is_ca=True), "ok"),
    "path length 0 exceeded": (lambda: chain_of(0, None), "chain.invalid"),
    "path length grows": (lambda: chain_of(1, 4), "ok"),
    "path length 6 4 1 exceeded": (lambda: chain_of(6, 4, 1, 4, None), "chain.invalid"),
    "path length 6 4 4 2": (lambda: chain_of(6, 4, 4, 2), "ok"),
    "self-issued does not count": (lambda: self_issued_length(0), "ok"),
    "root's path length": (lambda: (lambda t: (t, [m := t.authority("CN=M")], m.issue("CN=Leaf")))(root(path=0)),
                           "chain.invalid"),
    "path length in a leaf": (lambda: straight(extensions=[(x509.UnrecognizedExtension(
        x509.ObjectIdentifier("2.5.29.19"), bytes.fromhex("3003020100")), True)]), "chain.invalid"),
    # PKITS 4.7: key usage
    "keyCertSign missing, critical": (lambda: under({"ku": (usage("crl_sign"), True)}), "chain.invalid"),
    "keyCertSign missing, not critical": (lambda: under({"ku": (usage("crl_sign"), False)}), "chain.invalid"),
    "keyUsage not critical": (lambda: under({"ku": (CA_USAGE, False)}), "ok"),
    "no keyUsage": (lambda: under({"ku": None}, ku=None), "ok"),
    "leaf with keyCertSign": (lambda: straight(ku=usage("digital_signature", "key_cert_sign")), "chain.invalid"),
    "root without keyCertSign": (lambda: anchored({"ku": usage("crl_sign")}), "chain.invalid"),
    # PKITS 4.8-4.12: policies
    "one policy": (lambda: policy_world([policies(P1), explicit(0)], [policies(P1)]), "ok"),
    "no policy, none required": (lambda: policy_world([], []), "ok"),
    "no policy where required": (lambda: policy_world([explicit(0), policies(P1)], []), "chain.invalid"),
    "other policy where required": (lambda: policy_world([explicit(0), policies(P1)], [policies(P2)]),
                                    "chain.invalid"),
    "other policy, none required": (lambda: policy_world([policies(P1)], [policies(P2)]), "ok"),
    "any-policy": (lambda: policy_world([explicit(0), policies(ANY)], [policies(P2)]), "ok"),
    "any-policy in the leaf": (lambda: policy_world([explicit(0), policies(P1)], [policies(ANY)]), "ok"),
    "explicit later": (lambda: policy_world([explicit(5), policies(P1)], [policies(P1)], [policies(P2)]), "ok"),
    "explicit after two": (lambda: policy_world([explicit(2)], [], [], []), "chain.invalid"),
    "inhibit any-policy": (lambda: policy_world([explicit(0), policies(P1), (x509.InhibitAnyPolicy(0), True)],
                                                [policies(ANY)]), "chain.invalid"),
    "inhibit any-policy later": (lambda: policy_world([explicit(0), policies(P1), (x509.InhibitAnyPolicy(1), True)],
                                                      [policies(P1)], [policies(ANY)]), "chain.invalid"),
    "inhibit any-policy in time": (lambda: policy_world([explicit(0), policies(P1), (x509.InhibitAnyPolicy(1), True)],
                                                        [policies(ANY)]), "ok"),
    "mapping": (lambda: policy_world([explicit(0), policies(P1), mapped((P1, P2))], [policies(P2)]), "ok"),
    "mapping, unmapped leaf": (lambda: policy_world([explicit(0), policies(P1), mapped((P1, P2))], [policies(P1)]),
                               "chain.invalid"),
    "mapping from any": (lambda: policy_world([explicit(0), policies(P1), mapped((ANY, P1))], [policies(P1)]),
                         "chain.invalid"),
    "mapping to any": (lambda: policy_world([explicit(0), policies(P1), mapped((P1, ANY))], [policies(P1)]),
                       "chain.invalid"),
    "mapping under any": (lambda: policy_world([explicit(0), policies(ANY), mapped((P1, P2))], [policies(P2)]), "ok"),
    "mapping inhibited": (lambda: policy_world([explicit(0, 0), policies(P1)], [policies(P1), mapped((P1, P2))],
                                               [policies(P2)]), "chain.invalid"),
    "mapping inhibited later": (lambda: policy_world([explicit(0, 1), policies(P1)], [policies(P1), mapped((P1, P2))],
                                                     [policies(P2), mapped((P2, P3))], [policies(P3)]),
                                "chain.invalid"),
    "policy constraints not critical": (lambda: under({"extensions": [(x509.PolicyConstraints(3, None), False)]}),
                                        "chain.invalid"),
    # PKITS 4.16 and RFC 5280 §4: profile
    "unknown critical in the leaf": (lambda: straight(extensions=[critical_unknown()]), "chain.invalid"),
    "unknown critical in an authority": (lambda: under({"extensions": [critical_unknown()]}), "chain.invalid"),
    "unknown critical in the root": (lambda: anchored({"extensions": [critical_unknown()]}), "chain.invalid"),
    "serial zero": (lambda: changed(set_serial(0)), "chain.invalid"),
    "serial negative": (lambda: changed(set_serial(-3)), "chain.invalid"),
    "serial too long": (lambda: changed(set_serial(1 << 170)), "chain.invalid"),
    "serial of 20 octets": (lambda: changed(set_serial((1 << 158) + 1)), "ok"),
    "algorithms differ": (lambda: changed(other_inner_algorithm), "chain.invalid"),
    "extension twice": (lambda: changed(twice), "chain.invalid"),
    "extensions in version 1": (lambda: changed(version_one), "chain.invalid"),
    "leaf without AKI": (lambda: straight(aki=False), "chain.invalid"),
    "authority without AKI": (lambda: under({"aki": False}), "chain.invalid"),
    "root without AKI": (lambda: anchored({"aki": False}), "ok"),
    "authority without SKI": (lambda: under({"ski": False}), "chain.invalid"),
    "root without SKI": (lambda: anchored({"ski": False}), "chain.invalid"),
    "SKI critical": (lambda: anchored({"ski": False, "extensions": [(x509.SubjectKeyIdentifier(b"1234"), True)]}),
                     "chain.invalid"),
    "root's basicConstraints not critical": (
        lambda: anchored({"constraints": (x509.BasicConstraints(True, None), False)}), "chain.invalid"),
    "empty subject": (lambda: (lambda w: (w[0], w[1], w[1][0].issue("", extensions=[san(dns("a.vn"))])))(straight()),
                      "chain.invalid"),
    "empty subject, critical subjectAltName": (lambda: (lambda w: (w[0], w[1], w[1][0].issue(
        "", extensions=[san(dns("a.vn"), critical=True)])))(straight()), "ok"),
    "malformed subjectAltName": (lambda: straight(extensions=[(x509.UnrecognizedExtension(
        x509.ObjectIdentifier("2.5.29.17"), b"example.com"), False)]), "chain.invalid"),
    "empty keyUsage": (lambda: straight(ku=usage()), "chain.invalid"),
    "critical AIA": (lambda: straight(extensions=[(x509.AuthorityInformationAccess([x509.AccessDescription(
        x509.oid.AuthorityInformationAccessOID.CA_ISSUERS, dns("example.vn"))]), True)]), "chain.invalid"),
    # Policy of algorithms
    "SHA-1": (sha1_leaf, "algorithm.forbidden"),
    "RSA-1024 leaf": (lambda: straight(key_label="rsa1024"), "algorithm.forbidden"),
    "RSA-1024 authority": (lambda: under({"key_label": "rsa1024"}), "algorithm.forbidden"),
    "RSA-2048": (lambda: under({"key_label": "rsa"}, key_label="rsa 2"), "ok"),
    "curve outside the list": (lambda: straight(key_label="k1"), "algorithm.forbidden"),
    "Extended names": (lambda: straight(extensions=[san(dns(IDN))]), "ok"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_path_ends_with_its_reason(case: str) -> None:
    build, reason = CASES[case]
    top, middles, leaf = build()
    verdict = judge_x509(
        leaf.der, trust=sorted_out([top.cert]), detached=[one.der for one in middles], at=AT, policy=PRODUCTION
    )
    assert verdict.reason == reason, verdict
    assert (verdict.judgement is Judgement.VALID) == (reason == "ok")


def test_a_root_may_itself_be_the_question() -> None:
    top = root()
    verdict = judge_x509(top.der, trust=sorted_out([top.cert]), detached=[], at=AT, policy=PRODUCTION)
    assert (verdict.reason, verdict.signer) == ("ok", "CN=Anchor")
    expired = root(ends=AT - DAY)
    verdict = judge_x509(expired.der, trust=sorted_out([expired.cert]), detached=[], at=AT, policy=PRODUCTION)
    assert verdict.reason == "certificate.expired"


def test_a_file_may_bring_its_own_chain_in_pem() -> None:
    top, middle, leaf = world()
    raw = b"".join(one.cert.public_bytes(Encoding.PEM) for one in (leaf, middle))
    verdict = judge_x509(raw, trust=sorted_out([top.cert]), detached=[], at=AT, policy=PRODUCTION)
    assert verdict.reason == "ok"
    assert verdict.signed[0].path == "tbsCertificate"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda raw: raw + b"\x00",
        lambda raw: raw[:-1],
        lambda raw: b"",
        lambda raw: b"\x30\x03\x02\x01\x01",
        lambda raw: b"-----BEGIN CERTIFICATE-----\nMIIB!!\n-----END CERTIFICATE-----\n",
        lambda raw: b"-----BEGIN CERTIFICATE-----\nMAMC\nAQE=\n-----END CERTIFICATE-----\n",
        lambda raw: b"-----BEGIN CERTIFICATE-----\nMAMCAQE=\n",
        lambda raw: bytes(200),
        lambda raw: b"\x30\x80" + raw,
    ],
)
def test_bytes_that_are_no_certificate_are_malformed(spoil: Callable[[bytes], bytes]) -> None:
    top, _, leaf = world()
    verdict = judge_x509(spoil(leaf.der), trust=sorted_out([top.cert]), detached=[], at=AT, policy=PRODUCTION)
    assert verdict.judgement is Judgement.MALFORMED


def test_no_flipped_byte_of_a_certificate_is_ever_valid() -> None:
    top, middle, leaf = world()
    trust, detached = sorted_out([top.cert]), [middle.der]
    for place in range(len(leaf.der)):
        raw = bytearray(leaf.der)
        raw[place] ^= 0x01 << (place % 8)
        verdict = judge_x509(bytes(raw), trust=trust, detached=detached, at=AT, policy=PRODUCTION)
        assert verdict.judgement is not Judgement.VALID, place


def test_a_spoilt_list_is_not_taken_for_none() -> None:
    top, middle, leaf = world()
    whole = crl(top)
    for spoilt in (whole[:40] + b"\xff" + whole[41:], whole[:-1], whole + b"\x00"):
        verdict = judge_x509(
            leaf.der, trust=sorted_out([top.cert]), detached=[middle.der, spoilt], at=AT, policy=PRODUCTION
        )
        assert verdict.reason == "revocation.unknown"


def test_compat_takes_what_production_refuses() -> None:
    top, middles, leaf = straight(key_label="k1")
    verdict = judge_x509(
        leaf.der, trust=sorted_out([top.cert]), detached=[m.der for m in middles], at=AT, policy=COMPAT
    )
    assert verdict.reason == "ok"
