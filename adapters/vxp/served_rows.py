"""Rows of the two lists, and the ids in them. Times are local, ``yyyy/MM/dd HH:mm:ss``, the form of edXML (§3.11)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from adapters.vxp.codes import STATUSES
from gateway.clock import VIETNAM
from gateway.model.delivery import Delivery, State
from gateway.model.message import Kind, Message

Row = dict[str, str]
SERVICE: Final = "eDoc"

_ID: Final = re.compile(r"[0-9a-f]{32}")
_FAILED: Final[Mapping[State, str]] = {
    State.REJECTED: "Nơi nhận từ chối",
    State.EXPIRED: "Hết hạn mà chưa chuyển được",
    State.CANCELLED: "Đã hủy",
}
_UNDER_WAY: Final[Mapping[State, str]] = {
    State.QUEUED: "Đang chờ chuyển",
    State.WAITING: "Chờ văn bản trước trong cùng chuỗi được chuyển xong",
    State.LEASED: "Đang chuyển",
    State.DEFERRED: "Chưa chuyển được, sẽ tự thử lại",
    State.HELD: "Tạm giữ, chờ người xử lý",
}


def doc_id(our_id: str) -> str:
    """An id of ours as the axis writes ids: a UUID with dashes."""
    return str(UUID(hex=our_id))


def our_id(text: str) -> str | None:
    """The inverse of :func:`doc_id`, also without dashes or in capitals; None for what cannot be an id of ours."""
    plain = text.strip().replace("-", "").lower()
    return plain if _ID.fullmatch(plain) else None


def listed_type(kind: Kind) -> str:
    """Under which messagetype a message is listed. Bytes that nobody could read come as a document."""
    return "status" if kind is Kind.STATUS else "edoc"


def time_text(at: datetime | None) -> str:
    """Local time; "" for none."""
    return at.astimezone(VIETNAM).strftime("%Y/%m/%d %H:%M:%S") if at else ""


def received_row(delivery: Delivery, message: Message) -> Row:
    """A package that waits to be taken (getReceivedEdocList)."""
    at = time_text(delivery.created_at)
    return {
        "docId": doc_id(delivery.id),
        "serviceType": SERVICE,
        "messageType": listed_type(message.envelope.kind),
        "created_time": at,
        "updated_time": at,
        "from": message.envelope.sender,
        "to": delivery.party,
        "status": "processing",
        "status_desc": "Chờ xử lý",
    }


def sent_row(message: Message, recipient: str, delivery: Delivery, status: int | None) -> Row:
    """What became of *message* on its way to one *recipient* (getSentEdocList). *status* is the last business status
    the recipient sent about it."""
    send_status, described = sending(delivery)
    label = STATUSES.get(status) if status is not None else None
    return {
        "serviceType": SERVICE,
        "messageType": listed_type(message.envelope.kind),
        "senderDocId": doc_id(message.id),
        "receiverDocId": doc_id(delivery.id) if delivery.party else delivery.reference,
        "fromCode": message.envelope.sender,
        "toCode": recipient,
        "title": message.envelope.subject,
        "notation": message.envelope.code,
        "sentTime": time_text(message.received_at),
        "sendStatus": send_status,
        "sendStatusDesc": described,
        "receivedTime": time_text(delivery.ended_at) if delivery.state is State.DELIVERED else "",
        "receiveStatus": "" if status is None else f"{status:02d}",
        "receiveStatusDesc": label.vi if label else "",
    }


def sending(delivery: Delivery) -> tuple[str, str]:
    """The transport status of *delivery* (done, fail, processing) and its words; a failure gives its reason."""
    if delivery.state is State.DELIVERED:
        return "done", "Đã nhận" if delivery.party else "Đã gửi đến trục"
    if delivery.state in _FAILED:
        return "fail", _because(_FAILED[delivery.state], delivery)
    words = _UNDER_WAY[delivery.state]
    if delivery.party and delivery.state is State.QUEUED:
        words = "Đang trong hộp thư của đơn vị nhận"
    return "processing", _because(words, delivery)


def _because(words: str, delivery: Delivery) -> str:
    reason = ", ".join(part for part in (delivery.code, delivery.detail) if part)
    return f"{words}: {reason}" if reason else words
