"""A process of its own for bytes nobody knows: killed when they cost more time or memory than they may."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gateway.signing.process import MEMORY, SECONDS, Overrun, Worker

Answer = dict[str, Any]
Options = Mapping[str, str]
"""What is asked of a file: "kind" and the options of the command."""

Question = Callable[[bytes, Options], Answer]
"""A function of a module: the file's bytes and the options to the answer. It raises only for defects of ours."""

MAX_FILE: Final = 64 << 20
WALL: Final = 4


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no answer: *code* is file.unreadable, limit.body, limit.time, limit.memory or internal."""

    code: str
    detail: str


class Confined:
    """Asks one question after the other in one warm process; a process that was killed is replaced."""

    def __init__(self, question: Question, *, seconds: float = SECONDS) -> None:
        self._question = question
        self._seconds = seconds
        self._worker = Worker(memory=MEMORY, warm=(question.__module__,))

    def ask(self, file: Path, options: Options) -> Answer | Failure:
        """The answer about one file, or why there is none; within *seconds* of processor time once the process is up,
        and WALL times that by the clock: a busy machine is nobody's fault."""
        asked = (self._question, os.fsencode(file), {name: os.fsencode(text) for name, text in options.items()})
        answer: Answer | Failure | Overrun = self._worker.ask(
            _answer, asked, seconds=self._seconds, wall=self._seconds * WALL
        )
        return Failure(answer.code, answer.detail) if isinstance(answer, Overrun) else answer

    def close(self) -> None:
        """End the process, whatever it does. May be repeated."""
        self._worker.close()


def _answer(question: Question, file: bytes, options: Mapping[str, bytes]) -> Answer | Failure:
    """Names travel as bytes: one that is no UTF-8 is a name all the same."""
    content = _content(Path(os.fsdecode(file)))
    if not isinstance(content, bytes):
        return content
    return question(content, {name: os.fsdecode(text) for name, text in options.items()})


def _content(file: Path) -> bytes | Failure:
    """The file's bytes; only a regular file is opened, so that no pipe or device can stall a batch."""
    try:
        if not file.is_file():
            return Failure("file.unreadable", "no such regular file")
        with file.open("rb") as opened:
            content = opened.read(MAX_FILE + 1)
    except (OSError, ValueError) as error:
        return Failure("file.unreadable", getattr(error, "strerror", "") or "the name cannot be opened")
    return content if len(content) <= MAX_FILE else Failure("limit.body", f"more than {MAX_FILE} bytes")
