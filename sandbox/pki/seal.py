"""An organisation's round seal as a picture: red on transparent ground, in its real size."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFont

RED: Final = (206, 24, 32)
_FINE: Final = 3
_INCH: Final = 25.4
_NATION: Final = "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"

Place = tuple[float, float]


def seal_png(agency: str, parent: str, typeface: Path, diameter: float = 36.0, dpi: int = 300) -> bytes:
    """Return a seal of `diameter` millimetres as PNG with its resolution.

    `parent` runs along the ring, the name of the State if there is none; `agency` stands in the middle, a star below.
    """
    side = round(diameter / _INCH * dpi)
    mask = seal_mask(agency, parent, typeface, side * _FINE).resize((side, side), Image.Resampling.LANCZOS)
    image = Image.new("RGBA", (side, side), (*RED, 0))
    image.putalpha(mask.point([round(level * 0.92) for level in range(256)]))  # ink lets the paper through
    target = io.BytesIO()
    image.save(target, "PNG", dpi=(dpi, dpi), optimize=True)
    return target.getvalue()


def seal_mask(agency: str, parent: str, typeface: Path, side: int) -> Image.Image:
    """Return where there is ink, as a grey image of `side` pixels."""
    mask = Image.new("L", (side, side), 0)
    pen = ImageDraw.Draw(mask)
    middle = side / 2
    for radius, width in ((0.495, 0.013), (0.470, 0.005), (0.335, 0.006)):
        _circle(pen, middle, side * radius, round(side * width))
    _star(pen, (middle, middle + side * 0.403), side * 0.042)
    _around(mask, parent.upper() or _NATION, typeface, side)
    _in_the_middle(pen, agency.upper(), typeface, side)
    return mask


def _circle(pen: ImageDraw.ImageDraw, middle: float, radius: float, width: int) -> None:
    pen.ellipse((middle - radius, middle - radius, middle + radius, middle + radius), outline=255, width=width)


def _star(pen: ImageDraw.ImageDraw, at: Place, radius: float) -> None:
    """A five-pointed star, one point up."""
    corners = []
    for corner in range(10):
        reach = radius if corner % 2 == 0 else radius * 0.382
        angle = math.pi * corner / 5
        corners.append((at[0] + reach * math.sin(angle), at[1] - reach * math.cos(angle)))
    pen.polygon(corners, fill=255)


def _around(mask: Image.Image, text: str, typeface: Path, side: int) -> None:
    """Set a text along the ring, from lower left over the top to lower right, never over the star."""
    radius = side * 0.402
    size = side * 0.084
    longest = math.radians(290)
    font = _font(typeface, size)
    advances = [font.getlength(char) * 1.06 for char in text]
    if sum(advances) / radius > longest:
        size *= longest * radius / sum(advances)
        font = _font(typeface, size)
        advances = [font.getlength(char) * 1.06 for char in text]
    angle = -sum(advances) / radius / 2
    for char, advance in zip(text, advances, strict=True):
        _turned_glyph(mask, char, font, angle + advance / radius / 2, radius)
        angle += advance / radius


def _turned_glyph(mask: Image.Image, char: str, font: ImageFont.FreeTypeFont, angle: float, radius: float) -> None:
    """Put one letter on the ring; `angle` is from the top, clockwise, in radians."""
    side = round(font.size * 2.4)
    tile = Image.new("L", (side, side), 0)
    half = side / 2
    capital = font.getbbox("H", anchor="ls")
    baseline = half - (capital[1] + capital[3]) / 2
    stroke = max(1, round(font.size * 0.03))
    ImageDraw.Draw(tile).text((half, baseline), char, fill=255, font=font, anchor="ms", stroke_width=stroke)
    tile = tile.rotate(-math.degrees(angle), Image.Resampling.BICUBIC)
    middle = mask.width / 2
    x = middle + radius * math.sin(angle) - half
    y = middle - radius * math.cos(angle) - half
    mask.paste(255, (round(x), round(y)), tile)


def _in_the_middle(pen: ImageDraw.ImageDraw, text: str, typeface: Path, side: int) -> None:
    """Set the agency's name on as few lines as it can have without becoming much smaller than on more."""
    words = text.split()
    breaks = [_broken(words, count) for count in range(1, min(6, len(words)) + 1)]
    sizes = [_fitting(typeface, side, lines) for lines in breaks]
    best, size = next((lines, size) for lines, size in zip(breaks, sizes, strict=True) if size >= 0.75 * max(sizes))
    font = _font(typeface, size)
    height = size * 1.22
    top = side / 2 - height * (len(best) - 1) / 2 + size * 0.34
    stroke = max(1, round(size * 0.03))
    for place, line in enumerate(best):
        pen.text((side / 2, top + place * height), line, fill=255, font=font, anchor="ms", stroke_width=stroke)


def _broken(words: list[str], count: int) -> list[str]:
    """Break words into `count` lines of about the same length."""
    lines: list[list[str]] = [[] for _ in range(count)]
    total = sum(len(word) + 1 for word in words)
    used = 0
    for word in words:
        lines[min(count - 1, int((used + len(word) / 2) / total * count))].append(word)
        used += len(word) + 1
    return [" ".join(line) for line in lines if line]


def _fitting(typeface: Path, side: int, lines: list[str]) -> float:
    """Return the size at which all corners of the lines stay within the inner circle."""
    probe = _font(typeface, 100)
    inner = side * 0.335 * 0.93
    height = len(lines) * 1.22
    width = max(probe.getlength(line) / 100 for line in lines)
    return min(2 * inner / math.hypot(width, height * 0.9), side * 0.12)


def _font(typeface: Path, size: float) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(typeface), size, layout_engine=ImageFont.Layout.BASIC)
