"""Where a signature's qualifying properties stand, and that exactly these were signed (EN 319 132-1 §4.3, §4.4)."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.errors import Refusal
from gateway.formats import safexml
from gateway.formats.safexml import Element
from gateway.model.verdict import NotValid
from gateway.signing.xades.names import FORMS, SIGNED_PROPERTIES_TYPES, children, local, only, space
from gateway.signing.xmldsig import VerifiedReference, VerifiedSignature

_WHERE = "QualifyingProperties"


@dataclass(frozen=True, slots=True)
class Properties:
    """*signed* was parsed anew from the very octets that were digested; *unsigned* (None: none) is anybody's word.

    *form* is the namespace both are in, *reference* the one that covers *signed*.
    """

    form: str
    signed: Element
    unsigned: Element | None
    reference: VerifiedReference


def qualifying(signature: Element, objects: tuple[Element, ...]) -> Element | None:
    """The QualifyingProperties of *signature*: a child of one of its own ds:Object elements, None if there is none.

    Raises NotValid signature.properties (several, or aimed at another signature), algorithm.unsupported (kept in
    another document).
    """
    found = [child for one in objects for child in one if space(child) in FORMS and local(child) == _WHERE]
    if any(children(one, "QualifyingPropertiesReference", *FORMS) for one in objects):
        raise NotValid("algorithm.unsupported", "qualifying properties in another document", _WHERE)
    if len(found) > 1:
        raise NotValid("signature.properties", "more than one QualifyingProperties", _WHERE)
    if found:
        _check_target(signature, found[0])
    return found[0] if found else None


def _check_target(signature: Element, element: Element) -> None:
    target, name = element.get("Target"), signature.get("Id")
    if target is None and space(element) == FORMS[-1]:
        return  # v1.1.1 leaves the attribute to the writer.
    if not name or target != f"#{name}":
        raise NotValid("signature.properties", "Target is not this signature", _WHERE)


def read_properties(verified: VerifiedSignature) -> Properties:
    """The properties of *verified*. Raises NotValid signature.properties: none, or not covered as they must be."""
    element = qualifying(verified.element, verified.objects)
    if element is None:
        raise NotValid("signature.properties", "the signature has no qualifying properties", _WHERE)
    form = space(element)
    signed, unsigned = _once(element, "SignedProperties", form), _once(element, "UnsignedProperties", form)
    if signed is None:
        raise NotValid("signature.properties", "no SignedProperties", _WHERE)
    reference = _covering(verified, signed)
    return Properties(form, _reparsed(reference.content, signed), unsigned, reference)


def _once(parent: Element, name: str, form: str) -> Element | None:
    try:
        return only(parent, name, form)
    except NotValid as fault:
        raise NotValid("signature.properties", f"more than one {name}", _WHERE) from fault


def _covering(verified: VerifiedSignature, signed: Element) -> VerifiedReference:
    """The one reference with the Type of §4.4.2; it covers *signed* as a whole and nothing else."""
    typed = [one for one in verified.references if one.type in SIGNED_PROPERTIES_TYPES]
    if len(typed) != 1:
        raise NotValid("signature.properties", f"{len(typed)} references of the type SignedProperties", "SignedInfo")
    found = typed[0]
    if found.element is not signed or not found.whole or found.left_out:
        raise NotValid("signature.properties", "the reference does not cover the SignedProperties", "SignedInfo")
    return found


def _reparsed(content: bytes, signed: Element) -> Element:
    try:
        root = safexml.parse(content).root
    except Refusal as fault:
        raise NotValid(
            "signature.properties", "the signed octets are not the properties", "SignedProperties"
        ) from fault
    if root.tag != signed.tag:
        raise NotValid("signature.properties", "the signed octets are not the properties", "SignedProperties")
    return root
