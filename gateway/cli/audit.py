"""`lienthong audit`: whether the record still says what it said when it was sealed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from gateway.audit.checkpoint import Checkpoint, InvalidCheckpoint, format_checkpoint, parse_checkpoint
from gateway.cli.access import read
from gateway.cli.frame import Exit, Failure, with_config, with_screen
from gateway.cli.screen import Screen
from gateway.config import load


@click.group()
def audit() -> None:
    """Nhật ký kiểm toán. / The audit log."""


@audit.command()
@click.option(
    "--checkpoint",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Điểm kiểm tra đã cất ở nơi khác. / A checkpoint kept elsewhere.",
)
@with_config
@with_screen
def verify(config_path: Path, screen: Screen, files: tuple[Path, ...]) -> None:
    """Tính lại toàn bộ nhật ký và đối chiếu. / Recompute the whole log. Exit 1 if it was changed."""
    from gateway.proof.verification import verify_store

    try:
        kept = [parse_checkpoint(file.read_bytes()) for file in files]
    except InvalidCheckpoint as error:
        raise Failure(
            Exit.USAGE, "audit.checkpoint", "Tệp điểm kiểm tra không đúng dạng", f"Not a checkpoint: {error}"
        ) from None
    verdict = read(config_path, lambda store: verify_store(store, kept))
    if screen.json:
        screen.value(
            {
                "intact": verdict.intact,
                "finding": verdict.finding,
                "size": verdict.size,
                "root": verdict.root,
                "position": verdict.position,
                "last": verdict.last,
            }
        )
    else:
        screen.line(verdict.vi, verdict.en)
    sys.exit(Exit.OK if verdict.intact else Exit.FINDING)


@audit.command()
@with_config
@with_screen
def checkpoint(config_path: Path, screen: Screen) -> None:
    """In điểm kiểm tra mới nhất, để cất ngoài máy này. / Print the newest checkpoint, to be kept elsewhere.

    C2SP tlog-checkpoint: the log's name, its size, its root.
    """
    origin = load(config_path, os.environ, opens_secrets=False).gateway.id
    newest = read(config_path, lambda store: store.last_checkpoint())
    if newest is None:
        raise Failure(Exit.NOT_FOUND, "audit.empty", "Nhật ký chưa có điểm kiểm tra nào", "Nothing is sealed yet")
    body = format_checkpoint(Checkpoint(f"lienthong/{origin}", newest.size, newest.root))
    if screen.json:
        screen.value({"size": newest.size, "root": newest.root, "at": newest.at, "checkpoint": body.decode()})
    else:
        click.echo(body.decode(), nl=False)
