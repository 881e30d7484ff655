"""The shape of edXML: names, order, clauses and lengths (reference vxp-edxml §2, §3, §4).

The order is that of the vendor's library; clause numbers are those of QCVN 102:2016 as integrators quote them, `§…`
where the regulation's number is not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

NAMESPACE: Final = "http://www.mic.gov.vn/TBT/QCVN_102_2016"
OLD_NAMESPACES: Final = frozenset({"http://www.e-doc.vn/Schema/", "http://www.go.vn/eDoc"})
DSIG: Final = "http://www.w3.org/2000/09/xmldsig#"
XLINK: Final = "http://www.w3.org/1999/xlink"
PREFIX: Final = "edXML"


@dataclass(frozen=True, slots=True)
class Shape:
    """What an element may contain: children in order; which are required, which repeat, which are not carried on."""

    order: Mapping[str, int]
    required: frozenset[str]
    repeated: frozenset[str]
    ignored: frozenset[str]

    @classmethod
    def of(cls, children: str) -> Shape:
        """From "A! B C* D+ E~": required, optional, any number, one or more, known but not carried."""
        marks = [(word.rstrip("!*+~"), word[-1]) for word in children.split()]

        def marked(*wanted: str) -> frozenset[str]:
            return frozenset(name for name, mark in marks if mark in wanted)

        order = {name: place for place, (name, _) in enumerate(marks)}
        return cls(order, marked("!", "+"), marked("*", "+"), marked("~"))


ROOT: Final = Shape.of("edXMLEnvelope! AttachmentEncoded")
ENVELOPE: Final = Shape.of("edXMLHeader! edXMLBody AttachmentEncoded")
HEADER: Final = Shape.of("MessageHeader! TraceHeaderList ErrorList~ Signature~ DigitalSignature~")
MESSAGE: Final = Shape.of(
    "From! To+ DocumentId! Code! PromulgationInfo! DocumentType! Subject! Content SignerInfo! DueDate OtherInfo! "
    "ResponseFor* SteeringType ResponseForTask ApplicationType ToPlaces"
)
STATUS: Final = Shape.of("From! ResponseFor! StaffInfo StatusCode! Description Timestamp")
ORGANIZATION: Final = Shape.of("OrganId! OrganizationInCharge OrganName! OrganAdd Email Telephone Fax Website")
CODE: Final = Shape.of("CodeNumber! CodeNotation!")
PROMULGATION: Final = Shape.of("Place! PromulgationDate!")
DOCUMENT_TYPE: Final = Shape.of("Type! TypeDetail TypeName!")
SIGNER: Final = Shape.of("Competence! Position! FullName!")
OTHER: Final = Shape.of(
    "Priority! SphereOfPromulgation TyperNotation PromulgationAmount PageAmount ReplyFors~ Direction ReferenceCodes~ "
    "Appendixes"
)
APPENDIXES: Final = Shape.of("Appendix*")
RESPONSE_FOR: Final = Shape.of("OrganId! Code DocumentId! PromulgationDate")
RESPONSE_FOR_TASK: Final = Shape.of("TaskCode")
TO_PLACES: Final = Shape.of("Place*")
TRACES: Final = Shape.of("TraceHeader* Bussiness")
TRACE: Final = Shape.of("OrganId! Timestamp!")
BUSSINESS: Final = Shape.of(
    "DocumentId BussinessDocType! BussinessDocReason Paper BussinessDocumentInfo ReplacementInfoList StaffInfo"
)
CHANGE: Final = Shape.of("DocumentInfo DocumentReceiver ReceiverList")
RECEIVERS: Final = Shape.of("Receiver*")
RECEIVER: Final = Shape.of("OrganId! ReceiverType!")
REPLACEMENTS: Final = Shape.of("ReplacementInfo*")
REPLACEMENT: Final = Shape.of("DocumentId! OrganIdList")
ORGAN_IDS: Final = Shape.of("OrganId*")
STAFF: Final = Shape.of("Department DepartmentId Staff StaffId Email Mobile")
BODY: Final = Shape.of("edXMLManifest AttachmentEncoded")
MANIFEST: Final = Shape.of("Reference*")
REFERENCE: Final = Shape.of("ContentId! ContentType Description AttachmentName")
ENCODED: Final = Shape.of("Attachment*")
ATTACHMENT: Final = Shape.of(
    "ContentId! AttachmentName! Description FieldName~ MimeType Format~ ContentType ContentTransferEncoded!"
)

LENGTHS: Final[Mapping[str, int]] = {
    "OrganName": 200,
    "OrganizationInCharge": 500,
    "OrganAdd": 500,
    "Email": 100,
    "Telephone": 20,
    "Fax": 20,
    "CodeNumber": 11,
    "CodeNotation": 30,
    "PromulgationInfo/Place": 50,
    "TypeName": 100,
    "Subject": 500,
    "Content": 500,
    "SphereOfPromulgation": 100,
    "TyperNotation": 10,
    "ToPlaces/Place": 150,
    "AttachmentName": 500,
}
"""Characters, as an old validator of one region checks them (§3.10): worth a warning, never a refusal."""

MAX_DOCUMENT_ID: Final = 255

_CLAUSES: Final[Mapping[str, str]] = {
    "MessageHeader": "1",
    "MessageHeader/From": "1.1",
    "MessageHeader/To": "1.2",
    "MessageHeader/Code": "1.3",
    "MessageHeader/PromulgationInfo": "1.4",
    "MessageHeader/DocumentType": "1.5",
    "MessageHeader/Subject": "1.6",
    "MessageHeader/Content": "1.7",
    "MessageHeader/SignerInfo": "1.8",
    "MessageHeader/DueDate": "1.9",
    "MessageHeader/ToPlaces": "1.10",
    "MessageHeader/OtherInfo": "1.11",
    "MessageHeader/OtherInfo/Appendixes": "1.11.6",
    "MessageHeader/ResponseFor": "1.12",
    "MessageHeader/SteeringType": "1.13",
    "MessageHeader/DocumentId": "1.14",
    "MessageHeader/StaffInfo": "§4",
    "MessageHeader/StatusCode": "§4",
    "MessageHeader/Description": "§4",
    "MessageHeader/Timestamp": "§4",
    "TraceHeaderList": "2",
    "TraceHeaderList/TraceHeader": "2.1",
    "TraceHeaderList/Bussiness": "2.2",
    "TraceHeaderList/Bussiness/BussinessDocType": "2.2.1",
    "TraceHeaderList/Bussiness/BussinessDocReason": "2.2.2",
    "TraceHeaderList/Bussiness/BussinessDocumentInfo": "2.2.3",
    "TraceHeaderList/Bussiness/DocumentId": "2.2.4",
    "Signature": "§3.9",
    "DigitalSignature": "§3.9",
    "edXMLBody": "§3.7",
    "AttachmentEncoded": "§3.8",
}


def clause_of(xpath: str) -> str:
    """The clause that governs the element at *xpath* (indexes are ignored): the longest known path wins."""
    names = [step.partition("[")[0] for step in xpath.split("/") if step]
    for begin, name in enumerate(names):
        if name in _CLAUSES:
            for end in range(len(names), begin, -1):
                clause = _CLAUSES.get("/".join(names[begin:end]))
                if clause:
                    return clause
    return "§2" if len(names) < 2 else "§3"
