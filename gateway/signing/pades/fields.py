"""The form of a revision: its fields by name, and the signatures in them (ISO 32000-2 §12.7, §12.8)."""

# mypy: allow-untyped-calls

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from pyhanko.pdf_utils import generic

from gateway.model.verdict import NotValid
from gateway.signing.pades.revision import Revision, entry, is_null, number_of, text_of

_MAX_FIELDS: Final = 20_000
_MAX_DEPTH: Final = 32


@dataclass(frozen=True, slots=True)
class FormField:
    """A node of the form: a field, or a widget of one. *name* is fully qualified, *kind* the inherited /FT.

    *reference* is None for a direct object, *value* the field's raw /V, inherited, *parent* the number of the node that
    has it for a child, *raw* how that refers to it.
    """

    name: str
    kind: str
    reference: tuple[int, int] | None
    node: Any
    value: Any
    top: bool
    parent: int | None = None
    raw: Any = None

    @property
    def number(self) -> int | None:
        return self.reference[0] if self.reference else None


@dataclass(frozen=True, slots=True)
class Signature:
    """A field with a value of kind /Sig. *reference* is the signature dictionary's, *widgets* are the numbers of the
    field and of what shows it."""

    name: str
    widgets: frozenset[int]
    reference: tuple[int, int] | None
    dictionary: Any
    field: Any

    @property
    def is_stamp(self) -> bool:
        """Whether it is a document time stamp (§12.8.5)."""
        kind, form = entry(self.dictionary, "/Type"), entry(self.dictionary, "/SubFilter")
        return bool(kind == "/DocTimeStamp" or form == "/ETSI.RFC3161")


def form_of(revision: Revision) -> Any:
    """The /AcroForm dictionary, null if there is none."""
    return revision.get(entry(revision.root, "/AcroForm"))


def fields(revision: Revision) -> tuple[FormField, ...]:
    """All nodes of the form, parents first. Raises NotValid malformed for a circle, limit.exceeded."""
    found: list[FormField] = []
    seen: set[int] = set()
    listed = revision.get(entry(form_of(revision), "/Fields"))
    nothing = generic.NullObject()
    stack: list[tuple[Any, str, str, Any, int, int | None]] = []
    stack.extend((raw, "", "", nothing, 0, None) for raw in (reversed(listed) if _is_array(listed) else ()))
    while stack:
        raw, prefix, kind, value, depth, parent = stack.pop()
        number = number_of(raw)
        if number is not None and number in seen:
            raise NotValid("malformed", "a form field occurs twice in the form")
        if depth > _MAX_DEPTH or len(found) >= _MAX_FIELDS:
            raise NotValid("limit.exceeded", "too many form fields")
        seen.update(() if number is None else (number,))
        node = revision.get(raw)
        if not isinstance(node, generic.DictionaryObject):
            continue
        name = _joined(prefix, revision.get(entry(node, "/T")))
        kind = str(revision.get(entry(node, "/FT"))) if "/FT" in node else kind
        value = entry(node, "/V") if "/V" in node else value
        reference = (raw.idnum, raw.generation) if number is not None else None
        found.append(FormField(name, kind, reference, node, value, depth == 0, parent, raw))
        kids = revision.get(entry(node, "/Kids"))
        if _is_array(kids):
            stack.extend((kid, name, kind, value, depth + 1, number) for kid in reversed(kids))
    return tuple(found)


def signatures(revision: Revision, nodes: tuple[FormField, ...]) -> tuple[Signature, ...]:
    """The signatures and document time stamps among *nodes*. Raises NotValid signature.ambiguous if two fields hold
    the same one: the second could show what nobody signed."""
    found: list[Signature] = []
    held: set[tuple[int, int]] = set()
    for node in nodes:
        if node.kind != "/Sig" or "/V" not in node.node or is_null(revision.get(node.value)):
            continue
        number = number_of(node.value)
        reference = None if number is None else (number, node.value.generation)
        if reference in held:
            raise NotValid("signature.ambiguous", f"signature field '{node.name}' holds the signature of another field")
        held.update(() if reference is None else (reference,))
        shown = (each.number for each in nodes if each.value is node.value)
        widgets = frozenset(each for each in shown if each is not None)
        found.append(Signature(node.name, widgets, reference, revision.get(node.value), node.node))
    return tuple(found)


def other_fields(nodes: tuple[FormField, ...]) -> Iterator[FormField]:
    """The fields that are no signature fields."""
    return (node for node in nodes if node.kind not in ("/Sig", ""))


def _is_array(value: Any) -> bool:
    return isinstance(value, generic.ArrayObject)


def _joined(prefix: str, own: Any) -> str:
    if is_null(own):
        return prefix
    return f"{prefix}.{text_of(own)}" if prefix else text_of(own)
