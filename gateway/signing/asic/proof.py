"""What one signature or time stamp of a container proves, whatever its form."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from gateway.model.verdict import SignedPart


@dataclass(frozen=True, slots=True)
class Proof:
    """*place*: the member that holds it. *parts*: the files it covers whole, by name.

    *certificate* is None for a raw key of the trust store, called *signer*. *signed_at* with *proven*: as in a Verdict.
    *notes*: sentences about what was not counted.
    """

    place: str
    signer: str
    certificate: x509.Certificate | None
    signed_at: datetime | None
    proven: bool
    parts: dict[str, SignedPart]
    notes: tuple[str, ...] = ()
