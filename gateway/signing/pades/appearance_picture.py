"""The image of a seal or of a person's signature: PNG, transparent, in its real size (Annex I, ô số 7c and 8)."""

from __future__ import annotations

import io
from typing import Any, Final

from PIL import Image
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.images import pil_image
from pyhanko.pdf_utils.writer import BasePdfFileWriter

from gateway.errors import Refusal
from gateway.signing.pades.appearance import MM

MAX_BYTES: Final = 8 << 20
MAX_SIDE: Final = 4096
"""Pixels."""
SMALLEST, LARGEST = 8.0, 120.0
"""Millimetres of a side; a PNG whose resolution gives another size was not scanned in its real one."""


class Picture:
    """An image that was found usable. *width* and *height* in points."""

    def __init__(self, png: bytes, millimetres: float) -> None:
        """Raises Refusal sign.image: no PNG, no transparent ground, no size, or no sensible one."""
        self._image = _transparent(png)
        pixels = self._image.size
        self.width = (millimetres or _stated(self._image)) * MM
        self.height = self.width * pixels[1] / pixels[0]
        if not all(SMALLEST * MM <= side <= LARGEST * MM for side in (self.width, self.height)):
            raise Refusal("sign.image", "", f"a size of {self.width / MM:.0f} x {self.height / MM:.0f} mm")

    def embedded(self, writer: BasePdfFileWriter) -> generic.IndirectObject:
        """The image in the file."""
        found: generic.IndirectObject = pil_image(self._image, writer)
        return found


def _transparent(png: bytes) -> Image.Image:
    if len(png) > MAX_BYTES:
        raise Refusal("sign.image", "", f"more than {MAX_BYTES >> 20} MB")
    try:
        with Image.open(io.BytesIO(png), formats=["PNG"]) as opened:
            if max(opened.size) > MAX_SIDE or min(opened.size) < 8:
                raise Refusal("sign.image", "", f"{opened.width} x {opened.height} pixels")
            image = opened.convert("RGBA")
            image.info = {"dpi": opened.info.get("dpi")}
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as fault:
        raise Refusal("sign.image", "", f"not a PNG: {type(fault).__name__}") from fault
    least, most = _extrema(image)
    if least > 32 or most < 128:
        raise Refusal("sign.image", "", "the ground is not transparent" if least > 32 else "nothing can be seen")
    return image


def _extrema(image: Image.Image) -> tuple[int, int]:
    found: Any = image.getchannel("A").getextrema()
    return int(found[0]), int(found[1])


def _stated(image: Image.Image) -> float:
    """The width in millimetres by the resolution the PNG states."""
    dpi: Any = image.info.get("dpi")
    if not dpi or not dpi[0] > 0:
        raise Refusal("sign.image", "", "the PNG states no resolution, so its real size is unknown")
    return float(image.width / dpi[0] * 25.4)
