"""Where an image goes: on the signer's signature, over a printed name, or where somebody says (Annex I)."""

# mypy: allow-untyped-calls
# pyHanko annotates only a part of its functions.

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.rw_common import PdfHandler
from pyhanko.sign.fields import enumerate_sig_fields

from gateway.errors import Refusal
from gateway.signing.pades.appearance import MM, SIGNATURE_MM, Anchor, At, OverSigner, Personal, Seal
from gateway.signing.pades.appearance_sheet import Box, Sheet, box_of, pages, sheet_of
from gateway.signing.pades.appearance_words import found_words
from gateway.signing.pades.sign_objects import value

COVERED: Final = 1 / 3
"""The part of the signer's signature that the seal covers, on its left (ô số 8)."""
_OVER_NAME: Final = 2 * MM
"""Between a signature and the name below it."""
_SMALLEST: Final = 5 * MM
"""A field narrower or lower than this shows no signature."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A place on page *page* (from 0): *box* in points from the lower left corner of the page as shown."""

    page: int
    sheet: Sheet
    box: Box


def spot(appearance: Seal | Personal, size: tuple[float, float], handler: PdfHandler) -> Spot:
    """Where an image of *size* (points) goes. Raises Refusal sign.place: no such signature, name or page."""
    place = appearance.place
    if isinstance(place, At):
        page, sheet = sheet_on(handler, place.page)
        middle = (place.x * MM, sheet.height - place.y * MM)
        box = _around(middle, size)
        if box[0] < 0 or box[1] < 0 or box[2] > sheet.width or box[3] > sheet.height:
            raise Refusal("sign.place", "", "the image would leave the page")
        return Spot(page, sheet, box)
    signature = _over_name(handler, place) if isinstance(place, Anchor) else _of_signer(handler, place)
    left, bottom, right, top = signature.box
    middle = ((left + right) / 2, (bottom + top) / 2)
    if isinstance(appearance, Seal):
        middle = (left + (right - left) * COVERED - size[0] / 2, middle[1])
    else:
        middle = (middle[0], bottom + size[1] / 2)
    return Spot(signature.page, signature.sheet, _kept_on(signature.sheet, _around(middle, size)))


def field_spot(field: generic.DictionaryObject, handler: PdfHandler) -> Spot | None:
    """Where a signature field is shown; None if it is not."""
    widget = _widget(field)
    if widget is None or "/Rect" not in widget:
        return None
    box = box_of(widget["/Rect"])
    if box[2] - box[0] < 1 or box[3] - box[1] < 1:
        return None
    page = _page_of(widget, handler)
    if page is None:
        return None
    sheet = sheet_of(page[1])
    return Spot(page[0], sheet, sheet.shown(box))


def shown_on_first(handler: PdfHandler) -> list[Box]:
    """Where signatures are shown on the first page already, in points on the page as shown."""
    fields = (ref.get_object() for _, _, ref in enumerate_sig_fields(handler, filled_status=True))
    spots = (field_spot(field, handler) for field in fields)
    return [found.box for found in spots if found and found.page == 0]


def _of_signer(handler: PdfHandler, place: OverSigner) -> Spot:
    """The signature to be sealed: of the fields that were signed and show something, the last one."""
    candidates: list[Spot] = []
    for name, _, ref in enumerate_sig_fields(handler, filled_status=True):
        field = ref.get_object()
        if (place.field and name != place.field) or not _shows(field):
            continue
        found = field_spot(field, handler)
        if found and min(found.box[2] - found.box[0], found.box[3] - found.box[1]) >= _SMALLEST:
            candidates.append(found)
    if not candidates:
        raise Refusal("sign.place", place.field, "no signature of a signer is shown in this file")
    return candidates[-1]


def _shows(field: generic.DictionaryObject) -> bool:
    return value(value(_widget(field), "/AP"), "/N") is not None


def _widget(field: generic.DictionaryObject) -> generic.DictionaryObject | None:
    kids = value(field, "/Kids")
    if kids is None:
        return field
    found = kids[0] if isinstance(kids, generic.ArrayObject) and len(kids) == 1 else None
    return found if isinstance(found, generic.DictionaryObject) else None


def _page_of(widget: generic.DictionaryObject, handler: PdfHandler) -> tuple[int, generic.DictionaryObject] | None:
    """The page that lists the widget among its annotations: /P is only a hint."""
    wanted = widget.container_ref
    for at, ref in enumerate(pages(handler.root)):
        page = ref.get_object()
        listed = value(page, "/Annots")
        if isinstance(listed, generic.ArrayObject) and any(_same(one, wanted) for one in _raw(listed)):
            return at, page
    return None


def _raw(array: generic.ArrayObject) -> Iterator[generic.PdfObject]:
    return (array.raw_get(at) for at in range(len(array)))


def _same(one: generic.PdfObject, wanted: object) -> bool:
    return isinstance(one, generic.IndirectObject) and one.reference == wanted


def sheet_on(handler: PdfHandler, number: int) -> tuple[int, Sheet]:
    """Page *number* (from 1): its place (from 0) and how it is shown. Raises Refusal sign.place."""
    for at, ref in enumerate(pages(handler.root), start=1):
        if at == number:
            return at - 1, sheet_of(ref.get_object())
    raise Refusal("sign.place", "", f"there is no page {number}")


def _over_name(handler: PdfHandler, place: Anchor) -> Spot:
    """A signature as it would stand over a printed name; the last such name counts."""
    numbered = list(enumerate(pages(handler.root)))
    for at, ref in reversed(numbered):
        if place.page and at != place.page - 1:
            continue
        page = ref.get_object()
        sheet = sheet_of(page)
        boxes = found_words(page, sheet, place.text)
        if boxes:
            left, _, right, top = boxes[-1]
            width, height = (side * MM for side in SIGNATURE_MM)
            middle = ((left + right) / 2, top + _OVER_NAME + height / 2)
            return Spot(at, sheet, _around(middle, (width, height)))
    raise Refusal("sign.place", "", "the name is not printed in this file")


def _around(middle: tuple[float, float], size: tuple[float, float]) -> Box:
    return (middle[0] - size[0] / 2, middle[1] - size[1] / 2, middle[0] + size[0] / 2, middle[1] + size[1] / 2)


def _kept_on(sheet: Sheet, box: Box) -> Box:
    """*box*, moved as far as it takes to lie on the page."""
    aside = max(0.0, -box[0]) - max(0.0, box[2] - sheet.width)
    up = max(0.0, -box[1]) - max(0.0, box[3] - sheet.height)
    return (box[0] + aside, box[1] + up, box[2] + aside, box[3] + up)
