"""`lienthong demo`: one day in a province, played on loopback with the real gateway and a simulated axis."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path

import click

from gateway.cli.demo.scenes import play
from gateway.cli.demo.screen import Screen
from gateway.cli.demo.stage import require_own


@click.command("demo")
@click.option("--once", is_flag=True, help="Chạy một lượt, kiểm tra kết quả rồi thoát / play once, check, exit.")
@click.option("--scene", type=click.IntRange(0, 4), help="Chỉ diễn một cảnh / play one scene only.")
@click.option("--lang", type=click.Choice(["vi", "en"]), default="vi", show_default=True)
@click.option(
    "--data-dir", type=click.Path(path_type=Path, file_okay=False), default=Path("var/demo"), show_default=True
)
def demo(once: bool, scene: int | None, lang: str, data_dir: Path) -> None:
    """Một ngày ở tỉnh / a day in the province.

    Không cần mạng, không cần cấu hình: mọi thứ chạy trên máy này. Needs no network and no configuration.
    """
    folder = data_dir.resolve()
    require_own(folder)
    pace = 0.7 if sys.stdout.isatty() and not once else 0.0
    sys.exit(asyncio.run(_until_stopped(play(Screen(lang, pace), folder, only=scene, once=once))))


async def _until_stopped(performance: Coroutine[None, None, int]) -> int:
    """Play to the end; SIGINT and SIGTERM take everything down in order, also where a shell had SIGINT ignored."""
    playing = asyncio.ensure_future(performance)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, playing.cancel)
    try:
        return await playing
    except asyncio.CancelledError:
        return 130
