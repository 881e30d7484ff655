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
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from gateway import outcomes
from gateway.client import Answer, CallFault, retry_after
from gateway.formats.foreign import as_text, clean
from gateway.model.delivery import Deferred, Delivered, Outcome, Rejected
from gateway.outcomes import EVIDENCE, known, successful
from gateway.ports import PollFault

DIALECT: Final = "vxp"


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
    if not successful(answer):
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
    result = read(answer.body) if successful(answer) else None
    if result is not None and not result.ok and result.code in settled:
        return Delivered("", answer.body[:EVIDENCE], "vxp.settled")
    return known(outcome_of_send(answer, rejected, now))


def outcome_of_fault(fault: CallFault, *, repeatable: bool) -> Deferred:
    """What no answer means; *repeatable* calls may be repeated without effect."""
    return outcomes.outcome_of_fault(DIALECT, fault, repeatable=repeatable)


def expect(answer: Answer, now: datetime) -> Result:
    """The result of a question (lists, directory); raises AxisFault for anything but OK."""
    if not successful(answer):
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
    if not successful(answer) or answer.body[:1] in (b"", b"{"):
        result = expect(answer, now)
        raise AxisFault("vxp.garbage", f"an answer without a file: {result.detail}")
    return answer.body


def _outcome_of_status(answer: Answer, now: datetime) -> Deferred | Rejected:
    return outcomes.outcome_of_status(DIALECT, answer, retry_after(answer.headers.get("retry-after"), now))
