"""The writer: canonical content to edXML in the exact form and order of the vendor's library (reference §2, §3, §4).

No Signature is written: the axis re-serialises every package, so that none could survive (§3.9).
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from unicodedata import normalize

from adapters.vxp.fields import clean_name, day_text, moment_text
from adapters.vxp.markup import Markup
from adapters.vxp.shape import NAMESPACE, PREFIX
from gateway.errors import Refusal
from gateway.formats import zipsafe
from gateway.model.document import (
    Attachment,
    Business,
    Content,
    Document,
    DocumentChange,
    DocumentStatus,
    Organization,
    OtherInfo,
    Replacement,
    ResponseFor,
    Staff,
)

_DEFAULT: Final = f' xmlns="{NAMESPACE}"'
_PREFIXED: Final = f' xmlns:{PREFIX}="{NAMESPACE}"'
_IDS: Final = uuid.UUID("2f0a7c1e-93c4-5c55-9d3c-6a3e8a5a7b21")


def write(content: Content, *, wrap: bool) -> bytes:
    """The package as UTF-8 with declaration. Raises Refusal edxml.strict for what edXML cannot carry."""
    parts = _parts(content, wrap=wrap)
    out = Markup()
    with out.element("edXML", _DEFAULT):
        with out.element(_p("edXMLEnvelope"), _PREFIXED):
            with out.element(_p("edXMLHeader")):
                if isinstance(content, DocumentStatus):
                    _status(out, content)
                else:
                    _message(out, content)
                    _trace_list(out, content)
            if isinstance(content, Document):
                _body(out, parts)
        if parts:
            with out.element("AttachmentEncoded"):
                for part in parts:
                    _attachment(out, part)
    return out.to_bytes()


def _p(name: str) -> str:
    return f"{PREFIX}:{name}"


# The message header (§3.1)


def _message(out: Markup, document: Document) -> None:
    with out.element(_p("MessageHeader")):
        _organization(out, "From", document.sender)
        for recipient in document.recipients:
            _organization(out, "To", recipient)
        out.leaf(_p("DocumentId"), document.document_id)
        _group(out, "Code", CodeNumber=document.code.number, CodeNotation=document.code.notation)
        issued = document.promulgation
        _group(
            out,
            "PromulgationInfo",
            Place=issued.place,
            PromulgationDate=day_text(issued.on) if issued.on else None,
        )
        kind = document.type
        _group(out, "DocumentType", Type=kind.type, TypeDetail=kind.detail, TypeName=kind.name)
        out.leaf(_p("Subject"), document.subject)
        out.leaf(_p("Content"), document.content)
        signer = document.signer
        _group(
            out,
            "SignerInfo",
            Competence=signer.competence,
            Position=signer.position,
            FullName=signer.full_name,
        )
        out.leaf(_p("DueDate"), day_text(document.due) if document.due else None)
        _other(out, document.other)
        for response in document.responses:
            _response(out, response)
        out.leaf(_p("SteeringType"), document.steering)
        _group(out, "ResponseForTask", TaskCode=document.task_code)
        out.leaf(_p("ApplicationType"), document.application_type)
        _listing(out, "ToPlaces", "Place", document.to_places)


def _status(out: Markup, status: DocumentStatus) -> None:
    if not 0 <= status.status <= 99:
        raise Refusal("edxml.strict", "/edXML/edXMLEnvelope/edXMLHeader/MessageHeader/StatusCode", "not within 00…99")
    with out.element(_p("MessageHeader")):
        _organization(out, "From", status.sender)
        _response(out, status.about)
        _staff(out, status.staff)
        out.leaf(_p("StatusCode"), f"{status.status:02d}")
        out.leaf(_p("Description"), status.description)
        out.leaf(_p("Timestamp"), moment_text(status.at) if status.at else None)


def _organization(out: Markup, name: str, organization: Organization) -> None:
    with out.element(_p(name)):
        out.leaf(_p("OrganId"), organization.organ_id)
        out.leaf(_p("OrganizationInCharge"), organization.in_charge)
        out.leaf(_p("OrganName"), organization.name)
        out.leaf(_p("OrganAdd"), organization.address)
        out.leaf(_p("Email"), organization.email)
        out.leaf(_p("Telephone"), organization.telephone)
        out.leaf(_p("Fax"), organization.fax)
        out.leaf(_p("Website"), organization.website)


def _other(out: Markup, other: OtherInfo) -> None:
    with out.element(_p("OtherInfo")):
        out.leaf(_p("Priority"), other.priority)
        out.leaf(_p("SphereOfPromulgation"), other.sphere)
        out.leaf(_p("TyperNotation"), other.typer_notation)
        out.leaf(_p("PromulgationAmount"), other.copies)
        out.leaf(_p("PageAmount"), other.pages)
        out.leaf(_p("Direction"), "true" if other.direction else "false")
        _listing(out, "Appendixes", "Appendix", other.appendixes)


def _response(out: Markup, response: ResponseFor) -> None:
    with out.element(_p("ResponseFor")):
        out.leaf(_p("OrganId"), response.organ_id)
        out.leaf(_p("Code"), response.code)
        out.leaf(_p("DocumentId"), response.document_id)
        out.leaf(_p("PromulgationDate"), day_text(response.on) if response.on else None)


def _staff(out: Markup, staff: Staff | None) -> None:
    if staff is not None:
        _group(
            out,
            "StaffInfo",
            Department=staff.department,
            DepartmentId=staff.department_id,
            Staff=staff.staff,
            StaffId=staff.staff_id,
            Email=staff.email,
            Mobile=staff.mobile,
        )


# The trace header list (§3.6)


def _trace_list(out: Markup, document: Document) -> None:
    if not document.trace and document.business is None:
        return
    with out.element(_p("TraceHeaderList")):
        for hop in document.trace:
            with out.element(_p("TraceHeader")):
                out.leaf(_p("OrganId"), hop.organ_id)
                out.leaf(_p("Timestamp"), moment_text(hop.at) if hop.at else None)
        if document.business is not None:
            _business(out, document.business)


def _business(out: Markup, business: Business) -> None:
    with out.element(_p("Bussiness")):
        out.leaf(_p("DocumentId"), business.document_id)
        out.leaf(_p("BussinessDocType"), int(business.type))
        out.leaf(_p("BussinessDocReason"), business.reason)
        out.leaf(_p("Paper"), int(business.paper))
        if business.change is not None:
            _change(out, business.change)
        if business.replacements:
            with out.element(_p("ReplacementInfoList")):
                for replacement in business.replacements:
                    _replacement(out, replacement)
        _staff(out, business.staff)


def _change(out: Markup, change: DocumentChange) -> None:
    with out.element(_p("BussinessDocumentInfo")):
        out.leaf(_p("DocumentInfo"), int(change.document_changed))
        out.leaf(_p("DocumentReceiver"), int(change.receivers_changed))
        if change.receivers:
            with out.element(_p("ReceiverList")):
                for receiver in change.receivers:
                    _group(out, "Receiver", OrganId=receiver.organ_id, ReceiverType=receiver.type)


def _replacement(out: Markup, replacement: Replacement) -> None:
    with out.element(_p("ReplacementInfo")):
        out.leaf(_p("DocumentId"), replacement.document_id)
        _listing(out, "OrganIdList", "OrganId", replacement.organ_ids)


# The manifest and the attachments (§3.7, §3.8)


@dataclass(frozen=True, slots=True)
class _Part:
    """An attachment, the id that joins its Reference to its Attachment, and whether it travels in a ZIP."""

    content_id: str
    wrapped: bool
    attachment: Attachment

    @property
    def content_type(self) -> str:
        return "application/zip" if self.wrapped else self.attachment.media_type


def _parts(content: Content, *, wrap: bool) -> list[_Part]:
    parts: list[_Part] = []
    used: set[str] = set()
    for place, one in enumerate(content.attachments if isinstance(content, Document) else ()):
        if clean_name(one.name) != normalize("NFC", one.name):
            where = "/edXML/AttachmentEncoded/Attachment/AttachmentName"
            raise Refusal("edxml.strict", where, "a line end or tab at an end of the name")
        content_id = _content_id(place, one, used)
        used.add(content_id)
        parts.append(_Part(f"cid:{content_id}", wrap or _mistakable(one), one))
    return parts


def _content_id(place: int, one: Attachment, used: set[str]) -> str:
    """The attachment's own id if it can serve; else one made of its place and bytes, the same at every encoding."""
    given = one.content_id
    if given and given == given.strip() and given not in used:
        return given
    digest = hashlib.sha256(one.content).hexdigest()
    return str(uuid.uuid5(_IDS, f"{place} {digest}"))


def _mistakable(one: Attachment) -> bool:
    """Whether a reader would take the attachment itself for a wrapping and undo it."""
    try:
        return zipsafe.undo_wrapping(one.name, one.content)[1] is not None
    except Refusal:
        return True


def _body(out: Markup, parts: Sequence[_Part]) -> None:
    with out.element(_p("edXMLBody")), out.element(_p("edXMLManifest"), ' version="1.0"'):
        for part in parts:
            with out.element(_p("Reference")):
                out.leaf(_p("ContentId"), part.content_id)
                out.leaf(_p("ContentType"), part.content_type)
                out.leaf(_p("Description"), part.attachment.description)
                out.leaf(_p("AttachmentName"), part.attachment.name)


def _attachment(out: Markup, part: _Part) -> None:
    one = part.attachment
    with out.element("Attachment"):
        out.leaf("ContentId", part.content_id)
        out.leaf("AttachmentName", one.name)
        out.leaf("Description", one.description)
        out.leaf("MimeType", one.media_type)
        out.leaf("ContentType", part.content_type)
        carried = zipsafe.wrap(one.name, one.content) if part.wrapped else one.content
        out.base64(_p("ContentTransferEncoded"), _PREFIXED, carried)


# Small forms


def _group(out: Markup, container: str, /, **leaves: str | int | None) -> None:
    """A container with leaves, left out altogether if all are empty."""
    if any(text is not None and text != "" for text in leaves.values()):
        with out.element(_p(container)):
            for name, text in leaves.items():
                out.leaf(_p(name), text)


def _listing(out: Markup, container: str, item: str, texts: Sequence[str]) -> None:
    if texts:
        with out.element(_p(container)):
            for text in texts:
                out.leaf(_p(item), text)
