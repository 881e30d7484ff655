"""kill -9 at moments nobody chose: while starting, idling, committing, sending (P1, P3)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from harness import RANDOM, CrashRun

KILLS = 60


@pytest.mark.long
@pytest.mark.parametrize(("seed", "to_header"), [(21, "overrides"), (22, "ignored")])
async def test_death_at_any_moment_loses_nothing_and_doubles_nothing(
    tmp_path: Path, seed: int, to_header: Literal["overrides", "ignored"]
) -> None:
    async with CrashRun(tmp_path, seed, pace=0.08, to_header=to_header) as run:
        for number in range(KILLS):
            if number % 20 == 10:
                await run.traffic.control("POST", "/outage", json={"seconds": 2, "mode": "503"})
            await run.kill_at_random()
        verdict = await run.verdict()
    assert verdict.good, verdict.summary()
    assert verdict.kills == {RANDOM: KILLS}
    assert verdict.documents > KILLS, "there was traffic to lose"
    assert bool(verdict.also_arrived) == (to_header == "ignored")
