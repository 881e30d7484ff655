"""XAdES signatures that are read: levels B, T and LT, and what is said of them."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from asn1crypto import core, tsp
from asn1crypto import x509 as asn1
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from gateway.formats import safexml
from gateway.model.verdict import Judgement, NotValid, Scope
from gateway.signing import verify as door
from gateway.signing.policy import COMPAT, PRODUCTION
from gateway.signing.trust import describe
from gateway.signing.xades import certificates, verify_xades
from gateway.signing.xmldsig import NewReference, Rules, Transform, prepare, signatures_in
from gateway.signing.xmldsig.uris import C14N, C14N_11, ENVELOPED, EXC_C14N
from sandbox.pki.identity import Identity
from tests.unit.trust_pki import AT, DAY, Holder, crl
from tests.unit.xades_tools import (
    COUNTERSIGNED,
    DOCUMENT,
    DS,
    SHA256,
    XADES,
    XADES_141,
    Shape,
    add_unsigned,
    b64,
    made,
    question,
    refused,
    sign_bytes,
    signed,
    stamp_element,
    stamped,
    v1,
    v2,
    value_octets,
    verdict,
    world,
    written,
)

CLAIMED = datetime(2026, 11, 20, 8, 0, tzinfo=timezone(timedelta(hours=7)))


def test_level_b_is_valid_with_its_claimed_time() -> None:
    found = verdict(made())
    assert (found.judgement, found.reason, found.scope) == (Judgement.VALID, "ok", Scope.FULL)
    assert found.signer == describe.subject(world().signer.certificate)
    assert found.certificate == hashlib.sha256(world().signer.der()).hexdigest()
    assert (found.signed_at, found.time_proven, found.signatures) == (CLAIMED, False, 1)


def test_the_signed_bytes_are_the_content_and_not_the_properties() -> None:
    found = verdict(made())
    assert len(found.signed) == 1
    verified = verify_xades(signatures_in(safexml.parse(made()).root)[0], question=question())
    assert [one.sha256 for one in verified.references] == [found.signed[0].sha256]
    assert b"SigningTime" not in verified.references[0].content


def test_a_plain_xml_signature_is_no_xades() -> None:
    reference = NewReference("", (Transform(ENVELOPED), Transform(EXC_C14N)))
    prepared = prepare(
        [reference],
        scheme="ecdsa",
        certificate=world().signer.certificate,
        chain=world().signer.chain,
        place=etree.fromstring(DOCUMENT),
    )
    content = prepared.complete(sign_bytes(world().signer, prepared.to_sign))
    assert refused(content).reason == "signature.properties"
    assert refused(DOCUMENT.encode()).reason == "signature.absent"


def test_every_signature_of_a_file_must_hold() -> None:
    first = signed(Shape(references=(NewReference("#to", (Transform(EXC_C14N),)),)))
    document = written(first).decode().removeprefix("<?xml version='1.0' encoding='UTF-8'?>")
    again = {"signature_id": "S2", "target": "#S2", "properties_id": "P2", "references": (NewReference("#to"),)}
    both = made(document, identity=world().other, **again)
    found = verdict(both)
    assert (found.signatures, found.scope) == (2, Scope.PARTIAL)
    assert describe.subject(world().other.certificate) in found.detail
    bad = refused(made(document, identity=world().stranger, **again))
    assert (bad.judgement, bad.where[:11]) == (Judgement.INDETERMINATE, "Signature 2")


def test_the_common_door_judges_a_xades_file() -> None:
    assert door.judge(made(), question()).judgement is Judgement.VALID
    assert door.judge(b"<a", question()).judgement is Judgement.MALFORMED


@pytest.mark.parametrize("form", ["http://uri.etsi.org/01903/v1.1.1#", "http://uri.etsi.org/01903/v1.2.2#", XADES])
@pytest.mark.parametrize("typed", ["http://uri.etsi.org/01903#SignedProperties", "own"])
def test_older_namespaces_are_read(form: str, typed: str) -> None:
    kind = f"{form}SignedProperties" if typed == "own" else typed
    content = made(form=form, type=kind, certificate=v1(world().signer))
    assert verdict(content).signed_at == CLAIMED


def _issuer_serial(identity: Identity, number: int | None = None) -> bytes:
    issuer = asn1.Certificate.load(identity.der()).issuer
    name = asn1.GeneralName("directory_name", issuer)
    serial = core.Integer(number if number is not None else identity.certificate.serial_number)
    return bytes(tsp.IssuerSerial({"issuer": [name], "serial_number": serial}).dump())


def _spellings(identity: Identity) -> dict[str, str]:
    plain = identity.certificate.issuer.rfc4514_string()
    parts = [one.rfc4514_string() for one in identity.certificate.issuer.rdns]
    return {
        "RFC 4514": v1(identity),
        "blanks": v1(identity, issuer=plain.replace(",", ", ")),
        "the other way round": v1(identity, issuer=",".join(parts)),
        "other case": v1(identity, issuer=plain.upper().replace("CN=", "cn=")),
        "quoted": v1(identity, issuer='CN="CA, chuyên dùng",C=VN'),
        "hexadecimal": v1(identity, issuer="2.5.4.3=#130141"),
        "V2": v2(identity),
        "V2 with issuer": v2(identity, _issuer_serial(identity)),
        "both": v1(identity) + v2(identity),
    }


@pytest.mark.parametrize("spelling", _spellings(world().signer))
def test_the_certificate_may_be_named_in_many_spellings(spelling: str) -> None:
    assert verdict(made(certificate=_spellings(world().signer)[spelling])).judgement is Judgement.VALID


@pytest.mark.parametrize(
    "certificate",
    [
        v1(world().other),
        v2(world().other),
        v1(world().signer, serial=4711),
        v1(world().signer, issuer="CN=Another,C=VN"),
        v2(world().signer, _issuer_serial(world().other)),
        v2(world().signer, _issuer_serial(world().signer, 4711)),
        v1(world().signer) + v2(world().other),
        "",
    ],
    ids=["other v1", "other v2", "serial", "issuer", "other in v2", "serial in v2", "two that differ", "none"],
)
def test_a_certificate_that_is_not_the_signers_is_refused(certificate: str) -> None:
    assert refused(made(certificate=certificate)).reason == "signature.properties"


def test_broken_names_of_the_certificate_are_refused() -> None:
    junk = v2(world().signer, b"\x30\x03\x02\x01")
    assert refused(made(certificate=junk)).judgement in (Judgement.INVALID, Judgement.MALFORMED)


def test_the_signed_key_info_may_stand_for_the_certificate() -> None:
    info = (
        f"<ds:KeyInfo xmlns:ds='{DS}' Id='K'><ds:X509Data><ds:X509Certificate>{b64(world().signer.der())}"
        f"</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"
    )
    covered = (NewReference("#K", (Transform(EXC_C14N),)),)
    found = verdict(made(certificate="", key_info=info, more_references=covered))
    assert found.judgement is Judgement.VALID
    assert refused(made(certificate="", key_info=info)).reason == "signature.properties"


def test_a_sha1_digest_of_the_certificate_counts_under_compat_only() -> None:
    content = made(certificate=v1(world().signer, digest="sha1"))
    assert verdict(content, policy=COMPAT).judgement is Judgement.VALID
    assert refused(content).reason == "algorithm.forbidden"


@pytest.mark.parametrize("method", [EXC_C14N, C14N, C14N_11, None])
def test_a_time_stamp_proves_the_time(method: str | None) -> None:
    found = verdict(stamped(method=method))
    assert (found.judgement, found.signed_at, found.time_proven) == (Judgement.VALID, AT - DAY, True)


def test_a_time_stamp_keeps_a_signature_valid_after_its_certificate_expired() -> None:
    signer = world().expired_signer()
    bare = made(identity=signer)
    assert refused(bare).reason == "certificate.expired"
    early = stamped(lambda octets: world().stamp(octets, AT - 15 * DAY), Shape(identity=signer))
    assert verdict(early).signed_at == AT - 15 * DAY
    late = stamped(lambda octets: world().stamp(octets, AT - 5 * DAY), Shape(identity=signer))
    assert refused(late).reason == "certificate.expired"


def test_the_earliest_of_several_stamps_counts() -> None:
    signature = signed()
    octets = value_octets(signature)
    for days in (1, 3, 2):
        add_unsigned(signature, stamp_element(world().stamp(octets, AT - days * DAY)))
    assert verdict(written(signature)).signed_at == AT - 3 * DAY


def test_a_stamp_of_an_authority_nobody_trusts_proves_nothing() -> None:
    trust = world().trust("government")
    found = verdict(stamped(), trust=trust)
    assert (found.judgement, found.signed_at, found.time_proven) == (Judgement.VALID, CLAIMED, False)
    assert "time stamp could not be verified" in found.detail
    signer = Shape(identity=world().expired_signer())
    old = stamped(lambda octets: world().stamp(octets, AT - 15 * DAY), signer)
    assert refused(old, trust=trust).judgement is Judgement.INDETERMINATE


def _lists(*revoked: tuple[Identity, datetime]) -> list[bytes]:
    """CRLs of both trees that name *revoked*."""
    found = []
    for tree in ("public", "government"):
        for authority in (world().hierarchy.root(tree), world().hierarchy.issuing(tree)):
            gone = [
                (one.certificate.serial_number, since)
                for one, since in revoked
                if one.certificate.issuer == authority.certificate.subject
            ]
            found.append(crl(Holder(authority.certificate, authority.identity.key), gone, begins=AT - DAY / 24))
    return found


def _with_values(crls: list[bytes], *, keep: bool = True) -> bytes:
    signature = signed(Shape(chain=False))
    octets = value_octets(signature)
    above = [one.public_bytes(Encoding.DER) for one in world().signer.chain]
    certificate_values = "".join(
        f"<x:EncapsulatedX509Certificate>{b64(der)}</x:EncapsulatedX509Certificate>" for der in above
    )
    lists = "".join(f"<x:EncapsulatedCRLValue>{b64(der)}</x:EncapsulatedCRLValue>" for der in crls)
    add_unsigned(
        signature,
        stamp_element(world().stamp(octets)),
        f"<x:CertificateValues xmlns:x='{XADES}'>{certificate_values}</x:CertificateValues>",
        f"<x:RevocationValues xmlns:x='{XADES}'><x:CRLValues>{lists}</x:CRLValues></x:RevocationValues>",
    )
    return written(signature)


def test_level_lt_needs_nothing_from_outside() -> None:
    """Production wants revocation data; here it comes with the signature."""
    found = verdict(_with_values(_lists()), policy=PRODUCTION)
    assert (found.judgement, found.time_proven) == (Judgement.VALID, True)
    assert refused(stamped(), policy=PRODUCTION).reason.startswith("revocation.")


def test_kept_answers_are_judged_like_any_other() -> None:
    before = _with_values(_lists((world().signer, AT - 2 * DAY)))
    assert refused(before, policy=PRODUCTION).reason == "certificate.revoked"
    after = _with_values(_lists((world().signer, AT - DAY / 2)))
    assert verdict(after, policy=PRODUCTION).judgement is Judgement.VALID


def test_certificates_to_ask_about_include_those_kept_and_those_in_stamps() -> None:
    found = certificates(_with_values(_lists()))
    assert {world().signer.certificate, *world().signer.chain} <= set(found)
    assert world().hierarchy.stamping("public").certificate in found
    assert certificates(b"<a/>") == () == certificates(b"\x00")


def test_stamps_that_are_not_examined_are_named_and_change_nothing() -> None:
    signature = signed()
    token = world().stamp(b"whatever")
    archive = stamp_element(token).replace("SignatureTimeStamp", "ArchiveTimeStamp").replace(XADES, XADES_141)
    add_unsigned(signature, archive)
    found = verdict(written(signature))
    assert (found.judgement, found.time_proven) == (Judgement.VALID, False)
    assert "ArchiveTimeStamp" in found.detail


def test_a_format_is_about_a_reference_of_the_signature() -> None:
    good = "<x:DataObjectFormat ObjectReference='#R1'><x:MimeType>text/xml</x:MimeType></x:DataObjectFormat>"
    assert verdict(made(content_properties=good)).judgement is Judgement.VALID
    for name in ("#R2", "R1", "", "#to"):
        bad = good.replace("#R1", name)
        assert refused(made(content_properties=bad)).reason == "signature.properties"


POLICY = (
    "<x:SignaturePolicyIdentifier><x:SignaturePolicyId><x:SigPolicyId><x:Identifier>urn:oid:1.2.3/rules.pdf"
    "</x:Identifier></x:SigPolicyId><x:SigPolicyHash><ds:DigestMethod Algorithm='http://www.w3.org/2001/04/xmlenc#"
    "sha256'/><ds:DigestValue>{}</ds:DigestValue></x:SigPolicyHash></x:SignaturePolicyId>"
    "</x:SignaturePolicyIdentifier>"
).format(b64(hashlib.sha256(b"the rules").digest()))


def test_a_signature_policy_is_recorded_and_checked_where_its_document_is_at_hand() -> None:
    implied = "<x:SignaturePolicyIdentifier><x:SignaturePolicyImplied/></x:SignaturePolicyIdentifier>"
    assert verdict(made(more=implied)).detail == ""
    content = made(more=POLICY)
    assert "not at hand" in verdict(content).detail
    assert "checked" in verdict(content, detached={"rules.pdf": b"the rules"}).detail
    assert refused(content, detached={"rules.pdf": b"other rules"}).reason == "signature.properties"


def _countersigned(signature: object, by: Identity, reference: NewReference) -> bytes:
    add_unsigned(signature, f"<x:CounterSignature xmlns:x='{XADES}'/>")
    place = signature.find(f".//{{{XADES}}}CounterSignature")  # type: ignore[attr-defined]
    prepared = prepare(
        [reference], scheme="ecdsa", certificate=by.certificate, chain=by.chain, place=place, signature_id="C"
    )
    prepared.insert(sign_bytes(by, prepared.to_sign))
    return written(signature)


VALUE = NewReference("#SV", (Transform(EXC_C14N),), type=COUNTERSIGNED)


def test_a_counter_signature_is_counted() -> None:
    found = verdict(_countersigned(signed(), world().other, VALUE))
    assert (found.judgement, found.signatures) == (Judgement.VALID, 2)
    assert found.signer == describe.subject(world().signer.certificate)


def test_a_counter_signature_that_does_not_hold_is_named() -> None:
    stranger = refused(_countersigned(signed(), world().stranger, VALUE))
    assert stranger.judgement is Judgement.INDETERMINATE
    assert "CounterSignature" in stranger.where
    elsewhere = NewReference("#to", (Transform(EXC_C14N),), type=COUNTERSIGNED)
    assert refused(_countersigned(signed(), world().other, elsewhere)).reason == "signature.place"


def test_content_outside_is_found_by_the_resolver() -> None:
    outside = (NewReference("a.txt", content=b"text", id="R1"),)
    signature = signed(Shape(references=outside), None)
    rules = Rules(resolve=lambda uri: {"a.txt": b"text"}[uri or ""])
    verified = verify_xades(signature, question=question(), rules=rules)
    assert [(one.uri, one.content) for one in verified.references] == [("a.txt", b"text")]
    with pytest.raises(NotValid):
        verify_xades(signature, question=question(), rules=Rules(resolve=lambda _: b"other"))
    assert verdict(written(signature), detached={"a.txt": b"text"}).scope is Scope.FULL
    assert refused(written(signature), detached={"a.txt": b"other"}).reason == "signature.digest"


def test_a_part_of_the_document_is_a_partial_scope() -> None:
    part = (NewReference("#to", (Transform(EXC_C14N),), id="R1"),)
    assert verdict(made(references=part)).scope is Scope.PARTIAL


def test_a_time_without_zone_is_utc_and_nonsense_is_malformed() -> None:
    assert verdict(made(time="2026-11-20T01:00:00.5")).signed_at == datetime(2026, 11, 20, 1, 0, 0, 500000, UTC)
    assert verdict(made(time=None)).signed_at is None
    for said in ("2026-13-20T01:00:00Z", "yesterday", "2026-11-20", "2026-11-20T25:00:00Z"):
        assert refused(made(time=said)).judgement is Judgement.MALFORMED


def test_an_rsa_signer_and_a_signature_that_envelops_hold() -> None:
    assert verdict(made(identity=world().rsa_signer)).judgement is Judgement.VALID
    inside = (NewReference("#O", (Transform(EXC_C14N),), id="R1"),)
    content = f"<content xmlns='' Id='O'>{'số'}</content>"
    signature = signed(Shape(references=inside, second_object=content), None)
    assert verdict(written(signature)).scope is Scope.FULL


def test_a_signed_manifest_must_hold_as_far_as_it_is_at_hand() -> None:
    listed = (
        f"<ds:Manifest Id='m'><ds:Reference URI='x.txt'><ds:DigestMethod Algorithm='{SHA256}'/>"
        f"<ds:DigestValue>{b64(hashlib.sha256(b'octets').digest())}</ds:DigestValue></ds:Reference></ds:Manifest>"
    )
    content = made(None, references=[NewReference("#m", (Transform(EXC_C14N),))], second_object=listed)
    absent = verdict(content)
    assert (absent.reason, absent.scope) == ("ok", Scope.PARTIAL)
    assert "1 references of signed manifests" in absent.detail
    assert verdict(content, detached={"x.txt": b"octets"}).scope is Scope.FULL
    with pytest.raises(NotValid, match=r"signature\.digest"):
        verdict(content, detached={"x.txt": b"changed"})
