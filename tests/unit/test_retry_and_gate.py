"""When to try again, and when not to try at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from gateway.delivery.gate import Breaker
from gateway.delivery.retry import RetryPolicy
from gateway.intake.poller import oldest_and_newest
from gateway.ports import Listed

NOW = datetime(2026, 11, 22, tzinfo=UTC)


class HandClock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@given(st.integers(1, 10_000), st.integers(), st.one_of(st.none(), st.floats(0, 1e9)))
def test_a_retry_waits_between_floor_and_cap_and_never_less_than_asked(
    attempt: int, seed: int, asked: float | None
) -> None:
    policy = RetryPolicy(first=10, cap=900, floor=1)
    wait = (policy.due_at(attempt, NOW, Random(seed), asked) - NOW).total_seconds()
    assert 1 <= wait <= 86_400
    assert wait >= min(asked or 0, 86_400) - 1e-3
    if asked is None:
        assert wait <= min(900, 10 * 2 ** (min(attempt, 20) - 1))


def test_retries_of_many_are_spread_over_the_whole_range() -> None:
    waits = sorted((RetryPolicy().due_at(6, NOW, Random(seed), None) - NOW).total_seconds() for seed in range(400))
    assert waits[40] < 60
    assert waits[360] > 250


def breaker(clock: HandClock) -> Breaker:
    return Breaker(clock, Random(1), threshold=3, first_pause=8)


def test_faults_in_a_row_open_the_gate_and_a_pause_follows() -> None:
    clock = HandClock()
    gate = breaker(clock)
    assert [gate.note(fault=True) for _ in range(3)] == [False, False, True]
    assert gate.allowance(4) == 0
    clock.seconds += 8.1
    assert gate.allowance(4) == 1


def test_one_probe_through_opens_all_slots_again() -> None:
    clock = HandClock()
    gate = breaker(clock)
    for _ in range(3):
        gate.note(fault=True)
    clock.seconds += 8.1
    assert gate.note(fault=False)
    assert gate.allowance(4) == 4


def test_rejections_between_faults_keep_the_gate_closed() -> None:
    gate = breaker(HandClock())
    for _ in range(10):
        gate.note(fault=True)
        gate.note(fault=True)
        gate.note(fault=False)
    assert not gate.open


@given(st.lists(st.integers(0, 50), max_size=30), st.integers(1, 12))
def test_polling_takes_the_oldest_and_the_newest_in_the_order_of_their_age(ages: list[int], limit: int) -> None:
    listed = [Listed(str(i), NOW + timedelta(seconds=age)) for i, age in enumerate(ages)]
    taken = oldest_and_newest(listed, limit)
    times = [item.created_at for item in taken]
    assert len({item.reference for item in taken}) == min(limit, len(ages))
    assert times == sorted(times)
    if taken:
        assert times[0] == min(item.created_at for item in listed)
    if limit > 1 and taken:
        assert times[-1] == max(item.created_at for item in listed)
