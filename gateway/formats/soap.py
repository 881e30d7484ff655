"""The one way into a SOAP envelope: bytes of a stranger in, header blocks and body or a Refusal out.

SOAP 1.1 (W3C Note 2000-05-08) §4 and SOAP 1.2 Part 1 (W3C Recommendation, 2nd ed.) §5. Where 1.1 is loose, WS-I Basic
Profile 1.1 §3 decides: nothing follows the body.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from lxml import etree

from gateway.errors import Refusal
from gateway.formats import safexml
from gateway.formats.safexml import Element

SOAP_11: Final = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_12: Final = "http://www.w3.org/2003/05/soap-envelope"

Version = Literal["1.1", "1.2"]
_VERSIONS: Final[dict[str, Version]] = {SOAP_11: "1.1", SOAP_12: "1.2"}
_TRUTHS: Final[dict[Version, dict[str, bool]]] = {
    "1.1": {"1": True, "0": False},
    "1.2": {"true": True, "1": True, "false": False, "0": False},
}


@dataclass(frozen=True, slots=True)
class HeaderBlock:
    """One block of the header. *role* is the actor (1.1) or role (1.2) it is meant for, "" for the last receiver."""

    element: Element
    role: str
    must_understand: bool


@dataclass(frozen=True, slots=True)
class Envelope:
    """A SOAP message without attachments. *body* holds the body's child elements in order."""

    version: Version
    blocks: tuple[HeaderBlock, ...]
    body: tuple[Element, ...]


def parse(raw: bytes, *, max_bytes: int = safexml.MAX_BYTES) -> Envelope:
    """Read one envelope.

    Raises Refusal: everything of :func:`gateway.formats.safexml.parse`; soap.version (neither 1.1 nor 1.2);
    soap.envelope (parts missing, twice, in the wrong order or not qualified; processing instructions).
    """
    root = safexml.parse(raw, max_bytes=max_bytes).root
    name = etree.QName(root)
    version = _VERSIONS.get(name.namespace or "")
    if name.localname != "Envelope" or version is None:
        raise Refusal("soap.version", _place(root), "the root is no SOAP 1.1 or 1.2 Envelope")
    _refuse_instructions(root)
    header, body = _parts(root, name.namespace)
    blocks = tuple(_block(child, name.namespace, version) for child in _elements(header)) if header is not None else ()
    content = tuple(_elements(body))
    _check_fault(body, content, name.namespace, version)
    return Envelope(version, blocks, content)


def _refuse_instructions(root: Element) -> None:
    """1.1 §3, 1.2 §5: a message holds no processing instruction, not even beside the envelope."""
    beside = [*root.itersiblings(preceding=True), *root.itersiblings()]
    inside = next(root.iter(etree.ProcessingInstruction), None)
    if inside is not None or any(node.tag is etree.ProcessingInstruction for node in beside):
        raise Refusal("soap.envelope", "", "a processing instruction")


def _parts(root: Element, namespace: str | None) -> tuple[Element | None, Element]:
    """Header, if there is one, and body; nothing else."""
    _refuse_text(root)
    names = [child.tag for child in _elements(root)]
    header, body = f"{{{namespace}}}Header", f"{{{namespace}}}Body"
    if names not in ([body], [header, body]):
        raise Refusal("soap.envelope", _place(root), "an envelope is an optional Header and one Body")
    children = list(_elements(root))
    return (children[0] if len(children) == 2 else None), children[-1]


def _block(element: Element, namespace: str | None, version: Version) -> HeaderBlock:
    if not etree.QName(element).namespace:
        raise Refusal("soap.envelope", _place(element), "a header block without namespace")
    said = element.get(f"{{{namespace}}}mustUnderstand", "0").strip()
    truth = _TRUTHS[version].get(said)
    if truth is None:
        raise Refusal("soap.envelope", _place(element), "mustUnderstand is no truth value")
    role = element.get(f"{{{namespace}}}{'actor' if version == '1.1' else 'role'}", "")
    return HeaderBlock(element, role, truth)


def _check_fault(body: Element, content: tuple[Element, ...], namespace: str | None, version: Version) -> None:
    """1.1 §4.4, 1.2 §5.4: a fault stands alone and says code and reason."""
    _refuse_text(body)
    faults = [child for child in content if child.tag == f"{{{namespace}}}Fault"]
    if not faults:
        return
    if len(content) != 1:
        raise Refusal("soap.envelope", _place(body), "a Fault stands alone in the Body")
    said = [child.tag for child in _elements(faults[0])]
    wanted = ["faultcode", "faultstring"] if version == "1.1" else [f"{{{namespace}}}Code", f"{{{namespace}}}Reason"]
    if said[:2] != wanted:
        raise Refusal("soap.envelope", _place(faults[0]), f"a Fault begins with {wanted[0]} and {wanted[1]}")


def _elements(parent: Element) -> list[Element]:
    return [child for child in parent if isinstance(child.tag, str)]


def _refuse_text(parent: Element) -> None:
    texts = [parent.text or "", *(child.tail or "" for child in parent)]
    if any(text.strip(" \t\r\n") for text in texts):
        raise Refusal("soap.envelope", _place(parent), "text between the parts")


def _place(element: Element) -> str:
    return f"{element.sourceline}:1"
