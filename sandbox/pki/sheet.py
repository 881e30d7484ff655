"""Setting type on A4 pages: words, lines, justified paragraphs, rules. Lengths in points from the lower left."""

# mypy: allow-untyped-calls
# pyHanko annotates only a part of its functions.

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.font.opentype import GlyphAccumulator
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.writer import PageObject, PdfFileWriter

from sandbox.pki.typeface import vietnamese

MM: Final = 72 / 25.4
WIDTH: Final = 210 * MM
HEIGHT: Final = 297 * MM
_BOLD_STROKE: Final = 0.032
"""Width of the outline that makes the one font bold, in parts of its size."""
_BOLD_SPACE: Final = 0.012
"""What its letters stand further apart for it, in parts of its size."""
_SLANT: Final = 0.21
"""Tangent of the slope that makes it italic."""
SUM_MARK: Final = b"/Sum"
"""Tag of the marked content around the sum of money, by which `forgery` finds it."""


@dataclass(frozen=True, slots=True)
class Style:
    """How a piece of text looks; `size` in points, `leading` the distance of lines in parts of it."""

    size: float = 13.5
    bold: bool = False
    italic: bool = False
    leading: float = 1.3


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    width: float


class Press:
    """A PDF in the making: `turn` begins a page, everything else sets type on the last one."""

    def __init__(self, typeface: Path, title: str, marked: str = "") -> None:
        self._writer = PdfFileWriter(stream_xrefs=False)
        self._writer.document_meta.title = title
        self._font = GlyphAccumulator(self._writer, io.BytesIO(vietnamese(typeface)), font_size=1)
        self._marked = marked
        self._pages: list[list[bytes]] = []

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return len(self._pages)

    def turn(self) -> None:
        """Begin a page."""
        self._pages.append([])

    def width(self, text: str, style: Style) -> float:
        """Return the length of a text set in one piece."""
        natural = float(self._font.shape(text, with_actual_text=False).x_advance)
        return (natural + (len(text) * _BOLD_SPACE if style.bold else 0)) * style.size

    def write(self, x: float, y: float, text: str, style: Style) -> None:
        """Set a text from `x` on, on the baseline `y`."""
        glyphs = self._font.shape(text, with_actual_text=False).graphics_ops
        bold = b"2 Tr %.3f w %.3f Tc" % (style.size * _BOLD_STROKE, style.size * _BOLD_SPACE)
        ink = bold if style.bold else b"0 Tr 0 Tc"
        slope = _SLANT if style.italic else 0
        place = b"BT /F1 %g Tf %s 1 0 %g 1 %.2f %.2f Tm %s ET" % (style.size, ink, slope, x, y, glyphs)
        bare = text.rstrip(".,;")
        if self._marked and bare == self._marked:
            place = b"%s BMC %s EMC" % (SUM_MARK, place)
        self._pages[-1].append(place)

    def centre(self, x: float, y: float, text: str, style: Style) -> None:
        """Set a text around `x`."""
        self.write(x - self.width(text, style) / 2, y, text, style)

    def rule(self, x: float, y: float, length: float) -> None:
        """Draw a thin line around `x`."""
        self._pages[-1].append(b"0.6 w %.2f %.2f m %.2f %.2f l S" % (x - length / 2, y, x + length / 2, y))

    def lines(self, text: str, style: Style, measure: float, indent: float = 0) -> list[str]:
        """Break a text into lines no longer than `measure`, the first one indented."""
        return [" ".join(word.text for word in line) for line in self._broken(text, style, measure, indent)]

    def justified(self, x: float, y: float, line: str, style: Style, measure: float) -> None:
        """Set a line so that it fills `measure` exactly."""
        words = [_Word(text, self.width(text, style)) for text in line.split()]
        gap = (measure - sum(word.width for word in words)) / max(1, len(words) - 1)
        for word in words:
            self.write(x, y, word.text, style)
            x += word.width + gap

    def scattered(self, x: float, y: float, line: str, style: Style) -> None:
        """Set a line word by word with natural spaces, so that a marked word stands alone."""
        words = line.split()
        natural = sum(self.width(word, style) for word in words) + (len(words) - 1) * self.width(" ", style)
        self.justified(x, y, line, style, natural)

    def printed(self, filler: bytes = b"") -> bytes:
        """Return the PDF; `filler` goes into a stream nobody shows, to make the file large."""
        fonts = generic.DictionaryObject({pdf_name("/F1"): self._font.as_resource()})
        resources = generic.DictionaryObject({pdf_name("/Font"): fonts})
        for page in self._pages:
            content = self._writer.add_object(generic.StreamObject(stream_data=b"\n".join(page)))
            self._writer.insert_page(PageObject(content, (0, 0, WIDTH, HEIGHT), resources))
        if filler:
            self._writer.add_object(generic.StreamObject(stream_data=filler))
        target = io.BytesIO()
        self._writer.write(target)
        return target.getvalue()

    def _broken(self, text: str, style: Style, measure: float, indent: float) -> Iterator[Sequence[_Word]]:
        space = self.width(" ", style)
        line: list[_Word] = []
        used = indent
        for text_of in text.split():
            word = _Word(text_of, self.width(text_of, style))
            if line and used + word.width > measure:
                yield line
                line, used = [], 0
            line.append(word)
            used += word.width + space
        if line:
            yield line
