"""A page of a PDF as a picture, as a person at a screen sees it."""

from __future__ import annotations

import io
from typing import Final

import pypdfium2

DPI: Final = 110


def page_png(pdf: bytes, page: int = 0, dpi: int = DPI) -> bytes:
    """Return one page (from 0, negative from the end) with its annotations and form fields, as PNG."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        document.init_forms()
        shown = document[page if page >= 0 else len(document) + page]
        picture = shown.render(scale=dpi / 72, may_draw_forms=True).to_pil()
    finally:
        document.close()
    target = io.BytesIO()
    picture.save(target, "PNG")
    return target.getvalue()
