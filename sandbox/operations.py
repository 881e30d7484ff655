"""The operations of reference §6.3 behind a verified call: what each does to the store and what it answers."""

from __future__ import annotations

import base64
import fnmatch
import hashlib
import json
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random

from sandbox import edxml, refusals
from sandbox.agencies import Agency, Directory, shipped
from sandbox.edxml import NotEdxml, Seen
from sandbox.refusals import Refusal
from sandbox.relay import Relay
from sandbox.settings import SandboxSettings, System
from sandbox.store import Copy, Package, Store
from sandbox.wire import Call, announced_file

Answer = dict[str, object]
UNATTENDED = "unattended"
"""Pseudo-system that holds packages for agencies of the directory no connected system acts for."""

AXIS_CODE = "00.22.W00"
MESSAGE_TYPES = ("edoc", "status")
ACK_STATES = {"processing": "Đang xử lý", "done": "Đã nhận", "fail": "Nhận thất bại"}


@dataclass(frozen=True, slots=True)
class Incoming:
    """A package on its way in, however it came: over the wire or from the control interface."""

    system_id: str
    sender: str
    message_type: str
    source: bytes
    to: tuple[str, ...] | None = None


class Operations:
    """State and rules of the axis. Blocking; callers run `prepare` in a thread for large files."""

    def __init__(
        self, settings: SandboxSettings, systems: Sequence[System], store: Store, now: Callable[[], datetime]
    ) -> None:
        self.settings = settings
        self.systems = {system.system_id: system for system in systems}
        self.store = store
        self.directory = Directory([*shipped(), *settings.agencies, *store.agencies()])
        self.observations: dict[str, int] = {}
        self._now = now
        self._ids = Random(f"{settings.seed}:{store.count()}")  # noqa: S311 (ids of a simulation)
        self._table: Mapping[str, Callable[[Call, bytes], Answer]] = {
            "getReceivedEdocList": self._received_list,
            "getEdoc": self._get_edoc,
            "updateStatus": self._update_status,
            "getSentEdocList": self._sent_list,
            "countReceiveEdoc": lambda call, body: self._count(call, "edoc"),
            "countReceiveStatus": lambda call, body: self._count(call, "status"),
            "getAgenciesList": self._agencies,
            "getAgenciesListQD20": self._agencies_qd20,
            "getSynchronizeUnit": self._units,
            "registerAgency": self._register,
            "deleteAgency": self._delete,
        }

    def perform(self, operation: str, call: Call, body: bytes) -> Answer:
        """Carry out any operation but sendEdoc and downloadEdoc. Raises Refusal."""
        action = self._table.get(operation)
        if action is None:
            raise Refusal(refusals.UNKNOWN_OPERATION, f"Unknown operation: {operation}")
        return success(**action(call, body))

    def incoming(self, call: Call, body: bytes) -> Incoming:
        """Check a sendEdoc call and take its file out of the body. Raises Refusal."""
        kind, sender = call.need("messagetype"), call.need("from")
        call.need("servicetype")
        if kind not in MESSAGE_TYPES:
            raise Refusal(refusals.MISSING_PARAMETER, f"Unknown messagetype: {kind}")
        if not self.acts_for(call.system_id, sender):
            raise Refusal(refusals.FOREIGN_SENDER, f"Sender is not registered under this system: {sender}")
        checked = self.settings.hash_file == "verify"
        source = announced_file(body, call.need("hash-file") if checked else None)
        if not source:
            raise Refusal(refusals.INVALID_FILE, "Empty file")
        return Incoming(call.system_id, sender, kind, source, _to_header(call.params.get("to", "")))

    def prepare(self, incoming: Incoming) -> tuple[Package, list[Copy]]:
        """Parse, route and rewrite a package without storing it. Raises Refusal."""
        now = self._now()
        try:
            seen = edxml.read(incoming.source)
            relayed = Relay(self.settings.relay, AXIS_CODE, Random(self._ids.random())).rewrite(  # noqa: S311
                incoming.source, now
            )
        except (NotEdxml, RecursionError) as error:
            raise Refusal(refusals.NOT_EDXML, str(error)) from error
        self._check_addressed(seen, incoming)
        routes = self._routes(seen, incoming)
        package = _package(self._new_id(), incoming, seen, relayed, f"{now:%Y/%m/%d %H:%M:%S}")
        copies = [self._new_copy(package, system, codes) for system, codes in routes]
        if seen.sender.code != incoming.sender:
            self._observe("from_header_differs_from_document")
        return package, copies

    def keep(self, package: Package, copies: list[Copy]) -> Answer:
        """Store a prepared package and answer its sender."""
        self.store.add(package, copies)
        return success(DocId=package.doc_id)

    def keep_again(self, package: Package, copies: list[Copy]) -> None:
        """Store the same package once more under new ids: a duplicate made by the axis itself."""
        doc_id = self._new_id()
        again = [replace(copy, doc_id=doc_id, receiver_doc_id=self._new_id()) for copy in copies]
        self.store.add(replace(package, doc_id=doc_id), again)

    def download(self, call: Call) -> bytes:
        """Return the relayed file of one of the caller's packages. Raises Refusal."""
        return self.store.relayed(self._copy(call))

    def reopen(self, call: Call) -> None:
        """Put an acknowledged package back on its receiver's list."""
        self.store.acknowledge(self._copy(call), "processing", self._stamp())

    def acts_for(self, system_id: str, code: str) -> bool:
        """Tell whether a system may send in this agency's name."""
        return self.owner(code) == system_id

    def owner(self, code: str) -> str:
        """Return the system an agency's packages go to: where it registered, else by the systems' patterns."""
        agency = self.directory.find(code)
        if agency is not None and agency.owner:
            return agency.owner
        for system in self.systems.values():
            known = (system.system_id, *system.agencies)
            if any(fnmatch.fnmatchcase(code, pattern) for pattern in known):
                return system.system_id
        return UNATTENDED

    def _check_addressed(self, seen: Seen, incoming: Incoming) -> None:
        if self.settings.document_check == "well_formed":
            return
        if not seen.sender.code:
            raise Refusal(refusals.NOT_EDXML, "MessageHeader/From/OrganId is missing")
        if (incoming.message_type == "status") != seen.is_status:
            raise Refusal(refusals.NOT_EDXML, "messagetype does not fit the document")
        if not self._addressees(seen, incoming):
            raise Refusal(refusals.NOT_EDXML, "No recipient (MessageHeader/To or ResponseFor/OrganId)")

    def _addressees(self, seen: Seen, incoming: Incoming) -> tuple[str, ...]:
        if incoming.to and self.settings.to_header == "overrides":
            return incoming.to
        if seen.is_status:
            return (seen.response_for.organ_id,) if seen.response_for and seen.response_for.organ_id else ()
        return tuple(dict.fromkeys(organ.code for organ in seen.recipients if organ.code))

    def _routes(self, seen: Seen, incoming: Incoming) -> list[tuple[str, tuple[str, ...]]]:
        by_system: dict[str, list[str]] = {}
        for code in self._addressees(seen, incoming):
            owner = self.owner(code)
            if self.directory.find(code) is None and code not in self.systems:
                raise Refusal(refusals.UNKNOWN_RECIPIENT, f"Recipient does not exist: {code}")
            by_system.setdefault(owner, []).append(code)
        if self.settings.copies == "per_agency":
            return [(system, (code,)) for system, codes in by_system.items() for code in codes]
        return [(system, tuple(codes)) for system, codes in by_system.items()]

    def _new_copy(self, package: Package, system: str, codes: tuple[str, ...]) -> Copy:
        return Copy(
            self._new_id(),
            package.doc_id,
            package.message_type,
            package.sender,
            codes,
            system,
            "processing",
            package.created,
            package.created,
            package.title,
            package.notation,
            0,
            0,
        )

    def _new_id(self) -> str:
        if self.settings.docid_form == "hex24":
            return f"{self._ids.getrandbits(96):024x}"
        return str(uuid.UUID(int=self._ids.getrandbits(128), version=4))

    def _copy(self, call: Call) -> Copy:
        copy = self.store.copy(call.system_id, call.need("docId"))
        if copy is None:
            raise Refusal(refusals.UNKNOWN_DOCUMENT, f"No such document: {call.need('docId')}")
        return copy

    def _received_list(self, call: Call, body: bytes) -> Answer:
        """Everything not acknowledged: no paging was ever seen, fromDate and toDate exist in the SDK's classes only."""
        call.need("servicetype")
        return {"data": [_received_row(copy) for copy in self.store.pending(call.system_id, call.need("messagetype"))]}

    def _get_edoc(self, call: Call, body: bytes) -> Answer:
        return {"data": base64.b64encode(self.download(call)).decode()}

    def _update_status(self, call: Call, body: bytes) -> Answer:
        state = call.need("status")
        if state not in ACK_STATES:
            raise Refusal(refusals.MISSING_PARAMETER, f"Unknown status: {state}")
        self.store.acknowledge(self._copy(call), state, self._stamp())
        return {}

    def _sent_list(self, call: Call, body: bytes) -> Answer:
        sent = self.store.sent_by(
            call.system_id, call.params.get("messagetype") or None, call.params.get("docid") or None
        )
        return {"data": [_sent_row(copy, code) for copy in sent for code in copy.recipients]}

    def _count(self, call: Call, message_type: str) -> Answer:
        return {"count": len(self.store.pending(call.system_id, message_type))}

    def _agencies(self, call: Call, body: bytes) -> Answer:
        numbers = {agency.code: agency.number for agency in self.directory}
        return {
            "data": [
                {
                    "id": str(agency.number),
                    "pid": str(numbers.get(agency.parent, "")),
                    "code": agency.code,
                    "name": agency.name,
                    "mail": agency.mail,
                    "oldCode": agency.code,
                }
                for agency in self._live()
            ]
        }

    def _agencies_qd20(self, call: Call, body: bytes) -> Answer:
        level = call.params.get("level", "")
        return {
            "data": [
                {
                    "id": str(agency.number),
                    "code": agency.qd20,
                    "name": agency.name,
                    "mail": agency.mail,
                    "code102": agency.code,
                }
                for agency in self._live()
                if agency.qd20 and (not level or str(agency.qd20.count(".") + 1) == level)
            ]
        }

    def _units(self, call: Call, body: bytes) -> Answer:
        numbers = {agency.code: agency.number for agency in self.directory}
        return {
            "data": [
                {
                    "id": str(agency.number),
                    "pid": str(numbers.get(agency.parent, "")),
                    "code": agency.code,
                    "name": agency.name,
                    "mail": agency.mail,
                    "version": "1",
                    "centerCode": self.owner(agency.code),
                    "deleted": agency.deleted,
                    "modifyDate": agency.modified,
                    "isAgency": True,
                }
                for agency in self.directory
            ]
        }

    def _register(self, call: Call, body: bytes) -> Answer:
        wanted = _json_object(body)
        code, name = str(wanted.get("code", "")), str(wanted.get("name", ""))
        if not code or not name:
            raise Refusal(refusals.MISSING_PARAMETER, "registerAgency needs code and name")
        known = self.directory.find(code)
        if known is not None and self.owner(code) not in (call.system_id, UNATTENDED):
            raise Refusal(refusals.UNKNOWN_AGENCY, f"Agency belongs to another system: {code}")
        agency = Agency(
            known.number if known else self.directory.next_number(),
            known.code if known else code,
            name,
            str(wanted.get("mail", "")),
            str(wanted.get("pcode", "")),
            known.qd20 if known else "",
            call.system_id,
            self._stamp(),
        )
        self._put(agency)
        return {}

    def _delete(self, call: Call, body: bytes) -> Answer:
        code = call.need("AgencyCode")
        agency = self.directory.find(code)
        if agency is None or self.owner(code) != call.system_id:
            raise Refusal(refusals.UNKNOWN_AGENCY, f"No such agency under this system: {code}")
        self._put(replace(agency, deleted=True, modified=self._stamp()))
        return {}

    def _put(self, agency: Agency) -> None:
        self.store.put_agency(agency)
        self.directory.put(agency)

    def _live(self) -> Iterable[Agency]:
        return (agency for agency in self.directory if not agency.deleted)

    def _stamp(self) -> str:
        return f"{self._now():%Y/%m/%d %H:%M:%S}"

    def _observe(self, what: str) -> None:
        self.observations[what] = self.observations.get(what, 0) + 1


def success(**fields: object) -> Answer:
    """Return an OK answer: the SDK fails if one of the three keys is missing (reference §6.1)."""
    return {"status": "OK", "ErrorCode": "0", "ErrorDesc": "Thành công", **fields}


def failure(refusal: Refusal) -> Answer:
    """Return a FAIL answer with the same three keys."""
    return {"status": "FAIL", "ErrorCode": refusal.code, "ErrorDesc": refusal.description}


def _package(doc_id: str, incoming: Incoming, seen: Seen, relayed: bytes, created: str) -> Package:
    """The identity counts repeats: sender, document, business type and the attachments' content."""
    identity = hashlib.sha256(json.dumps(seen.identity()).encode()).hexdigest()
    about = seen.response_for
    return Package(
        doc_id,
        incoming.system_id,
        incoming.sender,
        incoming.message_type,
        document_id=about.document_id if seen.is_status and about else seen.document_id,
        business_type=f"status {seen.status_code}" if seen.is_status else seen.business_type,
        title=seen.description if seen.is_status else seen.subject,
        notation=about.code if seen.is_status and about else f"{seen.number}/{seen.notation}",
        digests=tuple(file.sha256 for file in seen.files),
        identity=identity,
        created=created,
        sent=incoming.source,
        relayed=relayed,
    )


def _received_row(copy: Copy) -> Answer:
    return {
        "docId": copy.receiver_doc_id,
        "serviceType": "eDoc",
        "messageType": copy.message_type,
        "created_time": copy.created,
        "updated_time": copy.updated,
        "from": copy.sender,
        "to": _codes(copy.recipients),
        "status": copy.state,
        "status_desc": ACK_STATES[copy.state],
    }


def _sent_row(copy: Copy, code: str) -> Answer:
    return {
        "serviceType": "eDoc",
        "messageType": copy.message_type,
        "senderDocId": copy.doc_id,
        "receiverDocId": copy.receiver_doc_id,
        "fromCode": copy.sender,
        "toCode": code,
        "title": copy.title,
        "notation": copy.notation,
        "sentTime": copy.created,
        "sendStatus": "done",
        "sendStatusDesc": "Đã gửi",
        "receivedTime": copy.updated if copy.acks else "",
        "receiveStatus": copy.state,
        "receiveStatusDesc": ACK_STATES[copy.state],
    }


def _codes(recipients: tuple[str, ...]) -> str:
    """One code plainly; several as the JSON array text the `to` header uses (the real form is not known)."""
    return recipients[0] if len(recipients) == 1 else json.dumps(recipients)


def _to_header(value: str) -> tuple[str, ...] | None:
    if not value:
        return None
    try:
        codes = json.loads(value)
    except ValueError as error:
        raise Refusal(refusals.MISSING_PARAMETER, "The to header is not a JSON array") from error
    if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
        raise Refusal(refusals.MISSING_PARAMETER, "The to header is not a JSON array of codes")
    return tuple(dict.fromkeys(codes))


def _json_object(body: bytes) -> dict[str, object]:
    try:
        value = json.loads(body)
    except ValueError as error:
        raise Refusal(refusals.MISSING_PARAMETER, "The body is not JSON") from error
    if not isinstance(value, dict):
        raise Refusal(refusals.MISSING_PARAMETER, "The body is not a JSON object")
    return value
