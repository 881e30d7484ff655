"""The lenient reader: any edXML a peer may send, repaired into the canonical model, each repair reported.

Elements are found by (namespace, local name), never by prefix. Refused is only what cannot be understood.
Source: reference vxp-edxml §2, §3, §4.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from adapters.vxp import shape
from adapters.vxp.attachments import AttachmentReader, read_manifest
from adapters.vxp.codes import STATUSES, OrganIdForm, organ_id_form
from adapters.vxp.fields import day_text, to_number
from adapters.vxp.findings import Findings
from adapters.vxp.node import Node, is_ours, qualified
from gateway.errors import Refusal
from gateway.formats.safexml import Tree
from gateway.model.document import (
    Attachment,
    Business,
    BusinessType,
    Code,
    Content,
    Document,
    DocumentChange,
    DocumentStatus,
    DocumentType,
    Organization,
    OtherInfo,
    Promulgation,
    Receiver,
    Replacement,
    ResponseFor,
    Signer,
    Staff,
    TraceHeader,
)


@dataclass(frozen=True, slots=True)
class _Package:
    """The parts of a package, found and opened."""

    message: Node
    header: Node
    traces: Node | None
    body: Node | None
    encoded: Node | None
    is_status: bool


def read(tree: Tree, findings: Findings) -> Content:
    """The content of a parsed package; what was tolerated goes to *findings*.

    Raises Refusal edxml.root, edxml.missing, edxml.value, edxml.base64, zip.limit. Empties the tree's attachments.
    """
    for deviation in tree.deviations:
        code = "namespace.undeclared" if deviation.kind == "prefix" else f"text.{deviation.kind}"
        findings.add(code, "/edXML", deviation.line, detail=deviation.detail)
    package = _open(tree, findings)
    return _status(package.message) if package.is_status else _document(package, findings)


def _open(tree: Tree, findings: Findings) -> _Package:
    if not is_ours(tree.root) or qualified(tree.root)[1] != "edXML":
        raise Refusal("edxml.root", "/*", "the root element is not edXML")
    root = Node(tree.root, "/edXML", shape.ROOT, findings)
    root.look_at_namespace(tree.root)
    envelope = root.one("edXMLEnvelope", shape.ENVELOPE)
    if envelope is None:
        raise Refusal("edxml.root", "/edXML/edXMLEnvelope", "there is no edXMLEnvelope in edXML")
    header = _need(envelope, "edXMLHeader", shape.HEADER)
    is_status = _reports_status(header)
    message = _need(header, "MessageHeader", shape.STATUS if is_status else shape.MESSAGE)
    if header.has("Signature"):
        findings.add("signature.ignored", header.path("Signature"), header.line_of("Signature"))
    if header.has("DigitalSignature"):
        findings.once("element.dotnet", header.path("DigitalSignature"), header.line_of("DigitalSignature"))
    traces = header.one("TraceHeaderList", shape.TRACES)
    body = envelope.one("edXMLBody", shape.BODY)
    return _Package(message, header, traces, body, _encoded(root, envelope, body), is_status)


def _encoded(root: Node, envelope: Node, body: Node | None) -> Node | None:
    """AttachmentEncoded under the root, else where some writers put it by mistake."""
    for parent in (root, envelope, body):
        if parent is not None and parent.has("AttachmentEncoded"):
            if parent is not root:
                where = "AttachmentEncoded"
                parent.findings.add("element.place", parent.path(where), parent.line_of(where))
            return parent.one("AttachmentEncoded", shape.ENCODED)
    return None


def _need(parent: Node, name: str, wanted: shape.Shape) -> Node:
    child = parent.one(name, wanted)
    if child is None:
        raise Refusal("edxml.missing", f"{parent.xpath}/{name}", f"there is no {name}")
    return child


def _reports_status(header: Node) -> bool:
    """A status is told by its content alone (§4): it has a StatusCode, and no subject and no receivers beside it."""
    names = {qualified(child)[1] for message in header.raw("MessageHeader")[:1] for child in message if is_ours(child)}
    return "StatusCode" in names and not {"To", "Subject"} & names


def _status(message: Node) -> DocumentStatus:
    text = message.text("StatusCode")
    if not text.isascii() or not text.isdigit() or len(text) > 3:
        raise Refusal("edxml.value", message.path("StatusCode"), "StatusCode is not a number")
    status = int(text)
    if status not in STATUSES:
        known = ", ".join(f"{code:02d}" for code in STATUSES)
        message.findings.add("value.range", message.path("StatusCode"), message.line_of("StatusCode"), detail=known)
    about = message.one("ResponseFor", shape.RESPONSE_FOR)
    return DocumentStatus(
        sender=_sender(message),
        about=_response(about) if about else ResponseFor(),
        status=status,
        description=message.text("Description"),
        at=message.moment("Timestamp"),
        staff=_staff(message),
    )


def _document(package: _Package, findings: Findings) -> Document:
    message = package.message
    sender = _sender(message)
    code = _code(message)
    promulgation = _promulgation(message)
    return Document(
        sender=sender,
        recipients=_recipients(message),
        document_id=_document_id(message, sender, code, promulgation),
        code=code,
        promulgation=promulgation,
        type=_type(message),
        subject=message.text("Subject"),
        content=message.text("Content"),
        signer=_signer(message),
        due=message.day("DueDate"),
        other=_other(message),
        responses=tuple(_responses(message)),
        steering=message.number("SteeringType", range(3)),
        task_code=_task_code(message),
        application_type=message.text("ApplicationType"),
        to_places=_listing(message, "ToPlaces", shape.TO_PLACES, "Place"),
        trace=_traces(package),
        business=_business(package),
        attachments=_attachments(package, findings),
    )


def _sender(message: Node) -> Organization:
    node = message.one("From", shape.ORGANIZATION)
    sender = _organization(node) if node else None
    if sender is None or not sender.organ_id:
        raise Refusal("edxml.missing", f"{message.xpath}/From/OrganId", "the sender has no OrganId")
    return sender


def _recipients(message: Node) -> tuple[Organization, ...]:
    found = []
    seen = set()
    for node in message.many("To", shape.ORGANIZATION):
        recipient = _organization(node)
        if recipient == Organization(""):
            continue
        if recipient.organ_id in seen:
            node.findings.add("organ.repeated", node.xpath, node.line)
        seen.add(recipient.organ_id)
        found.append(recipient)
    return tuple(found)


def _organization(node: Node) -> Organization:
    organ_id = node.text("OrganId")
    if organ_id and organ_id_form(organ_id) is OrganIdForm.OPAQUE:
        node.findings.add("organ.opaque", node.path("OrganId"), node.line_of("OrganId"))
    return Organization(
        organ_id=organ_id,
        name=node.text("OrganName"),
        in_charge=node.text("OrganizationInCharge"),
        address=node.text("OrganAdd"),
        email=node.text("Email"),
        telephone=node.text("Telephone"),
        fax=node.text("Fax"),
        website=node.text("Website"),
    )


def _document_id(message: Node, sender: Organization, code: Code, promulgation: Promulgation) -> str:
    """DocumentId as it came; if absent, the canonical form of §3.3, which peers would build from the same header."""
    text = message.text("DocumentId")
    where = message.path("DocumentId")
    if len(text) > shape.MAX_DOCUMENT_ID:
        raise Refusal("edxml.value", where, f"DocumentId has more than {shape.MAX_DOCUMENT_ID} characters")
    if text:
        return text
    if not code.number or not code.notation or promulgation.on is None:
        raise Refusal("edxml.missing", where, "no DocumentId, and no date and code to derive it from")
    message.findings.add("document.id_derived", where, message.line)
    return f"{sender.organ_id},{day_text(promulgation.on)},{code}"[: shape.MAX_DOCUMENT_ID]


def _code(message: Node) -> Code:
    node = message.one("Code", shape.CODE)
    return Code(node.text("CodeNumber"), node.text("CodeNotation")) if node else Code()


def _promulgation(message: Node) -> Promulgation:
    node = message.one("PromulgationInfo", shape.PROMULGATION)
    return Promulgation(node.text("Place"), node.day("PromulgationDate")) if node else Promulgation()


def _type(message: Node) -> DocumentType:
    node = message.one("DocumentType", shape.DOCUMENT_TYPE)
    if node is None:
        return DocumentType()
    return DocumentType(node.number("Type"), node.number("TypeDetail"), node.text("TypeName"))


def _signer(message: Node) -> Signer:
    node = message.one("SignerInfo", shape.SIGNER)
    return Signer(node.text("Competence"), node.text("Position"), node.text("FullName")) if node else Signer()


def _other(message: Node) -> OtherInfo:
    node = message.one("OtherInfo", shape.OTHER)
    if node is None:
        return OtherInfo()
    return OtherInfo(
        priority=node.number("Priority", range(5)) or 0,
        sphere=node.text("SphereOfPromulgation"),
        typer_notation=node.text("TyperNotation"),
        copies=node.number("PromulgationAmount", range(65536)),
        pages=node.number("PageAmount", range(65536)),
        direction=node.flag("Direction"),
        appendixes=_listing(node, "Appendixes", shape.APPENDIXES, "Appendix"),
    )


def _listing(parent: Node, name: str, wanted: shape.Shape, item: str) -> tuple[str, ...]:
    node = parent.one(name, wanted)
    return node.texts(item) if node else ()


def _task_code(message: Node) -> str:
    node = message.one("ResponseForTask", shape.RESPONSE_FOR_TASK)
    return node.text("TaskCode") if node else ""


def _responses(message: Node) -> Iterator[ResponseFor]:
    """Documents answered; an empty ResponseFor, frequent in real traffic, is none."""
    for node in message.many("ResponseFor", shape.RESPONSE_FOR):
        response = _response(node)
        if response != ResponseFor():
            yield response


def _response(node: Node) -> ResponseFor:
    return ResponseFor(node.text("OrganId"), node.text("Code"), node.text("DocumentId"), node.day("PromulgationDate"))


def _staff(parent: Node) -> Staff | None:
    node = parent.one("StaffInfo", shape.STAFF)
    if node is None:
        return None
    staff = Staff(
        department=node.text("Department"),
        department_id=node.text("DepartmentId"),
        staff=node.text("Staff"),
        staff_id=node.text("StaffId"),
        email=node.text("Email"),
        mobile=node.text("Mobile"),
    )
    return staff if staff != Staff() else None


def _traces(package: _Package) -> tuple[TraceHeader, ...]:
    node = package.traces
    if node is None:
        return ()
    if node.element.attrib:
        node.findings.once("element.dotnet", node.xpath, node.line)
    hops = node.many("TraceHeader", shape.TRACE, keep_empty=True)
    return tuple(TraceHeader(hop.text("OrganId"), hop.moment("Timestamp")) for hop in hops)


def _business(package: _Package) -> Business | None:
    node = package.traces.one("Bussiness", shape.BUSSINESS) if package.traces else None
    if node is None:
        header = package.header
        where = f"{header.xpath}/TraceHeaderList/Bussiness"
        header.findings.add("business.missing", where, header.line_of("TraceHeaderList"))
        return None
    return Business(
        type=_business_type(node),
        reason=node.text("BussinessDocReason"),
        document_id=node.text("DocumentId"),
        paper=node.flag("Paper"),
        change=_change(node),
        replacements=_replacements(node),
        staff=_staff(node),
    )


def _business_type(node: Node) -> BusinessType:
    """Absent is a new document; a kind we do not know must not pass for one (a recall would be missed)."""
    text = node.text("BussinessDocType")
    number = to_number(text or "0")
    try:
        return BusinessType(-1 if number is None else number)
    except ValueError:
        raise Refusal("edxml.value", node.path("BussinessDocType"), "BussinessDocType is not 0, 1, 2 or 3") from None


def _change(parent: Node) -> DocumentChange | None:
    node = parent.one("BussinessDocumentInfo", shape.CHANGE)
    if node is None:
        return None
    listed = node.one("ReceiverList", shape.RECEIVERS)
    receivers = listed.many("Receiver", shape.RECEIVER) if listed else ()
    return DocumentChange(
        document_changed=node.flag("DocumentInfo"),
        receivers_changed=node.flag("DocumentReceiver"),
        receivers=tuple(Receiver(one.text("OrganId"), one.number("ReceiverType") or 0) for one in receivers),
    )


def _replacements(parent: Node) -> tuple[Replacement, ...]:
    node = parent.one("ReplacementInfoList", shape.REPLACEMENTS)
    return tuple(
        Replacement(one.text("DocumentId"), _listing(one, "OrganIdList", shape.ORGAN_IDS, "OrganId"))
        for one in (node.many("ReplacementInfo", shape.REPLACEMENT) if node else ())
    )


def _attachments(package: _Package, findings: Findings) -> tuple[Attachment, ...]:
    return AttachmentReader(read_manifest(package.body, findings), findings).read(package.encoded)
