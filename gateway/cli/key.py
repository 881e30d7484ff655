"""`lienthong key`: API keys of systems. A key is shown once and never stored."""

from __future__ import annotations

from pathlib import Path

import click
from pydantic_core import PydanticCustomError

from gateway.cli.access import order, read
from gateway.cli.frame import with_config, with_screen
from gateway.cli.screen import Screen, plain
from gateway.config.values import parse_duration
from gateway.ports import Store


@click.group()
def key() -> None:
    """Khóa API của các hệ thống. / API keys of systems."""


class Life(click.ParamType[float]):
    """A duration such as 365d, in seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return parse_duration(value)
        except PydanticCustomError as error:
            self.fail(f"{error.message()}: 365d, 12h", param, ctx)


@key.command()
@click.option("--system", required=True, help="Mã hệ thống trong [[systems]]. / The system's id in [[systems]].")
@click.option("--expires", type=Life(), help="Thời hạn, ví dụ 365d. / How long it lives, for example 365d.")
@click.option("--note", default="", help="Ghi chú. / A note.")
@with_config
@with_screen
def add(config_path: Path, screen: Screen, system: str, expires: float | None, note: str) -> None:
    """Cấp khóa mới; khóa chỉ hiện một lần này. / Issue a key; it is shown this once only."""
    arguments = {"system": system, "note": note, "expires_seconds": str(expires) if expires is not None else ""}
    result = order(config_path, "key.add", arguments)
    if screen.json:
        screen.value(result)
        return
    click.echo(result["key"])
    screen.line(
        f"Khóa {result['id']} của hệ thống {system}, hết hạn: {result['expires_at'] or 'không'}. "
        "Hãy cất ngay, sẽ không xem lại được.",
        f"Key {result['id']} of system {system}, expires: {result['expires_at'] or 'never'}. "
        "Keep it now, it cannot be seen again.",
    )


@key.command("list")
@with_config
@with_screen
def listing(config_path: Path, screen: Screen) -> None:
    """Các khóa đã cấp. / Keys that were issued."""

    async def look(store: Store) -> list[dict[str, object]]:
        return [
            {name: value for name, value in plain(one).items() if name != "secret_sha256"} for one in await store.keys()
        ]

    keys = read(config_path, look)
    if screen.json:
        screen.value(keys)
        return
    screen.table(
        [
            ("Mã", "Id"),
            ("Hệ thống", "System"),
            ("Cấp lúc", "Issued"),
            ("Hết hạn", "Expires"),
            ("Thu hồi", "Revoked"),
            ("Ghi chú", "Note"),
        ],
        [[one[name] for name in ("id", "system", "created_at", "expires_at", "revoked_at", "note")] for one in keys],
    )


@key.command()
@click.argument("id")
@with_config
@with_screen
def revoke(config_path: Path, screen: Screen, id: str) -> None:
    """Thu hồi khóa, có hiệu lực ngay. / Revoke a key, at once."""
    result = order(config_path, "key.revoke", {"id": id})
    if screen.json:
        screen.value(result)
    else:
        screen.line(f"Đã thu hồi khóa {id}", f"Revoked key {id}")
