"""What HTTP says about a try, for every adapter that delivers over it: classified once, next to the wire.

Codes are ``<dialect>.<word>``: too_large, request (this very request will never pass), unauthorised, rate, unavailable,
http, unreachable (nothing was sent), cut (sent, no complete answer). RFC 9110 §15 for the statuses.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from gateway.client import Answer, CallFault
from gateway.formats.foreign import clean
from gateway.model.delivery import Deferred, Outcome, Rejected

EVIDENCE: Final = 4096
"""Bytes of an answer kept as the receipt."""

_FOR_THIS_REQUEST: Final = frozenset({400, 414, 415, 422, 431})
_CREDENTIALS: Final = frozenset({401, 403, 407})
_NOT_PROCESSED: Final = frozenset({501, 503, 505})


def successful(answer: Answer) -> bool:
    """HTTP 2xx."""
    return 200 <= answer.status < 300


def outcome_of_status(dialect: str, answer: Answer, wait: float | None) -> Deferred | Rejected:
    """A status of failure; *wait* is the Retry-After in seconds. Most 5xx leave the outcome unknown."""
    status, detail = answer.status, f"HTTP {answer.status}"
    if status == 413:
        return Rejected(f"{dialect}.too_large", detail)
    if status in _FOR_THIS_REQUEST:
        return Rejected(f"{dialect}.request", detail)
    if status in _CREDENTIALS:
        return Deferred(f"{dialect}.unauthorised", detail, wait)
    if status == 429:
        return Deferred(f"{dialect}.rate", detail, wait)
    if status >= 500:
        return Deferred(f"{dialect}.unavailable", detail, wait, unknown=status not in _NOT_PROCESSED)
    return Deferred(f"{dialect}.http", detail, wait)


def outcome_of_fault(dialect: str, fault: CallFault, *, repeatable: bool) -> Deferred:
    """What no answer means; *repeatable* calls may be repeated without effect, so nothing is unknown about them."""
    detail = clean(f"{fault.code}: {fault.detail}")
    if not fault.sent:
        return Deferred(f"{dialect}.unreachable", detail, fault.retry_after)
    return Deferred(f"{dialect}.cut", detail, fault.retry_after, unknown=not repeatable)


def known(outcome: Outcome) -> Outcome:
    """The outcome of a call that may be repeated without effect: never unknown."""
    return replace(outcome, unknown=False) if isinstance(outcome, Deferred) else outcome
