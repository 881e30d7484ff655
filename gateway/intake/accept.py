"""STORY 1: a message is accepted. The sender waits; "accepted" means durable (P1)."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway.clock import Clock
from gateway.errors import Refusal, on_behalf_of
from gateway.intake.limits import DiskGate
from gateway.intake.routing import Routing
from gateway.intake.secrecy import Secrecy
from gateway.intake.signatures import Demand, Signatures, marks_of, require_valid
from gateway.intake.statuses import check_status, out_of_order
from gateway.intake.validation import Peer, check_envelope
from gateway.model.delivery import NewDelivery
from gateway.model.digest import content_digest
from gateway.model.document import Content, Document, DocumentStatus, StatusCode
from gateway.model.ids import new_id
from gateway.model.message import Acceptance, Accepted, Envelope, Kind, Submission, envelope_of
from gateway.model.verdict import Judged
from gateway.ports import Accepting, Decode, Outbound
from gateway.telemetry import Metrics

INLINE_BYTES = 4 * 1024
"""Bodies up to this size are understood on the event loop, larger ones in a thread. Measured: a document to 200 units
has 16 KB and holds the loop for 14 ms; below 4 KB even such a one stays under 5 ms."""


@dataclass(frozen=True, slots=True)
class Understood:
    """What pure reading of a submission yields."""

    content: Content
    envelope: Envelope
    digest: str
    deliveries: tuple[NewDelivery, ...]
    findings: tuple[str, ...]


class AcceptStory:
    """limits → secrecy → decode → validate → find destinations (dry-run encode) → signatures by policy → one
    transaction → acknowledge."""

    def __init__(
        self,
        *,
        store: Accepting,
        dialects: Mapping[str, Decode],
        peers: Mapping[str, Peer],
        routing: Routing,
        platforms: Mapping[str, Outbound],
        gate: DiskGate,
        clock: Clock,
        metrics: Metrics,
        wake: Callable[[tuple[str, ...]], None],
        secrecy: Secrecy | None = None,
        signatures: Signatures | None = None,
    ) -> None:
        self._store = store
        self._dialects = dialects
        self._peers = peers
        self._routing = routing
        self._platforms = platforms
        self._gate = gate
        self._clock = clock
        self._metrics = metrics
        self._wake = wake
        self._secrecy = secrecy or Secrecy()
        self._signatures = signatures or Signatures()

    async def __call__(
        self,
        submission: Submission,
        acknowledgement: NewDelivery | None = None,
        quarantine_id: str = "",
        actor: str = "",
    ) -> Accepted:
        """Commit *submission* and answer. *acknowledgement* goes back to a polled platform in the same commit;
        *quarantine_id* is settled by it, in the name of *actor*. Raises Refusal (not accepted) or StoreUnavailable
        (nothing is known).
        """
        started = self._clock.monotonic()
        await self._gate.require_open()
        peer = self._peers[submission.peer]
        understood = await self._understand(submission, peer)
        with on_behalf_of(understood.envelope.sender):
            findings = understood.findings + await self._order_of_statuses(understood.envelope, peer)
            judged = await self._judged(understood, submission, peer, released=bool(quarantine_id))
            accepted = await self._store.accept(
                Acceptance(
                    message_id=new_id(submission.received_at),
                    submission=submission,
                    envelope=understood.envelope,
                    digest=understood.digest,
                    deliveries=understood.deliveries,
                    on_conflict="mark" if peer.is_platform else "refuse",
                    acknowledgement=acknowledgement,
                    findings=findings,
                    marks=marks_of(judged),
                    verdicts=judged,
                    quarantine_id=quarantine_id,
                    actor=actor,
                )
            )
        self._wake(accepted.destinations)
        self._count(accepted, submission, understood.envelope, self._clock.monotonic() - started)
        return accepted

    async def accept_opaque(
        self, submission: Submission, to: str, acknowledgement: NewDelivery | None, quarantine_id: str, actor: str
    ) -> Accepted:
        """Hand bytes that nobody could read to the party a person names; they stay as they came."""
        await asyncio.to_thread(self._secrecy.examine, submission.raw, unreadable=True)
        digest = hashlib.sha256(submission.raw).hexdigest()
        envelope = Envelope(
            kind=Kind.OPAQUE,
            sender="",
            recipients=(to,),
            identity=f"opaque|#{digest}",
            conversation=f"opaque|{quarantine_id}",
        )
        if not self._routing.seat_of(to):
            raise Refusal("message.no_recipient", where=to, detail="no system connected here serves this party")
        accepted = await self._store.accept(
            Acceptance(
                message_id=new_id(submission.received_at),
                submission=submission,
                envelope=envelope,
                digest=digest,
                deliveries=self._route(envelope, from_platform=True),
                on_conflict="mark",
                acknowledgement=acknowledgement,
                quarantine_id=quarantine_id,
                actor=actor,
            )
        )
        self._wake(accepted.destinations)
        return accepted

    async def _understand(self, submission: Submission, peer: Peer) -> Understood:
        if len(submission.raw) <= INLINE_BYTES:
            return self._read(submission, peer)
        return await asyncio.to_thread(self._read, submission, peer)

    def _read(self, submission: Submission, peer: Peer) -> Understood:
        self._secrecy.examine(submission.raw)
        decoded = self._dialects[submission.dialect](submission.raw)
        self._secrecy.examine_content(decoded.content, submission.raw)
        digest = content_digest(decoded.content)
        envelope = envelope_of(decoded.content, digest)
        with on_behalf_of(envelope.sender):
            check_envelope(envelope, peer)
            if isinstance(decoded.content, DocumentStatus) and not peer.is_platform:
                check_status(decoded.content)
            deliveries = self._route(envelope, from_platform=peer.is_platform)
            self._dry_run(decoded.content, submission.dialect, deliveries)
        return Understood(decoded.content, envelope, digest, deliveries, decoded.findings)

    async def _judged(
        self, understood: Understood, submission: Submission, peer: Peer, *, released: bool
    ) -> tuple[Judged, ...]:
        """The verdicts on the attachments. A Refusal where the policy requires what is not proven, unless a person
        *released* the package, or it was accepted before: a duplicate gets the first answer (P3).
        """
        envelope = understood.envelope
        routes = () if peer.is_platform else self._routing.demands(envelope.recipients)
        demand = self._signatures.demand(envelope.kind, submission.peer, routes)
        if demand is Demand.OFF:
            return ()
        judged = await self._signatures.examine(understood.content, envelope.sender, submission.received_at)
        if demand is Demand.REQUIRE and not released:
            try:
                require_valid(judged)
            except Refusal:
                if not await self._store.known(submission.peer, envelope.sender, envelope.identity, understood.digest):
                    raise
        return judged

    async def _order_of_statuses(self, envelope: Envelope, peer: Peer) -> tuple[str, ...]:
        """A finding if a status does not follow the party's earlier ones; a refusal if the system asked for that."""
        if envelope.kind is not Kind.STATUS or peer.status_order == "off":
            return ()
        before = await self._store.statuses(envelope.conversation, envelope.sender)
        reason = out_of_order(envelope.status, before)
        if not reason or (envelope.status == StatusCode.ARRIVED and envelope.status in before):
            return ()
        if peer.status_order == "refuse" and not peer.is_platform:
            raise Refusal("status.order", "StatusCode", reason)
        return (f"status.order {reason}",)

    def _route(self, envelope: Envelope, *, from_platform: bool) -> tuple[NewDelivery, ...]:
        now = self._clock.now()
        return self._routing.deliveries(envelope, from_platform=from_platform, now=now, new_id=lambda: new_id(now))

    def _dry_run(self, content: Content, dialect: str, deliveries: tuple[NewDelivery, ...]) -> None:
        light = _without_bytes(content)
        for delivery in deliveries:
            if platform := self._platforms.get(delivery.destination):
                platform.examine(light, dialect)

    def _count(self, accepted: Accepted, submission: Submission, envelope: Envelope, seconds: float) -> None:
        self._metrics.accept_seconds.observe(seconds)
        if accepted.duplicate:
            self._metrics.duplicates.labels(submission.peer).inc()
        else:
            self._metrics.accepted.labels(submission.peer, envelope.kind).inc()


def _without_bytes(content: Content) -> Content:
    if not isinstance(content, Document):
        return content
    light = tuple(dataclasses.replace(attachment, content=b"", wrapping=None) for attachment in content.attachments)
    return dataclasses.replace(content, attachments=light)
