"""Story 1 reversed: what a polled platform offers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.errors import Refusal


@dataclass(frozen=True, slots=True)
class Listed:
    """A package a platform says is waiting for us."""

    reference: str
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """A package's original bytes; *refusal* is set when even the carrier around them could not be undone."""

    raw: bytes
    refusal: Refusal | None = None


class PollFault(Exception):
    """The platform did not answer usefully; nothing is known and the next round asks again."""


class Poller(Protocol):
    """What a polled platform offers, per message type ("edoc", "status")."""

    types: Sequence[str]
    dialect: str

    async def list(self, type: str) -> Sequence[Listed]: ...

    async def fetch(self, reference: str) -> Fetched: ...

    def acknowledgement(self, reference: str, status: str) -> Mapping[str, str]:
        """The instruction of the acknowledgement delivery; *status* is done, processing or fail."""
        ...
