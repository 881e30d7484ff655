"""Which element an id names in a message, found in one pass. The XML-DSig core asks again by itself."""

from __future__ import annotations

from typing import Final

from lxml import etree

from gateway.formats.safexml import Element
from gateway.model.verdict import NotValid
from gateway.signing.wssecurity.names import WSU_ID
from gateway.signing.xmldsig import ID_ATTRIBUTES

_SPACES: Final = {
    f"s{at}": space for at, space in enumerate(sorted({etree.QName(name).namespace or "" for name in ID_ATTRIBUTES}))
}
_PREFIXES: Final = {space: f"{prefix}:" if space else "" for prefix, space in _SPACES.items()}
_BEARERS: Final = etree.XPath(
    "//*["
    + " or ".join(f"@{_PREFIXES[name.namespace or '']}{name.localname}" for name in map(etree.QName, ID_ATTRIBUTES))
    + "]",
    namespaces={prefix: space for prefix, space in _SPACES.items() if space},
)


class MessageIds:
    """The ids of the document of *root*, over every attribute that makes one, whatever its vocabulary."""

    def __init__(self, root: Element) -> None:
        self._found: dict[str, list[Element]] = {}
        self._marked: set[str] = set()
        for one in _BEARERS(root):
            for name, value in one.items():
                if name in ID_ATTRIBUTES:
                    self._found.setdefault(value, []).append(one)
                    if name == WSU_ID:
                        self._marked.add(value)

    def element(self, wanted: str) -> Element:
        """The one element of that id. Raises NotValid signature.reference (none) or signature.ambiguous (several)."""
        found = self._found.get(wanted, [])
        if not found:
            raise NotValid("signature.reference", "no element has this id", f"#{wanted[:80]}")
        if len(found) > 1:
            raise NotValid("signature.ambiguous", "an id occurs twice", f"#{wanted[:80]}")
        return found[0]

    def check_marked(self) -> None:
        """Raise NotValid signature.ambiguous if a wsu:Id is the value of any other id attribute as well.

        Other attributes may repeat theirs as long as no signature refers to them: payloads do.
        """
        for value in sorted(self._marked):
            self.element(value)
