"""What is asked of whom for a certificate, with authorities that exist only here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from asn1crypto import algos
from asn1crypto import keys as asn1_keys
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, pkcs7
from cryptography.x509.ocsp import OCSPCertStatus, load_der_ocsp_request
from trust_pki import AT, DAY, OCSP_SIGNING, Holder, Say, access, answer, crl, key, make, point, points

from gateway.model.verdict import NotValid, Verdict
from gateway.ports.signing import FetchFault
from gateway.signing.policy import PRODUCTION
from gateway.signing.trust import Evidence, Gathered, Gatherer, GatherLimits, TrustStore, sorted_out, validate_chain
from gateway.signing.trust.algorithms import verify

OCSP, CRL, ROOT_CRL, CA = (f"http://pki.example.vn/{name}" for name in ("ocsp", "ca.crl", "root.crl", "ca.cer"))


class Still:
    """A clock that stands at AT until it is moved."""

    def __init__(self) -> None:
        self.at = AT

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nobody sleeps here")


@dataclass
class Web:
    """What is published where; everything else is away."""

    published: Mapping[str, bytes]
    asked: list[tuple[str, bytes | None]] = field(default_factory=list)

    async def __call__(self, url: str, *, body: bytes | None = None, **_: Any) -> bytes:
        self.asked.append((url, body))
        if url not in self.published:
            raise FetchFault(url, "HTTP 404")
        return self.published[url]

    @property
    def urls(self) -> list[str]:
        return [url for url, _ in self.asked]


def gatherer(web: Web, trust: TrustStore, clock: Still | None = None, **limits: Any) -> Gatherer:
    return Gatherer(
        web,
        clock or Still(),
        trust=lambda: trust,
        policy=PRODUCTION,
        random=lambda count: b"\x5a" * count,
        limits=GatherLimits(**limits),
    )


def standing(leaf: Holder, trust: TrustStore, gathered: Gathered, pool: tuple[Holder, ...] = ()) -> str:
    try:
        chain = validate_chain(
            leaf.cert,
            pool=[one.cert for one in pool],
            trust=gathered.with_issuers(trust),
            at=AT,
            evidence=gathered.evidence,
            policy=PRODUCTION,
            purpose="signing",
        )
    except NotValid as fault:
        return fault.reason
    return chain.standing


async def test_the_request_names_the_certificate_by_sha1_and_carries_the_nonce_only_if_configured() -> None:
    top = make("CN=Root", ca=True)
    leaf = top.issue("CN=Leaf", extensions=[access(OCSP)])
    for nonce in (False, True):
        web = Web({})
        await gatherer(web, sorted_out([top.cert]), nonce=nonce).gather([leaf.cert])
        body = web.asked[0][1]
        assert body is not None
        request = load_der_ocsp_request(body)
        assert isinstance(request.hash_algorithm, hashes.SHA1)
        assert request.serial_number == leaf.cert.serial_number
        assert [one.value.nonce for one in request.extensions] == ([b"\x5a" * 32] if nonce else [])


async def test_a_responder_whose_own_standing_is_open_is_asked_about_by_list() -> None:
    top = make("CN=Root", ca=True)
    leaf = top.issue("CN=Leaf", extensions=[access(OCSP)])
    responder = top.issue("CN=Responder", extensions=[OCSP_SIGNING, points(point(CRL))])
    said = answer(leaf, top, responder, Say(certs=[responder.cert]))
    trust = sorted_out([top.cert])
    for published, expected in (({CRL: crl(top)}, "good"), ({}, "revocation.unknown")):
        web = Web({OCSP: said, **published})
        gathered = await gatherer(web, trust).gather([leaf.cert])
        assert web.urls == [OCSP, CRL]
        assert standing(leaf, trust, gathered) == expected
    withdrawn = Web({OCSP: said, CRL: crl(top, [(responder.cert.serial_number, AT - DAY)])})
    gathered = await gatherer(withdrawn, trust).gather([leaf.cert])
    assert standing(leaf, trust, gathered) == "good", "by the list, which speaks of the leaf as well"


async def test_one_address_of_each_distribution_point_is_enough() -> None:
    top = make("CN=Root", ca=True)
    several = x509.DistributionPoint(
        full_name=[
            x509.UniformResourceIdentifier("ldap://pki.example.vn/cn=root"),
            x509.UniformResourceIdentifier("http://pki.example.vn/away.crl"),
            x509.UniformResourceIdentifier(CRL),
            x509.UniformResourceIdentifier("http://pki.example.vn/never.crl"),
        ],
        relative_name=None,
        reasons=None,
        crl_issuer=None,
    )
    leaf = top.issue("CN=Leaf", extensions=[points(several)])
    pem = x509.load_der_x509_crl(crl(top)).public_bytes(Encoding.PEM)
    web, trust = Web({CRL: pem}), sorted_out([top.cert])
    gathered = await gatherer(web, trust).gather([leaf.cert])
    assert web.urls == ["http://pki.example.vn/away.crl", CRL]
    assert [fault.url for fault in gathered.faults] == ["http://pki.example.vn/away.crl"]
    assert standing(leaf, trust, gathered) == "good"


async def test_a_list_of_somebody_else_is_not_kept() -> None:
    top, other = make("CN=Root", ca=True), make("CN=Root", ca=True, key_label="another root")
    leaf = top.issue("CN=Leaf", extensions=[points(point(CRL))])
    web = Web({CRL: crl(other)})
    gathered = await gatherer(web, sorted_out([top.cert])).gather([leaf.cert, other.cert])
    assert gathered.evidence.crls == ()
    assert "signature.wrong" in gathered.faults[0].detail


async def test_an_answer_that_is_unknown_or_from_nobody_gives_way_to_the_list() -> None:
    top = make("CN=Root", ca=True)
    leaf = top.issue("CN=Leaf", extensions=[access(OCSP), points(point(CRL))])
    trust = sorted_out([top.cert])
    for said in (answer(leaf, top, top, Say(status=OCSPCertStatus.UNKNOWN)), answer(leaf, top, make("CN=Nobody"))):
        web = Web({OCSP: said, CRL: crl(top)})
        gathered = await gatherer(web, trust).gather([leaf.cert])
        assert gathered.evidence.ocsp == ()
        assert standing(leaf, trust, gathered) == "good"


@pytest.mark.parametrize("form", ["der", "pem", "cms"])
async def test_an_issuer_is_fetched_in_any_form_it_is_published_in(form: str) -> None:
    top = make("CN=Root", ca=True)
    middle = top.authority("CN=Middle")
    leaf = middle.issue("CN=Leaf", extensions=[access(None, CA)])
    body = {
        "der": middle.der,
        "pem": middle.cert.public_bytes(Encoding.PEM),
        "cms": pkcs7.serialize_certificates([top.cert, middle.cert], Encoding.DER),
    }[form]
    trust = sorted_out([top.cert])
    gathered = await gatherer(Web({CA: body}), trust).gather([leaf.cert])
    assert gathered.issuers == (middle.cert,)
    assert standing(leaf, trust, gathered) == "not_published"


async def test_of_two_certificates_of_an_authority_the_one_that_leads_to_an_anchor_counts() -> None:
    top, stranger = make("CN=Root", ca=True), make("CN=Stranger", ca=True)
    there = top.authority("CN=Middle", extensions=[points(point(ROOT_CRL))])
    nowhere = stranger.authority("CN=Middle", extensions=[access("http://elsewhere.example.vn/ocsp")])
    leaf = there.issue("CN=Leaf", extensions=[access(OCSP)])
    web, trust = Web({OCSP: answer(leaf, there, there), ROOT_CRL: crl(top)}), sorted_out([top.cert])
    for pool in ([nowhere, there], [there, nowhere]):
        web.asked.clear()
        gathered = await gatherer(web, trust).gather([leaf.cert, *(one.cert for one in pool)])
        assert sorted(web.urls) == [OCSP, ROOT_CRL]
        assert standing(leaf, trust, gathered, (nowhere, there)) == "good"


async def test_a_failed_source_rests_and_the_verdict_names_it() -> None:
    top = make("CN=Root", ca=True)
    leaf = top.issue("CN=Leaf", extensions=[access(OCSP)])
    web, clock = Web({}), Still()
    asking = gatherer(web, sorted_out([top.cert]), clock, rest=60)
    for _ in range(3):
        gathered = await asking.gather([leaf.cert])
    assert web.urls == [OCSP]
    open_verdict = NotValid("revocation.unknown", "no data").verdict()
    told = gathered.explained(open_verdict).detail
    assert told.startswith(f"no data; the OCSP responder {OCSP}: HTTP 404")
    good = Verdict(open_verdict.judgement, "ok")
    assert gathered.explained(good) == good
    clock.at += timedelta(seconds=60)
    await asking.gather([leaf.cert])
    assert web.urls == [OCSP, OCSP]


async def test_what_came_with_a_file_stays_binding_beside_what_was_fetched() -> None:
    fetched = Gathered(Evidence(ocsp=(b"1",), binding=False))
    assert fetched.joined(Evidence(crls=(b"2",))) == Evidence(ocsp=(b"1",), crls=(b"2",), binding=True)
    assert fetched.joined(Evidence()) == fetched.evidence


async def test_a_flood_of_certificates_makes_a_bounded_number_of_requests() -> None:
    top = make("CN=Root", ca=True)
    leaves = [top.issue("CN=Leaf", extensions=[access(f"http://h{number}.example.vn/")]).cert for number in range(30)]
    web = Web({})
    await gatherer(web, sorted_out([top.cert]), certificates=10).gather(leaves)
    assert len(web.urls) == 10


def test_a_key_limited_to_certain_pss_parameters_makes_no_other_signature() -> None:
    signer = key("rsa")

    def scheme(digest: str, salt: int) -> dict[str, Any]:
        mask = {"algorithm": "mgf1", "parameters": {"algorithm": digest}}
        return {"hash_algorithm": {"algorithm": digest}, "mask_gen_algorithm": mask, "salt_length": salt}

    plain = asn1_keys.PublicKeyInfo.load(
        signer.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    )["public_key"].parsed  # fmt: skip
    spki = asn1_keys.PublicKeyInfo(
        {"algorithm": {"algorithm": "rsassa_pss", "parameters": scheme("sha256", 32)}, "public_key": plain}
    )
    for digest, kind, salt, expected in (
        ("sha256", hashes.SHA256(), 32, True),
        ("sha256", hashes.SHA256(), 20, False),
        ("sha512", hashes.SHA512(), 64, False),
    ):
        signature = signer.sign(b"x", padding.PSS(padding.MGF1(kind), salt), kind)
        named = algos.SignedDigestAlgorithm({"algorithm": "rsassa_pss", "parameters": scheme(digest, salt)})
        assert verify(spki, named, signature, b"x", PRODUCTION) is expected
