"""`lienthong incident`: what a person must know, one line per cause."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.access import order, read
from gateway.cli.frame import with_config, with_screen
from gateway.cli.screen import Screen


@click.group()
def incident() -> None:
    """Sự cố cần người xử lý. / Incidents for a person to settle."""


@incident.command("list")
@click.option("--all", "everything", is_flag=True, help="Kể cả sự cố đã đóng. / Closed ones too.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@with_config
@with_screen
def listing(config_path: Path, screen: Screen, everything: bool, limit: int) -> None:
    """Sự cố đang mở. / Open incidents."""
    incidents = read(config_path, lambda store: store.incidents(open_only=not everything, limit=limit))
    if screen.json:
        screen.value(incidents)
        return
    screen.table(
        [
            ("Mã", "Code"),
            ("Đối tượng", "Subject"),
            ("Lần", "Count"),
            ("Đầu tiên", "First"),
            ("Gần nhất", "Last"),
            ("Chi tiết", "Detail"),
            ("Mở", "Open"),
        ],
        [
            (one.code, one.subject, one.count, one.first, one.last, one.detail, "x" if one.open else "")
            for one in incidents
        ],
    )


@incident.command()
@click.argument("code")
@click.argument("subject", default="")
@with_config
@with_screen
def close(config_path: Path, screen: Screen, code: str, subject: str) -> None:
    """Đóng sự cố đã xử lý xong. / Close an incident that is settled."""
    result = order(config_path, "incident.close", {"code": code, "subject": subject})
    if screen.json:
        screen.value(result)
    else:
        screen.line(f"Đã đóng {code} {subject}".rstrip(), f"Closed {code} {subject}".rstrip())
