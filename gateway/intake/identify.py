"""Who is calling: before a byte of the body is read."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gateway.clock import Clock
from gateway.errors import Refusal
from gateway.model.access import ApiKey, Caller
from gateway.ports import Knock, Tending

_KEY = re.compile(r"lt_([0-9a-f]{8,32})_([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key: *text* is shown once to a person and never stored."""

    key: ApiKey
    text: str


def issue_key(system: str, now: datetime, expires_at: datetime | None = None, note: str = "") -> IssuedKey:
    """A fresh key for *system* with 256 random bits."""
    key_id, secret = secrets.token_hex(8), secrets.token_hex(32)
    stored = ApiKey(key_id, system, hashlib.sha256(secret.encode()).hexdigest(), now, expires_at, None, note)
    return IssuedKey(stored, f"lt_{key_id}_{secret}")


class KeyRing:
    """API keys: `Authorization: Bearer lt_<id>_<secret>`. Deny by default."""

    def __init__(self, store: Tending, callers: Mapping[str, Caller], clock: Clock) -> None:
        self._store = store
        self._callers = callers
        self._clock = clock

    async def __call__(self, knock: Knock) -> Caller:
        """`gateway.ports.Identify`. Raises Refusal auth.missing, auth.unknown, auth.revoked or auth.expired."""
        authorization = knock.headers.get("authorization")
        if not authorization:
            raise Refusal("auth.missing", where="Authorization")
        match = _KEY.fullmatch(authorization.removeprefix("Bearer ").strip())
        if match is None:
            raise Refusal("auth.unknown", where="Authorization")
        key = await self._store.key(match[1])
        offered = hashlib.sha256(match[2].encode()).hexdigest()
        if key is None or not hmac.compare_digest(offered, key.secret_sha256):
            raise Refusal("auth.unknown", where="Authorization")
        return self._usable(key)

    def _usable(self, key: ApiKey) -> Caller:
        if key.revoked_at:
            raise Refusal("auth.revoked", where="Authorization")
        if key.expires_at and key.expires_at <= self._clock.now():
            raise Refusal("auth.expired", where="Authorization")
        caller = self._callers.get(key.system)
        if caller is None:
            raise Refusal("auth.unknown", where="Authorization", detail="the key's system is no longer configured")
        return caller
