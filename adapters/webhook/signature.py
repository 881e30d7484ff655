"""Signatures of Standard Webhooks 1.0.0, "Signature scheme" and "Webhook headers": symmetric, identifier v1."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final, NoReturn

PREFIX: Final = "whsec_"
LEAST_BYTES: Final = 24
MOST_BYTES: Final = 64


class SigningSecret:
    """A key shared with one receiver, written ``whsec_<base64>``, 24 to 64 random bytes. It signs and nothing else."""

    __slots__ = ("__key",)

    def __init__(self, text: str) -> None:
        try:
            key = binascii.a2b_base64(text.strip().removeprefix(PREFIX), strict_mode=True)
        except (binascii.Error, ValueError):
            raise ValueError("a webhook secret is 'whsec_' and base64") from None
        if not text.strip().startswith(PREFIX):
            raise ValueError("a webhook secret begins with 'whsec_'")
        if not LEAST_BYTES <= len(key) <= MOST_BYTES:
            raise ValueError(f"a webhook secret has {LEAST_BYTES} to {MOST_BYTES} bytes, this one {len(key)}")
        self.__key = key

    def sign(self, *parts: bytes) -> str:
        """HMAC-SHA256 of the parts as one message, in base64."""
        code = hmac.new(self.__key, digestmod=hashlib.sha256)
        for part in parts:
            code.update(part)
        return base64.b64encode(code.digest()).decode()

    def __repr__(self) -> str:
        return "SigningSecret(***)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not copied or stored")


def signature(secrets: Sequence[SigningSecret], message_id: str, timestamp: int, body: bytes) -> str:
    """The ``webhook-signature`` header: one signature per secret, so that a receiver may change its secret any time.

    *message_id* must hold no full stop: the signed text is "id.timestamp.body".
    """
    if not message_id or "." in message_id:
        raise ValueError("a webhook id is not empty and holds no full stop")
    head = f"{message_id}.{timestamp}.".encode()
    return " ".join(f"v1,{secret.sign(head, body)}" for secret in secrets)
