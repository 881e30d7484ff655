"""SOAP 1.1 and 1.2 messages read and written: envelope, header blocks, body, faults, attachments (SwA), MTOM/XOP.

Sources: SOAP 1.1 (W3C Note 8 May 2000), SOAP 1.2 part 1 (2nd ed.) §5, WS-I Basic Profile 1.1 (R1011, R1013, R1014),
SOAP Messages with Attachments (W3C Note 11 Dec 2000), XML-binary Optimized Packaging (W3C 25 Jan 2005).
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from lxml import etree

from gateway.errors import Refusal
from gateway.formats import safexml
from gateway.formats.mime import MAX_BYTES, MediaType, Part, Related, media_type, parse_related, split_file
from gateway.formats.safexml import Element

Version: TypeAlias = Literal["1.1", "1.2"]

SOAP_11: Final = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_12: Final = "http://www.w3.org/2003/05/soap-envelope"
NAMESPACES: Final[dict[Version, str]] = {"1.1": SOAP_11, "1.2": SOAP_12}
MEDIA_TYPES: Final[dict[Version, str]] = {"1.1": "text/xml", "1.2": "application/soap+xml"}
ULTIMATE: Final = f"{SOAP_12}/role/ultimateReceiver"
NEXT: Final = frozenset({"http://schemas.xmlsoap.org/soap/actor/next", f"{SOAP_12}/role/next"})

_VERSIONS: Final[dict[str, Version]] = {uri: version for version, uri in NAMESPACES.items()}
_FLAGS: Final[dict[Version, dict[str, bool]]] = {
    "1.1": {"0": False, "1": True},
    "1.2": {"0": False, "1": True, "false": False, "true": True},
}
_XOP: Final = "{http://www.w3.org/2004/08/xop/include}Include"
_CHARSETS: Final = frozenset({"", "utf-8", "utf-16", "us-ascii"})
_XOP_TYPE: Final = "application/xop+xml"


@dataclass(frozen=True, slots=True)
class HeaderBlock:
    """One child of Header. *role*: who must look at it, "" for the ultimate receiver (1.1 calls it actor)."""

    element: Element
    must_understand: bool
    role: str

    @property
    def name(self) -> str:
        """`{namespace}local`."""
        return str(self.element.tag)


@dataclass(frozen=True, slots=True)
class SoapEnvelope:
    """A well-formed envelope: header *blocks* and the child elements of its *body*, both in order."""

    version: Version
    root: Element
    blocks: tuple[HeaderBlock, ...]
    body: tuple[Element, ...]

    @property
    def body_element(self) -> Element:
        """The Body itself."""
        return next(self.root.iterchildren(f"{{{NAMESPACES[self.version]}}}Body"))

    @property
    def is_fault(self) -> bool:
        """Whether the body holds a Fault and nothing else."""
        return [child.tag for child in self.body] == [f"{{{NAMESPACES[self.version]}}}Fault"]


@dataclass(frozen=True, slots=True)
class SoapMessage:
    """An envelope as it came over the wire, with its attachments (none without MIME)."""

    envelope: SoapEnvelope
    related: Related | None = None

    @property
    def attachments(self) -> tuple[Part, ...]:
        """The parts beside the envelope."""
        return self.related.parts if self.related else ()


def parse(raw: bytes, *, max_bytes: int = safexml.MAX_BYTES) -> SoapEnvelope:
    """The envelope of :func:`parse_soap`."""
    return parse_soap(raw, max_bytes=max_bytes).envelope


def parse_soap(raw: bytes, *, max_bytes: int = safexml.MAX_BYTES) -> SoapMessage:
    """Read a SOAP message in a file: an envelope, or MIME headers and a multipart/related body.

    Raises Refusal soap.*, xml.*, limit.body; never anything else.
    """
    found = split_file(raw)
    return read_message(*found, max_bytes=max_bytes) if found else SoapMessage(_parsed(raw, max_bytes))


def read_message(content_type: str, body: bytes, *, max_bytes: int = MAX_BYTES) -> SoapMessage:
    """Read an HTTP body by its Content-Type: an envelope, SOAP with Attachments, or MTOM (XOP undone).

    Raises Refusal soap.*, xml.*, limit.body; never anything else.
    """
    media = media_type(content_type)
    if media.name in MEDIA_TYPES.values():
        return SoapMessage(_checked(_parsed(body, max_bytes), media))
    related = parse_related(content_type, body, max_bytes=max_bytes)
    root = related.root.media
    kind = media_type(root.parameter("type")) if root.name == _XOP_TYPE else root
    tree = safexml.parse(related.root.content).root
    if root.name == _XOP_TYPE:
        inline(tree, related, max_bytes=max_bytes)
    return SoapMessage(_checked(read_envelope(tree), kind), related)


def _parsed(raw: bytes, max_bytes: int) -> SoapEnvelope:
    return read_envelope(safexml.parse(raw, max_bytes=max_bytes).root)


def _checked(envelope: SoapEnvelope, media: MediaType) -> SoapEnvelope:
    if media.name != MEDIA_TYPES[envelope.version]:
        raise Refusal("soap.version", "Content-Type", f"{media.name[:60]} does not carry SOAP {envelope.version}")
    if media.parameter("charset").lower() not in _CHARSETS:
        raise Refusal("xml.encoding", "Content-Type", "neither UTF-8 nor UTF-16")
    return envelope


def read_envelope(root: Element) -> SoapEnvelope:
    """The envelope in a parsed document. Raises Refusal soap.version or soap.envelope."""
    name = etree.QName(root)
    version = _VERSIONS.get(name.namespace or "")
    if name.localname != "Envelope" or version is None:
        raise Refusal("soap.version", _place(root), "the root is no SOAP 1.1 or 1.2 Envelope")
    _no_instructions(root)
    space = f"{{{name.namespace}}}"
    children = _elements_only(root)
    if [child.tag for child in children] not in ([f"{space}Body"], [f"{space}Header", f"{space}Body"]):
        raise Refusal("soap.envelope", _place(root), "not an optional Header and then one Body")
    for part in (root, *children):
        _attributes(part, space, version)
    blocks = tuple(_block(child, space, version) for child in _elements_only(children[0])) if children[1:] else ()
    content = tuple(_elements_only(children[-1]))
    _check_fault(content, space, version)
    return SoapEnvelope(version, root, blocks, content)


def _no_instructions(root: Element) -> None:
    """Processing instructions may not occur anywhere (1.1 §3, 1.2 §5)."""
    beside = [*root.itersiblings(preceding=True), *root.itersiblings()]
    if any(node.tag is etree.ProcessingInstruction for node in beside) or next(root.iter(etree.PI), None) is not None:
        raise Refusal("soap.envelope", _place(root), "a processing instruction")


def _elements_only(parent: Element) -> list[Element]:
    texts = [parent.text, *(child.tail for child in parent)]
    if any(text and text.strip(" \t\r\n") for text in texts):
        raise Refusal("soap.envelope", _place(parent), "text between elements")
    return list(parent.iterchildren(etree.Element))


def _attributes(part: Element, space: str, version: Version) -> None:
    names = [str(name) for name in part.attrib]
    local = etree.QName(part).localname
    if version == "1.2" and f"{space}encodingStyle" in names:
        raise Refusal("soap.envelope", _place(part), "encodingStyle is not allowed here")
    if local == "Envelope" and any(not name.startswith("{") for name in names):
        raise Refusal("soap.envelope", _place(part), "an attribute without namespace")


def _block(element: Element, space: str, version: Version) -> HeaderBlock:
    if not etree.QName(element).namespace:
        raise Refusal("soap.envelope", _place(element), "a header block without namespace")
    flag = _FLAGS[version].get(element.get(f"{space}mustUnderstand", "0").strip(" \t\r\n"))
    if flag is None:
        raise Refusal("soap.envelope", _place(element), "mustUnderstand has an unknown value")
    role = element.get(f"{space}{'actor' if version == '1.1' else 'role'}", "").strip(" \t\r\n")
    return HeaderBlock(element, flag, "" if version == "1.2" and role == ULTIMATE else role)


def _check_fault(content: Sequence[Element], space: str, version: Version) -> None:
    """A fault stands alone and begins with code and reason (1.1 §4.4, 1.2 §5.4)."""
    fault = next((child for child in content if child.tag == f"{space}Fault"), None)
    if fault is None:
        return
    if len(content) != 1:
        raise Refusal("soap.envelope", _place(fault), "a Fault stands alone in the Body")
    wanted = ["faultcode", "faultstring"] if version == "1.1" else [f"{space}Code", f"{space}Reason"]
    if [child.tag for child in fault.iterchildren(etree.Element)][:2] != wanted:
        raise Refusal("soap.envelope", _place(fault), f"a Fault begins with {wanted[0]} and {wanted[1]}")


def _place(element: Element) -> str:
    return f"{element.sourceline}:1"


def require_understood(
    envelope: SoapEnvelope, understood: Collection[str], *, roles: Collection[str] = frozenset()
) -> None:
    """Refuse a mandatory header block for us that nobody here understands (1.1 §4.2.3, 1.2 §2.4).

    *understood*: names as `{namespace}local`. *roles*: roles we act in beside "next" and the ultimate receiver.
    """
    for block in envelope.blocks:
        ours = not block.role or block.role in NEXT or block.role in roles
        if block.must_understand and ours and block.name not in understood:
            raise Refusal("soap.must_understand", block.name[:200], "mandatory and not understood")


def inline(root: Element, related: Related, *, max_bytes: int = MAX_BYTES) -> None:
    """Put the parts that xop:Include names back in their places as Base64 text (XOP §3.2), in place."""
    total = 0
    for include in list(root.iter(_XOP)):
        parent = include.getparent()
        part = related.by_cid(include.get("href", ""))
        if parent is None or part is None:
            raise Refusal("soap.mime", "xop:Include", "names no part")
        if len(parent) != 1 or (parent.text or "").strip() or (include.tail or "").strip():
            raise Refusal("soap.mime", "xop:Include", "is not alone in its element")
        total += len(part.content)
        if total > max_bytes:
            raise Refusal("limit.body", "xop:Include", f"more than {max_bytes} bytes together")
        parent.remove(include)
        parent.text = base64.b64encode(part.content).decode("ascii")


def write_envelope(
    version: Version, content: Sequence[Element], *, headers: Sequence[Element] = (), prefix: str = "soap"
) -> bytes:
    """An envelope in UTF-8 with copies of *headers* and of *content* in its body."""
    space = NAMESPACES[version]
    root = etree.Element(f"{{{space}}}Envelope", nsmap={prefix: space})
    if headers:
        etree.SubElement(root, f"{{{space}}}Header").extend(deepcopy(list(headers)))
    etree.SubElement(root, f"{{{space}}}Body").extend(deepcopy(list(content)))
    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True))
