"""Canonical XML written node by node, by the letter of C14N 1.0 §2, C14N 1.1 §2.4 and Exclusive C14N §3.

One walk with undo lists, so that no shape of namespaces makes it slower than linear in the document's size.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from lxml import etree

from gateway.formats.safexml import Element
from gateway.model.verdict import NotValid
from gateway.signing.xmldsig import uris
from gateway.signing.xmldsig.model import NodeSet
from gateway.signing.xmldsig.xml_base import join

_XML: Final = f"{{{uris.XML}}}"
_BASE: Final = f"{_XML}base"
_SIMPLE: Final = (f"{_XML}lang", f"{_XML}space")
"""What C14N 1.1 calls simple inheritable."""
_ABSOLUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
_EVENTS: Final = ("start-ns", "start", "end", "end-ns", "comment", "pi")


@dataclass(frozen=True, slots=True)
class Style:
    """How to write: *second* is version 1.1, *prefixes* the InclusiveNamespaces PrefixList ("" or "#default")."""

    exclusive: bool
    second: bool
    comments: bool
    prefixes: frozenset[str]


def write(nodes: NodeSet, style: Style) -> bytes:
    """The octets of *nodes*. Raises NotValid algorithm.unsupported: a relative namespace URI."""
    if nodes.texts_only:
        return "".join(map(_text, texts(nodes))).encode()
    parts: list[str] = []
    _Walk(nodes, style, parts).run()
    written = "".join(parts).encode()
    return before_root(nodes, style) + written + after_root(nodes, style) if nodes.document else written


def before_root(nodes: NodeSet, style: Style) -> bytes:
    """What a document holds before its root element."""
    asides = reversed(list(nodes.apex.itersiblings(preceding=True)))
    return "".join(one + "\n" for aside in asides for one in _aside(aside, style)).encode()


def after_root(nodes: NodeSet, style: Style) -> bytes:
    """What a document holds after its root element."""
    return "".join("\n" + one for aside in nodes.apex.itersiblings() for one in _aside(aside, style)).encode()


def texts(nodes: NodeSet) -> Iterator[str]:
    """The text nodes of *nodes* in document order, without those of comments and processing instructions."""
    gone = set(nodes.without)
    if nodes.apex in gone:
        return
    walk = etree.iterwalk(nodes.apex, events=("start", "end", "comment", "pi"))
    for event, node in walk:
        if event == "start":
            if node in gone:
                walk.skip_subtree()
            elif node.text:
                yield node.text
        elif node is not nodes.apex and node.tail:
            yield node.tail


def _aside(node: Element, style: Style) -> Iterable[str]:
    """A comment or processing instruction outside the root."""
    if node.tag is etree.Comment:
        return (_comment(node),) if style.comments else ()
    return (_instruction(node),)


def _comment(node: Element) -> str:
    return "<!--" + (node.text or "").replace("\r", "&#xD;") + "-->"


def _instruction(node: Element) -> str:
    content = (node.text or "").replace("\r", "&#xD;")
    return f"<?{node.target} {content}?>" if content else f"<?{node.target}?>"


def _text(content: str) -> str:
    return content.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#xD;")


def _value(content: str) -> str:
    content = content.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    return content.replace("\t", "&#x9;").replace("\n", "&#xA;").replace("\r", "&#xD;")


@lru_cache(maxsize=512)
def _name_at(position: int) -> Any:
    """The name of an attribute as it was written; a constant position is what libxml2 finds quickly."""
    return etree.XPath(f"name(@*[{position}])")


class Bindings:
    """Prefix to namespace URI, with a way back; "" is the default prefix and the absent URI."""

    __slots__ = ("_past", "now")

    def __init__(self) -> None:
        self.now: dict[str, str] = {}
        self._past: list[tuple[str, str | None]] = []

    def bind(self, prefix: str, uri: str) -> None:
        self._past.append((prefix, self.now.get(prefix)))
        self.now[prefix] = uri

    def undo(self, count: int) -> None:
        for _ in range(count):
            prefix, before = self._past.pop()
            if before is None:
                del self.now[prefix]
            else:
                self.now[prefix] = before


class _Walk:
    """One pass over a subtree."""

    def __init__(self, nodes: NodeSet, style: Style, parts: list[str]) -> None:
        self._nodes = nodes
        self._gone = set(nodes.without)
        self._style = style
        self._inclusive = frozenset("" if one == "#default" else one for one in style.prefixes)
        self._parts = parts
        self._scope = Bindings()
        self._rendered = Bindings()
        self._open: list[tuple[str, int]] = []

    def run(self) -> None:
        apex = self._nodes.apex
        if apex in self._gone:
            return
        own = self._inherited_bindings(apex)
        walk = etree.iterwalk(apex, events=_EVENTS)
        for event, node in walk:
            if event == "start-ns":
                prefix, uri = node
                self._scope.bind(prefix, uri or "")
                own.append(prefix)
            elif event == "start":
                if node in self._gone:
                    walk.skip_subtree()
                else:
                    self._start(node, own)
                own = []
            elif event == "end-ns":
                self._scope.undo(1)
            else:
                self._finish(event, node)

    def _inherited_bindings(self, apex: Element) -> list[str]:
        parent = apex.getparent()
        if parent is None:
            return []
        for prefix, uri in parent.nsmap.items():
            self._scope.bind(prefix or "", uri or "")
        return list(self._scope.now)

    def _finish(self, event: str, node: Element) -> None:
        if event == "end":
            if node not in self._gone:
                name, bound = self._open.pop()
                self._parts.append(f"</{name}>")
                self._rendered.undo(bound)
        elif event == "pi":
            self._parts.append(_instruction(node))
        elif self._style.comments:
            self._parts.append(_comment(node))
        if node.tail and node is not self._nodes.apex:
            self._parts.append(_text(node.tail))

    def _start(self, node: Element, own: list[str]) -> None:
        local = node.tag.rpartition("}")[2]
        prefix = node.prefix
        name = f"{prefix}:{local}" if prefix else local
        used = {prefix or ""}
        attributes = self._attributes(node, used)
        shown = self._namespaces(own, used)
        self._parts.append("<" + name)
        for prefix, uri in shown:
            self._parts.append(f' xmlns:{prefix}="{_value(uri)}"' if prefix else f' xmlns="{_value(uri)}"')
        self._parts.extend(attributes)
        self._parts.append(">")
        if node.text:
            self._parts.append(_text(node.text))
        self._open.append((name, len(shown)))

    def _namespaces(self, own: list[str], used: set[str]) -> list[tuple[str, str]]:
        """The namespace nodes to write, in order. What is declared above and written there is not written again."""
        asked = used | self._inclusive.intersection(own) if self._style.exclusive else set(own)
        shown = []
        for prefix in sorted(asked):
            uri = self._scope.now.get(prefix, "")
            if prefix == "xml" or self._rendered.now.get(prefix, "") == uri:
                continue
            if uri and not _ABSOLUTE.match(uri):
                raise NotValid("algorithm.unsupported", "a relative namespace URI has no canonical form", uri[:80])
            self._rendered.bind(prefix, uri)
            shown.append((prefix, uri))
        return shown

    def _attributes(self, node: Element, used: set[str]) -> list[str]:
        """The attributes as written, in order; their prefixes are added to *used*."""
        found = []
        for position, (name, value) in enumerate(node.attrib.items(), 1):
            if name[0] != "{":
                found.append(("", name, name, value))
                continue
            uri, _, local = name[1:].partition("}")
            if uri == uris.XML:
                continue
            written = _name_at(position)(node)
            used.add(written.partition(":")[0])
            found.append((uri, local, written, value))
        for name, value in self._xml_attributes(node):
            local = name[len(_XML) :]
            found.append((uris.XML, local, f"xml:{local}", value))
        return [f' {written}="{_value(value)}"' for _, _, written, value in sorted(found)]

    def _xml_attributes(self, node: Element) -> Iterable[tuple[str, str]]:
        own = {name: value for name, value in node.attrib.items() if name.startswith(_XML)}
        if self._style.exclusive or self._nodes.document or node is not self._nodes.apex:
            return own.items()
        return (_imported_11(node, own) if self._style.second else _imported_10(node, own)).items()


def _imported_10(apex: Element, own: dict[str, str]) -> dict[str, str]:
    """C14N 1.0 §2.4: the nearest value of every attribute of the xml namespace."""
    found = dict(own)
    for ancestor in apex.iterancestors():
        for name, value in ancestor.attrib.items():
            if name.startswith(_XML):
                found.setdefault(name, value)
    return found


def _imported_11(apex: Element, own: dict[str, str]) -> dict[str, str]:
    """C14N 1.1 §2.4: xml:lang and xml:space as before, xml:base joined, xml:id and others not."""
    found = dict(own)
    bases = [own[_BASE]] if _BASE in own else []
    for ancestor in apex.iterancestors():
        for name in _SIMPLE:
            if name in ancestor.attrib:
                found.setdefault(name, ancestor.attrib[name])
        if _BASE in ancestor.attrib:
            bases.append(ancestor.attrib[_BASE])
    if len(bases) > (_BASE in own):
        base = join(bases[::-1])
        found.pop(_BASE, None)
        if base:
            found[_BASE] = base
    return found
