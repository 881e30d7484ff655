"""What is wrong with a configuration, said so that the person who wrote it finds the place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.errors import GatewayError


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake. *line* and *column* count from 1; both are 0 where there is no line (an environment variable,
    whose name is then in *file*). *key* is written as in TOML, with array indexes from 0: ``platforms[0].base_url``.
    """

    file: str
    line: int
    column: int
    key: str
    message_vi: str
    message_en: str
    hint_vi: str = ""
    hint_en: str = ""

    @property
    def place(self) -> str:
        """``file:line:column``, the form editors jump to."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


class ConfigError(GatewayError):
    """The configuration cannot be used; *problems* lists everything found, in file order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(
            "\n".join(f"{problem.place}: {problem.key}: {problem.message_en}" for problem in self.problems)
        )
