"""The agreed request rate, on a clock that only moves when somebody sleeps on it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from gateway.pace import LONGEST_PAUSE, Congested, Pace


class Clock:
    """Time passes only by sleeping."""

    def __init__(self) -> None:
        self.at = 1000.0

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.at)

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self.at += seconds


class Frozen(Clock):
    """Sleeping never ends by itself."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.Event().wait()


def starting(times: list[float]) -> list[float]:
    return [round(at - 1000, 6) for at in times]


async def turns(pace: Pace, clock: Clock, count: int) -> list[float]:
    times: list[float] = []

    async def worker() -> None:
        await pace.turn(1000)
        times.append(clock.monotonic())

    await asyncio.gather(*(worker() for _ in range(count)))
    return times


async def test_many_workers_together_keep_the_rate() -> None:
    clock = Clock()
    times = await turns(Pace(5, clock, Random(1)), clock, 50)
    assert starting(times) == [round(0.2 * n, 6) for n in range(50)]


async def test_a_burst_is_lent_once_and_paid_back() -> None:
    clock = Clock()
    pace = Pace(2, clock, Random(1), burst=4)
    assert starting(await turns(pace, clock, 6)) == [0, 0, 0, 0, 0.5, 1.0]
    clock.at += 100
    assert starting(await turns(pace, clock, 5)) == [101, 101, 101, 101, 101.5]


async def test_idle_time_saves_up_no_more_than_the_burst() -> None:
    clock = Clock()
    pace = Pace(10, clock, Random(1))
    clock.at += 3600
    assert starting(await turns(pace, clock, 3)) == [3600.0, 3600.1, 3600.2]


async def test_turns_are_given_in_the_order_they_were_asked_for() -> None:
    clock = Clock()
    pace = Pace(5, clock, Random(1))
    order: list[int] = []

    async def worker(number: int) -> None:
        await pace.turn(1000)
        order.append(number)

    await asyncio.gather(*(worker(number) for number in range(20)))
    assert order == list(range(20))


async def test_who_cannot_wait_long_enough_is_told_at_once() -> None:
    clock = Frozen()
    pace = Pace(1, clock, Random(1))
    await pace.turn(1)
    waiting = [asyncio.create_task(pace.turn(100)) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(Congested) as caught:
        await pace.turn(2)
    assert caught.value.wait == pytest.approx(4)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_the_line_has_an_end() -> None:
    pace = Pace(1, Frozen(), Random(1), max_waiting=2)
    await pace.turn(1)
    waiting = [asyncio.create_task(pace.turn(1000)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Congested):
        await pace.turn(1000)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_waiter_that_gives_up_takes_no_turn_with_it() -> None:
    clock = Frozen()
    pace = Pace(1, clock, Random(1))
    await pace.turn(1)
    gone = asyncio.create_task(pace.turn(100))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    clock.at += 1
    await pace.turn(0)


async def test_a_wait_that_drags_on_ends_with_the_patience() -> None:
    clock = Frozen()
    pace = Pace(10, clock, Random(1))
    await pace.turn(5)
    with pytest.raises(Congested):
        await pace.turn(0.2)


async def test_a_start_after_an_outage_is_spread_at_random() -> None:
    firsts = []
    for seed in range(20):
        clock = Clock()
        pace = Pace(5, clock, Random(seed), jitter=4)
        for _ in range(3):
            pace.failed()
        await pace.turn(100)
        firsts.append(clock.at - 1000)
    assert all(0 <= first <= 4 for first in firsts)
    assert max(firsts) - min(firsts) > 2


async def test_one_fault_is_no_outage_and_an_answer_ends_one() -> None:
    clock = Clock()
    pace = Pace(5, clock, Random(1), jitter=4)
    pace.failed()
    assert starting(await turns(pace, clock, 1)) == [0]
    for _ in range(3):
        pace.failed()
    pace.answered()
    assert starting(await turns(pace, clock, 1)) == [0.2]


@pytest.mark.parametrize("burst", [1, 5])
async def test_a_platform_that_asks_for_rest_gets_it(burst: int) -> None:
    clock = Clock()
    pace = Pace(5, clock, Random(1), burst=burst)
    pace.pause(30)
    with pytest.raises(Congested) as caught:
        await pace.turn(29)
    assert caught.value.wait == pytest.approx(30)
    assert starting(await turns(pace, clock, 2)) == [30.0, 30.2]


async def test_no_platform_can_silence_us_for_ever() -> None:
    clock = Clock()
    pace = Pace(5, clock, Random(1))
    pace.pause(10**9)
    assert starting(await turns(pace, clock, 1)) == [LONGEST_PAUSE]


@pytest.mark.parametrize(("rate", "burst"), [(0, 1), (-1, 1), (1, 0)])
def test_a_rate_that_is_none_is_refused(rate: float, burst: int) -> None:
    with pytest.raises(ValueError, match="rate"):
        Pace(rate, Clock(), Random(1), burst=burst)
