"""How much one verification may do: a document can ask for the same work many times over."""

from __future__ import annotations

from typing import Final

from lxml import etree

from gateway.formats.safexml import Element
from gateway.model.verdict import NotValid

MAX_REFERENCES: Final = 64
MAX_TRANSFORMS: Final = 6
MAX_KEYS: Final = 32
"""Keys tried for one signature, and certificates read from one KeyInfo."""
MAX_SIGNATURES: Final = 32
_MAX_ELEMENTS: Final = 350_000
_MAX_OCTETS: Final = 128 << 20
_COUNT: Final = etree.XPath("count(descendant::*)")


class Budget:
    """What is left: elements that may still be walked, octets that may still be digested."""

    def __init__(self) -> None:
        self._elements = _MAX_ELEMENTS
        self._octets = _MAX_OCTETS

    def walk(self, element: Element) -> None:
        """Charge one pass over *element*. Raises NotValid limit.exceeded."""
        self._elements -= int(_COUNT(element))
        if self._elements < 0:
            raise NotValid("limit.exceeded", "the references cover too much altogether")

    def digest(self, octets: bytes) -> None:
        """Charge *octets*. Raises NotValid limit.exceeded."""
        self._octets -= len(octets)
        if self._octets < 0:
            raise NotValid("limit.exceeded", "the references cover too much altogether")
