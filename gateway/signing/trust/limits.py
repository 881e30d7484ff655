"""Bounds of one validation: hostile pools, loops and keys end early, and how strictly a question is put."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from gateway.model.verdict import NotValid

MAX_POOL: Final = 4096
"""Certificates handed in with one question; more is no chain but a flood."""
MAX_CERTIFICATE: Final = 128 * 1024
"""Bytes of one certificate."""
MAX_DEPTH: Final = 16
"""Certificates of one path, anchor included."""
MAX_PATHS: Final = 24
"""Complete paths that are examined for one certificate."""


class Budget:
    """Work that one validation may still do, in units of one signature check or 64 comparisons."""

    __slots__ = ("left",)

    def __init__(self, units: int = 600) -> None:
        self.left = units * 64

    def check(self) -> None:
        """Pay for one signature check. Raises NotValid limit.exceeded."""
        self.compare(64)

    def compare(self, count: int = 1) -> None:
        """Pay for *count* comparisons of names. Raises NotValid limit.exceeded."""
        self.left -= count
        if self.left < 0:
            raise NotValid("limit.exceeded", "too many certificates or names to examine")


@dataclass(frozen=True, slots=True)
class Rigour:
    """How a question about a certificate is put.

    *conformance*: also the MUSTs of RFC 5280 §4 that bind the issuer alone are held against a certificate.
    *later_answers*: revocation data made after the time in question counts (ETSI EN 319 102-1 §5.2.6: a signature is
    judged at its time with what became known later); without it the time in question is "now" (RFC 5280 §6.3).
    *grace*: how long past nextUpdate an answer is still taken.
    """

    conformance: bool = False
    later_answers: bool = True
    grace: timedelta = timedelta(0)


SIGNATURE: Final = Rigour()
"""For the certificate of a signature: judged at the signing time, lenient about an issuer's formal slips."""
CONFORMANCE: Final = Rigour(conformance=True, later_answers=False)
"""For a certificate that is itself the question: fully RFC 5280, at that moment."""
