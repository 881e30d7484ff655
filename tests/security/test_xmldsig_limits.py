"""Documents that ask for endless work end quickly (issue 4: at most 2 s for any file)."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from lxml import etree

from gateway.formats import safexml
from gateway.model.verdict import Judgement
from gateway.signing.xmldsig import NewReference, Transform, uris
from tests.unit.xmldsig_tools import ENVELOPED, EXCLUSIVE, ask, enveloped, made

SECONDS = 4
"""Twice and more what is promised: the machine of a test may be slow or shared."""
INCLUSIVE = (Transform(uris.C14N),)


def _many_references() -> bytes:
    document = b'<a Id="a">' + b'<b x="1">t</b>' * 6_000 + b"</a>"
    return made(document, [NewReference("#a", (ENVELOPED[0], one)) for one in (*INCLUSIVE, *EXCLUSIVE) * 32])


def _nested_references() -> bytes:
    levels = range(60)
    document = "".join(f'<a Id="i{level}">' for level in levels) + "<b/>" * 7_000 + "</a>" * len(levels)
    return made(f"<r>{document}</r>".encode(), [NewReference(f"#i{level}", INCLUSIVE) for level in levels])


def _namespaces() -> bytes:
    """Every element sees a thousand namespaces, and declares one again."""
    depth = 40
    opened = "".join(
        "<a " + " ".join(f'xmlns:p{level}x{number}="urn:{number}"' for number in range(200)) + ">"
        for level in range(depth)
    )
    again = '<b xmlns:p0x0="urn:0"/>' * 30_000
    return enveloped((opened + again + "</a>" * depth).encode())


def _attributes() -> bytes:
    one = "<b " + " ".join(f'p:a{number}="1"' for number in range(200)) + "/>"
    document = f'<a xmlns:p="urn:p" xml:lang="vi"><c Id="c">{one * 900}</c></a>'
    return made(document.encode(), [NewReference("#c", INCLUSIVE)])


def _ids() -> bytes:
    return enveloped(b"<a>" + b"".join(b'<b Id="i%d"/>' % number for number in range(100_000)) + b"</a>")


def _large_text() -> bytes:
    return enveloped(b"<a>" + b"x" * (20 << 20) + b"</a>")


def _many_elements() -> bytes:
    document = b'<a xml:lang="vi"><c Id="c">' + b"<b/>" * 190_000 + b"</c></a>"
    return made(document, [NewReference("#c", INCLUSIVE)])


def _many_signatures() -> bytes:
    signature = safexml.parse(enveloped(b"<a/>")).root[0]
    return b"<a>" + etree.tostring(signature) * 500 + b"</a>"


@pytest.mark.parametrize(
    "make",
    (
        _many_references,
        _nested_references,
        _namespaces,
        _attributes,
        _ids,
        _large_text,
        _many_elements,
        _many_signatures,
    ),
    ids=lambda one: one.__name__.strip("_"),
)
def test_a_document_ends_within_its_time(make: Callable[[], bytes]) -> None:
    content = make()
    begin = time.process_time()
    verdict = ask(content)
    took = time.process_time() - begin
    print(f"{make.__name__}: {len(content)} bytes, {took:.2f} s, {verdict.reason}")
    assert took < SECONDS
    assert verdict.judgement in (Judgement.VALID, Judgement.INDETERMINATE, Judgement.INVALID)
