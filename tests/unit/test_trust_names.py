"""Name constraints after NIST PKITS 4.13 and RFC 5280 §4.2.1.10: which names a path lets through."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Network

import pytest
from cryptography import x509
from trust_pki import (
    AT,
    name_constraints,
    san,
)
from trust_worlds import World, anchored, directory, dns, names, raw_constraint, straight, unchecked

from gateway.model.verdict import Judgement
from gateway.signing.policy import PRODUCTION
from gateway.signing.trust import judge_x509, sorted_out

OTHER = x509.OtherName(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
IDN = "xn--l-ywa.example.vn"
CASES: dict[str, tuple[Callable[[], World], str]] = {
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
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_names_are_let_through_or_not(case: str) -> None:
    build, reason = CASES[case]
    top, middles, leaf = build()
    verdict = judge_x509(
        leaf.der, trust=sorted_out([top.cert]), detached=[one.der for one in middles], at=AT, policy=PRODUCTION
    )
    assert verdict.reason == reason, verdict
    assert (verdict.judgement is Judgement.VALID) == (reason == "ok")
