"""The command `lienthong bench`: options, repetitions, and the table a person reads."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

import click

from gateway.cli.bench.figures import Effort, Round, medians
from gateway.cli.frame import Exit, Failure, with_screen
from gateway.cli.screen import Screen, Words

SMALL, LARGE = 2_000, 1_000_000
"""Bytes of the attachment: a short letter, a scanned one."""

ROWS: tuple[tuple[str, Words], ...] = (
    ("accepted", ("Nhận bền vững, văn bản/giây", "accepted durable, documents/s")),
    ("delivered", ("Chuyển đến trục, văn bản/giây", "delivered to the axis, documents/s")),
    ("cpu_ms", ("CPU của cổng cho một văn bản, ms", "gateway CPU for a document, ms")),
    ("full_accept_p50", ("Chờ nhận khi đầy tải, p50, ms", "accept under full load, p50, ms")),
    ("full_accept_p99", ("Chờ nhận khi đầy tải, p99, ms", "accept under full load, p99, ms")),
    ("calm_rate", ("Nửa tải, văn bản/giây", "half load, documents/s")),
    ("calm_accept_p50", ("Chờ nhận khi nửa tải, p50, ms", "accept at half load, p50, ms")),
    ("calm_accept_p99", ("Chờ nhận khi nửa tải, p99, ms", "accept at half load, p99, ms")),
    ("calm_end_p50", ("Từ người gửi đến trục, p50, ms", "sender to axis, p50, ms")),
    ("calm_end_p99", ("Từ người gửi đến trục, p99, ms", "sender to axis, p99, ms")),
    ("append_floor", ("Sàn đĩa: ghi 4 KB + fdatasync/giây", "disk floor: 4 KB + fdatasync, per s")),
    ("commit_floor", ("Sàn SQLite: giao dịch một dòng/giây", "SQLite floor: one-row commits/s")),
    ("http_floor", ("Sàn HTTP: aiohttp không lưu gì/giây", "HTTP floor: bare aiohttp, per s")),
    ("over_append", ("Nhận / sàn đĩa", "accepted / disk floor")),
    ("over_commit", ("Nhận / sàn SQLite", "accepted / SQLite floor")),
    ("over_http", ("Nhận / sàn HTTP", "accepted / HTTP floor")),
)


@click.command()
@click.option(
    "--seconds",
    type=click.FloatRange(0.2, 60),
    default=3.0,
    show_default=True,
    help="Mỗi phép đo dài nhất. / Longest single measurement.",
)
@click.option(
    "--messages",
    type=click.IntRange(1, 100_000),
    default=3000,
    show_default=True,
    help="Nhiều nhất cho mỗi phép đo. / Most documents of one measurement.",
)
@click.option(
    "--size",
    "sizes",
    type=click.IntRange(1, 30_000_000),
    multiple=True,
    help="Cỡ tệp đính kèm, byte; mặc định 2000 và 1000000. / Bytes of the attachment.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 256),
    default=16,
    show_default=True,
    help="Số bên gửi cùng lúc. / Senders at once.",
)
@click.option("--repeat", type=click.IntRange(1, 50), default=3, show_default=True, help="Số lần lặp. / Repetitions.")
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("var"),
    show_default=True,
    help="Đĩa cần đo; dữ liệu thử bị xóa khi xong. / The disk to measure; what is written there is removed.",
)
@with_screen
def bench(
    screen: Screen,
    seconds: float,
    messages: int,
    sizes: tuple[int, ...],
    concurrency: int,
    repeat: int,
    data_dir: Path,
) -> None:
    """Đo tốc độ trên máy này, so với sàn của chính đĩa và HTTP của nó.

    Measure this machine against the floor of its own disk and HTTP. Loopback only. Every figure is the median of the
    repetitions. Exit 1 if a document was refused or did not arrive.
    """
    from gateway.cli.bench.session import measure

    effort = Effort(seconds, messages, concurrency)
    try:
        found = asyncio.run(measure(data_dir, effort, sizes or (SMALL, LARGE), repeat))
    except asyncio.CancelledError:
        raise Failure(Exit.FINDING, "bench", "Đã dừng phép đo", "the measurement was stopped") from None
    _show(screen, effort, repeat, found)


def _show(screen: Screen, effort: Effort, repeat: int, found: Mapping[int, list[Round]]) -> None:
    by_size = {size: medians(rounds) for size, rounds in found.items()}
    if screen.json:
        conditions = {"cpus": os.cpu_count(), "callers": effort.callers, "repetitions": repeat}
        screen.value({**conditions, "medians": {str(size): row for size, row in by_size.items()}, "rounds": found})
        return
    screen.line(
        f"{os.cpu_count()} CPU, {effort.callers} bên gửi cùng lúc, trung vị của {repeat} lần. Cổng, trục giả lập và "
        "bên gửi là ba tiến trình trên cùng máy này.",
        f"{os.cpu_count()} CPUs, {effort.callers} senders at once, median of {repeat}. Gateway, simulated axis and "
        "senders are three processes of this one machine.",
    )
    heads: list[Words] = [("Tệp đính kèm", "Attachment"), *((_size(size), _size(size)) for size in by_size)]
    rows = [[screen.pick(words), *(f"{row[name]:g}" for row in by_size.values())] for name, words in ROWS]
    screen.table(heads, rows)


def _size(size: int) -> str:
    return f"{size / 1e6:g} MB" if size >= 1_000_000 else f"{size / 1e3:g} KB"
