"""Builders of what the store is given, and a clock that tests move."""

from __future__ import annotations

import hashlib
import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.model.delivery import UNASSIGNED, Deferred, Delivered, NewDelivery, Outcome, Purpose
from gateway.model.ids import new_id
from gateway.model.message import Acceptance, Envelope, Kind, Quarantining, Submission
from gateway.ports import Conclusion

START = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
AXIS = "axis"
MAILBOX = "qlvb"
_numbers = itertools.count()


class FakeClock:
    """Stands still until told to move."""

    def __init__(self) -> None:
        self.moment = START

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return (self.moment - START).total_seconds()

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    def advance(self, seconds: float) -> datetime:
        self.moment += timedelta(seconds=seconds)
        return self.moment


def delivery(
    now: datetime,
    destination: str = AXIS,
    recipients: tuple[str, ...] = ("000.00.00.G22",),
    conversation: str = "document|H53|1",
    **more: Any,
) -> NewDelivery:
    more.setdefault("expires_at", now + timedelta(days=3))
    return NewDelivery(new_id(now), destination, recipients, conversation, **more)


def acknowledgement(now: datetime, reference: str, status: str = "done") -> NewDelivery:
    return delivery(
        now,
        recipients=(),
        conversation=f"acknowledgement|{reference}",
        purpose=Purpose.ACKNOWLEDGEMENT,
        instruction={"docId": reference, "status": status},
    )


def unassigned(now: datetime, recipients: tuple[str, ...], conversation: str = "document|H53|1") -> NewDelivery:
    return delivery(now, UNASSIGNED, recipients, conversation, held="recipient.unknown")


def acceptance(
    now: datetime,
    *,
    raw: bytes | None = None,
    kind: Kind = Kind.DOCUMENT,
    peer: str = "system-a",
    reference: str = "",
    identity: str = "",
    conversation: str = "",
    subject: str = "",
    code: str = "",
    deliveries: tuple[NewDelivery, ...] | None = None,
    digest: str = "",
    **more: Any,
) -> Acceptance:
    """A new document of its own conversation, unless told otherwise."""
    number = next(_numbers)
    raw = b"<edXML>%d</edXML>" % number if raw is None else raw
    conversation = conversation or f"document|H53|{number}"
    if deliveries is None:
        deliveries = (delivery(now, conversation=conversation),)
    envelope = Envelope(
        kind=kind,
        sender="H53",
        recipients=tuple(code for new in deliveries for code in new.recipients),
        identity=identity or f"{kind}|{number}",
        conversation=conversation,
        business_id=str(number),
        subject=subject,
        code=code,
    )
    more.setdefault("on_conflict", "refuse")
    return Acceptance(
        message_id=new_id(now),
        submission=Submission(peer, "vxp", raw, now, reference),
        envelope=envelope,
        digest=digest or hashlib.sha256(raw).hexdigest(),
        deliveries=deliveries,
        **more,
    )


def quarantining(
    now: datetime, raw: bytes = b"<broken", peer: str = "system-a", reference: str = "", **more: Any
) -> Quarantining:
    submission = Submission(peer, "vxp", raw, now, reference)
    return Quarantining(new_id(now), submission, "xml.malformed", "1:7", "not well-formed", **more)


def delivered(now: datetime, evidence: bytes = b"OK") -> Conclusion:
    return Conclusion(Delivered("axis-1", evidence), now)


def deferred(now: datetime, seconds: float = 0, *, unknown: bool = False) -> Conclusion:
    return Conclusion(Deferred("http.503", unknown=unknown), now, now + timedelta(seconds=seconds))


def concluded(outcome: Outcome, now: datetime, **more: Any) -> Conclusion:
    return Conclusion(outcome, now, **more)
