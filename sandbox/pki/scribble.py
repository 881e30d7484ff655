"""A signature as a person writes it: a blue scribble on transparent ground, the same for the same name."""

from __future__ import annotations

import hashlib
import math
from itertools import pairwise
from random import Random
from typing import Final

from PIL import Image, ImageDraw

BLUE: Final = (24, 52, 168)
SIZE: Final = (552, 264)
"""Pixels: 46 x 22 mm at about 300 dpi."""
_FINE: Final = 3
"""Drawn so many times larger and made smaller, for smooth edges."""

Point = tuple[float, float]


def scribble(full_name: str) -> Image.Image:
    """Return the signature of somebody of that name as an RGBA image."""
    seed = hashlib.sha256(full_name.encode()).digest()
    dice = Random(seed)  # noqa: S311 (a drawing, not a secret)
    width, height = SIZE[0] * _FINE, SIZE[1] * _FINE
    mask = Image.new("L", (width, height), 0)
    pen = ImageDraw.Draw(mask)
    for stroke in (_letters(dice, width, height), _flourish(dice, width, height)):
        _ink(pen, _smooth(stroke), height)
    image = Image.new("RGBA", SIZE, (*BLUE, 0))
    image.putalpha(mask.resize(SIZE, Image.Resampling.LANCZOS))
    return image


def _letters(dice: Random, width: int, height: int) -> list[Point]:
    """A tall first letter and a row of ever flatter loops."""
    base = height * 0.62
    points: list[Point] = [
        (width * 0.10, base - height * dice.uniform(0.05, 0.15)),
        (width * 0.17, height * dice.uniform(0.10, 0.18)),
        (width * 0.20, base + height * dice.uniform(0.05, 0.18)),
        (width * 0.14, base + height * dice.uniform(-0.05, 0.05)),
        (width * 0.27, height * dice.uniform(0.28, 0.38)),
    ]
    x = width * 0.30
    for place in range(dice.randint(4, 6)):
        rise = height * dice.uniform(0.14, 0.30) * (1 - place * 0.12)
        step = width * dice.uniform(0.045, 0.075)
        points += [(x, base + height * 0.03), (x + step * 0.75, base - rise), (x + step * 0.35, base - rise * 0.45)]
        x += step
    return [*points, (min(x + width * 0.1, width * 0.86), base - height * dice.uniform(0.05, 0.2))]


def _flourish(dice: Random, width: int, height: int) -> list[Point]:
    """The line drawn back under the name."""
    y = height * dice.uniform(0.76, 0.84)
    return [
        (width * 0.86, height * 0.48),
        (width * 0.93, y - height * 0.08),
        (width * 0.55, y),
        (width * dice.uniform(0.16, 0.26), y + height * 0.06),
        (width * 0.40, y - height * 0.03),
        (width * 0.94, y - height * dice.uniform(0.12, 0.22)),
    ]


def _smooth(points: list[Point]) -> list[Point]:
    """Return a Catmull-Rom curve through the points."""
    framed = [points[0], *points, points[-1]]
    curve: list[Point] = []
    for before, start, end, after in zip(framed, framed[1:], framed[2:], framed[3:], strict=False):
        for step in range(48):
            t = step / 48
            curve.append(
                (
                    _between(before[0], start[0], end[0], after[0], t),
                    _between(before[1], start[1], end[1], after[1], t),
                )
            )
    return curve


def _between(before: float, start: float, end: float, after: float, t: float) -> float:
    bend = 2 * before - 5 * start + 4 * end - after
    twist = -before + 3 * start - 3 * end + after
    return 0.5 * (2 * start + (end - before) * t + bend * t * t + twist * t**3)


def _ink(pen: ImageDraw.ImageDraw, curve: list[Point], height: int) -> None:
    """Draw with a nib: thin upwards and sideways, thick downwards, tapering at both ends."""
    broad = height * 0.016
    for place, ((x, y), (next_x, next_y)) in enumerate(pairwise(curve)):
        down = math.sin(math.atan2(next_y - y, abs(next_x - x) + 1e-6))
        taper = min(1.0, 0.35 + place / 30, 0.35 + (len(curve) - place) / 30)
        radius = broad * (0.62 + 0.38 * down) * taper
        pen.line((x, y, next_x, next_y), fill=255, width=max(1, round(radius * 2)))
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
