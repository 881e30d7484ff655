"""What follows a signed revision must be updates and nothing else (ISO 32000-2 §7.5.6).

Viewers that find a file damaged search it for objects, and then show those no cross-reference lists. So every byte
after the signature must belong to an object that its update lists, to a cross-reference section, or to the marks
between.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pyhanko.pdf_utils.xref import XRefSectionType

from gateway.model.verdict import NotValid
from gateway.signing.pades.listing import misleading
from gateway.signing.pades.revision import Revision, reading

HIDDEN: Final = "bytes that belong to no part of the document were added after the signature"
BROKEN: Final = "the update after the signature cannot be read"

_COMMENT: Final = rb"%(?!%EOF)[^\r\n]*+[\r\n]"
_BETWEEN: Final = re.compile(rb"(?:[\0\t\n\f\r ]++|" + _COMMENT + rb")*+")
_MARKS: Final = re.compile(
    rb"(?:[\0\t\n\f\r ]++|" + _COMMENT + rb")*+startxref[\r\n \t]++(\d{1,12})[\r\n \t]++%%EOF(?:[\0\t\n\f\r ]++|\Z)"
)
_SUSPECT: Final = re.compile(rb"obj|xref|trailer|stream|%PDF|<<")


def stray(revision: Revision, signed: Revision) -> str:
    """Why the bytes after the *signed* revision are not updates of it alone; "" if they are, or are white space."""
    content, start = revision.content, len(signed.content)
    if not content[start:].strip(b"\0\t\n\f\r "):
        return ""
    if content[start - 1] not in b"\r\n\0\t\f " and content[start] not in b"\r\n":
        return HIDDEN
    try:
        with reading("the update"):
            return _walk(revision, start) or misleading(revision, signed)
    except NotValid:
        return BROKEN


def _walk(revision: Revision, at: int) -> str:
    """Step from extent to extent; what lies between must be white space, comments or the marks of an update's end."""
    sections = dict(_sections(revision, at))
    last = 0
    for begin, end in sorted({*_objects(revision, at), *sections.items()}):
        if begin < at or not _only_marks(revision.content[at:begin], last):
            return HIDDEN
        last = begin if begin in sections else 0
        at = end
    return "" if last and _only_marks(revision.content[at:], last) else HIDDEN


def _only_marks(between: bytes, section: int) -> bool:
    """Whether *between* is white space and comments; after a cross-reference section (at *section*) its own marks."""
    if _SUSPECT.search(between.replace(b"startxref", b"")):
        return False
    marks = _MARKS.match(between) if section else None
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
            yield begin, revision.trailer_end(told.end_location)


def _objects(revision: Revision, start: int) -> Iterator[tuple[int, int]]:
    """Begin and end of each object after *start* that a cross-reference section lists, in whatever update."""
    xrefs = revision.reader.xrefs
    for number in range(xrefs.total_revisions):
        for reference in xrefs.explicit_refs_in_revision(number):
            found = xrefs.get_historical_ref(reference, number)
            if isinstance(found, int) and found >= start:
                if not revision.content[found : found + 1].isdigit():
                    raise NotValid("malformed", "an object does not begin where the cross-reference says")
                yield revision.extent(reference.idnum, reference.generation, found)
