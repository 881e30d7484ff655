"""Namespaces, types and digests of XAdES (TS 101 903 v1.1.1 to v1.4.2, EN 319 132-1)."""

from __future__ import annotations

from typing import Final

from gateway.formats.safexml import Element
from gateway.model.verdict import NotValid
from gateway.signing.policy import Policy
from gateway.signing.xmldsig import algorithms

XADES: Final = "http://uri.etsi.org/01903/v1.3.2#"
XADES_141: Final = "http://uri.etsi.org/01903/v1.4.1#"
FORMS: Final = (XADES, "http://uri.etsi.org/01903/v1.2.2#", "http://uri.etsi.org/01903/v1.1.1#")
"""The namespaces QualifyingProperties comes in; that of 1.4.1 holds only single properties beside 1.3.2."""
ADDED: Final = (XADES_141,)

SIGNED_PROPERTIES: Final = "http://uri.etsi.org/01903#SignedProperties"
SIGNED_PROPERTIES_TYPES: Final = frozenset({SIGNED_PROPERTIES, *(f"{one}SignedProperties" for one in FORMS)})
COUNTERSIGNED: Final = "http://uri.etsi.org/01903#CountersignedSignature"


def digest_of(uri: str, content: bytes, policy: Policy, where: str) -> bytes:
    """The digest of *content* by the algorithm *uri*. Raises NotValid algorithm.unsupported, algorithm.forbidden."""
    try:
        return algorithms.digest_of(algorithms.digest_name(uri, policy), content)
    except NotValid as fault:
        fault.where = where
        raise


def space(element: Element) -> str:
    """The namespace of an element's name; "" for comments, processing instructions and names without one."""
    tag = element.tag
    return tag[1:].partition("}")[0] if isinstance(tag, str) and tag.startswith("{") else ""


def local(element: Element) -> str:
    """The local part of an element's name; "" for comments and processing instructions."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def children(parent: Element, name: str, *spaces: str) -> list[Element]:
    """The child elements called *name* in one of *spaces*."""
    return [one for one in parent if local(one) == name and space(one) in spaces]


def only(parent: Element, name: str, *spaces: str) -> Element | None:
    """The one child called *name*, None if there is none. Raises NotValid malformed: several."""
    found = children(parent, name, *spaces)
    if len(found) > 1:
        raise NotValid("malformed", "an element that may stand once is repeated", name)
    return found[0] if found else None


def text(element: Element | None) -> str:
    """The text directly in *element*, without blanks around it and without comments; "" for None."""
    if element is None:
        return ""
    return "".join((element.text or "", *(one.tail or "" for one in element))).strip()
