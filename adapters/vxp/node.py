"""An element of edXML seen through its shape: what is wrong is reported on sight, values are asked for by name."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Final
from unicodedata import is_normalized

from adapters.vxp.fields import (
    clean,
    clean_name,
    is_regular_day,
    is_regular_moment,
    to_day,
    to_flag,
    to_moment,
    to_number,
)
from adapters.vxp.findings import Findings
from adapters.vxp.shape import DSIG, LENGTHS, NAMESPACE, OLD_NAMESPACES, PREFIX, Shape
from gateway.formats.safexml import Element

_MAX_NAME: Final = 80
_OURS: Final = frozenset({NAMESPACE, "", *OLD_NAMESPACES})
_PROSE: Final = frozenset({"Subject", "Content", "Description", "BussinessDocReason", "Appendix", "AttachmentName"})
"""Elements in which the word "null" may be meant."""


def qualified(element: Element) -> tuple[str, str]:
    """(namespace, local name); a prefix that nobody declared counts as no namespace."""
    namespace, _, local = element.tag.rpartition("}")
    namespace = namespace.removeprefix("{")
    if namespace.startswith("urn:undeclared:"):
        namespace = ""
    return namespace, local[:_MAX_NAME]


def is_ours(element: Element) -> bool:
    """Whether the element belongs to edXML, in any of its namespaces or in none."""
    return isinstance(element.tag, str) and qualified(element)[0] in _OURS


class Node:
    """One container element. *xpath* uses local names, with an index only among siblings of one name."""

    __slots__ = ("_children", "element", "findings", "line", "name", "xpath")

    def __init__(self, element: Element, xpath: str, shape: Shape, findings: Findings) -> None:
        self.element = element
        self.name = qualified(element)[1]
        self.xpath = xpath
        self.line: int = element.sourceline or 1
        self.findings = findings
        self._children: dict[str, list[Element]] = {}
        self._survey(shape)

    def _survey(self, shape: Shape) -> None:
        """Sort the children by name and report what does not belong."""
        stray = _is_stray(self.element.text)
        misplaced: tuple[str, Element] | None = None
        last = -1
        for child in self.element:
            stray = _is_stray(child.tail) or stray
            if not isinstance(child.tag, str):
                continue
            namespace, name = qualified(child)
            place = shape.order.get(name)
            if place is None or (namespace not in _OURS and not (name == "Signature" and namespace == DSIG)):
                self._report("element.unknown", name, child)
                continue
            self._children.setdefault(name, []).append(child)
            self.look_at_namespace(child)
            if place < last and misplaced is None:
                misplaced = (name, child)
            last = max(last, place)
        if stray:
            self.findings.add("text.stray", self.xpath, self.line)
        if misplaced:
            self._report("element.order", *misplaced)
        self._count(shape)

    def _count(self, shape: Shape) -> None:
        for name in shape.order:
            found = self._children.get(name, ())
            if not found and name in shape.required:
                self.findings.add("element.missing", f"{self.xpath}/{name}", self.line)
            if len(found) > 1 and name not in shape.repeated:
                self._report("element.repeated", name, found[1])
            if found and name in shape.ignored and not name.endswith("Signature"):
                self._report("element.ignored", name, found[0])

    def look_at_namespace(self, element: Element) -> None:
        """Report, once for the document, a namespace or prefix other than the vendor's."""
        namespace, name = qualified(element)
        line = element.sourceline or 1
        if namespace == DSIG:
            return
        if namespace == "":
            self.findings.once("namespace.missing", self.xpath, line)
        elif namespace in OLD_NAMESPACES:
            self.findings.once("namespace.old", self.xpath, line)
        elif element.prefix != PREFIX and (element.prefix is not None or self._in_envelope(name)):
            self.findings.once("namespace.prefix", f"{self.xpath}/{name}", line)

    def _in_envelope(self, name: str) -> bool:
        inside = self.xpath.startswith("/edXML/edXMLEnvelope") or name == "edXMLEnvelope"
        return inside and name != "Signature"

    def _path(self, child: Element) -> str:
        name = qualified(child)[1]
        siblings = self._children.get(name, ())
        index = next((place for place, one in enumerate(siblings, 1) if one is child), 0)
        return f"{self.xpath}/{name}[{index}]" if len(siblings) > 1 and index else f"{self.xpath}/{name}"

    def _report(self, code: str, name: str, child: Element, **words: str | int) -> None:
        if self.findings.full:  # counting siblings for a path nobody will read would cost a flood too much
            self.findings.more += 1
            return
        path = self._path(child) if name in self._children else f"{self.xpath}/{name}"
        self.findings.add(code, path, child.sourceline or 1, **words)

    # Children

    def has(self, name: str) -> bool:
        """Whether there is such a child at all, empty or not."""
        return name in self._children

    def one(self, name: str, shape: Shape) -> Node | None:
        """The first child of that name; None if absent, or empty (which is reported)."""
        return next(self._opened(self._children.get(name, [])[:1], name, shape, keep_empty=False), None)

    def many(self, name: str, shape: Shape, *, keep_empty: bool = False) -> Iterator[Node]:
        """All children of that name; empty ones are reported, and left out unless *keep_empty*."""
        return self._opened(self._children.get(name, []), name, shape, keep_empty=keep_empty)

    def _opened(self, found: list[Element], name: str, shape: Shape, *, keep_empty: bool) -> Iterator[Node]:
        several = len(self._children.get(name, ())) > 1
        for place, child in enumerate(found, 1):
            if keep_empty or len(child) or (child.text and not child.text.isspace()):
                yield Node(child, f"{self.xpath}/{name}" + (f"[{place}]" if several else ""), shape, self.findings)
            else:
                self._report("element.empty", name, child)

    def raw(self, name: str) -> list[Element]:
        """The elements themselves."""
        return list(self._children.get(name, ()))

    def path(self, name: str) -> str:
        """The XPath of the first child of that name, present or not."""
        found = self._children.get(name)
        return self._path(found[0]) if found else f"{self.xpath}/{name}"

    def line_of(self, name: str) -> int:
        """The line of the first child of that name, else of this element."""
        found = self._children.get(name)
        return (found[0].sourceline or 1) if found else self.line

    # Values

    def text(self, name: str) -> str:
        """Clean text of the first child of that name; "" if absent or empty."""
        return next((self._text_of(name, child) for child in self._children.get(name, ())[:1]), "")

    def texts(self, name: str) -> tuple[str, ...]:
        """Clean texts of all children of that name, without empty ones."""
        return tuple(text for child in self._children.get(name, ()) if (text := self._text_of(name, child)))

    def _text_of(self, name: str, child: Element) -> str:
        written = "".join((child.text or "", *(part.tail or "" for part in child)))
        text = clean_name(written) if name == "AttachmentName" else clean(written)
        if not text:
            self._report("element.empty", name, child)
        elif text == "null" and name not in _PROSE:
            self._report("text.null", name, child)
            return ""
        if not is_normalized("NFC", written):
            self._report("text.nfc", name, child)
        most = LENGTHS.get(f"{self.name}/{name}", LENGTHS.get(name, 0))
        if 0 < most < len(text):
            self._report("text.length", name, child, length=len(text), most=most)
        return text

    def day(self, name: str) -> date | None:
        """A date; other forms than `yyyy/MM/dd` are reported."""
        text = self.text(name)
        value = to_day(text) if text else None
        self._check(name, text, value is not None, is_regular_day(text))
        return value

    def moment(self, name: str) -> datetime | None:
        """A moment; other forms than `yyyy/MM/dd HH:mm:ss` are reported."""
        text = self.text(name)
        value = to_moment(text) if text else None
        self._check(name, text, value is not None, is_regular_moment(text))
        return value

    def number(self, name: str, allowed: range | None = None) -> int | None:
        """An integer; one outside *allowed* is reported and kept."""
        text = self.text(name)
        value = to_number(text)
        if text and value is None:
            self._unreadable(name, "number")
        if value is not None and allowed is not None and value not in allowed:
            self.findings.add(
                "value.range", self.path(name), self.line_of(name), detail=f"{allowed.start}…{allowed.stop - 1}"
            )
        return value

    def flag(self, name: str) -> bool:
        """0/1 or true/false; absent is false."""
        value = to_flag(self.text(name))
        if value is None:
            self._unreadable(name, "boolean")
        return bool(value)

    def _check(self, name: str, text: str, readable: bool, regular: bool) -> None:
        if text and not readable:
            self._unreadable(name, "date")
        elif text and not regular:
            self.findings.add("value.date", self.path(name), self.line_of(name))

    def _unreadable(self, name: str, kind: str) -> None:
        self.findings.add("value.unreadable", self.path(name), self.line_of(name), detail=kind)


def _is_stray(text: str | None) -> bool:
    return bool(text) and not str(text).isspace()
