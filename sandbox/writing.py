"""Writing edXML for simulated ministries, in the library's own output form (reference §3 and §4)."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random

from sandbox.edxml import File, Organ, Reference
from sandbox.pdf import make_pdf
from sandbox.xmltext import NAMESPACE, Node, group, leaf, write
from sandbox.zipping import wrap


@dataclass(frozen=True, slots=True)
class Draft:
    """A document a simulated system sends; dates are `yyyy/MM/dd`, no `document_id` takes the canonical form.

    `business_document_id` is the document an update (type 2) changes, `replaces` those a replacement (type 3) takes
    the place of, `reason` why; without one the usual words for the type are written.
    """

    sender: Organ
    recipients: tuple[Organ, ...]
    number: str
    notation: str
    subject: str
    promulgated: str
    place: str = "Hà Nội"
    type_name: str = "Công văn"
    signer: str = "Nguyễn Văn A"
    position: str = "Chánh Văn phòng"
    priority: int = 0
    business_type: int = 0
    business_document_id: str = ""
    replaces: tuple[str, ...] = ()
    reason: str = ""
    due: str = ""
    document_id: str = ""
    files: tuple[File, ...] = field(default=())

    def identifier(self) -> str:
        """Return the DocumentId: as given, else issuer, date and code (reference §3.3)."""
        return self.document_id or f"{self.sender.code},{self.promulgated},{self.number}/{self.notation}"


_REASONS = ("Văn bản điện tử mới", "Thu hồi văn bản điện tử", "Cập nhật văn bản điện tử", "Văn bản thay thế")


def pdf_files(title: str, count: int, size: int, seed: int) -> tuple[File, ...]:
    """Return `count` deterministic PDFs of `size` bytes named after their place."""
    return tuple(
        File(f"van-ban-{place}.pdf", "application/pdf", make_pdf(f"{title} ({place})", size, seed + place))
        for place in range(1, count + 1)
    )


def write_document(draft: Draft, now: datetime, rng: Random) -> bytes:
    """Return the edXML file of a document; attachments are zipped as the library does."""
    header = group("edXML:edXMLHeader", _message_header(draft), _trace_header(draft, now))
    references = [
        node
        for place, file in enumerate(draft.files, start=1)
        for node in group(
            "edXML:Reference",
            leaf("edXML:ContentId", f"cid:{place}"),
            leaf("edXML:ContentType", "application/zip"),
            leaf("edXML:Description", file.name),
            leaf("edXML:AttachmentName", file.name),
        )
    ]
    manifest = Node("edXML:edXMLManifest", children=references, attributes={"version": "1.0"})
    body = Node("edXML:edXMLBody", children=[manifest])
    envelope = Node("edXML:edXMLEnvelope", children=[*header, body], attributes={"xmlns:edXML": NAMESPACE})
    files = group(
        "AttachmentEncoded", [_attachment(place, file, now, rng) for place, file in enumerate(draft.files, start=1)]
    )
    return write(Node("edXML", children=[envelope, *files], attributes={"xmlns": NAMESPACE}))


def write_status(sender: Organ, about: Reference, code: str, description: str, now: datetime) -> bytes:
    """Return the edXML file of a business status; `about.organ_id` is its addressee."""
    header = group(
        "edXML:MessageHeader",
        _organ("From", sender),
        group(
            "edXML:ResponseFor",
            leaf("edXML:OrganId", about.organ_id),
            leaf("edXML:Code", about.code),
            leaf("edXML:DocumentId", about.document_id),
            leaf("edXML:PromulgationDate", about.promulgated),
        ),
        group("edXML:StaffInfo", leaf("edXML:Department", "Văn thư"), leaf("edXML:Staff", "Nguyễn Văn A")),
        leaf("edXML:StatusCode", code),
        leaf("edXML:Description", description),
        leaf("edXML:Timestamp", f"{now:%Y/%m/%d %H:%M:%S}"),
    )
    envelope = Node(
        "edXML:edXMLEnvelope", children=group("edXML:edXMLHeader", header), attributes={"xmlns:edXML": NAMESPACE}
    )
    return write(Node("edXML", children=[envelope], attributes={"xmlns": NAMESPACE}))


def _message_header(draft: Draft) -> Sequence[Node]:
    return group(
        "edXML:MessageHeader",
        _organ("From", draft.sender),
        [node for organ in draft.recipients for node in _organ("To", organ)],
        leaf("edXML:DocumentId", draft.identifier()),
        group("edXML:Code", leaf("edXML:CodeNumber", draft.number), leaf("edXML:CodeNotation", draft.notation)),
        group(
            "edXML:PromulgationInfo",
            leaf("edXML:Place", draft.place),
            leaf("edXML:PromulgationDate", draft.promulgated),
        ),
        group(
            "edXML:DocumentType",
            leaf("edXML:Type", "1"),
            leaf("edXML:TypeDetail", "0"),
            leaf("edXML:TypeName", draft.type_name),
        ),
        leaf("edXML:Subject", draft.subject),
        leaf("edXML:Content", draft.subject),
        group("edXML:SignerInfo", leaf("edXML:Position", draft.position), leaf("edXML:FullName", draft.signer)),
        leaf("edXML:DueDate", draft.due),
        group(
            "edXML:OtherInfo",
            leaf("edXML:Priority", str(draft.priority)),
            leaf("edXML:SphereOfPromulgation", "Liên thông văn bản quốc gia"),
            leaf("edXML:PromulgationAmount", "1"),
            leaf("edXML:PageAmount", "1"),
            leaf("edXML:Direction", "false"),
        ),
        leaf("edXML:SteeringType", "0"),
    )


def _trace_header(draft: Draft, now: datetime) -> Sequence[Node]:
    return group(
        "edXML:TraceHeaderList",
        group(
            "edXML:TraceHeader",
            leaf("edXML:OrganId", draft.sender.code),
            leaf("edXML:Timestamp", f"{now:%Y/%m/%d %H:%M:%S}"),
        ),
        group(
            "edXML:Bussiness",
            leaf("edXML:DocumentId", draft.business_document_id),
            leaf("edXML:BussinessDocType", str(draft.business_type)),
            leaf("edXML:BussinessDocReason", draft.reason or _REASONS[draft.business_type]),
            leaf("edXML:Paper", "0"),
            _changed(draft),
            _replaced(draft),
            group("edXML:StaffInfo", leaf("edXML:Department", "Văn thư"), leaf("edXML:Staff", "Nguyễn Văn A")),
        ),
    )


def _changed(draft: Draft) -> Sequence[Node]:
    """What an update changes: the document's fields, not the list of receivers."""
    if draft.business_type != 2:
        return []
    return group("edXML:BussinessDocumentInfo", leaf("edXML:DocumentInfo", "1"), leaf("edXML:DocumentReceiver", "0"))


def _replaced(draft: Draft) -> Sequence[Node]:
    """The documents a replacement takes the place of, each for all receivers."""
    return group(
        "edXML:ReplacementInfoList",
        *(
            group(
                "edXML:ReplacementInfo",
                leaf("edXML:DocumentId", document_id),
                group("edXML:OrganIdList", *(leaf("edXML:OrganId", organ.code) for organ in draft.recipients)),
            )
            for document_id in draft.replaces
        ),
    )


def _organ(role: str, organ: Organ) -> list[Node]:
    return group(f"edXML:{role}", leaf("edXML:OrganId", organ.code), leaf("edXML:OrganName", organ.name))


def _attachment(place: int, file: File, now: datetime, rng: Random) -> Node:
    payload = base64.b64encode(wrap(file.content, file.name, now, rng)).decode()
    return Node(
        "Attachment",
        children=[
            *leaf("ContentId", f"cid:{place}"),
            *leaf("AttachmentName", file.name),
            *leaf("Description", file.name),
            *leaf("ContentType", "application/zip"),
            Node("edXML:ContentTransferEncoded", payload, attributes={"xmlns:edXML": NAMESPACE}),
        ],
    )
