"""What the regional axis answered, and what that means for a delivery. Classified once, here (DESIGN principle 5).

Two generations of answers are read: ``success`` with ``data.errorCode`` (the vendor's collection), and ``code`` 200
with ``errorDetail`` (what was seen running). Any sign of failure outweighs a sign of success.

Codes of outcomes (stable; detail carries the axis' own code and words):

=================  ==========  =============================================================================
ok                 delivered   success
lgsp.settled       delivered   a failure to acknowledge, with a code in `settled_codes`
lgsp.refused       rejected    an error code in `rejected_codes` (10, 18, 19, 21, 22, 23 unless configured)
lgsp.opaque        rejected    bytes that the gateway cannot read are not sent to the axis
lgsp.account       rejected    no account of ours may send for this sender
lgsp.too_large     rejected    HTTP 413
lgsp.request       rejected    HTTP 400, 414, 415, 422, 431: this very request will never pass
lgsp.system        deferred    error code 20, or HTTP 500 with it: the axis' own trouble
lgsp.fail          deferred    any other failure
lgsp.unauthorised  deferred    error code 15, HTTP 401, 403, 407: credentials were changed
lgsp.login         deferred    no token was given
lgsp.rate          deferred    HTTP 429
lgsp.unavailable   deferred    HTTP 5xx; unknown outcome except for 501, 503, 505
lgsp.http          deferred    any other HTTP status: wrong base URL, a proxy's own answer
lgsp.garbage       deferred    HTTP 2xx without a usable answer; unknown outcome
lgsp.pace          deferred    no turn at the agreed request rate; nothing was sent
lgsp.unreachable   deferred    nothing was sent: DNS, connection or TLS failed (detail: the client's code)
lgsp.cut           deferred    sent, but no complete answer came (detail: the client's code); unknown outcome
=================  ==========  =============================================================================
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from adapters.lgsp.codes import CREDENTIALS, DONE, MEANINGS, SYSTEM_ERROR
from gateway import outcomes
from gateway.client import Answer, CallFault, retry_after
from gateway.formats.foreign import as_text, clean
from gateway.model.delivery import Deferred, Delivered, Outcome, Rejected
from gateway.outcomes import EVIDENCE, known, successful
from gateway.ports import PollFault

DIALECT: Final = "lgsp"
_FAILED_WORDS = frozenset({"error", "fail", "failed"})


class LgspFault(PollFault):
    """A question to the axis got no usable answer. *code* is one of this module's codes."""

    def __init__(self, code: str, detail: str) -> None:
        self.code = code
        self.detail = detail
        super().__init__(f"{code} {detail}".strip())


@dataclass(frozen=True, slots=True)
class Result:
    """A readable answer: *ok*, the error code ("0" if ok, "" if none was given), words, and the whole object."""

    ok: bool
    code: str
    description: str
    members: Mapping[str, Any] = field(repr=False)

    @property
    def data(self) -> Mapping[str, Any]:
        """``data`` if it is an object, else nothing."""
        return _object(self.members.get("data"))

    @property
    def doc_id(self) -> str:
        """The docId, where either generation puts it."""
        return as_text(self.members.get("docId")).strip() or as_text(self.data.get("docId")).strip()

    @property
    def detail(self) -> str:
        """Code and words, bounded, on one line."""
        words = self.description or MEANINGS.get(self.code, "")
        return clean(f"{self.code}: {words}" if self.code else words)


def read(body: bytes) -> Result | None:
    """The answer as either generation means it; None if it says neither yes nor no, or both."""
    try:
        members = json.loads(body.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(members, dict):
        return None
    data = _object(members.get("data"))
    code = as_text(data.get("errorCode")).strip() or as_text(members.get("errorCode")).strip()
    top, said = as_text(members.get("code")).strip(), members.get("success")
    failed = code not in ("", DONE) or said is False or bool(members.get("errorDetail")) or top not in ("", "0", "200")
    affirmed = code == DONE or said is True or top in ("0", "200")
    words = as_text(data.get("errorDesc")).strip() or as_text(members.get("message")).strip()
    if failed and code == DONE:
        return None
    if failed:
        return Result(False, code, words, members)
    return Result(True, DONE, words, members) if affirmed else None


def outcome_of_act(
    answer: Answer, rejected: frozenset[str], settled: frozenset[str], now: datetime, *, repeatable: bool
) -> Outcome:
    """What the answer to sendEdoc or updateStatus means. *repeatable*: a second copy has no effect."""
    result = read(answer.body)
    if result and result.ok and as_text(result.data.get("status")).strip().lower() in _FAILED_WORDS:
        result = replace(result, ok=False, code="")
    wait = retry_after(answer.headers.get("retry-after"), now)
    if result and not result.ok and (result.code or successful(answer)):
        return _failure(result, rejected, settled, answer, wait)
    if not successful(answer):
        failed = outcomes.outcome_of_status(DIALECT, answer, wait)
        return known(failed) if repeatable else failed
    if result is None:
        garbage = Deferred("lgsp.garbage", f"{len(answer.body)} bytes that are no answer", unknown=True)
        return known(garbage) if repeatable else garbage
    return Delivered(result.doc_id, answer.body[:EVIDENCE])


def _failure(
    result: Result, rejected: frozenset[str], settled: frozenset[str], answer: Answer, wait: float | None
) -> Outcome:
    """What an error code means. Credentials concern every delivery, and so the breaker; other codes only this one."""
    if result.code in settled:
        return Delivered(result.doc_id, answer.body[:EVIDENCE], "lgsp.settled")
    if result.code in rejected:
        return Rejected("lgsp.refused", result.detail)
    if result.code == CREDENTIALS:
        return Deferred("lgsp.unauthorised", result.detail, wait)
    code = "lgsp.system" if result.code == SYSTEM_ERROR else "lgsp.fail"
    return Deferred(code, result.detail, wait, fault=False)


def outcome_of_fault(fault: CallFault, *, repeatable: bool) -> Deferred:
    """What no answer means."""
    return outcomes.outcome_of_fault(DIALECT, fault, repeatable=repeatable)


def expect(answer: Answer) -> Result:
    """The result of a question; raises LgspFault for anything but success."""
    result = read(answer.body)
    if result and not result.ok and (result.code or successful(answer)):
        code = {CREDENTIALS: "lgsp.unauthorised", SYSTEM_ERROR: "lgsp.system"}.get(result.code, "lgsp.fail")
        raise LgspFault(code, result.detail)
    if not successful(answer):
        outcome = outcomes.outcome_of_status(DIALECT, answer, None)
        raise LgspFault(outcome.code, outcome.detail)
    if result is None:
        raise LgspFault("lgsp.garbage", f"{len(answer.body)} bytes that are no answer")
    return result


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
