"""`lienthong serve`, `lienthong migrate`: running the gateway, and bringing its database up to date."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from pathlib import Path

import click

from gateway.cli.frame import with_config, with_screen
from gateway.cli.memory import return_large_blocks
from gateway.cli.screen import Screen
from gateway.clock import SystemClock
from gateway.config import load
from gateway.storage import StoreSettings
from gateway.storage import migrate as run_migrations
from gateway.storage.migrate import migrations, version
from gateway.storage.sqlite.connect import connect_reader


@click.command()
@with_config
@with_screen
def serve(config_path: Path, screen: Screen) -> None:
    """Chạy cổng liên thông cho đến khi nhận SIGTERM.

    Run the gateway until SIGTERM. Exit 0 after an orderly end, 1 if a part failed.
    """
    import uvloop

    from gateway.telemetry import set_up_logging
    from gateway.wiring import serve as run

    config = load(config_path, os.environ)
    set_up_logging(json_lines=not sys.stderr.isatty())
    return_large_blocks()

    def ready(intake: list[int], console: list[int]) -> None:
        if screen.json:
            screen.value({"event": "ready", "intake": intake, "console": console})
        else:
            screen.line(
                f"Sẵn sàng: cổng nhận {_ports(intake)}, quản trị {_ports(console)}",
                f"Ready: intake on {_ports(intake)}, management on {_ports(console)}",
            )

    sys.exit(uvloop.run(run(config, ready)))


def _ports(ports: list[int]) -> str:
    return ", ".join(str(port) for port in ports) or "-"


@click.command()
@with_config
@click.option("--dry-run", is_flag=True, help="Chỉ cho biết sẽ làm gì. / Only say what would be done.")
@with_screen
def migrate(config_path: Path, dry_run: bool, screen: Screen) -> None:
    """Nâng cấp cơ sở dữ liệu lên phiên bản này.

    Bring the database up to this release. Needs the server stopped.
    """
    settings = StoreSettings(load(config_path, os.environ, opens_secrets=False).gateway.data_dir)
    if dry_run:
        before, after = _pending(settings)
    else:
        before, after = run_migrations(settings, SystemClock())
    if screen.json:
        screen.value({"before": before, "after": after, "dry_run": dry_run})
    elif before == after:
        screen.line(f"Cơ sở dữ liệu đã ở phiên bản {after}", f"The database already has schema {after}")
    elif dry_run:
        screen.line(f"Sẽ nâng từ phiên bản {before} lên {after}", f"Would go from schema {before} to {after}")
    else:
        screen.line(f"Đã nâng từ phiên bản {before} lên {after}", f"Went from schema {before} to {after}")


def _pending(settings: StoreSettings) -> tuple[int, int]:
    """(version of the database, version of this release); 0 where there is no database yet."""
    newest = migrations()[-1].version
    if not settings.database.exists():
        return 0, newest
    with closing(connect_reader(settings)) as db:
        return version(db), newest
