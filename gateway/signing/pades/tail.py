"""What follows a signed revision must be updates and nothing else (ISO 32000-2 §7.5.6).

Viewers that find a file damaged search it for objects, and then show those no cross-reference lists. So every byte
after the signature must belong to an object that its update lists, to a cross-reference section, or to the marks
between; and be written to the letter, lest they find it damaged.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.decode_limits import DecodePurpose
from pyhanko.pdf_utils.xref import XRefSectionType

from gateway.model.verdict import NotValid
from gateway.signing.pades.grammar import are_rows, is_object, is_table, value_end
from gateway.signing.pades.listing import misleading
from gateway.signing.pades.revision import Revision, entry, is_null, reading

HIDDEN: Final = "bytes that belong to no part of the document were added after the signature"
BROKEN: Final = "the update after the signature cannot be read"
LOOSE: Final = "an update after the signature is written so that viewers may read it in different ways"
LINEAR: Final = "viewers that trust the mark of a linearized file would pass the newest update over"

_COMMENT: Final = rb"%(?!%EOF)[^\r\n]*+[\r\n]"
_BETWEEN: Final = re.compile(rb"(?:[\0\t\n\f\r ]++|" + _COMMENT + rb")*+")
_MARKS: Final = re.compile(
    rb"(?:[\0\t\n\f\r ]++|" + _COMMENT + rb")*+startxref[\r\n \t]++(\d{1,12})[\r\n \t]++%%EOF(?:[\0\t\n\f\r ]++|\Z)"
)
_SUSPECT: Final = re.compile(rb"obj|xref|trailer|stream|%PDF|<<")
_FIRST: Final = re.compile(rb"(?<![0-9])([0-9]{1,10})[\0\t\n\f\r ]++([0-9]{1,5})[\0\t\n\f\r ]++obj")
_WINDOW: Final = 1000
"""Bytes from the end within which every viewer looks for `startxref`."""
_HEAD: Final = 4096
"""Bytes at the beginning in which the mark of a linearized file would be."""


def stray(revision: Revision, signed: Revision) -> str:
    """Why the bytes after the *signed* revision are not updates of it alone; "" if they are, or are white space."""
    content, start = revision.content, len(signed.content)
    if len(content) - content.rfind(b"startxref") > _WINDOW:
        return HIDDEN
    if _is_linear(revision):
        return LINEAR
    if not content[start:].strip(b"\0\t\n\f\r "):
        return ""
    if content[start - 1] not in b"\r\n\0\t\f " and content[start] not in b"\r\n":
        return HIDDEN
    try:
        with reading("the update"):
            return _walk(revision, start) or misleading(revision, signed) or _loose(revision, start)
    except NotValid:
        return BROKEN


def _is_linear(revision: Revision) -> bool:
    """Whether the file claims to be linearized as long as it is (annex F), and yet its newest list of objects is not
    the one at its beginning. Viewers differ in which of both they read."""
    content = revision.content
    first = _FIRST.search(content, 0, _HEAD)
    if first is None:
        return False
    try:
        with reading("the first object"):
            parsed = revision.parsed(int(first[1]), int(first[2]), first.start())
            claimed = entry(parsed.value, "/L")
    except NotValid:
        return b"Linearized" in content[:_HEAD] or b"#" in content[:_HEAD]
    if is_null(entry(parsed.value, "/Linearized")) or claimed != len(content):
        return False
    newest: int = revision.reader.last_startxref or 0
    return newest > parsed.end + _WINDOW


def _loose(revision: Revision, start: int) -> str:
    """Whether an object, a cross-reference table or a packed object after *start* is not written to the letter."""
    content = revision.content
    for begin, end, reference in sorted({*_listed(revision, start), *_listing_streams(revision, start)}):
        value = revision.parsed(*reference, begin).value
        if not is_object(content, begin, end, _length(revision, value)) or not _is_plainly_packed(revision, value):
            return LOOSE
        if entry(value, "/Type") == "/ObjStm" and not _are_contents_plain(revision, reference):
            return LOOSE
    if not all(_is_trailer(revision, each) for each in _trailers(revision, start)):
        return LOOSE
    tables = [each for each in _sections(revision, start) if content.startswith(b"xref", each[0])]
    return "" if all(is_table(content, *each) for each in tables) else LOOSE


def _trailers(revision: Revision, start: int) -> Iterator[Any]:
    """The trailer dictionary of each cross-reference section after *start*."""
    xrefs = revision.reader.xrefs
    for number in range(xrefs.total_revisions):
        told = xrefs.get_xref_container_info(number)
        if told.end_location <= start:
            continue
        if told.xref_section_type is XRefSectionType.STREAM and told.stream_ref is not None:
            yield revision.parsed(told.stream_ref.idnum, told.stream_ref.generation, told.start_location).value
        else:
            yield revision.trailer_at(told.end_location)[0]


def _listing_streams(revision: Revision, start: int) -> Iterator[tuple[int, int, tuple[int, int]]]:
    """Begin, end and reference of each cross-reference stream after *start*, whether it lists itself or not."""
    xrefs = revision.reader.xrefs
    for number in range(xrefs.total_revisions):
        told = xrefs.get_xref_container_info(number)
        if told.end_location > start and told.stream_ref is not None:
            key = (told.stream_ref.idnum, told.stream_ref.generation)
            yield *revision.extent(*key, told.start_location), key


def _is_trailer(revision: Revision, trailer: Any) -> bool:
    """Whether an update's trailer is complete by itself: the parser here would fill it up from older ones (§7.5.6)."""
    root = entry(trailer, "/Root")
    numbers = (entry(trailer, "/Size"), entry(trailer, "/Prev"))
    whole = all(isinstance(each, generic.NumberObject) and each > 0 for each in numbers)
    return whole and isinstance(root, generic.IndirectObject) and isinstance(revision.get(root), dict)


def _length(revision: Revision, value: object) -> int | None:
    """The length a stream says it has, -1 if it is not the length it was read with."""
    if not isinstance(value, generic.StreamObject):
        return None
    written = revision.get(entry(value, "/Length"))
    return len(value.encoded_data) if written == len(value.encoded_data) else -1


def _is_plainly_packed(revision: Revision, value: Any) -> bool:
    """Whether what lists or holds objects is packed as all viewers can unpack it."""
    if entry(value, "/Type") not in ("/ObjStm", "/XRef"):
        return True
    method = entry(value, "/Filter")
    if not is_null(method) and method != "/FlateDecode":
        return False
    return entry(value, "/Type") == "/ObjStm" or _has_plain_rows(value)


def _has_plain_rows(value: Any) -> bool:
    widths, index = entry(value, "/W"), entry(value, "/Index")
    size = entry(value, "/Size")
    counts = [size] if is_null(index) else list(index)[1::2] if isinstance(index, list) else []
    numbers = [*(widths if isinstance(widths, list) else []), *counts]
    if not all(isinstance(each, generic.NumberObject) for each in numbers):
        return False
    content = value.read_data(DecodePurpose.XREF_STREAM)
    return are_rows(content, [int(each) for each in widths], sum(int(each) for each in counts))


def _are_contents_plain(revision: Revision, reference: tuple[int, int]) -> bool:
    content, places = revision.unpacked(reference[0])
    return all(value_end(content, offset) >= 0 for _, offset in places)


def _walk(revision: Revision, at: int) -> str:
    """Step from extent to extent; what lies between must be white space, comments or the marks of an update's end."""
    sections = dict(_sections(revision, at))
    last = 0
    objects = ((begin, end) for begin, end, _ in _listed(revision, at))
    for begin, end in sorted({*objects, *sections.items()}):
        if begin < at or not _only_marks(revision.content[at:begin], last):
            return HIDDEN
        last = begin if begin in sections else 0
        at = end
    return "" if last and _only_marks(revision.content[at:], last) else HIDDEN


def _only_marks(between: bytes, section: int) -> bool:
    """Whether *between* is white space and comments; after a cross-reference section (at *section*) its own marks."""
    marks = _MARKS.match(between) if section else None
    if _SUSPECT.search(between.replace(b"startxref", b"", 1 if marks else 0)):
        return False
    if section and (marks is None or int(marks[1]) != section):
        return False
    rest = between[marks.end() :] if marks else between
    return _BETWEEN.fullmatch(rest) is not None


def _sections(revision: Revision, start: int) -> Iterator[tuple[int, int]]:
    """Begin and end of each cross-reference section after *start*."""
    xrefs = revision.reader.xrefs
    for number in range(xrefs.total_revisions):
        told = xrefs.get_xref_container_info(number)
        if told.end_location <= start:
            continue
        reference = told.stream_ref
        if told.xref_section_type is XRefSectionType.STREAM and reference is not None:
            yield revision.extent(reference.idnum, reference.generation, told.start_location)
        else:
            begin = revision.content.rfind(b"xref", 0, told.start_location)
            yield begin, revision.trailer_at(told.end_location)[1]


def _listed(revision: Revision, start: int) -> Iterator[tuple[int, int, tuple[int, int]]]:
    """Begin, end and reference of each object after *start* that a section lists, in whatever update."""
    xrefs = revision.reader.xrefs
    for number in range(xrefs.total_revisions):
        for reference in xrefs.explicit_refs_in_revision(number):
            found = xrefs.get_historical_ref(reference, number)
            if isinstance(found, int) and found >= start:
                if not revision.content[found : found + 1].isdigit():
                    raise NotValid("malformed", "an object does not begin where the cross-reference says")
                key = (reference.idnum, reference.generation)
                yield *revision.extent(*key, found), key
