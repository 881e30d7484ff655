"""Whatever the bytes: every parser ends with a value or a Refusal, and never with anything else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Refusal
from gateway.formats.reading import KINDS

SEEDS = (
    b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><a>\xc3\xa1&amp;</a></s:Body></s:Envelope>',
    b'<?xml version="1.0" encoding="UTF-8"?><!-- c --><a b="c"><![CDATA[x]]></a>',
    b'<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/"><w:message name="a"/></w:definitions>',
    b'{"a":[1,2.5e3,"\\u00e1\\ud83d\\ude00",null,true],"b":{"c":""}}',
)


@st.composite
def mutants(draw: st.DrawFn) -> bytes:
    """A valid file with some bytes changed, cut or repeated."""
    raw = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(raw)))
        length = draw(st.integers(0, 8))
        raw[at : at + length] = draw(st.binary(max_size=8) | st.just(bytes(raw[at : at + 40])))
    return bytes(raw)


@pytest.mark.parametrize("kind", KINDS)
@given(raw=st.binary(max_size=400) | mutants())
def test_any_bytes_end_in_a_value_or_a_refusal(kind: str, raw: bytes) -> None:
    try:
        KINDS[kind](raw)
    except Refusal as refusal:
        assert refusal.fault.vi
        assert refusal.fault.en


@pytest.mark.parametrize(
    ("kind", "raw", "code"),
    [
        ("xml", b"<a>" * 101 + b"</a>" * 101, "xml.limit"),
        ("xml", b"<a>" + b"<b/>" * 200_000 + b"</a>", "xml.limit"),
        ("xml", b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "xml.doctype"),
        ("xml", b'<?xml version="1.0"?><!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd"><a/>', "xml.doctype"),
        ("xml", '<!DOCTYPE a [<!ENTITY x "y">]><a/>'.encode("utf-16"), "xml.doctype"),
        ("xml", b"<a>&undeclared;</a>", "xml.malformed"),
        ("xml", "<a>\u0001</a>".encode(), "xml.malformed"),
        ("xml", b"<a b='1' b='2'/>", "xml.malformed"),
        ("xml", b"<a><!-- a -- b --></a>", "xml.malformed"),
        ("xml", b"<a>]]></a>", "xml.malformed"),
        ("xml", b"<a>\xff</a>", "xml.encoding"),
        ("json", b"[" * 100_000, "json.limit"),
        ("json", b'{"a":1,"\\u0061":2}', "json.duplicate"),
        ("json", b"NaN", "json.limit"),
        ("json", b"[1e400]", "json.limit"),
        ("json", b"\xef\xbb\xbf{}", "json.malformed"),
        ("json", b'["\xc0\xaf"]', "json.malformed"),
        ("json", '["a"]'.encode("utf-16"), "json.malformed"),
        ("json", b"[1,]", "json.malformed"),
        ("json", b"[01]", "json.malformed"),
        ("json", b'["\x01"]', "json.malformed"),
        ("json", b"", "json.malformed"),
    ],
)
def test_hostile_input_has_its_code(kind: str, raw: bytes, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        KINDS[kind](raw)
    assert refused.value.code == code
