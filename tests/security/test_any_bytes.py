"""Whatever the bytes: every parser ends with a value or a Refusal, every judge with a Verdict, and never with
anything else; and no change of a signed file makes bytes count as signed that nobody signed.
"""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Refusal
from gateway.formats.reading import KINDS
from gateway.model.verdict import Judgement
from tests.fuzz.verdicts import MAKERS, kind

SEEDS = (
    b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><a>\xc3\xa1&amp;</a></s:Body></s:Envelope>',
    b'<?xml version="1.0" encoding="UTF-8"?><!-- c --><a b="c"><![CDATA[x]]></a>',
    b'<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/"><w:message name="a"/></w:definitions>',
    b'{"a":[1,2.5e3,"\\u00e1\\ud83d\\ude00",null,true],"b":{"c":""}}',
)


@st.composite
def mutants(draw: st.DrawFn, seeds: Sequence[bytes] = SEEDS) -> bytes:
    """A valid file with some bytes changed, cut or repeated."""
    raw = bytearray(draw(st.sampled_from(seeds)))
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


@pytest.mark.parametrize("name", MAKERS)
@given(drawn=st.data())
def test_no_change_of_a_signed_file_makes_signed_what_nobody_signed(name: str, drawn: st.DataObject) -> None:
    signed = kind(name)
    raw = drawn.draw(mutants(signed.seeds) | st.binary(max_size=400))
    assert signed.findings(raw) == []


@pytest.mark.parametrize("name", MAKERS)
def test_every_kind_of_file_is_valid_as_it_was_signed_and_not_without_its_middle(name: str) -> None:
    """The property above is no empty one: what it starts from is valid, and a damaged file is not."""
    for seed in kind(name).seeds:
        damaged = seed[: len(seed) // 2] + seed[len(seed) // 2 + 1 :]
        assert {one.judgement for one in kind(name).judged(seed)} == {Judgement.VALID}
        assert Judgement.VALID not in {one.judgement for one in kind(name).judged(damaged)}


def test_bytes_nobody_signed_are_a_finding() -> None:
    """The check itself: another file that is valid, with a seed it does not come from."""
    ours = kind("jws")
    other = replace(ours, seeds=kind("x509").seeds)
    assert "nobody signed" in " ".join(other.findings(ours.seeds[0]))
