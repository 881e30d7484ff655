"""Who is calling: X-SystemId and X-SecretKey, sent plainly with every call (reference §7.1).

Only SHA-256 digests of secrets are held, and compared in constant time; several may be valid while one is replaced.
A bearer token, which later versions of the axis want beside the two headers, adds nothing here and is ignored.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.errors import Refusal
from gateway.model.access import Caller
from gateway.ports import Knock

SYSTEM_HEADER: Final = "x-systemid"
SECRET_HEADER: Final = "x-secretkey"  # the header's name, nothing secret  # noqa: S105
_NOBODY: Final = hashlib.sha256(b"nobody").hexdigest()


def secret_digest(secret: str) -> str:
    """What is kept of a secret: SHA-256 (hex) of its UTF-8 bytes."""
    if not secret:
        raise ValueError("an empty secret identifies nobody")
    return hashlib.sha256(secret.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Credential:
    """One SystemId's caller and the digests of the secrets it may use now."""

    caller: Caller
    secrets_sha256: tuple[str, ...] = field(repr=False)


class LgspIdentify:
    """`gateway.ports.Identify` over the SystemIds configured. Deny by default."""

    def __init__(self, credentials: Mapping[str, Credential]) -> None:
        self._credentials = dict(credentials)

    async def __call__(self, knock: Knock) -> Caller:
        """Raises Refusal auth.missing, or auth.unknown, which says not which of the two was wrong."""
        system_id = knock.headers.get(SYSTEM_HEADER, "").strip()
        secret = knock.headers.get(SECRET_HEADER, "").strip()
        if not system_id or not secret:
            raise Refusal("auth.missing", "X-SystemId, X-SecretKey", "both headers are required")
        credential = self._credentials.get(system_id)
        offered = hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()
        known = credential.secrets_sha256 if credential else (_NOBODY,)
        matches = [hmac.compare_digest(offered, digest) for digest in known]
        if credential is None or not any(matches):
            raise Refusal("auth.unknown", "X-SystemId, X-SecretKey")
        return credential.caller
