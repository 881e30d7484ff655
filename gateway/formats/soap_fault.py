"""SOAP faults of both versions under one set of words (SOAP 1.1 §4.4, SOAP 1.2 part 1 §5.4)."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from lxml import etree

from gateway.errors import Refusal
from gateway.formats.safexml import Element
from gateway.formats.soap import NAMESPACES, SoapEnvelope, Version, write_envelope

Side: TypeAlias = Literal["sender", "receiver", "version", "must_understand", "encoding"]

_WORDS: Final[dict[Version, dict[Side, str]]] = {
    "1.1": {
        "sender": "Client",
        "receiver": "Server",
        "version": "VersionMismatch",
        "must_understand": "MustUnderstand",
        "encoding": "Client",
    },
    "1.2": {
        "sender": "Sender",
        "receiver": "Receiver",
        "version": "VersionMismatch",
        "must_understand": "MustUnderstand",
        "encoding": "DataEncodingUnknown",
    },
}
_SIDES: Final[dict[Version, dict[str, Side]]] = {
    version: {word: side for side, word in reversed(words.items())} for version, words in _WORDS.items()
}
_XML_LANG: Final = "{http://www.w3.org/XML/1998/namespace}lang"


@dataclass(frozen=True, slots=True)
class SoapFault:
    """Why a call failed. *side*: whose fault it is. *subcode*: the finer code, plain ("ServiceFailed.MissingBody",
    after the dot in 1.1) or as `{namespace}local`. *detail*: the detail element, or None. *role*: who noticed it.
    """

    side: Side
    reason: str
    subcode: str = ""
    detail: Element | None = None
    role: str = ""
    language: str = "en"


def read_fault(envelope: SoapEnvelope) -> SoapFault:
    """The fault in *envelope*. Raises Refusal soap.envelope if there is none or it has no code or reason."""
    if not envelope.is_fault:
        raise Refusal("soap.envelope", "/Envelope/Body", "no Fault")
    fault = envelope.body[0]
    return _read_11(fault) if envelope.version == "1.1" else _read_12(fault)


def _read_11(fault: Element) -> SoapFault:
    found = {str(child.tag): child for child in fault.iterchildren(etree.Element)}
    space, local = _qname(found["faultcode"])
    word, _, finer = local.partition(".")
    own = space in ("", NAMESPACES["1.1"])
    side = _SIDES["1.1"].get(word, "receiver") if own else "receiver"
    plain = finer if word in _SIDES["1.1"] else local
    return SoapFault(
        side=side,
        reason=_text(found["faultstring"]),
        subcode=plain if own else f"{{{space}}}{local}",
        detail=found.get("detail"),
        role=_text(found["faultactor"]) if "faultactor" in found else "",
        language=found["faultstring"].get(_XML_LANG, "en"),
    )


def _read_12(fault: Element) -> SoapFault:
    space = f"{{{NAMESPACES['1.2']}}}"
    value = fault.find(f"{space}Code/{space}Value")
    reason = fault.find(f"{space}Reason/{space}Text")
    if value is None or reason is None:
        raise Refusal("soap.envelope", "/Envelope/Body/Fault", "no Code/Value or no Reason/Text")
    uri, word = _qname(value)
    side = _SIDES["1.2"].get(word)
    if uri != NAMESPACES["1.2"] or side is None:
        raise Refusal("soap.envelope", "/Envelope/Body/Fault/Code", "not a code of SOAP 1.2")
    finer = fault.find(f"{space}Code/{space}Subcode/{space}Value")
    role = fault.find(f"{space}Role")
    return SoapFault(
        side=side,
        reason=_text(reason),
        subcode=_clark(finer) if finer is not None else "",
        detail=fault.find(f"{space}Detail"),
        role=_text(role) if role is not None else "",
        language=reason.get(_XML_LANG, "en"),
    )


def write_fault(version: Version, fault: SoapFault) -> bytes:
    """An envelope that carries *fault*; the children of its detail are copied into the version's own element."""
    element = etree.Element(f"{{{NAMESPACES[version]}}}Fault", nsmap={"soap": NAMESPACES[version]})
    (_write_11 if version == "1.1" else _write_12)(element, fault)
    return write_envelope(version, [element])


def _write_11(element: Element, fault: SoapFault) -> None:
    code = etree.QName(fault.subcode) if fault.subcode.startswith("{") else None
    if code is not None:
        child = etree.SubElement(element, "faultcode", nsmap={"code": code.namespace})
        child.text = f"code:{code.localname}"
    else:
        word = f"soap:{_WORDS['1.1'][fault.side]}"
        etree.SubElement(element, "faultcode").text = f"{word}.{fault.subcode}" if fault.subcode else word
    reason = etree.SubElement(element, "faultstring")
    reason.text = fault.reason
    reason.set(_XML_LANG, fault.language)
    if fault.role:
        etree.SubElement(element, "faultactor").text = fault.role
    if fault.detail is not None:
        etree.SubElement(element, "detail").extend(_copies(fault.detail))


def _write_12(element: Element, fault: SoapFault) -> None:
    space = f"{{{NAMESPACES['1.2']}}}"
    code = etree.SubElement(element, f"{space}Code")
    etree.SubElement(code, f"{space}Value").text = f"soap:{_WORDS['1.2'][fault.side]}"
    if fault.subcode:
        name = etree.QName(fault.subcode)
        nsmap = {"code": name.namespace} if name.namespace else None
        value = etree.SubElement(etree.SubElement(code, f"{space}Subcode"), f"{space}Value", nsmap=nsmap)
        value.text = f"code:{name.localname}" if name.namespace else name.localname
    reason = etree.SubElement(etree.SubElement(element, f"{space}Reason"), f"{space}Text")
    reason.text = fault.reason
    reason.set(_XML_LANG, fault.language)
    if fault.role:
        etree.SubElement(element, f"{space}Role").text = fault.role
    if fault.detail is not None:
        etree.SubElement(element, f"{space}Detail").extend(_copies(fault.detail))


def _copies(detail: Element) -> list[Element]:
    return [deepcopy(child) for child in detail.iterchildren(etree.Element)]


def _qname(element: Element) -> tuple[str, str]:
    """Namespace and local name of a QName in an element's text; an unknown prefix gives no namespace."""
    prefix, colon, local = _text(element).rpartition(":")
    return (element.nsmap.get(prefix) if colon else element.nsmap.get(None)) or "", local


def _clark(element: Element) -> str:
    space, local = _qname(element)
    return f"{{{space}}}{local}" if space else local


def _text(element: Element) -> str:
    return "".join(element.itertext()).strip()
