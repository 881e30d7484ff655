"""The body of a webhook. Pure, and the same bytes for every try: nothing here knows the time or the attempt.

Small on purpose (Standard Webhooks, "Thin vs full payloads"): who, what, and where to fetch it, so that fetching is on
record. The content itself only travels where configured.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Final

from adapters.webhook.settings import WebhookSettings
from gateway.clock import VIETNAM
from gateway.model.delivery import Delivery
from gateway.model.document import Content
from gateway.model.message import Kind, Message
from gateway.ports import Parcel

Render = Callable[[Content], bytes]
"""Canonical content as one JSON value."""

DOCUMENT: Final = "document.received"
STATUS: Final = "status.received"
NOTICE: Final = "notice"

_TYPES: Final[Mapping[Kind, str]] = {Kind.STATUS: STATUS, Kind.NOTICE: NOTICE}


def payload(parcel: Parcel, message: Message, settings: WebhookSettings, render: Render) -> bytes:
    """The JSON body announcing *message*. A notice is always whole: it is small and there is nothing else to it."""
    kind = message.envelope.kind
    event = {
        "type": _TYPES.get(kind, DOCUMENT),
        "timestamp": message.received_at.astimezone(VIETNAM).isoformat(timespec="milliseconds"),
        "data": _data(parcel.delivery, message, settings.public_url.rstrip("/")),
    }
    head = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
    if kind is Kind.NOTICE:
        return _with(head, "notice", parcel.raw)
    if settings.content == "link":
        return head
    if kind is Kind.OPAQUE:
        return _with(head, "content", b'{"content":"' + base64.b64encode(parcel.raw) + b'"}')
    return _with(head, "content", render(parcel.read()))


def _with(head: bytes, name: str, value: bytes) -> bytes:
    """*head* with a last member of ``data`` that is JSON already."""
    return b"".join((head[:-2], b',"', name.encode(), b'":', value, b"}}"))


def _data(delivery: Delivery, message: Message, base: str) -> Mapping[str, object]:
    envelope = message.envelope
    return {
        "delivery": delivery.id,
        "message_id": message.id,
        "kind": envelope.kind.value,
        "from": envelope.sender,
        "to": list(envelope.recipients),
        "party": delivery.party,
        "subject": envelope.subject,
        "code": envelope.code,
        "document_id": envelope.business_id,
        "priority": envelope.priority,
        "urgent": envelope.urgent,
        "marks": list(message.marks),
        "body": {"sha256": message.body.sha256, "size": message.body.size},
        "links": {
            "fetch": f"{base}/api/v1/mailbox/{delivery.id}",
            "message": f"{base}/api/v1/messages/{message.id}",
            "body": f"{base}/api/v1/messages/{message.id}/body",
        },
    }
