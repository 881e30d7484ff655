"""The first thing a newcomer runs: it must check itself, and leave a seat for own software."""

from __future__ import annotations

import asyncio
import json
import signal
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox.edxml import Organ
from sandbox.habits import VENDOR_SDK
from sandbox.office import OfficeSystem
from sandbox.settings import System
from sandbox.writing import Draft

DEMO = (sys.executable, "-m", "gateway.cli", "demo")


async def played(*options: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *DEMO, *options, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await asyncio.wait_for(process.communicate(), 120)
    return process.returncode or 0, output.decode()


@pytest.mark.parametrize(("language", "heading"), [("vi", "Lời than"), ("en", "Complaint")])
async def test_the_day_ends_as_promised(tmp_path: Path, language: str, heading: str) -> None:
    code, said = await played("--once", "--lang", language, "--data-dir", str(tmp_path / "demo"))
    assert code == 0, said
    table = said[said.index(heading) :]
    assert table.count("✔") >= 6
    assert "Traceback" not in said


async def test_a_data_directory_that_is_not_the_demos_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text("keep me")
    code, said = await played("--once", "--scene", "4", "--data-dir", str(tmp_path))
    assert code != 0
    assert "Traceback" not in said
    assert (tmp_path / "own.txt").read_text() == "keep me"


async def test_own_vxp_software_finds_a_seat_and_reaches_another(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *DEMO, "--scene", "4", "--data-dir", str(tmp_path / "demo"), stdout=asyncio.subprocess.DEVNULL
    )
    try:
        file = tmp_path / "demo" / "connections.json"
        connections = await _written(file, process)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        one, two = (system for system in connections["systems"] if system["adapter"] == "vxp")
        assert one["party"] != two["party"]
        mine, other = Organ(one["party"], "Đơn vị thử 1"), Organ(two["party"], "Đơn vị thử 2")
        draft = Draft(mine, (other,), "1", "TEST", "V/v thử",
                      "2026/11/20")  # fmt: skip
        async with _office(one) as sender, _office(two) as receiver:
            await sender.issue(draft)
            assert await receiver.poll_once() == 1
            assert receiver.documents.distinct == 1
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 40) == 0


def _office(seat: dict[str, Any]) -> OfficeSystem:
    system = System(seat["system_id"], seat["secret"], seat["id"], (seat["party"],))
    return OfficeSystem(seat["base_url"], system, habits=VENDOR_SDK)


async def _written(file: Path, process: asyncio.subprocess.Process) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while not file.exists() or not file.read_text().strip().endswith("}"):
            assert process.returncode is None, "the demo ended early"
            await asyncio.sleep(0.1)
    content: dict[str, Any] = json.loads(file.read_text())
    return content
