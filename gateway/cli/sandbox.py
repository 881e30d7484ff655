"""`lienthong sandbox`: the simulated axis alone, for vendors to develop against."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from gateway.cli.frame import Exit, Failure, with_screen
from gateway.cli.screen import Screen


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=8090, show_default=True)
@click.option("--control-port", type=click.IntRange(0, 65535), default=8091, show_default=True)
@click.option(
    "--pki-port",
    type=click.IntRange(0, 65535),
    help="Chạy thêm PKI thử nghiệm ở cổng này. / Run a test PKI on this port as well.",
)
@click.option(
    "--data-dir", type=click.Path(file_okay=False, path_type=Path), help="Nơi giữ dữ liệu. / Where to keep it."
)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--to-header", type=click.Choice(["overrides", "ignored"]), default="overrides", show_default=True)
@with_screen
def sandbox(
    screen: Screen,
    host: str,
    port: int,
    control_port: int,
    pki_port: int | None,
    data_dir: Path | None,
    seed: int,
    to_header: str,
) -> None:
    """Chạy riêng trục liên thông giả lập.

    Run the simulated national axis alone, until interrupted.
    """
    from sandbox.app import run
    from sandbox.settings import SandboxSettings

    settings = SandboxSettings(
        host=host,
        port=port,
        control_port=control_port,
        pki_port=pki_port,
        data_dir=data_dir,
        seed=seed,
        to_header="ignored" if to_header == "ignored" else "overrides",
    )
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        click.echo(text, nl=False, err=screen.json)
        sys.stdout.flush()

    if run(settings, say):
        raise Failure(Exit.USAGE, "sandbox.start", "Không khởi động được", said[-1].strip() if said else "cannot start")
