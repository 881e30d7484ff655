"""Ids of a document: which element an id names, over every attribute that makes one."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from lxml import etree

from gateway.formats.safexml import Element
from gateway.model.verdict import NotValid
from gateway.signing.xmldsig.uris import ID_ATTRIBUTES

__all__ = ["ID_ATTRIBUTES", "Ids"]


class Ids:
    """The ids in the whole document of *element*, as it is when one is first asked for."""

    def __init__(self, element: Element, attributes: frozenset[str] = ID_ATTRIBUTES) -> None:
        self._root = element.getroottree().getroot()
        self._attributes = attributes
        self._first: dict[str, Element] | None = None
        self._repeated: set[str] = set()

    def element(self, wanted: str) -> Element:
        """The one element of that id. Raises NotValid signature.reference (none) or signature.ambiguous (several)."""
        found = self._read()
        if wanted in self._repeated:
            raise NotValid("signature.ambiguous", "this id occurs more than once", f"#{wanted[:80]}")
        if wanted not in found:
            raise NotValid("signature.reference", "no element has this id", f"#{wanted[:80]}")
        return found[wanted]

    def check_unique(self) -> None:
        """Raise NotValid signature.ambiguous if any id names more than one element."""
        self._read()
        if self._repeated:
            raise NotValid("signature.ambiguous", "an id occurs more than once", f"#{min(self._repeated)[:80]}")

    def _read(self) -> dict[str, Element]:
        if self._first is None:
            self._first = {}
            for one in _carriers(self._attributes)(self._root):
                for name in self._attributes.intersection(one.keys()):
                    value = one.get(name)
                    if self._first.setdefault(value, one) is not one:
                        self._repeated.add(value)
        return self._first


@lru_cache(maxsize=16)
def _carriers(attributes: frozenset[str]) -> Any:
    """The elements of a document with one of *attributes*, in document order; one pass in libxml2."""
    prefixes: dict[str, str] = {}
    names = []
    for name in sorted(attributes):
        uri, _, local = name[1:].partition("}") if name.startswith("{") else ("", "", name)
        if uri:
            prefix = prefixes.setdefault(uri, f"n{len(prefixes)}")
            names.append(f"@{prefix}:{local}")
        else:
            names.append(f"@{local}")
    namespaces = {prefix: uri for uri, prefix in prefixes.items()}
    return etree.XPath(f"//*[{' or '.join(names)}]" if names else "/..", namespaces=namespaces or None)
