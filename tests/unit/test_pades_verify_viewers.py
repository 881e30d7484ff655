"""What is judged valid looks in other programs as it was signed: files with updates that were damaged at random."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pypdfium2
from pades_papers import BASE, document, judged, signed, stream, text, update

from gateway.model.verdict import Judgement
from tests.adapters.pki_tools import needs

ROUNDS = 250
CUTS = (
    b" ",
    b"\r",
    b"\x0b",
    b"%",
    b"(",
    b"<",
    b">",
    b">>",
    b"[",
    b"/",
    b"#",
    b"_",
    b"+",
    b"0",
    b"R",
    b"xref",
    b"19 0 R",
)
HIDDEN = {
    **BASE,
    3: BASE[3].replace(b"7 0 R", BASE[7]).replace(b"/Contents 5 0 R", b"/Contents [5 0 R]"),
    18: stream(b"\n5 0 obj\n" + BASE[19] + b"\nendobj\ntrailer\n<< /Root 1 0 R /Size 40 >>\n"),
}
"""The plain document with other content where only a program that repairs damaged files finds it."""


def shown_by_pdfium(pdf: bytes) -> list[tuple[str, bytes]]:
    with pypdfium2.PdfDocument(pdf) as opened:
        pages = [opened[place] for place in range(len(opened))]
        return [(page.get_textpage().get_text_bounded(), bytes(page.render(scale=0.3).buffer)) for page in pages]


def shown_by_poppler(pdf: bytes, folder: Path) -> tuple[bytes, bytes]:
    file = folder / "paper.pdf"
    file.write_bytes(pdf)
    text, picture = (
        subprocess.run(words, capture_output=True, check=True).stdout
        for words in (["pdftotext", str(file), "-"], ["pdftoppm", "-r", "24", str(file)])
    )
    return text, picture


def damaged(pdf: bytes, chance: random.Random) -> Iterator[bytes]:
    """Updates of *pdf* that say nothing new, each with a byte or two put in, taken out or replaced."""
    while True:
        numbers = chance.sample((2, 3, 5, 7, 9, 10, 13, 14), 2)
        content = bytearray(update(pdf, {number: text(pdf, number) for number in numbers}))
        at = chance.randrange(len(pdf), len(content))
        content[at : at + chance.randrange(2)] = chance.choice((*CUTS, b""))
        yield bytes(content)


@needs("pdftotext")
@needs("pdftoppm")
def test_what_is_valid_after_a_damaged_update_is_shown_as_it_was_signed(tmp_path: Path) -> None:
    pdf = signed(document(HIDDEN))
    expected = shown_by_pdfium(pdf), shown_by_poppler(pdf, tmp_path)
    variants = damaged(pdf, random.Random(7))
    valid = [each for each in (next(variants) for _ in range(ROUNDS)) if judged(each).judgement is Judgement.VALID]
    assert ROUNDS > 2 * len(valid) > 10
    for each in valid:
        assert (shown_by_pdfium(each), shown_by_poppler(each, tmp_path)) == expected
