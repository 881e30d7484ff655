"""Rules for business statuses 01…16 (reference vxp-edxml §5.1). Pure.

What a platform brings is always accepted and marked at most; our own systems hear a refusal for what no receiver could
use, and for a wrong order as their table in the configuration says.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from gateway.errors import Refusal
from gateway.model.document import DocumentStatus, StatusCode

Order = Literal["off", "warn", "refuse"]

_KNOWN: Final = frozenset(StatusCode)
_NEEDS_REASON: Final = frozenset({StatusCode.REFUSED, StatusCode.GIVE_BACK})
_CLOSING: Final = frozenset({StatusCode.REFUSED, StatusCode.FINISHED})
_ABOUT_CHANGE: Final = frozenset({StatusCode.GIVE_BACK, StatusCode.CHANGE_AGREED, StatusCode.CHANGE_REFUSED})
_WORK: Final = frozenset({StatusCode.REGISTERED, StatusCode.ASSIGNED, StatusCode.IN_PROGRESS})


def check_status(status: DocumentStatus) -> None:
    """Refusal 'status.invalid' for an unknown code, a status about no document, or a refusal without a reason."""
    if status.status not in _KNOWN:
        raise Refusal("status.invalid", "StatusCode", f"{status.status:02d} is not a status code")
    if not status.about.organ_id or not status.about.document_id:
        raise Refusal("status.invalid", "ResponseFor", "it must name OrganId and DocumentId of the document")
    if status.status in _NEEDS_REASON and not status.description:
        raise Refusal("status.invalid", "Description", f"status {status.status:02d} needs a reason")


def out_of_order(code: int, before: Sequence[int]) -> str:
    """Why *code* does not follow what the same party reported *before*; "" if it does.

    05 may be repeated; 02 only before any work; 06 only after work; nothing but an answer to a change after 02 or 06;
    13 again only after a 16.
    """
    if code == StatusCode.GIVE_BACK:
        again = code in before and before[-1] != StatusCode.CHANGE_REFUSED
        return "13 was sent and not answered by 16" if again else ""
    if code in _ABOUT_CHANGE:
        return ""
    if code in before and code != StatusCode.IN_PROGRESS:
        return f"{code:02d} was reported before"
    if closed := [past for past in before if past in _CLOSING]:
        return f"the document was closed by {closed[-1]:02d}"
    worked = any(past in _WORK for past in before)
    if code == StatusCode.REFUSED and worked:
        return "02 after work had begun"
    if code == StatusCode.FINISHED and not worked:
        return "06 before the document was registered"
    if code == StatusCode.ARRIVED and before:
        return "01 after a later status"
    return ""
