"""The pages of a revision in order, and the rule for what may be changed on one: widgets of signatures appear."""

# mypy: allow-untyped-calls

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from pyhanko.pdf_utils import generic

from gateway.model.verdict import NotValid
from gateway.signing.pades import words
from gateway.signing.pades.revision import NULL, Revision, entry, is_null, number_of, text_of
from gateway.signing.pades.walk import Walk
from gateway.signing.pades.words import Lines

_INHERITED: Final = ("/Resources", "/MediaBox", "/CropBox", "/Rotate")
_MAX_PAGES: Final = 50_000
_MAX_DEPTH: Final = 64


@dataclass(frozen=True, slots=True)
class Page:
    """A page with what it inherits (ISO 32000-2 §7.7.3.4). *raw* is how the tree refers to it."""

    raw: Any
    node: Any
    inherited: dict[str, Any]

    @property
    def key(self) -> tuple[int, int]:
        """What tells pages apart: the object's number, or the identity of a direct one."""
        number = number_of(self.raw)
        return (0, id(self.node)) if number is None else (number, self.raw.generation)

    def value(self, key: str) -> Any:
        """The raw value of *key*, inherited where the page has none."""
        own = entry(self.node, key)
        return self.inherited.get(key, NULL) if is_null(own) else own


def pages(revision: Revision) -> tuple[Page, ...]:
    """All pages in order. Raises NotValid malformed for a tree with a circle, limit.exceeded for too many."""
    found: list[Page] = []
    seen: set[int] = set()
    stack: list[tuple[Any, dict[str, Any], int]] = [(entry(revision.root, "/Pages"), {}, 0)]
    while stack:
        raw, above, depth = stack.pop()
        number = number_of(raw)
        node = revision.get(raw)
        if not isinstance(node, generic.DictionaryObject):
            continue
        kids = revision.get(entry(node, "/Kids"))
        if not isinstance(kids, generic.ArrayObject):
            found.append(Page(raw, node, above))
        else:
            if number is not None and number in seen:
                raise NotValid("malformed", "the tree of pages has a circle")
            seen.update(() if number is None else (number,))
            inherited = {**above, **{key: entry(node, key) for key in _INHERITED if key in node}}
            stack.extend((kid, inherited, depth + 1) for kid in reversed(kids))
        if depth > _MAX_DEPTH or len(found) > _MAX_PAGES or len(stack) > _MAX_PAGES:
            raise NotValid("limit.exceeded", "too many pages")
    return tuple(found)


class PageRule:
    """Compares pages that stand at the same place. *added*: numbers of widgets that later signatures brought."""

    def __init__(self, walk: Walk, added: frozenset[int], lines: Lines) -> None:
        self._walk = walk
        self._added = added
        self._used: set[int] = set()
        self._lines = lines

    def content(self, place: int, old: Page, new: Page) -> None:
        """Note what of the page itself differs."""
        for key in sorted({*old.node, *new.node, *_INHERITED} - {"/Annots", "/Parent", "/Resources"}):
            if not self._walk.same(old.value(key), new.value(key), key):
                self._lines.add(words.of_page(place, key, old.value(key), new.value(key)))
        self._resources(place, old.value("/Resources"), new.value("/Resources"))

    def parent(self, place: int, old: Page, new: Page) -> None:
        """Note another parent: some viewers take what a page inherits from there, whoever has it for a child."""
        if not self._walk.same(entry(old.node, "/Parent"), entry(new.node, "/Parent"), "/Parent"):
            self._lines.add(words.of_page(place, "/Parent", entry(old.node, "/Parent"), entry(new.node, "/Parent")))

    def _resources(self, place: int, old: Any, new: Any) -> None:
        one, other = self._walk.old.get(old), self._walk.new.get(new)
        if not isinstance(one, generic.DictionaryObject) or not isinstance(other, generic.DictionaryObject):
            if not self._walk.same(old, new):
                self._lines.add(words.of_resource(place, "/Resources", old, new))
            return
        for key in sorted({*one, *other}):
            if not self._walk.same(entry(one, key), entry(other, key), key):
                self._lines.add(words.of_resource(place, key, entry(one, key), entry(other, key)))

    def annotations(self, place: int, old: Page, new: Page) -> None:
        """Note which annotations differ, apart from the widgets of later signatures."""
        before, after = _listed(self._walk.old, old), _listed(self._walk.new, new)
        at = 0
        for raw in after:
            if at < len(before) and _is_same_place(before[at], raw):
                self._annotation(place, before[at], raw)
                at += 1
            elif (number := number_of(raw)) in self._added and number is not None and number not in self._used:
                self._used.add(number)
            else:
                self._lines.add(f"{_kind(self._walk.new.get(raw))} was added on page {place}")
        if at < len(before):
            self._lines.add(f"{_kind(self._walk.old.get(before[at]))} was removed from page {place}")

    def _annotation(self, place: int, old: Any, new: Any) -> None:
        if not self._walk.same(old, new, "/Annots"):
            self._lines.add(f"{_kind(self._walk.old.get(old))} on page {place} was changed")


def _is_same_place(old: Any, new: Any) -> bool:
    return number_of(old) == number_of(new)


def _listed(revision: Revision, page: Page) -> list[Any]:
    listed = revision.get(entry(page.node, "/Annots"))
    return list(listed) if isinstance(listed, generic.ArrayObject) else []


def _kind(annotation: Any) -> str:
    """ "an annotation (Stamp)", or "a form field"."""
    kind = text_of(entry(annotation, "/Subtype"))[1:]
    if kind == "Widget":
        return "a form field"
    return f"an annotation ({kind})" if kind else "an annotation"
