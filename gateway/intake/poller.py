"""Polling is story 1 with the arrow reversed: list, get, then one transaction {bytes, message or quarantine,
deliveries, entry, and the transport acknowledgement as a delivery} (DESIGN §4)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Protocol

import structlog

from gateway.clock import Clock
from gateway.errors import Refusal, StoreUnavailable
from gateway.intake.accept import AcceptStory
from gateway.intake.secrecy import Secrecy
from gateway.model.delivery import NewDelivery, Purpose
from gateway.model.ids import new_id
from gateway.model.message import Quarantining, Submission
from gateway.ports import Accepting, Listed, Poller, PollFault, Reach, Tending
from gateway.telemetry import Metrics

log = structlog.get_logger("poller")

ACKNOWLEDGEMENT_LIFETIME = timedelta(days=30)


class PollStore(Accepting, Tending, Protocol):
    """What a poll loop needs of the store."""


@dataclass(frozen=True, slots=True)
class PollSettings:
    """*interval* seconds between rounds, as agreed with the platform. *unreadable_limit* unreadable packages in a row
    stop taking. *round_limit* bounds one round, so that other types get their turn of the agreed rate.
    """

    interval: float = 30.0
    unreadable_limit: int = 3
    round_limit: int = 200


class PollLoop:
    """One loop per (platform, message type)."""

    def __init__(
        self,
        *,
        platform: str,
        type: str,
        poller: Poller,
        story: AcceptStory,
        store: PollStore,
        settings: PollSettings,
        clock: Clock,
        random: Random,
        metrics: Metrics,
        wake: Callable[[tuple[str, ...]], None],
        reach: Reach,
        secrecy: Secrecy | None = None,
    ) -> None:
        self.scope = f"poll:{platform}:{type}"
        self._platform = platform
        self._type = type
        self._poller = poller
        self._story = story
        self._store = store
        self._settings = settings
        self._clock = clock
        self._random = random
        self._metrics = metrics
        self._wake = wake
        self._reach = reach
        self._secrecy = secrecy or Secrecy()
        self._unreadable = 0
        self._ailing = False

    async def run(self) -> None:
        """Poll for ever: the first round at a random moment of the interval, and again so after an outage, so that
        all gateways of a country do not return at the same second."""
        await self._clock.sleep(self._random.uniform(0, min(self._settings.interval, 5.0)))
        while True:
            result = await self.round()
            self._metrics.polls.labels(self._platform, self._type, result).inc()
            spread = (0.5, 1.5) if self._ailing else (0.9, 1.1)
            await self._clock.sleep(self._settings.interval * self._random.uniform(*spread))

    async def round(self) -> str:
        """One round; "ok", or the word for what stopped it. Never raises for what a platform does."""
        if self.scope in await self._store.paused():
            return "paused"
        try:
            listed = await self._poller.list(self._type)
            self._ailing = False
            for item in oldest_and_newest(listed, self._settings.round_limit):
                if not await self._take(item):
                    return "stopped"
        except PollFault as fault:
            self._ailing = True
            log.warning("poll failed", platform=self._platform, type=self._type, reason=str(fault))
            return "fault"
        except StoreUnavailable as fault:
            log.error("store unavailable, nothing acknowledged", platform=self._platform, reason=str(fault))
            return "store"
        return "ok"

    async def _take(self, item: Listed) -> bool:
        """Take one package; False if the round must stop here."""
        if await self._store.arrival(self._platform, item.reference):
            await self._acknowledge_again(item.reference)
            return True
        if await self._store.withheld(self._platform, item.reference) == self._secrecy.fingerprint:
            return True
        fetched = await self._poller.fetch(item.reference)
        submission = Submission(
            peer=self._platform,
            dialect=self._poller.dialect,
            raw=fetched.raw,
            received_at=self._clock.now(),
            reference=item.reference,
        )
        try:
            if fetched.refusal:
                raise fetched.refusal
            await self._story(submission, acknowledgement=self._acknowledgement(item.reference, "done"))
        except Refusal as refusal:
            return await self._set_aside(submission, refusal)
        except StoreUnavailable:
            raise
        except Exception:  # a defect of ours: the bytes are kept, nothing is acknowledged, polling goes on
            log.exception("internal error", platform=self._platform, reference=item.reference)
            return await self._set_aside(submission, Refusal("internal"))
        self._reach("poll.after_store")
        self._unreadable = 0
        self._wake((self._platform,))
        return True

    async def _set_aside(self, submission: Submission, refusal: Refusal) -> bool:
        if refusal.code == "signature.unproven":  # it stays where it is, unacknowledged, and is asked for again
            await self._store.raise_incident(refusal.code, self._platform, f"{submission.reference}: {refusal.detail}")
            return True
        if refusal.fault.status == 503:
            raise StoreUnavailable(refusal.code) from refusal
        if secret := await self._secrecy.behind(refusal, submission.raw):
            await self._store.withhold(self._secrecy.withholding(secret, self._platform, submission.reference))
            self._metrics.refused.labels(secret.code).inc()
            log.warning("withheld", platform=self._platform, reference=submission.reference, rule=secret.rule)
            return True
        await self._store.quarantine(
            Quarantining(
                id=new_id(submission.received_at),
                submission=submission,
                code=refusal.code,
                where=refusal.where,
                detail=refusal.detail,
            )
        )
        self._metrics.quarantined.labels(self._platform, refusal.code).inc()
        log.warning("quarantined", platform=self._platform, reference=submission.reference, code=refusal.code)
        if refusal.code.startswith("signature."):  # it was read well; what is wrong is not the line
            return True
        self._unreadable += 1
        if self._unreadable < self._settings.unreadable_limit:
            return True
        await self._stop_taking(refusal)
        return False

    async def _stop_taking(self, refusal: Refusal) -> None:
        reason = f"{self._unreadable} packages in a row could not be read ({refusal.code})"
        self._unreadable = 0
        await self._store.pause(self.scope, "gateway", reason)
        await self._store.raise_incident("poll.unreadable", self.scope, reason)

    async def _acknowledge_again(self, reference: str) -> None:
        if await self._store.acknowledge_again(self._platform, reference, self._acknowledgement(reference, "done")):
            self._wake((self._platform,))

    def _acknowledgement(self, reference: str, status: str) -> NewDelivery:
        return acknowledgement_delivery(self._platform, self._poller, reference, status, self._clock)


def acknowledgement_delivery(platform: str, poller: Poller, reference: str, status: str, clock: Clock) -> NewDelivery:
    """The transport acknowledgement of one package, as a delivery of its own conversation."""
    now = clock.now()
    return NewDelivery(
        id=new_id(now),
        destination=platform,
        recipients=(),
        conversation=f"acknowledgement|{platform}|{reference}",
        expires_at=now + ACKNOWLEDGEMENT_LIFETIME,
        purpose=Purpose.ACKNOWLEDGEMENT,
        urgent=True,
        instruction=poller.acknowledgement(reference, status),
    )


def oldest_and_newest(listed: Sequence[Listed], limit: int) -> list[Listed]:
    """At most *limit* packages, oldest first, so that a status or recall comes after what it is about. Of a longer
    backlog half are its oldest and half its newest: it hides no urgent document, and a flood hides no old one.
    """
    items = [item for _, item in sorted(enumerate(listed), key=_age)]
    if len(items) <= limit:
        return items
    newest = limit // 2
    return items[: limit - newest] + items[len(items) - newest :]


async def keep_polling(loops: Sequence[PollLoop]) -> None:
    """Run all loops until cancelled; one loop's defect ends the program rather than going unnoticed."""
    async with asyncio.TaskGroup() as group:
        for loop in loops:
            group.create_task(loop.run(), name=loop.scope)


def _age(pair: tuple[int, Listed]) -> tuple[float, int]:
    position, item = pair
    return (item.created_at.timestamp() if item.created_at else 0.0, position)
