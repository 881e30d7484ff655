"""API keys of systems: who calls, and what for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gateway.model.party import Parties


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as stored: only the SHA-256 of its secret, which has 256 random bits and so needs no slow hash."""

    id: str
    system: str
    secret_sha256: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Caller:
    """An identified system with the parties it may act for."""

    system: str
    parties: Parties
    environment: str = "production"
