"""Printed words are found where poppler finds them, and no content stream stalls the search."""

from __future__ import annotations

import io
import time
from pathlib import Path

import pytest
from pades_sign_tools import needs, pdf, words
from pyhanko.pdf_utils.reader import PdfFileReader

from gateway.signing.pades.appearance_sheet import Box, pages, sheet_of
from gateway.signing.pades.appearance_tokens import operators
from gateway.signing.pades.appearance_words import found_words

FONT = "<</Type/Font/Subtype/Type1/BaseFont/Courier/Encoding/WinAnsiEncoding/FirstChar 32/Widths[%s]>>" % ("600 " * 95)
DIFFERENT = FONT.replace("/WinAnsiEncoding", "<</BaseEncoding/WinAnsiEncoding/Differences[1/Dcroat/a]>>")


def page(content: str, box: str = "/MediaBox [0 0 595 842]", form: str = "") -> bytes:
    resources = "/Resources <</Font <</F1 5 0 R/F2 6 0 R>>/XObject <</X1 7 0 R>>>>"
    inner = f"<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Matrix[1 0 0 1 100 50]{resources}/Length {len(form)}>>"
    objects = [
        f"<</Length {len(content)}>>stream\n{content}\nendstream",
        FONT,
        DIFFERENT,
        f"{inner}stream\n{form}\nendstream",
    ]
    return pdf(f"{box} {resources}/Contents 4 0 R", objects=objects)


def found(content: bytes, wanted: str) -> list[Box]:
    first = next(pages(PdfFileReader(io.BytesIO(content)).root)).get_object()
    return found_words(first, sheet_of(first), wanted)


@needs("pdftotext")
@pytest.mark.parametrize(
    "content",
    [
        "BT /F1 12 Tf 100 700 Td (Nguyen) Tj ET",
        "BT /F1 12 Tf 1 0 0 1 100 700 Tm [(Ng) -20 (uy) 30 <656e>] TJ ET",
        "q 2 0 0 2 10 20 cm BT /F1 6 Tf 3 Tc 50 Tz 60 300 Td (Nguyen) Tj ET Q",
        "0 0 10 10 re f BT /F1 12 Tf 14 TL 100 700 Td (x) Tj T* (Nguyen) ' ET",
        "BI /W 1 /H 1 /BPC 8 /CS /G ID \x01 EI BT /F1 12 Tf 100 700 Td (Ngu\\171en) Tj ET",
        "BT /F1 12 Tf 0 1 -1 0 300 300 Tm (Nguyen) Tj ET",
        "/Span <</Lang (vi)>> BDC BT /F1 12 Tf 100 700 TD (Ngu\\\nyen) Tj ET EMC",
        "q 1 0 0 1 5 5 cm /X1 Do Q",
    ],
)
@pytest.mark.parametrize("box", ["", "/Rotate 90", "/CropBox [50 40 500 800]/Rotate 270"])
def test_a_word_is_where_poppler_shows_it(tmp_path: Path, content: str, box: str) -> None:
    given = page(content, f"/MediaBox [0 0 595 842] {box}", form="BT /F1 12 Tf 10 600 Td (Nguyen) Tj ET")
    shown, _, _ = words(tmp_path, given)
    height = sheet_of(next(pages(PdfFileReader(io.BytesIO(given)).root)).get_object()).height
    expected = next(word for word in shown if word.text == "Nguyen")
    left, bottom, right, top = found(given, "nguyen")[-1]
    assert ((left + right) / 2, (bottom + top) / 2) == (
        pytest.approx((expected.left + expected.right) / 2, abs=3),
        pytest.approx(height - (expected.top + expected.bottom) / 2, abs=3),
    )


def test_a_code_of_the_fonts_own_is_read_by_its_glyphs_name() -> None:
    assert len(found(page("BT /F2 12 Tf 100 700 Td (\\001\\002) Tj ET"), "Đa")) == 1


def test_every_place_counts_and_white_space_does_not() -> None:
    content = page("BT /F1 12 Tf 100 700 Td (Le Thi) Tj 0 -50 Td (LE THI B) Tj ET")
    assert len(found(content, "Lê Thị")) == 0
    assert [round(box[1]) for box in found(content, "le  thi")] == [698, 648]
    assert found(content, "  ") == []


@pytest.mark.parametrize(
    "content",
    [
        "(" * 50_000,
        "[" * 50_000 + "1 Tj",
        "<<" * 50_000,
        "BT /F1 12 Tf " + "(a) Tj " * 20_000 + "ET",
        "/X1 Do " * 500,
        "BI " * 20_000,
        "1 2 Tf /F1 x Td Tm (a) Tj 1 0 0 cm q Q Q Q",
        "BT /F1 1e9 Tf (a) Tj ET",
    ],
    ids=["strings", "arrays", "dictionaries", "letters", "forms", "images", "nonsense", "size"],
)
def test_hostile_content_has_no_words_and_takes_no_time(content: str) -> None:
    given = page(content, form="/X1 Do " * 20)
    began = time.process_time()
    assert found(given, "nguyen") == []
    assert time.process_time() - began < 2


def test_operands_are_read_as_the_standard_writes_them() -> None:
    said = list(operators(b"% note\n-.5 +3. /A#20B (a\\(b(c)\\)\\n) <4 1> [1 (x) [2]] Tx\n(never ends"))
    assert said == [("Tx", [-0.5, 3.0, "/A#20B", b"a(b(c))\n", b"A", [1.0, b"x", [2.0]]])]
