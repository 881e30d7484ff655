"""The harness can fail: gateways and disks that break P1 or P3 on purpose must each be found out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import pytest
from harness import CrashRun
from supply import PowerSupply, build_shim, compiler
from verdict import Verdict

UNSAFE = str(Path(__file__).parent / "unsafe_gateway.py")
needs_compiler = pytest.mark.skipif(
    compiler() is None, reason="NO C COMPILER: power loss is NOT tested on this machine"
)


def disk(folder: Path, *, ignores_fsync: bool) -> Callable[[Path, Random], PowerSupply]:
    library = build_shim(folder)
    return lambda data_dir, dice: PowerSupply(data_dir, folder / "disk", library, dice, ignores_fsync=ignores_fsync)


async def lose_power_after_answers(
    folder: Path, supply: Callable[[Path, Random], PowerSupply], unsafe: Sequence[str] | None
) -> Verdict:
    """Three lives that each end right after a few documents were heard accepted."""
    async with CrashRun(folder, seed=41, supply=supply, survivals=(0.0,), unsafe=unsafe, stutter=False) as run:
        for _ in range(3):
            await run.kill_after_acceptances(4)
        return await run.verdict(seconds=10)


@pytest.mark.long
async def test_an_answer_before_the_commit_is_found_out(tmp_path: Path) -> None:
    unsafe = (sys.executable, UNSAFE, "answers-first")
    async with CrashRun(tmp_path, seed=42, unsafe=unsafe, stutter=False) as run:
        await run.kill_after_acceptances(2)
        verdict = await run.verdict(seconds=10)
    assert len([line for line in verdict.lost if "not in the store" in line]) >= 2, verdict.summary()


@pytest.mark.long
@needs_compiler
async def test_a_disk_that_lies_about_fsync_is_found_out(tmp_path: Path) -> None:
    verdict = await lose_power_after_answers(tmp_path, disk(tmp_path, ignores_fsync=True), None)
    assert any("not in the store" in line for line in verdict.lost), verdict.summary()


@pytest.mark.long
@needs_compiler
async def test_a_store_that_never_flushes_is_found_out(tmp_path: Path) -> None:
    unsafe = (sys.executable, UNSAFE, "unflushed")
    verdict = await lose_power_after_answers(tmp_path, disk(tmp_path, ignores_fsync=False), unsafe)
    assert any("not in the store" in line for line in verdict.lost), verdict.summary()


@pytest.mark.long
@needs_compiler
async def test_a_folder_that_is_never_flushed_is_found_out(tmp_path: Path) -> None:
    unsafe = (sys.executable, UNSAFE, "nameless")
    verdict = await lose_power_after_answers(tmp_path, disk(tmp_path, ignores_fsync=False), unsafe)
    assert any("unreadable" in line for line in verdict.faults), verdict.summary()


@pytest.mark.long
async def test_a_gateway_that_recognises_no_duplicate_is_found_out(tmp_path: Path) -> None:
    unsafe = (sys.executable, UNSAFE, "forgetful")
    async with CrashRun(tmp_path, seed=43, unsafe=unsafe, stutter=False, inbound=False) as run:
        await run.kill_at("commit.after")
        verdict = await run.verdict(seconds=10)
    assert verdict.doubled, verdict.summary()


@pytest.mark.long
async def test_an_automatic_report_outside_the_acknowledgements_commit_is_found_out(tmp_path: Path) -> None:
    unsafe = (sys.executable, UNSAFE, "reports-later")
    async with CrashRun(tmp_path, seed=44, unsafe=unsafe, stutter=False) as run:
        await run.kill_at("settle.after", nth=12)
        verdict = await run.verdict(seconds=10)
    assert any("H53.03 said 01" in line for line in verdict.lost), verdict.summary()


@pytest.mark.long
async def test_a_gateway_that_delivers_again_what_the_axis_brings_back_is_found_out(tmp_path: Path) -> None:
    unsafe = (sys.executable, UNSAFE, "strange")
    async with CrashRun(tmp_path, seed=45, unsafe=unsafe, stutter=False, to_header="ignored") as run:
        await run.kill_at("poll.after_store", nth=20)
        verdict = await run.verdict(seconds=10)
    assert any("came as" in line for line in verdict.doubled), verdict.summary()
