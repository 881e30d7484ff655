"""`lienthong queue`: what waits for each destination, and stopping one on purpose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from gateway.cli.access import order, read
from gateway.cli.frame import with_config, with_reason, with_screen
from gateway.cli.screen import Screen
from gateway.cli.words import STATES
from gateway.model.delivery import ENDED
from gateway.ports import QueueState, Store


@click.group()
def queue() -> None:
    """Hàng đợi theo nơi đến. / Queues by destination."""


@queue.command("list")
@with_config
@with_screen
def listing(config_path: Path, screen: Screen) -> None:
    """Mỗi nơi đến đang chờ bao nhiêu, từ khi nào. / How much waits for each destination, since when."""

    async def look(store: Store) -> tuple[Sequence[QueueState], Mapping[str, str]]:
        return await store.queues(), await store.paused()

    queues, paused = read(config_path, look)
    if screen.json:
        screen.value({"queues": queues, "paused": paused})
        return
    screen.table(
        [("Nơi đến", "Destination"), ("Đang mở", "Open"), ("Cũ nhất", "Oldest"), ("Tạm dừng", "Paused")],
        [(row.destination, _open(row, screen), row.oldest_open, row.paused) for row in queues],
    )
    for scope in sorted(paused.keys() - {row.destination for row in queues}):
        screen.line(f"Tạm dừng {scope}: {paused[scope]}", f"Paused {scope}: {paused[scope]}")


def _open(row: QueueState, screen: Screen) -> str:
    counts = [(state, count) for state, count in row.counts.items() if count and state not in ENDED]
    return ", ".join(f"{count} {screen.pick(STATES[state])}" for state, count in counts) or "0"


@queue.command()
@click.argument("destination")
@with_reason(required=True)
@with_config
@with_screen
def pause(config_path: Path, screen: Screen, destination: str, reason: str) -> None:
    """Tạm dừng gửi tới một nền tảng, hoặc dừng lấy về (poll:<nền tảng>:<edoc|status>).

    Stop sending to a platform, or polling it (poll:<platform>:<edoc|status>). Nothing is lost meanwhile.
    """
    result = order(config_path, "queue.pause", {"destination": destination}, reason)
    if screen.json:
        screen.value(result)
    else:
        screen.line(f"Đã tạm dừng {destination}", f"Paused {destination}")


@queue.command()
@click.argument("destination")
@with_reason(required=False)
@with_config
@with_screen
def resume(config_path: Path, screen: Screen, destination: str, reason: str) -> None:
    """Chạy tiếp. / Go on."""
    result = order(config_path, "queue.resume", {"destination": destination}, reason)
    if screen.json:
        screen.value(result)
    else:
        screen.line(f"Đã chạy tiếp {destination}", f"Resumed {destination}")
