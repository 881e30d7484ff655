"""The rule for forms: signatures may be put into new fields or into empty ones; no other field may change."""

# mypy: allow-untyped-calls

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pyhanko.pdf_utils import generic

from gateway.signing.pades import words
from gateway.signing.pades.allowed import Allowed
from gateway.signing.pades.fields import FormField, fields, form_of, other_fields
from gateway.signing.pades.revision import Revision, entry, is_null, number_of
from gateway.signing.pades.walk import Walk
from gateway.signing.pades.words import Lines

_FIELD: Final = frozenset(
    {"/Type", "/Subtype", "/FT", "/T", "/TU", "/TM", "/Ff", "/F", "/Rect", "/P", "/Parent", "/V", "/AP", "/MK", "/DA"}
    | {"/Lock", "/SV", "/Border", "/BS", "/NM", "/M", "/DR", "/Q", "/Kids", "/H", "/Contents"}
)
"""What a new signature field may hold: nothing that acts, opens or counts."""
_FILLED: Final = frozenset({"/V", "/AP", "/F", "/Ff", "/M", "/MK", "/DA", "/Type"})
"""What filling an empty signature field may change."""
_SHOWN: Final = frozenset({"/AP", "/MK", "/DA", "/F"})
"""What of that is seen."""
_GROUP: Final = frozenset({"/T", "/TU", "/TM", "/Kids", "/Parent"})
"""What a field that only groups others may hold if a new signature field is put into it."""
_NEW_FORM: Final = frozenset({"/Fields", "/SigFlags", "/DR", "/DA"})


class FormRule:
    """Judges the forms of two revisions. *added*, once settled: numbers of widgets that later signatures brought."""

    def __init__(self, walk: Walk, allowed: Allowed, lines: Lines) -> None:
        self._walk = walk
        self._allowed = allowed
        self._lines = lines
        self._before = fields(walk.old)
        self._after = fields(walk.new)
        self.added: frozenset[int] = frozenset()
        self._filled: frozenset[int] = frozenset()

    def settle(self) -> None:
        """Find the fields of later signatures, note what is wrong with them, and let the walk know those that hold."""
        known = {node.number: node for node in self._before if node.number is not None}
        fresh = [node for node in self._after if node.number is not None and node.number not in known]
        added = [node.number for node in fresh if self._may_be_added(node, known) and node.number is not None]
        self.added = frozenset(added)
        pairs = [(known[node.number], node) for node in self._after if node.number in known]
        for old, new in pairs:
            self._walk.skip(old.raw, new.raw)
        filled = [(old, new) for old, new in pairs if self._may_be_filled(old, new)]
        self._walk.settled.update(self.added, (new.number for _, new in filled if new.number is not None))
        held = [new.number for old, new in filled if self._was_only_filled(old, new)]
        self._filled = frozenset(number for number in held if number is not None)

    def judge(self) -> None:
        """Note what else was changed in the form."""
        self._lists(form_of(self._walk.old), form_of(self._walk.new))
        self._kept()
        self._rest(form_of(self._walk.old), form_of(self._walk.new))

    def _may_be_added(self, node: FormField, known: Mapping[int, FormField]) -> bool:
        """Whether a new node is a field of its own for a signature of this file; if not, that is noted."""
        if node.kind != "/Sig":
            self._lines.add(f"form field '{node.name}' was added")
            return False
        if node.number not in self._allowed.signed | self._allowed.stamps:
            self._lines.add(f"signature field '{node.name}' was added, but nobody signed in it")
            return False
        if not set(node.node) <= _FIELD or not self._is_widget_or_field(node):
            self._lines.add(f"the added signature field '{node.name}' does more than hold a signature")
            return False
        parent = None if node.parent is None else known.get(node.parent)
        if not self._is_child_of_its_parent(node) or not _is_mere_group(parent):
            self._lines.add(f"the added signature field '{node.name}' is not where it says in the form")
            return False
        return self._may_show(node)

    def _is_child_of_its_parent(self, node: FormField) -> bool:
        """Viewers take what a field inherits from its /Parent: that must be the one that lists it."""
        kids = self._walk.new.get(entry(node.node, "/Kids"))
        if not is_null(kids) and not (_is_array(kids) and all(number_of(raw) is not None for raw in kids)):
            return False
        parent = entry(node.node, "/Parent")
        return is_null(parent) if node.top else number_of(parent) == node.parent

    def _is_widget_or_field(self, node: FormField) -> bool:
        kind = self._walk.new.get(entry(node.node, "/Subtype"))
        return is_null(kind) or bool(kind == "/Widget")

    def _may_show(self, node: FormField) -> bool:
        """A time stamp shows nothing: anybody can get one. After a certification a new field shows nothing (§12.8.2.2),
        and where nothing may change only time stamps come."""
        visible = _is_visible(self._walk.new, node.node)
        if visible and node.number in self._allowed.stamps:
            self._lines.add(f"time stamp '{node.name}' was added with a picture on a page")
        elif self._allowed.certified == 1 and node.number not in self._allowed.stamps:
            self._lines.add(f"signature '{node.name}' was added although the certification allows no change")
        elif visible and self._allowed.certified:
            self._lines.add(f"a visible signature field '{node.name}' was added to a certified document")
        else:
            return True
        return False

    def _may_be_filled(self, old: FormField, node: FormField) -> bool:
        """Whether an empty signature field of before now holds a signature, and might."""
        if node.kind != "/Sig" or old.kind != "/Sig" or not is_null(self._walk.old.get(old.value)):
            return False
        if is_null(self._walk.new.get(node.value)) or node.number not in self._allowed.signed | self._allowed.stamps:
            return False
        return self._allowed.certified != 1 or node.number in self._allowed.stamps

    def _was_only_filled(self, old: FormField, node: FormField) -> bool:
        """Whether a field that was filled is otherwise as it was; if not, that is noted."""
        if self._allowed.locks(node.name):
            self._lines.add(f"signature field '{node.name}' was signed although it was locked")
        open_keys = _FILLED - _SHOWN if node.number in self._allowed.stamps else _FILLED
        keys = sorted({*old.node, *node.node} - open_keys)
        changed = [key for key in keys if not self._walk.same(entry(old.node, key), entry(node.node, key), key)]
        for key in changed:
            self._lines.add(_of_field(old, key))
        return not changed

    def _lists(self, old: Any, new: Any) -> None:
        """The fields of before are all there, in their order."""
        before = self._walk.old.get(entry(old, "/Fields"))
        after = self._walk.new.get(entry(new, "/Fields"))
        kept = [number_of(raw) for raw in after if number_of(raw) not in self.added] if _is_array(after) else []
        if _is_array(before) and [number_of(raw) for raw in before] != kept:
            self._lines.add("fields of the form were added, removed or put into another order")
        direct = ([raw for raw in listed if number_of(raw) is None] for listed in (_list(before), _list(after)))
        if not all(self._walk.same(one, other) for one, other in zip(*direct, strict=False)):
            self._lines.add("a field of the form was changed")

    def _kept(self) -> None:
        """What is neither new nor newly signed says what it did."""
        later = {node.number: node for node in self._after if node.number is not None}
        for old in self._before:
            if old.number is None or old.number in self._filled:
                continue
            new = later.get(old.number)
            if new is None:
                self._lines.add(f"form field '{old.name}' was removed")
                continue
            for key in sorted({*old.node, *new.node}):
                if not self._is_kept(key, entry(old.node, key), entry(new.node, key)):
                    self._lines.add(_of_field(old, key))

    def _is_kept(self, key: str, old: Any, new: Any) -> bool:
        """Whether an entry of a field is as it was; a group may get new signature fields."""
        before, after = self._walk.old.get(old), self._walk.new.get(new)
        if key != "/Kids" or not _is_array(before) or not _is_array(after):
            return self._walk.same(old, new, key)
        kept = [raw for raw in after if number_of(raw) not in self.added]
        pairs = zip(before, kept, strict=False)
        return len(before) == len(kept) and all(self._walk.same(one, other, key) for one, other in pairs)

    def _rest(self, old: Any, new: Any) -> None:
        """The form's own entries (§12.7.3)."""
        open_keys = {"/Fields", "/SigFlags"}
        if not any(other_fields(self._before)):
            open_keys |= {key for key in ("/DR", "/DA") if is_null(entry(old, key))}
        if is_null(old):
            extra = set(new) - _NEW_FORM if isinstance(new, generic.DictionaryObject) else set()
        else:
            extra = {key for key in {*old, *_keys(new)} - open_keys if not self._same(old, new, key)}
        for key in sorted(extra):
            self._lines.add(f"the entry {key[1:]} of the form was {words.verb(entry(old, key), entry(new, key))}")
        before, after = self._walk.old.get(entry(old, "/SigFlags")), self._walk.new.get(entry(new, "/SigFlags"))
        if isinstance(before, int) and not (isinstance(after, int) and before & ~after == 0):
            self._lines.add("the form no longer says that the document is signed")

    def _same(self, old: Any, new: Any, key: str) -> bool:
        return self._walk.same(entry(old, key), entry(new, key), key)


def _is_mere_group(parent: FormField | None) -> bool:
    """Whether a field of before only gives its children a name."""
    return parent is None or (parent.kind == "" and set(parent.node) <= _GROUP)


def _of_field(field: FormField, key: str) -> str:
    kind = "signature field" if field.kind == "/Sig" else "form field"
    what = {"/V": "the value of ", "/AP": "the appearance of "}.get(key, "")
    return f"{what}{kind} '{field.name}' was changed"


def _is_visible(revision: Revision, node: Any) -> bool:
    """Whether a widget takes up room on a page; what is no rectangle counts as visible."""
    box = revision.get(entry(node, "/Rect"))
    if is_null(box):
        return not is_null(entry(node, "/AP"))
    try:
        left, bottom, right, top = (float(revision.get(edge)) for edge in box)
    except (TypeError, ValueError):
        return True
    return left != right and bottom != top


def _keys(value: Any) -> set[str]:
    return set(value) if isinstance(value, generic.DictionaryObject) else set()


def _list(value: Any) -> list[Any]:
    return list(value) if _is_array(value) else []


def _is_array(value: Any) -> bool:
    return isinstance(value, generic.ArrayObject)
