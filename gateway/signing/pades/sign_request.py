"""What is asked of a signature on a PDF: by whom, when, at which level of PAdES, and what is seen of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from gateway.ports.signing import DigestName, Scheme, SigningKey
from gateway.signing.pades.appearance import Appearance, Invisible

Level = Literal["B-B", "B-T", "B-LT"]
"""Baseline levels (ETSI EN 319 142-1 §6): the signature alone; with a time stamp; with validation data as well."""
LEVELS: Final[tuple[Level, ...]] = ("B-B", "B-T", "B-LT")

TOKEN_ROOM: Final = 12 << 10
"""Bytes kept free for a time stamp: tokens with their chain take 3 to 8 KiB."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Whose signature it is: DER of the certificate and of those above it, issuer first; how the key signs."""

    certificate: bytes
    chain: tuple[bytes, ...]
    scheme: Scheme

    @classmethod
    def of(cls, key: SigningKey) -> Signer:
        """The public half of *key*."""
        return cls(key.certificate, tuple(key.chain), key.scheme)


@dataclass(frozen=True, slots=True)
class Request:
    """One signature to be made.

    *at* (aware) stands in the signature dictionary (/M) and in the appearance. *field* names the signature field: an
    empty one is filled, any other name is made; "" is a name that is free. *without_stamp*: B-B will do where no time
    stamping authority is configured. *digest* "" is what suits the key. *token_room*: bytes for the time stamp.
    """

    at: datetime
    appearance: Appearance = field(default_factory=Invisible)
    level: Level = "B-T"
    without_stamp: bool = False
    field: str = ""
    reason: str = ""
    location: str = ""
    digest: DigestName | Literal[""] = ""
    token_room: int = TOKEN_ROOM
