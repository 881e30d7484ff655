"""One revision of a PDF, read as if nothing came after it: objects by their place in the file (ISO 32000-2 §7.5)."""

# mypy: allow-untyped-calls
# pyHanko annotates only a part of its functions.

from __future__ import annotations

import hashlib
import io
import logging
import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from pyhanko.pdf_utils import generic, misc
from pyhanko.pdf_utils.decode_limits import DecodeLimits, DecodePurpose, DocumentDecodeBudget
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.xref import ObjStreamRef, read_object_header

from gateway.model.verdict import NotValid
from gateway.signing.pades.scan import Mention, body_of, mentions
from gateway.signing.trust.armour import DECODING_FAULTS

Place = tuple[int, ...]
"""Where an object's bytes are: (offset,) or, in an object stream, (offset and number of the stream, index)."""

_FAULTS: Final = (*DECODING_FAULTS, misc.PdfError, AssertionError, zlib.error, struct.error, EOFError, ArithmeticError)
_LIMITS: Final = DecodeLimits(document_budget=DocumentDecodeBudget(base_allowance=96 << 20, max_ratio=3))
_MAX_STREAM_OBJECTS: Final = 100_000
_NEAR: Final = 8192
"""Bytes before and after a signature's /Contents within which its dictionary is looked for."""
_LONG_BEGINS: Final = re.compile(rb"<[0-9A-Fa-f]{1024}")
_LONG: Final = re.compile(rb"<(?:[0-9A-Fa-f]{2})*+>")
_KEPT: Final = 64 << 10
"""Bytes up to which a stream is kept once it was read."""
NULL: Final = generic.NullObject()

logging.getLogger("pyhanko").setLevel(logging.CRITICAL)  # it writes what hostile files say


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn what the parser raises for hostile bytes into NotValid malformed, or limit.exceeded."""
    try:
        yield
    except misc.PdfDecodeLimitError as fault:
        raise NotValid("limit.exceeded", f"{what}: a stream unpacks to too much") from fault
    except _FAULTS as fault:
        raise NotValid("malformed", f"{what} cannot be read: {type(fault).__name__}") from fault


class Revision:
    """A PDF file, or the part of one up to the end of a signed revision. Not for several threads."""

    def __init__(self, content: bytes, known: Revision | None = None) -> None:
        """Reads cross-references and trailers only; *known* is a longer file that begins with *content*.

        Raises NotValid malformed, limit.exceeded, algorithm.unsupported (encrypted).
        """
        self.content = content
        self._stream = _stream(content)
        self._objects: dict[tuple[int, int], Any] = {}
        self._parsed: dict[int, Parsed] = dict(known._parsed) if known else {}
        self._unpacked: dict[int, tuple[bytes, tuple[tuple[int, int], ...]]] = {}
        with reading("the file"):
            self.reader = PdfFileReader(self._stream, strict=True, decode_limits=_LIMITS)
            self.trailer = self.reader.trailer_view
            if "/Encrypt" in self.trailer:
                raise NotValid("algorithm.unsupported", "the file is encrypted")
            self._newest = self.reader.xrefs.total_revisions - 1
            self.root = self.get(entry(self.trailer, "/Root"))
            if not isinstance(self.root, generic.DictionaryObject):
                raise misc.PdfReadError("no catalog")

    def release(self) -> None:
        """Give the copy of the file back; the revision is of no use any more."""
        self._stream.close()
        self.content = b""

    def where(self, number: int, generation: int) -> Place | None:
        """Where the object's bytes are, None if there is no such object."""
        found = self.reader.xrefs.get_historical_ref(generic.Reference(number, generation), self._newest)
        if not isinstance(found, ObjStreamRef):
            return None if found is None else (found,)
        stream = self.where(found.obj_stream_id, 0)
        return None if stream is None else (stream[0], found.obj_stream_id, found.ix_in_stream)

    def get(self, value: Any) -> Any:
        """*value*, or what it refers to; null for what does not exist (§7.3.10)."""
        for _ in range(16):
            if not isinstance(value, generic.IndirectObject):
                return value
            value = self.object(value.idnum, value.generation)
        raise NotValid("malformed", "references in a circle")

    def object(self, number: int, generation: int) -> Any:
        """The indirect object of that number."""
        key = (number, generation)
        found = self._objects.get(key)
        if found is None:
            found = self._read(number, generation)
            if not _is_large(found):
                self._objects[key] = found
        return found

    def mentions(self, number: int, generation: int) -> list[Mention] | None:
        """What the object refers to, without parsing it; None if only the parser can tell."""
        if (number, generation) in self._objects:
            return None
        found = self.reader.xrefs.get_historical_ref(generic.Reference(number, generation), self._newest)
        if isinstance(found, int):
            body = body_of(self.content, found, number, generation)
            return mentions(self.content, body) if body > 0 else None
        if found is None:
            return None
        content, offset = self._inside(generic.Reference(number, generation), found)
        return mentions(content, offset)

    def extent(self, number: int, generation: int, start: int) -> tuple[int, int]:
        """Where the object at *start* begins and ends, `endobj` included. Raises a parser's fault."""
        return start, self._parse(number, generation, start).end

    def parsed(self, number: int, generation: int, start: int) -> Parsed:
        """The object at *start*. Raises a parser's fault."""
        return self._parse(number, generation, start)

    def unpacked(self, number: int) -> tuple[bytes, tuple[tuple[int, int], ...]]:
        """The content of an object stream, and number and offset of each object in it. Raises a parser's fault."""
        return self._unpack(number)

    def trailer_at(self, start: int) -> tuple[Any, int]:
        """The trailer dictionary at *start*, and where it ends. Raises a parser's fault."""
        self._stream.seek(start)
        found = generic.DictionaryObject.read_from_stream(self._stream, generic.TrailerReference(self.reader))
        return found, self._stream.tell()

    def _read(self, number: int, generation: int) -> Any:
        reference = generic.Reference(number, generation, self.reader)
        found = self.reader.xrefs.get_historical_ref(reference, self._newest)
        if found is None:
            return NULL
        if isinstance(found, ObjStreamRef):
            return self._packed(reference, found)
        return self._parse(number, generation, found).value

    def _parse(self, number: int, generation: int, start: int) -> Parsed:
        """The object at *start*. What is no stream says the same in every revision; where a stream ends may change."""
        known = self._parsed.get(start)
        if known is None or known.end > len(self.content) or (known.reader is not self.reader and known.is_stream):
            reference = generic.Reference(number, generation, self.reader)
            known = _without_long_string(self.content, start, reference) or _parsed(self._stream, start, 0, reference)
            if not _is_large(known.value):
                self._parsed[start] = known
        if known.key != (number, generation):
            raise misc.PdfReadError("another object stands there")
        return known

    def _packed(self, reference: generic.Reference, found: ObjStreamRef) -> Any:
        """An object of an object stream (§7.5.7)."""
        content, offset = self._inside(reference, found)
        source = _stream(content)
        source.seek(offset)
        parsed = generic.read_object(source, reference)
        if isinstance(parsed, (generic.StreamObject, generic.IndirectObject)):
            raise misc.PdfReadError("not allowed in an object stream")
        return parsed

    def _inside(self, reference: generic.Reference, found: ObjStreamRef) -> tuple[bytes, int]:
        """The object stream, which is unpacked once, and where the object is in it."""
        if found.obj_stream_id not in self._unpacked:
            self._unpacked[found.obj_stream_id] = self._unpack(found.obj_stream_id)
        content, inside = self._unpacked[found.obj_stream_id]
        number, offset = inside[found.ix_in_stream]
        if reference.idnum != number:
            raise misc.PdfReadError("another object stands there in the object stream")
        return content, offset

    def _unpack(self, number: int) -> tuple[bytes, tuple[tuple[int, int], ...]]:
        holder = self.object(number, 0)
        if not isinstance(holder, generic.StreamObject) or holder.get("/Type") != "/ObjStm":
            raise misc.PdfReadError("not an object stream")
        content = holder.read_data(DecodePurpose.OBJECT_STREAM)
        first, count = int(holder["/First"]), int(holder["/N"])
        if content[:first].strip(b"0123456789\0\t\n\f\r "):
            raise misc.PdfReadError("not the numbers of an object stream")
        numbers = [int(word) for word in content[:first].split()[: 2 * min(count, _MAX_STREAM_OBJECTS)]]
        if len(set(numbers[::2])) != len(numbers[::2]):
            raise misc.PdfReadError("twice in an object stream")
        return content, tuple((each, first + offset) for each, offset in zip(numbers[::2], numbers[1::2], strict=True))


@dataclass(frozen=True, slots=True)
class Parsed:
    """An object as it stands in the file, and where it ends, `endobj` included."""

    key: tuple[int, int]
    value: Any
    end: int
    reader: PdfFileReader

    @property
    def is_stream(self) -> bool:
        return isinstance(self.value, generic.StreamObject)


def _is_large(value: Any) -> bool:
    """Whether *value* is better read again than kept: streams would fill the memory with a second copy of the file."""
    return isinstance(value, generic.StreamObject) and len(value.encoded_data) > _KEPT


def _stream(content: bytes) -> io.BytesIO:
    """*content* to parse; it ends a line, for the parser never ends looking for the end of a comment."""
    return io.BytesIO(content if content[-1:] in (b"\r", b"\n") else content + b"\n")


def _parsed(stream: io.BytesIO, start: int, shift: int, reference: generic.Reference) -> Parsed:
    """The object at *start* of *stream*, which is *shift* bytes shorter than the file."""
    stream.seek(start)
    key = read_object_header(stream, strict=True)
    value = generic.read_object(stream, reference)
    misc.read_non_whitespace(stream, seek_back=True)
    if stream.read(6) != b"endobj":
        raise misc.PdfReadError("endobj is missing")
    return Parsed(key, value, stream.tell() + shift, reference.get_pdf_handler())


def _without_long_string(content: bytes, start: int, reference: generic.Reference) -> Parsed | None:
    """The dictionary at *start* if one of its values is a long hexadecimal string, as a signature's is: the parser
    takes such strings digit by digit, so it is shown a short one in its place. None for anything else."""
    begins = _LONG_BEGINS.search(content, start, start + _NEAR)
    found = _LONG.match(content, begins.start()) if begins else None
    if found is None:
        return None
    instead = hashlib.sha256(found[0]).digest()
    after = content[found.end() : found.end() + _NEAR]
    short = b"".join((content[start : found.start()], b"<", instead.hex().encode("ascii"), b">", after, b"\n"))
    shift = start + len(found[0]) - 2 * len(instead) - 2
    try:
        parsed = _parsed(io.BytesIO(short), 0, shift, reference)
    except _FAULTS:
        return None
    if isinstance(parsed.value, generic.StreamObject) or not isinstance(parsed.value, generic.DictionaryObject):
        return None
    places = [key for key, value in parsed.value.items() if getattr(value, "original_bytes", b"") == instead]
    if len(places) != 1:
        return None
    parsed.value[places[0]] = generic.ByteStringObject(bytes.fromhex(found[0][1:-1].decode("ascii")))
    return parsed


def entry(holder: Any, key: str) -> Any:
    """The raw value of *key* in a dictionary, null if it has none or *holder* is no dictionary."""
    return holder.raw_get(key) if isinstance(holder, generic.DictionaryObject) and key in holder else NULL


def is_null(value: Any) -> bool:
    """Whether *value* is PDF's null."""
    return isinstance(value, generic.NullObject)


def number_of(value: Any) -> int | None:
    """The object number *value* refers to, None if it is no reference."""
    return value.idnum if isinstance(value, generic.IndirectObject) else None


def text_of(value: Any) -> str:
    """A text string or name as one line of at most 80 printable characters, for messages."""
    text = value if isinstance(value, str) else bytes(value).decode("latin-1") if isinstance(value, bytes) else ""
    return "".join(sign if sign.isprintable() else "?" for sign in text[:80])
