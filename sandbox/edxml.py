"""Reading edXML as the simulated systems do: by local name, forgiving, with a parser that cannot be attacked."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from sandbox.xmltext import NAMESPACE
from sandbox.zipping import unwrap


class NotEdxml(ValueError):
    """The bytes are no edXML document; the text says where."""


@dataclass(frozen=True, slots=True)
class Organ:
    """An organisation as written in From or To."""

    code: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class File:
    """One attachment: `content` is the file itself, with the transport ZIP taken off."""

    name: str
    content_type: str
    content: bytes

    @property
    def sha256(self) -> str:
        """Lower-case hex digest of the content."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True, slots=True)
class Reference:
    """ResponseFor: which document a status (or an answer) is about."""

    organ_id: str
    code: str
    document_id: str
    promulgated: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a reader sees of an edXML file; a status has a `status_code`, a document none."""

    sender: Organ
    recipients: tuple[Organ, ...]
    document_id: str
    number: str
    notation: str
    promulgated: str
    type_name: str
    subject: str
    priority: str
    business_type: str
    files: tuple[File, ...]
    response_for: Reference | None
    status_code: str
    description: str
    timestamp: str

    @property
    def is_status(self) -> bool:
        """Statuses are told from documents by their content (reference §4)."""
        return bool(self.status_code)

    def identity(self) -> tuple[str, ...]:
        """Key by which a receiving system recognises the same document or status again.

        The subject belongs to it, because two updates of one document often carry the same files; a status has its
        addressee, because a 13 goes to each receiver of the document in the same second.
        """
        if self.is_status and self.response_for is not None:
            about = self.response_for.document_id or self.response_for.code
            addressee = self.response_for.organ_id
            return ("status", self.sender.code, addressee, about, self.status_code, self.timestamp)
        digests = sorted(file.sha256 for file in self.files)
        return ("edoc", self.sender.code, self.document_id, self.business_type, self.subject, *digests)


def parse(source: bytes) -> etree._Element:
    """Parse bytes into an element tree. Raises NotEdxml for anything but a well-formed UTF-8 edXML root."""
    source = source.removeprefix(b"\xef\xbb\xbf").lstrip()
    if b"<!DOCTYPE" in source or b"<!ENTITY" in source or b"\0" in source:
        raise NotEdxml("Error at position (1, 1): DOCTYPE is not allowed")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(source, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise NotEdxml(f"Error in XML: {error}") from error
    name = etree.QName(root)
    if name.localname != "edXML" or name.namespace not in (NAMESPACE, None):
        raise NotEdxml(f"Error at position (1, 40): unexpected root {name.text}")
    return root


def child(parent: etree._Element | None, *path: str) -> etree._Element | None:
    """Follow local names downwards; None when a step is missing."""
    for step in path:
        parent = next(children(parent, step), None)
    return parent


def children(parent: etree._Element | None, name: str) -> Iterator[etree._Element]:
    """Yield the direct children with this local name, whatever their prefix."""
    for element in parent if parent is not None else ():
        if isinstance(element.tag, str) and etree.QName(element).localname == name:
            yield element


def text(parent: etree._Element | None, *path: str) -> str:
    """Return the trimmed text at a path, or an empty string."""
    element = child(parent, *path)
    return "" if element is None else (element.text or "").strip()


def read(source: bytes) -> Seen:
    """Read an edXML document or status. Raises NotEdxml; missing fields come back as empty strings."""
    root = parse(source)
    envelope = child(root, "edXMLEnvelope")
    header = child(envelope, "edXMLHeader", "MessageHeader")
    trace = child(envelope, "edXMLHeader", "TraceHeaderList")
    return Seen(
        sender=_organ(child(header, "From")),
        recipients=tuple(_organ(element) for element in children(header, "To")),
        document_id=text(header, "DocumentId"),
        number=text(header, "Code", "CodeNumber"),
        notation=text(header, "Code", "CodeNotation"),
        promulgated=text(header, "PromulgationInfo", "PromulgationDate"),
        type_name=text(header, "DocumentType", "TypeName"),
        subject=text(header, "Subject"),
        priority=text(header, "OtherInfo", "Priority") or "0",
        business_type=text(trace, "Bussiness", "BussinessDocType") or "0",
        files=tuple(_file(element) for element in children(child(root, "AttachmentEncoded"), "Attachment")),
        response_for=_reference(child(header, "ResponseFor")),
        status_code=text(header, "StatusCode"),
        description=text(header, "Description"),
        timestamp=text(header, "Timestamp"),
    )


def decoded(attachment: etree._Element) -> bytes:
    """Return the payload of an Attachment element before any ZIP is taken off. Raises NotEdxml if damaged."""
    encoded = "".join(text(attachment, "ContentTransferEncoded").split())
    try:
        return base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise NotEdxml(f"Attachment is not base64: {text(attachment, 'AttachmentName')}") from error


def _file(attachment: etree._Element) -> File:
    name = text(attachment, "AttachmentName")
    return File(name, text(attachment, "ContentType"), unwrap(decoded(attachment), name))


def _organ(element: etree._Element | None) -> Organ:
    return Organ(text(element, "OrganId"), text(element, "OrganName"))


def _reference(element: etree._Element | None) -> Reference | None:
    if element is None or not len(element):
        return None
    return Reference(
        text(element, "OrganId"), text(element, "Code"), text(element, "DocumentId"), text(element, "PromulgationDate")
    )
