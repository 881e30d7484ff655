"""What the clock and dead servers leave behind: leases nobody holds, deliveries past their expiry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import structlog

from gateway.clock import Clock
from gateway.errors import Refusal, Stale, StoreUnavailable
from gateway.model.delivery import Delivery, Rejected, State
from gateway.ports import Conclusion, Delivering, Tells

log = structlog.get_logger("rescue")

BATCH = 200


class RescueStore(Delivering, Protocol):
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
        tell: Tells,
        clock: Clock,
        wake: Callable[[tuple[str, ...]], None],
        interval: float = 15.0,
    ) -> None:
        self._store = store
        self._tell = tell
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
        code, detail = "expired", f"last outcome: {delivery.code or 'none'}"
        conclusion = Conclusion(Rejected(code, detail), self._clock.now(), tell=self._tell)
        try:
            concluded = await self._store.end(delivery.id, State.EXPIRED, code, detail, "gateway", conclusion)
        except (Stale, Refusal):
            return 0  # it ended, or an attempt began, between the look and this
        self._wake(concluded.destinations)
        return 1
