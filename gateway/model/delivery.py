"""Deliveries: our duty to bring one message to one destination, with every attempt at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

UNASSIGNED = "unassigned"
"""The destination of a message whose recipient no route knows: held until a person assigns it (P2)."""


class State(StrEnum):
    """Entered when, left when (DESIGN §3)."""

    QUEUED = "queued"
    """Due to be attempted, or waiting in a mailbox; left by a claim or the mailbox's acknowledgement."""
    WAITING = "waiting"
    """Another live delivery of the same (destination, party, conversation) is before it; left when that one ends."""
    LEASED = "leased"
    """An attempt is under way; left by its outcome, or by rescue if its server died."""
    DEFERRED = "deferred"
    """The last attempt failed for now; left by the next claim, at or after its due time."""
    HELD = "held"
    """A person must decide; left by release or cancel."""
    DELIVERED = "delivered"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


ENDED = frozenset({State.DELIVERED, State.REJECTED, State.EXPIRED, State.CANCELLED})
"""States that are never left."""


class Purpose(StrEnum):
    """Why something is delivered. All kinds share one retry place, one order rule, one screen (principle 6)."""

    CONTENT = "content"
    ACKNOWLEDGEMENT = "acknowledgement"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A delivery to be created. *party* is the recipient whose order counts in a mailbox; "" towards a platform.

    *instruction* is the whole content of an acknowledgement (it has no message body). *held* gives the reason when
    the delivery starts as `held`.
    """

    id: str
    destination: str
    recipients: tuple[str, ...]
    conversation: str
    expires_at: datetime
    purpose: Purpose = Purpose.CONTENT
    party: str = ""
    urgent: bool = False
    instruction: Mapping[str, str] = field(default_factory=dict)
    held: str = ""
    replay_of: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery as stored. *code*/*detail* describe the last outcome or the hold; *reference* is the receiver's id."""

    id: str
    message_id: str
    purpose: Purpose
    destination: str
    party: str
    recipients: tuple[str, ...]
    conversation: str
    state: State
    urgent: bool
    instruction: Mapping[str, str]
    created_at: datetime
    due_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    attempts: int
    code: str
    detail: str
    reference: str
    maybe_twice: bool
    replay_of: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try, append-only. *outcome* is "started" until concluded, then an Outcome's name, "unknown" or "late"."""

    id: str
    delivery_id: str
    number: int
    started_at: datetime
    ended_at: datetime | None
    outcome: str
    code: str = ""
    detail: str = ""
    reference: str = ""
    sent_sha256: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """A leased delivery with the attempt that the same commit wrote as started.

    *wire_id* names the bytes stored for this delivery by an earlier attempt ("" before the first), to be sent again
    unchanged.
    """

    attempt_id: str
    number: int
    delivery: Delivery
    wire_id: str = ""


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver confirmed. *reference* is its own id; *evidence* its answer, kept as the receipt (≤ 4 KB)."""

    reference: str = ""
    evidence: bytes = b""
    code: str = "ok"


@dataclass(frozen=True, slots=True)
class Deferred:
    """Not now. *unknown*: it may have arrived (sent, no answer). *fault*: the destination itself is unwell (transport,
    5xx, 429), which the breaker counts. *retry_after* is the receiver's own wish in seconds.
    """

    code: str
    detail: str = ""
    retry_after: float | None = None
    unknown: bool = False
    fault: bool = True


@dataclass(frozen=True, slots=True)
class Rejected:
    """Never: the receiver understood and refused, or the content cannot be expressed in its dialect."""

    code: str
    detail: str = ""


Outcome = Delivered | Deferred | Rejected


@dataclass(frozen=True, slots=True)
class Notice:
    """Tells a sender that a delivery failed for good: a small message of ours into its mailbox.

    *raw* is the notice as JSON; *delivery* brings it to the sender's system.
    """

    message_id: str
    raw: bytes
    delivery: NewDelivery


@dataclass(frozen=True, slots=True)
class Concluded:
    """*applied* is False for a late outcome: kept as a late attempt, nothing else changed."""

    applied: bool
    state: State
    destinations: tuple[str, ...] = ()
    """Destinations that got work by this commit (a promoted follower, a notice)."""
