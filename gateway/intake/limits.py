"""Hard limits (P7): memory in flight, disk in reserve, strangers at the door."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from gateway.clock import Clock
from gateway.errors import Refusal


@dataclass(frozen=True, slots=True)
class IntakeLimits:
    """Sizes in bytes, times in seconds. *in_flight* bounds all bodies being read or understood at once; one system
    may use at most half of it, so that one sender never shuts the others out.
    """

    body: int = 50 * 1024 * 1024
    in_flight: int = 256 * 1024 * 1024
    body_timeout: float = 120.0
    stranger_calls_per_minute: int = 120
    disk_reserve: int = 1024 * 1024 * 1024


class Budget:
    """Bytes of bodies in flight."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._used: dict[str, int] = {}

    @contextmanager
    def share(self, system: str, size: int) -> Iterator[None]:
        """Hold *size* bytes for *system*, or refuse with 503 and Retry-After before a byte is read."""
        mine = self._used.get(system, 0)
        if sum(self._used.values()) + size > self._total or (mine and mine + size > self._total // 2):
            raise Refusal("limit.busy", detail="bodies in flight", retry_after=2)
        self._used[system] = mine + size
        try:
            yield
        finally:
            left = self._used[system] - size
            if left:
                self._used[system] = left
            else:
                del self._used[system]


class DiskGate:
    """Accepting stops before the disk is full, so that outcomes stay writable. Asks the disk once a second."""

    def __init__(self, free_bytes: Callable[[], int], reserve: int, clock: Clock) -> None:
        self._free_bytes = free_bytes
        self._reserve = reserve
        self._clock = clock
        self._asked_at = float("-inf")
        self._open = True

    async def require_open(self) -> None:
        """Raise Refusal 'limit.disk' while free space is below the reserve."""
        now = self._clock.monotonic()
        if now - self._asked_at >= 1.0:
            self._open = self._free_bytes() > self._reserve
            self._asked_at = now
        if not self._open:
            raise Refusal("limit.disk", retry_after=60)


class Strangers:
    """Callers nobody identified: counted per network and minute, slowed down, and leaving no bytes (P7)."""

    NETWORKS = 1024

    def __init__(self, calls_per_minute: int, clock: Clock) -> None:
        self._limit = calls_per_minute
        self._clock = clock
        self._minute = 0
        self._counts: dict[str, int] = {}

    def note(self, address: str) -> None:
        """Count one unidentified call from *address*. Raises Refusal 'limit.flood' above the limit."""
        network = network_of(address)
        if network not in self._counts and len(self._counts) >= self.NETWORKS:
            network = "other"
        self._counts[network] = self._counts.get(network, 0) + 1
        if self._counts[network] > self._limit:
            raise Refusal("limit.flood", retry_after=60)

    def settle(self) -> dict[str, int]:
        """The counts since the last call, per network; counting starts anew. Called once a minute."""
        counts, self._counts = self._counts, {}
        return counts


def network_of(address: str) -> str:
    """The /24 (IPv4) or /48 (IPv6) an address belongs to; "unknown" for anything else."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    return str(ipaddress.ip_network(f"{parsed}/{24 if parsed.version == 4 else 48}", strict=False))
