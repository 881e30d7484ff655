"""Small valid PDFs for simulated documents: one page, a title line, any size, the same bytes for the same seed."""

from __future__ import annotations

import unicodedata
from random import Random

_HEADER = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"


def make_pdf(title: str, size: int = 0, seed: int = 0) -> bytes:
    """Return a one-page PDF of at least `size` bytes, exactly `size` if that is above about 1.5 kB.

    The page shows the title without diacritics (the standard fonts have none); the document information carries it
    in full. The rest is filled with a stream of incompressible bytes.
    """
    smallest = _render(title, b"")
    filler = size - len(smallest)
    for _ in range(3):
        if filler <= 0:
            break
        rendered = _render(title, Random(seed).randbytes(filler))  # noqa: S311 (filler, not a secret)
        if len(rendered) == size:
            return rendered
        filler -= len(rendered) - size
    return smallest if filler <= 0 else _render(title, Random(seed).randbytes(filler))  # noqa: S311


def plain_ascii(text: str) -> str:
    """Return Vietnamese text without diacritics."""
    folded = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(char for char in folded if " " <= char <= "~")


def _render(title: str, filler: bytes) -> bytes:
    line = plain_ascii(title)[:90].replace("\\", "").replace("(", "").replace(")", "")
    page = f"BT /F1 14 Tf 60 770 Td ({line}) Tj ET".encode()
    full_title = ("\ufeff" + title).encode("utf-16-be").hex().upper().encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        _stream(page),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Title <" + full_title + b"> >>",
        _stream(filler),
    ]
    written = bytearray(_HEADER)
    offsets = []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(written)
    written += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    written += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    written += b"trailer\n<< /Size %d /Root 1 0 R /Info 6 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(written)


def _stream(content: bytes) -> bytes:
    return b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content)
