"""What a receiver of webhooks answered (Standard Webhooks 1.0.0, "Delivery success and failure").

Only 410 ends a delivery: the receiver wants no more of them. Everything else may be repaired on its side, so it is
tried again until the delivery expires; the same webhook-id lets it recognise a second copy.

====================  ==========  ==========================================================================
ok                    delivered   HTTP 2xx
webhook.gone          rejected    HTTP 410: disable this receiver or correct its address
webhook.nothing       rejected    a delivery without a message, which has no form here
webhook.redirect      deferred    HTTP 3xx, never followed: correct the address
webhook.rate          deferred    HTTP 429
webhook.unavailable   deferred    HTTP 408 and 5xx; unknown outcome except for 501, 503, 505
webhook.refused       deferred    any other HTTP status: the receiver's code or address needs a person
webhook.unreachable   deferred    nothing was sent: DNS, connection or TLS failed (detail: the client's code)
webhook.cut           deferred    sent, but no complete answer came in time; unknown outcome
====================  ==========  ==========================================================================
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from gateway.client import Answer, CallFault, retry_after
from gateway.model.delivery import Deferred, Delivered, Outcome, Rejected

EVIDENCE: Final = 4096
_NOT_PROCESSED: Final = frozenset({501, 503, 505})
_GONE: Final = (
    "HTTP 410: nơi nhận không muốn nhận nữa; tạm dừng hoặc sửa cấu hình / the receiver wants no more; disable it"
)


def outcome_of(answer: Answer, now: datetime) -> Outcome:
    """An answer's meaning. Only 429, 408 and 5xx say that the receiver as a whole is unwell."""
    status, detail = answer.status, f"HTTP {answer.status}"
    wait = retry_after(answer.headers.get("retry-after"), now)
    if 200 <= status < 300:
        return Delivered(evidence=(detail.encode() + b"\n" + answer.body)[:EVIDENCE])
    if status == 410:
        return Rejected("webhook.gone", _GONE)
    if status == 429:
        return Deferred("webhook.rate", detail, wait)
    if status >= 500 or status == 408:
        return Deferred("webhook.unavailable", detail, wait, unknown=status not in _NOT_PROCESSED)
    return Deferred("webhook.refused", detail, wait, fault=False)


def outcome_of_fault(fault: CallFault) -> Deferred:
    """What no answer means."""
    if fault.code == "client.redirect":
        return Deferred("webhook.redirect", fault.detail, fault.retry_after)
    detail = f"{fault.code}: {fault.detail}"
    if not fault.sent:
        return Deferred("webhook.unreachable", detail, fault.retry_after)
    return Deferred("webhook.cut", detail, fault.retry_after, unknown=True)
