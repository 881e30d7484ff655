"""What the axis does to a package on its way: the library parses it and writes it anew (reference §1.4, §3).

Elements come out in library order, unknown ones and empty leaves are gone, the sender's prefixes are replaced, a
TraceHeader is appended, every attachment is zipped again under a new random entry name. No signature over the
document can survive this, and the content type of an attachment says little about its bytes.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Final

from lxml import etree

from sandbox.edxml import child, children, decoded, parse, text
from sandbox.settings import RelayHabits
from sandbox.xmltext import NAMESPACE, Node, group, leaf, write
from sandbox.zipping import unwrap, wrap

Shape = Mapping[str, "Shape | None"]
"""Known children of an element in output order; None stands for a leaf."""

_ORGAN: Final[Shape] = dict.fromkeys(
    ("OrganId", "OrganizationInCharge", "OrganName", "OrganAdd", "Email", "Telephone", "Fax", "Website")
)
_STAFF: Final[Shape] = dict.fromkeys(("Department", "DepartmentId", "Staff", "StaffId", "Email", "Mobile"))
_RESPONSE: Final[Shape] = dict.fromkeys(("OrganId", "Code", "DocumentId", "PromulgationDate"))
_DOCUMENT: Final[Shape] = {
    "From": _ORGAN,
    "To": _ORGAN,
    "DocumentId": None,
    "Code": dict.fromkeys(("CodeNumber", "CodeNotation")),
    "PromulgationInfo": dict.fromkeys(("Place", "PromulgationDate")),
    "DocumentType": dict.fromkeys(("Type", "TypeDetail", "TypeName")),
    "Subject": None,
    "Content": None,
    "SignerInfo": dict.fromkeys(("Competence", "Position", "FullName")),
    "DueDate": None,
    "OtherInfo": {
        "Priority": None,
        "SphereOfPromulgation": None,
        "TyperNotation": None,
        "PromulgationAmount": None,
        "PageAmount": None,
        "Direction": None,
        "Appendixes": {"Appendix": None},
    },
    "ResponseFor": _RESPONSE,
    "SteeringType": None,
    "ResponseForTask": {"TaskCode": None},
    "ApplicationType": None,
    "ToPlaces": {"Place": None},
}
_STATUS: Final[Shape] = {
    "From": _ORGAN,
    "ResponseFor": _RESPONSE,
    "StaffInfo": _STAFF,
    "StatusCode": None,
    "Description": None,
    "Timestamp": None,
}
_TRACE: Final[Shape] = dict.fromkeys(("OrganId", "Timestamp"))
_BUSINESS: Final[Shape] = {
    "DocumentId": None,
    "BussinessDocType": None,
    "BussinessDocReason": None,
    "Paper": None,
    "BussinessDocumentInfo": {
        "DocumentInfo": None,
        "DocumentReceiver": None,
        "ReceiverList": {"Receiver": dict.fromkeys(("OrganId", "ReceiverType"))},
    },
    "ReplacementInfoList": {"ReplacementInfo": {"DocumentId": None, "OrganIdList": {"OrganId": None}}},
    "StaffInfo": _STAFF,
}
_KEPT_ATTRIBUTES: Final = {"TraceHeaderList": ("id", "version")}


@dataclass(frozen=True, slots=True)
class Relay:
    """Rewrites packages. `rng` names the new ZIP entries and picks the lying content types."""

    habits: RelayHabits
    axis_code: str
    rng: Random

    def rewrite(self, source: bytes, now: datetime) -> bytes:
        """Return the relayed form of a document or status. Raises NotEdxml if it cannot be parsed."""
        root = parse(source)
        envelope = child(root, "edXMLEnvelope")
        header = child(envelope, "edXMLHeader")
        message = child(header, "MessageHeader")
        is_status = bool(text(message, "StatusCode"))
        parts = [_renamed(message, "MessageHeader", _STATUS if is_status else _DOCUMENT)]
        if not is_status:
            parts += [self._trace(child(header, "TraceHeaderList"), now), _signature(child(header, "Signature"))]
        content = group("edXML:edXMLHeader", *parts)
        files = [] if is_status else self._files(root, now)
        if not is_status:
            content += _body(envelope)
        written = Node("edXML:edXMLEnvelope", children=content, attributes={"xmlns:edXML": NAMESPACE})
        return write(Node("edXML", children=[written, *files], attributes={"xmlns": NAMESPACE}))

    def _trace(self, trace: etree._Element | None, now: datetime) -> list[Node]:
        hops = [node for hop in children(trace, "TraceHeader") for node in _renamed(hop, "TraceHeader", _TRACE)]
        own = [] if self.habits.anonymous_trace else leaf("edXML:OrganId", self.axis_code)
        own += leaf("edXML:Timestamp", f"{now:%Y/%m/%d %H:%M:%S}")
        business = _renamed(child(trace, "Bussiness"), "Bussiness", _BUSINESS)
        kept = {
            name: trace.get(name, "")
            for name in _KEPT_ATTRIBUTES["TraceHeaderList"]
            if trace is not None and trace.get(name)
        }
        return [
            Node(
                "edXML:TraceHeaderList",
                children=[*hops, Node("edXML:TraceHeader", children=own), *business],
                attributes=kept,
            )
        ]

    def _files(self, root: etree._Element, now: datetime) -> list[Node]:
        attachments = [self._file(element, now) for element in children(child(root, "AttachmentEncoded"), "Attachment")]
        return [Node("AttachmentEncoded", children=attachments)] if attachments else []

    def _file(self, element: etree._Element, now: datetime) -> Node:
        name = text(element, "AttachmentName")
        packed = wrap(unwrap(decoded(element), name), name, now, self.rng)
        payload = base64.b64encode(packed).decode()
        encoded = Node("edXML:ContentTransferEncoded", payload, attributes={"xmlns:edXML": NAMESPACE})
        leaves = (
            leaf("ContentId", _cid(text(element, "ContentId"))),
            leaf("AttachmentName", name),
            leaf("Description", text(element, "Description")),
            leaf("FieldName", text(element, "FieldName")),
            leaf("MimeType", text(element, "MimeType")),
            leaf("ContentType", self._content_type(text(element, "ContentType"))),
        )
        return Node(
            "Attachment",
            children=[node for part in leaves for node in part] + [encoded],
            stray=payload if self.habits.stray_payload else "",
        )

    def _content_type(self, declared: str) -> str:
        if self.habits.content_type == "declared" and declared:
            return declared
        if self.habits.content_type == "mixed":
            return self.rng.choice(("application/zip", declared or "application/zip", "text/plain"))
        return "application/zip"


def _renamed(element: etree._Element | None, name: str, shape: Shape) -> list[Node]:
    """Write the known children in library order under the library's prefix; an empty ResponseFor stays."""
    if element is None:
        return []
    written: list[Node] = []
    for known, inner in shape.items():
        for found in children(element, known):
            written += leaf(f"edXML:{known}", text(found)) if inner is None else _renamed(found, known, inner)
    if name == "OtherInfo" and not any(node.name == "edXML:Direction" for node in written):
        written.insert(_direction_place(written), Node("edXML:Direction", "false"))
    return [Node(f"edXML:{name}", children=written)] if written or name == "ResponseFor" else []


def _direction_place(written: list[Node]) -> int:
    """Direction is always emitted, before the appendixes (reference §3.4)."""
    return next((place for place, node in enumerate(written) if node.name == "edXML:Appendixes"), len(written))


def _body(envelope: etree._Element | None) -> list[Node]:
    references: list[Node] = []
    manifest = child(envelope, "edXMLBody", "edXMLManifest")
    for element in children(manifest, "Reference"):
        references += group(
            "edXML:Reference",
            leaf("edXML:ContentId", _cid(text(element, "ContentId"))),
            leaf("edXML:ContentType", text(element, "ContentType")),
            leaf("edXML:Description", text(element, "Description")),
            leaf("edXML:AttachmentName", text(element, "AttachmentName")),
        )
    inner = Node("edXML:edXMLManifest", children=references, attributes={"version": "1.0"})
    return [Node("edXML:edXMLBody", children=[inner])]


def _signature(element: etree._Element | None) -> list[Node]:
    """Copied without prefix and without its own namespace, empty leaves dropped: it verifies no more."""
    if element is None:
        return []
    inner = [node for part in element if isinstance(part.tag, str) for node in _signature(part)]
    attributes = {str(name): str(value) for name, value in element.attrib.items()}
    own = (element.text or "").strip()
    if not inner and not own and not attributes:
        return []
    return [Node(etree.QName(element).localname, "" if inner else own, inner, attributes)]


def _cid(content_id: str) -> str:
    return content_id if not content_id or content_id.startswith("cid:") else f"cid:{content_id}"
