"""What cross-references say after a signature: one thing, whoever reads them (ISO 32000-2 §7.5.4, §7.5.8).

Where a section lists an object twice, or under another generation, readers differ in what they show.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import io
from typing import Final

from pyhanko.pdf_utils.xref import XRefSectionData, XRefSectionType, parse_xref_table

from gateway.signing.pades.revision import Revision

ANEW: Final = "the document's objects were listed anew, without the signed list"
TWICE: Final = "an object was listed twice in one update"
OTHERWISE: Final = "an object was listed under another generation"
HYBRID: Final = "an update lists objects in a table and in a hidden stream"
FREED: Final = "an object of the signed document was declared free"
ELSEWHERE: Final = "an object was listed at a place of the signed document where it was not"
BEYOND: Final = "an object was listed under a number viewers do not take"
MAX_NUMBER: Final = 8_388_607
"""The largest number of an object (ISO 32000-1 annex C)."""


def misleading(revision: Revision, signed: Revision) -> str:
    """How the sections of *revision* that came after those of *signed* could be read in two ways; "" if they cannot."""
    xrefs, before = revision.reader.xrefs, signed.reader.xrefs
    first = before.total_revisions
    chain = [xrefs.get_startxref_for_revision(number) for number in range(xrefs.total_revisions)]
    if chain[:first] != [before.get_startxref_for_revision(number) for number in range(first)]:
        return ANEW
    generations: dict[int, int] = {}
    for number in range(xrefs.total_revisions):
        listed = xrefs.get_xref_data(number)
        if number >= first and (line := _fault(revision, number, generations, listed) or _misplaced(signed, listed)):
            return line
        generations.update((each, generation) for each, (generation, _) in listed.standard_xrefs.items())
        generations.update(dict.fromkeys(listed.xrefs_in_objstm, 0))
        for each in listed.freed:
            generations.pop(each, None)
        if listed.hybrid is not None:  # as word processors write it, before the signature
            generations.update(dict.fromkeys(listed.hybrid.xref_data.xrefs_in_objstm, 0))
            generations.update(dict.fromkeys(listed.hybrid.xref_data.standard_xrefs, 0))
    size = revision.trailer.get("/Size") if xrefs.total_revisions > first else None
    return BEYOND if isinstance(size, int) and size > MAX_NUMBER + 1 else ""


def _fault(revision: Revision, number: int, generations: dict[int, int], listed: XRefSectionData) -> str:
    if listed.hybrid is not None:
        return HYBRID
    if _is_listed_twice(revision, number):
        return TWICE
    if any(each in generations for each in listed.freed):
        return FREED
    if any(generations.get(each, 0) for each in listed.xrefs_in_objstm):
        return OTHERWISE
    if any(generations.get(each, 0) != generation for each, (generation, _) in listed.standard_xrefs.items()):
        return OTHERWISE
    return ""


def _misplaced(signed: Revision, listed: XRefSectionData) -> str:
    """Objects listed within the signed bytes are where they were; numbers are none at which viewers give up."""
    numbers = {*listed.standard_xrefs, *listed.xrefs_in_objstm, *listed.freed}
    if max(numbers, default=0) > MAX_NUMBER:
        return BEYOND
    for each, (generation, place) in listed.standard_xrefs.items():
        if place < len(signed.content) and signed.where(each, generation) != (place,):
            return ELSEWHERE
    return ""


def _is_listed_twice(revision: Revision, number: int) -> bool:
    """Only a table can do that: the parts of a cross-reference stream must ascend."""
    told = revision.reader.xrefs.get_xref_container_info(number)
    if told.xref_section_type is XRefSectionType.STREAM:
        return False
    source = io.BytesIO(revision.content)
    source.seek(told.start_location)
    numbers = [entry.idnum for entry in parse_xref_table(source, strict=True)]
    return len(numbers) != len(set(numbers))
