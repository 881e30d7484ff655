"""What an envelope must satisfy before it is accepted, by who sent it."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.errors import Refusal
from gateway.intake.statuses import Order
from gateway.model.message import Envelope
from gateway.model.party import Parties


@dataclass(frozen=True, slots=True)
class Peer:
    """Who hands over messages: a system of ours, bound to its parties, or a platform, which speaks for anybody."""

    id: str
    is_platform: bool
    parties: Parties
    status_order: Order = "warn"
    """What a business status out of order means from this system."""


def check_envelope(envelope: Envelope, peer: Peer) -> None:
    """Refuse what no route could ever carry. Platform input is accepted whoever it names (principle 8)."""
    if peer.is_platform:
        return
    if envelope.sender not in peer.parties:
        raise Refusal("auth.forbidden", where="From/OrganId", detail=f"{envelope.sender} does not belong to {peer.id}")
    if not envelope.recipients:
        raise Refusal("message.no_recipient", where="To/OrganId")
