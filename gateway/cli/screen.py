"""How commands speak: one JSON value for programs, lines and tables in the person's language for people."""

from __future__ import annotations

import dataclasses
import json
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway.clock import VIETNAM
from gateway.config.problem import Problem

Words = tuple[str, str]
"""Vietnamese, English."""
UNBOUND_WIDTH = 220
"""Columns when the output is not a terminal: nothing is folded that a grep should find."""


class Screen:
    """Standard output of one command. *language* is "vi" or "en"; failures are told in both."""

    def __init__(self, *, json: bool, language: str) -> None:
        self.json = json
        self._second = language == "en"

    def pick(self, words: Words) -> str:
        """The words of the person's language."""
        return words[self._second]

    def value(self, value: object) -> None:
        """The whole result as one JSON value."""
        click.echo(json.dumps(plain(value), ensure_ascii=False, indent=2 if sys.stdout.isatty() else None))

    def line(self, vi: str, en: str) -> None:
        """One sentence."""
        click.echo(clean(self.pick((vi, en))))

    def table(self, heads: Sequence[Words], rows: Iterable[Sequence[object]]) -> None:
        """A table; cells are text from anywhere, so control characters are made visible and markup means nothing."""
        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        for head in heads:
            table.add_column(self.pick(head), overflow="fold")
        for row in rows:
            table.add_row(*(Text(clean(shown(cell))) for cell in row))
        width = None if sys.stdout.isatty() else UNBOUND_WIDTH
        Console(width=width, highlight=False, markup=False).print(table)

    def problems(self, problems: Sequence[Problem]) -> None:
        """Mistakes in a configuration, each with file and line."""
        if self.json:
            self.value({"ok": False, "problems": problems})
            return
        for problem in problems:
            key = f"{problem.key}: " if problem.key else ""
            self._tell(f"{problem.place}: {key}{problem.message_vi}", f"{problem.message_en}")
            self._hint(problem.hint_vi, problem.hint_en)

    def failure(self, code: str, vi: str, en: str, hint_vi: str = "", hint_en: str = "") -> None:
        """Why the command could not do what it was asked."""
        if self.json:
            words = {"code": code, "vi": vi, "en": en, "hint_vi": hint_vi, "hint_en": hint_en}
            self.value({"ok": False, "error": words})
            return
        self._tell(f"{vi} [{code}]", en)
        self._hint(hint_vi, hint_en)

    def _tell(self, vi: str, en: str) -> None:
        click.echo(clean(vi), err=True)
        click.echo(f"  {clean(en)}", err=True)

    def _hint(self, vi: str, en: str) -> None:
        if vi:
            click.echo(f"  → {clean(vi)}\n  → {clean(en)}", err=True)


def clean(text: str) -> str:
    """*text* without power over a terminal: control characters of foreign content become U+FFFD."""
    return "".join("\ufffd" if unicodedata.category(char) in {"Cc", "Cf"} and char != "\n" else char for char in text)


def shown(cell: object) -> str:
    """One cell: local time without a zone, "" for nothing."""
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return f"{cell.astimezone(VIETNAM):%Y-%m-%d %H:%M:%S}"
    if isinstance(cell, tuple | list):
        return ", ".join(str(item) for item in cell)
    return str(cell)


def plain(value: Any) -> Any:
    """Any model object as JSON: dataclasses become objects, times RFC 3339, bytes hexadecimal."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {spec.name: plain(getattr(value, spec.name)) for spec in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(member) for key, member in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(member) for member in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bytes):
        return value.hex()
    return str(value) if isinstance(value, Path) else value
