"""Where a message must go. Pure: an envelope and a frozen table in, new deliveries out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gateway.intake.signatures import Demands
from gateway.model.delivery import UNASSIGNED, NewDelivery
from gateway.model.message import Envelope
from gateway.model.party import Parties

Target = tuple[str, str, tuple[str, ...]]
"""Destination, the party whose mailbox it is ("" for a platform), recipients."""


@dataclass(frozen=True, slots=True)
class Seat:
    """A system connected here and the parties it serves."""

    system: str
    parties: Parties


@dataclass(frozen=True, slots=True)
class Route:
    """Recipients that match *to* are reached through *platform*; *signatures* is what is asked of what goes there."""

    to: Parties
    platform: str
    signatures: Demands = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long a delivery may stay open before it expires and its sender is told."""

    platform: timedelta = timedelta(days=3)
    platform_urgent: timedelta = timedelta(days=1)
    mailbox: timedelta = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Routing:
    """The table: seats first (a party connected here needs no detour), then routes in order, else unassigned."""

    seats: tuple[Seat, ...]
    routes: tuple[Route, ...]
    lifetimes: Lifetimes = Lifetimes()
    via_platform: frozenset[str] = frozenset()
    """Platforms that carry documents even between two parties connected here (`local = "via_axis"`)."""

    def seat_of(self, party: str) -> str | None:
        """The system that serves *party*, if one is connected here."""
        return next((seat.system for seat in self.seats if party in seat.parties), None)

    def demands(self, recipients: Sequence[str]) -> tuple[Demands, ...]:
        """What the routes of *recipients* ask of signatures; a party connected here has none."""
        reached = (self._route_of(party) for party in recipients if not self._seat(party, from_platform=False))
        return tuple(route.signatures for route in reached if route is not None)

    def deliveries(
        self, envelope: Envelope, *, from_platform: bool, now: datetime, new_id: Callable[[], str]
    ) -> tuple[NewDelivery, ...]:
        """One delivery per mailbox party and one per platform; at least one, be it `unassigned`.

        A platform brings a package for all its recipients to each centre: from there only the parties connected
        here are ours to serve, and it is never sent back to a platform.
        """
        seated = [(self._seat(party, from_platform), party) for party in envelope.recipients]
        targets: list[Target] = [(seat, party, (party,)) for seat, party in seated if seat]
        remote = tuple(party for seat, party in seated if not seat)
        if not from_platform:
            targets += [(platform, "", parties) for platform, parties in self._by_platform(remote).items()]
        elif not targets:
            targets = [(UNASSIGNED, "", envelope.recipients)]
        return tuple(self._new(envelope, target, now, new_id()) for target in targets)

    def _seat(self, party: str, from_platform: bool) -> str | None:
        if not from_platform and self._platform_of(party) in self.via_platform:
            return None
        return self.seat_of(party)

    def _platform_of(self, party: str) -> str:
        route = self._route_of(party)
        return route.platform if route else UNASSIGNED

    def _route_of(self, party: str) -> Route | None:
        return next((route for route in self.routes if party in route.to), None)

    def _by_platform(self, parties: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
        grouped: dict[str, tuple[str, ...]] = {}
        for party in parties:
            platform = self._platform_of(party)
            grouped[platform] = (*grouped.get(platform, ()), party)
        return grouped

    def _new(self, envelope: Envelope, target: Target, now: datetime, delivery_id: str) -> NewDelivery:
        destination, party, recipients = target
        return NewDelivery(
            id=delivery_id,
            destination=destination,
            party=party,
            recipients=recipients,
            conversation=envelope.conversation,
            expires_at=now + self._lifetime(destination, party, envelope.urgent),
            urgent=envelope.urgent,
            held="route.unknown" if destination == UNASSIGNED else "",
        )

    def _lifetime(self, destination: str, party: str, urgent: bool) -> timedelta:
        if party or destination == UNASSIGNED:
            return self.lifetimes.mailbox
        return self.lifetimes.platform_urgent if urgent else self.lifetimes.platform
