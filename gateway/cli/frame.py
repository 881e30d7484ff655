"""What every command shares: exit codes, the options, and how a failure is told. Never a traceback for a mistake."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from typing import Any, TypeVar

import click

from gateway.cli.screen import Screen
from gateway.config.problem import ConfigError
from gateway.errors import GatewayError, Refusal, StoreUnavailable
from gateway.storage import BodyDamaged, DataDirectoryLocked, SchemaTooNew, SchemaTooOld

Command = TypeVar("Command", bound=Callable[..., Any])
PLACES = (Path("lienthong.toml"), Path("/etc/lienthong/lienthong.toml"))
_SCREEN = "lienthong.screen"


class Exit(IntEnum):
    """Exit codes of every command; part of the contract."""

    OK = 0
    FINDING = 1
    """It ran, and what it looked at is not in order."""
    USAGE = 2
    """Wrong arguments or configuration."""
    NOT_FOUND = 3
    UNREACHABLE = 4
    """No server, no store, or somebody else holds it."""
    REFUSED = 5


class Failure(GatewayError):
    """A command cannot do what it was asked, for a reason a person can understand and change."""

    def __init__(self, exit: Exit, code: str, vi: str, en: str, hint_vi: str = "", hint_en: str = "") -> None:
        self.exit = exit
        self.code = code
        self.vi = vi
        self.en = en
        self.hint_vi = hint_vi
        self.hint_en = hint_en
        super().__init__(f"{code}: {en}")


def told(error: GatewayError | OSError | sqlite3.Error, ctx: click.Context) -> Exit:
    """Say on the command's screen what went wrong; the exit code for it."""
    return _tell(error, ctx.meta.get(_SCREEN) or Screen(json=False, language="vi"))


def _tell(error: GatewayError | OSError | sqlite3.Error, screen: Screen) -> Exit:
    if isinstance(error, ConfigError):
        screen.problems(error.problems)
        return Exit.USAGE
    failure = error if isinstance(error, Failure) else _failure_of(error)
    screen.failure(failure.code, failure.vi, failure.en, failure.hint_vi, failure.hint_en)
    return failure.exit


def _failure_of(error: GatewayError | OSError | sqlite3.Error) -> Failure:
    if isinstance(error, BodyDamaged):
        return _of_refusal(error, Exit.FINDING)
    if isinstance(error, Refusal):
        return _of_refusal(error)
    if isinstance(error, StoreUnavailable):
        return _of_refusal(Refusal("store.unavailable", detail=str(error)))
    if isinstance(error, DataDirectoryLocked):
        return Failure(
            Exit.UNREACHABLE,
            "data.locked",
            f"Thư mục dữ liệu đang được tiến trình {error.pid or 'khác'} sử dụng",
            str(error),
            "Chờ tiến trình đó xong, hoặc dừng dịch vụ rồi thử lại",
            "Wait for that process, or stop the service and try again",
        )
    if isinstance(error, SchemaTooOld | SchemaTooNew):
        return Failure(
            Exit.UNREACHABLE,
            "store.schema",
            "Cơ sở dữ liệu không cùng phiên bản với chương trình này",
            str(error),
            "Cũ hơn: chạy 'lienthong migrate'; mới hơn: dùng bản phát hành mới hơn",
            "Older: run 'lienthong migrate'; newer: use the newer release",
        )
    return Failure(Exit.UNREACHABLE, "system", f"Không thực hiện được: {error}", f"Cannot be done: {error}")


def _of_refusal(refusal: Refusal, exit: Exit | None = None) -> Failure:
    fault = refusal.fault
    exits = {404: Exit.NOT_FOUND, 503: Exit.UNREACHABLE, 500: Exit.UNREACHABLE}
    about = ": ".join(part for part in (refusal.where, refusal.detail) if part)
    suffix = f" ({about})" if about else ""
    return Failure(
        exit or exits.get(fault.status, Exit.REFUSED),
        refusal.code,
        fault.vi + suffix,
        fault.en + suffix,
        fault.remedy_vi,
        fault.remedy_en,
    )


def _screen(ctx: click.Context, _: click.Parameter, json: bool) -> Screen:
    screen = Screen(json=json, language=str(ctx.find_root().params.get("language", "vi")))
    ctx.meta[_SCREEN] = screen
    return screen


def with_screen(command: Command) -> Command:
    """The option --json; the command gets a `screen` to write on."""
    option = click.option(
        "--json",
        "screen",
        is_flag=True,
        is_eager=True,
        callback=_screen,
        help="Kết quả dạng JSON. / The result as JSON.",
    )
    return option(command)


def _config_path(ctx: click.Context, parameter: click.Parameter, value: Path | None) -> Path:
    if value:
        return value
    found = next((place for place in PLACES if place.is_file()), None)
    if found is None:
        raise click.BadParameter(
            "không thấy tệp cấu hình; dùng -c TỆP hoặc LIENTHONG_CONFIG / no configuration found", ctx, parameter
        )
    return found


def with_config(command: Command) -> Command:
    """The option -c FILE, by default $LIENTHONG_CONFIG, ./lienthong.toml or /etc/lienthong/lienthong.toml."""
    option = click.option(
        "-c",
        "--config",
        "config_path",
        type=click.Path(path_type=Path),
        envvar="LIENTHONG_CONFIG",
        callback=_config_path,
        help="Tệp cấu hình. / The configuration file.",
    )
    return option(command)


def with_reason(*, required: bool) -> Callable[[Command], Command]:
    """The option --reason, which goes on record with the actor."""

    words = "Lý do, được ghi vào nhật ký. / The reason, kept on record."
    option = click.option("--reason", required=True, help=words)
    return option if required else click.option("--reason", default="", help=words)
