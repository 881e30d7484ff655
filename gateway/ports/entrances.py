"""Story 1 at its rim: what entrances hand to the accept story, and how a dialect is served."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from gateway.errors import Refusal
from gateway.model.access import Caller
from gateway.model.message import (
    Accepted,
    Decoded,
    Submission,
)


class Accept(Protocol):
    """The accept story as entrances see it."""

    async def __call__(self, submission: Submission) -> Accepted:
        """Commit *submission* durably. Refusal: not accepted, and why. StoreUnavailable: nothing is known, say so."""
        ...


class Decode(Protocol):
    """Bytes of one dialect to canonical content. Pure. Raises Refusal with code and place."""

    def __call__(self, raw: bytes) -> Decoded: ...


@dataclass(frozen=True, slots=True)
class Knock:
    """What is known of a caller before a byte of its body is read. Header names are lower case, values unchanged."""

    remote: str
    headers: Mapping[str, str]


class Identify(Protocol):
    """Who is calling, from TLS and headers alone (API key, or a dialect's HMAC)."""

    async def __call__(self, knock: Knock) -> Caller:
        """Raises Refusal auth.… if nobody can be named."""
        ...


@dataclass(frozen=True, slots=True)
class Call:
    """An identified HTTP call on the intake listener. Header names are lower case; *language* is "vi" or "en"."""

    caller: Caller
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime
    language: str = "vi"


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back over HTTP."""

    status: int
    body: bytes
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One served operation. *path* may hold ``{name}``; a body is read only where *reads_body*."""

    method: str
    path: str
    handle: Callable[[Call], Awaitable[Reply]]
    reads_body: bool = False
    quarantines: str = ""
    """The dialect under which a refused body of an identified sender is quarantined; "" for none."""


class Inbound(Protocol):
    """The served side of an adapter: its endpoints, and its dialect's way of saying no."""

    def endpoints(self) -> Sequence[Endpoint]: ...

    def refuse(self, refusal: Refusal, language: str, reference: str) -> Reply:
        """The refusal in this dialect. *reference* is our request id, which the log knows too."""
        ...
