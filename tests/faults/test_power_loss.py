"""Power loss: everything that was never fsynced is gone, or gone in part, and still nothing acknowledged is (P1)."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path
from random import Random

import pytest
from harness import CrashRun, named_points
from supply import PowerSupply, build_shim, compiler

WITHOUT = "NO C COMPILER: power loss is NOT tested on this machine"
pytestmark = pytest.mark.skipif(compiler() is None, reason=WITHOUT)
if compiler() is None:
    warnings.warn(WITHOUT, stacklevel=1)

WRITES = """
import os, signal, sys
folder = sys.argv[1]
def write(name, text, flush):
    with open(os.path.join(folder, name), "w") as file:
        file.write(text)
        file.flush()
        if flush:
            os.fsync(file.fileno())
def flush_folder(path):
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
write("flushed", "a", True)
write("named only", "b", False)
write("draft", "c", True)
os.rename(os.path.join(folder, "draft"), os.path.join(folder, "renamed"))
flush_folder(folder)
write("flushed, folder not", "d", True)
write("flushed", "newer", False)
os.mkdir(os.path.join(folder, "folder"))
write("folder/inside", "e", True)
flush_folder(os.path.join(folder, "folder"))
os.unlink(os.path.join(folder, "old"))
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_shim(tmp_path_factory.mktemp("shim"))


def write_and_lose(folder: Path, library: Path, survival: float) -> dict[str, str]:
    """Let a process write under the shim, take its power away; file name to content afterwards."""
    state = folder / "state"
    state.mkdir()
    (state / "old").write_text("kept", "utf-8")
    supply = PowerSupply(state, folder / "disk", library, Random(1))
    supply.settle()
    subprocess.run([sys.executable, "-I", "-c", WRITES, state], env=dict(supply.environment), check=False)
    supply.lose(survival)
    return {str(path.relative_to(state)): path.read_text("utf-8") for path in state.rglob("*") if path.is_file()}


def test_only_flushed_content_under_flushed_names_survives(tmp_path: Path, library: Path) -> None:
    held = write_and_lose(tmp_path, library, survival=0.0)
    assert held == {"flushed": "a", "named only": "", "renamed": "c", "old": "kept"}


def test_what_was_not_flushed_may_survive_as_well(tmp_path: Path, library: Path) -> None:
    held = write_and_lose(tmp_path, library, survival=1.0)
    assert held == {
        "flushed": "newer",
        "named only": "b",
        "renamed": "c",
        "flushed, folder not": "d",
        "folder/inside": "e",
    }


@pytest.mark.long
@pytest.mark.parametrize("seed", [31, 32])
async def test_power_loss_loses_nothing_acknowledged(tmp_path: Path, library: Path, seed: int) -> None:
    def supply(data_dir: Path, dice: Random) -> PowerSupply:
        return PowerSupply(data_dir, tmp_path / "disk", library, dice)

    async with CrashRun(tmp_path, seed, supply=supply, pace=0.08) as run:
        for point in sorted(named_points()):
            await run.kill_at(point, nth=2)
            await run.kill_after_acceptances(3)
            await run.kill_at_random()
        await run.stop_and_lose_power()
        verdict = await run.verdict()
    assert verdict.good, verdict.summary()
    assert verdict.power_losses == sum(verdict.kills.values()) + 1 > 20
