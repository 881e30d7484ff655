"""Paths after NIST PKITS and RFC 5280: each case is a small world, the reason it must end with stands beside it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Network

import pytest
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from trust_pki import (
    AT,
    CA_USAGE,
    DAY,
    Holder,
    crl,
    key,
    make,
    name,
    name_constraints,
    policies,
    relabelled,
    san,
    usage,
    world,
)

from gateway.model.verdict import Judgement
from gateway.signing.policy import COMPAT, PRODUCTION
from gateway.signing.trust import judge_x509, sorted_out

World = tuple[Holder, list[Holder], Holder]
P1, P2, P3, ANY = "2.16.840.1.101.3.2.1.48.1", "2.16.840.1.101.3.2.1.48.2", "2.16.840.1.101.3.2.1.48.3", "2.5.29.32.0"


def root(**wishes: object) -> Holder:
    return make("CN=Anchor", ca=True, **wishes)


def straight(**leaf: object) -> World:
    top = root()
    middle = top.authority("CN=Middle")
    return top, [middle], middle.issue("CN=Leaf", **leaf)


def under(middle_wishes: dict[str, object], **leaf: object) -> World:
    top = root()
    middle = top.authority("CN=Middle", **middle_wishes)
    return top, [middle], middle.issue("CN=Leaf", **leaf)


def anchored(root_wishes: dict[str, object], **leaf: object) -> World:
    top = root(**root_wishes)
    return top, [], top.issue("CN=Leaf", **leaf)


def names(constraint: object, *held: x509.GeneralName, subject: str = "CN=Leaf") -> World:
    top = root()
    middle = top.authority("CN=Middle", extensions=[constraint])
    return top, [middle], middle.issue(subject, extensions=[san(*held)] if held else [])


def chain_of(*lengths: int | None, leaf_is_ca: bool = False) -> World:
    top = root()
    found, last = [], top
    for place, length in enumerate(lengths):
        last = last.authority(f"CN=CA {place}", path=length)
        found.append(last)
    return top, found, last.authority("CN=Leaf CA") if leaf_is_ca else last.issue("CN=Leaf")


def self_issued_length(extra: int) -> World:
    top = root()
    one = top.authority("CN=Same", path=extra, key_label="same 1")
    two = one.authority("CN=Same", path=extra, key_label="same 2")
    return top, [one, two], two.issue("CN=Leaf")


def dns(text: str) -> x509.DNSName:
    return x509.DNSName(text)


def unchecked(kind: type, text: str) -> x509.GeneralName:
    return kind._init_without_validation(text)


def directory(text: str) -> x509.DirectoryName:
    return x509.DirectoryName(name(text))


def raw_constraint(host: str) -> tuple[x509.ExtensionType, bool]:
    """A dNSName constraint that a library would not let one write."""
    text = host.encode()
    inner = b"\x82" + bytes([len(text)]) + text
    for tag in (0x30, 0xA0, 0x30):
        inner = bytes([tag, len(inner)]) + inner
    return x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.30"), inner), True


def critical_unknown() -> tuple[x509.ExtensionType, bool]:
    return x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55738.1"), b"\x05\x00"), True


def explicit(value: int | None, mapping: int | None = None) -> tuple[x509.ExtensionType, bool]:
    return x509.PolicyConstraints(value, mapping), True


def mapped(*pairs: tuple[str, str]) -> tuple[x509.ExtensionType, bool]:
    value = asn1.PolicyMappings([{"issuer_domain_policy": a, "subject_domain_policy": b} for a, b in pairs])
    return x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.33"), value.dump()), False


def policy_world(*levels: list[tuple[x509.ExtensionType, bool]]) -> World:
    """Authorities with these extensions one below the other; the last list is the leaf's."""
    anchor = root()
    found, last = [], anchor
    for place, extensions in enumerate(levels[:-1]):
        last = last.authority(f"CN=Policy {place}", extensions=extensions)
        found.append(last)
    return anchor, found, last.issue("CN=Leaf", extensions=levels[-1])


def edited(holder: Holder, change: Callable[[asn1.Certificate], None], signer: object = None) -> Holder:
    """*holder* with its tbsCertificate changed and signed anew by *signer*."""
    parsed = asn1.Certificate.load(holder.der)
    change(parsed)
    tbs = parsed["tbs_certificate"].dump(force=True)
    if signer is not None:
        parsed["signature_value"] = signer.sign(tbs, ec.ECDSA(hashes.SHA256()))
    return Holder(x509.load_der_x509_certificate(parsed.dump(force=True)), holder.key)


def changed(change: Callable[[asn1.Certificate], None]) -> World:
    top, middles, leaf = straight()
    return top, middles, edited(leaf, change, middles[0].key)


def set_serial(value: int) -> Callable[[asn1.Certificate], None]:
    def change(parsed: asn1.Certificate) -> None:
        parsed["tbs_certificate"]["serial_number"] = value

    return change


def other_inner_algorithm(parsed: asn1.Certificate) -> None:
    parsed["tbs_certificate"]["signature"] = {"algorithm": "sha384_ecdsa"}


def twice(parsed: asn1.Certificate) -> None:
    parsed["tbs_certificate"]["extensions"].append(parsed["tbs_certificate"]["extensions"][0].copy())


def version_one(parsed: asn1.Certificate) -> None:
    parsed["tbs_certificate"]["version"] = "v1"


def general_time(parsed: asn1.Certificate) -> None:
    before = parsed["tbs_certificate"]["validity"]["not_before"].native
    parsed["tbs_certificate"]["validity"]["not_before"] = asn1.Time({"general_time": before})


def backwards(parsed: asn1.Certificate) -> None:
    validity = parsed["tbs_certificate"]["validity"]
    validity["not_after"] = asn1.Time({"utc_time": AT - 700 * DAY})


def forged_leaf() -> World:
    top, middles, _ = straight()
    return top, middles, middles[0].issue("CN=Leaf", signed_by=key("stranger"))


def forged_middle() -> World:
    top = root()
    middle = top.authority("CN=Middle", signed_by=key("stranger"))
    return top, [middle], middle.issue("CN=Leaf")


def without_path() -> World:
    _, middles, leaf = straight()
    return make("CN=Elsewhere", ca=True), middles, leaf


def cross() -> World:
    """Two roots sign the same authority; only one is trusted, the other's certificate comes first."""
    untrusted, trusted = make("CN=Old root", ca=True), root()
    one = untrusted.authority("CN=Crossed", key_label="crossed")
    two = trusted.authority("CN=Crossed", key_label="crossed")
    return trusted, [untrusted, one, two], two.issue("CN=Leaf")


def looped() -> World:
    """Two authorities that only certify each other."""
    seed_a, seed_b = make("CN=A", ca=True), make("CN=B", ca=True)
    return root(), [seed_a.authority("CN=B"), seed_b.authority("CN=A")], seed_a.issue("CN=Leaf")


def looped_with_way_out() -> World:
    """The mutually certified authorities of GnuTLS's cycle (CVE-2024-0567), with a trusted root among them."""
    a, b, c = root(), make("CN=B", ca=True), make("CN=C", ca=True)
    below = a.authority("CN=A1")
    tangle = [
        x.authority(y.cert.subject.rfc4514_string(), key_label=y.cert.subject.rfc4514_string())
        for x in (a, b, c)
        for y in (a, b, c)
        if x is not y
    ]
    return a, [*tangle, below], below.issue("CN=Leaf")


def expired_detour() -> World:
    """A dead cross certificate beside the living one."""
    trusted, second = root(), make("CN=Second", ca=True)
    dead = second.authority("CN=Mid", ends=AT - DAY, key_label="mid")
    alive = trusted.authority("CN=Mid", key_label="mid")
    return trusted, [dead, alive], alive.issue("CN=Leaf")


def renewed_key(new_with_old: bool) -> World:
    """PKITS 4.5: a self-issued certificate carries the trust from one key of an authority to the other."""
    top = root()
    old = top.authority("CN=Rolling", key_label="rolling old")
    new = old.authority("CN=Rolling", key_label="rolling new") if new_with_old else make("CN=Rolling", ca=True)
    return top, [old, new], new.issue("CN=Leaf")


def utf8_names() -> World:
    """PKITS 4.3.11: issuer and subject agree in case-insensitive, space-folded comparison."""
    top = root()
    middle = top.authority("CN=Middle  Authority")
    return top, [middle], middle.issue("CN=Leaf", issuer_name="CN=middle AUTHORITY")


def sha1_leaf() -> World:
    top, middles, leaf = straight()
    der = relabelled(leaf.der, asn1.Certificate, "tbs_certificate")
    return top, middles, Holder(x509.load_der_x509_certificate(der), leaf.key)


def v1_middle() -> World:
    top = root()
    middle = top.authority("CN=Middle")

    def plain(parsed: asn1.Certificate) -> None:
        parsed["tbs_certificate"]["version"] = "v1"
        del parsed["tbs_certificate"]["extensions"]

    return top, [edited(middle, plain, top.key)], middle.issue("CN=Leaf")


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
    # PKITS 4.13 and RFC 5280 §4.2.1.10: name constraints
    "permitted DN": (lambda: names(name_constraints([directory("O=Tỉnh,C=VN")]), subject="CN=A,O=Tỉnh,C=VN"), "ok"),
    "not permitted DN": (lambda: names(name_constraints([directory("O=Tỉnh,C=VN")]), subject="CN=A,O=Khác,C=VN"),
                         "chain.invalid"),
    "excluded DN": (lambda: names(name_constraints([], [directory("O=Tỉnh,C=VN")]), subject="CN=A,O=tỉnh,C=VN"),
                    "chain.invalid"),
    "DN in subjectAltName": (lambda: names(name_constraints([directory("C=VN")]), directory("C=US"),
                                           subject="CN=A,C=VN"),
                             "chain.invalid"),
    "permitted DNS": (lambda: names(name_constraints([dns("example.vn")]), dns("a.b.example.vn")), "ok"),
    "not permitted DNS": (lambda: names(name_constraints([dns("example.vn")]), dns("notexample.vn")), "chain.invalid"),
    "one of two excluded": (lambda: names(name_constraints([], [dns("bad.example.vn")]), dns("example.vn"),
                                          dns("x.bad.example.vn")), "chain.invalid"),
    "permitted and excluded": (lambda: names(name_constraints([dns("example.vn")], [dns("example.vn")]),
                                             dns("example.vn")), "chain.invalid"),
    "other forms are free": (lambda: names(name_constraints([x509.IPAddress(IPv4Network("10.0.0.0/8"))]),
                                           dns("example.vn")), "ok"),
    "wildcard reaches excluded": (lambda: names(name_constraints([dns("example.vn")], [dns("bar.example.vn")]),
                                                dns("*.example.vn")), "chain.invalid"),
    "wildcard wider than permitted": (lambda: names(name_constraints([dns("foo.example.vn")]), dns("*.example.vn")),
                                      "chain.invalid"),
    "malformed DNS name": (lambda: names(name_constraints([dns("example.vn")]), unchecked(x509.DNSName, ".example.vn")),
                           "chain.invalid"),
    "constraint with wildcard": (lambda: names(raw_constraint("*.example.vn"),
                                               dns("a.example.vn")), "chain.invalid"),
    "constraint with leading period": (lambda: names(raw_constraint(".example.vn"),
                                                     dns("a.example.vn")), "chain.invalid"),
    "permitted IPv4": (lambda: names(name_constraints([x509.IPAddress(IPv4Network("192.0.2.0/24"))]),
                                     x509.IPAddress(IPv4Address("192.0.2.7"))), "ok"),
    "not permitted IPv4": (lambda: names(name_constraints([x509.IPAddress(IPv4Network("192.0.2.0/24"))]),
                                         x509.IPAddress(IPv4Address("192.0.3.7"))), "chain.invalid"),
    "IPv4 where IPv6 is permitted": (lambda: names(name_constraints([x509.IPAddress(IPv6Network("::1/128"))]),
                                                   x509.IPAddress(IPv4Address("192.0.3.7"))), "chain.invalid"),
    "permitted mailbox": (lambda: names(name_constraints([x509.RFC822Name("a@example.vn")]),
                                        x509.RFC822Name("a@EXAMPLE.vn")), "ok"),
    "another mailbox": (lambda: names(name_constraints([x509.RFC822Name("a@example.vn")]),
                                      x509.RFC822Name("A@example.vn")), "chain.invalid"),
    "mail host": (lambda: names(name_constraints([x509.RFC822Name("example.vn")]), x509.RFC822Name("b@example.vn")),
                  "ok"),
    "mail host is not a domain": (lambda: names(name_constraints([x509.RFC822Name("example.vn")]),
                                                x509.RFC822Name("b@x.example.vn")), "chain.invalid"),
    "mail domain": (lambda: names(name_constraints([x509.RFC822Name(".example.vn")]),
                                  x509.RFC822Name("b@x.example.vn")), "ok"),
    "mail in the subject": (lambda: names(name_constraints([x509.RFC822Name("example.vn")]),
                                          subject="1.2.840.113549.1.9.1=x@evil.vn,C=VN"), "chain.invalid"),
    "mail with two signs": (lambda: names(name_constraints([x509.RFC822Name("example.vn")]),
                                          unchecked(x509.RFC822Name, "a@b@example.vn")), "chain.invalid"),
    "URI host": (lambda: names(name_constraints([x509.UniformResourceIdentifier("host.example.vn")]),
                               x509.UniformResourceIdentifier("http://host.example.vn/a")), "ok"),
    "URI domain": (lambda: names(name_constraints([x509.UniformResourceIdentifier(".example.vn")]),
                                 x509.UniformResourceIdentifier("http://host.example.vn:80/a")), "ok"),
    "URI domain is not the host": (lambda: names(name_constraints([x509.UniformResourceIdentifier(".example.vn")]),
                                                 x509.UniformResourceIdentifier("http://example.vn/")),
                                   "chain.invalid"),
    "URI without host": (lambda: names(name_constraints([x509.UniformResourceIdentifier(".example.vn")]),
                                       x509.UniformResourceIdentifier("urn:vn:1")), "chain.invalid"),
    "URI in userinfo": (lambda: names(name_constraints([x509.UniformResourceIdentifier("good.vn")]),
                                      x509.UniformResourceIdentifier("http://good.vn@evil.vn/")), "chain.invalid"),
    "undecidable form occurs": (lambda: names(name_constraints([dns("example.vn")], [OTHER]), OTHER), "chain.invalid"),
    "undecidable form absent": (lambda: names(name_constraints([dns("example.vn")], [OTHER]), dns("example.vn")),
                                         "ok"),
    "root's constraints": (lambda: anchored({"extensions": [name_constraints([dns("example.vn")])]},
                                            extensions=[san(dns("other.vn"))]), "chain.invalid"),
    "constraints not critical": (lambda: names(name_constraints([dns("example.vn")], critical=False),
                                               dns("example.vn")), "chain.invalid"),
    "constraints in a leaf": (lambda: straight(extensions=[name_constraints([dns("example.vn")])]), "chain.invalid"),
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
