"""A whole measurement: what it needs is started, rounds follow each other, everything is taken away."""

from __future__ import annotations

import asyncio
import shutil
import signal
import tempfile
from collections.abc import Mapping
from pathlib import Path

from gateway.cli.bench import ground
from gateway.cli.bench.figures import Effort, Round
from gateway.cli.bench.measure import Measuring

SLOTS = 16
"""Attempts under way at once towards the axis."""


async def measure(data_dir: Path, effort: Effort, sizes: tuple[int, ...], repeat: int) -> Mapping[int, list[Round]]:
    """All rounds by size, measured on the disk of *data_dir*; sizes take turns, so that a machine that slows down
    slows them all. Raises BenchFault.
    """
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    data_dir.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=data_dir)).resolve()
    rounds: dict[int, list[Round]] = {size: [] for size in sizes}
    try:
        async with ground.axis(folder, "axis") as axis, ground.bare_server(folder) as bare_url:
            site = await ground.site(folder / "gateway", [axis], SLOTS)
            async with ground.serving(site) as gateway:
                measuring = Measuring(folder, effort, gateway, axis, bare_url)
                await measuring.warm_up()
                for number in range(repeat):
                    for size, done in rounds.items():
                        done.append(await measuring.round(f"{number}{size}", size))
        return rounds
    finally:
        shutil.rmtree(folder)
