"""Identifiers of ours: sortable by time, unguessable by strangers."""

from __future__ import annotations

import secrets
from datetime import datetime

from gateway.clock import to_millis


def new_id(now: datetime) -> str:
    """A UUID of version 7 (RFC 9562 §5.7) as 32 hex digits: 48 bits of milliseconds, then 74 random bits."""
    value = (
        (to_millis(now) & (1 << 48) - 1) << 80
        | 0x7 << 76
        | secrets.randbits(12) << 64
        | 0b10 << 62
        | secrets.randbits(62)
    )
    return f"{value:032x}"
