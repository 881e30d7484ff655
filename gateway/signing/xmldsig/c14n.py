"""Canonical XML: 1.0, 1.1 and exclusive, with and without comments, of a document or a part of it.

`canonical` lets libxml2 write where it is exact and quick, and `c14n_writer` everywhere else; the tests hold the two
against each other.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Final

from lxml import etree

from gateway.formats.safexml import Element
from gateway.model.verdict import NotValid
from gateway.signing.xmldsig import uris
from gateway.signing.xmldsig.c14n_writer import Bindings, Style, after_root, before_root, write
from gateway.signing.xmldsig.model import Canonical, NodeSet

_MAX_IN_SCOPE: Final = 24
"""Namespaces in scope at once up to which libxml2's effort for each element stays small (it grows with the square)."""


def canonical(nodes: NodeSet, form: Canonical) -> bytes:
    """The octets of *nodes* in *form*; comments only where both have them. The tree is not changed.

    Raises NotValid algorithm.unsupported: unknown form, or a relative namespace URI (C14N §1.3).
    """
    style = style_of(form, comments=nodes.comments)
    if is_plain(nodes, style):
        try:
            return _quick(nodes, style)
        except etree.LxmlError:
            pass  # The writer decides whether it is a relative namespace URI, and says so.
    return write(nodes, style)


def style_of(form: Canonical, *, comments: bool) -> Style:
    """What *form* asks for. Raises NotValid algorithm.unsupported."""
    if form.uri not in uris.CANONICAL_FORMS:
        raise NotValid("algorithm.unsupported", "not a form of Canonical XML", form.uri[:120])
    exclusive = form.uri.startswith(uris.EXC_C14N)
    return Style(
        exclusive=exclusive,
        second=form.uri.startswith(uris.C14N_11),
        comments=comments and form.uri.endswith(uris.COMMENTS),
        prefixes=frozenset(form.prefixes) if exclusive else frozenset(),
    )


def is_plain(nodes: NodeSet, style: Style) -> bool:
    """Whether libxml2 writes *nodes* exactly as the Recommendation says, in time linear to their size."""
    if nodes.texts_only or any(one is nodes.apex for one in nodes.without):
        return False
    if style.prefixes & {"", "#default"}:
        return False  # lxml drops a prefix that is no name in the document
    if not style.exclusive and not _is_alone(nodes.apex):
        return False
    return _are_simple(nodes.apex, repeats=style.exclusive)


def _is_alone(apex: Element) -> bool:
    """Whether *apex* is a whole document. lxml hands libxml2 anything else as a makeshift document, and then inclusive
    forms come out with namespaces declared twice here and there.
    """
    return apex.getparent() is None and apex.getprevious() is None and apex.getnext() is None


def _are_simple(apex: Element, *, repeats: bool) -> bool:
    """Whether the namespaces of *apex* are few at any place, and, unless *repeats* matter nothing, none is declared
    again where it already holds: there libxml2 sometimes writes it twice in inclusive forms.
    """
    parent = apex.getparent()
    scope = Bindings()
    for prefix, uri in () if parent is None else parent.nsmap.items():
        scope.bind(prefix or "", uri or "")
    for event, declared in etree.iterwalk(apex, events=("start-ns", "end-ns")):
        if event == "end-ns":
            scope.undo(1)
            continue
        prefix, uri = declared
        if not repeats and scope.now.get(prefix, "") == (uri or ""):
            return False
        scope.bind(prefix, uri or "")
        if len(scope.now) > _MAX_IN_SCOPE:
            return False
    return True


def _quick(nodes: NodeSet, style: Style) -> bytes:
    apex = _without(nodes) if nodes.without else nodes.apex
    written: Any = etree.tostring(
        apex,
        method="c14n",
        exclusive=style.exclusive,
        with_comments=style.comments,
        inclusive_ns_prefixes=sorted(style.prefixes) or None,
    )
    if not nodes.document:
        return bytes(written)
    # Not libxml2's own way with a document: a copied one has what follows the root in another order.
    return before_root(nodes, style) + bytes(written) + after_root(nodes, style)


def _without(nodes: NodeSet) -> Element:
    """The apex in a copy of its whole document that lacks the elements left out."""
    tree = nodes.apex.getroottree()
    copy = deepcopy(tree).getroot()
    apex = _at(copy, _steps(nodes.apex))
    gone = [_at(copy, _steps(one)) for one in nodes.without if _is_below(one, nodes.apex)]
    for one in gone:
        _cut(one)
    return apex


def _is_below(one: Element, apex: Element) -> bool:
    return any(ancestor is apex for ancestor in one.iterancestors())


def _steps(element: Element) -> list[int]:
    """The positions to go down from the root to *element*."""
    steps = []
    parent = element.getparent()
    while parent is not None:
        steps.append(parent.index(element))
        element, parent = parent, parent.getparent()
    return steps[::-1]


def _at(root: Element, steps: list[int]) -> Element:
    for step in steps:
        root = root[step]
    return root


def _cut(one: Element) -> None:
    """Take *one* out; the text behind it stays."""
    parent = one.getparent()
    if parent is None:
        return
    before = one.getprevious()
    if before is not None:
        before.tail = (before.tail or "") + (one.tail or "")
    else:
        parent.text = (parent.text or "") + (one.tail or "")
    parent.remove(one)
