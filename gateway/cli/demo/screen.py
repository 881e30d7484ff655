"""What the demo's audience sees: a heading per scene, one sentence per event, one table at the end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text


@dataclass(frozen=True, slots=True)
class Row:
    """One complaint, and what happened to it without and with the gateway. *good* is what `--once` asserts."""

    complaint: tuple[str, str]
    without: tuple[str, str]
    with_gateway: tuple[str, str]
    good: bool


class Screen:
    """Sentences in one of two languages. Every text is given as (Vietnamese, English)."""

    def __init__(self, language: str, pace: float = 0.0) -> None:
        """*language* is "vi" or "en"; *pace* the seconds a person gets to read a line."""
        self._index = 0 if language == "vi" else 1
        self._console = Console(highlight=False, soft_wrap=False)
        self._pace = pace

    def opening(self) -> None:
        """The title."""
        title = self._one(("Một ngày ở tỉnh", "A day in the province"))
        text = self._one(
            (
                "Cổng Liên Thông thật, trục liên thông văn bản giả lập, mọi gói tin đi qua HTTP thật trên máy này.",
                "The real gateway, a simulated document axis, every package over real HTTP on this machine.",
            )
        )
        self._console.print()
        self._console.print(Panel(text, title=f"[bold]LIÊN THÔNG[/] · {title}", border_style="cyan", padding=(0, 2)))

    def scene(self, hour: str, title: tuple[str, str], complaint: tuple[str, str]) -> None:
        """A scene's heading: when, what, and the complaint it ends."""
        self._console.print()
        self._console.rule(Text.assemble((f" {hour} ", "bold reverse"), "  ", (self._one(title), "bold")), align="left")
        self._console.print(Text(f"  “{self._one(complaint)}”", style="italic dim"))

    def say(self, vi: str, en: str, *, mark: str = "·", style: str = "") -> None:
        """One event, one line."""
        line = Table.grid(padding=(0, 1))
        line.add_row(Text("  " + mark, style=style or "cyan"), Text((vi, en)[self._index]))
        self._console.print(line)
        time.sleep(self._pace)

    def good(self, vi: str, en: str) -> None:
        """Something went well."""
        self.say(vi, en, mark="✔", style="green")

    def bad(self, vi: str, en: str) -> None:
        """Something went wrong, as it does without the gateway."""
        self.say(vi, en, mark="✘", style="red")

    def closing(self, rows: Sequence[Row]) -> None:
        """The table: complaint, without, with."""
        heads = (("Lời than", "Complaint"), ("Không có cổng", "Without"), ("Có cổng Liên Thông", "With the gateway"))
        table = Table(show_lines=True, border_style="cyan", header_style="bold", padding=(0, 1), expand=False)
        for head in heads:
            table.add_column(self._one(head), ratio=1, overflow="fold")
        for row in rows:
            mark = "[green]✔[/] " if row.good else "[red]✘[/] "
            table.add_row(
                self._one(row.complaint), f"[red]✘[/] {self._one(row.without)}", mark + self._one(row.with_gateway)
            )
        self._console.print()
        self._console.print(table)

    def note(self, vi: str, en: str) -> None:
        """A plain line after the play."""
        self._console.print(Text("  " + (vi, en)[self._index], style="bold"))

    def _one(self, both: tuple[str, str]) -> str:
        return both[self._index]
