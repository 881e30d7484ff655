"""Printed words on a page: as much of its content stream (ISO 32000-2 §9.4) as it takes to say where they are."""

# mypy: allow-untyped-calls
# pyHanko annotates only a part of its functions.

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import Any, Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.misc import PdfError

from gateway.signing.pades.appearance_sheet import Box, Sheet
from gateway.signing.pades.appearance_tokens import operators
from gateway.signing.pades.appearance_typeface import Typeface, typeface_of
from gateway.signing.pades.sign_objects import items, value

MAX_OPERATORS: Final = 200_000
_MAX_FORMS: Final = 4
"""How deep forms may lie in forms."""
_ASCENT, _DESCENT = 0.8, 0.2
_FAULTS: Final = (PdfError, ValueError, KeyError, TypeError, IndexError, AttributeError, AssertionError, RecursionError)

Matrix = tuple[float, float, float, float, float, float]
_UNIT: Final[Matrix] = (1, 0, 0, 1, 0, 0)


def found_words(page: generic.DictionaryObject, sheet: Sheet, words: str) -> list[Box]:
    """Where *words* are printed on *page*, in the order of its content, in points on the page as shown.

    White space and case do not count. A page that cannot be read has no words.
    """
    wanted = _folded(words)
    if not wanted:
        return []
    reader = _Reader()
    try:
        reader.read(_content(page), _resources(page), _UNIT, 0)
    except _FAULTS:
        return []
    text, owners = "", []
    for glyph in reader.glyphs:
        folded = _folded(glyph.text)
        text += folded
        owners += [glyph] * len(folded)
    boxes, start = [], text.find(wanted)
    while start >= 0:
        boxes.append(_box(owners[start : start + len(wanted)], sheet))
        start = text.find(wanted, start + 1)
    return boxes


@dataclass(frozen=True, slots=True)
class _Glyph:
    text: str
    corners: tuple[tuple[float, float], tuple[float, float]]
    """Lower left and upper right, in the page's own coordinates."""


@dataclass(slots=True)
class _State:
    """The parts of the graphics and text state that place glyphs (§9.3)."""

    ctm: Matrix = _UNIT
    face: Typeface | None = None
    size: float = 0
    spacing: float = 0
    word_spacing: float = 0
    stretch: float = 1
    leading: float = 0
    rise: float = 0

    def copy(self) -> _State:
        return _State(*(getattr(self, name) for name in self.__slots__))


@dataclass(slots=True)
class _Reader:
    glyphs: list[_Glyph] = field(default_factory=list)
    _left: int = MAX_OPERATORS
    _faces: dict[int, Typeface] = field(default_factory=dict)
    _matrix: Matrix = _UNIT
    _line: Matrix = _UNIT

    def read(self, content: bytes, resources: Any, ctm: Matrix, depth: int) -> None:
        state, kept = _State(ctm), []
        for operator, given in operators(content):
            self._left -= 1
            if self._left < 0:
                return
            if operator == "q":
                kept.append(state.copy())
            elif operator == "Q" and kept:
                state = kept.pop()
            elif operator == "cm":
                state.ctm = _times(_matrix(given), state.ctm)
            elif operator == "Do" and depth < _MAX_FORMS:
                self._form(given[0], resources, state.ctm, depth)
            else:
                self._text(operator, given, state, resources)

    def _form(self, name: Any, resources: Any, ctm: Matrix, depth: int) -> None:
        form = value(value(resources, "/XObject"), name)
        if not isinstance(form, generic.StreamObject) or value(form, "/Subtype") != "/Form":
            return
        matrix = _times(_matrix(items(form["/Matrix"])), ctm) if "/Matrix" in form else ctm
        self.read(form.data, value(form, "/Resources") or resources, matrix, depth + 1)

    def _text(self, operator: str, given: list[Any], state: _State, resources: Any) -> None:
        if operator == "BT":
            self._matrix = self._line = _UNIT
        elif operator == "Tf":
            state.face, state.size = self._face(given[0], resources), float(given[1])
        elif operator in _NUMBERS:
            scale = 0.01 if operator == "Tz" else 1
            setattr(state, _NUMBERS[operator], float(given[0]) * scale)
        elif operator == "Tm":
            self._matrix = self._line = _matrix(given)
        elif operator in ("Td", "TD"):
            state.leading = -float(given[1]) if operator == "TD" else state.leading
            self._move(float(given[0]), float(given[1]))
        elif operator == "T*":
            self._move(0, -state.leading)
        elif operator in ("Tj", "'", '"', "TJ"):
            self._shown(operator, given, state)

    def _shown(self, operator: str, given: list[Any], state: _State) -> None:
        if operator == '"':
            state.word_spacing, state.spacing = float(given[0]), float(given[1])
        if operator in ("'", '"'):
            self._move(0, -state.leading)
        for part in given[0] if operator == "TJ" else given[-1:]:
            if isinstance(part, bytes):
                self._show(part, state)
            else:
                self._advance(-float(part) / 1000 * state.size * state.stretch)

    def _show(self, codes: bytes, state: _State) -> None:
        if state.face is None:
            return
        for text, width, space in state.face.glyphs(codes):
            length = width * state.size * state.stretch
            place = _times(self._matrix, state.ctm)
            low = _point(0, state.rise - _DESCENT * state.size, place)
            high = _point(length, state.rise + _ASCENT * state.size, place)
            self.glyphs.append(_Glyph(text, (low, high)))
            self._advance(length + (state.spacing + (state.word_spacing if space else 0)) * state.stretch)

    def _advance(self, x: float) -> None:
        self._matrix = _times((1, 0, 0, 1, x, 0), self._matrix)

    def _move(self, x: float, y: float) -> None:
        self._matrix = self._line = _times((1, 0, 0, 1, x, y), self._line)

    def _face(self, name: Any, resources: Any) -> Typeface | None:
        font = value(value(resources, "/Font"), name)
        if not isinstance(font, generic.DictionaryObject):
            return None
        if id(font) not in self._faces:
            self._faces[id(font)] = typeface_of(font)
        return self._faces[id(font)]


_NUMBERS: Final = {
    "Tc": "spacing",
    "Tw": "word_spacing",
    "Tz": "stretch",
    "TL": "leading",
    "Ts": "rise",
}


def _content(page: generic.DictionaryObject) -> bytes:
    found = value(page, "/Contents")
    streams = items(found) if isinstance(found, generic.ArrayObject) else (found,)
    return b"\n".join(one.data for one in streams if isinstance(one, generic.StreamObject))


def _resources(page: generic.DictionaryObject) -> Any:
    node: Any = page
    for _ in range(64):
        if (found := value(node, "/Resources")) is not None:
            return found
        node = value(node, "/Parent")
    return None


def _matrix(values: Any) -> Matrix:
    a, b, c, d, e, f = (float(value) for value in values)
    return (a, b, c, d, e, f)


def _times(one: Matrix, other: Matrix) -> Matrix:
    a, b, c, d, e, f = one
    p, q, r, s, t, u = other
    return (a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s, e * p + f * r + t, e * q + f * s + u)


def _point(x: float, y: float, by: Matrix) -> tuple[float, float]:
    return (x * by[0] + y * by[2] + by[4], x * by[1] + y * by[3] + by[5])


def _box(glyphs: list[_Glyph], sheet: Sheet) -> Box:
    corners = [sheet.point(*corner) for glyph in glyphs for corner in glyph.corners]
    across, up = [x for x, _ in corners], [y for _, y in corners]
    return (min(across), min(up), max(across), max(up))


def _folded(text: str) -> str:
    return "".join(unicodedata.normalize("NFC", text).casefold().split())
