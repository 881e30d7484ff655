"""What is written is read back equal, whatever the content; bytes of attachments survive under any name."""

from __future__ import annotations

import io
import unicodedata
import zipfile
from dataclasses import replace

from edxml_content import documents, names, statuses, words
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from adapters.vxp import codec
from gateway.formats import zipsafe
from gateway.model.digest import content_digest
from gateway.model.document import Attachment, Document, Organization, TraceHeader

calm = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def _with(attachment: Attachment) -> Document:
    return Document(Organization("H01"), (Organization("H02"),), "id", attachments=(attachment,))


@calm
@given(documents, st.booleans())
def test_a_document_is_read_back_equal(document: Document, wrap: bool) -> None:
    assert codec.decode(codec.encode(document, wrap=wrap)).content == document


@calm
@given(statuses)
def test_a_status_is_read_back_equal(status) -> None:
    assert codec.decode(codec.encode(status)).content == status


@calm
@given(documents)
def test_encoding_is_deterministic(document: Document) -> None:
    assert codec.encode(document) == codec.encode(document)


@calm
@given(st.binary(max_size=500), names, words, st.booleans())
@example(b"", "", "a/b", True)
@example(b"x", "không đuôi", "a/b", True)
@example(b"x", "../../etc/passwd", "a/b", False)
@example(b"x", "thư mục\\tệp.PDF", "a/b", True)
@example(b"x", " a.pdf ", "a/b", True)
@example(b"x", "a." + "dài" * 200, "a/b", True)
@example(b"x", "İ.İ", "a/b", True)
@example(b"x", ".", "a/b", True)
def test_any_bytes_under_any_name_survive(content: bytes, name: str, media_type: str, wrap: bool) -> None:
    attachment = Attachment(name, content, media_type)
    read = codec.decode(codec.encode(_with(attachment), wrap=wrap)).content
    assert read.attachments == (attachment,)


@calm
@given(st.binary(max_size=100), names, st.booleans())
def test_a_file_that_looks_like_a_wrapping_survives(content: bytes, name: str, wrap: bool) -> None:
    attachment = Attachment(name, zipsafe.wrap(name, content))
    read = codec.decode(codec.encode(_with(attachment), wrap=wrap)).content
    assert read.attachments == (attachment,)


@calm
@given(documents)
def test_the_digest_survives_a_relay_that_zips_again_and_adds_a_hop(document: Document) -> None:
    relayed = replace(
        document,
        attachments=tuple(replace(one, content_id="", media_type="application/pdf") for one in document.attachments),
        trace=(*document.trace, TraceHeader("000.00.00.G22")),
    )
    there = codec.decode(codec.encode(document)).content
    back = codec.decode(codec.encode(relayed, wrap=False)).content
    assert content_digest(there) == content_digest(back) == content_digest(document)


def test_a_very_compressible_file_survives_the_bomb_limits() -> None:
    blank = Attachment("trang trắng.bmp", bytes(5 << 20))
    assert codec.decode(codec.encode(_with(blank))).content.attachments == (blank,)


def test_the_raw_form_is_kept_beside_the_content() -> None:
    raw = codec.encode(_with(Attachment("Tờ trình.pdf", b"%PDF")))
    wrapping = codec.decode(raw).content.attachments[0].wrapping
    assert wrapping is not None
    with zipfile.ZipFile(io.BytesIO(wrapping.raw)) as archive:
        assert [entry.filename.rpartition(".")[2] for entry in archive.infolist()] == ["pdf"]


def test_text_that_is_not_nfc_is_normalised_on_both_ways() -> None:
    decomposed = unicodedata.normalize("NFD", "Quyết định")
    document = Document(Organization("H01"), (), "id", subject=decomposed)
    raw = codec.encode(document)
    assert decomposed.encode() not in raw
    assert codec.decode(raw).content.subject == "Quyết định"
    reading = codec.decode(raw.replace("Quyết định".encode(), decomposed.encode()))
    assert reading.content.subject == "Quyết định"
    assert "text.nfc" in [one.code for one in reading.findings]
