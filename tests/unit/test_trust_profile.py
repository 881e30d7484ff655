"""Certificates that bend the profile of RFC 5280 and RFC 5480: refused with a reason, or taken where nothing hangs on
it, and never a word on standard error.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from asn1crypto import core
from asn1crypto import keys as asn1_keys
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from trust_pki import (
    AT,
    DAY,
    NO_CHECK,
    OCSP_SIGNING,
    Holder,
    Say,
    access,
    answer,
    crl,
    entry,
    idp,
    make,
    name_constraints,
    point,
    points,
    policies,
    san,
    world,
)
from trust_worlds import ANY, P1, P2, World, directory, edited, explicit, mapped, root, set_serial, straight, under

from gateway.model.verdict import Judgement, NotValid
from gateway.signing.policy import COMPAT, PRODUCTION, Policy
from gateway.signing.trust import Evidence, Purpose, judge_x509, sorted_out, validate_chain, verify_ocsp
from gateway.signing.trust import crl as crl_module

EKU = x509.oid.ExtendedKeyUsageOID


def reason(built: World, *, policy: Policy = PRODUCTION, purpose: Purpose = "signing", **more: Any) -> str:
    """Why no chain holds, "ok" if one does; any other exception is a failure of the test."""
    top, middles, leaf = built
    try:
        validate_chain(
            leaf.cert,
            pool=[one.cert for one in middles],
            trust=more.pop("trust", sorted_out([top.cert])),
            at=AT,
            evidence=more.pop("evidence", Evidence()),
            policy=policy,
            purpose=purpose,
            **more,
        )
    except NotValid as fault:
        return fault.reason
    return "ok"


def judged(built: World) -> str:
    top, middles, leaf = built
    detached = [one.der for one in middles]
    verdict = judge_x509(leaf.der, trust=sorted_out([top.cert]), detached=detached, at=AT, policy=PRODUCTION)
    assert (verdict.judgement is Judgement.VALID) == (verdict.reason == "ok")
    return verdict.reason


def spelt_out(parsed: asn1.Certificate) -> None:
    """P-256 with all its parameters instead of its name (RFC 3279 §2.3.5, forbidden by RFC 5480 §2.1.1)."""
    prime = 2**256 - 2**224 + 2**192 + 2**96 - 1
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    b = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
    x = 0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296
    y = 0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5
    domain = asn1_keys.SpecifiedECDomain(
        {
            "version": 1,
            "field_id": {"field_type": "prime_field", "parameters": core.Integer(prime)},
            "curve": {"a": (prime - 3).to_bytes(32), "b": b.to_bytes(32)},
            "base": b"\x04" + x.to_bytes(32) + y.to_bytes(32),
            "order": order,
            "cofactor": 1,
        }
    )
    chosen = asn1_keys.ECDomainParameters(name="specified", value=domain)
    parsed["tbs_certificate"]["subject_public_key_info"]["algorithm"]["parameters"] = chosen


def test_a_curve_must_be_named_in_every_certificate_of_a_path() -> None:
    top, (middle,), leaf = straight()
    bent = edited(leaf, spelt_out, middle.key)
    assert isinstance(bent.cert.public_key(), ec.EllipticCurvePublicKey), "the library takes it for P-256"
    for policy in (PRODUCTION, COMPAT):
        assert reason((top, [middle], bent), policy=policy) == "algorithm.forbidden"
        assert reason((top, [edited(middle, spelt_out, top.key)], leaf), policy=policy) == "algorithm.forbidden"
        assert reason((edited(top, spelt_out, top.key), [middle], leaf), policy=policy) == "algorithm.forbidden"


def test_a_mail_address_in_utf8_does_not_slip_past_a_mail_constraint() -> None:
    address = x509.OtherName(x509.ObjectIdentifier("1.3.6.1.5.5.7.8.9"), core.UTF8String("x@evil.vn").dump())
    for constraint, expected in ((x509.RFC822Name("good.vn"), "chain.invalid"), (x509.DNSName("good.vn"), "ok")):
        top = root()
        middle = top.authority("CN=Middle", extensions=[name_constraints([constraint])])
        assert reason((top, [middle], middle.issue("CN=Leaf", extensions=[san(address)]))) == expected


def test_a_mail_address_of_a_wrong_type_is_refused_and_no_accident() -> None:
    subject = x509.Name(
        [x509.NameAttribute(x509.oid.NameOID.EMAIL_ADDRESS, "x@evil.vn", _type=x509.name._ASN1Type.UTF8String)]
    )
    top = root()
    middle = top.authority("CN=Middle", extensions=[name_constraints([x509.RFC822Name("good.vn")])])

    def rename(parsed: asn1.Certificate) -> None:
        parsed["tbs_certificate"]["subject"] = asn1.Name.load(subject.public_bytes())

    assert reason((top, [middle], edited(middle.issue("CN=Leaf"), rename, middle.key))) == "chain.invalid"


def target_authority(*extensions: Any) -> World:
    """The certificate in question is an authority itself."""
    top = root()
    return top, [], top.authority("CN=Target", extensions=[policies(P1), *extensions])


FALSE_SPELT_OUT = (
    x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.19"), bytes.fromhex("3003010100")),
    True,
)
MALFORMED_NAMES = (x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.17"), b"example.com"), False)
NEGATIVE_LENGTH = (
    x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.19"), bytes.fromhex("30060101ff0201ff")),
    True,
)


@pytest.mark.parametrize(
    ("built", "expected"),
    [
        (lambda: under({"constraints": NEGATIVE_LENGTH}), "chain.invalid"),
        (lambda: under({"extensions": [policies(P1), (x509.PolicyConstraints(0, None), False)]},
                       extensions=[policies(P1)]), "ok"),
        (lambda: under({"extensions": [policies(P1), (x509.PolicyConstraints(0, None), False)]},
                       extensions=[policies(P2)]), "chain.invalid"),
        (lambda: under({"extensions": [policies(P1), explicit(0)]}, extensions=[policies(P1)]), "ok"),
        (lambda: under({"extensions": [(x509.PolicyConstraints(0, None), False)]}), "chain.invalid"),
        (lambda: straight(extensions=[FALSE_SPELT_OUT]), "ok"),
        (lambda: straight(extensions=[FALSE_SPELT_OUT, MALFORMED_NAMES]), "chain.invalid"),
        (lambda: under({"constraints": FALSE_SPELT_OUT}), "chain.invalid"),
        (lambda: target_authority(mapped((P1, ANY))), "chain.invalid"),
        (lambda: target_authority(mapped((P1, P2))), "ok"),
    ],
    ids=["negative path length", "constraints of policies not critical", "not critical but not met", "critical",
         "not critical, no policies", "cA false spelt out", "and something else malformed", "of an authority",
         "mapping to any-policy at the end", "mapping at the end"],
)  # fmt: skip
def test_a_formal_slip_counts_or_does_not(built: Callable[[], World], expected: str) -> None:
    assert judged(built()) == expected


def test_a_trusted_self_signed_certificate_needs_no_key_identifier_of_its_issuer() -> None:
    alone = make("CN=Alone", aki=False)
    assert judged((alone, [], alone)) == "ok"
    top, middles, _ = straight()
    assert judged((top, middles, middles[0].issue("CN=Leaf", aki=False))) == "chain.invalid"


@pytest.mark.parametrize(
    ("limits", "purpose", "expected"),
    [
        ([EKU.TIME_STAMPING], "timestamping", "ok"),
        ([EKU.ANY_EXTENDED_KEY_USAGE], "timestamping", "ok"),
        ([EKU.CLIENT_AUTH], "timestamping", "chain.usage"),
        ([EKU.TIME_STAMPING], "signing", "chain.usage"),
        ([EKU.TIME_STAMPING, EKU.EMAIL_PROTECTION], "signing", "ok"),
        ([EKU.TIME_STAMPING], "any", "ok"),
    ],
)
def test_an_authority_with_limited_uses_passes_on_no_others(limits: list[Any], purpose: Purpose, expected: str) -> None:
    stamper = [(x509.ExtendedKeyUsage([EKU.TIME_STAMPING]), True)] if purpose == "timestamping" else []
    built = under({"extensions": [(x509.ExtendedKeyUsage(limits), False)]}, extensions=stamper)
    assert reason(built, purpose=purpose) == expected


def test_nocheck_frees_no_signers_certificate_from_the_question() -> None:
    top = make("CN=Root", ca=True)
    pretender = top.issue("CN=Leaf", extensions=[NO_CHECK, access("http://ocsp.example.vn")])
    assert reason((top, [], pretender)) == "revocation.unknown"
    revoked = Evidence(crls=(crl(top, [(pretender.cert.serial_number, AT - DAY)]),))
    assert reason((top, [], pretender), evidence=revoked) == "certificate.revoked"
    responder = top.issue("CN=OCSP", extensions=[NO_CHECK, OCSP_SIGNING, access("http://ocsp.example.vn")])
    assert reason((top, [], responder), purpose="ocsp") == "ok"


def test_a_list_for_its_issuers_own_name_speaks_of_certificates_without_points_alone() -> None:
    top = make("CN=Root", ca=True)
    named = Evidence(crls=(crl(top, extensions=[idp(full_name=[directory("CN=Root")])]),))
    whole = Evidence(crls=(crl(top),))
    elsewhere = top.issue("CN=Leaf", extensions=[points(point("http://pki.example.vn/a.crl"))])
    for leaf, evidence, expected in (
        (top.issue("CN=Leaf"), named, "ok"),
        (elsewhere, named, "revocation.unknown"),
        (elsewhere, whole, "ok"),
    ):
        assert reason((top, [], leaf), evidence=evidence) == expected


def test_evidence_that_was_fetched_binds_only_those_who_name_a_source() -> None:
    top = make("CN=Root", ca=True)
    silent = top.authority("CN=Silent")
    leaf = silent.issue("CN=Leaf", extensions=[access("http://ocsp.example.vn")])
    good = (answer(leaf, silent, silent),)
    assert reason((top, [silent], leaf), evidence=Evidence(ocsp=good)) == "revocation.unknown"
    assert reason((top, [silent], leaf), evidence=Evidence(ocsp=good, binding=False)) == "ok"
    other = silent.issue("CN=Other", extensions=[access("http://ocsp.example.vn")])
    assert reason((top, [silent], other), evidence=Evidence(ocsp=good, binding=False)) == "revocation.unknown"
    plain = silent.issue("CN=Plain")
    assert reason((top, [silent], plain), evidence=Evidence(ocsp=good, binding=False)) == "ok"


def test_a_responder_without_sources_of_its_own_is_believed_when_lists_were_fetched_for_others() -> None:
    top = make("CN=Root", ca=True)
    middle = top.authority("CN=Middle", extensions=[access("http://ocsp.example.vn")])
    leaf = middle.issue("CN=Leaf", extensions=[access("http://ocsp.example.vn")])
    responder = middle.issue("CN=Responder", extensions=[OCSP_SIGNING])
    ocsp = (answer(leaf, middle, responder, Say(certs=[responder.cert])),)
    fetched = Evidence(ocsp=ocsp, crls=(crl(top),), binding=False)
    assert reason((top, [middle], leaf), evidence=fetched) == "ok"
    assert reason((top, [middle], leaf), evidence=Evidence(ocsp=ocsp, crls=(crl(top),))) == "revocation.unknown"


def test_an_ocsp_answer_may_hash_the_issuers_name_as_the_certificate_writes_it() -> None:
    top, middle, leaf = world()

    def in_printable(parsed: asn1.Certificate) -> None:
        name = parsed["tbs_certificate"]["issuer"]
        parsed["tbs_certificate"]["issuer"] = asn1.Name.build(name.native, use_printable=True)

    rewritten = edited(leaf, in_printable, middle.key)
    assert rewritten.cert.issuer.public_bytes() != middle.cert.subject.public_bytes()

    def as_written(parsed: asn1.Certificate) -> None:
        parsed["tbs_certificate"]["subject"] = asn1.Certificate.load(rewritten.der)["tbs_certificate"]["issuer"]

    namesake = edited(middle, as_written, top.key)
    for written in (middle, namesake):
        response = answer(rewritten, written, middle)
        said = verify_ocsp(
            response, rewritten.cert, middle.cert, trust=sorted_out([top.cert]), at=AT, policy=PRODUCTION
        )
        assert said.status == "good"


def test_a_serial_number_that_looks_like_a_critical_extension_spoils_no_long_list(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    top = make("CN=Root", ca=True)
    leaf = top.issue("CN=Leaf")
    looks_alike = entry(0x55_01_01_FF_03, AT - DAY)
    critical_reason = entry(7, AT - DAY, (x509.CRLReason(x509.ReasonFlags.superseded), True))
    unknown = entry(8, AT - DAY, (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), b"\x05\x00"), True))
    monkeypatch.setattr(crl_module, "MAX_SCANNED", 0)
    for entries, expected in (
        ([looks_alike], "ok"),
        ([critical_reason], "ok"),
        ([looks_alike, unknown], "revocation.unknown"),
    ):
        assert reason((top, [], leaf), evidence=Evidence(crls=(crl(top, entries=entries),))) == expected


def test_a_certificate_whose_names_cannot_be_read_is_no_anchor_and_no_accident() -> None:
    held = make("CN=Alone", ca=True)
    spoilt = x509.load_der_x509_certificate(held.der.replace(b"Alone", b"\xff\xfe\xfd\xfc\xfb"))
    with pytest.raises(ValueError, match="issuer"):
        _ = spoilt.issuer
    assert sorted_out([spoilt]).anchors == ()
    assert reason((held, [Holder(spoilt, held.key)], held.issue("CN=Leaf"))) == "ok"


def test_nothing_is_said_on_standard_error(tmp_path: Any) -> None:
    _, (middle,), leaf = straight()
    long_name = middle.issue("CN=" + "x" * 60)

    def stretch(parsed: asn1.Certificate) -> None:
        parsed["tbs_certificate"]["subject"] = asn1.Name.build({"common_name": "x" * 90})

    for number, bent in enumerate((edited(leaf, set_serial(-3), middle.key), edited(long_name, stretch, middle.key))):
        (tmp_path / f"{number}.der").write_bytes(bent.der)
    program = (
        "import sys; from datetime import datetime, UTC; from pathlib import Path\n"
        "from gateway.signing.trust import *; from gateway.signing.policy import PRODUCTION\n"
        "for file in sys.argv[1:]:\n"
        "    raw = Path(file).read_bytes()\n"
        "    found = judge_x509(raw, trust=TrustStore(), detached=[raw], at=datetime.now(UTC), policy=PRODUCTION)\n"
        "    print(found.reason)\n"
    )
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
    files = sorted(map(str, tmp_path.iterdir()))
    done = subprocess.run([sys.executable, "-c", program, *files], capture_output=True, text=True, env=environ)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["chain.unknown", "chain.unknown"]
