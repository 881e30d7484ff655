"""WSDL descriptions: self-contained ones are usable, others are refused and nothing is fetched."""

import pytest

from gateway.errors import Refusal
from gateway.formats import wsdl

USABLE = """<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:t="urn:t" targetNamespace="urn:t">
<w:types><x:schema xmlns:x="http://www.w3.org/2001/XMLSchema">
<x:import namespace="urn:u" schemaLocation="u.xsd"/></x:schema></w:types>
<w:message name="Ask"/><w:message name="Answer"/>
<w:portType name="Port"><w:operation name="o"><w:input message="t:Ask"/><w:output message="t:Answer"/></w:operation>
</w:portType>
<w:binding name="B" type="t:Port"/><w:service name="S"><w:port name="P" binding="t:B"/></w:service></w:definitions>"""

USABLE_20 = """<d:description xmlns:d="http://www.w3.org/ns/wsdl" xmlns:t="urn:t" targetNamespace="urn:t">
<d:interface name="I"/><d:binding name="B" interface="t:I" type="x"/><d:binding name="Any" type="x"/>
<d:service name="S" interface="t:I"><d:endpoint name="E" binding="t:B"/></d:service></d:description>"""


@pytest.mark.parametrize("text", [USABLE, USABLE_20])
def test_a_self_contained_description_is_usable(text: str) -> None:
    wsdl.check(text.encode())


@pytest.mark.parametrize(
    "address",
    ["http://example.vn/u.xsd", "https://e/u.xsd", "ftp://e/u", "file:///etc/passwd", "//e/u.xsd", r"\\e\u", "C:/u"],
)
def test_an_import_from_an_address_is_refused(address: str) -> None:
    with pytest.raises(Refusal) as refused:
        wsdl.check(USABLE.replace("u.xsd", address).encode())
    assert refused.value.code == "wsdl.network"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('message="t:Ask"', 'message="t:Nobody"'),
        ('message="t:Ask"', ""),
        ('message="t:Ask"', 'message="z:Ask"'),
        ('type="t:Port"', 'type="t:B"'),
        ('binding="t:B"', 'binding="t:Port"'),
        ('name="Answer"', 'name="Ask"'),
        ('<w:message name="Ask"/>', "<w:message/>"),
    ],
)
def test_a_name_that_is_missing_unknown_or_twice_is_refused(old: str, new: str) -> None:
    assert old in USABLE
    with pytest.raises(Refusal) as refused:
        wsdl.check(USABLE.replace(old, new, 1).encode())
    assert refused.value.code == "wsdl.invalid"


def test_another_document_is_no_description() -> None:
    with pytest.raises(Refusal, match=r"wsdl\.invalid"):
        wsdl.check(b"<definitions/>")
