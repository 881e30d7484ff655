"""What a receiver asks of a signed message, beyond that its signature holds."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, Protocol

from gateway.signing.wssecurity.names import ADDRESSING, SECURITY

_ADDRESSING_NAMES: Final = (
    "To", "Action", "MessageID", "RelatesTo", "ReplyTo", "FaultTo", "From", "ReferenceParameters",
)  # fmt: skip
UNDERSTOOD: Final = frozenset({SECURITY, *(f"{{{space}}}{name}" for space in ADDRESSING for name in _ADDRESSING_NAMES)})
"""Mandatory header blocks this module can answer for, as `{namespace}local`."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Which parts must be signed, and how old a message may be. The Body must be signed always.

    *timestamp*: "required", or "if present": a message may come without one, but one that is there is signed and fresh.
    *addressing*: every WS-Addressing header block that is there must be signed. *headers*: `{namespace}local` of blocks
    that must be there, once, and signed. *attachments*: "all" refuses a message with an unsigned attachment, "signed"
    hands on those that are. *max_age* counts from Created; *skew* is what two clocks may differ by.
    """

    timestamp: Literal["required", "if present"] = "required"
    addressing: bool = False
    headers: tuple[str, ...] = ()
    attachments: Literal["all", "signed"] = "all"
    max_age: timedelta = timedelta(minutes=5)
    skew: timedelta = timedelta(seconds=60)
    understood: frozenset[str] = UNDERSTOOD


class Replays(Protocol):
    """The memory of messages that were accepted; one for all that share an endpoint."""

    def admit(self, marks: Collection[tuple[str, bytes]], *, until: datetime, now: datetime) -> None:
        """Remember a message by its *marks* (kind and 32 bytes) until *until*, or raise NotValid signature.replayed if
        one of them is remembered; indeterminate if it cannot be told or remembered."""
        ...
