"""How a signature looks on the page: Decree 30/2020/NĐ-CP, Annex I (ô số 7c, 8 and 14).

The values only; `appearance_draw` sets them on the page. Measures for people are millimetres from the page's upper left
corner as it is shown; everything else counts points.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from gateway.clock import VIETNAM

MM: Final = 72 / 25.4
"""Points in a millimetre."""
SIGNATURE_MM: Final = (46.0, 22.0)
"""Width and height of a signature image where the page does not tell."""


@dataclass(frozen=True, slots=True)
class OverSigner:
    """On the signer's own signature: the last signature field that shows something, or the one named *field*."""

    field: str = ""


@dataclass(frozen=True, slots=True)
class At:
    """The middle of the image, *x* and *y* millimetres from the upper left corner of page *page* (from 1)."""

    page: int
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Anchor:
    """Above the last place where *text*, the signer's full name, is printed; *page* (from 1), 0 for any.

    A signature is taken to stand there: `SIGNATURE_MM`, centred over the name.
    """

    text: str
    page: int = 0


Place = OverSigner | At | Anchor


@dataclass(frozen=True, slots=True)
class Invisible:
    """Nothing is seen."""


@dataclass(frozen=True, slots=True)
class Seal:
    """The organisation's seal (ô số 8): PNG with transparent ground, red, in its real size.

    Over a signature it covers the left third of it. *millimetres* is the width; 0 takes the resolution the PNG states.
    """

    image: bytes = field(repr=False)
    place: Place = field(default_factory=OverSigner)
    millimetres: float = 0.0


@dataclass(frozen=True, slots=True)
class Personal:
    """A person's signature (ô số 7c): PNG with transparent ground, blue, between the position and the full name."""

    image: bytes = field(repr=False)
    place: Anchor | At
    millimetres: float = 0.0


@dataclass(frozen=True, slots=True)
class Corner:
    """Lines at the upper right of the first page, no image: upright, black, size 10. See `attachment` and `copy`."""

    lines: tuple[str, ...]


Appearance = Invisible | Seal | Personal | Corner


def attachment(number: str, at: datetime) -> Corner:
    """What an attachment in a file of its own shows: number and notation of its document, time of signing."""
    return Corner((f"Số: {number.removeprefix('Số:').strip()}", _time(at)))


def copy(form: str, agency: str, at: datetime) -> Corner:
    """What a copy shows (ô số 14): its form ("SAO Y", "SAO LỤC", "TRÍCH SAO"), the agency, time of signing."""
    return Corner((form.strip().upper(), agency.strip(), _time(at)))


def _time(at: datetime) -> str:
    """Day, clock time and Vietnam's offset as ISO 8601 writes it."""
    return f"Thời gian ký: {at.astimezone(VIETNAM):%d/%m/%Y %H:%M:%S} +07:00"
