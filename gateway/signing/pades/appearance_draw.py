"""Setting an appearance on the page: where its box is, and what is drawn in it."""

# mypy: allow-untyped-calls
# pyHanko annotates only a part of its functions.

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.writer import BasePdfFileWriter

from gateway.errors import Refusal
from gateway.signing.pades.appearance import MM, Appearance, Corner, Invisible, Personal, Seal
from gateway.signing.pades.appearance_picture import Picture
from gateway.signing.pades.appearance_place import Spot, sheet_on, shown_on_first, spot
from gateway.signing.pades.appearance_sheet import Box, Sheet
from gateway.signing.pades.appearance_type import ASCENT, DESCENT, LEADING, Face, wrapped

SIZE: Final = 10.0
"""Points of the text in the corner (Annex I)."""
MARGIN: Final = (12 * MM, 4 * MM)
"""Of the corner, from the right and the upper edge of the page."""
MEASURES: Final = tuple(measure * MM for measure in (80, 100, 120, 140, 160))
"""The longest line in the corner: the first that keeps the text within the strip."""
STRIP: Final = 15.5 * MM
"""Height of the text in the corner, if it can be: Annex I leaves 20 to 25 mm above the heading."""
_SHARE: Final = 0.8
"""What the corner may take of the page's width, and of its height."""
_SMALLEST: Final = 4.0
_GAP: Final = 3 * MM
_FREE: Final = 0.5
"""Points around the letters, so that no viewer cuts them."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """What is seen: *box* on page *page* (from 0) in the page's own coordinates; *stream* the form XObject."""

    page: int
    sheet: Sheet
    box: Box
    stream: generic.StreamObject


def drawing(appearance: Appearance, writer: BasePdfFileWriter, given: Spot | None = None) -> Drawing | None:
    """The appearance, its resources added to *writer*; None if nothing is to be seen.

    *given* is the box of a field that is there already; it decides then. Raises Refusal sign.image, sign.text,
    sign.place.
    """
    if isinstance(appearance, Invisible):
        return None
    if isinstance(appearance, Corner):
        return _corner(appearance, writer, given)
    return _image(appearance, writer, given)


def _image(appearance: Seal | Personal, writer: BasePdfFileWriter, given: Spot | None) -> Drawing:
    picture = Picture(appearance.image, appearance.millimetres)
    size = (picture.width, picture.height)
    found = given or spot(appearance, size, writer)
    left, bottom, right, top = found.box
    width, height = right - left, top - bottom
    scale = min(1.0, width / size[0], height / size[1])
    drawn = (size[0] * scale, size[1] * scale)
    at = ((width - drawn[0]) / 2, (height - drawn[1]) / 2)
    content = b"q %.3f 0 0 %.3f %.3f %.3f cm /Im Do Q" % (*drawn, *at)
    resources = {"/XObject": generic.DictionaryObject({pdf_name("/Im"): picture.embedded(writer)})}
    return _drawing(found, content, resources)


def _corner(appearance: Corner, writer: BasePdfFileWriter, given: Spot | None) -> Drawing:
    face = Face(writer)
    sheet = given.sheet if given else sheet_on(writer, 1)[1]
    if given:
        width, height = given.box[2] - given.box[0], given.box[3] - given.box[1]
        lines, size = _fitted(appearance.lines, face, (width, height))
    else:
        lines, size = _in_strip(appearance.lines, face, sheet)
        width = max(face.width(line) for line in lines) * size + 2 * _FREE
        height = _height(len(lines), size)
    found = given or Spot(0, sheet, _clear(_at_corner(sheet, width, height), shown_on_first(writer)))
    rows = [
        b"BT /F1 %.3f Tf 1 0 0 1 %.3f %.3f Tm %s ET"
        % (size, _FREE, height - _FREE - size * (ASCENT + LEADING * row), face.shown(line))
        for row, line in enumerate(lines)
    ]
    resources = {"/Font": generic.DictionaryObject({pdf_name("/F1"): face.resource()})}
    return _drawing(found, b"q 0 g " + b" ".join(rows) + b" Q", resources)


def _in_strip(texts: tuple[str, ...], face: Face, sheet: Sheet) -> tuple[list[str], float]:
    """The lines and their size, above the document's own heading if they can be."""
    free = (sheet.width * _SHARE, sheet.height * _SHARE)
    for measure in MEASURES:
        lines, size = _fitted(texts, face, (min(measure, free[0]), free[1]))
        if _height(len(lines), size) <= STRIP:
            break
    return lines, size


def _fitted(texts: tuple[str, ...], face: Face, room: tuple[float, float]) -> tuple[list[str], float]:
    """The lines and their size: 10, smaller only where the room is too small for the wrapped text."""
    size = SIZE
    while size >= _SMALLEST:
        measure = (room[0] - 2 * _FREE) / size
        lines = [line for text in texts for line in wrapped(face, text, measure)]
        if not lines:
            raise Refusal("sign.text", "", "there is nothing to write")
        if _height(len(lines), size) <= room[1]:
            return lines, size
        size -= 0.5
    raise Refusal("sign.place", "", "the text does not fit on the page")


def _height(lines: int, size: float) -> float:
    return size * (ASCENT + DESCENT + LEADING * (lines - 1)) + 2 * _FREE


def _at_corner(sheet: Sheet, width: float, height: float) -> Box:
    right = sheet.width - min(MARGIN[0], sheet.width * 0.05)
    top = sheet.height - min(MARGIN[1], sheet.height * 0.05)
    return (right - width, top - height, right, top)


def _clear(box: Box, others: Sequence[Box]) -> Box:
    """*box*, moved to the left of what earlier signatures show in its way; below it where there is no room."""
    for left, bottom, right, top in sorted(others, key=lambda other: -other[2]):
        if box[0] < right and left < box[2] and box[1] < top and bottom < box[3]:
            aside, down = box[2] - left + _GAP, box[3] - bottom + _GAP
            if box[0] - aside >= MARGIN[0] / 2:
                box = (box[0] - aside, box[1], box[2] - aside, box[3])
            else:
                box = (box[0], box[1] - down, box[2], box[3] - down)
    return box


def _drawing(found: Spot, content: bytes, resources: Mapping[str, generic.PdfObject]) -> Drawing:
    left, bottom, right, top = found.box
    members = {
        "/Type": pdf_name("/XObject"),
        "/Subtype": pdf_name("/Form"),
        "/BBox": _numbers(0, 0, right - left, top - bottom),
        "/Matrix": _numbers(*found.sheet.upright, 0, 0),
        "/Resources": generic.DictionaryObject({pdf_name(name): value for name, value in resources.items()}),
    }
    stream = generic.StreamObject({pdf_name(name): value for name, value in members.items()}, stream_data=content)
    return Drawing(found.page, found.sheet, found.sheet.own(found.box), stream)


def _numbers(*values: float) -> generic.ArrayObject:
    return generic.ArrayObject([generic.FloatObject(round(value, 3)) for value in values])
