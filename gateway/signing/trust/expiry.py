"""Warnings before a certificate ends, each told once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509

from gateway.signing.trust import describe

THRESHOLDS: Final = (60, 30, 7, 1)
"""Days before the end at which somebody is told."""
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ExpiryWarning:
    """*threshold* is the nearest of THRESHOLDS that was reached, 0 when the certificate has ended.

    *id* is the same at every call for one certificate and threshold: whoever keeps it tells each threshold once.
    """

    id: str
    threshold: int
    days_left: int
    ends: datetime
    subject: str
    certificate: str


def days_left(certificate: x509.Certificate, now: datetime) -> int:
    """Whole days until the end, rounded down; negative once it has ended."""
    return (certificate.not_valid_after_utc - now) // _DAY


def expiring(certificates: Iterable[x509.Certificate], now: datetime) -> tuple[ExpiryWarning, ...]:
    """One warning for each certificate that ends within 60 days or has ended, the earliest end first."""
    found: dict[str, ExpiryWarning] = {}
    for one in certificates:
        left = one.not_valid_after_utc - now
        reached = [days for days in THRESHOLDS if left <= days * _DAY]
        if not reached:
            continue
        threshold = 0 if left < timedelta(0) else min(reached)
        mark = describe.fingerprint(one)
        found[mark] = ExpiryWarning(
            id=f"certificate-expiry:{mark}:{threshold}",
            threshold=threshold,
            days_left=days_left(one, now),
            ends=one.not_valid_after_utc,
            subject=describe.subject(one),
            certificate=mark,
        )
    return tuple(sorted(found.values(), key=lambda warning: (warning.ends, warning.id)))
