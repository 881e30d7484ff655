"""SOAP 1.1 and 1.2: what is an envelope, what is refused, faults, attachments, MTOM."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from gateway.errors import Refusal
from gateway.formats.mime import media_type, parse_related
from gateway.formats.soap import (
    NAMESPACES,
    SOAP_11,
    SOAP_12,
    Version,
    parse_soap,
    read_message,
    require_understood,
    write_envelope,
)
from gateway.formats.soap_fault import SoapFault, read_fault, write_fault

VECTORS = Path(__file__).parents[1] / "vectors" / "soap"
VERSIONS: list[Version] = ["1.1", "1.2"]


def envelope(inner: str = "<s:Body><x xmlns='urn:x'/></s:Body>", space: str = SOAP_11, attributes: str = "") -> bytes:
    return f"<s:Envelope xmlns:s='{space}' {attributes}>{inner}</s:Envelope>".encode()


def code_of(raw: bytes) -> str:
    with pytest.raises(Refusal) as refusal:
        parse_soap(raw)
    return refusal.value.code


@pytest.mark.parametrize("version", VERSIONS)
def test_header_blocks_keep_their_order_and_their_flags(version: Version) -> None:
    role = "actor" if version == "1.1" else "role"
    header = (
        f"<s:Header><a:one xmlns:a='urn:a' s:mustUnderstand='1' s:{role}='urn:r'/><b:two xmlns:b='urn:b'/></s:Header>"
    )
    read = parse_soap(envelope(header + "<s:Body><x xmlns='urn:x'/></s:Body>", NAMESPACES[version])).envelope
    assert read.version == version
    assert [(block.name, block.must_understand, block.role) for block in read.blocks] == [
        ("{urn:a}one", True, "urn:r"),
        ("{urn:b}two", False, ""),
    ]
    assert [child.tag for child in read.body] == ["{urn:x}x"]


@pytest.mark.parametrize(
    ("inner", "space"),
    [
        ("", SOAP_11),
        ("<s:Header/>", SOAP_11),
        ("<s:Body/><s:Body/>", SOAP_11),
        ("<s:Body/><s:Header/>", SOAP_11),
        ("<s:Header/><s:Header/><s:Body/>", SOAP_12),
        ("<s:Body/><x xmlns='urn:x'/>", SOAP_11),
        ("<Body/>", SOAP_11),
        ("text<s:Body/>", SOAP_11),
        ("<s:Body>text</s:Body>", SOAP_12),
        ("<s:Header><plain/></s:Header><s:Body/>", SOAP_11),
        ("<s:Header><a xmlns='urn:a' s:mustUnderstand='yes'/></s:Header><s:Body/>", SOAP_12),
        ("<s:Header><a xmlns='urn:a' s:mustUnderstand='true'/></s:Header><s:Body/>", SOAP_11),
        ("<s:Body><s:Fault/><x/></s:Body>", SOAP_11),
        ("<s:Body><?php x?></s:Body>", SOAP_12),
        ("<s:Body s:encodingStyle='urn:e'/>", SOAP_12),
    ],
)
def test_what_is_not_an_envelope_is_refused(inner: str, space: str) -> None:
    assert code_of(envelope(inner, space)) == "soap.envelope"


def test_a_processing_instruction_beside_the_envelope_is_refused() -> None:
    assert code_of(b"<?style x?>" + envelope()) == "soap.envelope"
    assert code_of(envelope() + b"<?style x?>") == "soap.envelope"


def test_other_versions_and_document_types_are_refused() -> None:
    assert code_of(envelope(space="http://www.w3.org/2001/12/soap-envelope")) == "soap.version"
    assert code_of(b"<!DOCTYPE s:Envelope>" + envelope()) == "xml.doctype"
    assert code_of(b"<x/>") == "soap.version"
    assert code_of(envelope(attributes="plain='1'")) == "soap.envelope"


def test_a_mandatory_header_that_nobody_understands_is_refused() -> None:
    header = "<s:Header><a:one xmlns:a='urn:a' s:mustUnderstand='1'/></s:Header><s:Body/>"
    read = parse_soap(envelope(header)).envelope
    require_understood(read, {"{urn:a}one"})
    with pytest.raises(Refusal) as refusal:
        require_understood(read, {"{urn:b}one"})
    assert refusal.value.code == "soap.must_understand"


def test_a_mandatory_header_for_somebody_else_is_left_to_them() -> None:
    header = "<s:Header><a:one xmlns:a='urn:a' s:mustUnderstand='1' s:actor='urn:else'/></s:Header><s:Body/>"
    read = parse_soap(envelope(header)).envelope
    require_understood(read, ())
    with pytest.raises(Refusal):
        require_understood(read, (), roles={"urn:else"})


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("side", ["sender", "receiver", "version", "must_understand"])
@pytest.mark.parametrize("subcode", ["", "ServiceFailed", "{urn:codes}Late"])
def test_a_fault_reads_as_it_was_written(version: Version, side: str, subcode: str) -> None:
    detail = etree.fromstring("<d><k xmlns='urn:k'>v</k></d>")
    fault = SoapFault(side, "Hết hạn", subcode, detail, "urn:role", "vi")  # type: ignore[arg-type]
    read = read_fault(parse_soap(write_fault(version, fault)).envelope)
    assert (read.reason, read.subcode, read.role, read.language) == ("Hết hạn", subcode, "urn:role", "vi")
    assert read.side == ("receiver" if version == "1.1" and subcode.startswith("{") else side)
    assert [child.tag for child in read.detail] == ["{urn:k}k"]


def test_a_fault_of_xroad_is_read() -> None:
    read = read_fault(parse_soap((VECTORS / "xroad-annex-d1-technical-fault.xml").read_bytes()).envelope)
    assert read.side == "receiver"
    assert read.subcode == "ClientProxy.ServiceFailed.MissingBody"
    assert read.detail.findtext("faultDetail") == "f31e7451-f0ac-48f6-9f05-1f0459e48eea"


@pytest.mark.parametrize("version", VERSIONS)
def test_an_envelope_reads_as_it_was_written(version: Version) -> None:
    content = etree.fromstring("<x xmlns='urn:x'>đ</x>")
    header = etree.fromstring("<h xmlns='urn:h'/>")
    read = parse_soap(write_envelope(version, [content], headers=[header])).envelope
    assert etree.tostring(read.body[0], method="c14n", exclusive=True) == '<x xmlns="urn:x">đ</x>'.encode()
    assert [block.name for block in read.blocks] == ["{urn:h}h"]


def test_xroad_samples_with_attachment_and_mtom_are_read() -> None:
    swa = parse_soap((VECTORS / "xroad-annex-f-request-attachment.mime").read_bytes())
    assert len(swa.attachments) == 1
    assert len(swa.envelope.blocks) == 6
    mtom = parse_soap((VECTORS / "xroad-annex-g-request-mtom.mime").read_bytes())
    text = mtom.envelope.body[0].findtext("exampleAttachment")
    assert base64.b64decode(text) == mtom.attachments[0].content == b"This is attachment.\r\n"


def multipart(*parts: tuple[str, bytes], end: str = "--b--\r\n") -> bytes:
    pieces = [f"--b\r\n{head}\r\n\r\n".encode() + content + b"\r\n" for head, content in parts]
    return b"".join(pieces) + end.encode()


ROOT = ("Content-Type: text/xml\r\nContent-ID: <r>", envelope())
RELATED = 'multipart/related; type="text/xml"; start="<r>"; boundary=b'


def test_attachments_are_bytes_end_to_end() -> None:
    binary = bytes(range(256)) + b"\r\n--c\r\n\r\n"
    read = read_message(RELATED, multipart(ROOT, ("Content-ID: <a%b@c>", binary)))
    assert read.related is not None
    part = read.related.by_cid("cid:a%25b@c")
    assert part is not None
    assert part.content == binary


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (RELATED, b""),
        (RELATED, multipart(ROOT, end="")),
        (RELATED, b"smuggled" + multipart(ROOT)),
        (RELATED, multipart(ROOT) + b"smuggled"),
        (RELATED, multipart(ROOT, ROOT)),
        (RELATED, multipart(ROOT, ("Content-ID: a", b""))),
        (RELATED, multipart(ROOT, ("Content-ID: <a>\r\nContent-Id: <c>", b""))),
        (RELATED, multipart(ROOT, ("no header", b""))),
        (RELATED, multipart(ROOT, ("Content-Transfer-Encoding: base64", b"@@@"))),
        (RELATED, multipart(ROOT, ("Content-Transfer-Encoding: x-gzip", b""))),
        (RELATED, multipart(ROOT).replace(b"--b\r\n", b"--b\n")),
        ('multipart/related; start="<z>"; boundary=b', multipart(ROOT)),
        ("multipart/related; type=text/plain; boundary=b", multipart(ROOT)),
        ("multipart/related", multipart(ROOT)),
        ("multipart/related; boundary=b; boundary=c", multipart(ROOT)),
        ("multipart/mixed; boundary=b", multipart(ROOT)),
        ("nonsense", multipart(ROOT)),
    ],
)
def test_multipart_that_could_be_cut_in_two_ways_is_refused(content_type: str, body: bytes) -> None:
    with pytest.raises(Refusal) as refusal:
        read_message(content_type, body)
    assert refusal.value.code == "soap.mime"


def test_the_content_type_must_fit_the_version() -> None:
    assert read_message("text/xml; charset=utf-8", envelope()).envelope.version == "1.1"
    assert read_message('application/soap+xml;action="a"', envelope(space=SOAP_12)).envelope.version == "1.2"
    for wrong, space in (("text/xml", SOAP_12), ("application/soap+xml", SOAP_11)):
        with pytest.raises(Refusal) as refusal:
            read_message(wrong, envelope(space=space))
        assert refusal.value.code == "soap.version"
    with pytest.raises(Refusal) as refusal:
        read_message("text/xml; charset=iso-8859-1", envelope())
    assert refusal.value.code == "xml.encoding"


def mtom(include: str, part: bytes = b"x") -> tuple[str, bytes]:
    inner = f"<s:Body><x xmlns='urn:x' xmlns:xop='http://www.w3.org/2004/08/xop/include'>{include}</x></s:Body>"
    root = (
        'Content-Type: application/xop+xml; type="application/soap+xml"\r\nContent-ID: <r>',
        envelope(inner, SOAP_12),
    )
    kind = 'multipart/related; type="application/xop+xml"; start="<r>"; boundary=b'
    return kind, multipart(root, ("Content-ID: <p>", part))


@pytest.mark.parametrize("include", ["<xop:Include href='cid:q'/>", "<xop:Include/>", "a<xop:Include href='cid:p'/>"])
def test_an_include_that_leads_nowhere_is_refused(include: str) -> None:
    with pytest.raises(Refusal) as refusal:
        read_message(*mtom(include))
    assert refusal.value.code == "soap.mime"


def test_includes_cannot_multiply_a_part_beyond_the_limit() -> None:
    kind, body = mtom("".join("<y><xop:Include href='cid:p'/></y>" for _ in range(50)), b"x" * 4000)
    assert read_message(kind, body).envelope.body[0][0].text == base64.b64encode(b"x" * 4000).decode()
    with pytest.raises(Refusal) as refusal:
        read_message(kind, body, max_bytes=100_000)
    assert refusal.value.code == "limit.body"


@given(st.binary(max_size=300), st.sampled_from([RELATED, "text/xml", 'multipart/related; boundary="="']))
def test_nothing_but_a_refusal_escapes_for_any_bytes(body: bytes, content_type: str) -> None:
    for call in (lambda: read_message(content_type, body), lambda: parse_soap(b"Content-Type: " + body)):
        try:
            call()
        except Refusal:
            continue


@given(st.text(max_size=80))
def test_any_text_is_a_media_type_or_refused(text: str) -> None:
    try:
        media_type(text)
    except Refusal as refusal:
        assert refusal.code == "soap.mime"


def test_too_many_parts_are_refused() -> None:
    with pytest.raises(Refusal) as refusal:
        parse_related(RELATED, multipart(ROOT, *[("Content-Type: text/plain", b"")] * 10), max_parts=5)
    assert refusal.value.code == "soap.mime"
