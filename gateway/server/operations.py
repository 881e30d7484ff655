"""What a person may order: each operation with a named actor, through the control socket or, while no server runs,
by the command that holds the data directory's lock.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from gateway.clock import Clock, from_millis, to_millis
from gateway.errors import Refusal
from gateway.intake.identify import issue_key
from gateway.model.delivery import ENDED, UNASSIGNED, Concluded, Delivery, Purpose, State
from gateway.model.message import Accepted
from gateway.model.party import Parties
from gateway.ports import Mailbox, Records, Tending

Wake = Callable[[tuple[str, ...]], None]
POLL_TYPES = frozenset({"edoc", "status"})
LONGEST_KEY_LIFE = timedelta(days=3660)


@dataclass(frozen=True, slots=True)
class Order:
    """One order: *actor* is the operating-system user as the kernel names it, never what a client claims."""

    operation: str
    actor: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""

    def required(self, name: str) -> str:
        """The argument *name*, or Refusal 'control.request' if it is missing or empty."""
        value = self.arguments.get(name, "")
        if not value:
            raise Refusal("control.request", where=name, detail=f"the argument {name} is missing")
        return value

    def required_reason(self) -> str:
        if not self.reason.strip():
            raise Refusal("control.request", where="reason", detail="a reason is required")
        return self.reason


@dataclass(frozen=True, slots=True)
class Directory:
    """Who is configured: systems with their parties, platforms, and the systems that are *pushed* to."""

    systems: Mapping[str, Parties]
    platforms: frozenset[str]
    pushed: frozenset[str] = frozenset()

    def address(self, to: str, recipients: tuple[str, ...]) -> tuple[str, str]:
        """(destination, party) for *to*: a platform, a system (its mailbox takes the first of *recipients* it serves),
        or the code of a party that a system here serves. Refusal 'peer.unknown' for anything else.
        """
        if to in self.platforms:
            return to, ""
        if parties := self.systems.get(to):
            party = next((code for code in recipients if code in parties), recipients[0] if recipients else "")
            return to, party
        for system, parties in self.systems.items():
            if to in parties:
                return system, to
        raise Refusal("peer.unknown", where=to)

    def require_queue(self, scope: str) -> None:
        """Refusal 'peer.unknown' unless *scope* is a platform, one of its pollers, ``poll:<platform>:<type>``, or a
        system that is pushed to."""
        kind, _, rest = scope.partition(":")
        platform, _, type = rest.rpartition(":")
        polled = kind == "poll" and platform in self.platforms and type in POLL_TYPES
        if scope not in self.platforms | self.pushed and not polled:
            raise Refusal("peer.unknown", where=scope, detail="only what the gateway sends or polls can be paused")


class OperationsStore(Mailbox, Records, Tending, Protocol):
    """What operations need of the store."""


class Settles(Protocol):
    """The way out of quarantine (`gateway.intake.settle`)."""

    async def accept(self, quarantine_id: str, actor: str, to: str | None = None) -> Accepted: ...

    async def reject(self, quarantine_id: str, actor: str, reason: str) -> None: ...


Result = dict[str, object]


class Operations:
    """Names of operations and what they do. Every result is plain JSON."""

    def __init__(
        self, store: OperationsStore, settling: Settles, clock: Clock, directory: Directory, wake: Wake
    ) -> None:
        self._store = store
        self._settling = settling
        self._clock = clock
        self._directory = directory
        self._wake = wake
        self._by_name: dict[str, Callable[[Order], Awaitable[Result]]] = {
            "message.hold": self._hold,
            "message.release": self._release,
            "quarantine.accept": self._accept,
            "quarantine.reject": self._reject,
            "queue.pause": self._pause,
            "queue.resume": self._resume,
            "incident.close": self._close_incident,
            "key.add": self._add_key,
            "key.revoke": self._revoke_key,
        }

    async def perform(self, order: Order) -> Result:
        """Carry out *order*. Raises Refusal (not done, and why), Stale (changed meanwhile) or StoreUnavailable."""
        operation = self._by_name.get(order.operation)
        if operation is None:
            raise Refusal("control.request", where="operation", detail="there is no such operation")
        return await operation(order)

    async def _hold(self, order: Order) -> Result:
        """A delivery, or every live delivery of a message, stops until it is released."""
        reason, live = order.required_reason(), await self._live(order.required("id"))
        held: list[Result] = []
        for delivery in live:
            concluded = await self._store.hold(delivery.id, order.actor, reason)
            self._wake(concluded.destinations)
            held.append({"delivery": delivery.id, "state": str(concluded.state), "destination": delivery.destination})
        return {"held": held}

    async def _live(self, id: str) -> list[Delivery]:
        live = [delivery for delivery in await self._deliveries(id) if delivery.state not in ENDED]
        if not live:
            raise Refusal("delivery.ended", where=id)
        return live

    async def _release(self, order: Order) -> Result:
        """A held delivery, or every held delivery of a message, goes on; *to* names another destination."""
        reason, to = order.required_reason(), order.arguments.get("to", "")
        held = await self._held(order.required("id"))
        addresses = [self._new_address(delivery, to) for delivery in held]
        released: list[Result] = []
        for delivery, (destination, party) in zip(held, addresses, strict=True):
            concluded = await self._store.release(delivery.id, order.actor, reason, destination, party)
            self._wake(_woken(concluded, destination or delivery.destination))
            released.append(
                {
                    "delivery": delivery.id,
                    "state": str(concluded.state),
                    "destination": destination or delivery.destination,
                    "party": party or delivery.party,
                }
            )
        return {"released": released}

    async def _held(self, id: str) -> list[Delivery]:
        held = [delivery for delivery in await self._deliveries(id) if delivery.state is State.HELD]
        if not held:
            raise Refusal("delivery.not_held", where=id)
        return held

    async def _deliveries(self, id: str) -> list[Delivery]:
        """The delivery with this id, or all that bring the message with this id to somebody."""
        if one := await self._store.delivery(id):
            return [one]
        deliveries = await self._store.deliveries_of(id)
        if not deliveries and await self._store.message(id) is None:
            raise Refusal("message.not_found", where=id)
        return [delivery for delivery in deliveries if delivery.purpose is not Purpose.ACKNOWLEDGEMENT]

    def _new_address(self, delivery: Delivery, to: str) -> tuple[str, str]:
        if to:
            return self._directory.address(to, delivery.recipients)
        if delivery.destination == UNASSIGNED:
            raise Refusal("control.request", where="to", detail="nobody is assigned yet: say to whom it goes")
        return "", ""

    async def _accept(self, order: Order) -> Result:
        accepted = await self._settling.accept(order.required("id"), order.actor, order.arguments.get("to") or None)
        return {
            "message_id": accepted.message_id,
            "duplicate": accepted.duplicate,
            "deliveries": list(accepted.deliveries),
        }

    async def _reject(self, order: Order) -> Result:
        quarantine_id = order.required("id")
        await self._settling.reject(quarantine_id, order.actor, order.required_reason())
        return {"id": quarantine_id, "state": "rejected"}

    async def _pause(self, order: Order) -> Result:
        scope, reason = order.required("destination"), order.required_reason()
        self._directory.require_queue(scope)
        await self._store.pause(scope, order.actor, reason)
        return {"destination": scope, "paused": True}

    async def _resume(self, order: Order) -> Result:
        scope = order.required("destination")
        self._directory.require_queue(scope)
        await self._store.resume(scope, order.actor, order.reason)
        self._wake((scope,))
        return {"destination": scope, "paused": False}

    async def _close_incident(self, order: Order) -> Result:
        code, subject = order.required("code"), order.arguments.get("subject", "")
        if not await self._store.close_incident(code, subject, order.actor):
            raise Refusal("incident.not_found", where=f"{code} {subject}".strip())
        return {"code": code, "subject": subject, "open": False}

    async def _add_key(self, order: Order) -> Result:
        """The only moment at which the key itself exists outside its system: it is in this result and nowhere else."""
        system = order.required("system")
        if system not in self._directory.systems:
            raise Refusal("peer.unknown", where=system)
        now = from_millis(to_millis(self._clock.now()))  # as the store will give it back
        life = _life(order.arguments.get("expires_seconds", ""))
        expires_at = now + life if life else None
        issued = issue_key(system, now, expires_at, order.arguments.get("note", ""))
        await self._store.add_key(issued.key, order.actor)
        return {
            "id": issued.key.id,
            "system": system,
            "key": issued.text,
            "expires_at": expires_at.isoformat() if expires_at else None,
        }

    async def _revoke_key(self, order: Order) -> Result:
        key_id = order.required("id")
        if not await self._store.revoke_key(key_id, order.actor):
            raise Refusal("key.not_found", where=key_id)
        return {"id": key_id, "revoked": True}


def _woken(concluded: Concluded, destination: str) -> tuple[str, ...]:
    return (*concluded.destinations, destination)


def _life(seconds: str) -> timedelta | None:
    """How long a key lives; "" is without end."""
    if not seconds:
        return None
    try:
        life = timedelta(seconds=float(seconds))
    except (ValueError, OverflowError):
        raise Refusal("control.request", where="expires_seconds", detail="not a number of seconds") from None
    if not timedelta(0) < life <= LONGEST_KEY_LIFE:
        raise Refusal("control.request", where="expires_seconds", detail="between now and ten years")
    return life
