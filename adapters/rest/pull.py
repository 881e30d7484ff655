"""`/api/v1/mailbox`: a system takes what is addressed to its parties and acknowledges it."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final

from adapters.rest import asking
from adapters.rest.answers import answer, moment
from adapters.rest.codec import pieces
from adapters.rest.reader import Reader, read_whole, wrong
from adapters.rest.rows import mailbox_row, signature_row
from adapters.rest.traffic import original
from adapters.rest.writing import dumps
from gateway.clock import Clock
from gateway.errors import Refusal
from gateway.formats import strictjson
from gateway.model.access import Caller
from gateway.model.delivery import Delivery, Purpose, State
from gateway.model.document import Content
from gateway.model.message import Kind, Message
from gateway.ports import Call, Endpoint, Mailbox, Records, Reply

MAILBOX: Final = "/api/v1/mailbox"
MOST_COUNTED: Final = 1000
"""`unread` is counted up to here."""
INLINE_BYTES: Final = 16 * 1024
"""Larger bodies are rendered in a thread, so that the event loop stays free."""
LONGEST_REASON: Final = 2000
_OPEN: Final = frozenset({State.QUEUED, State.DEFERRED})

Contents = Callable[[Message], Awaitable[Content]]


class Pull:
    """The mailbox of one system. A delivery of another system does not exist for it."""

    def __init__(self, mailbox: Mailbox, records: Records, contents: Contents, clock: Clock) -> None:
        self._mailbox = mailbox
        self._records = records
        self._contents = contents
        self._clock = clock

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint("GET", MAILBOX, self.list),
            Endpoint("GET", f"{MAILBOX}/{{delivery}}", self.fetch),
            Endpoint("POST", f"{MAILBOX}/{{delivery}}/ack", self.acknowledge, reads_body=True),
        )

    async def list(self, call: Call) -> Reply:
        """Everything not yet acknowledged, oldest first."""
        asking.known_only(call, "party", "limit")
        party, limit = asking.own_party(call), asking.limit(call)
        waiting = [
            delivery
            for delivery in await self._mailbox.mailbox(call.caller.system, party, MOST_COUNTED)
            if delivery.purpose is not Purpose.ACKNOWLEDGEMENT
        ]
        rows = [mailbox_row(delivery, await self._message_of(delivery)) for delivery in waiting[:limit]]
        return answer({"deliveries": rows, "unread": len(waiting), "as_of": moment(self._clock.now())})

    async def fetch(self, call: Call) -> Reply:
        """The content as JSON, or the untouched edXML where that is asked for and was received; on record."""
        asking.known_only(call)
        delivery = await self._own(call.path["delivery"], call.caller)
        if not _offered(delivery):
            raise Refusal("delivery.not_found", where="path", detail="not offered yet: another one goes before it")
        message = await self._message_of(delivery)
        readable = message.envelope.kind not in (Kind.NOTICE, Kind.OPAQUE)
        if readable and message.dialect == "edxml" and asking.prefers_xml(call):
            reply = await original(self._records, message)
        else:
            reply = await self._as_json(delivery, message)
        if delivery.state in _OPEN:
            await self._mailbox.fetched(delivery)
        return reply

    async def acknowledge(self, call: Call) -> Reply:
        """{"result": "done"} ends the delivery, {"result": "fail", "reason": …} leaves it to a person. Repeatable."""
        asking.known_only(call)
        delivery = await self._own(call.path["delivery"], call.caller)
        done, reason = _result(call)
        settled = await self._mailbox.settle(delivery.id, call.caller.system, done, reason)
        return answer({"delivery": delivery.id, "message_id": delivery.message_id, "state": settled.state.value})

    async def _own(self, delivery_id: str, caller: Caller) -> Delivery:
        delivery = await self._mailbox.delivery(delivery_id)
        if delivery is None or delivery.destination != caller.system or delivery.purpose is Purpose.ACKNOWLEDGEMENT:
            raise Refusal("delivery.not_found", where="path")
        return delivery

    async def _message_of(self, delivery: Delivery) -> Message:
        message = await self._records.message(delivery.message_id)
        if message is None:
            raise Refusal("message.not_found", where=f"delivery {delivery.id}")
        return message

    async def _as_json(self, delivery: Delivery, message: Message) -> Reply:
        judged = await self._records.verdicts(message.id)
        head = dumps({**mailbox_row(delivery, message), "signatures": [signature_row(one) for one in judged]})
        if message.envelope.kind in (Kind.NOTICE, Kind.OPAQUE):
            content: Content | bytes = await self._records.body(message.body.id)
        else:
            content = await self._contents(message)
        if message.body.size <= INLINE_BYTES:
            body = _with_content(head, message.envelope.kind, content)
        else:
            body = await asyncio.to_thread(_with_content, head, message.envelope.kind, content)
        return Reply(200, body, headers={"Cache-Control": "no-store", "Vary": "Accept"})


def _offered(delivery: Delivery) -> bool:
    """Whether the system may see the content: it is in the list now, or was taken before. Order holds: what waits
    behind another, or was held or cancelled before anybody took it, is not handed out by guessing its id."""
    return delivery.state in _OPEN or (delivery.attempts > 0 and delivery.state is not State.WAITING)


def _with_content(head: bytes, kind: Kind, content: Content | bytes) -> bytes:
    """The JSON object *head* with a last member "content": a notice as it is, unreadable bytes as base64."""
    if not isinstance(content, bytes):
        inner: Iterable[bytes] = pieces(content)
    elif kind is Kind.NOTICE:
        inner = (content,)
    else:
        inner = (b'{"media_type":"application/octet-stream","content":"', base64.b64encode(content), b'"}')
    return b"".join((head[:-1], b',"content":', *inner, b"}"))


def _result(call: Call) -> tuple[bool, str]:
    if asking.media_type(call) != "application/json":
        raise Refusal("http.media_type", where="Content-Type", detail="the acknowledgement is application/json")
    return read_whole(strictjson.loads(call.body), _acknowledgement)


def _acknowledgement(reader: Reader) -> tuple[bool, str]:
    result, reason = reader.text("result"), reader.text("reason")
    if result not in ("done", "fail"):
        wrong(reader.at("result"), "done or fail is expected")
    if len(reason) > LONGEST_REASON:
        wrong(reader.at("reason"), f"at most {LONGEST_REASON} characters")
    if result == "fail" and not reason.strip():
        wrong(reader.at("reason"), "a failure needs a reason")
    return result == "done", reason
