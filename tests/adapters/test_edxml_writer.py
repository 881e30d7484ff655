"""The writer: the vendor's form to the letter, and a named refusal for what XML cannot carry."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from adapters.vxp import codec
from gateway.errors import Refusal
from gateway.model.document import (
    Attachment,
    Business,
    Code,
    Document,
    DocumentStatus,
    Organization,
    OtherInfo,
    Promulgation,
    ResponseFor,
    TraceHeader,
)

VECTORS = Path(__file__).parent.parent / "vectors" / "edxml"
NS = "http://www.mic.gov.vn/TBT/QCVN_102_2016"
PLAIN = Document(Organization("H01"), (Organization("H02"),), "id")


def shape(raw: bytes) -> list[str]:
    """Tags in order as written, prefixes included, without the parts that are ours or the vendor's alone."""
    text = re.sub(r"<Signature>.*?</Signature>\s*", "", raw.decode(), flags=re.DOTALL)
    return [tag for tag in re.findall(r"<(/?[A-Za-z:]+)", text) if not tag.endswith("MimeType")]


@pytest.mark.parametrize(
    "name", ["edoc_new.xml", "edoc_revocation.xml", "edoc_update.xml", "edoc_replacement.xml", "status.xml"]
)
def test_tags_prefixes_and_order_are_those_of_the_library(name: str) -> None:
    raw = (VECTORS / name).read_bytes()
    assert shape(codec.encode(codec.decode(raw).content)) == shape(raw)


def test_namespaces_are_declared_where_the_library_declares_them() -> None:
    text = codec.encode(replace(PLAIN, attachments=(Attachment("a.pdf", b"x"),))).decode()
    assert text.startswith(
        f'<?xml version="1.0" encoding="UTF-8"?>\n<edXML xmlns="{NS}">\n  <edXML:edXMLEnvelope xmlns:edXML="{NS}">\n'
    )
    assert f'<edXML:ContentTransferEncoded xmlns:edXML="{NS}">UEsDB' in text
    assert '<edXML:edXMLManifest version="1.0">' in text
    assert "Signature" not in text


def test_a_status_has_neither_trace_nor_body_nor_attachments() -> None:
    text = codec.encode(DocumentStatus(Organization("H01"), ResponseFor("H02", "1/A", "id"), 3)).decode()
    assert "<edXML:StatusCode>03</edXML:StatusCode>" in text
    assert not re.search("TraceHeaderList|edXMLBody|AttachmentEncoded|:To>", text)


def test_times_are_written_in_vietnamese_local_time() -> None:
    hop = TraceHeader("H01", datetime(2025, 12, 31, 18, 0, 5, tzinfo=UTC))
    text = codec.encode(replace(PLAIN, trace=(hop,), promulgation=Promulgation("", date(987, 1, 2)))).decode()
    assert "<edXML:Timestamp>2026/01/01 01:00:05</edXML:Timestamp>" in text
    assert "<edXML:PromulgationDate>0987/01/02</edXML:PromulgationDate>" in text


def test_content_type_is_zip_when_wrapped_and_the_media_type_is_kept_beside_it() -> None:
    document = replace(PLAIN, attachments=(Attachment("a.pdf", b"x", "application/pdf"),))
    wrapped, plain = codec.encode(document).decode(), codec.encode(document, wrap=False).decode()
    assert wrapped.count("ContentType>application/zip<") == 2
    assert "<MimeType>application/pdf</MimeType>" in wrapped
    assert plain.count("ContentType>application/pdf<") == 2
    assert ">eA==<" in plain


def test_ids_join_references_to_attachments_and_are_made_when_absent_or_repeated() -> None:
    twins = tuple(Attachment(f"{n}.pdf", b"x", content_id=given) for n, given in enumerate(["7", "7", "", " "]))
    text = codec.encode(replace(PLAIN, attachments=twins)).decode()
    ids = re.findall(r"ContentId>(cid:[^<]+)<", text)
    assert ids[:4] == ids[4:]
    assert len(set(ids)) == 4
    assert ids[0] == "cid:7"


BAD = "a\x00b"
HEADER = "/edXML/edXMLEnvelope/edXMLHeader"


@pytest.mark.parametrize(
    ("document", "where"),
    [
        (replace(PLAIN, subject=BAD), f"{HEADER}/MessageHeader/Subject"),
        (replace(PLAIN, subject="\ud800"), f"{HEADER}/MessageHeader/Subject"),
        (replace(PLAIN, subject="\ufffe"), f"{HEADER}/MessageHeader/Subject"),
        (replace(PLAIN, subject="\x0b"), f"{HEADER}/MessageHeader/Subject"),
        (replace(PLAIN, code=Code("1", BAD)), f"{HEADER}/MessageHeader/Code/CodeNotation"),
        (replace(PLAIN, other=OtherInfo(appendixes=(BAD,))), f"{HEADER}/MessageHeader/OtherInfo/Appendixes/Appendix"),
        (replace(PLAIN, business=Business(reason=BAD)), f"{HEADER}/TraceHeaderList/Bussiness/BussinessDocReason"),
        (
            replace(PLAIN, attachments=(Attachment(BAD, b""),)),
            "/edXML/edXMLEnvelope/edXMLBody/edXMLManifest/Reference/AttachmentName",
        ),
        (
            replace(PLAIN, attachments=(Attachment("a.pdf\n", b""),)),
            "/edXML/AttachmentEncoded/Attachment/AttachmentName",
        ),
    ],
)
def test_what_xml_cannot_carry_is_refused_by_field(document: Document, where: str) -> None:
    with pytest.raises(Refusal) as caught:
        codec.encode(document)
    assert (caught.value.code, caught.value.where) == ("edxml.strict", where)


@pytest.mark.parametrize("status", [-1, 100])
def test_a_status_code_that_has_no_two_digits_is_refused(status: int) -> None:
    with pytest.raises(Refusal) as caught:
        codec.encode(DocumentStatus(Organization("H01"), ResponseFor("H02"), status))
    assert caught.value.code == "edxml.strict"


def test_markup_in_text_stays_text() -> None:
    nasty = "]]> <b>&amp; \"'\r\n\t--> <![CDATA[x"
    assert codec.decode(codec.encode(replace(PLAIN, subject=nasty))).content.subject == nasty
