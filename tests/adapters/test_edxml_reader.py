"""The lenient reader: each listed deviation is repaired and reported; only what cannot be understood is refused."""

from __future__ import annotations

import base64
import codecs
from dataclasses import replace
from datetime import date, datetime

import pytest

from adapters.vxp import codec
from adapters.vxp.findings import MAX_FINDINGS
from gateway.clock import VIETNAM
from gateway.errors import Refusal
from gateway.formats import zipsafe
from gateway.model.document import (
    Attachment,
    Business,
    BusinessType,
    Code,
    Document,
    DocumentStatus,
    DocumentType,
    Organization,
    Promulgation,
    ResponseFor,
    Signer,
    TraceHeader,
)

NS = "http://www.mic.gov.vn/TBT/QCVN_102_2016"
DOCUMENT = Document(
    sender=Organization("000.00.00.G22", name="Văn phòng Chính phủ"),
    recipients=(Organization("H46.01", name="Sở Nội vụ"),),
    document_id="000.00.00.G22,2015/09/30,7816/VPCP-TTĐT",
    code=Code("7816", "VPCP-TTĐT"),
    promulgation=Promulgation("Hà Nội", date(2015, 9, 30)),
    type=DocumentType(1, 0, "Công văn"),
    subject="V/v kết nối",
    content="V/v kết nối",
    signer=Signer("TL. BỘ TRƯỞNG", "Cục trưởng", "Nguyễn Văn B"),
    due=date(2018, 9, 28),
    trace=(TraceHeader("000.00.00.G22", datetime(2018, 9, 28, 1, 2, 3, tzinfo=VIETNAM)),),
    business=Business(reason="Văn bản điện tử mới"),
    attachments=(Attachment("Tờ trình.pdf", b"%PDF-1.7", "application/pdf", content_id="209"),),
)
STATUS = DocumentStatus(
    Organization("000.00.00.H41", name="UBND"),
    ResponseFor("000.00.00.G22", "7816/VPCP", "id"),
    3,
    at=datetime(2018, 9, 28, 17, 25, 11, tzinfo=VIETNAM),
)
GOOD = codec.encode(DOCUMENT).decode()
MESSAGE_AT = "/edXML/edXMLEnvelope/edXMLHeader/MessageHeader"
PAYLOAD_AT = "/edXML/AttachmentEncoded/Attachment/ContentTransferEncoded"


def changed(*pairs: tuple[str, str], text: str = GOOD) -> bytes:
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return text.encode()


def codes(raw: bytes) -> list[str]:
    return [one.code for one in codec.decode(raw).findings]


def refusal(raw: bytes) -> Refusal:
    with pytest.raises(Refusal) as caught:
        codec.decode(raw)
    return caught.value


def test_library_output_has_no_findings() -> None:
    assert codes(GOOD.encode()) == []
    assert codes(codec.encode(STATUS)) == []


OTHER_PREFIXES = changed(("edXML:", "ns0:"), ("xmlns:edXML", "xmlns:ns0"))
NO_PREFIXES = changed(("<edXML:", "<"), ("</edXML:", "</"))
NO_NAMESPACE = changed(("<edXML:", "<"), ("</edXML:", "</"), (f' xmlns="{NS}"', ""), (f' xmlns:edXML="{NS}"', ""))
SENDER_ID, SENDER_NAME = (
    "<edXML:OrganId>000.00.00.G22</edXML:OrganId>",
    "<edXML:OrganName>Văn phòng Chính phủ</edXML:OrganName>",
)
SWAPPED = changed((f"{SENDER_ID}\n          {SENDER_NAME}", f"{SENDER_NAME}{SENDER_ID}"))
ENCODED_START = GOOD.index(f'<edXML:ContentTransferEncoded xmlns:edXML="{NS}">')
PAYLOAD = GOOD[GOOD.index(">", ENCODED_START) + 1 : GOOD.index("</edXML:ContentTransferEncoded>")]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (OTHER_PREFIXES, ["namespace.prefix"]),
        (NO_PREFIXES, ["namespace.prefix"]),
        (NO_NAMESPACE, ["namespace.missing"]),
        (changed((NS, "http://www.go.vn/eDoc")), ["namespace.old"]),
        (changed((NS, "http://www.e-doc.vn/Schema/")), ["namespace.old"]),
        (changed((f' xmlns:edXML="{NS}"', "")), ["namespace.undeclared"]),
        (codecs.BOM_UTF8 + GOOD.encode(), ["text.bom"]),
        (changed(("\n", "\r\n")), ["text.crlf"]),
        (GOOD.replace("UTF-8", "UTF-16").encode("utf-16"), ["text.utf16"]),
        (changed(("UTF-8", "utf-16")), ["text.label"]),
        (b"12" + GOOD.encode(), ["text.junk"]),
        (SWAPPED, ["element.order"]),
        (changed(("2015/09/30</", "30/09/2015</")), ["value.date"]),
        (changed(("2015/09/30</", "30/9/2015</")), ["value.date"]),
        (changed(("2015/09/30</", "2015-09-30T00:00:00+07:00</")), ["value.date"]),
        (changed(("2018/09/28 01:02:03", "28/09/2018 01:02:03")), ["value.date"]),
        (changed(("2018/09/28 01:02:03", "2018-09-27T18:02:03.120Z")), ["value.date"]),
        (changed(("<edXML:Content>", "<edXML:ResponseFor /><edXML:Content>")), ["element.order", "element.empty"]),
        (
            changed(("<edXML:OtherInfo>", "<edXML:OtherInfo><edXML:ReferenceCodes/>")),
            ["element.order", "element.ignored"],
        ),
        (
            changed(
                (
                    "<edXML:Subject>",
                    '<x:Subject xmlns:x="urn:x">?</x:Subject><edXML:Extra><a/></edXML:Extra><edXML:Subject>',
                )
            ),
            ["element.unknown", "element.unknown"],
        ),
        (changed(("</edXML:ContentTransferEncoded>", f"</edXML:ContentTransferEncoded>{PAYLOAD}")), ["text.stray"]),
        (changed(("<edXML:To>", "<edXML:To>lạc")), ["text.stray"]),
        (changed(("cid:", "")), ["attachment.id"]),
        (changed((PAYLOAD, f"\n{PAYLOAD[:20]} \r\n{PAYLOAD[20:]}\t")), ["text.crlf", "attachment.spaces"]),
        (changed(("<ContentType>application/zip", "<ContentType>application/pdf")), ["attachment.type"]),
        (
            changed(
                (
                    "<edXML:TraceHeaderList>",
                    '<edXML:TraceHeaderList id="1A2B3C4D" version="1.0" mustUnderstand="1" '
                    'actor="http://schemas.xmlsoap.org/soap/actor/next">',
                )
            ),
            ["element.dotnet"],
        ),
        (
            changed(
                (
                    "<edXML:Reference>",
                    '<edXML:Reference xmlns:xlink="http://www.w3.org/1999/xlink" '
                    'xlink:href="cid:209" xlink:role="XLinkRole" xlink:type="simple">',
                )
            ),
            ["element.dotnet"],
        ),
        (changed(("<edXML:Reference>", '<edXML:Reference xlink:href="">')), ["namespace.undeclared", "element.dotnet"]),
        (changed(("</edXML:edXMLHeader>", "<edXML:DigitalSignature/></edXML:edXMLHeader>")), ["element.dotnet"]),
        (
            changed(
                ("</edXML:edXMLHeader>", '<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"/></edXML:edXMLHeader>')
            ),
            ["signature.ignored"],
        ),
        (
            changed(("</edXML:edXMLHeader>", "<Signature><SignedInfo/></Signature></edXML:edXMLHeader>")),
            ["signature.ignored"],
        ),
        (changed(("V/v kết nối</edXML:Subject>", "\n V/v <!-- chú thích -->kết nối \n</edXML:Subject>")), []),
        (changed(("<edXML:DueDate>", "<!-- c --><?pi?><edXML:DueDate>")), []),
        (changed(("V/v kết nối</edXML:Subject>", "V/v kê\u0301t nô\u0301i</edXML:Subject>")), ["text.nfc"]),
        (changed(("<edXML:Paper>0", "<edXML:Paper>false")), []),
    ],
)
def test_a_deviation_is_repaired_and_reported(raw: bytes, expected: list[str]) -> None:
    reading = codec.decode(raw)
    assert reading.content == DOCUMENT
    assert [one.code for one in reading.findings] == expected


def without(text: str, tag: str) -> str:
    start = text.index(f"<edXML:{tag}>")
    end = text.index(f"</edXML:{tag}>", start) + len(f"</edXML:{tag}>")
    return text[:start] + text[end:]


@pytest.mark.parametrize(
    ("raw", "content", "expected"),
    [
        (without(GOOD, "Bussiness").encode(), replace(DOCUMENT, business=None), ["business.missing"]),
        (without(GOOD, "DueDate").encode(), replace(DOCUMENT, due=None), []),
        (changed(("2018/09/28</", "</")), replace(DOCUMENT, due=None), ["element.empty"]),
        (changed(("2018/09/28</", "null</")), replace(DOCUMENT, due=None), ["text.null"]),
        (changed(("2018/09/28</", "2018/02/30</")), replace(DOCUMENT, due=None), ["value.unreadable"]),
        (changed(("2018/09/28</", "mai</")), replace(DOCUMENT, due=None), ["value.unreadable"]),
        (without(GOOD, "DocumentId").encode(), DOCUMENT, ["element.missing", "document.id_derived"]),
        (
            changed(("H46.01<", "vxp.saas.03<")),
            replace(DOCUMENT, recipients=(Organization("vxp.saas.03", name="Sở Nội vụ"),)),
            ["organ.opaque"],
        ),
        (
            changed(("<edXML:To>", "<edXML:To><edXML:OrganId>H46.01</edXML:OrganId></edXML:To><edXML:To>")),
            replace(DOCUMENT, recipients=(Organization("H46.01"), *DOCUMENT.recipients)),
            ["element.missing", "organ.repeated"],
        ),
        (
            changed(("<edXML:BussinessDocType>0", "<edXML:BussinessDocType>1")),
            replace(DOCUMENT, business=replace(DOCUMENT.business, type=BusinessType.RECALL)),
            [],
        ),
        (
            changed((">0</edXML:Priority>", ">9</edXML:Priority>")),
            replace(DOCUMENT, other=replace(DOCUMENT.other, priority=9)),
            ["value.range"],
        ),
        (changed((">0</edXML:Priority>", ">cao</edXML:Priority>")), DOCUMENT, ["value.unreadable"]),
        (changed(("false</edXML:Direction>", "có</edXML:Direction>")), DOCUMENT, ["value.unreadable"]),
        (
            changed(("7816</edXML:CodeNumber>", "781612345678</edXML:CodeNumber>")),
            replace(DOCUMENT, code=Code("781612345678", "VPCP-TTĐT")),
            ["text.length"],
        ),
        (changed(("Tờ trình.pdf</AttachmentName>", "Tờ trình.pdf \n</AttachmentName>")), DOCUMENT, []),
    ],
)
def test_what_is_missing_or_odd_leaves_the_rest_understood(raw: bytes, content: Document, expected: list[str]) -> None:
    reading = codec.decode(raw)
    assert reading.content == content
    assert [one.code for one in reading.findings] == expected


@pytest.mark.parametrize(
    ("raw", "code", "where"),
    [
        (f'<EdXMLEnvelope xmlns="{NS}"/>'.encode(), "edxml.root", "/*"),
        (f'<edXMLEnvelope xmlns="{NS}"/>'.encode(), "edxml.root", "/*"),
        (b'<edXML xmlns="urn:other"/>', "edxml.root", "/*"),
        (f'<edXML xmlns="{NS}"/>'.encode(), "edxml.root", "/edXML/edXMLEnvelope"),
        (b"<edXML><edXMLEnvelope>x</edXMLEnvelope></edXML>", "edxml.missing", "/edXML/edXMLEnvelope/edXMLHeader"),
        (without(GOOD, "From").encode(), "edxml.missing", f"{MESSAGE_AT}/From/OrganId"),
        (
            changed(("000.00.00.G22</edXML:OrganId>", "null</edXML:OrganId>")),
            "edxml.missing",
            f"{MESSAGE_AT}/From/OrganId",
        ),
        (without(without(GOOD, "DocumentId"), "Code").encode(), "edxml.missing", f"{MESSAGE_AT}/DocumentId"),
        (
            changed(("7816/VPCP-TTĐT</edXML:DocumentId>", "x" * 256 + "</edXML:DocumentId>")),
            "edxml.value",
            f"{MESSAGE_AT}/DocumentId",
        ),
        (
            changed(("<edXML:BussinessDocType>0", "<edXML:BussinessDocType>7")),
            "edxml.value",
            "/edXML/edXMLEnvelope/edXMLHeader/TraceHeaderList/Bussiness/BussinessDocType",
        ),
        (changed((PAYLOAD, PAYLOAD[:-5])), "edxml.base64", PAYLOAD_AT),
        (changed((PAYLOAD, PAYLOAD[:-1] + "\ufffd")), "edxml.base64", PAYLOAD_AT),
        (changed((PAYLOAD, PAYLOAD + "AAAA=")), "edxml.base64", PAYLOAD_AT),
        (changed((PAYLOAD, "<b/>")), "edxml.base64", PAYLOAD_AT),
        (
            without(GOOD.replace(f' xmlns:edXML="{NS}">{PAYLOAD}', ">"), "ContentTransferEncoded").encode(),
            "edxml.missing",
            PAYLOAD_AT,
        ),
    ],
)
def test_what_cannot_be_understood_is_refused_with_its_place(raw: bytes, code: str, where: str) -> None:
    caught = refusal(raw)
    assert (caught.code, caught.where) == (code, where)


def test_reference_without_file_and_file_without_reference_are_reported() -> None:
    raw = changed(("<edXML:ContentId>cid:209", "<edXML:ContentId>cid:210"))
    assert codec.decode(raw).content == DOCUMENT
    assert codes(raw) == ["attachment.unlisted", "attachment.absent"]


def test_the_manifest_fills_in_what_the_attachment_lacks() -> None:
    raw = changed(("      <AttachmentName>Tờ trình.pdf</AttachmentName>\n", ""))
    reading = codec.decode(raw)
    assert reading.content == DOCUMENT
    assert [one.code for one in reading.findings] == ["element.missing"]


def test_attachments_inside_the_envelope_are_found() -> None:
    start, end = GOOD.index("  <AttachmentEncoded>"), GOOD.index("</AttachmentEncoded>") + len("</AttachmentEncoded>")
    block = GOOD[start:end]
    raw = GOOD.replace(block, "").replace("</edXML:edXMLEnvelope>", block + "</edXML:edXMLEnvelope>").encode()
    assert codec.decode(raw).content == DOCUMENT
    assert codes(raw) == ["namespace.prefix", "element.place"]


def test_a_zip_that_is_no_wrapping_is_kept_whole_and_reported() -> None:
    other = zipsafe.wrap("x.doc", b"noi dung")
    raw = changed((PAYLOAD, base64.b64encode(other).decode()))
    assert codec.decode(raw).content.attachments[0].content == other
    assert codes(raw) == ["attachment.zip_kept"]


def test_a_status_is_told_by_its_content_and_garbage_in_it_is_kept() -> None:
    text = codec.encode(STATUS).decode()
    code, organ_id = "<edXML:Code>7816/VPCP<", "<edXML:ResponseFor>\n          <edXML:OrganId>000.00.00.G22<"
    assert code in text and organ_id in text
    swapped = text.replace(organ_id, organ_id.replace("000.00.00.G22", "7816/VPCP"))
    swapped = swapped.replace(code, "<edXML:Code>000.00.00.G22<")
    content = codec.decode(swapped.encode()).content
    assert content == replace(STATUS, about=ResponseFor("7816/VPCP", "000.00.00.G22", "id"))


@pytest.mark.parametrize(("written", "status"), [("3", 3), ("03", 3), (" 03 ", 3), ("003", 3)])
def test_status_codes_are_compared_as_numbers(written: str, status: int) -> None:
    raw = changed((">03<", f">{written}<"), text=codec.encode(STATUS).decode())
    assert codec.decode(raw).content == STATUS


@pytest.mark.parametrize("written", ["", "inbox", "٠٣", "-1", "1e1", "0x3", "9999"])
def test_a_status_without_a_number_is_refused(written: str) -> None:
    caught = refusal(changed((">03<", f">{written}<"), text=codec.encode(STATUS).decode()))
    assert (caught.code, caught.where) == ("edxml.value", f"{MESSAGE_AT}/StatusCode")


def test_an_unknown_status_is_kept_and_reported() -> None:
    raw = changed((">03<", ">07<"), text=codec.encode(STATUS).decode())
    reading = codec.decode(raw)
    assert reading.content.status == 7
    assert [one.code for one in reading.findings] == ["value.range"]


def test_a_status_without_responsefor_is_read_and_reported() -> None:
    raw = without(codec.encode(STATUS).decode(), "ResponseFor").encode()
    reading = codec.decode(raw)
    assert reading.content == replace(STATUS, about=ResponseFor())
    assert [one.code for one in reading.findings] == ["element.missing"]


def test_findings_name_clause_path_and_line_in_both_languages() -> None:
    raw = changed(("<edXML:OrganName>Sở Nội vụ</edXML:OrganName>", ""))
    (found,) = codec.decode(raw).findings
    assert (found.code, found.clause, found.line) == ("element.missing", "1.2", 10)
    assert found.xpath == f"{MESSAGE_AT}/To/OrganName"
    assert (found.message_vi, found.message_en) == ("Thiếu OrganName", "OrganName is missing")
    assert found.remedy_vi and found.remedy_en


def test_a_flood_of_findings_is_counted_not_kept() -> None:
    raw = changed(("<edXML:To>", "<edXML:X/>" * 5000 + "<edXML:To>"))
    findings = codec.decode(raw).findings
    assert len(findings) == MAX_FINDINGS + 1
    assert findings[-1].code == "findings.more" and "4800" in findings[-1].message_en
