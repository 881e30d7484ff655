"""Hostile XML and edXML: whatever is sent, the answer is content or a Refusal, in bounded time and memory."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.vxp import codec, conformance
from gateway.errors import Refusal
from gateway.formats import safexml

VECTORS = Path(__file__).parent.parent / "vectors" / "edxml"
STATUS = (VECTORS / "status.xml").read_bytes()
DOCUMENT = (VECTORS / "received_from_axis_2025.xml").read_bytes()
NS = b'xmlns="http://www.mic.gov.vn/TBT/QCVN_102_2016"'
BOMB = (
    b'<!DOCTYPE a [<!ENTITY a "x">'
    + b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 10))
    + b"]><edXML>&a9;</edXML>"
)


def outcome(raw: bytes) -> str:
    """ "read", or the code of the refusal; any other exception is the failure of the test."""
    try:
        codec.decode(raw)
    except Refusal as refusal:
        return refusal.code
    return "read"


@pytest.mark.parametrize(
    "raw",
    [
        BOMB,
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        b'<?xml version="1.0"?><!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd"><a/>',
        b'\xef\xbb\xbf<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1:9/">%p;]><a/>',
        b"<!-- --><?p?>\n<!DOCTYPE a><a/>",
        b'12<?xml version="1.0"?><!DOCTYPE a><a/>',
        '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>'.encode("utf-16"),
        "<!DOCTYPE a><a/>".encode("utf-16-be"),
        "<!DOCTYPE a><a/>".encode("utf-16-le"),
    ],
)
def test_no_doctype_reaches_the_parser(raw: bytes) -> None:
    assert outcome(raw) == "xml.doctype"


@pytest.mark.parametrize(
    "raw",
    [
        b"+ADw-+ACE-DOCTYPE a+AD4-<a/>",
        b'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE a+AD4-<a/>',
        '<?xml version="1.0" encoding="IBM037"?><a/>'.encode("cp037"),
        '<?xml version="1.0" encoding="UTF-32"?><!DOCTYPE a><a/>'.encode("utf-32"),
    ],
)
def test_exotic_encodings_do_not_smuggle_a_doctype(raw: bytes) -> None:
    assert outcome(raw) in {"xml.encoding", "xml.malformed"}


@pytest.mark.parametrize(
    "raw",
    [
        b"<a>" * 1_000_000,
        b"<edXML>" + b"<a>" * 1_000_000 + b"</a>" * 1_000_000 + b"</edXML>",
        b"<edXML " + NS + b">" + b"<a/>" * 300_000 + b"</edXML>",
        b"<edXML " + NS + b">" + b"<!---->" * 300_000 + b"</edXML>",
        b"<edXML " + NS + b">" + b"<?p?>" * 300_000 + b"</edXML>",
        b"<edXML " + b" ".join(b'a%d=""' % n for n in range(500_000)) + b"/>",
        b"<edXML " + b" ".join(b'xmlns:a%d="u"' % n for n in range(300)) + b"/>",
        b"<edXML>" + (b"<a " + b" ".join(b'a%d=""' % n for n in range(200)) + b"/>") * 1_001 + b"</edXML>",
        b"<edXML a='" + b"x" * 5_000_000 + b"'/>",
        b"<" + b"e" * 5_000_000 + b"/>",
        b"<edXML " + b"a " * 100_000,
    ],
    ids=range(11),
)
def test_floods_are_refused_before_a_tree_is_built(raw: bytes) -> None:
    tracemalloc.start()
    try:
        assert outcome(raw) == "xml.limit"
        assert tracemalloc.get_traced_memory()[1] < 3 * len(raw) + (4 << 20)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("opening", [b"<!--", b"<![CDATA[", b"<?p ", b'<a b="', b"<a b='", b"&", b"]]>", b"<!", b"</"])
def test_unfinished_markup_repeated_a_million_times_is_no_quadratic_trap(opening: bytes) -> None:
    assert outcome(b"<edXML>" + opening * 300_000) != "read"


@pytest.mark.parametrize("name", ["To", "From", "X", "ResponseFor", "Place"])
def test_a_hundred_thousand_siblings_are_read_or_refused(name: str) -> None:
    parts = b"<edXML:%s><edXML:OrganId>a</edXML:OrganId></edXML:%s>" % (name.encode(), name.encode())
    raw = STATUS.replace(b"<edXML:From>", parts * 40_000 + b"<edXML:From>", 1)
    assert outcome(raw) in {"read", "edxml.missing"}


def test_every_truncation_is_refused() -> None:
    for raw in (STATUS, DOCUMENT):
        end = len(raw.rstrip())
        assert {outcome(raw[:at]) for at in range(end)} <= {"xml.malformed", "xml.encoding"}


def test_every_single_byte_removed_or_turned_gives_content_or_a_refusal() -> None:
    for at in range(0, len(STATUS), 3):
        outcome(STATUS[:at] + STATUS[at + 1 :])
        for turned in (0x00, 0x80, 0x3C, 0xFF):
            outcome(STATUS[:at] + bytes([turned]) + STATUS[at + 1 :])


def test_nul_bytes_never_cut_a_document_short() -> None:
    assert outcome(STATUS + b"\0") == "xml.malformed"
    assert outcome(STATUS.replace(b"</edXML:From>", b"\0</edXML:From>")) == "xml.malformed"


def test_an_external_file_is_never_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("S3CRET")
    raw = b'<a xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include parse="text" href="%s"/></a>' % bytes(secret)
    tree = safexml.parse(raw)
    assert "S3CRET" not in "".join(tree.root.itertext())


pieces = st.sampled_from(
    [
        b"<",
        b">",
        b"</",
        b"/>",
        b"<edXML:To>",
        b"</edXML:To>",
        b"<!--",
        b"-->",
        b"<![CDATA[",
        b"]]>",
        b"<?",
        b"?>",
        b"&amp;",
        b"&#x41;",
        b"&x;",
        b"<!DOCTYPE",
        b"'",
        b'"',
        b"=",
        b"xmlns:a='b'",
        b"a:b='c'",
        b"\xff",
        b"\0",
        b"\r\n",
        b"null",
        b" ",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_mutated_packages_give_content_or_a_refusal(data: st.DataObject) -> None:
    raw = data.draw(st.sampled_from([STATUS, DOCUMENT]))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw)))
        drop = data.draw(st.sampled_from([0, 1, 7, 60]))
        raw = raw[:at] + data.draw(pieces | st.binary(max_size=5)) + raw[at + drop :]
    outcome(raw)
    conformance.check(raw)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200) | st.lists(pieces, max_size=30).map(b"".join))
def test_random_bytes_give_content_or_a_refusal(raw: bytes) -> None:
    outcome(raw)
    outcome(b"<edXML>" + raw + b"</edXML>")
