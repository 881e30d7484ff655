"""What signatures leave to those who come later: levels of certification, locked fields (ISO 32000-2 §12.8.2)."""

# mypy: allow-untyped-calls

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from pyhanko.pdf_utils import generic

from gateway.signing.pades.fields import Signature
from gateway.signing.pades.revision import Revision, entry, is_null, text_of

ANY: Final = "*"


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the signatures so far leave to later ones.

    *signed* and *stamps*: numbers of the fields, and of the widgets that show them, which a verified signature or
    document time stamp fills by the end of the file. *certified*: 1 to 3 after a certification (DocMDP, ISO 32000-2
    §12.8.2.2), 0 without. *locked*: names of fields nobody may sign any more (FieldMDP, §12.8.2.4), "*" for all but
    *unlocked*.
    """

    signed: frozenset[int]
    stamps: frozenset[int]
    certified: int = 0
    locked: frozenset[str] = frozenset()
    unlocked: frozenset[str] = frozenset()

    def locks(self, name: str) -> bool:
        """Whether a field of that name must not be signed any more."""
        return name in self.locked or ("*" in self.locked and name not in self.unlocked)


def allowed_after(before: Allowed, revision: Revision, signature: Signature) -> Allowed:
    """*before* with what *signature* takes away, as its own *revision* says."""
    level, names, spared = before.certified, set(before.locked), before.unlocked
    for method, parameters in _references(revision, signature):
        if method == "/DocMDP":
            level = _stricter(level, revision.get(entry(parameters, "/P")), 2)
        elif method == "/FieldMDP":
            locked, spared_now = _fields(revision, parameters)
            names |= locked
            spared = spared_now if ANY in locked else spared
    lock = revision.get(entry(signature.field, "/Lock"))
    if not is_null(entry(lock, "/P")):
        level = _stricter(level, revision.get(entry(lock, "/P")), 1)
    return Allowed(before.signed, before.stamps, level, frozenset(names), spared)


def _references(revision: Revision, signature: Signature) -> list[tuple[Any, Any]]:
    listed = revision.get(entry(signature.dictionary, "/Reference"))
    parts = [revision.get(each) for each in listed] if isinstance(listed, generic.ArrayObject) else []
    return [
        (revision.get(entry(part, "/TransformMethod")), revision.get(entry(part, "/TransformParams"))) for part in parts
    ]


def _stricter(level: int, written: Any, default: int) -> int:
    """The stricter of two levels; one that is no level counts as the strictest, 1."""
    own = default if is_null(written) else int(written) if written in (1, 2, 3) else 1
    return min(level, own) if level else own


def _fields(revision: Revision, parameters: Any) -> tuple[frozenset[str], frozenset[str]]:
    """Which fields are locked, and of "all" which are not."""
    listed = revision.get(entry(parameters, "/Fields"))
    names = [text_of(revision.get(each)) for each in listed] if isinstance(listed, generic.ArrayObject) else []
    action = revision.get(entry(parameters, "/Action"))
    if action == "/Include":
        return frozenset(names), frozenset()
    return frozenset({ANY}), frozenset(names) if action == "/Exclude" else frozenset()
