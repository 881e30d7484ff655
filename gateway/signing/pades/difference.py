"""What was changed between two revisions beyond what may come after a signature.

Allowed are: further signatures in fields of their own, validation data (DSS) and document time stamps (ETSI EN 319
142-1 §5.4, §5.5), with the dates that programs write by the way. The two documents are compared as they are shown, not
the list of objects an update wrote: an update cannot hide what it does.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import re
from typing import Any, Final

from pyhanko.pdf_utils import generic

from gateway.signing.pades import metadata, words
from gateway.signing.pades.allowed import Allowed
from gateway.signing.pades.form import FormRule
from gateway.signing.pades.pages import Page, PageRule, pages
from gateway.signing.pades.revision import Revision, entry, is_null, reading
from gateway.signing.pades.walk import Walk
from gateway.signing.pades.words import Lines

_JUDGED: Final = frozenset({"/AcroForm", "/Pages", "/DSS", "/Metadata", "/Extensions", "/Version", "/Names"})
_TRAILER: Final = frozenset({"/Size", "/Prev", "/XRefStm", "/Root", "/Info", "/ID"})
_DSS: Final = frozenset({"/Type", "/VRI", "/Certs", "/CRLs", "/OCSPs"})
_VRI: Final = frozenset({"/Type", "/TU", "/TS", "/Cert", "/CRL", "/OCSP"})
_EXTENSION: Final = frozenset({"/Type", "/BaseVersion", "/ExtensionLevel", "/URL", "/ExtensionRevision"})
_VERSION: Final = re.compile(r"/[12]\.\d")


def later_changes(old: Revision, new: Revision, allowed: Allowed) -> tuple[str, ...]:
    """What was changed from *old* to *new* that is not *allowed*, as lines for an officer; empty if nothing was.

    Raises NotValid malformed, limit.exceeded.
    """
    with reading("the changes after the signature"):
        return _Difference(old, new, allowed).lines()


class _Difference:
    def __init__(self, old: Revision, new: Revision, allowed: Allowed) -> None:
        self._old = old
        self._new = new
        self._walk = Walk(old, new)
        self._lines = Lines()
        self._form = FormRule(self._walk, allowed, self._lines)

    def lines(self) -> tuple[str, ...]:
        before, after = pages(self._old), pages(self._new)
        self._walk.skip(entry(self._old.trailer, "/Root"), entry(self._new.trailer, "/Root"))
        for one, other in zip(before, after, strict=False):
            self._walk.skip(one.raw, other.raw)
        self._form.settle()
        rule = PageRule(self._walk, self._form.added, self._lines)
        pairs = tuple(enumerate(zip(before, after, strict=False), 1))
        if self._page_list(before, after):
            for place, (one, other) in pairs:
                rule.content(place, one, other)
        self._form.judge()
        if len(before) == len(after):
            for place, (one, other) in pairs:
                rule.annotations(place, one, other)
            self._page_tree()
            for place, (one, other) in pairs:
                rule.parent(place, one, other)
        self._catalog()
        self._trailer()
        return self._lines.all()

    def _page_list(self, before: tuple[Page, ...], after: tuple[Page, ...]) -> bool:
        """Note pages that were added, removed or put elsewhere; whether both lists have the same length."""
        old_keys, new_keys = [page.key for page in before], [page.key for page in after]
        if len(before) == len(after):
            for place, (one, other) in enumerate(zip(old_keys, new_keys, strict=True), 1):
                if one != other and (one in new_keys or other in old_keys):
                    self._lines.add(f"page {place} is now another page of the document")
            return True
        for place, key in enumerate(new_keys, 1):
            if key not in old_keys or new_keys.index(key) != place - 1:
                self._lines.add(f"page {place} was added")
        for place, key in enumerate(old_keys, 1):
            if key not in new_keys:
                self._lines.add(f"page {place} was removed")
        self._lines.add(f"the document had {len(before)} pages when it was signed and has {len(after)} now")
        return False

    def _page_tree(self) -> None:
        """How pages are grouped shows nowhere, but no signature changes it."""
        if not self._lines and not self._walk.same(entry(self._old.root, "/Pages"), entry(self._new.root, "/Pages")):
            self._lines.add(words.of_catalog("/Pages", 0, 0))

    def _catalog(self) -> None:
        old, new = self._old.root, self._new.root
        for key in sorted({*old, *new} - _JUDGED):
            if not self._walk.same(entry(old, key), entry(new, key), key):
                self._lines.add(words.of_catalog(key, entry(old, key), entry(new, key)))
        self._names(self._old.get(entry(old, "/Names")), self._new.get(entry(new, "/Names")))
        if not _is_validation_data(self._new):
            self._lines.add("something that is no validation data was put into the DSS")
        if not self._walk.same(entry(old, "/Version"), entry(new, "/Version")) and not _is_version(self._new):
            self._lines.add("the PDF version of the document was changed")
        if not self._walk.same(entry(old, "/Extensions"), entry(new, "/Extensions")) and not _are_extensions(self._new):
            self._lines.add("the extensions of the document were changed")
        for line in metadata.xmp_changes(self._old, self._new):
            self._lines.add(line)

    def _names(self, old: Any, new: Any) -> None:
        keys = {*(old if isinstance(old, dict) else ()), *(new if isinstance(new, dict) else ())}
        for key in sorted(keys):
            if not self._walk.same(entry(old, key), entry(new, key)):
                self._lines.add(words.of_name(key, entry(old, key), entry(new, key)))

    def _trailer(self) -> None:
        old, new = self._old.trailer, self._new.trailer
        for key in sorted({*old, *new} - _TRAILER):
            if not self._walk.same(entry(old, key), entry(new, key)):
                self._lines.add(
                    f"the entry {key[1:]} of the trailer was {words.verb(entry(old, key), entry(new, key))}"
                )
        first, second = self._old.get(entry(old, "/ID")), self._new.get(entry(new, "/ID"))
        if not is_null(first) and not (first and second and self._walk.same(first[0], second[0])):
            self._lines.add("the identifier of the document was changed")
        for line in metadata.property_changes(self._walk):
            self._lines.add(line)


def _is_validation_data(new: Revision) -> bool:
    """Whether the /DSS is as ETSI EN 319 142-1 §5.4.2 has it: lists of streams, by signature too, and nothing else."""
    dss = new.get(entry(new.root, "/DSS"))
    if is_null(dss):
        return True
    if not _is_plain(dss) or not set(dss) <= _DSS:
        return False
    vri = new.get(entry(dss, "/VRI"))
    parts = [new.get(each) for each in vri.values()] if _is_plain(vri) else []
    if not all(_is_plain(part) and set(part) <= _VRI for part in parts):
        return False
    lists = [entry(dss, key) for key in ("/Certs", "/CRLs", "/OCSPs")]
    lists += [entry(part, key) for part in parts for key in ("/Cert", "/CRL", "/OCSP")]
    return all(_is_list_of_streams(new, new.get(each)) for each in lists)


def _is_list_of_streams(new: Revision, listed: Any) -> bool:
    if is_null(listed):
        return True
    return isinstance(listed, generic.ArrayObject) and all(
        isinstance(new.get(each), generic.StreamObject) for each in listed
    )


def _is_plain(value: Any) -> bool:
    return isinstance(value, generic.DictionaryObject) and not isinstance(value, generic.StreamObject)


def _is_version(new: Revision) -> bool:
    return _VERSION.fullmatch(str(new.get(entry(new.root, "/Version")))) is not None


def _are_extensions(new: Revision) -> bool:
    """Whether /Extensions only tells developers' extensions (ISO 32000-2 §7.12)."""
    held = new.get(entry(new.root, "/Extensions"))
    if not _is_plain(held):
        return False
    for key, raw in held.items():
        value = new.get(raw)
        parts = [new.get(each) for each in value] if isinstance(value, generic.ArrayObject) else [value]
        if key != "/Type" and not all(_is_plain(part) and set(part) <= _EXTENSION for part in parts):
            return False
    return True
