"""STORY 2: one attempt at one delivery. Classified once, next to the wire; committed once, here."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from random import Random
from typing import Protocol

from gateway.clock import Clock
from gateway.delivery.retry import RetryPolicy
from gateway.delivery.sealing import NOT_SIGNED, Sealed, Sealing
from gateway.errors import BodyDamaged, Refusal
from gateway.model.delivery import Claim, Concluded, Deferred, Delivery, Outcome, Rejected
from gateway.model.document import Content
from gateway.model.message import Message
from gateway.ports import Conclusion, Decode, Delivering, Outbound, Parcel, Reach, Records, Tells

INLINE_BYTES = 4 * 1024
"""Bodies up to this size are encoded on the event loop, larger ones in a thread; see intake/accept."""


class AttemptStore(Delivering, Records, Protocol):
    """What an attempt needs of the store."""


class AttemptStory:
    """claim → load → sign and encode once → keep the bytes → send → outcome → one transaction. One per destination."""

    def __init__(
        self,
        *,
        store: AttemptStore,
        outbound: Outbound,
        dialects: Mapping[str, Decode],
        tell: Tells,
        retry: RetryPolicy,
        deadline: float,
        clock: Clock,
        random: Random,
        reach: Reach,
        sealing: Sealing = NOT_SIGNED,
    ) -> None:
        self._store = store
        self._outbound = outbound
        self._dialects = dialects
        self._tell = tell
        self._retry = retry
        self._deadline = deadline
        self._clock = clock
        self._random = random
        self._reach = reach
        self._sealing = sealing

    async def __call__(self, claim: Claim) -> tuple[Outcome, Concluded]:
        """Attempt the claimed delivery. *deadline* lies below the lease's end, so a late outcome is an exception."""
        message = await self._message(claim.delivery)
        try:
            wire = await self._wire(claim, message)
        except BodyDamaged as damage:  # an incident is open: nothing is sent, nothing is given up
            return await self.put_off(claim, damage.code, damage.detail, unknown=False)
        except Refusal as refusal:
            if refusal.fault.status == 503:  # a key or a time stamp is not to be had now
                return await self.put_off(claim, refusal.code, refusal.detail, unknown=False)
            return await self._conclude(claim, Rejected(refusal.code, f"{refusal.where} {refusal.detail}"))
        self._reach("attempt.before_send")
        outcome = await self._send(claim.delivery, message, wire)
        self._reach("attempt.after_send")
        return await self._conclude(claim, outcome)

    async def put_off(self, claim: Claim, code: str, detail: str, *, unknown: bool = True) -> tuple[Outcome, Concluded]:
        """Conclude an attempt that something on our side broke off: it is tried again later."""
        return await self._conclude(claim, Deferred(code, detail, unknown=unknown, fault=False))

    async def _message(self, delivery: Delivery) -> Message | None:
        return await self._store.message(delivery.message_id) if delivery.message_id else None

    async def _wire(self, claim: Claim, message: Message | None) -> bytes:
        """The stored bytes of an earlier attempt, or bytes encoded now and stored before they are sent (P3)."""
        if claim.wire_id:
            return await self._store.body(claim.wire_id)
        raw = await self._store.body(message.body.id) if message else b""
        sealed = await self._sealed(claim.delivery, message, raw)
        read = partial(self._read, message, raw) if sealed is None else lambda: sealed.content
        parcel = Parcel(claim.delivery, message, raw, read, altered=sealed is not None)
        if len(raw) <= INLINE_BYTES and sealed is None:
            wire = self._outbound.encode(parcel)
        else:
            wire = await asyncio.to_thread(self._outbound.encode, parcel)
        await self._store.keep_wire(claim, wire, sealed.applied if sealed else ())
        return wire

    async def _sealed(self, delivery: Delivery, message: Message | None, raw: bytes) -> Sealed | None:
        """The document with our signatures, where the route wants them. Raises Refusal sign.… or pdf.…"""
        return await self._sealing(delivery, message, partial(self._read, message, raw))

    def _read(self, message: Message | None, raw: bytes) -> Content:
        if message is None:
            raise Refusal("internal", detail="a delivery without message has no content")
        return self._dialects[message.dialect](raw).content

    async def _send(self, delivery: Delivery, message: Message | None, wire: bytes) -> Outcome:
        try:
            async with asyncio.timeout(self._deadline + 5):
                return await self._outbound.send(delivery, message, wire, self._deadline)
        except TimeoutError:
            return Deferred("deadline", "no answer before the deadline", unknown=True)

    async def _conclude(self, claim: Claim, outcome: Outcome) -> tuple[Outcome, Concluded]:
        now, due_at = self._clock.now(), None
        if isinstance(outcome, Deferred):
            due_at = self._retry.due_at(claim.number, now, self._random, outcome.retry_after)
            due_at = min(due_at, claim.delivery.expires_at + timedelta(seconds=1))
        return outcome, await self._store.conclude(claim, Conclusion(outcome, now, due_at, self._tell))
