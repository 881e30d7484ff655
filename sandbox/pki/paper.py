"""An official letter as Decree 30/2020/NĐ-CP, Annex I lays it out, on A4 with Vietnamese glyphs, not signed yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from sandbox.pki.sheet import HEIGHT, MM, WIDTH, Press, Style

Box = tuple[float, float, float, float]
"""Lower left and upper right corner, in points."""

NATION: Final = "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"
MOTTO: Final = "Độc lập - Tự do - Hạnh phúc"
LEFT, RIGHT, TOP, BOTTOM = 30 * MM, WIDTH - 20 * MM, HEIGHT - 22 * MM, 20 * MM
MEASURE: Final = RIGHT - LEFT
INDENT: Final = 12.7 * MM
ISSUER_AXIS: Final = LEFT + 29 * MM
STATE_AXIS: Final = RIGHT - 46 * MM
SIGNATURE: Final = (46 * MM, 22 * MM)
"""Width and height of the signer's signature image."""
_BODY: Final = Style(13.5)
_SMALL: Final = Style(11)
_BELOW: Final = 66 * MM
"""What the closing block needs: it is never torn from page to page."""


@dataclass(frozen=True, slots=True)
class Letter:
    """What an official letter says. `amount` is a sum in `paragraphs`, alone between spaces: what forgers are after.

    `parent` is the body the agency belongs to, "" for none; `kind` a document type that is printed as a title
    ("BÁO CÁO"), "" for a letter, whose subject stands under its number.
    """

    agency: str
    number: str
    notation: str
    subject: str
    on: date
    addressees: Sequence[str]
    paragraphs: Sequence[str]
    parent: str = ""
    kind: str = ""
    place: str = "Tây Ninh"
    authority: str = ""
    position: str = "GIÁM ĐỐC"
    signer: str = "Nguyễn Văn A"
    archive: str = "Lưu: VT."
    amount: str = ""


@dataclass(frozen=True, slots=True)
class Paper:
    """A typeset letter. `page` (from 0) and `signature` are where the signer's image belongs."""

    content: bytes
    page: int
    signature: Box


def typeset(letter: Letter, typeface: Path, filler: bytes = b"") -> Paper:
    """Return the letter on as many pages as it takes."""
    press = Press(typeface, letter.subject, letter.amount)
    press.turn()
    y = _heading(press, letter)
    y = _title(press, letter, y)
    y = _addressed(press, letter, y)
    for paragraph in letter.paragraphs:
        y = _paragraph(press, paragraph, y)
    if y - _BELOW < BOTTOM:
        y = _turned(press)
    signature = _closing(press, letter, y)
    return Paper(press.printed(filler), press.pages - 1, signature)


def seal_box(signature: Box, diameter: float = 36 * MM) -> Box:
    """Return where a seal goes: over the left third of the signer's image (Annex I, ô số 8)."""
    left, bottom, right, top = signature
    edge = left + (right - left) / 3
    middle = (bottom + top) / 2
    return (edge - diameter, middle - diameter / 2, edge, middle + diameter / 2)


def _heading(press: Press, letter: Letter) -> float:
    """National name and motto, issuing agency, number, place and date; the baseline below them."""
    y = TOP
    press.centre(STATE_AXIS, y, NATION, Style(12, bold=True))
    press.centre(STATE_AXIS, y - 16, MOTTO, Style(13, bold=True))
    press.rule(STATE_AXIS, y - 20, press.width(MOTTO, Style(13, bold=True)))
    dated = f"{letter.place}, ngày {letter.on.day:02} tháng {letter.on.month:02} năm {letter.on.year}"
    own = Style(12, bold=True)
    issuer = [(line, Style(12)) for line in press.lines(letter.parent.upper(), Style(12), 62 * MM)]
    issuer += [(line, own) for line in press.lines(letter.agency.upper(), own, 60 * MM)]
    for line, style in issuer:
        press.centre(ISSUER_AXIS, y, line, style)
        y -= 15.5
    press.rule(ISSUER_AXIS, y + 11, min(26 * MM, press.width(issuer[-1][0], own) * 0.5))
    y = min(y - 9, TOP - 41)
    press.centre(ISSUER_AXIS, y, f"Số: {letter.number}/{letter.notation}", Style(13))
    press.centre(STATE_AXIS, y, dated, Style(13, italic=True))
    return y - 17


def _title(press: Press, letter: Letter, y: float) -> float:
    """The subject under the number, or the document type as a title over its subject."""
    if not letter.kind:
        for line in press.lines(f"V/v {letter.subject.removeprefix('V/v ')}", Style(12), 58 * MM):
            press.centre(ISSUER_AXIS, y, line, Style(12))
            y -= 14.5
        return y - 14
    y -= 16
    press.centre(WIDTH / 2 + 5 * MM, y, letter.kind.upper(), Style(14, bold=True))
    for line in press.lines(letter.subject, Style(14, bold=True), 120 * MM):
        y -= 18
        press.centre(WIDTH / 2 + 5 * MM, y, line, Style(14, bold=True))
    press.rule(WIDTH / 2 + 5 * MM, y - 7, 45 * MM)
    return y - 32


def _addressed(press: Press, letter: Letter, y: float) -> float:
    """`Kính gửi:` with one addressee on its line, or several below each other."""
    axis = WIDTH / 2 + 5 * MM
    if len(letter.addressees) == 1:
        press.centre(axis, y, f"Kính gửi: {letter.addressees[0]}", Style(14))
        return y - 30
    start = axis - 45 * MM
    press.write(start, y, "Kính gửi:", Style(14))
    for place, addressee in enumerate(letter.addressees, start=1):
        y -= 18
        press.write(start + 18 * MM, y, f"- {addressee}{'.' if place == len(letter.addressees) else ';'}", Style(14))
    return y - 28


def _paragraph(press: Press, text: str, y: float) -> float:
    """Body text: justified, first line indented, 6 pt between paragraphs."""
    lines = press.lines(text, _BODY, MEASURE, INDENT)
    for place, line in enumerate(lines):
        if y < BOTTOM:
            y = _turned(press)
        indent = INDENT if place == 0 else 0
        if place == len(lines) - 1:
            press.scattered(LEFT + indent, y, line, _BODY)
        else:
            press.justified(LEFT + indent, y, line, _BODY, MEASURE - indent)
        y -= _BODY.size * _BODY.leading
    return y - 6


def _turned(press: Press) -> float:
    """Begin a page with its number in the middle of the upper margin; the first page carries none."""
    press.turn()
    press.centre(WIDTH / 2, HEIGHT - 13 * MM, str(press.pages), Style(13))
    return TOP


def _closing(press: Press, letter: Letter, y: float) -> Box:
    """Receivers on the left, the signing block on the right; where the signature goes."""
    y -= 12
    press.write(LEFT, y, "Nơi nhận:", Style(12, bold=True, italic=True))
    receivers = ["- Như trên;", f"- {letter.archive}"]
    for place, line in enumerate(receivers, start=1):
        press.write(LEFT, y - 15 - (place - 1) * 13.5, line, _SMALL)
    strong = Style(13.5, bold=True)
    for line in (letter.authority, letter.position):
        if line:
            press.centre(STATE_AXIS, y, line.upper(), strong)
            y -= 17
    width, height = SIGNATURE
    top = y + 6
    box = (STATE_AXIS - width / 2, top - height - 2 * MM, STATE_AXIS + width / 2, top - 2 * MM)
    press.centre(STATE_AXIS, box[1] - 7 * MM, letter.signer, strong)
    return box
