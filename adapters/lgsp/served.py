"""The served side, `/lgsp/v1/…`: software written for the regional axis changes its address and nothing else."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from adapters.lgsp import replies
from adapters.lgsp.codes import ACKNOWLEDGEMENTS, EDOC, MESSAGE_TYPES, type_of
from adapters.lgsp.form import boundary_of
from adapters.lgsp.handing import Handing
from adapters.lgsp.package import EDXML, FORM_DIALECT, Encode, off_loop, sent_form
from adapters.lgsp.reporting import Reporting, business_status
from adapters.lgsp.sent import MOST_SCANNED, Sent
from gateway.clock import VIETNAM
from gateway.errors import Refusal
from gateway.formats import strictjson
from gateway.model.access import Caller
from gateway.model.delivery import Delivery, Purpose, State
from gateway.model.document import Content
from gateway.model.message import Kind, Message, Submission
from gateway.ports import Accept, Call, Endpoint, Mailbox, Records, Reply

ROOT: Final = "/lgsp/v1"
MOST_LISTED: Final = 1000
"""Rows of one list, oldest first; acknowledging them brings the next."""

Contents = Callable[[Message], Awaitable[Content]]

_OPEN: Final = frozenset({State.QUEUED, State.DEFERRED})
_DAY: Final = re.compile(r"([0-9]{4})/([0-9]{1,2})/([0-9]{1,2})")
_LONGEST_REASON: Final = 2000


@dataclass(frozen=True, slots=True)
class ServedSettings:
    """What one source only tells about this API is a setting.

    *soft_refusals*: refused content is answered with HTTP 200 and its errorCode. *members*: the large members of a
    getEdoc answer, ``edxml`` as text, ``data`` as base64 of the file, ``attachments``; clients look at one of them.
    *business_statuses*: a number given to updateStatus (02 … 16) is sent on as the business status it is.
    """

    soft_refusals: bool = False
    members: frozenset[str] = frozenset({"edxml", "data", "attachments"})
    business_statuses: bool = True


class LgspEndpoints:
    """`gateway.ports.Inbound` for the regional API. *encode* is edXML's, handed in by wiring."""

    def __init__(
        self,
        accept: Accept,
        mailbox: Mailbox,
        records: Records,
        contents: Contents,
        encode: Encode,
        settings: ServedSettings | None = None,
    ) -> None:
        self._accept = accept
        self._mailbox = mailbox
        self._records = records
        self._settings = settings or ServedSettings()
        self._sent = Sent(mailbox, records)
        self._handing = Handing(records, contents, encode, self._settings.members)
        self._reporting = Reporting(accept, contents, encode)

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint("POST", f"{ROOT}/sendEdoc", self.send, reads_body=True, quarantines=FORM_DIALECT),
            Endpoint("GET", f"{ROOT}/syncReceivedEdocList", self.list),
            Endpoint("GET", f"{ROOT}/getEdoc", self.fetch),
            Endpoint("POST", f"{ROOT}/updateStatus", self.update, reads_body=True),
            Endpoint("GET", f"{ROOT}/getSentEdocList", self.sent),
        )

    def refuse(self, refusal: Refusal, language: str, reference: str) -> Reply:
        """The refusal with the axis' error code (reference §5.4) and ours."""
        return replies.refused(refusal, language, reference, soft=self._settings.soft_refusals)

    async def send(self, call: Call) -> Reply:
        """sendEdoc: the file of the form, durable when this answers. A duplicate gets the first docId."""
        boundary = boundary_of(call.headers.get("content-type", ""))
        raw, type = await off_loop(len(call.body), sent_form, call.body, boundary)
        _message_type(type or EDOC)
        accepted = await self._accept(
            Submission(peer=call.caller.system, dialect=EDXML, raw=raw, received_at=call.received_at)
        )
        return replies.acknowledged(replies.dashed(accepted.message_id))

    async def list(self, call: Call) -> Reply:
        """syncReceivedEdocList: what nobody acknowledged yet, oldest first, within the days asked for.

        ``to`` (one of the caller's parties) is an addition of ours for systems that serve many.
        """
        type = _message_type(call.query.get("messageType") or EDOC)
        first, last = _day(call.query, "fromDate"), _day(call.query, "toDate")
        if first and last and first > last:
            raise Refusal("http.request", "fromDate", "it lies after toDate")
        rows: list[Mapping[str, object]] = []
        for delivery in await self._mailbox.mailbox(call.caller.system, _own_party(call), MOST_SCANNED):
            if len(rows) == MOST_LISTED:
                break
            message = await self._records.message(delivery.message_id)
            if message is None or not _listed(delivery, message) or type_of(message) != type:
                continue
            if _within(delivery, first, last):
                rows.append(_row(delivery, message))
        return replies.success(rows, count=len(rows))

    async def fetch(self, call: Call) -> Reply:
        """getEdoc: the package of one of the caller's deliveries, on record as fetched."""
        delivery, message = await self._own(call.query.get("docId"), call.caller)
        if not _offered(delivery):
            raise Refusal("delivery.not_found", "docId", "not offered yet, or not any more")
        reply = await self._handing.hand_out(delivery, message)
        if delivery.state in _OPEN:
            await self._mailbox.fetched(delivery)
        return reply

    async def update(self, call: Call) -> Reply:
        """updateStatus: done ends the delivery, fail leaves it to a person, processing changes nothing. Repeatable.

        A business status in this place proves that the document was taken over, so it acknowledges as well.
        """
        doc_id, status, reason = _update(call)
        delivery, message = await self._own(doc_id, call.caller)
        if self._settings.business_statuses and (number := business_status(status)):
            business = await self._reporting.prepare(call, delivery, message, number, reason)
            if delivery.state in _OPEN:
                await self._mailbox.settle(delivery.id, call.caller.system, True, reason)
            await self._reporting.send(business)
        elif status not in ACKNOWLEDGEMENTS:
            raise Refusal("http.request", "status", "done, fail or processing is expected")
        elif status != "processing":
            said = reason or f"updateStatus {status}"
            await self._mailbox.settle(delivery.id, call.caller.system, status == "done", said)
        return replies.acknowledged(replies.dashed(delivery.id))

    async def sent(self, call: Call) -> Reply:
        """getSentEdocList: where what the caller sent is now; a failure for good is told here."""
        doc_id = call.query.get("docId")
        wanted = replies.undashed(doc_id) if doc_id else ""
        type = _message_type(call.query.get("messageType") or EDOC)
        rows = await self._sent.rows(call.caller.system, type, wanted)
        return replies.success(rows, count=len(rows))

    async def _own(self, doc_id: object, caller: Caller) -> tuple[Delivery, Message]:
        """The delivery of that docId, or Refusal delivery.not_found: absent, somebody else's, or behind another one."""
        delivery = await self._mailbox.delivery(replies.undashed(doc_id))
        if delivery is None or delivery.destination != caller.system or delivery.state is State.WAITING:
            raise Refusal("delivery.not_found", "docId")
        message = await self._records.message(delivery.message_id)
        if message is None or not _listed(delivery, message):
            raise Refusal("delivery.not_found", "docId")
        return delivery, message


def _listed(delivery: Delivery, message: Message) -> bool:
    """Notices have no edXML form: the sender finds what they tell in getSentEdocList."""
    return delivery.purpose is Purpose.CONTENT and message.envelope.kind is not Kind.NOTICE


def _offered(delivery: Delivery) -> bool:
    """Whether the content may be seen: it is in the list now, or was taken before it was held or ended."""
    return delivery.state in _OPEN or delivery.attempts > 0


def _row(delivery: Delivery, message: Message) -> Mapping[str, object]:
    return {
        "serviceType": "eDoc",
        "createdTime": _written(delivery.created_at),
        "updatedTime": _written(max(delivery.created_at, delivery.due_at)),
        "messageType": type_of(message),
        "docId": replies.dashed(delivery.id),
        "from": message.envelope.sender,
        "to": delivery.party,
        "status": "initial",
        "statusDesc": "Chờ nhận",
    }


def _within(delivery: Delivery, first: date | None, last: date | None) -> bool:
    """Whether the delivery was created or offered anew (release) on one of these days, both included."""
    created = delivery.created_at.astimezone(VIETNAM).date()
    offered = max(delivery.created_at, delivery.due_at).astimezone(VIETNAM).date()
    return (first is None or offered >= first) and (last is None or created <= last)


def _message_type(given: str) -> str:
    if given.strip().lower() not in MESSAGE_TYPES:
        raise Refusal("http.request", "messageType", "edoc or status is expected")
    return given.strip().lower()


def _own_party(call: Call) -> str | None:
    party = call.query.get("to") or None
    if party is not None and party not in call.caller.parties:
        raise Refusal("auth.forbidden", "to", "this party does not belong to the calling system")
    return party


def _day(query: Mapping[str, str], name: str) -> date | None:
    given = query.get(name, "").strip()
    if not given:
        return None
    match = _DAY.fullmatch(given)
    try:
        return date(*map(int, match.groups())) if match else _no_day(name)
    except ValueError:
        return _no_day(name)


def _no_day(name: str) -> date:
    raise Refusal("http.request", name, "a day yyyy/MM/dd is expected")


def _update(call: Call) -> tuple[object, str, str]:
    """docId, status in lower case, and a reason if one was given."""
    members = strictjson.loads(call.body)
    if not isinstance(members, dict):
        raise Refusal("json.value", "", "an object is expected")
    status, reason = members.get("status"), members.get("reason", "")
    if isinstance(status, bool) or not isinstance(status, str | int) or not str(status).strip():
        raise Refusal("json.value", "/status", "required: done, fail or processing")
    if not isinstance(reason, str) or len(reason) > _LONGEST_REASON:
        raise Refusal("json.value", "/reason", f"text of at most {_LONGEST_REASON} characters")
    return members.get("docId"), str(status).strip().lower(), reason.strip()


def _written(at: datetime) -> str:
    return f"{at.astimezone(VIETNAM):%Y/%m/%d %H:%M:%S}"
