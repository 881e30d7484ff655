"""Forged versions of a signed paper, as attacks on PDF signatures were published: for demos and tests of refusal.

amount_changed    an incremental update puts another first digit into the sum of money
page_added        an incremental update adds a page
overlay           an annotation with a picture of its own covers the sum
byte_range        the signature dictionary is replaced by one whose /ByteRange covers the old revision only, while the
                  sum is changed after it: the digest is right, the place of the signature is not
copied_signature  the CMS of the signature stands in another document
tampered          one byte of the signed content is another: nothing clever
"""

# mypy: allow-untyped-calls
# pyHanko annotates only a part of its functions.

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import PageObject

from sandbox.pki.scribble import scribble
from sandbox.pki.sheet import SUM_MARK
from sandbox.pki.signing import Field, embed

_SUM: Final = re.compile(re.escape(SUM_MARK) + rb" BMC .*?\[<([0-9a-f]+)", re.DOTALL)
_PLACE: Final = re.compile(rb"1 0 [-\d.]+ 1 ([\d.]+) ([\d.]+) Tm")
_GLYPH: Final = 4
"""Hexadecimal digits of one glyph."""


class NoSum(Exception):
    """The paper names no sum of money, or carries no signature: nothing to forge."""


def forge(pdf: bytes) -> Mapping[str, bytes]:
    """Return the forgeries of a signed paper made by `paper.typeset` with an amount, by name. Raises NoSum."""
    forgeries: dict[str, Callable[[bytes], bytes]] = {
        "amount_changed": amount_changed,
        "page_added": page_added,
        "overlay": overlay,
        "byte_range": byte_range,
        "copied_signature": copied_signature,
        "tampered": tampered,
    }
    return {name: made(pdf) for name, made in forgeries.items()}


def amount_changed(pdf: bytes) -> bytes:
    """Replace the page's content by one with another first digit of the sum, in an incremental update."""
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    _change_sum(writer)
    return _written(writer)


def page_added(pdf: bytes) -> bytes:
    """Add a copy of the first page behind the last one."""
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    first = writer.root["/Pages"]["/Kids"][0]
    box = [float(edge) for edge in first["/MediaBox"]]
    writer.insert_page(PageObject(first.raw_get("/Contents"), tuple(box), first["/Resources"]))
    return _written(writer)


def overlay(pdf: bytes) -> bytes:
    """Lay a stamp annotation over the sum: a white ground and, in the page's own font, another number."""
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    page, content = _page_with_sum(writer)
    place, glyphs = _PLACE.search(content, _sum_in(content).start()), _sum_in(content)[1]
    if place is None:
        raise NoSum
    x, y, width, height = float(place[1]) - 1, float(place[2]) - 3, len(glyphs) / _GLYPH * 6.4, 15.0
    drawn = b"1 g 0 0 %g %g re f 0 g BT /F1 13.5 Tf 1 3 Td <%s> Tj ET" % (width, height, _raised(glyphs))
    picture = generic.StreamObject(
        {
            pdf_name("/Type"): pdf_name("/XObject"),
            pdf_name("/Subtype"): pdf_name("/Form"),
            pdf_name("/BBox"): _numbers(0, 0, width, height),
            pdf_name("/Resources"): page["/Resources"],
        },
        stream_data=drawn,
    )
    annotation = generic.DictionaryObject(
        {
            pdf_name("/Type"): pdf_name("/Annot"),
            pdf_name("/Subtype"): pdf_name("/Stamp"),
            pdf_name("/F"): generic.NumberObject(4),
            pdf_name("/Rect"): _numbers(x, y, x + width, y + height),
            pdf_name("/AP"): generic.DictionaryObject({pdf_name("/N"): writer.add_object(picture)}),
        }
    )
    writer.register_annotation(page.container_ref, writer.add_object(annotation))
    return _written(writer)


def byte_range(pdf: bytes) -> bytes:
    """Change the sum and give the signature a new dictionary, after the bytes its /ByteRange covers."""
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    _change_sum(writer)
    signature = _last_signature(PdfFileReader(io.BytesIO(pdf)))
    field = _field_of(writer, signature)
    moved = generic.DictionaryObject(
        {key: signature.raw_get(key) for key in signature if key not in ("/ByteRange", "/Contents")}
    )
    moved[pdf_name("/ByteRange")] = _numbers(*(int(edge) for edge in signature["/ByteRange"]))
    moved[pdf_name("/Contents")] = generic.ByteStringObject(_contents(signature))
    field[pdf_name("/V")] = writer.add_object(moved)
    writer.update_container(field)
    return _written(writer)


def copied_signature(pdf: bytes) -> bytes:
    """Put the first signature's CMS and picture into another document: the paper before signing, with another sum."""
    reader = PdfFileReader(io.BytesIO(pdf))
    if not reader.embedded_signatures:
        raise NoSum
    first = reader.embedded_signatures[0]
    signature, widget = first.sig_object, first.sig_field
    name = str(signature.get("/Name", ""))
    left, bottom, right, top = (float(edge) for edge in widget["/Rect"])
    field = Field(str(widget["/T"]), _page_of(reader, widget), (left, bottom, right, top), scribble(name))
    other = amount_changed(pdf[: pdf.index(b"%%EOF") + len(b"%%EOF\n")])
    stolen = _contents(signature).rstrip(b"\0")
    return embed(other, field, lambda _: stolen, _signed_at(signature), name)


def tampered(pdf: bytes) -> bytes:
    """Change a glyph of the sum in place, without any update."""
    found = _SUM.search(pdf)
    if found is None:
        raise NoSum
    changed = _raised(found[1])
    return pdf[: found.start(1)] + changed + pdf[found.end(1) :]


def _change_sum(writer: IncrementalPdfFileWriter) -> None:
    page, content = _page_with_sum(writer)
    found = _sum_in(content)
    changed = content[: found.start(1)] + _raised(found[1]) + content[found.end(1) :]
    page[pdf_name("/Contents")] = writer.add_object(generic.StreamObject(stream_data=changed))
    writer.update_container(page)


def _raised(glyphs: bytes) -> bytes:
    """Make 1.250.000.000 of it what 5.250.000.000 is: the second digit group's middle one comes first.

    The embedded font holds only letters of the paper, so the new digit is one of the sum's own.
    """
    own = [glyphs[at : at + _GLYPH] for at in range(0, len(glyphs), _GLYPH)]
    other = next((glyph for glyph in own[3:] + own[1:3] if glyph != own[0]), own[0])
    return other + glyphs[_GLYPH:]


def _page_with_sum(writer: IncrementalPdfFileWriter) -> tuple[Any, bytes]:
    for page in writer.root["/Pages"]["/Kids"]:
        content = page.get_object()["/Contents"].data
        if SUM_MARK + b" BMC" in content:
            return page.get_object(), content
    raise NoSum


def _sum_in(content: bytes) -> re.Match[bytes]:
    found = _SUM.search(content)
    if found is None:
        raise NoSum
    return found


def _page_of(reader: PdfFileReader, widget: Any) -> int:
    pages = [page.reference for page in reader.root["/Pages"]["/Kids"]]
    place: int = pages.index(widget.raw_get("/P").reference)
    return place


def _last_signature(reader: PdfFileReader) -> Any:
    signatures = reader.embedded_signatures
    if not signatures:
        raise NoSum
    return signatures[-1].sig_object


def _field_of(writer: IncrementalPdfFileWriter, signature: Any) -> Any:
    for field in writer.root["/AcroForm"]["/Fields"]:
        known = field.get_object()
        if "/V" in known and _contents(known["/V"]) == _contents(signature):
            return known
    raise NoSum


def _contents(signature: Any) -> bytes:
    found = signature.raw_get("/Contents")
    return bytes(found)


def _signed_at(signature: Any) -> datetime:
    written = str(signature["/M"]).removeprefix("D:").replace("'", "").replace("Z", "+0000")
    return datetime.strptime(written, "%Y%m%d%H%M%S%z")


def _numbers(*values: float) -> generic.ArrayObject:
    kinds = [generic.NumberObject(each) if isinstance(each, int) else generic.FloatObject(each) for each in values]
    return generic.ArrayObject(kinds)


def _written(writer: IncrementalPdfFileWriter) -> bytes:
    target = io.BytesIO()
    writer.write(target)
    return target.getvalue()
