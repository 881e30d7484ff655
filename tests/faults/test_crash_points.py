"""kill -9 at every named point, while documents and statuses travel every way and the axis stutters (P1, P3)."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import POINTS, CrashRun, named_points

ROUNDS = 5
"""Times that each point is died at in the long run, at its 1st to 5th passing."""

HAND_OVER = (
    "accept.after_spool",
    "commit.before",
    "commit.after",
    "settle.before_commit",
    "settle.after",
    "wire.after_keep",
    "attempt.before_send",
    "attempt.after_send",
    "conclude.before_commit",
)
"""Points that a status passes on its way from a system of ours to its receiver."""


def test_the_source_has_the_points_that_this_harness_knows() -> None:
    assert named_points() == POINTS.keys()


async def test_a_few_deaths_lose_nothing(tmp_path: Path) -> None:
    async with CrashRun(tmp_path, seed=11, to_header="ignored") as run:
        for point in ("commit.after", "attempt.after_send", "poll.after_store", "mailbox.fetched", "settle.after"):
            await run.kill_at(point, nth=2)
        verdict = await run.verdict()
    assert verdict.good, verdict.summary()


@pytest.mark.long
async def test_death_at_every_named_point_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    async with CrashRun(tmp_path, seed=12, to_header="ignored") as run:
        for nth in range(1, ROUNDS + 1):
            for point in sorted(named_points()):
                await run.kill_at(point, nth)
        verdict = await run.verdict()
    assert verdict.good, verdict.summary()
    assert verdict.kills == dict.fromkeys(POINTS, ROUNDS)
    assert verdict.mixed, "there were mixed recipients"
    assert verdict.also_arrived, "the axis brought back what was served here"


@pytest.mark.long
async def test_death_while_only_statuses_travel_loses_none_and_says_none_twice(tmp_path: Path) -> None:
    """First documents without any report, then reports without any new document: what dies is a status hand-over."""
    async with CrashRun(tmp_path, seed=13, pace=0.05) as run:
        run.traffic.only(documents=True, statuses=False)
        await run.kill_after_acceptances(40)
        run.traffic.only(documents=False, statuses=True)
        for nth in (1, 2):
            for point in HAND_OVER:
                await run.kill_at(point, nth)
        verdict = await run.verdict()
    assert verdict.good, verdict.summary()
    assert verdict.automatic, "the gateway reported 01 by itself"
