"""The mailbox as systems see it, with the automatic status 01 where a party has delegated it.

Once per (document, party), in the same commit as the system's `done`, never after `fail`; the party's own 01
afterwards is recognised as the same message and not sent again (P3: a 01 is said once).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from gateway.clock import VIETNAM, Clock
from gateway.intake.routing import Routing
from gateway.model.delivery import Concluded, Delivery
from gateway.model.digest import content_digest
from gateway.model.document import Content, DocumentStatus, Organization, ResponseFor, StatusCode
from gateway.model.ids import new_id
from gateway.model.message import Acceptance, Kind, Message, Submission, envelope_of
from gateway.model.party import Parties
from gateway.ports import Mailbox

_ARRIVES: Final = frozenset({Kind.DOCUMENT, Kind.REPLACEMENT})
WORDING: Final = "Đã đến: hệ thống của đơn vị đã nhận (cổng liên thông báo tự động theo ủy quyền của đơn vị)"


class Arrivals(Mailbox):
    """`gateway.ports.Mailbox` over the store's; only `settle` does more."""

    def __init__(
        self,
        store: Mailbox,
        delegated: Mapping[str, Parties],
        routing: Routing,
        encode: Callable[[Content], bytes],
        clock: Clock,
        wake: Callable[[tuple[str, ...]], None],
    ) -> None:
        self._store = store
        self._delegated = delegated
        self._routing = routing
        self._encode = encode
        self._clock = clock
        self._wake = wake

    async def mailbox(self, system: str, party: str | None, limit: int) -> Sequence[Delivery]:
        return await self._store.mailbox(system, party, limit)

    async def delivery(self, delivery_id: str) -> Delivery | None:
        return await self._store.delivery(delivery_id)

    async def fetched(self, delivery: Delivery) -> None:
        await self._store.fetched(delivery)

    async def settle(
        self,
        delivery_id: str,
        system: str,
        done: bool,
        reason: str,
        follow_up: Callable[[Delivery, Message], Acceptance | None] | None = None,
    ) -> Concluded:
        """The system's acknowledgement, and the 01 that follows from it."""
        concluded = await self._store.settle(delivery_id, system, done, reason, follow_up or self.arrived)
        self._wake(concluded.destinations)
        return concluded

    def arrived(self, delivery: Delivery, message: Message) -> Acceptance | None:
        """The status 01 of the delivery's party about *message*; None where none is due. Pure but for the clock."""
        parties = self._delegated.get(delivery.destination)
        if parties is None or delivery.party not in parties or message.envelope.kind not in _ARRIVES:
            return None
        now, about = self._clock.now(), message.envelope
        status = DocumentStatus(
            sender=Organization(delivery.party, delivery.party),
            about=ResponseFor(about.sender, about.code, about.business_id),
            status=StatusCode.ARRIVED,
            description=WORDING,
            at=now.astimezone(VIETNAM).replace(microsecond=0),
        )
        raw, digest = self._encode(status), content_digest(status)
        envelope = envelope_of(status, digest)
        return Acceptance(
            message_id=new_id(now),
            submission=Submission(delivery.destination, "edxml", raw, now, hints={"automatic": "01"}),
            envelope=envelope,
            digest=digest,
            deliveries=self._routing.deliveries(envelope, from_platform=False, now=now, new_id=lambda: new_id(now)),
            on_conflict="mark",
            findings=("status.automatic",),
        )
