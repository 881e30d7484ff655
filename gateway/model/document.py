"""Canonical content of the document exchange: Document and DocumentStatus (reference vxp-edxml §3, §4).

Everything here is frozen and pure. Text is NFC, dates are dates, attachments are bytes. Empty optional text is "".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import IntEnum


@dataclass(frozen=True, slots=True)
class Organization:
    """An organisation as edXML writes it (§3.2). *organ_id* is opaque: QCVN 102, QĐ 20 or neither (§8)."""

    organ_id: str
    name: str = ""
    in_charge: str = ""
    address: str = ""
    email: str = ""
    telephone: str = ""
    fax: str = ""
    website: str = ""


@dataclass(frozen=True, slots=True)
class Code:
    """Số và ký hiệu (1.3)."""

    number: str = ""
    notation: str = ""

    def __str__(self) -> str:
        return f"{self.number}/{self.notation}" if self.notation else self.number


@dataclass(frozen=True, slots=True)
class Promulgation:
    """Nơi và ngày ban hành (1.4)."""

    place: str = ""
    on: date | None = None


@dataclass(frozen=True, slots=True)
class DocumentType:
    """Loại văn bản (1.5). Three incompatible numberings exist (§5.3): *name* decides, the numbers are carried."""

    type: int | None = None
    detail: int | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Signer:
    """Người ký (1.8)."""

    competence: str = ""
    position: str = ""
    full_name: str = ""


@dataclass(frozen=True, slots=True)
class OtherInfo:
    """Thông tin khác (1.11, §3.4). *priority* 0 thường … 3 hoả tốc, 4 hoả tốc hẹn giờ (§5.4)."""

    priority: int = 0
    sphere: str = ""
    typer_notation: str = ""
    copies: int | None = None
    pages: int | None = None
    direction: bool = False
    appendixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ResponseFor:
    """The document answered, or reported on in a status (1.12, §3.5). *code* is the full "7816/VPCP-TTĐT"."""

    organ_id: str = ""
    code: str = ""
    document_id: str = ""
    on: date | None = None


@dataclass(frozen=True, slots=True)
class TraceHeader:
    """One hop (2.1). The axis appends one; either field may be missing in real traffic. *at* is local time, +07:00."""

    organ_id: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Staff:
    """The clerk who sent or handles it (StaffInfo)."""

    department: str = ""
    department_id: str = ""
    staff: str = ""
    staff_id: str = ""
    email: str = ""
    mobile: str = ""


class BusinessType(IntEnum):
    """BussinessDocType (§5.2)."""

    NEW = 0
    RECALL = 1
    UPDATE = 2
    REPLACEMENT = 3


@dataclass(frozen=True, slots=True)
class Receiver:
    """A changed receiver of an update; the meaning of *type* 0/1 is unverified (§3.6) and carried as it came."""

    organ_id: str
    type: int


@dataclass(frozen=True, slots=True)
class DocumentChange:
    """What an update changes (BussinessDocumentInfo, only kind 2)."""

    document_changed: bool = False
    receivers_changed: bool = False
    receivers: tuple[Receiver, ...] = ()


@dataclass(frozen=True, slots=True)
class Replacement:
    """One document replaced, and for whom (ReplacementInfo, only kind 3)."""

    document_id: str
    organ_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Business:
    """The business block of the trace header list (2.2). *type* of an absent block is NEW."""

    type: BusinessType = BusinessType.NEW
    reason: str = ""
    document_id: str = ""
    paper: bool = False
    change: DocumentChange | None = None
    replacements: tuple[Replacement, ...] = ()
    staff: Staff | None = None


@dataclass(frozen=True, slots=True)
class Wrapping:
    """The ZIP layer that was undone around an attachment: its bytes as they travelled, and their SHA-256 (hex)."""

    raw: bytes
    sha256: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file: *content* is the file's own bytes, never text. *media_type* is a label, never trusted (§3.8)."""

    name: str
    content: bytes
    media_type: str = "application/octet-stream"
    description: str = ""
    content_id: str = field(default="", compare=False)
    wrapping: Wrapping | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Document:
    """A document with its whole header. *document_id* is opaque and at most 255 characters (§3.3)."""

    sender: Organization
    recipients: tuple[Organization, ...]
    document_id: str
    code: Code = Code()
    promulgation: Promulgation = Promulgation()
    type: DocumentType = DocumentType()
    subject: str = ""
    content: str = ""
    signer: Signer = Signer()
    due: date | None = None
    other: OtherInfo = OtherInfo()
    responses: tuple[ResponseFor, ...] = ()
    steering: int | None = None
    task_code: str = ""
    application_type: str = ""
    to_places: tuple[str, ...] = ()
    trace: tuple[TraceHeader, ...] = ()
    business: Business | None = None
    attachments: tuple[Attachment, ...] = ()

    @property
    def business_type(self) -> BusinessType:
        """The business kind; a file without the block is a new document (§3.6)."""
        return self.business.type if self.business else BusinessType.NEW


class StatusCode(IntEnum):
    """Business statuses (§5.1); the codes between were never seen on the wire."""

    ARRIVED = 1
    REFUSED = 2
    REGISTERED = 3
    ASSIGNED = 4
    IN_PROGRESS = 5
    FINISHED = 6
    GIVE_BACK = 13
    CHANGE_AGREED = 15
    CHANGE_REFUSED = 16


@dataclass(frozen=True, slots=True)
class DocumentStatus:
    """A business status 01…16 about one document (§4). *at* is local time, +07:00, second precision."""

    sender: Organization
    about: ResponseFor
    status: int
    description: str = ""
    at: datetime | None = None
    staff: Staff | None = None


Content = Document | DocumentStatus
