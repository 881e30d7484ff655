"""The one font file of the simulated papers and seals, read as a plain file."""

from __future__ import annotations

import functools
import io
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Final

from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.ttLib.scaleUpem import scale_upem

_SHIPPED: Final = "signing/pades/fonts/LiberationSerif-Regular.ttf"
_SYSTEM: Final = Path("/usr/share/fonts/truetype")
_INSTALLED: Final = (
    "liberation/LiberationSerif-Regular.ttf",
    "liberation2/LiberationSerif-Regular.ttf",
    "dejavu/DejaVuSerif.ttf",
)
_LETTERS: Final = (
    *range(0x20, 0x180),  # Latin with Đ, đ, Ă, ă, Ĩ, ĩ, Ũ, ũ
    *(0x1A0, 0x1A1, 0x1AF, 0x1B0),  # Ơ, ơ, Ư, ư
    *range(0x1EA0, 0x1EFA),  # everything with two marks
    *(0x2013, 0x2014, 0x2018, 0x2019, 0x201C, 0x201D, 0x2026),
)


def default_typeface() -> Path:
    """Return Liberation Serif as the gateway ships it, else one of Debian's. Raises FileNotFoundError."""
    for path in _candidates():
        if path.is_file():
            return path
    raise FileNotFoundError("Không có phông chữ (no font): LiberationSerif-Regular.ttf")


@functools.cache
def vietnamese(typeface: Path) -> bytes:
    """Return the font's Latin and Vietnamese letters, on an em of 1,000 units.

    pyHanko writes widths in the font's own units while PDF counts thousandths of the em (ISO 32000-2 §9.7.4.3): with
    the 2,048 of TrueType all letters would stand apart.
    """
    options = subset.Options(hinting=False, layout_features=["kern", "ccmp"], name_IDs=["*"])
    options.drop_tables += ["FFTM"]
    font = TTFont(typeface)
    cut = subset.Subsetter(options)
    cut.populate(unicodes=_LETTERS)
    cut.subset(font)
    scale_upem(font, 1000)
    target = io.BytesIO()
    font.save(target)
    return target.getvalue()


def _candidates() -> Iterator[Path]:
    yield Path(str(files("gateway"))) / _SHIPPED
    yield from (_SYSTEM / name for name in _INSTALLED)
