"""`/api/v1/messages`: what became of what was sent, and what came in."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Final

from adapters.rest import asking
from adapters.rest.answers import answer, moment
from adapters.rest.codec import DIALECT
from adapters.rest.own import concerns, own_message, own_messages, sent
from adapters.rest.rows import MESSAGES, Members, history_row, summary, timeline_row, whole
from gateway.clock import Clock
from gateway.model.access import Caller
from gateway.model.delivery import Purpose
from gateway.model.message import Kind, Message, conversation_of
from gateway.ports import Call, Endpoint, Records, Reply

_TYPE_OF_DIALECT: Final = {DIALECT: "application/json", "edxml": "application/xml"}


class Traffic:
    """Reading back. Rights are checked here, object by object (:mod:`adapters.rest.own`)."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint("GET", MESSAGES, self.list),
            Endpoint("GET", f"{MESSAGES}/{{id}}", self.show),
            Endpoint("GET", f"{MESSAGES}/{{id}}/body", self.body),
        )

    async def list(self, call: Call) -> Reply:
        """Own traffic, newest first."""
        asking.known_only(call, "limit", "before", "q", "party")
        page = await own_messages(
            self._records,
            call.caller,
            asking.own_party(call),
            asking.search(call),
            asking.before(call),
            asking.limit(call),
        )
        rows = [summary(message) for message in page.messages]
        return answer({"messages": rows, "next": page.next or None, "as_of": moment(self._clock.now())})

    async def show(self, call: Call) -> Reply:
        """One message with its timeline. The sender sees every recipient, a recipient only itself."""
        asking.known_only(call)
        message = await own_message(self._records, call.caller, call.path["id"])
        timeline = await self._timeline(message, call.caller, call.language)
        history = await self._history(message, call.caller)
        members = whole(message, timeline, history, await self._records.verdicts(message.id))
        if message.envelope.kind is Kind.STATUS:
            members["attached"] = any(row["kind"] != Kind.STATUS for row in history)
        if message.peer == call.caller.system:
            members["idempotency_key"] = message.reference
        return answer({**members, "as_of": moment(self._clock.now())})

    async def _history(self, message: Message, caller: Caller) -> Sequence[Members]:
        """What else belongs to the conversation, first to last, as far as it concerns the caller.

        A document that updates or replaces another belongs to that one's conversation, and has one of its own too.
        """
        envelope = message.envelope
        names = dict.fromkeys((envelope.conversation, conversation_of(envelope.sender, envelope.business_id)))
        found = [other for name in names for other in await self._records.conversation(name)]
        return [history_row(other) for other in found if other.id != message.id and concerns(other, caller)]

    async def _timeline(self, message: Message, caller: Caller, language: str) -> Sequence[Members]:
        everyone = sent(message, caller)
        rows: list[Members] = []
        for delivery in await self._records.deliveries_of(message.id):
            shown = [party for party in delivery.recipients if everyone or party in caller.parties]
            if shown and delivery.purpose is not Purpose.ACKNOWLEDGEMENT:
                attempts = await self._records.attempts_of(delivery.id)
                rows += [timeline_row(delivery, party, attempts, language) for party in shown]
        return rows

    async def body(self, call: Call) -> Reply:
        """The original bytes as they were received, with their SHA-256 (RFC 9530 Repr-Digest)."""
        asking.known_only(call)
        message = await own_message(self._records, call.caller, call.path["id"])
        return await original(self._records, message)


async def original(records: Records, message: Message) -> Reply:
    """The original bytes of *message*, never re-encoded; unreadable ones are labelled as mere bytes."""
    raw = await records.body(message.body.id)
    digest = base64.b64encode(bytes.fromhex(message.body.sha256)).decode()
    return Reply(200, raw, _media_type(message), {"Repr-Digest": f"sha-256=:{digest}:", "Cache-Control": "no-store"})


def _media_type(message: Message) -> str:
    if message.envelope.kind is Kind.NOTICE:
        return "application/json"
    if message.envelope.kind is Kind.OPAQUE:
        return "application/octet-stream"
    return _TYPE_OF_DIALECT.get(message.dialect, "application/octet-stream")
