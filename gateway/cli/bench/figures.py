"""What is measured, and how repetitions become one figure. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from statistics import median


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is sent: each part of a round ends after *seconds* or *messages*."""

    seconds: float
    messages: int
    callers: int


@dataclass(frozen=True, slots=True)
class Round:
    """One repetition with documents of one size. Rates are per second, times milliseconds.

    *full*: as many callers as told send without pause. *calm*: documents come at half the rate that was just
    delivered; the time counts from the moment each was due. End to end is from the sender's first byte to our durable
    record of the axis' answer.
    """

    append_floor: float
    """Appends of 4 KB, each flushed (fdatasync), to the same disk."""
    commit_floor: float
    """Transactions of one row in SQLite (WAL, synchronous=FULL) on the same disk."""
    http_floor: float
    """The same requests answered by a bare aiohttp server that keeps nothing."""
    accepted: float
    delivered: float
    cpu_ms: float
    """Processor time of the gateway's process for each document accepted and delivered."""
    full_accept_p50: float
    full_accept_p99: float
    calm_rate: float
    calm_accept_p50: float
    calm_accept_p99: float
    calm_end_p50: float
    calm_end_p99: float

    @property
    def over_append(self) -> float:
        """Accepted documents per flushed append; above 1 because neighbours share a commit."""
        return self.accepted / self.append_floor

    @property
    def over_commit(self) -> float:
        """Accepted documents per single-row transaction."""
        return self.accepted / self.commit_floor

    @property
    def over_http(self) -> float:
        """Accepted documents per bare HTTP request."""
        return self.accepted / self.http_floor


RATIOS = ("over_append", "over_commit", "over_http")
NAMES = tuple(field.name for field in fields(Round)) + RATIOS


def medians(rounds: Sequence[Round]) -> dict[str, float]:
    """The median of every figure and of every ratio; a ratio is formed within one round, never of two medians."""
    return {name: rounded(median(getattr(one, name) for one in rounds)) for name in NAMES}


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest of *values* that at least *share* of them do not exceed. ValueError without values."""
    if not values:
        raise ValueError("nothing was measured")
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def rounded(value: float) -> float:
    """*value* with three significant digits: more would pretend."""
    return float(f"{value:.3g}")
