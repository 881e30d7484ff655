"""Dialect "rest-json": one JSON object to canonical content (`schemas/rest/document.schema.json`) and back. Pure."""

from __future__ import annotations

from typing import Final

from adapters.rest.reader import LONGEST_IDENTIFIER, Reader, read_whole, wrong
from adapters.rest.writing import encode, pieces
from gateway.formats import strictjson
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
from gateway.model.message import Decoded

__all__ = ["DIALECT", "decode", "encode", "pieces"]

DIALECT: Final = "rest-json"
GRADES: Final = ("normal", "mat", "toi_mat", "tuyet_mat")
"""Độ mật of the Law on Protection of State Secrets 2018, article 8, and none."""


def decode(raw: bytes) -> Decoded:
    """The content of a JSON body. An object with "status" is a DocumentStatus, any other a Document.

    Raises Refusal json.malformed, json.duplicate, json.limit, or json.value with the JSON pointer of the member.
    """
    return Decoded(read_whole(strictjson.loads(raw), _content))


def _content(reader: Reader) -> Content:
    return _status(reader) if "status" in reader else _document(reader)


def _document(reader: Reader) -> Document:
    _grade(reader)
    sender = reader.required_part("from", _organization)
    recipients = reader.parts("to", _organization)
    if not recipients:
        wrong(reader.at("to"), "at least one recipient is required")
    code = reader.part("code", _code) or Code()
    promulgation = reader.part("promulgation", _promulgation) or Promulgation()
    given = reader.identifier("document_id")
    return Document(
        sender=sender,
        recipients=recipients,
        document_id=given or _derived_id(sender, code, promulgation, reader.at("document_id")),
        code=code,
        promulgation=promulgation,
        type=reader.part("type", _type) or DocumentType(),
        subject=reader.required_text("subject"),
        content=reader.text("content"),
        signer=reader.part("signer", _signer) or Signer(),
        due=reader.day("due"),
        other=reader.part("other", _other) or OtherInfo(),
        responses=reader.parts("responses", _response),
        steering=reader.integer("steering", 0, 2),
        task_code=reader.text("task_code"),
        application_type=reader.text("application_type"),
        to_places=reader.texts("to_places"),
        trace=reader.parts("trace", _trace),
        business=reader.part("business", _business),
        attachments=reader.parts("attachments", _attachment),
    )


def _grade(reader: Reader) -> None:
    """`confidentiality` is no part of the content: the accept story refuses every grade but "normal" (DESIGN §7), and
    where that is switched off a grade is carried in the original bytes only."""
    if reader.text("confidentiality") not in ("", *GRADES):
        wrong(reader.at("confidentiality"), f"one of {', '.join(GRADES)}")


def _derived_id(sender: Organization, code: Code, promulgation: Promulgation, pointer: str) -> str:
    """The canonical DocumentId "<OrganId>,<yyyy/MM/dd>,<number>/<notation>" (reference §3.3)."""
    number, notation = code.number.strip(), code.notation.strip()
    if promulgation.on is None or not number or not notation:
        wrong(pointer, "required, unless code.number, code.notation and promulgation.on are given to derive it from")
    derived = f"{sender.organ_id},{promulgation.on.isoformat().replace('-', '/')},{number}/{notation}"
    if len(derived) > LONGEST_IDENTIFIER:
        wrong(pointer, "required, because the one derived from code and date exceeds 255 characters")
    return derived


def _organization(reader: Reader) -> Organization:
    return Organization(
        organ_id=reader.identifier("organ_id", required=True),
        name=reader.text("name"),
        in_charge=reader.text("in_charge"),
        address=reader.text("address"),
        email=reader.text("email"),
        telephone=reader.text("telephone"),
        fax=reader.text("fax"),
        website=reader.text("website"),
    )


def _code(reader: Reader) -> Code:
    return Code(reader.text("number"), reader.text("notation"))


def _promulgation(reader: Reader) -> Promulgation:
    return Promulgation(reader.text("place"), reader.day("on"))


def _type(reader: Reader) -> DocumentType:
    return DocumentType(reader.integer("type"), reader.integer("detail"), reader.text("name"))


def _signer(reader: Reader) -> Signer:
    return Signer(reader.text("competence"), reader.text("position"), reader.text("full_name"))


def _other(reader: Reader) -> OtherInfo:
    return OtherInfo(
        priority=reader.integer("priority", 0, 4) or 0,
        sphere=reader.text("sphere"),
        typer_notation=reader.text("typer_notation"),
        copies=reader.integer("copies"),
        pages=reader.integer("pages"),
        direction=reader.flag("direction"),
        appendixes=reader.texts("appendixes"),
    )


def _response(reader: Reader) -> ResponseFor:
    return ResponseFor(
        organ_id=reader.identifier("organ_id"),
        code=reader.text("code"),
        document_id=reader.identifier("document_id"),
        on=reader.day("on"),
    )


def _reported(reader: Reader) -> ResponseFor:
    return ResponseFor(
        organ_id=reader.identifier("organ_id", required=True),
        code=reader.text("code"),
        document_id=reader.identifier("document_id", required=True),
        on=reader.day("on"),
    )


def _trace(reader: Reader) -> TraceHeader:
    return TraceHeader(reader.identifier("organ_id"), reader.moment("at"))


def _business(reader: Reader) -> Business:
    return Business(
        type=BusinessType(reader.required_integer("type", 0, 3)),
        reason=reader.text("reason"),
        document_id=reader.identifier("document_id"),
        paper=reader.flag("paper"),
        change=reader.part("change", _change),
        replacements=reader.parts("replacements", _replacement),
        staff=reader.part("staff", read_staff),
    )


def _change(reader: Reader) -> DocumentChange:
    return DocumentChange(
        document_changed=reader.flag("document_changed"),
        receivers_changed=reader.flag("receivers_changed"),
        receivers=reader.parts("receivers", _receiver),
    )


def _receiver(reader: Reader) -> Receiver:
    return Receiver(reader.identifier("organ_id", required=True), reader.required_integer("type"))


def _replacement(reader: Reader) -> Replacement:
    return Replacement(reader.identifier("document_id", required=True), reader.identifiers("organ_ids"))


def read_staff(reader: Reader) -> Staff:
    return Staff(
        department=reader.text("department"),
        department_id=reader.text("department_id"),
        staff=reader.text("staff"),
        staff_id=reader.text("staff_id"),
        email=reader.text("email"),
        mobile=reader.text("mobile"),
    )


def _attachment(reader: Reader) -> Attachment:
    return Attachment(
        name=reader.required_text("name"),
        content=reader.base64("content"),
        media_type=reader.text("media_type") or "application/octet-stream",
        description=reader.text("description"),
    )


def _status(reader: Reader) -> DocumentStatus:
    return DocumentStatus(
        sender=reader.required_part("from", _organization),
        about=reader.required_part("about", _reported),
        status=reader.required_integer("status", 1, 99),
        description=reader.text("description"),
        at=reader.moment("at"),
        staff=reader.part("staff", read_staff),
    )
