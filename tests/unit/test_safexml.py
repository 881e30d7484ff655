"""The one XML entry point: what is tolerated, what is refused, with which code and where."""

from __future__ import annotations

import codecs

import pytest

from gateway.errors import Refusal
from gateway.formats import safexml


def refusal(raw: bytes, **options) -> Refusal:
    with pytest.raises(Refusal) as caught:
        safexml.parse(raw, **options)
    return caught.value


def kinds(raw: bytes) -> list[str]:
    return [one.kind for one in safexml.parse(raw, lenient=True).deviations]


@pytest.mark.parametrize(
    "raw",
    [
        b"<a/>",
        b" \n<a/>",
        b'<?xml version="1.0"?><a/>',
        b"<?xml version='1.0' encoding='utf-8' standalone='yes' ?>\n<!-- c --><?pi x?><a/>\n<!-- end -->",
        codecs.BOM_UTF8 + b'<?xml version="1.0" encoding="UTF-8"?><a/>',
        b'<?xml version="1.0" encoding="us-ascii"?><a/>',
        '<?xml version="1.0" encoding="UTF-16"?><a>ế</a>'.encode("utf-16"),
        '<?xml version="1.0" encoding="UTF-16"?><a>ế</a>'.encode("utf-16-be"),
        "<a>ế</a>".encode("utf-16-le"),
        b"<a><![CDATA[<!DOCTYPE x><b>]]><!-- <!DOCTYPE y> --></a>",
        b"<a b='>' c=\">\"/>",
    ],
)
def test_well_formed_xml_is_read_with_and_without_leniency(raw: bytes) -> None:
    assert safexml.parse(raw).root.tag == "a"
    assert safexml.parse(raw, lenient=True).root.tag == "a"


@pytest.mark.parametrize(
    ("raw", "code", "where"),
    [
        (b"", "xml.malformed", "1:1"),
        (b"   ", "xml.malformed", "1:1"),
        (b"hello", "xml.malformed", "1:1"),
        (b"12<a/>", "xml.malformed", "1:1"),
        (b"<a>", "xml.malformed", "1:4"),
        (b"<a>\n<b>", "xml.malformed", "2:4"),
        (b"<a/><b/>", "xml.malformed", "1:5"),
        (b"<a b=1/>", "xml.malformed", "1:6"),
        ("<a>\nế\0</a>".encode(), "xml.malformed", "2:2"),
        ("<a>\nế".encode() + b"\xff</a>", "xml.encoding", "2:2"),
        (b"<a>\xe1\xba", "xml.encoding", "1:4"),
        (b"<a>&undeclared;</a>", "xml.malformed", "1:16"),
        (b"<a>&#0;</a>", "xml.malformed", "1:8"),
        (b'<a x:b=""/>', "xml.malformed", "1:1"),
        (b'<?xml version="1.0" encoding="ISO-8859-1"?><a/>', "xml.encoding", "1:1"),
        (b'<?xml version="1.0" encoding="UTF-7"?><a/>', "xml.encoding", "1:1"),
        (b'<?xml version="1.0" encoding="UTF-16"?><a/>', "xml.encoding", "1:1"),
        (b'<?xml version="2.0"?><a/>', "xml.malformed", "1:1"),
        ("<a/>".encode("utf-32"), "xml.encoding", "1:1"),
        (codecs.BOM_UTF16_LE + b"<\0a\0/\0>", "xml.encoding", "1:1"),
        (b"<!DOCTYPE a><a/>", "xml.doctype", "1:1"),
        (b"<!-- c -->\n <!DOCTYPE a [<!ENTITY b 'c'>]><a/>", "xml.doctype", "2:2"),
        (b"<!doctype a><a/>", "xml.doctype", "1:1"),
    ],
)
def test_bad_xml_is_refused_with_code_and_place(raw: bytes, code: str, where: str) -> None:
    caught = refusal(raw)
    assert (caught.code, caught.where) == (code, where)


def test_a_doctype_in_utf16_is_refused() -> None:
    assert refusal("<!DOCTYPE a><a/>".encode("utf-16")).code == "xml.doctype"


def test_size_is_limited_before_anything_is_looked_at() -> None:
    assert refusal(b"<a/>", max_bytes=3).code == "limit.body"


def test_junk_and_wrong_labels_are_tolerated_only_leniently() -> None:
    junk = b'0012<?xml version="1.0"?>\n<a/>'
    assert kinds(junk) == ["junk"]
    assert refusal(junk).code == "xml.malformed"
    assert kinds(b'\n<?xml version="1.0"?><a/>') == ["junk"]
    assert kinds(b'<?xml version="1.0" encoding="utf-16"?><a/>') == ["label"]
    assert kinds('<?xml version="1.0" encoding="utf-8"?><a/>'.encode("utf-16")) == ["utf16", "label"]


def test_junk_is_bounded() -> None:
    assert refusal(b"x" * 2000 + b"<a/>", lenient=True).code == "xml.malformed"


def test_byte_order_mark_and_line_ends_are_reported() -> None:
    assert kinds(codecs.BOM_UTF8 + b"<a>\r\n</a>") == ["bom", "crlf"]


def test_undeclared_prefixes_are_bound_leniently_and_reported_once_each() -> None:
    raw = b'<?xml version="1.0"?>\n<!-- <x> --><a>\n<e:b x:href=""/><e:c/></a>'
    tree = safexml.parse(raw, lenient=True, prefixes={"e": "urn:e"})
    assert [child.tag for child in tree.root] == ["{urn:e}b", "{urn:e}c"]
    found = sorted((one.kind, one.detail, one.line) for one in tree.deviations)
    assert found == [("prefix", "e", 3), ("prefix", "x", 3)]
    assert tree.root[0].attrib == {"{urn:undeclared:x}href": ""}
    assert refusal(raw).code == "xml.malformed"


def test_other_faults_are_not_hidden_by_the_repair_of_prefixes() -> None:
    assert refusal(b'<a x:b=""><c></a>', lenient=True).code == "xml.malformed"
    assert refusal(b'<a xmlns:p="u" xmlns:q="u" p:b="" q:b=""/>', lenient=True).code == "xml.malformed"


def test_lines_and_columns_are_those_of_the_file_behind_a_declaration() -> None:
    assert refusal(b'<?xml version="1.0"?><a></b>').where == "1:29"
    assert safexml.parse(b'<?xml version="1.0"?>\n\n<a>\n<b/></a>').root[0].sourceline == 4


def test_text_beyond_ten_megabytes_is_read() -> None:
    big = b"QUJD" * (3 << 20)
    assert len(safexml.parse(b"<a>" + big + b"</a>").root.text) == len(big)


@pytest.mark.parametrize(
    ("raw", "fine"),
    [
        (b"<a>" * 100 + b"</a>" * 100, True),
        (b"<a>" * 101 + b"</a>" * 101, False),
        (b"<a>" + b"<b/>" * 199_999 + b"</a>", True),
        (b"<a>" + b"<b/>" * 200_000 + b"</a>", False),
        (b"<a " + b" ".join(b'a%d=""' % n for n in range(256)) + b"/>", True),
        (b"<a " + b" ".join(b'a%d=""' % n for n in range(257)) + b"/>", False),
        (b"<a>" + b"<!---->" * 10_000 + b"</a>", True),
        (b"<a>" + b"<!---->" * 10_001 + b"</a>", False),
        (b"<a b='" + b"x" * 65_000 + b"'/>", True),
        (b"<a b='" + b"x" * 66_000 + b"'/>", False),
    ],
)
def test_limits_are_exact(raw: bytes, fine: bool) -> None:
    if fine:
        assert safexml.parse(raw).root.tag == "a"
    else:
        assert refusal(raw).code == "xml.limit"
