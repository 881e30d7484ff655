"""The way out of quarantine: a named person accepts a package (the accept story runs again) or rejects it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from gateway.clock import Clock
from gateway.errors import Refusal
from gateway.intake.accept import AcceptStory
from gateway.intake.poller import acknowledgement_delivery
from gateway.intake.secrecy import Secret
from gateway.model.delivery import NewDelivery
from gateway.model.message import Accepted, Quarantined, QuarantineState, Submission
from gateway.ports import Poller, Records, Tending


class SettleStore(Records, Tending, Protocol):
    """What settling needs of the store."""


class Settling:
    """Accepts and rejects quarantined packages."""

    def __init__(
        self,
        store: SettleStore,
        story: AcceptStory,
        pollers: Mapping[str, Poller],
        clock: Clock,
        wake: Callable[[tuple[str, ...]], None],
    ) -> None:
        self._store = store
        self._story = story
        self._pollers = pollers
        self._clock = clock
        self._wake = wake

    async def accept(self, quarantine_id: str, actor: str, to: str | None = None) -> Accepted:
        """Run the accept story on the kept bytes; with *to*, hand them unread to that party instead. Refusal if the
        package is settled already or still cannot be accepted: then it simply stays in quarantine. So does one that
        the secrecy rules of today recognise; the security officer is told that it lies there.
        """
        item = await self._open_item(quarantine_id)
        submission = Submission(
            peer=item.peer,
            dialect=item.dialect,
            raw=await self._store.body(item.body.id),
            received_at=self._clock.now(),
            reference=item.reference,
        )
        try:
            accepted = await self._run(submission, item, actor, to)
        except Secret as secret:
            await self._store.raise_incident(secret.code, f"quarantine {item.id}", f"{item.peer}; {secret.rule}")
            raise
        self._wake((item.peer,))
        return accepted

    async def _run(self, submission: Submission, item: Quarantined, actor: str, to: str | None) -> Accepted:
        acknowledgement = self._acknowledgement(item, "done")
        if to:
            return await self._story.accept_opaque(submission, to, acknowledgement, item.id, actor)
        return await self._story(submission, acknowledgement=acknowledgement, quarantine_id=item.id, actor=actor)

    async def reject(self, quarantine_id: str, actor: str, reason: str) -> None:
        """Settle as rejected with a reason; a platform hears `fail`, which only a person may say."""
        item = await self._open_item(quarantine_id)
        await self._store.reject_quarantined(item.id, actor, reason, self._acknowledgement(item, "fail"))
        self._wake((item.peer,))

    async def _open_item(self, quarantine_id: str) -> Quarantined:
        item = await self._store.quarantined_item(quarantine_id)
        if item is None:
            raise Refusal("message.not_found", where=quarantine_id)
        if item.state is not QuarantineState.OPEN:
            raise Refusal("delivery.ended", where=quarantine_id, detail=f"already {item.state}")
        return item

    def _acknowledgement(self, item: Quarantined, status: str) -> NewDelivery | None:
        poller = self._pollers.get(item.peer)
        if poller is None or not item.reference:
            return None
        return acknowledgement_delivery(item.peer, poller, item.reference, status, self._clock)
