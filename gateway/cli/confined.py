"""A process of its own for bytes nobody knows: killed when they cost more time or memory than they may."""

from __future__ import annotations

import multiprocessing
import os
import resource
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

Answer = dict[str, Any]
Options = Mapping[str, str]
"""What is asked of a file: "kind" and the options of the command."""

Question = Callable[[bytes, Options], Answer]
"""A function of a module: the file's bytes and the options to the answer. It raises only for defects of ours."""

SECONDS: Final = 2.0
MEMORY: Final = 256 << 20
"""Bytes of address space above what the fresh process uses."""
MAX_FILE: Final = 64 << 20
_SLACK: Final = 0.5
"""Seconds the process gets to come back by itself before it is killed."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no answer: *code* is file.unreadable, limit.body, limit.time, limit.memory or internal."""

    code: str
    detail: str


class Confined:
    """Asks one question after the other in one warm process; a process that was killed is replaced."""

    def __init__(self, question: Question) -> None:
        self._question = question
        self._context = multiprocessing.get_context("spawn")
        self._process: Any = None
        self._pipe: Connection | None = None

    def ask(self, file: Path, options: Options) -> Answer | Failure:
        """The answer about one file, or why there is none; within SECONDS once the process is up."""
        pipe = self._running()
        try:
            pipe.send((str(file), dict(options)))
            if pipe.poll(SECONDS + _SLACK):
                answer: Answer | Failure = pipe.recv()
                return answer
        except (EOFError, OSError):
            self.close()
            return Failure("limit.memory", "the process that read the file died")
        self.close()
        return Failure("limit.time", f"not done within {SECONDS:g} s")

    def close(self) -> None:
        """End the process, whatever it does. May be repeated."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
        if self._pipe is not None:
            self._pipe.close()
        self._process = self._pipe = None

    def _running(self) -> Connection:
        if self._pipe is None or not self._process.is_alive():
            self.close()
            ours, theirs = self._context.Pipe()
            self._process = self._context.Process(target=_serve, args=(theirs, self._question), daemon=True)
            self._process.start()
            theirs.close()
            self._pipe = ours
            ours.recv()  # it is up: its imports do not count against the first file
        return self._pipe


def _serve(pipe: Connection, question: Question) -> None:
    """The process: limits itself, then answers until the other side goes away."""
    sys.stdin.close()
    sys.setrecursionlimit(1000)
    _limit_memory()
    pipe.send("ready")
    while True:
        try:
            file, options = pipe.recv()
        except (EOFError, OSError):
            return
        pipe.send(_answer(question, Path(file), options))


def _limit_memory() -> None:
    pages = Path("/proc/self/statm")
    if pages.exists():  # elsewhere the time limit alone holds
        used = int(pages.read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _answer(question: Question, file: Path, options: Options) -> Answer | Failure:
    try:
        content = _content(file)
        return question(content, options) if isinstance(content, bytes) else content
    except MemoryError:
        return Failure("limit.memory", f"more than {MEMORY >> 20} MB")
    except Exception as defect:  # noqa: BLE001 - the rim: a defect of ours must not look like an answer, nor stop a batch
        print(f"lienthong: {file}: {type(defect).__name__}", file=sys.stderr)
        return Failure("internal", type(defect).__name__)


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
