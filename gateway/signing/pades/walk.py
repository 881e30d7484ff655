"""Whether two revisions say the same in one place: both graphs of objects are walked side by side."""

# mypy: allow-untyped-calls

from __future__ import annotations

from typing import Any, Final

from pyhanko.pdf_utils import generic

from gateway.model.verdict import NotValid
from gateway.signing.pades.revision import Place, Revision, entry

MAX_STEPS: Final = 2_000_000
_ROLES: Final = frozenset({"/Annots", "/Kids", "/Fields", "/Obj", "/Parent", "/P"})
"""Where a signature's widget may be referred to; anywhere else it must not have changed."""


class Walk:
    """Compares values of two revisions. What was found the same, or is being compared, is not walked twice.

    *settled* are numbers of objects whose changes are judged elsewhere: widgets of signatures.
    """

    def __init__(self, old: Revision, new: Revision) -> None:
        self.old = old
        self.new = new
        self.settled: set[int] = set()
        self._seen: set[tuple[int, int, int, int]] = set()
        self._places: dict[tuple[int, int], bool] = {}
        self._left = MAX_STEPS

    def skip(self, old: Any, new: Any) -> None:
        """Let the pair of references count as walked: it is judged by a rule of its own."""
        if isinstance(old, generic.IndirectObject) and isinstance(new, generic.IndirectObject):
            self._seen.add((old.idnum, old.generation, new.idnum, new.generation))

    def same(self, old: Any, new: Any, key: str = "") -> bool:
        """Whether *old* and all it leads to say what *new* does; *key* is the name it stands under."""
        stack = [(old, new, key)]
        begun: list[tuple[int, int, int, int]] = []
        while stack:
            self._left -= 1
            if self._left < 0:
                raise NotValid("limit.exceeded", "the document has too many parts to compare")
            if not self._step(*stack.pop(), stack, begun):
                self._seen.difference_update(begun)  # none of them was found the same
                return False
        return True

    def _step(
        self, old: Any, new: Any, key: str, stack: list[tuple[Any, Any, str]], begun: list[tuple[int, int, int, int]]
    ) -> bool:
        if isinstance(old, generic.IndirectObject) and isinstance(new, generic.IndirectObject):
            pair = (old.idnum, old.generation, new.idnum, new.generation)
            if pair in self._seen or (key in _ROLES and old.idnum == new.idnum and old.idnum in self.settled):
                return True
            self._seen.add(pair)
            begun.append(pair)
            if pair[:2] == pair[2:] and self._unmoved(pair[0], pair[1]):
                return self._references(pair[0], pair[1], key, stack)
        old, new = self.old.get(old), self.new.get(new)
        if isinstance(old, generic.DictionaryObject) and isinstance(new, generic.DictionaryObject):
            return _same_stream(old, new) and self._dictionaries(old, new, stack)
        if isinstance(old, generic.ArrayObject) and isinstance(new, generic.ArrayObject):
            stack.extend((one, other, key) for one, other in zip(old, new, strict=False))
            return len(old) == len(new)
        return same_leaf(old, new)

    def _dictionaries(self, old: Any, new: Any, stack: list[tuple[Any, Any, str]]) -> bool:
        for key in {*old, *new}:
            if key == "/Length" and isinstance(old, generic.StreamObject):
                continue
            stack.append((entry(old, key), entry(new, key), key))
        return True

    def _unmoved(self, number: int, generation: int) -> bool:
        """Whether the object's bytes are the very same in both revisions, the signed ones."""
        known = self._places.get((number, generation))
        if known is None:
            place: Place | None = self.old.where(number, generation)
            known = place is not None and place == self.new.where(number, generation)
            if known and place is not None and len(place) > 1:  # what an object stream refers to could have changed
                holder = self.old.object(place[1], 0)
                known = not any(isinstance(each, generic.IndirectObject) for each in holder.values())
            self._places[number, generation] = known
        return known

    def _references(self, number: int, generation: int, key: str, stack: list[tuple[Any, Any, str]]) -> bool:
        """Of an object that stayed as it was, only what it refers to can have changed."""
        plain = self.old.mentions(number, generation)
        if plain is not None and not any(each in self.settled for each, _, _ in plain):
            for each, of, under in plain:
                if (each, of, each, of) not in self._seen:
                    one = generic.IndirectObject(each, of, self.old.reader)
                    stack.append((one, one, under or key))
            return True
        inner = [(self.old.object(number, generation), key)]
        while inner:
            one, under = inner.pop()
            if isinstance(one, generic.IndirectObject):
                stack.append((one, one, under))
            elif isinstance(one, generic.DictionaryObject):
                inner.extend((each, str(name)) for name, each in one.items())
            elif isinstance(one, generic.ArrayObject):
                inner.extend((each, under) for each in one)
        return True


def _same_stream(old: Any, new: Any) -> bool:
    if not isinstance(old, generic.StreamObject) and not isinstance(new, generic.StreamObject):
        return True
    both = isinstance(old, generic.StreamObject) and isinstance(new, generic.StreamObject)
    return both and bool(old.encoded_data == new.encoded_data)


def same_leaf(old: Any, new: Any) -> bool:
    """Whether two values without parts are the same; strings by their bytes, numbers by what they count."""
    strings = (generic.TextStringObject, generic.ByteStringObject)
    if isinstance(old, strings) or isinstance(new, strings):
        return isinstance(old, strings) and isinstance(new, strings) and old.original_bytes == new.original_bytes
    numbers = (generic.NumberObject, generic.FloatObject)
    if isinstance(old, numbers) and isinstance(new, numbers):
        return bool(old == new)
    if isinstance(old, generic.BooleanObject) and isinstance(new, generic.BooleanObject):
        return bool(old.value) == bool(new.value)
    return type(old) is type(new) and bool(old == new)
