"""What the axis answered, and what that means for a delivery. Classified once, here (DESIGN principle 5).

No error table of the axis is public (reference §12.2), so a FAIL code means nothing by itself: those in
`VxpSettings.rejected_codes` mean never, those in `settled_codes` mean that an acknowledgement has nothing left to do,
any other is tried again until the delivery expires. Trying again is safe, giving up on a document for an unknown
number is not; and one document's FAIL says nothing about the platform, so it is no fault for the breaker.

Codes of outcomes (stable; detail carries the axis' own ErrorCode and ErrorDesc):

=================  ==========  =============================================================================
ok                 delivered   status OK, ErrorCode 0
vxp.settled        delivered   FAIL to an acknowledgement, with a code in `settled_codes`
vxp.opaque         rejected    bytes that the gateway cannot read are not sent to the axis
vxp.header         rejected    sender, recipient or docId cannot travel as a header (see `wire`)
vxp.refused        rejected    FAIL, with a code in `rejected_codes`
vxp.too_large      rejected    HTTP 413
vxp.request        rejected    HTTP 400, 414, 415, 422, 431: this very request will never pass
vxp.fail           deferred    FAIL, with any other code
vxp.unauthorised   deferred    HTTP 401, 403, 407: credentials were changed or the clocks differ
vxp.rate           deferred    HTTP 429
vxp.unavailable    deferred    HTTP 5xx; unknown outcome except for 501, 503, 505
vxp.http           deferred    any other HTTP status: wrong base URL, a proxy's own answer
vxp.garbage        deferred    HTTP 2xx without a usable answer; unknown outcome
vxp.pace           deferred    no turn at the agreed request rate; nothing was sent
vxp.unreachable    deferred    nothing was sent: DNS, connection or TLS failed (detail: the client's code)
vxp.cut            deferred    sent, but no complete answer came (detail: the client's code); unknown outcome
=================  ==========  =============================================================================
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from gateway.client import Answer, CallFault, retry_after
from gateway.clock import VIETNAM
from gateway.model.delivery import Deferred, Delivered, Outcome, Rejected
from gateway.ports import PollFault

EVIDENCE: Final = 4096
"""Bytes of an answer kept as the receipt."""

_FOR_THIS_REQUEST = frozenset({400, 414, 415, 422, 431})
_CREDENTIALS = frozenset({401, 403, 407})
_NOT_PROCESSED = frozenset({501, 503, 505})
_DETAIL = 300

_DATE_FORMS = (
    "%Y/%m/%d %H:%M:%S",
    "%d/%m/%Y %H:%M:%S",
    "%Y/%m/%d",
    "%d/%m/%Y",
    "%d%m%YT%H%M%S",
)


class AxisFault(PollFault):
    """A question to the axis got no usable answer. *code* is one of this module's codes."""

    def __init__(self, code: str, detail: str) -> None:
        self.code = code
        self.detail = detail
        super().__init__(f"{code} {detail}".strip())


@dataclass(frozen=True, slots=True)
class Result:
    """A readable answer: *ok*, the axis' ErrorCode and ErrorDesc, and the whole object."""

    ok: bool
    code: str
    description: str
    members: Mapping[str, Any] = field(repr=False)

    def text(self, name: str) -> str:
        """A member as text; "" if absent or null. Numbers are accepted where text is expected."""
        return as_text(self.members.get(name))

    @property
    def detail(self) -> str:
        """ "<ErrorCode>: <ErrorDesc>", bounded, on one line."""
        return clean(f"{self.code}: {self.description}" if self.description else self.code)


def read(body: bytes) -> Result | None:
    """The answer as the SDK reads it: a JSON object with `status` and `ErrorCode`. None if it is nothing of the kind.

    Tolerated: a byte order mark, other letter case of the status, a number for ErrorCode, a missing ErrorCode. A
    status OK with another ErrorCode than 0 contradicts itself and is not usable.
    """
    try:
        members = json.loads(body.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(members, dict) or not isinstance(members.get("status"), str):
        return None
    status = members["status"].strip().upper()
    code, description = as_text(members.get("ErrorCode")), as_text(members.get("ErrorDesc"))
    if status in ("OK", "SUCCESS") and code in ("", "0"):
        return Result(True, "0", description, members)
    if status == "FAIL":
        return Result(False, code, description, members)
    return None


def outcome_of_send(answer: Answer, rejected: frozenset[str], now: datetime) -> Outcome:
    """What a sendEdoc answer means for the delivery."""
    if not _successful(answer):
        return _outcome_of_status(answer, now)
    result = read(answer.body)
    if result is None:
        return Deferred("vxp.garbage", f"{len(answer.body)} bytes that are no answer", unknown=True)
    if result.ok:
        return Delivered(result.text("DocId"), answer.body[:EVIDENCE])
    if result.code in rejected:
        return Rejected("vxp.refused", result.detail)
    return Deferred("vxp.fail", result.detail, fault=False)


def outcome_of_acknowledgement(
    answer: Answer, rejected: frozenset[str], settled: frozenset[str], now: datetime
) -> Outcome:
    """What an updateStatus answer means. Repeating one changes nothing at the axis, so it is never `unknown`."""
    result = read(answer.body) if _successful(answer) else None
    if result is not None and not result.ok and result.code in settled:
        return Delivered("", answer.body[:EVIDENCE], "vxp.settled")
    return _repeatable(outcome_of_send(answer, rejected, now))


def outcome_of_fault(fault: CallFault, *, repeatable: bool) -> Deferred:
    """What no answer means; *repeatable* calls may be repeated without effect."""
    detail = clean(f"{fault.code}: {fault.detail}")
    if not fault.sent:
        return Deferred("vxp.unreachable", detail, fault.retry_after)
    return Deferred("vxp.cut", detail, fault.retry_after, unknown=not repeatable)


def expect(answer: Answer, now: datetime) -> Result:
    """The result of a question (lists, directory); raises AxisFault for anything but OK."""
    if not _successful(answer):
        outcome = _outcome_of_status(answer, now)
        raise AxisFault(outcome.code, outcome.detail)
    result = read(answer.body)
    if result is None:
        raise AxisFault("vxp.garbage", f"{len(answer.body)} bytes that are no answer")
    if not result.ok:
        raise AxisFault("vxp.fail", result.detail)
    return result


def expect_file(answer: Answer, now: datetime) -> bytes:
    """The body as a file; raises AxisFault for a failure, also one told as JSON where the file should be."""
    if not _successful(answer) or answer.body[:1] in (b"", b"{"):
        result = expect(answer, now)
        raise AxisFault("vxp.garbage", f"an answer without a file: {result.detail}")
    return answer.body


def moment(value: object) -> datetime | None:
    """A time as the axis may write it, aware; local time (+07:00) if it names no zone. None if unreadable.

    ISO 8601, the edXML forms, ``dd/MM/yyyy``, or milliseconds since the epoch; no list answer with a time is public.
    """
    text = as_text(value).strip()
    try:
        if text.isascii() and text.isdigit() and len(text) in (10, 13):
            return datetime.fromtimestamp(0, VIETNAM) + timedelta(seconds=int(text) / (1 if len(text) == 10 else 1000))
        found = datetime.fromisoformat(text)
    except ValueError:
        return _by_form(text.split(".")[0])
    except OverflowError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=VIETNAM)


def as_text(value: object) -> str:
    """Foreign JSON scalar as text; "" for anything else."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else ""


def clean(text: str) -> str:
    """Foreign text for a log line or a detail: printable, one line, at most 300 characters."""
    return "".join(sign if sign.isprintable() else " " for sign in text[:_DETAIL])


def _by_form(text: str) -> datetime | None:
    for form in _DATE_FORMS:
        try:
            return datetime.strptime(text, form).replace(tzinfo=VIETNAM)
        except ValueError:
            continue
    return None


def _successful(answer: Answer) -> bool:
    return 200 <= answer.status < 300


def _outcome_of_status(answer: Answer, now: datetime) -> Deferred | Rejected:
    """HTTP statuses of failure."""
    status = answer.status
    wait = retry_after(answer.headers.get("retry-after"), now)
    detail = f"HTTP {status}"
    if status == 413:
        return Rejected("vxp.too_large", detail)
    if status in _FOR_THIS_REQUEST:
        return Rejected("vxp.request", detail)
    if status in _CREDENTIALS:
        return Deferred("vxp.unauthorised", detail, wait)
    if status == 429:
        return Deferred("vxp.rate", detail, wait)
    if status >= 500:
        return Deferred("vxp.unavailable", detail, wait, unknown=status not in _NOT_PROCESSED)
    return Deferred("vxp.http", detail, wait)


def _repeatable(outcome: Outcome) -> Outcome:
    return replace(outcome, unknown=False) if isinstance(outcome, Deferred) else outcome
