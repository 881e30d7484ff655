"""What the clock and dead servers leave behind: leases nobody holds, deliveries past their expiry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import structlog

from gateway.clock import Clock
from gateway.delivery.notice import notice_for
from gateway.errors import Refusal, Stale, StoreUnavailable
from gateway.model.delivery import Conclusion, Delivery, Rejected, State
from gateway.ports import Delivering, Records, Tending

log = structlog.get_logger("rescue")

BATCH = 200


class RescueStore(Delivering, Records, Tending, Protocol):
    """What rescue and expiry need of the store."""


async def rescue(store: RescueStore) -> int:
    """Take back every lease of a server that is gone; their outcome is unknown. The number of deliveries."""
    rescued = await store.rescue()
    for delivery in rescued:
        log.warning("rescued", delivery=delivery.id, destination=delivery.destination, attempts=delivery.attempts)
    return len(rescued)


class Expiry:
    """Ends what could not be delivered in time, and tells its sender (P2)."""

    def __init__(
        self,
        store: RescueStore,
        mailbox_of: Callable[[str], str | None],
        clock: Clock,
        wake: Callable[[tuple[str, ...]], None],
        interval: float = 15.0,
    ) -> None:
        self._store = store
        self._mailbox_of = mailbox_of
        self._clock = clock
        self._wake = wake
        self._interval = interval

    async def run(self) -> None:
        """Look every *interval* seconds until cancelled."""
        while True:
            try:
                await self.expire_due()
            except StoreUnavailable as reason:
                log.error("expiry put off", reason=str(reason))
            await self._clock.sleep(self._interval)

    async def expire_due(self) -> int:
        """End what is past its expiry now; the number ended."""
        ended = 0
        for delivery in await self._store.due_to_expire(self._clock.now(), BATCH):
            ended += await self._expire(delivery)
        return ended

    async def _expire(self, delivery: Delivery) -> int:
        message = await self._store.message(delivery.message_id) if delivery.message_id else None
        mailbox = self._mailbox_of(message.peer) if message else None
        now = self._clock.now()
        code, detail = "expired", f"last outcome: {delivery.code or 'none'}"
        notice = notice_for(delivery, message, "expired", code, detail, mailbox=mailbox, now=now)
        conclusion = Conclusion(Rejected(code, detail), now, notice=notice)
        try:
            concluded = await self._store.end(delivery.id, State.EXPIRED, code, detail, "gateway", conclusion)
        except (Stale, Refusal):
            return 0  # it ended, or an attempt began, between the look and this
        if notice is None and message is not None:
            await self._store.raise_incident("delivery.expired", delivery.destination, delivery.id)
        self._wake(concluded.destinations)
        return 1
