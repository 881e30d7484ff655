"""Hard limits (P7)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gateway.errors import Refusal
from gateway.intake.limits import Budget, DiskGate, Strangers, network_of


class HandClock:
    seconds = 0.0

    def now(self) -> datetime:
        return datetime(2026, 11, 22, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def refused(code: str):
    return pytest.raises(Refusal, match=code)


def test_bodies_in_flight_never_exceed_the_budget_and_free_it_again() -> None:
    budget = Budget(100)
    with budget.share("a", 40), budget.share("b", 40), refused("limit.busy"), budget.share("c", 30):
        pass
    with budget.share("c", 100):
        pass


def test_one_system_cannot_take_more_than_half_with_a_second_body() -> None:
    budget = Budget(100)
    with budget.share("a", 40), refused("limit.busy"), budget.share("a", 20):
        pass


def test_a_body_that_fails_gives_its_share_back() -> None:
    budget = Budget(10)
    with pytest.raises(RuntimeError), budget.share("a", 10):
        raise RuntimeError
    with budget.share("b", 10):
        pass


async def test_accepting_stops_below_the_disk_reserve_and_starts_again_above() -> None:
    clock, free = HandClock(), [50]
    gate = DiskGate(lambda: free[0], 100, clock)
    with refused("limit.disk"):
        await gate.require_open()
    free[0] = 200
    clock.seconds += 1
    await gate.require_open()


def test_strangers_are_counted_per_network_and_stopped_above_the_limit() -> None:
    strangers = Strangers(3, HandClock())
    for host in range(3):
        strangers.note(f"192.0.2.{host}")
    with refused("limit.flood"):
        strangers.note("192.0.2.77")
    strangers.note("198.51.100.1")
    assert strangers.settle() == {"192.0.2.0/24": 4, "198.51.100.0/24": 1}


def test_the_memory_of_strangers_is_bounded() -> None:
    strangers = Strangers(10**9, HandClock())
    for i in range(5000):
        strangers.note(f"10.{i // 256}.{i % 256}.1")
    assert len(strangers.settle()) <= Strangers.NETWORKS + 1


@pytest.mark.parametrize(
    ("address", "network"),
    [("192.0.2.9", "192.0.2.0/24"), ("2001:db8:1:2::1", "2001:db8:1::/48"), ("", "unknown"), ("x", "unknown")],
)
def test_addresses_are_grouped_by_network(address: str, network: str) -> None:
    assert network_of(address) == network
