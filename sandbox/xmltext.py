"""XML text the way the axis' library writes it: two spaces of indent, fixed prefixes, one line per leaf."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

NAMESPACE = "http://www.mic.gov.vn/TBT/QCVN_102_2016"
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'


@dataclass(frozen=True, slots=True)
class Node:
    """An element to write: the name as it appears (with prefix), and either text or children.

    `stray` is character data after the last child, on the same line as the sample files have it.
    """

    name: str
    text: str = ""
    children: Sequence[Node] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    stray: str = ""


def leaf(name: str, text: str | None) -> list[Node]:
    """Return the element in a list, or nothing for an empty text: the library drops empty leaves."""
    return [Node(name, text)] if text else []


def group(name: str, *parts: Sequence[Node]) -> list[Node]:
    """Return an element around all parts, or nothing if they are all empty."""
    children = [node for part in parts for node in part]
    return [Node(name, children=children)] if children else []


def write(root: Node) -> bytes:
    """Serialise a tree as UTF-8 with a declaration and LF line ends."""
    pieces = [DECLARATION]
    _write(root, "", pieces)
    return "".join(pieces).encode()


def _write(node: Node, indent: str, pieces: list[str]) -> None:
    attributes = "".join(f" {name}={quoteattr(value)}" for name, value in node.attributes.items())
    if not node.children and not node.text:
        pieces.append(f"{indent}<{node.name}{attributes} />\n")
    elif not node.children:
        text = escape(node.text, {"\r": "&#xD;"})
        pieces.extend((f"{indent}<{node.name}{attributes}>", text, f"</{node.name}>\n"))
    else:
        pieces.append(f"{indent}<{node.name}{attributes}>\n")
        for child in node.children:
            _write(child, indent + "  ", pieces)
        if node.stray:
            pieces[-1] = pieces[-1].rstrip("\n")
        pieces.append(f"{node.stray or indent}</{node.name}>\n")
