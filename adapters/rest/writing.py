"""Canonical content as JSON: the half of the codec that writes. Pure."""

from __future__ import annotations

import binascii
import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime

from gateway.clock import VIETNAM
from gateway.model.document import (
    Attachment,
    Business,
    Content,
    Document,
    DocumentChange,
    DocumentStatus,
    Organization,
    OtherInfo,
    ResponseFor,
    Staff,
)

Json = Mapping[str, object]


def encode(content: Content) -> bytes:
    """*content* in the shape that :func:`adapters.rest.codec.decode` reads; empty members are left out."""
    return b"".join(pieces(content))


def pieces(content: Content) -> Iterator[bytes]:
    """The parts of :func:`encode`, so that large attachments are joined with their surroundings only once."""
    if isinstance(content, DocumentStatus):
        yield dumps(_status_members(content))
        return
    yield dumps(_document_members(content))[:-1]
    for place, attachment in enumerate(content.attachments):
        yield b',"attachments":[' if place == 0 else b","
        yield dumps(_attachment_members(attachment))[:-1] + b',"content":"'
        yield binascii.b2a_base64(attachment.content, newline=False)
        yield b'"}'
    yield b"]}" if content.attachments else b"}"


def dumps(value: object) -> bytes:
    """Compact UTF-8 JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _document_members(document: Document) -> Json:
    return {
        "document_id": document.document_id,
        "from": _organization_members(document.sender),
        "to": [_organization_members(recipient) for recipient in document.recipients],
        "subject": document.subject,
        **_filled(
            code=_filled(number=document.code.number, notation=document.code.notation),
            promulgation=_filled(place=document.promulgation.place, on=_day(document.promulgation.on)),
            type=_filled(type=document.type.type, detail=document.type.detail, name=document.type.name),
            content=document.content,
            signer=_filled(
                competence=document.signer.competence,
                position=document.signer.position,
                full_name=document.signer.full_name,
            ),
            due=_day(document.due),
            other=_other_members(document.other),
            responses=[_response_members(response) for response in document.responses],
            steering=document.steering,
            task_code=document.task_code,
            application_type=document.application_type,
            to_places=list(document.to_places),
            trace=[_filled(organ_id=hop.organ_id, at=_moment(hop.at)) for hop in document.trace],
        ),
        **({} if document.business is None else {"business": _business_members(document.business)}),
    }


def _organization_members(organization: Organization) -> Json:
    return {
        "organ_id": organization.organ_id,
        **_filled(
            name=organization.name,
            in_charge=organization.in_charge,
            address=organization.address,
            email=organization.email,
            telephone=organization.telephone,
            fax=organization.fax,
            website=organization.website,
        ),
    }


def _other_members(other: OtherInfo) -> Json:
    return _filled(
        priority=other.priority or None,
        sphere=other.sphere,
        typer_notation=other.typer_notation,
        copies=other.copies,
        pages=other.pages,
        direction=other.direction or None,
        appendixes=list(other.appendixes),
    )


def _response_members(response: ResponseFor) -> Json:
    return _filled(
        organ_id=response.organ_id,
        code=response.code,
        document_id=response.document_id,
        on=_day(response.on),
    )


def _business_members(business: Business) -> Json:
    return {
        "type": int(business.type),
        **_filled(reason=business.reason, document_id=business.document_id, paper=business.paper or None),
        **({} if business.change is None else {"change": _change_members(business.change)}),
        **_filled(
            replacements=[
                {"document_id": replaced.document_id, "organ_ids": list(replaced.organ_ids)}
                for replaced in business.replacements
            ]
        ),
        **({} if business.staff is None else {"staff": _staff_members(business.staff)}),
    }


def _change_members(change: DocumentChange) -> Json:
    return {
        "document_changed": change.document_changed,
        "receivers_changed": change.receivers_changed,
        "receivers": [{"organ_id": receiver.organ_id, "type": receiver.type} for receiver in change.receivers],
    }


def _staff_members(staff: Staff) -> Json:
    return _filled(
        department=staff.department,
        department_id=staff.department_id,
        staff=staff.staff,
        staff_id=staff.staff_id,
        email=staff.email,
        mobile=staff.mobile,
    )


def _attachment_members(attachment: Attachment) -> Json:
    return {
        "name": attachment.name,
        "media_type": attachment.media_type,
        **_filled(description=attachment.description),
    }


def _status_members(status: DocumentStatus) -> Json:
    return {
        "status": status.status,
        "from": _organization_members(status.sender),
        "about": _response_members(status.about),
        **_filled(description=status.description, at=_moment(status.at)),
        **({} if status.staff is None else {"staff": _staff_members(status.staff)}),
    }


def _filled(**members: object) -> dict[str, object]:
    """The members that say something."""
    return {name: value for name, value in members.items() if value not in (None, "", [], {})}


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _moment(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    local = moment.astimezone(VIETNAM) if moment.tzinfo else moment.replace(tzinfo=VIETNAM)
    return local.isoformat(timespec="seconds")
