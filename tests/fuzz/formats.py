"""The parsers, for a search for bytes that leave one with anything but a value or a Refusal.

The first byte chooses the parser, the rest is its input.
"""

from __future__ import annotations

from gateway.errors import Refusal
from gateway.formats import zipsafe
from gateway.formats.reading import KINDS

PARSERS = (*KINDS.values(), lambda raw: zipsafe.undo_wrapping("a.pdf", raw))
SEEDS = (
    b'\x00<?xml version="1.0"?><!-- c --><a b="c" xmlns:p="urn:p"><p:d>&amp;&#x1EA1;<![CDATA[x]]></p:d></a>',
    b'\x01{"a":[1,2.5e3,"\\u00e1\\ud83d\\ude00",null,true],"b":{"c":""}}',
    b'\x02<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header/><s:Body><a/></s:Body></s:Envelope>',
    b'\x03<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/"><w:message name="a"/></w:definitions>',
    b"\x04" + zipsafe.wrap("a.pdf", b"%PDF-1.7 " * 20),
)


def parsed(given: bytes) -> None:
    """An exception that leaves it is a finding."""
    if not given:
        return
    try:
        PARSERS[given[0] % len(PARSERS)](given[1:])
    except Refusal as refusal:
        str(refusal)
