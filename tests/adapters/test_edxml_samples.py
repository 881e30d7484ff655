"""Published samples: each is understood, and what we write from it is valid to the strict schema."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.vxp import codec, conformance
from gateway.model.digest import content_digest
from gateway.model.document import BusinessType, Document, DocumentStatus

VECTORS = Path(__file__).parent.parent / "vectors" / "edxml"
COMPLETE = sorted(path.name for path in VECTORS.glob("*.xml") if path.name != "received_from_axis_2025.xml")
HEADER = "/edXML/edXMLEnvelope/edXMLHeader"
RECEIVED = [
    ("error", "element.missing", "1.1", f"{HEADER}/MessageHeader/From/OrganName"),
    ("note", "organ.opaque", "1.1", f"{HEADER}/MessageHeader/From/OrganId"),
    ("error", "element.missing", "1.2", f"{HEADER}/MessageHeader/To/OrganName"),
    ("note", "organ.opaque", "1.2", f"{HEADER}/MessageHeader/To/OrganId"),
    ("error", "element.missing", "1.8", f"{HEADER}/MessageHeader/SignerInfo/Competence"),
    ("error", "element.missing", "1.8", f"{HEADER}/MessageHeader/SignerInfo/Position"),
    ("warning", "text.null", "2.1", f"{HEADER}/TraceHeaderList/TraceHeader[1]/OrganId"),
    ("error", "element.missing", "2.1", f"{HEADER}/TraceHeaderList/TraceHeader[2]/OrganId"),
    ("warning", "business.missing", "2.2", f"{HEADER}/TraceHeaderList/Bussiness"),
    ("error", "text.stray", "§3.8", "/edXML/AttachmentEncoded/Attachment"),
    ("warning", "attachment.type", "§3.8", "/edXML/AttachmentEncoded/Attachment/ContentType"),
]


def sample(name: str) -> bytes:
    return (VECTORS / name).read_bytes()


def test_the_samples_are_all_there() -> None:
    assert len(COMPLETE) == 12


@pytest.mark.parametrize("name", COMPLETE)
def test_a_complete_sample_is_written_strictly_valid_and_read_back_equal(name: str) -> None:
    content = codec.decode(sample(name)).content
    written = codec.encode(content)
    assert conformance.is_strict(written)
    assert conformance.exit_ok(conformance.check(written))
    again = codec.decode(written).content
    assert again == content
    assert content_digest(again) == content_digest(content)


@pytest.mark.parametrize("name", COMPLETE)
def test_each_sample_is_what_its_name_says(name: str) -> None:
    content = codec.decode(sample(name)).content
    if name.startswith("status"):
        number = name.removesuffix(".xml").rpartition("_")[2]
        assert isinstance(content, DocumentStatus)
        assert content.status == (int(number) if number.isdigit() else 1)
        assert content.about.document_id == "000.00.00.G22,2015/09/30,7816/VPCP-TTĐT"
    else:
        kinds = {"new": 0, "revocation": 1, "update": 2, "replacement": 3}
        assert isinstance(content, Document)
        assert content.business_type == BusinessType(kinds[name[5:-4]])
        assert content.attachments[0].wrapping is not None


def test_library_output_without_stray_text_is_conformant_as_it_stands() -> None:
    assert conformance.check(sample("status.xml")) == ()
    assert conformance.is_strict(sample("status.xml"))


def test_the_file_from_the_axis_has_exactly_these_findings() -> None:
    found = conformance.check(sample("received_from_axis_2025.xml"))
    assert [(one.severity.value, one.code, one.clause, one.xpath) for one in found] == RECEIVED
    lenient = codec.decode(sample("received_from_axis_2025.xml")).findings
    assert [(one.code, one.clause, one.xpath) for one in lenient] == [row[1:] for row in RECEIVED]


def test_the_file_from_the_axis_is_understood_and_passed_on() -> None:
    content = codec.decode(sample("received_from_axis_2025.xml")).content
    assert isinstance(content, Document)
    assert content.document_id == "5e515fca-3627-4f2e-b517-7169acdc8bda"
    assert content.business_type is BusinessType.NEW
    (attachment,) = content.attachments
    assert attachment.wrapping is not None and attachment.media_type == "application/pdf"
    assert codec.decode(codec.encode(content)).content == content
