"""The worker of one destination: claims when there is something due, a free slot and an open gate (P4)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

import structlog

from gateway.clock import Clock
from gateway.delivery.attempt import AttemptStory
from gateway.delivery.gate import Breaker
from gateway.errors import StoreUnavailable
from gateway.model.delivery import Claim, Deferred, Outcome
from gateway.ports import Delivering, Tending
from gateway.telemetry import Metrics

log = structlog.get_logger("delivery")

IDLE_SECONDS = 30.0
"""Even if nobody wakes it, a worker looks at its queue this often."""


class WorkerStore(Delivering, Tending, Protocol):
    """What a worker needs of the store."""


class Worker:
    """Runs up to *slots* attempts at once towards one destination."""

    def __init__(
        self,
        *,
        destination: str,
        store: WorkerStore,
        attempt: AttemptStory,
        breaker: Breaker,
        slots: int,
        clock: Clock,
        metrics: Metrics,
        wake: Callable[[tuple[str, ...]], None],
    ) -> None:
        self.destination = destination
        self._store = store
        self._attempt = attempt
        self._breaker = breaker
        self._slots = slots
        self._clock = clock
        self._metrics = metrics
        self._wake_others = wake
        self._bell = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """There is new work; look now."""
        self._bell.set()

    async def run(self) -> None:
        """Work until cancelled; attempts under way are then awaited, for their outcome is evidence."""
        try:
            while True:
                self._bell.clear()
                claimed = await self._claim()
                for claim in claimed:
                    self._start(claim)
                if not claimed:
                    await self._rest()
        finally:
            if self._running:
                await asyncio.wait(self._running)

    def _free(self) -> int:
        """Attempts that may begin now; not above 0 while the breaker or those under way leave no room."""
        return self._breaker.allowance(self._slots) - len(self._running)

    async def _claim(self) -> list[Claim]:
        free = self._free()
        return list(await self._store.claim(self.destination, free)) if free > 0 else []

    def _start(self, claim: Claim) -> None:
        task = asyncio.create_task(self._try(claim), name=f"attempt {claim.attempt_id}")
        self._running.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._bell.set()

    async def _try(self, claim: Claim) -> None:
        try:
            outcome, concluded = await self._attempt(claim)
        except StoreUnavailable as reason:
            log.error(
                "outcome could not be stored; rescue will find the lease", attempt=claim.attempt_id, reason=str(reason)
            )
            return
        except (
            Exception
        ) as defect:  # a defect of ours must neither stop the queue nor hide: incident, and a later retry
            log.exception("internal error", attempt=claim.attempt_id)
            await self._store.raise_incident("internal", self.destination, type(defect).__name__)
            outcome, concluded = await self._attempt.put_off(claim, "internal", type(defect).__name__)
        word = type(outcome).__name__.lower() if concluded.applied else "late"
        self._metrics.attempts.labels(self.destination, word).inc()
        code = outcome.code
        log.info("attempt", destination=self.destination, delivery=claim.delivery.id, outcome=word, code=code)
        await self._note(outcome)
        if concluded.destinations:
            self._wake_others(concluded.destinations)

    async def _note(self, outcome: Outcome) -> None:
        fault = isinstance(outcome, Deferred) and outcome.fault
        if not self._breaker.note(fault=fault):
            return
        if self._breaker.open:
            await self._store.raise_incident("destination.down", self.destination, outcome.code)
        else:
            await self._store.close_incident("destination.down", self.destination, "gateway")

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(await self._patience()):
                await self._bell.wait()
        except TimeoutError:
            return

    async def _patience(self) -> float:
        """Seconds until there can be something to do without being woken; the end of an attempt wakes."""
        if self._free() <= 0:
            pause = self._breaker.pause_left()
            return IDLE_SECONDS if self._running or pause is None else max(pause, 0.05)
        due = await self._store.next_due(self.destination)
        if due is None:
            return IDLE_SECONDS
        return min(IDLE_SECONDS, max((due - self._clock.now()).total_seconds(), 0.05))
