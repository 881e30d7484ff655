"""A page as people see it: cropped, turned, and measured in true points, whatever its coordinates are."""

# mypy: allow-untyped-calls
# pyHanko annotates only a part of its functions.

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from pyhanko.pdf_utils import generic

from gateway.model.verdict import NotValid
from gateway.signing.pades.sign_objects import items, number, value

Box = tuple[float, float, float, float]
"""Left, bottom, right, top."""
MAX_PAGES: Final = 20_000
_MAX_DEPTH: Final = 64
_FARTHEST: Final = 1e6
_TURNS: Final = {0: (1, 0, 0, 1), 90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}


@dataclass(frozen=True, slots=True)
class Sheet:
    """One page. *area*: what is shown of it (CropBox within MediaBox) in its own coordinates; *turn*: degrees it is
    turned clockwise to be shown; *unit*: points in one unit of its coordinates (ISO 32000-2 §14.11.2, Table 31).
    """

    area: Box
    turn: int = 0
    unit: float = 1.0

    @property
    def width(self) -> float:
        """Points, as shown."""
        return self._shown_size()[0]

    @property
    def height(self) -> float:
        """Points, as shown."""
        return self._shown_size()[1]

    @property
    def upright(self) -> tuple[int, int, int, int]:
        """The linear part of the matrix that lets an appearance stand upright on the page as shown."""
        return _TURNS[self.turn]

    def own(self, box: Box) -> Box:
        """*box*, in points from the lower left corner of what is shown, in the page's own coordinates."""
        left, bottom, right, top = (edge / self.unit for edge in box)
        return _ordered(*self._own(left, bottom), *self._own(right, top))

    def shown(self, box: Box) -> Box:
        """*box*, in the page's own coordinates, in points from the lower left corner of what is shown."""
        found = _ordered(*self.point(box[0], box[1]), *self.point(box[2], box[3]))
        return found

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Where a point of the page's own coordinates is shown."""
        left, bottom, right, top = self.area
        u, v = {
            0: (x - left, y - bottom),
            90: (y - bottom, right - x),
            180: (right - x, top - y),
            270: (top - y, x - left),
        }[self.turn]
        return u * self.unit, v * self.unit

    def _own(self, u: float, v: float) -> tuple[float, float]:
        left, bottom, right, top = self.area
        return {
            0: (left + u, bottom + v),
            90: (right - v, bottom + u),
            180: (right - u, top - v),
            270: (left + v, top - u),
        }[self.turn]

    def _shown_size(self) -> tuple[float, float]:
        left, bottom, right, top = self.area
        width, height = (right - left) * self.unit, (top - bottom) * self.unit
        return (height, width) if self.turn in (90, 270) else (width, height)


def sheet_of(page: generic.DictionaryObject) -> Sheet:
    """How *page* is shown. Raises NotValid malformed for boxes nobody could show."""
    media = box_of(_inherited(page, "/MediaBox"))
    crop = _inherited(page, "/CropBox")
    area = media if crop is None else _within(box_of(crop), media)
    if min(area[2] - area[0], area[3] - area[1]) < 1:
        raise NotValid("malformed", "a page without an area")
    turn = number(_inherited(page, "/Rotate") or 0)
    if turn is None or turn % 90:
        raise NotValid("malformed", "a page turned by no quarter")
    unit = number(value(page, "/UserUnit", 1))
    if unit is None or not 0 < unit <= 1000:
        raise NotValid("malformed", "a page's unit is no number")
    return Sheet(area, int(turn) % 360, unit)


def pages(root: generic.DictionaryObject) -> Iterator[generic.IndirectObject]:
    """The pages of a document, in order. Raises NotValid malformed for a tree that is none."""
    seen: set[Any] = set()
    stack = [root.raw_get("/Pages")]
    while stack:
        ref = stack.pop()
        if not isinstance(ref, generic.IndirectObject) or ref.reference in seen or len(seen) > MAX_PAGES:
            raise NotValid("malformed", "the pages form no tree")
        seen.add(ref.reference)
        node = ref.get_object()
        if not isinstance(node, generic.DictionaryObject):
            raise NotValid("malformed", "a page is no dictionary")
        kids = value(node, "/Kids")
        if isinstance(kids, generic.ArrayObject):
            stack.extend(reversed([kids.raw_get(at) for at in range(len(kids))]))
        else:
            yield ref


def _inherited(page: generic.DictionaryObject, key: str) -> Any:
    node: Any = page
    for _ in range(_MAX_DEPTH):
        if not isinstance(node, generic.DictionaryObject):
            break
        if key in node:
            return node[key]
        node = value(node, "/Parent")
    return None


def box_of(array: Any) -> Box:
    """The rectangle a PDF array states, its corners in order. Raises NotValid malformed."""
    edges = [edge for one in items(array) if (edge := number(one)) is not None and abs(edge) < _FARTHEST]
    if len(edges) != 4:
        raise NotValid("malformed", "a box is no rectangle")
    return _ordered(edges[0], edges[1], edges[2], edges[3])


def _ordered(x1: float, y1: float, x2: float, y2: float) -> Box:
    return min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)


def _within(inner: Box, outer: Box) -> Box:
    found = max(inner[0], outer[0]), max(inner[1], outer[1]), min(inner[2], outer[2]), min(inner[3], outer[3])
    return found if found[2] > found[0] and found[3] > found[1] else outer
