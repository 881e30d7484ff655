"""Notices: a sender is told that a delivery failed for good, where its dialect has a place for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from gateway.clock import Clock
from gateway.model.delivery import Delivery, NewDelivery, Notice, Purpose, State
from gateway.model.ids import new_id
from gateway.model.message import Message

NOTICE_LIFETIME = timedelta(days=90)

_WORDS: Mapping[State, tuple[str, str]] = {
    State.REJECTED: ("Nơi nhận từ chối", "The receiver refused it"),
    State.EXPIRED: ("Hết hạn mà chưa chuyển được", "It could not be delivered in time"),
    State.CANCELLED: ("Đã hủy", "It was cancelled"),
}


class Notices:
    """`gateway.ports.Tells`: notices into the mailboxes of our own systems. A notice never breeds a notice."""

    def __init__(self, mailbox_of: Callable[[str], str | None], clock: Clock) -> None:
        self._mailbox_of = mailbox_of
        self._clock = clock

    def __call__(self, delivery: Delivery, message: Message, ending: State, code: str, detail: str) -> Notice | None:
        """The notice, or None: a sender behind a platform has no place for one."""
        mailbox = self._mailbox_of(message.peer)
        if mailbox is None:
            return None
        now, sender = self._clock.now(), message.envelope.sender
        told = NewDelivery(
            id=new_id(now),
            destination=mailbox,
            party=sender,
            recipients=(sender,),
            conversation=f"notice|{message.id}",
            expires_at=now + NOTICE_LIFETIME,
            purpose=Purpose.NOTICE,
        )
        return Notice(new_id(now), _wording(delivery, message, ending, code, detail, now), told)


def _wording(delivery: Delivery, message: Message, ending: State, code: str, detail: str, now: datetime) -> bytes:
    vi, en = _WORDS[ending]
    content = {
        "notice": f"delivery.{ending}",
        "message_id": message.id,
        "delivery_id": delivery.id,
        "document_id": message.envelope.business_id,
        "destination": delivery.destination,
        "recipients": list(delivery.recipients),
        "code": code,
        "detail": detail,
        "reason_vi": vi,
        "reason_en": en,
        "at": now.isoformat(),
    }
    return json.dumps(content, ensure_ascii=False).encode()
