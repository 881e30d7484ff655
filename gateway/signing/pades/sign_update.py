"""An incremental update of a PDF (ISO 32000-2 §7.5.6): what is there stays as it is, what is new goes behind it."""

# mypy: allow-untyped-calls
# pyHanko annotates only a part of its functions.

from __future__ import annotations

import hashlib
import io

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.font.api import FontSubsetCollection
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader


class Update(IncrementalPdfFileWriter):
    """pyHanko's writer without its clock and its dice: the same input and *mark* give the same bytes.

    The document's /Info and XMP metadata are left alone: the fewer objects change, the less a reader of earlier
    signatures has to excuse.
    """

    IO_CHUNK_SIZE = 1 << 20

    def __init__(self, reader: PdfFileReader, mark: bytes) -> None:
        super().__init__(reader.stream, prev=reader)
        self._mark = hashlib.sha256(mark).digest()
        known = "/ID" in reader.trailer
        first = self._document_id[0] if known else generic.ByteStringObject(self._mark[:16])
        self._document_id = generic.ArrayObject([first, generic.ByteStringObject(self._mark[:16])])

    def get_subset_collection(self, base_postscript_name: str) -> FontSubsetCollection:
        """Subsets named after the update."""
        known = self._font_resources
        if base_postscript_name not in known:
            known[base_postscript_name] = _Subsets(base_postscript_name, {}, _letters(self._mark))
        found: FontSubsetCollection = known[base_postscript_name]
        return found

    def written(self) -> bytes:
        """The whole file."""
        target = io.BytesIO()
        self.write(target)
        return target.getvalue()

    def _update_meta(self) -> None:
        """Nothing: see the class."""


class _Subsets(FontSubsetCollection):
    def __init__(self, name: str, subsets: dict[str | None, object], tag: str) -> None:
        super().__init__(name, subsets)  # type: ignore[arg-type]
        object.__setattr__(self, "_tag", tag)

    def add_subset(self) -> str:
        tag: str = self._tag  # type: ignore[attr-defined]
        return tag


def _letters(mark: bytes) -> str:
    """Six capital letters (ISO 32000-2 §9.9.2)."""
    return "".join(chr(ord("A") + byte % 26) for byte in mark[:6])
