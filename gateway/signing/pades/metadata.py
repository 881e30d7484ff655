"""What a document says about itself: properties (ISO 32000-2 §14.3.3) and XMP (ISO 16684-1); dates may be updated."""

# mypy: allow-untyped-calls

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from lxml import etree
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.decode_limits import DecodePurpose

from gateway.errors import Refusal
from gateway.formats import safexml
from gateway.signing.pades import words
from gateway.signing.pades.revision import Revision, entry, is_null
from gateway.signing.pades.walk import Walk

_OPEN_PROPERTIES: Final = frozenset({"/ModDate", "/Producer"})
_RDF: Final = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_XMP: Final = "{http://ns.adobe.com/xap/1.0/}"
_MM: Final = "{http://ns.adobe.com/xap/1.0/mm/}"
_OPEN_XMP: Final = frozenset(
    {f"{_XMP}ModifyDate", f"{_XMP}MetadataDate", "{http://ns.adobe.com/pdf/1.3/}Producer"}
    | {f"{_MM}InstanceID", f"{_MM}DocumentID", f"{_MM}VersionID", f"{_MM}History", f"{_RDF}about"}
)
MAX_XMP: Final = 4 << 20


def property_changes(walk: Walk) -> tuple[str, ...]:
    """Lines for changed entries of the document's /Info other than the date of change and the program."""
    old, new = walk.old.get(entry(walk.old.trailer, "/Info")), walk.new.get(entry(walk.new.trailer, "/Info"))
    keys = {*(old if isinstance(old, dict) else ()), *(new if isinstance(new, dict) else ())} - _OPEN_PROPERTIES
    changed = (key for key in sorted(keys) if not walk.same(entry(old, key), entry(new, key)))
    return tuple(
        f"the document property {key[1:]} was {words.verb(entry(old, key), entry(new, key))}" for key in changed
    )


def xmp_changes(old: Revision, new: Revision) -> tuple[str, ...]:
    """Lines for changed XMP properties other than dates, identifiers of the copy and the program."""
    before, after = old.get(entry(old.root, "/Metadata")), new.get(entry(new.root, "/Metadata"))
    if is_null(before) and is_null(after):
        return ()
    if _content(before) == _content(after):
        return ()
    try:
        one, other = _properties(before), _properties(after)
    except Refusal:
        return ("the metadata (XMP) was replaced by something that cannot be read",)
    changed = sorted(name for name in {*one, *other} if one.get(name) != other.get(name))
    return tuple(f"the metadata entry {etree.QName(name).localname} was changed" for name in changed[:10])


def _content(stream: Any) -> bytes | None:
    if not isinstance(stream, generic.StreamObject):
        return None
    content: bytes = stream.read_data(DecodePurpose.XMP_METADATA)
    return content


def _properties(stream: Any) -> dict[str, tuple[str, ...]]:
    """Every property's name and texts, whether it was written as an element or as an attribute. Raises Refusal."""
    content = _content(stream)
    if content is None:
        return {}
    found: dict[str, list[str]] = {}
    for described in safexml.parse(content, max_bytes=MAX_XMP).root.iter(f"{_RDF}Description"):
        if described.getparent() is not None and described.getparent().tag != f"{_RDF}RDF":
            continue
        for name, text in described.attrib.items():
            found.setdefault(name, []).append(text)
        for child in described.iterchildren(etree.Element):
            found.setdefault(child.tag, []).extend(_texts(child))
    return {name: tuple(texts) for name, texts in found.items() if name not in _OPEN_XMP}


def _texts(element: Any) -> Iterator[str]:
    for each in element.iter(etree.Element):
        if text := (each.text or "").strip():
            yield text
        if each is not element:
            yield from sorted(value for name, value in each.attrib.items())
