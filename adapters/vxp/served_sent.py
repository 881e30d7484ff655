"""getSentEdocList: what a system sent, and what became of it at each recipient. Here it reads why a delivery failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from adapters.vxp.knock import Asked, parameters
from adapters.vxp.served_answers import listing
from adapters.vxp.served_rows import Row, doc_id, listed_type, our_id, sent_row
from adapters.vxp.served_sending import TYPES, message_type
from gateway.model.access import Caller
from gateway.model.delivery import Delivery, Purpose
from gateway.model.message import Kind, Message
from gateway.ports import Call, Mailbox, Records, Reply

MOST_LISTED: Final = 1000
"""Messages of one list, newest first."""
MOST_ROWS: Final = 10_000
"""A message to thousands of recipients has as many rows; after the one that reaches this number the list ends."""
MOST_SCANNED: Final = 10_000
"""Deliveries of the mailbox looked at for notices."""


class Sent:
    """The books of one system's sending."""

    def __init__(self, mailbox: Mailbox, records: Records) -> None:
        self._mailbox = mailbox
        self._records = records

    async def list(self, call: Call) -> Reply:
        """One row per message and recipient, newest first; of one `docId` of the caller's if given."""
        asked = parameters(call.headers)
        types = (message_type(asked),) if asked.text("messagetype") else TYPES
        messages = [
            message
            for message in await self._asked_for(asked, call.caller)
            if listed_type(message.envelope.kind) in types and message.envelope.kind is not Kind.NOTICE
        ]
        rows: list[Row] = []
        for message in messages:
            deliveries = await self._records.deliveries_of(message.id)
            rows += _rows(message, deliveries, await self._reported(message))
            if len(rows) >= MOST_ROWS:
                break
        await self._settle_notices(call.caller.system, {row["senderDocId"] for row in rows if _failed(row)})
        return await listing(rows)

    async def _settle_notices(self, system: str, told: AbstractSet[str]) -> None:
        """VXP has no notice: this list is where its sender reads it, and goes on reading it. So it is delivered."""
        if not told:
            return
        for delivery in await self._mailbox.mailbox(system, None, MOST_SCANNED):
            about = our_id(delivery.conversation.removeprefix("notice|"))
            if delivery.purpose is Purpose.NOTICE and about and doc_id(about) in told:
                await self._mailbox.settle(delivery.id, system, True, "getSentEdocList")

    async def _asked_for(self, asked: Asked, caller: Caller) -> Sequence[Message]:
        """A `docId` of a package the system *received* is one that the SDK left behind from getEdoc: no limit."""
        named = asked.text("docId")
        if not named or await self._was_received(named, caller):
            return await self._records.messages(peer=caller.system, limit=MOST_LISTED)
        message_id = our_id(named)
        message = await self._records.message(message_id) if message_id else None
        return [message] if message and message.peer == caller.system else []

    async def _was_received(self, named: str, caller: Caller) -> bool:
        delivery_id = our_id(named)
        delivery = await self._mailbox.delivery(delivery_id) if delivery_id else None
        return delivery is not None and delivery.destination == caller.system

    async def _reported(self, message: Message) -> Mapping[str, int]:
        """The last business status of each party about the document, by code in lower case; none about a status."""
        if message.envelope.kind is Kind.STATUS:
            return {}
        told = await self._records.conversation(message.envelope.conversation)
        return {
            status.envelope.sender.casefold(): status.envelope.status
            for status in told
            if status.envelope.kind is Kind.STATUS
        }


def _rows(message: Message, deliveries: Sequence[Delivery], reported: Mapping[str, int]) -> list[Row]:
    """One row per recipient; of several deliveries to one (a replay) the newest counts."""
    newest = {
        recipient: delivery
        for delivery in deliveries
        if delivery.purpose is Purpose.CONTENT
        for recipient in delivery.recipients
    }
    return [
        sent_row(message, recipient, delivery, reported.get(recipient.casefold()))
        for recipient, delivery in newest.items()
    ]


def _failed(row: Row) -> bool:
    return row["sendStatus"] == "fail"
