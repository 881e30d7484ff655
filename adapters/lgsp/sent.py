"""What a caller sent and where it is: getSentEdocList, an addition with the national axis' names (reference §6.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from adapters.lgsp.codes import type_of
from adapters.lgsp.replies import dashed
from gateway.clock import VIETNAM
from gateway.model.delivery import Delivery, Purpose, State
from gateway.model.message import Kind, Message
from gateway.ports import Mailbox, Records

MOST_LISTED: Final = 1000
"""Messages of one list, newest first."""
MOST_ROWS: Final = 10_000
"""A message to thousands of recipients has as many rows; after the one that reaches this number the list ends."""
MOST_SCANNED: Final = 10_000
"""Deliveries of the mailbox looked at for notices."""

Row = Mapping[str, object]

_FAILED: Final = frozenset({State.REJECTED, State.EXPIRED, State.CANCELLED})
_WORDS: Final[Mapping[State, str]] = {
    State.DELIVERED: "Đã chuyển",
    State.REJECTED: "Nơi nhận từ chối",
    State.EXPIRED: "Hết hạn mà chưa chuyển được",
    State.CANCELLED: "Đã hủy",
    State.HELD: "Tạm giữ, chờ người xử lý",
}


class Sent:
    """The books of one system's sending."""

    def __init__(self, mailbox: Mailbox, records: Records) -> None:
        self._mailbox = mailbox
        self._records = records

    async def rows(self, system: str, type: str, message_id: str) -> Sequence[Row]:
        """One row per message and recipient, newest first; only those of one message if *message_id*."""
        rows: list[Row] = []
        told: set[str] = set()
        for message in await self._messages(system, message_id):
            if message.envelope.kind is Kind.NOTICE or type_of(message) != type:
                continue
            found = _rows(message, await self._records.deliveries_of(message.id))
            rows += found
            if any(row["sendStatus"] == "fail" for row in found):
                told.add(f"notice|{message.id}")
            if len(rows) >= MOST_ROWS:
                break
        await self._settle_notices(system, told)
        return rows

    async def _messages(self, system: str, message_id: str) -> Sequence[Message]:
        if not message_id:
            return await self._records.messages(peer=system, limit=MOST_LISTED)
        one = await self._records.message(message_id)
        return [one] if one and one.peer == system else []

    async def _settle_notices(self, system: str, told: set[str]) -> None:
        """This API has no notice: this list is where its sender reads it, and goes on reading it. So it is
        delivered."""
        if not told:
            return
        for delivery in await self._mailbox.mailbox(system, None, MOST_SCANNED):
            if delivery.purpose is Purpose.NOTICE and delivery.conversation in told:
                await self._mailbox.settle(delivery.id, system, True, "getSentEdocList")


def _rows(message: Message, deliveries: Sequence[Delivery]) -> list[Row]:
    """One row per recipient; of several deliveries to one (a replay) the newest counts."""
    newest = {
        party: delivery
        for delivery in deliveries
        if delivery.purpose is Purpose.CONTENT
        for party in delivery.recipients
    }
    return [_row(message, delivery, party) for party, delivery in newest.items()]


def _row(message: Message, delivery: Delivery, party: str) -> Row:
    return {
        "serviceType": "eDoc",
        "messageType": type_of(message),
        "senderDocId": dashed(message.id),
        "receiverDocId": delivery.reference,
        "fromCode": message.envelope.sender,
        "toCode": party,
        "title": message.envelope.subject,
        "notation": message.envelope.code,
        "sentTime": _written(message.received_at),
        "sendStatus": _status(delivery.state),
        "sendStatusDesc": _description(delivery),
        "receivedTime": _written(delivery.ended_at) if delivery.state is State.DELIVERED else "",
    }


def _status(state: State) -> str:
    return "done" if state is State.DELIVERED else "fail" if state in _FAILED else "processing"


def _description(delivery: Delivery) -> str:
    words = _WORDS.get(delivery.state, "Đang chuyển")
    plain = delivery.state is State.DELIVERED or not delivery.code
    return words if plain else f"{words} ({' '.join((delivery.code, delivery.detail)).strip()})"


def _written(at: datetime | None) -> str:
    return f"{at.astimezone(VIETNAM):%Y/%m/%d %H:%M:%S}" if at else ""
