"""SOAP envelopes: what 1.1 and 1.2 allow is read, everything else is refused with a place."""

import pytest

from gateway.errors import Refusal
from gateway.formats import soap

S11, S12 = soap.SOAP_11, soap.SOAP_12
FAULT_11 = "<s:Fault><faultcode>s:Server</faultcode><faultstring>no</faultstring></s:Fault>"
FAULT_12 = (
    "<s:Fault><s:Code><s:Value>s:Receiver</s:Value></s:Code><s:Reason>"
    '<s:Text xml:lang="en">no</s:Text></s:Reason></s:Fault>'
)


def envelope(inside: str, namespace: str = S11) -> bytes:
    return f'<s:Envelope xmlns:s="{namespace}" xmlns:a="urn:a">{inside}</s:Envelope>'.encode()


@pytest.mark.parametrize(("namespace", "version"), [(S11, "1.1"), (S12, "1.2")])
def test_header_blocks_and_body_come_out_in_order(namespace: str, version: str) -> None:
    role = "actor" if version == "1.1" else "role"
    raw = envelope(
        f'<s:Header><a:one s:mustUnderstand="1"/><!-- x --><a:two s:{role}="urn:next"/></s:Header>'
        "<s:Body><a:b/><a:c/></s:Body>",
        namespace,
    )
    found = soap.parse(raw)
    assert found.version == version
    assert [(block.element.tag, block.must_understand, block.role) for block in found.blocks] == [
        ("{urn:a}one", True, ""),
        ("{urn:a}two", False, "urn:next"),
    ]
    assert [element.tag for element in found.body] == ["{urn:a}b", "{urn:a}c"]


@pytest.mark.parametrize(
    ("namespace", "inside"),
    [(S11, "<s:Body/>"), (S11, f"<s:Body>{FAULT_11}</s:Body>"), (S12, f"<s:Body>{FAULT_12}</s:Body>")],
)
def test_an_empty_body_and_a_lone_fault_are_envelopes(namespace: str, inside: str) -> None:
    assert soap.parse(envelope(inside, namespace)).blocks == ()


@pytest.mark.parametrize(
    "inside",
    [
        "",
        "<s:Header/>",
        "<s:Body/><s:Body/>",
        "<s:Body/><s:Header/>",
        "<s:Header/><s:Header/><s:Body/>",
        "<s:Body/><a:trailer/>",
        "<s:Body/>text",
        "<s:Body>text</s:Body>",
        "<s:Header><plain/></s:Header><s:Body/>",
        '<s:Header><a:h s:mustUnderstand="maybe"/></s:Header><s:Body/>',
        '<s:Header><a:h s:mustUnderstand="true"/></s:Header><s:Body/>',
        "<s:Body><?go now?></s:Body>",
        f"<s:Body>{FAULT_11}<a:more/></s:Body>",
        f"<s:Body>{FAULT_11}{FAULT_11}</s:Body>",
        "<s:Body><s:Fault><faultstring>no</faultstring></s:Fault></s:Body>",
        "<Body/>",
    ],
)
def test_a_wrongly_built_envelope_is_refused(inside: str) -> None:
    with pytest.raises(Refusal) as refused:
        soap.parse(envelope(inside))
    assert refused.value.code == "soap.envelope"


def test_an_instruction_beside_the_envelope_is_refused() -> None:
    for raw in (b"<?go?>" + envelope("<s:Body/>"), envelope("<s:Body/>") + b"<?go?>"):
        with pytest.raises(Refusal, match=r"soap\.envelope"):
            soap.parse(raw)


@pytest.mark.parametrize("raw", [b"<Envelope/>", b'<s:Envelope xmlns:s="urn:other"><s:Body/></s:Envelope>'])
def test_another_version_is_named_as_such(raw: bytes) -> None:
    with pytest.raises(Refusal, match=r"soap\.version"):
        soap.parse(raw)


def test_a_doctype_is_refused_before_anything_of_it_is_read() -> None:
    raw = b'<!DOCTYPE s [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + envelope("<s:Body>&e;</s:Body>")
    with pytest.raises(Refusal, match=r"xml\.doctype"):
        soap.parse(raw)
