"""The command `lienthong` itself: loads a command when it is asked for, and turns what it raises into words."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

import click

from gateway.errors import GatewayError

MODULES: Final[Mapping[str, str]] = {
    "demo": "demo",
    "serve": "serve",
    "check-config": "check",
    "migrate": "serve",
    "validate": "check",
    "verify": "verify",
    "sign-pdf": "sign_pdf",
    "parse": "parse",
    "message": "message",
    "quarantine": "quarantine",
    "queue": "queue",
    "party": "party",
    "incident": "incident",
    "key": "key",
    "cert": "cert",
    "audit": "audit",
    "sandbox": "sandbox",
    "bench": "bench",
}
"""Each command and the module of `gateway.cli` it is in. `verify` is started once for each file: nothing else loads."""


class Root(click.Group):
    """Loads one command at a time."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in MODULES:
            return None
        module = import_module(f"gateway.cli.{MODULES[cmd_name]}")
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise  # the reader of our output left; click ends quietly
        except (GatewayError, OSError, sqlite3.Error) as error:
            from gateway.cli.frame import told

            ctx.exit(told(error, ctx))
