"""What a PDF's font says of its codes: their text and their widths (ISO 32000-2 §9.6 to §9.10)."""

# mypy: allow-untyped-calls
# pyHanko annotates only a part of its functions.

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from fontTools import agl
from pyhanko.pdf_utils import generic

from gateway.signing.pades.sign_objects import items, value

_CHARS: Final = re.compile(rb"beginbfchar(.*?)endbfchar", re.DOTALL)
_RANGES: Final = re.compile(rb"beginbfrange(.*?)endbfrange", re.DOTALL)
_PAIR: Final = re.compile(rb"<([0-9A-Fa-f\s]+)>\s*<([0-9A-Fa-f\s]*)>")
_SPAN: Final = re.compile(
    rb"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>\s*(?:<([0-9A-Fa-f\s]+)>|\[((?:\s*<[0-9A-Fa-f\s]*>)*)\s*\])"
)
_HEX: Final = re.compile(rb"<([0-9A-Fa-f\s]*)>")
_MAX_SPAN: Final = 0x10000


@dataclass(frozen=True, slots=True)
class Typeface:
    """One font: code to text, code to width in parts of the size. *octets* a code takes."""

    octets: int
    texts: dict[int, str]
    widths: dict[int, float]
    otherwise: float

    def glyphs(self, codes: bytes) -> Iterator[tuple[str, float, bool]]:
        """For each code its text, its width, and whether word spacing applies (the single-byte code 32)."""
        for at in range(0, len(codes) - self.octets + 1, self.octets):
            code = int.from_bytes(codes[at : at + self.octets])
            yield self.texts.get(code, "\ufffd"), self.widths.get(code, self.otherwise), self.octets == 1 and code == 32


def typeface_of(font: generic.DictionaryObject) -> Typeface:
    """The font of a resource dictionary; what it does not tell is guessed as viewers do."""
    composite = value(font, "/Subtype") == "/Type0"
    texts = {} if composite else _encoded(value(font, "/Encoding"))
    stated = value(font, "/ToUnicode")
    if isinstance(stated, generic.StreamObject):
        texts = {**texts, **_mapped(stated.data)}
    if composite:
        below = font["/DescendantFonts"][0]
        default = float(value(below, "/DW", 1000)) / 1000
        return Typeface(2, texts, _composite_widths(value(below, "/W")), default)
    first = int(value(font, "/FirstChar", 0))
    widths = {first + at: float(width) / 1000 for at, width in enumerate(items(value(font, "/Widths")))}
    return Typeface(1, texts, widths, 0.5)


def _encoded(encoding: Any) -> dict[int, str]:
    base = value(encoding, "/BaseEncoding") if isinstance(encoding, generic.DictionaryObject) else encoding
    codec = "mac_roman" if base == "/MacRomanEncoding" else "cp1252"
    texts = {code: bytes([code]).decode(codec, "replace") for code in range(32, 256)}
    code = 0
    for one in items(value(encoding, "/Differences")):
        if isinstance(one, int):
            code = one
        else:
            texts[code] = agl.toUnicode(str(one).removeprefix("/")) or texts.get(code, "\ufffd")
            code += 1
    return texts


def _mapped(cmap: bytes) -> dict[int, str]:
    """The mappings of a ToUnicode CMap (§9.10.3)."""
    texts: dict[int, str] = {}
    for section in _CHARS.findall(cmap):
        texts |= {int(code, 16): _text(text) for code, text in _PAIR.findall(section)}
    for section in _RANGES.findall(cmap):
        for first, last, start, each in _SPAN.findall(section):
            low, high = int(first, 16), min(int(last, 16), int(first, 16) + _MAX_SPAN)
            if start:
                base = _text(start)
                texts |= {code: base[:-1] + chr(ord(base[-1]) + code - low) for code in range(low, high + 1) if base}
            else:
                texts |= dict(zip(range(low, high + 1), map(_text, _HEX.findall(each)), strict=False))
    return texts


def _text(digits: bytes) -> str:
    return bytes.fromhex(digits.decode("ascii")).decode("utf-16-be", "replace")


def _composite_widths(array: Any) -> dict[int, float]:
    """/W of a CIDFont (§9.7.4.3), for codes that are their own CIDs."""
    widths: dict[int, float] = {}
    rest = items(array)
    for first in rest:
        second = next(rest, None)
        if isinstance(second, generic.ArrayObject):
            widths |= {int(first) + at: float(width) / 1000 for at, width in enumerate(items(second))}
        elif second is not None:
            width = float(next(rest, 0)) / 1000
            widths |= dict.fromkeys(range(int(first), min(int(second), int(first) + _MAX_SPAN) + 1), width)
    return widths
