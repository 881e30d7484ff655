"""base64url without padding (RFC 7515 §2): one text for each value, and no other text is taken."""

from __future__ import annotations

import base64
import re
from typing import Final

from gateway.model.verdict import NotValid

_ALPHABET: Final = re.compile(rb"[A-Za-z0-9_-]*+")


def decode(text: bytes, what: str) -> bytes:
    """The bytes of *text*. Raises NotValid malformed: other characters, padding, an impossible length, stray bits."""
    if not _ALPHABET.fullmatch(text) or len(text) % 4 == 1:
        raise NotValid("malformed", "not base64url", what)
    value = base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    if len(text) % 4 and encode(value[-(len(value) % 3) :])[-1:] != text[-1:]:
        raise NotValid("malformed", "base64url with stray bits", what)
    return value


def encode(value: bytes) -> bytes:
    """*value* as base64url without padding."""
    return base64.urlsafe_b64encode(value).rstrip(b"=")
