"""`lienthong validate`: what the schema rejects is an error, said once, by clause, path and line."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest
from edxml_content import documents, statuses
from hypothesis import HealthCheck, given, settings

from adapters.vxp import codec, conformance
from adapters.vxp.kinds import KINDS
from gateway.clock import VIETNAM
from gateway.model.document import (
    Attachment,
    Business,
    BusinessType,
    Code,
    Document,
    DocumentChange,
    DocumentType,
    Organization,
    OtherInfo,
    Promulgation,
    Receiver,
    Replacement,
    ResponseFor,
    Signer,
    Staff,
    TraceHeader,
)

FULL = Organization("H46.01", "Sở Nội vụ", "UBND tỉnh", "Số 1", "a@gov.vn", "0234", "0235", "gov.vn")
COMPLETE = Document(
    sender=FULL,
    recipients=(FULL, Organization("000.00.00.G22", "VPCP")),
    document_id="5e515fca",
    code=Code("1", "QĐ"),
    promulgation=Promulgation("Huế", date(2026, 1, 2)),
    type=DocumentType(18, 0, "Công văn"),
    subject="V/v",
    content="V/v",
    signer=Signer("KT.", "Phó Giám đốc", "Lê Văn C"),
    due=date(2026, 2, 1),
    other=OtherInfo(3, "Nội bộ", "TVC", 2, 22, True, ("Phụ lục",)),
    responses=(ResponseFor("H02", "2/A", "x", date(2025, 1, 1)), ResponseFor("H03", "", "y")),
    steering=2,
    task_code="T1",
    application_type="web",
    to_places=("Như trên", "Lưu VT"),
    trace=(TraceHeader("H46.01", datetime(2026, 1, 2, 3, 4, 5, tzinfo=VIETNAM)),),
    business=Business(
        BusinessType.UPDATE,
        "sửa",
        "z",
        True,
        DocumentChange(True, True, (Receiver("H02", 0), Receiver("H03", 1))),
        (Replacement("u", ("H02",)), Replacement("v")),
        Staff("VT", "1", "A", "2", "a@b", "09"),
    ),
    attachments=(Attachment("a.pdf", b"x", description="d"), Attachment("không đuôi", b"y")),
)
STATUS = (Path(__file__).parent.parent / "vectors" / "edxml" / "status.xml").read_text("utf-8")
NS = "http://www.mic.gov.vn/TBT/QCVN_102_2016"


def changed(old: str, new: str) -> bytes:
    assert old in STATUS
    return STATUS.replace(old, new).encode()


def test_a_document_with_every_field_is_strict() -> None:
    raw = codec.encode(COMPLETE)
    assert conformance.is_strict(raw)
    assert conformance.check(raw) == ()


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (changed("2018/09/28</", "28/09/2018</"), ("error", "value.date", "1.12", "ResponseFor/PromulgationDate")),
        (changed("17:25:11", "lúc"), ("error", "value.unreadable", "§4", "Timestamp")),
        (changed(">01<", ">1<"), ("error", "strict.value", "§4", "StatusCode")),
        (changed("<edXML:Fax>0383 843049</edXML:Fax>", "<edXML:Fax/>"), ("error", "element.empty", "1.1", "From/Fax")),
        (changed("<edXML:From>", "<edXML:From a='b'>"), ("error", "strict.structure", "1.1", "From")),
        (changed("<edXML:StatusCode>", "<edXML:Extra/><edXML:StatusCode>"), ("error", "element.unknown", "1", "Extra")),
        (changed(f' xmlns="{NS}"', ""), ("error", "namespace.missing", "§2", "/edXML")),
        (changed(NS, "http://www.go.vn/eDoc"), ("error", "namespace.old", "§2", "/edXML")),
        (changed(f' xmlns:edXML="{NS}"', ""), ("error", "namespace.undeclared", "§2", "/edXML")),
        (changed("<?xml", "00<?xml"), ("error", "text.junk", "§2", "/edXML")),
        (changed("utf-8" if "utf-8" in STATUS else "UTF-8", "UTF-16"), ("error", "text.label", "§2", "/edXML")),
    ],
)
def test_each_fault_is_said_once_as_an_error(raw: bytes, expected: tuple[str, str, str, str]) -> None:
    (found,) = conformance.check(raw)
    assert (found.severity.value, found.code, found.clause) == expected[:3]
    assert found.xpath.endswith(expected[3])
    assert not conformance.exit_ok([found])
    assert not conformance.is_strict(raw)


def test_missing_fields_are_named_one_by_one() -> None:
    raw = codec.encode(Document(Organization("H01"), (), "id", other=OtherInfo()))
    found = conformance.check(raw)
    missing = {one.xpath.rpartition("/")[2] for one in found if one.code == "element.missing"}
    assert missing == {"OrganName", "To", "Code", "PromulgationInfo", "DocumentType", "Subject", "SignerInfo"}
    assert not conformance.exit_ok(found)


def test_notes_and_warnings_let_validation_pass() -> None:
    found = conformance.check(changed("\n", "\r\n"))
    assert [one.code for one in found] == ["text.crlf"]
    assert conformance.exit_ok(found)


@pytest.mark.parametrize(
    ("raw", "code", "line"),
    [
        (b"<EdXMLEnvelope/>", "edxml.root", 1),
        (b"<edXML>\n<a></edXML>", "xml.malformed", 2),
        (b"", "xml.malformed", 1),
        (b"<!DOCTYPE a><a/>", "xml.doctype", 1),
    ],
)
def test_what_cannot_be_read_is_one_error_in_the_words_of_the_refusal(raw: bytes, code: str, line: int) -> None:
    (found,) = conformance.check(raw)
    assert (found.code, found.severity.value, found.line) == (code, "error", line)
    assert found.message_vi and found.remedy_vi
    assert not conformance.is_strict(raw)


def test_no_finding_quotes_the_document() -> None:
    raw = changed(">01<", ">77<").replace(b"2018/09/28 17:25:11", b"bi-mat 4711").replace(b"7816/VPCP", b"8888/XYZ")
    for one in conformance.check(raw):
        texts = one.message_vi + one.message_en + one.remedy_vi + one.remedy_en
        assert "4711" not in texts and "8888" not in texts


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(documents | statuses)
def test_the_reader_and_the_schema_agree_on_what_is_conformant(content) -> None:
    raw = codec.encode(content)
    assert conformance.exit_ok(conformance.check(raw)) == conformance.is_strict(raw)


@pytest.mark.parametrize("code", sorted(KINDS))
def test_every_kind_of_finding_speaks_both_languages(code: str) -> None:
    kind = KINDS[code]
    assert all((kind.vi, kind.en, kind.remedy_vi, kind.remedy_en))
    gaps = {"name": "N", "detail": "D", "length": 2, "most": 1, "count": 3}
    assert all(text.format_map(gaps) for text in (kind.vi, kind.en, kind.remedy_vi, kind.remedy_en))
