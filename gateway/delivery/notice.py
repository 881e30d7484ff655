"""Notices: a sender is told that a delivery failed for good, where its dialect has a place for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta

from gateway.model.delivery import Delivery, NewDelivery, Notice, Purpose
from gateway.model.ids import new_id
from gateway.model.message import Message

NOTICE_LIFETIME = timedelta(days=90)

_WORDS: Mapping[str, tuple[str, str]] = {
    "rejected": ("Nơi nhận từ chối", "The receiver refused it"),
    "expired": ("Hết hạn mà chưa chuyển được", "It could not be delivered in time"),
    "cancelled": ("Đã hủy", "It was cancelled"),
}


def notice_for(
    delivery: Delivery,
    message: Message | None,
    ending: str,
    code: str,
    detail: str,
    *,
    mailbox: str | None,
    now: datetime,
) -> Notice | None:
    """The notice about *delivery*, or None: acknowledgements and notices breed none, and a sender behind a platform
    has no place for one (there it becomes an incident). *mailbox* is the sender's system if it pulls from us.
    """
    if message is None or mailbox is None or delivery.purpose is not Purpose.CONTENT:
        return None
    vi, en = _WORDS[ending]
    raw = json.dumps(
        {
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
        },
        ensure_ascii=False,
    ).encode()
    notice_id = new_id(now)
    sender = message.envelope.sender
    return Notice(
        message_id=notice_id,
        raw=raw,
        delivery=NewDelivery(
            id=new_id(now),
            destination=mailbox,
            party=sender,
            recipients=(sender,),
            conversation=f"notice|{message.id}",
            expires_at=now + NOTICE_LIFETIME,
            purpose=Purpose.NOTICE,
        ),
    )
