"""The XPath transforms, as far as they select a subtree without some subtrees; anything else is `unsupported`.

No expression is ever handed to an XPath engine: the few forms that signatures use are recognised, each costs one pass.
Sources: XMLDSig 1.1 §6.6.3 (XPath, here()), XPath Filter 2.0 §3.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from gateway.formats.safexml import Element
from gateway.model.verdict import NotValid
from gateway.signing.xmldsig import uris
from gateway.signing.xmldsig.ids import Ids
from gateway.signing.xmldsig.model import NodeSet
from gateway.signing.xmldsig.shape import children, text_of

_NAME: Final = r"((?:[A-Za-z_][\w.\-]*:)?[A-Za-z_][\w.\-]*)"
_ABOVE: Final = re.compile(rf"(?:ancestor-or-self::{_NAME}|\(ancestor-or-self::{_NAME}\))")
_BY_PARTS: Final = re.compile(
    r"""ancestor-or-self::\*\[local-name\(\)=["']([^"']+)["']and namespace-uri\(\)=["']([^"']+)["']\]"""
)
_LEFT_OUT: Final = re.compile(r"not\((.+)\)")
_SIZES: Final = re.compile(
    rf"count\(ancestor-or-self::{_NAME}\|here\(\)/ancestor::{_NAME}\[1\]\)>count\(ancestor-or-self::{_NAME}\)"
)
_ANYWHERE: Final = re.compile(rf"(?://|/descendant::|/descendant-or-self::){_NAME}")
_HERE: Final = re.compile(rf"here\(\)/ancestor::{_NAME}(?:\[1\])?")
_ID: Final = re.compile(r"""id\(["']([^"'()]+)["']\)""")
_STEPS: Final = re.compile(rf"(?:/{_NAME})+")
_SPACED: Final = re.compile(r"\s*(::|[()\[\]/|<>=,])\s*")
_FILTER: Final = f"{{{uris.XPATH_FILTER}}}XPath"
_SIGNATURE: Final = uris.ds("Signature")


def xpath(transform: Element, nodes: NodeSet, signature: Element, *, signatures_only: bool) -> NodeSet:
    """*nodes* filtered by the XPath of *transform*. *signatures_only* takes no other names than ds:Signature.

    Raises NotValid algorithm.unsupported: any other expression.
    """
    inside = children(transform)
    if len(inside) != 1 or inside[0].tag != uris.ds("XPath"):
        raise NotValid("malformed", "not one XPath", "ds:Transform")
    element = inside[0]
    expression = _plain(text_of(element))
    if sizes := _SIZES.fullmatch(expression):
        if any(_expanded(one, element) != _SIGNATURE for one in sizes.groups()):
            raise _unsupported(expression)
        return without(nodes, (signature,))
    if expression == "self::text()" and not signatures_only:
        return replace(nodes, texts_only=True)
    return _by_names(nodes, expression, element, signatures_only=signatures_only)


def _by_names(nodes: NodeSet, expression: str, element: Element, *, signatures_only: bool) -> NodeSet:
    """`not(ancestor-or-self::name)`, several of them joined by `and`, or `ancestor-or-self::name`."""
    for term in expression.split(" and ") if "[" not in expression else [expression]:
        negated = _LEFT_OUT.fullmatch(term)
        name = _tested(negated[1] if negated else term, element)
        if name is None or (signatures_only and (not negated or name != _SIGNATURE)):
            raise _unsupported(expression)
        above = [one for one in (nodes.apex, *nodes.apex.iterancestors()) if one.tag == name]
        if negated:
            nodes = without(nodes, [nodes.apex] if above else nodes.apex.iter(name))
        elif not above:
            nodes = only(nodes, nodes.apex.iter(name), expression)
        elif nodes.document:
            # Nothing outside the root has the root above it.
            nodes = replace(nodes, document=False)
    return nodes


def _tested(term: str, element: Element) -> str | None:
    """The Clark name that `ancestor-or-self::…` asks for."""
    if by_parts := _BY_PARTS.fullmatch(term):
        return f"{{{by_parts[2]}}}{by_parts[1]}"
    found = _ABOVE.fullmatch(term)
    return _expanded(found[1] or found[2], element) if found else None


def filter_2(transform: Element, nodes: NodeSet, signature: Element, ids: Ids, *, signatures_only: bool) -> NodeSet:
    """*nodes* after the operations of XPath Filter 2.0, in order. Raises NotValid algorithm.unsupported, malformed."""
    found = children(transform)
    if not found or any(one.tag != _FILTER for one in found):
        raise NotValid("malformed", "not XPath filters", "ds:Transform")
    for one in found:
        operation, expression = one.get("Filter"), _plain(text_of(one))
        chosen = _chosen(expression, one, nodes, signature, ids)
        if signatures_only and (operation != "subtract" or any(each.tag != _SIGNATURE for each in chosen)):
            raise _unsupported(expression)
        if operation == "subtract":
            above = {nodes.apex, *nodes.apex.iterancestors()}
            nodes = without(nodes, [nodes.apex] if above.intersection(chosen) else chosen)
        elif operation == "intersect" and expression != "/":
            nodes = only(nodes, chosen, expression)
        elif operation != "intersect":
            raise _unsupported(f"{operation} {expression}")
    return nodes


def _chosen(expression: str, element: Element, nodes: NodeSet, signature: Element, ids: Ids) -> list[Element]:
    """The elements that an expression of the known forms selects; "/" is the root."""
    root = nodes.apex.getroottree().getroot()
    if expression == "/":
        return [root]
    if found := _ANYWHERE.fullmatch(expression):
        return list(root.iter(_expanded(found[1], element)))
    if (found := _HERE.fullmatch(expression)) and _expanded(found[1], element) == _SIGNATURE:
        return [signature]
    if found := _ID.fullmatch(expression):
        return [ids.element(found[1])]
    if _STEPS.fullmatch(expression):
        first, *rest = [_expanded(step, element) for step in expression[1:].split("/")]
        chosen = [root] if root.tag == first else []
        for name in rest:
            chosen = [child for one in chosen for child in one.iterchildren(name)]
        return chosen
    raise _unsupported(expression)


def without(nodes: NodeSet, elements: Iterable[Element]) -> NodeSet:
    """*nodes* less the *elements* with all they hold; those outside change nothing."""
    gone = dict.fromkeys((*nodes.without, *elements))
    return replace(nodes, without=tuple(gone))


def only(nodes: NodeSet, elements: Iterable[Element], expression: str) -> NodeSet:
    """The one subtree of *nodes* under *elements*. Raises NotValid algorithm.unsupported if there are several."""
    chosen = set(elements)
    above = {nodes.apex, *nodes.apex.iterancestors()}
    if above & chosen:
        return nodes if nodes.apex.getparent() is not None else replace(nodes, document=False)
    tops = [one for one in chosen if not any(up in chosen for up in one.iterancestors())]
    inside = [one for one in tops if any(up is nodes.apex for up in one.iterancestors())]
    if len(inside) != 1:
        raise _unsupported(expression)
    kept = tuple(one for one in nodes.without if one is not inside[0])
    if len(kept) != len(nodes.without) or any(up in kept for up in inside[0].iterancestors()):
        raise _unsupported(expression)
    return replace(nodes, apex=inside[0], document=False)


def _plain(expression: str) -> str:
    """Without white space that means nothing."""
    return _SPACED.sub(r"\1", " ".join(expression.split()))


def _expanded(name: str, element: Element) -> str:
    """The Clark name of a QName by the declarations in force at *element* (no default namespace in XPath 1.0)."""
    prefix, _, local = name.rpartition(":")
    if not prefix:
        return local
    uri = element.nsmap.get(prefix)
    if uri is None:
        raise NotValid("malformed", "a prefix of an XPath is not declared", prefix[:40])
    return f"{{{uri}}}{local}"


def _unsupported(expression: str) -> NotValid:
    return NotValid("algorithm.unsupported", "this XPath is not evaluated", expression[:120])
