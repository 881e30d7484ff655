"""Story 2 at its rim: what an outbound adapter is given and gives back, and what an attempt concludes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from gateway.model.delivery import (
    Delivery,
    Notice,
    Outcome,
    State,
)
from gateway.model.document import Content
from gateway.model.message import (
    Message,
)


class Repeat(StrEnum):
    """What a second copy does at the destination."""

    SAFE = "safe"
    VISIBLE = "visible"


@dataclass(frozen=True, slots=True)
class Parcel:
    """What an outbound adapter is given to encode. *read* decodes the original lazily; *raw* is the original. With
    *altered* what is read is not what *raw* holds (we signed its files), so that *raw* must not be relayed."""

    delivery: Delivery
    message: Message | None
    raw: bytes
    read: Callable[[], Content]
    altered: bool = False


class Outbound(Protocol):
    """The sending side of an adapter. `encode` is pure and may be slow; `send` is the only I/O."""

    dialect: str
    repeat: Repeat

    def examine(self, content: Content, dialect: str) -> None:
        """Dry run at accept, on content without its attachments' bytes: Refusal if `encode` could not make a
        conformant message of it, so that the sender hears it now."""
        ...

    def encode(self, parcel: Parcel) -> bytes:
        """The exact bytes to send; the same for every retry. Raises Refusal if the content cannot be expressed."""
        ...

    async def send(self, delivery: Delivery, message: Message | None, wire: bytes, deadline: float) -> Outcome:
        """One try within *deadline* seconds; every failure is classified here, next to the wire."""
        ...


class Tells(Protocol):
    """Words a notice. Pure: the store calls it inside the transaction that ends a delivery, once for that delivery and
    once for each follower that is cancelled with it.
    """

    def __call__(self, delivery: Delivery, message: Message, ending: State, code: str, detail: str) -> Notice | None:
        """The notice to the sender of *message*; None if its dialect has no place for one. An incident opens anyway."""
        ...


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What one attempt's transaction writes: the outcome, when to try again (Deferred), whom to tell of a failure."""

    outcome: Outcome
    at: datetime
    due_at: datetime | None = None
    tell: Tells | None = None
