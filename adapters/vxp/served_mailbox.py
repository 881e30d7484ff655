"""Taking what is addressed to the parties of a system: the list, the file, and the transport acknowledgement (§6.4)."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from adapters.vxp import codec
from adapters.vxp.knock import Asked, parameters
from adapters.vxp.served_answers import fail_in_place_of_a_file, listing, ok, with_file
from adapters.vxp.served_rows import Row, listed_type, our_id, received_row
from adapters.vxp.served_sending import TYPES, message_type
from adapters.vxp.wire import FILE_TYPE, PREFIX
from gateway.clock import VIETNAM
from gateway.errors import Refusal
from gateway.formats.foreign import moment
from gateway.model.access import Caller
from gateway.model.delivery import Delivery, Purpose, State
from gateway.model.document import Content
from gateway.model.message import Kind, Message
from gateway.ports import Call, Mailbox, Records, Reply

MOST_LISTED: Final = 1000
"""Rows of one list, oldest first; acknowledging them brings the next."""
MOST_SCANNED: Final = 10_000
"""Deliveries looked at for one list or count."""
INLINE_BYTES: Final = 16 * 1024
"""Larger files are put into base64 or rendered in a thread, so that the event loop stays free."""
LONGEST_REASON: Final = 2000

_OPEN: Final = frozenset({State.QUEUED, State.DEFERRED})

Contents = Callable[[Message], Awaitable[Content]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list is narrowed to. None or an empty bound: no limit on that side."""

    types: tuple[str, ...]
    party: str | None
    first: date | None
    last: date | None

    def covers(self, delivery: Delivery, message: Message) -> bool:
        """Whether the package belongs in the list."""
        on = delivery.created_at.astimezone(VIETNAM).date()
        return (
            listed_type(message.envelope.kind) in self.types
            and (self.first is None or self.first <= on)
            and (self.last is None or on <= self.last)
        )


class Pulling:
    """The mailbox of one system, as the axis would show it. A delivery of another system does not exist for it."""

    def __init__(self, mailbox: Mailbox, records: Records, contents: Contents) -> None:
        self._mailbox = mailbox
        self._records = records
        self._contents = contents

    async def list(self, call: Call) -> Reply:
        """Everything not acknowledged, oldest first; a notice is told in getSentEdocList instead."""
        wanted = _wanted(parameters(call.headers), call.caller)
        rows: list[Row] = []
        async for delivery, message in self._waiting(call.caller.system, wanted):
            rows.append(received_row(delivery, message))
            if len(rows) == MOST_LISTED:
                break
        return await listing(rows)

    async def count_documents(self, call: Call) -> Reply:
        """countReceiveEdoc: how many documents wait."""
        return await self._count(call, "edoc")

    async def count_statuses(self, call: Call) -> Reply:
        """countReceiveStatus: how many statuses wait."""
        return await self._count(call, "status")

    async def fetch(self, call: Call) -> Reply:
        """getEdoc: the file as base64, on record as fetched; it can be fetched again after it was acknowledged."""
        file = await self._take(call)
        if len(file) <= INLINE_BYTES:
            return with_file(base64.b64encode(file))
        return await asyncio.to_thread(lambda: with_file(base64.b64encode(file)))

    async def download(self, call: Call) -> Reply:
        """downloadEdoc: the same file as bare bytes. A refusal is no 200, or it would be saved as the file."""
        try:
            return Reply(200, await self._take(call), FILE_TYPE)
        except Refusal as refusal:
            return fail_in_place_of_a_file(refusal)

    async def acknowledge(self, call: Call) -> Reply:
        """updateStatus: done ends the delivery, fail leaves it to a person, processing changes nothing. Repeatable."""
        asked = parameters(call.headers)
        delivery = await self._own(asked.need("docId"), call.caller)
        status = asked.need("status").lower()
        if status not in ("done", "fail", "processing"):
            raise Refusal("http.request", f"{PREFIX}status", "done, fail or processing is expected")
        if status != "processing":
            reason = asked.text("reason") or asked.text("description") or f"updateStatus {status}"
            await self._mailbox.settle(delivery.id, call.caller.system, status == "done", reason[:LONGEST_REASON])
        return ok()

    async def _count(self, call: Call, type: str) -> Reply:
        parameters(call.headers)
        wanted = Wanted((type,), None, None, None)
        count = 0
        async for _ in self._waiting(call.caller.system, wanted):
            count += 1
        return ok(count=count)

    async def _waiting(self, system: str, wanted: Wanted) -> AsyncIterator[tuple[Delivery, Message]]:
        for delivery in await self._mailbox.mailbox(system, wanted.party, MOST_SCANNED):
            if delivery.purpose is Purpose.CONTENT:
                message = await self._message_of(delivery)
                if wanted.covers(delivery, message):
                    yield delivery, message

    async def _take(self, call: Call) -> bytes:
        delivery = await self._own(parameters(call.headers).need("docId"), call.caller)
        if not _offered(delivery):
            raise Refusal("delivery.not_found", f"{PREFIX}docId", "not offered yet: another one goes before it")
        file = await self._file(await self._message_of(delivery))
        if delivery.state in _OPEN:
            await self._mailbox.fetched(delivery)
        return file

    async def _file(self, message: Message) -> bytes:
        """The original bytes if they are edXML (or nobody could read them), else the content written as edXML."""
        if message.dialect == "edxml" or message.envelope.kind is Kind.OPAQUE:
            return await self._records.body(message.body.id)
        content = await self._contents(message)
        if message.body.size <= INLINE_BYTES:
            return codec.encode(content)
        return await asyncio.to_thread(codec.encode, content)

    async def _own(self, named: str, caller: Caller) -> Delivery:
        delivery_id = our_id(named)
        delivery = await self._mailbox.delivery(delivery_id) if delivery_id else None
        if delivery is None or delivery.destination != caller.system or delivery.purpose is not Purpose.CONTENT:
            raise Refusal("delivery.not_found", f"{PREFIX}docId")
        return delivery

    async def _message_of(self, delivery: Delivery) -> Message:
        message = await self._records.message(delivery.message_id)
        if message is None:
            raise Refusal("message.not_found", f"delivery {delivery.id}")
        return message


def _wanted(asked: Asked, caller: Caller) -> Wanted:
    """`messagetype` (both if absent), `to` (one own party), `fromDate` and `toDate` (unreadable ones limit nothing)."""
    return Wanted(
        types=(message_type(asked),) if asked.text("messagetype") else TYPES,
        party=_own_party(asked.text("to"), caller),
        first=_day(asked.text("fromDate")),
        last=_day(asked.text("toDate")),
    )


def _own_party(to: str, caller: Caller) -> str | None:
    """The one party a list is for. A JSON array is what the SDK's sendEdoc leaves behind in later calls: no limit."""
    if not to or to.startswith("["):
        return None
    if to not in caller.parties:
        raise Refusal("auth.forbidden", f"{PREFIX}to", "this party does not belong to the calling system")
    return to


def _day(text: str) -> date | None:
    at: datetime | None = moment(text) if text else None
    return at.astimezone(VIETNAM).date() if at else None


def _offered(delivery: Delivery) -> bool:
    """Whether the system may see the content: it is in the list now, or was before. What waits behind another, or
    was held or cancelled before anybody took it, is not handed out by guessing its id."""
    if delivery.state in _OPEN or delivery.state is State.DELIVERED:
        return True
    return delivery.attempts > 0 and delivery.state is not State.WAITING
