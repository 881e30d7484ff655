"""Reading the strict shape of signature elements: children, text and base64 that can mean one thing only."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from gateway.formats.safexml import Element
from gateway.model.verdict import NotValid

_SPACE: Final = re.compile(r"[ \t\r\n]+")
_SPACES: Final = " \t\r\n"
_CROWD: Final = 2000
"""Siblings from which on only libxml2 counts them."""


def children(element: Element) -> list[Element]:
    """The child elements. Raises NotValid malformed if there is text between them."""
    if (element.text or "").strip(_SPACES):
        raise NotValid("malformed", "text where only elements belong", local(element))
    found = []
    for child in element:
        if (child.tail or "").strip(_SPACES):
            raise NotValid("malformed", "text where only elements belong", local(element))
        if isinstance(child.tag, str):
            found.append(child)
    return found


def text_of(element: Element) -> str:
    """The text of an element that holds nothing else: a comment inside could hide half of it. Raises NotValid."""
    if len(element):
        raise NotValid("malformed", "something other than text", local(element))
    return element.text or ""


def base64_of(element: Element) -> bytes:
    """The octets of an element in base64. Raises NotValid malformed."""
    return decoded(text_of(element), local(element))


def decoded(text: str, what: str) -> bytes:
    """Base64 with XML white space and nothing else (XML Schema base64Binary). Raises NotValid malformed."""
    packed = _SPACE.sub("", text)
    try:
        octets = base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError) as fault:
        raise NotValid("malformed", "not base64", what) from fault
    if base64.b64encode(octets).decode() != packed:
        raise NotValid("malformed", "base64 with stray bits", what)
    return octets


def local(element: Element) -> str:
    """The name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def path_of(element: Element) -> str:
    """Where *element* is in its document, as a readable XPath of local names."""
    steps: list[str] = []
    while element is not None:
        parent = element.getparent()
        if parent is not None and len(parent) > _CROWD:
            return str(element.getroottree().getpath(element)) + "".join(f"/{step}" for step in reversed(steps))
        name = local(element)
        if parent is not None:
            same = [one for one in parent if isinstance(one.tag, str) and local(one) == name]
            if len(same) > 1:
                name += f"[{same.index(element) + 1}]"
        steps.append(name)
        element = parent
    return "/" + "/".join(reversed(steps))
