"""PDF signatures that hold: verdict, scope and exactly which bytes; later signatures and validation data do no harm."""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from pades_papers import (
    BASE,
    LATER,
    NOW,
    approved,
    certified,
    clerk,
    document,
    document_stamp,
    hierarchy,
    hybrid,
    judged,
    letter,
    packed,
    revocation_lists,
    sealed,
    signed,
    stream,
    text,
    update,
    with_store,
)
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import FieldMDPAction, FieldMDPSpec, SigFieldSpec, SigSeedSubFilter, append_signature_field

from gateway.model.verdict import Judgement, Scope
from gateway.signing.pades import certificates
from gateway.signing.policy import PRODUCTION
from gateway.signing.trust import fingerprint

SECOND = "Lê Thị Dung"


def described(title: bytes, modified: bytes) -> bytes:
    xmp = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<r:Description xmlns:d="http://purl.org/dc/elements/1.1/" xmlns:p="http://ns.adobe.com/xap/1.0/">'
        b"<d:title>%s</d:title><p:ModifyDate>%s</p:ModifyDate></r:Description></r:RDF></x:xmpmeta>" % (title, modified)
    )
    return stream(xmp, b"/Type /Metadata /Subtype /XML")


def with_metadata() -> bytes:
    objects = dict(BASE)
    objects[1] = BASE[1].replace(b"/Pages 2 0 R", b"/Pages 2 0 R /Metadata 21 0 R")
    objects[21] = described(b"A", b"2026-01-01T00:00:00Z")
    return signed(document(objects))


def with_fields(*names: str, lock: FieldMDPSpec | None = None) -> bytes:
    """A document without a form but for empty signature fields, the first of which locks others."""
    bare = {**BASE, 1: BASE[1].replace(b"/AcroForm 10 0 R", b""), 3: BASE[3].replace(b"11 0 R 12 0 R", b"")}
    writer = IncrementalPdfFileWriter(io.BytesIO(document(bare)))
    for place, name in enumerate(names):
        box = (5 + 95 * place, 5, 90 + 95 * place, 50)
        append_signature_field(writer, SigFieldSpec(name, box=box, field_mdp_spec=None if place else lock))
    output = io.BytesIO()
    writer.write(output)
    return output.getvalue()


PAPERS: Mapping[str, Callable[[], bytes]] = {
    "a letter": letter,
    "a letter with the seal over the signature": sealed,
    "an approval": approved,
    "a second signature in a new visible field": lambda: signed(approved(), "Hai", clerk(SECOND), box=(5, 5, 90, 50)),
    "a second signature in a new invisible field": lambda: signed(approved(), "Hai", clerk(SECOND)),
    "a second signature in an empty field": lambda: signed(approved(), "Cho", clerk(SECOND)),
    "three signatures": lambda: signed(signed(approved(), "Cho", clerk(SECOND)), "Ba", stamped=True),
    "validation data": lambda: with_store(letter(), revocation_lists()),
    "validation data twice": lambda: with_store(with_store(sealed(), revocation_lists()), revocation_lists()),
    "a document time stamp": lambda: document_stamp(approved()),
    "long term": lambda: document_stamp(with_store(sealed(), revocation_lists())),
    "a signature after long term": lambda: signed(document_stamp(with_store(letter(), revocation_lists())), "Ba"),
    "certified": lambda: certified(1),
    "certified, then stamped": lambda: document_stamp(with_store(certified(1), revocation_lists())),
    "certified, then signed in its field": lambda: signed(certified(2), "Cho", clerk(SECOND)),
    "certified, then signed unseen": lambda: signed(certified(2), "Hai", clerk(SECOND)),
    "annotations allowed, none made": lambda: signed(certified(3), "Cho", clerk(SECOND)),
    "PKCS #7": lambda: signed(document(), subfilter=SigSeedSubFilter.ADOBE_PKCS7_DETACHED),
    "SHA-512": lambda: signed(document(), md_algorithm="sha512"),
    "object streams": lambda: signed(packed()),
    "object streams, two signatures": lambda: signed(signed(packed()), "Cho", clerk(SECOND)),
    "hybrid cross-references, as word processors write": lambda: signed(hybrid()),
    "hybrid cross-references, two signatures": lambda: signed(signed(hybrid()), "Cho", clerk(SECOND)),
    "a second signature in a group of fields": lambda: signed(signed(document(), "Nhom.A"), "Nhom.B", clerk(SECOND)),
    "both fields of a group, made before": lambda: signed(
        signed(with_fields("Nhom.A", "Nhom.B"), "Nhom.A"), "Nhom.B", clerk(SECOND)
    ),
    "fields locked, others signed later": lambda: signed(
        signed(with_fields("A", "B", lock=FieldMDPSpec(FieldMDPAction.INCLUDE, ["X"])), "A"), "B", clerk(SECOND)
    ),
    "a document changed before it was signed": lambda: signed(update(document(), {5: BASE[19]})),
    "another date of change": lambda: update(
        approved(), {15: re.sub(rb"/ModDate[^/>]*", b"", text(approved(), 15))[:-2] + b"/ModDate (D:20261128) >>"}
    ),
    "another date of change in XMP": lambda: update(with_metadata(), {21: described(b"A", b"2026-11-28T00:00:00Z")}),
    "an object written again as it was": lambda: update(approved(), {5: BASE[5], 2: BASE[2]}),
    "white space behind the end": lambda: approved() + b"\r\n\r\n",
    "spaces and zeros behind the end": lambda: approved() + b" \0\0\n",
}


@pytest.mark.parametrize("paper", PAPERS)
def test_a_signature_that_holds_is_valid_for_the_whole_file(paper: str) -> None:
    verdict = judged(PAPERS[paper]())
    assert (verdict.judgement, verdict.reason, verdict.detail) == (Judgement.VALID, "ok", "")
    assert verdict.scope is Scope.FULL
    assert verdict.later_changes == ()


def test_the_verdict_tells_the_last_signer_and_how_many_signatures_there_are() -> None:
    verdict = judged(document_stamp(sealed()))
    assert verdict.signatures == 2
    assert "CN=SỞ CÔNG THƯƠNG" in verdict.signer
    assert verdict.certificate in {fingerprint(one) for one in certificates(sealed())}


@pytest.mark.parametrize("make", [letter, sealed, approved])
def test_the_signed_bytes_are_those_of_the_last_byte_range(make: Callable[[], bytes]) -> None:
    pdf = make()
    (part,) = judged(pdf).signed
    first, second = (tuple(int(edge) for edge in each.split("-")) for each in part.path.split(","))
    zero, gap, resume, length = (int(each) for each in re.findall(rb"/ByteRange\s*\[(.*?)\]", pdf)[-1].split())
    assert (first, second) == ((zero, gap), (resume, resume + length))
    assert part.sha256 == hashlib.sha256(pdf[:gap] + pdf[resume : resume + length]).hexdigest()


def test_all_certificates_of_a_file_are_found() -> None:
    found = {fingerprint(one) for one in certificates(document_stamp(with_store(sealed(), revocation_lists())))}
    assert {fingerprint(hierarchy().stamping("government").certificate)} <= found
    assert {fingerprint(hierarchy().root("government").certificate)} <= found
    assert len(found) >= 5


def test_production_needs_revocation_data_and_takes_it_from_the_file_or_from_beside_it() -> None:
    assert judged(letter(), policy=PRODUCTION).reason == "revocation.unknown"
    lists = {f"{place}.crl": der for place, der in enumerate(revocation_lists())}
    assert judged(letter(), policy=PRODUCTION, detached=lists).reason == "ok"
    assert judged(with_store(letter(), revocation_lists()), policy=PRODUCTION).reason == "ok"


def test_long_term_validation_outlives_the_certificates() -> None:
    pdf = document_stamp(with_store(sealed(), revocation_lists()))
    verdict = judged(pdf, at=NOW + timedelta(days=4 * 365), policy=PRODUCTION)
    assert verdict.reason == "ok"
    assert verdict.time_proven
    assert verdict.signed_at is not None and abs(verdict.signed_at - NOW) < timedelta(minutes=1)


def test_without_a_time_stamp_the_time_is_a_claim() -> None:
    verdict = judged(approved(), at=LATER)
    assert verdict.signed_at is not None
    assert not verdict.time_proven


@pytest.mark.skipif(shutil.which("pdfsig") is None, reason="pdfsig is not installed")
@pytest.mark.parametrize("paper", ["a letter with the seal over the signature", "long term", "object streams"])
def test_the_papers_that_hold_for_us_hold_for_poppler(paper: str, tmp_path: Path) -> None:
    path = tmp_path / "paper.pdf"
    path.write_bytes(PAPERS[paper]())
    told = subprocess.run(["pdfsig", "-nocert", str(path)], capture_output=True, text=True, check=False).stdout
    assert told.count("Signature is Valid") >= judged(path.read_bytes()).signatures, told
