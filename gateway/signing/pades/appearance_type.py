"""Type in an appearance: Liberation Serif, which has the metrics of Times New Roman and every Vietnamese letter."""

# mypy: allow-untyped-calls
# pyHanko annotates only a part of its functions.

from __future__ import annotations

import functools
import io
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from importlib.resources import files
from typing import Final

from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.ttLib.scaleUpem import scale_upem
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.font.opentype import GlyphAccumulator
from pyhanko.pdf_utils.writer import BasePdfFileWriter

from gateway.errors import Refusal

ASCENT: Final = 0.891
DESCENT: Final = 0.216
"""Of the font, in parts of its size: from the baseline up to the marks of capitals, and down."""
LEADING: Final = 1.15
"""Distance of lines, in parts of the size."""
MAX_TEXT: Final = 500
"""Characters of one line before it is wrapped."""
_EM: Final = 1000
_LETTERS: Final = (*range(0x20, 0x7F), *range(0xA0, 0x250), *range(0x1EA0, 0x1EFA), *range(0x2010, 0x2027))
_FEATURES: Final = {"kern": False, "liga": False, "clig": False}


class Face:
    """The font, ready to be embedded in one file."""

    def __init__(self, writer: BasePdfFileWriter) -> None:
        self._glyphs = GlyphAccumulator(writer, io.BytesIO(_font()), font_size=1, features=_FEATURES)
        self._glyphs.tt.recalcTimestamp = False  # the same text gives the same bytes

    def width(self, text: str) -> float:
        """The length of *text*, in parts of the size."""
        return float(self._glyphs.shape(text, with_actual_text=False).x_advance)

    def shown(self, text: str) -> bytes:
        """The operators that set *text* at size 1 from the present place on."""
        return self._glyphs.shape(text, with_actual_text=False).graphics_ops

    def resource(self) -> generic.PdfObject:
        """What a resource dictionary names."""
        return self._glyphs.as_resource()


def wrapped(face: Face, text: str, measure: float) -> list[str]:
    """*text* in lines no longer than *measure*, in parts of the size; a word that is longer still is cut.

    Composed (NFC), white space folded. Raises Refusal sign.text for a character the font has not.
    """
    lines: list[str] = []
    line = ""
    for word in _words(face, printable(text), measure):
        longer = f"{line} {word}" if line else word
        if line and face.width(longer) > measure:
            lines.append(line)
            line = word
        else:
            line = longer
    return [*lines, line] if line else lines


def printable(text: str) -> str:
    """*text* composed (NFC), with single spaces. Raises Refusal sign.text for a character the font has not."""
    composed = " ".join(unicodedata.normalize("NFC", text).split())
    if len(composed) > MAX_TEXT:
        raise Refusal("sign.text", "", f"more than {MAX_TEXT} characters")
    missing = next((char for char in composed if ord(char) not in _covered()), None)
    if missing is not None:
        raise Refusal("sign.text", "", f"no glyph for U+{ord(missing):04X}")
    return composed


def _words(face: Face, text: str, measure: float) -> Iterator[str]:
    for word in text.split():
        while face.width(word) > measure and len(word) > 1:
            fitting = max(1, bisect_right(range(1, len(word)), measure, key=lambda n: face.width(word[:n])))
            yield word[:fitting]
            word = word[fitting:]
        yield word


@functools.cache
def _font() -> bytes:
    """The font's Latin letters on an em of 1,000 units.

    pyHanko writes widths and metrics in the font's own units where PDF counts thousandths of the em (ISO 32000-2
    §9.7.4.3): with the 2,048 of TrueType every letter would stand apart.
    """
    source = files("gateway.signing.pades") / "fonts" / "LiberationSerif-Regular.ttf"
    options = subset.Options(hinting=False, layout_features=["ccmp"], name_IDs=["*"])
    options.drop_tables += ["FFTM"]
    font = TTFont(io.BytesIO(source.read_bytes()), recalcTimestamp=False)
    cut = subset.Subsetter(options)
    cut.populate(unicodes=_LETTERS)
    cut.subset(font)
    scale_upem(font, _EM)
    target = io.BytesIO()
    font.save(target)
    return target.getvalue()


@functools.cache
def _covered() -> frozenset[int]:
    return frozenset(TTFont(io.BytesIO(_font()))["cmap"].getBestCmap())
