"""Signatures made on PDFs: sound for readers that share no code with us, and made only where they mean something."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import cms, tsp
from cryptography.hazmat.primitives.asymmetric import ec
from pades_sign_tools import NOW, LocalKey, hierarchy, key, needs, pdf, pdfsig, seal, signed, signed_letter
from pyhanko.keys import load_cert_from_pemder
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import copy_into_new_writer
from pyhanko.sign import fields, signers
from pyhanko.sign.fields import MDPPerm, SigFieldSpec
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from gateway.errors import Refusal
from gateway.model.verdict import Judgement, NotValid
from gateway.signing.pades.appearance import At, Seal, attachment
from gateway.signing.pades.sign_evidence import add_evidence
from gateway.signing.pades.sign_prepare import FIELD, prepare
from gateway.signing.pades.sign_request import Request, Signer
from gateway.signing.policy import COMPAT
from gateway.signing.question import Question
from gateway.signing.trust import Evidence, load
from gateway.signing.trust.armour import der_length
from gateway.signing.verify import judge
from sandbox.pki.forgery import forge
from sandbox.pki.identity import Identity
from sandbox.pki.signing import _signer
from sandbox.pki.stamping import Stamping

A4 = "/MediaBox [0 0 595.28 841.89]"
SCHEMES = ("rsa-pkcs1v15", "rsa-pss", "ecdsa")


def token(content: bytes) -> bytes:
    """A time stamp of the sandbox's authority."""
    imprint = {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": hashlib.sha256(content).digest()}
    asked = tsp.TimeStampReq({"version": 1, "message_imprint": imprint, "cert_req": True})
    answer = tsp.TimeStampResp.load(Stamping(hierarchy(), "government").answer(asked.dump()))
    stamp: bytes = answer["time_stamp_token"].dump()
    return stamp


def prepared(content: bytes, by: LocalKey | None = None, **wishes: Any) -> Any:
    return prepare(content, Signer.of(by or key()), Request(**{"at": NOW, "level": "B-B", **wishes}))


def message(content: bytes, at: int = -1) -> cms.SignedData:
    """The CMS inside a signature."""
    return PdfFileReader(io.BytesIO(content)).embedded_signatures[at].signed_data


def attributes(content: bytes) -> dict[str, Any]:
    return {one["type"].native: one["values"][0] for one in message(content)["signer_infos"][0]["signed_attrs"]}


def context(folder: Path) -> ValidationContext:
    hierarchy().write_trust(folder)
    root = load_cert_from_pemder(str(folder / "government-root.pem"))
    return ValidationContext(trust_roots=[root], moment=NOW, revocation_mode="soft-fail")


def accepted(folder: Path, content: bytes) -> list[bool]:
    """What pyHanko's validator says of each signature."""
    reader = PdfFileReader(io.BytesIO(content))
    trusted = context(folder)
    return [validate_pdf_signature(one, trusted, trusted).bottom_line for one in reader.embedded_signatures]


def refusal(content: bytes, **wishes: Any) -> str:
    with pytest.raises(Refusal) as refused:
        prepared(content, **wishes)
    return refused.value.code


@needs("pdfsig")
@pytest.mark.parametrize("scheme", SCHEMES)
def test_poppler_pyhanko_and_our_judge_find_every_scheme_valid(tmp_path: Path, scheme: Any) -> None:
    content = signed(pdf(), by=key(scheme))
    assert pdfsig(tmp_path, content) == ["Signature is Valid"]
    assert accepted(tmp_path, content) == [True]
    verdict = judge(content, Question("pdf", load(tmp_path), NOW, COMPAT))
    assert (verdict.judgement, verdict.scope.value) == (Judgement.VALID, "full")


@pytest.mark.parametrize(("curve", "digest"), [(ec.SECP384R1(), "sha384"), (ec.SECP521R1(), "sha512")])
def test_the_digest_is_as_strong_as_the_curve(tmp_path: Path, curve: ec.EllipticCurve, digest: str) -> None:
    own = _with_curve(curve)
    content = signed(pdf(), by=own)
    assert message(content)["signer_infos"][0]["digest_algorithm"]["algorithm"].native == digest
    assert accepted(tmp_path, content) == [True]


def _with_curve(curve: ec.EllipticCurve) -> LocalKey:
    from datetime import timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    private = ec.generate_private_key(curve)
    issuing = hierarchy().issuing("government").identity
    usage = x509.KeyUsage(True, True, False, False, False, False, False, False, False)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Sở Công Thương")]))
        .issuer_name(issuing.certificate.subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=9))
        .add_extension(usage, critical=True)
        .sign(issuing.key, hashes.SHA256())
    )
    return LocalKey(Identity(certificate, private, (issuing.certificate,)))


@needs("pdfsig")
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_time_stamp_over_the_signatures_value_goes_in_as_an_unsigned_attribute(tmp_path: Path, scheme: Any) -> None:
    own = key(scheme)
    ready = prepared(pdf(), own, level="B-T")
    signature = own.signature(ready.to_sign, ready.digest)
    content = ready.complete(signature, token(signature))
    assert pdfsig(tmp_path, content) == ["Signature is Valid"]
    trusted = context(tmp_path)
    status = validate_pdf_signature(PdfFileReader(io.BytesIO(content)).embedded_signatures[0], trusted, trusted)
    assert status.bottom_line
    assert status.timestamp_validity is not None
    assert status.timestamp_validity.valid
    unsigned = message(content)["signer_infos"][0]["unsigned_attrs"]
    assert [one["type"].native for one in unsigned] == ["signature_time_stamp_token"]
    verdict = judge(content, Question("pdf", load(tmp_path), NOW, COMPAT))
    assert verdict.judgement is Judgement.VALID
    assert verdict.time_proven


def test_the_cms_is_as_the_baseline_wants_it() -> None:
    content = signed(pdf(), by=key("rsa-pss"))
    found = attributes(content)
    assert set(found) == {"content_type", "message_digest", "signing_certificate_v2", "cms_algorithm_protection"}
    named = found["signing_certificate_v2"]["certs"][0]
    assert named["cert_hash"].native in [one.chosen.sha256 for one in message(content)["certificates"]]
    assert named["cert_hash"].native == hashlib.sha256(key("rsa-pss").certificate).digest()
    dictionary = PdfFileReader(io.BytesIO(content)).embedded_signatures[0].sig_object
    assert dictionary["/SubFilter"] == "/ETSI.CAdES.detached"
    assert dictionary["/Filter"] == "/Adobe.PPKLite"
    assert dictionary["/M"] == "D:20261122080005+07'00'"
    assert "/Cert" not in dictionary
    assert message(content)["encap_content_info"]["content"].native is None
    issued = [one.chosen.issuer == one.chosen.subject for one in message(content)["certificates"]]
    assert issued == [False, False], "the path without the root"


@needs("openssl")
def test_openssl_verifies_the_cms_over_the_covered_bytes(tmp_path: Path) -> None:
    content = signed(signed_letter(), by=key("rsa-pss"))
    one = PdfFileReader(io.BytesIO(content)).embedded_signatures[-1]
    start, length, other, rest = (int(number) for number in one.byte_range)
    assert (start, other + rest) == (0, len(content))
    covered = content[:length] + content[other:]
    hierarchy().write_trust(tmp_path)
    for name, written in (("cms", one.pkcs7_content[: der_length(one.pkcs7_content)]), ("covered", covered)):
        (tmp_path / name).write_bytes(written)
    asked = [
        "-inform",
        "DER",
        "-binary",
        "-in",
        "cms",
        "-content",
        "covered",
        "-CAfile",
        "government-root.pem",
        "-purpose",
        "any",
    ]
    at = str(int(NOW.timestamp()))
    words = ["openssl", "cms", "-verify", *asked, "-attime", at, "-out", os.devnull]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


@needs("pdfsig")
def test_signatures_that_were_there_stay_valid_and_byte_for_byte(tmp_path: Path) -> None:
    before = signed_letter()
    once = signed(before, appearance=Seal(seal()))
    twice = signed(once, appearance=attachment("7/SCT", NOW))
    assert once.startswith(before)
    assert twice.startswith(once)
    assert pdfsig(tmp_path, twice) == ["Signature is Valid"] * 3
    assert accepted(tmp_path, twice) == [True] * 3
    names = [one.field_name for one in PdfFileReader(io.BytesIO(twice)).embedded_signatures]
    assert names[1:] == [FIELD, f"{FIELD}2"]
    assert judge(twice, Question("pdf", load(tmp_path), NOW, COMPAT)).judgement is Judgement.VALID


@needs("pdfsig")
@pytest.mark.parametrize("version", ["1.4", "1.7", "2.0"])
def test_any_version_of_pdf_and_a_file_without_an_id_can_be_signed(tmp_path: Path, version: str) -> None:
    content = signed(pdf(A4, A4, version=version), appearance=attachment("7/SCT", NOW))
    assert pdfsig(tmp_path, content) == ["Signature is Valid"]
    assert accepted(tmp_path, content) == [True]


@needs("pdfsig")
def test_a_file_of_object_streams_is_updated_with_one(tmp_path: Path) -> None:
    writer = copy_into_new_writer(PdfFileReader(io.BytesIO(pdf(A4, A4))), writer_kwargs={"stream_xrefs": True})
    target = io.BytesIO()
    writer.write(target)
    content = signed(target.getvalue(), appearance=attachment("7/SCT", NOW))
    assert pdfsig(tmp_path, content) == ["Signature is Valid"]
    assert accepted(tmp_path, content) == [True]


def test_the_same_request_gives_the_same_bytes_also_in_another_process() -> None:
    wishes = {"appearance": attachment("7/SCT", NOW)}
    one, two = prepared(pdf(), **wishes), prepared(pdf(), **wishes)
    assert one.to_sign == two.to_sign
    assert pickle.loads(pickle.dumps(one)) == one
    assert prepared(pdf(), appearance=attachment("8/SCT", NOW)).to_sign != one.to_sign


def test_neither_clock_nor_metadata_of_the_document_is_touched() -> None:
    given = pdf(A4, objects=["<</Title(Cong van)/ModDate(D:20200101000000Z)>>"], trailer="/Info 4 0 R")
    reader = PdfFileReader(io.BytesIO(signed(given)))
    assert reader.trailer["/Info"]["/ModDate"] == "D:20200101000000Z"


def test_a_signature_of_another_key_never_leaves() -> None:
    ready = prepared(pdf())
    other = LocalKey(hierarchy().organisation("Sở Khác"))
    with pytest.raises(NotValid) as refused:
        ready.complete(other.signature(ready.to_sign, ready.digest))
    assert refused.value.reason == "signature.wrong"


def test_a_scheme_that_does_not_fit_the_key_is_refused_before_the_key_is_asked() -> None:
    with pytest.raises(NotValid) as refused:
        prepared(pdf(), LocalKey(key("ecdsa").identity, "rsa-pss"))
    assert refused.value.reason == "algorithm.unsupported"


def test_a_token_too_large_for_its_room_is_an_error_and_no_corrupt_file() -> None:
    own = key()
    ready = prepared(pdf(), own, level="B-T", token_room=1000)
    signature = own.signature(ready.to_sign, ready.digest)
    stamp = token(signature)
    assert len(stamp) > 1200
    with pytest.raises(Refusal) as refused:
        ready.complete(signature, stamp)
    assert refused.value.code == "sign.room"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_token_that_just_fits_is_taken(scheme: Any) -> None:
    own = key(scheme)
    room = len(token(b"measure")) + 8
    ready = prepared(pdf(), own, level="B-T", token_room=room)
    signature = own.signature(ready.to_sign, ready.digest)
    assert ready.complete(signature, token(signature)).startswith(pdf())


@pytest.mark.parametrize(("level", "stamp"), [("B-T", None), ("B-B", b"\x30\x00")])
def test_level_and_time_stamp_must_agree(level: Any, stamp: bytes | None) -> None:
    own = key()
    ready = prepared(pdf(), own, level=level)
    with pytest.raises(Refusal) as refused:
        ready.complete(own.signature(ready.to_sign, ready.digest), stamp)
    assert refused.value.code == "sign.no_stamp"


@pytest.mark.parametrize("stamp", [b"", b"\x30\x00", b"garbage", signed_letter()[:500]])
def test_a_token_that_is_none_is_refused(stamp: bytes) -> None:
    own = key()
    ready = prepared(pdf(), own, level="B-T")
    with pytest.raises(NotValid) as refused:
        ready.complete(own.signature(ready.to_sign, ready.digest), stamp)
    assert refused.value.reason == "timestamp.invalid"


def test_a_dynamic_form_is_not_signed() -> None:
    assert refusal(pdf(catalog="/AcroForm <</Fields[]/XFA(x)>>")) == "pdf.xfa"
    assert refusal(pdf(catalog="/NeedsRendering true")) == "pdf.xfa"


def test_an_encrypted_file_is_not_signed() -> None:
    writer = copy_into_new_writer(PdfFileReader(io.BytesIO(pdf())))
    writer.encrypt("owner", "user")
    target = io.BytesIO()
    writer.write(target)
    assert refusal(target.getvalue()) == "pdf.encrypted"


def certified(level: MDPPerm, *, prepared_field: bool = False) -> bytes:
    """A file its author certified, by pyHanko."""
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf(A4)))
    if prepared_field:
        fields.append_signature_field(writer, SigFieldSpec("ChoConDau", box=(50, 50, 250, 250)))
    meta = signers.PdfSignatureMetadata(field_name="TacGia", certify=True, docmdp_permissions=level)
    target = io.BytesIO()
    signers.PdfSigner(meta, signer=_signer(key().identity)).sign_pdf(writer, output=target)
    return target.getvalue()


def test_a_certified_file_is_signed_only_as_its_author_allows(tmp_path: Path) -> None:
    assert refusal(certified(MDPPerm.NO_CHANGES)) == "pdf.certified"
    for level in (MDPPerm.FILL_FORMS, MDPPerm.ANNOTATE):
        assert refusal(certified(level), appearance=attachment("7/SCT", NOW)) == "pdf.certified"
        content = signed(certified(level, prepared_field=True), appearance=Seal(seal()), field="ChoConDau")
        assert accepted(tmp_path, content) == [True, True]
        assert accepted(tmp_path, signed(certified(level))) == [True, True]


def test_a_file_whose_signature_is_broken_gets_no_further_one() -> None:
    letter = signed_letter()
    at = letter.index(b"/MediaBox")
    assert refusal(letter[:at] + letter[at:].replace(b"595.2", b"594.2", 1)) == "pdf.signature_broken"
    assert refusal(letter + b"\n%%EOF junk") in ("pdf.signature_broken", "pdf.malformed")


@pytest.mark.parametrize("name", ["byte_range", "copied_signature", "tampered"])
def test_a_forgery_whose_arithmetic_fails_is_not_sealed(name: str) -> None:
    from test_pades_sign_story import paper

    assert refusal(dict(forge(paper()))[name]) == "pdf.signature_broken"


def hybrid(content: bytes) -> bytes:
    """*content* as Word writes it: a second, empty section that points to a cross-reference stream."""
    size = int(PdfFileReader(io.BytesIO(content)).trailer["/Size"])
    previous = int(content[: content.rindex(b"%%EOF")].split(b"startxref")[-1])
    stream = b"%d 0 obj\n<</Type/XRef/Size %d/W[1 2 1]/Index[0 1]/Root 1 0 R/Length 4>>stream\n" % (size, size + 1)
    at = len(content)
    body = content + stream + b"\x00\x00\x00\xff" + b"\nendstream\nendobj\n"
    tail = b"xref\n0 0\ntrailer\n<</Size %d/Root 1 0 R/Prev %d/XRefStm %d>>\nstartxref\n%d\n%%%%EOF\n"
    return body + tail % (size + 1, previous, at, len(body))


@needs("pdfsig")
def test_a_hybrid_file_as_word_writes_it_can_be_signed_twice(tmp_path: Path) -> None:
    content = hybrid(pdf(A4))
    assert PdfFileReader(io.BytesIO(content)).xrefs.hybrid_xrefs_present
    once = signed(content)
    twice = signed(once, appearance=attachment("7/SCT", NOW))
    assert pdfsig(tmp_path, twice) == ["Signature is Valid"] * 2


def test_a_hybrid_section_behind_a_signature_is_refused() -> None:
    assert refusal(hybrid(signed(pdf(A4)))) == "pdf.hybrid"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a PDF",
        b"%PDF-1.7\n%%EOF",
        pdf()[:300],
        pdf(catalog="/AcroForm 7"),
        pdf("/MediaBox [0 0 0 0]"),
        pdf(),
        pdf("/MediaBox [0 0 595 842]/Rotate 45"),
        pdf("/MediaBox [0 0 (a) 842]"),
        pdf("/MediaBox [0 0 595 842]/UserUnit 0"),
        pdf("/MediaBox [0 0 595 842]/Kids[3 0 R]"),
    ],
    ids=["empty", "text", "bare", "cut", "form", "no area", "no page", "turned 45", "letters", "unit", "circle"],
)
def test_a_malformed_file_is_refused_in_words(content: bytes, request: pytest.FixtureRequest) -> None:
    if request.node.callspec.id == "no page":
        content = content.replace(b"/Kids[3 0 R]", b"/Kids[]     ")
    assert refusal(content, appearance=attachment("7/SCT", NOW)) in ("pdf.malformed", "sign.place")


def test_damaged_files_never_end_in_a_traceback() -> None:
    dice = random.Random(4)
    given = signed_letter()
    ends: dict[str, int] = {}
    for _ in range(120):
        damaged = bytearray(given)
        for _ in range(dice.randint(1, 4)):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        try:
            prepared(bytes(damaged), appearance=Seal(seal()))
        except (Refusal, NotValid) as fault:
            code = fault.code if isinstance(fault, Refusal) else fault.reason
            ends[code] = ends.get(code, 0) + 1
    assert ends.get("pdf.signature_broken", 0) > 20, ends


def test_a_named_field_is_filled_or_made_and_a_signed_one_refused(tmp_path: Path) -> None:
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf(A4)))
    fields.append_signature_field(writer, SigFieldSpec("ConDau", box=(100, 100, 300, 300)))
    target = io.BytesIO()
    writer.write(target)
    content = signed(target.getvalue(), appearance=Seal(seal()), field="ConDau")
    one = PdfFileReader(io.BytesIO(content)).embedded_signatures
    assert [signature.field_name for signature in one] == ["ConDau"]
    assert accepted(tmp_path, content) == [True]
    assert refusal(content, field="ConDau") == "sign.field"
    assert prepared(content, field="Khac").field == "Khac"


def test_reason_and_place_stand_in_the_dictionary() -> None:
    content = signed(pdf(), reason="Phát hành", location="Tây Ninh")
    dictionary = PdfFileReader(io.BytesIO(content)).embedded_signatures[0].sig_object
    assert (dictionary["/Reason"], dictionary["/Location"]) == ("Phát hành", "Tây Ninh")


@needs("pdfsig")
def test_evidence_is_kept_in_the_file_and_leaves_signatures_valid(tmp_path: Path) -> None:
    from sandbox.pki.revocation import revocation_list

    issuing = hierarchy().issuing("government")
    crl = revocation_list(hierarchy(), issuing)
    content = signed(signed_letter(), appearance=Seal(seal()))
    certificates = (issuing.identity.der(), hierarchy().stamping("government").der())
    kept = add_evidence(content, certificates, Evidence(crls=(crl,)))
    assert kept.startswith(content)
    store = PdfFileReader(io.BytesIO(kept)).root["/DSS"]
    assert [len(store[name]) for name in ("/Certs", "/CRLs")] == [2, 1]
    assert store["/CRLs"][0].data == crl
    assert pdfsig(tmp_path, kept) == ["Signature is Valid"] * 2
    assert accepted(tmp_path, kept) == [True, True]
    assert add_evidence(kept, certificates, Evidence(crls=(crl,))) == kept, "nothing new, nothing written"


@pytest.mark.parametrize("evidence", [Evidence(crls=(b"x",)), Evidence(ocsp=(b"\x30\x03\x0a\x01",))])
def test_evidence_nobody_can_read_is_refused(evidence: Evidence) -> None:
    with pytest.raises(NotValid) as refused:
        add_evidence(signed(pdf()), (), evidence)
    assert refused.value.reason == "malformed"


def test_a_signed_field_on_page_two_does_not_confuse_the_place_of_the_next(tmp_path: Path) -> None:
    first = signed(pdf(A4, A4), appearance=Seal(seal(), At(2, 60, 60)))
    second = signed(first, appearance=Seal(seal(), At(1, 60, 60)))
    found = [one.sig_field.raw_get("/P").idnum for one in PdfFileReader(io.BytesIO(second)).embedded_signatures]
    assert found == [4, 3]
