"""A process of its own for bytes nobody knows: no network, little memory, killed when it overruns.

The parent's half (`Worker`) and the child's (`_serve`). What goes between them (`parcel`) is values: a child
that was taken over cannot make the parent run anything. Neither side copies a file while it holds the interpreter's
lock.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import resource
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from gateway.errors import GatewayError
from gateway.signing.parcel import pack, unpack

SECONDS: Final = 2.0
"""CPU seconds one question may cost."""
MEMORY: Final = 256 << 20
"""Bytes of address space above what the fresh process uses."""
_SLACK: Final = 0.5
"""Seconds the process gets to come back by itself before it is killed."""
_FORBIDDEN: Final = frozenset(
    {"socket.__new__", "socket.connect", "socket.bind", "socket.getaddrinfo"}
    | {"subprocess.Popen", "os.exec", "os.fork", "os.posix_spawn", "os.system"}
)
"""Audit events (PEP 578) that end in PermissionError in the child."""


@dataclass(frozen=True, slots=True)
class Overrun:
    """Why there is no answer: *code* is limit.time, limit.memory or internal."""

    code: str
    detail: str


class Worker:
    """One warm process that answers one question after the other; one that was killed is replaced.

    Blocking, and not for several threads at once. *warm* are modules the process imports before its first question.
    """

    def __init__(self, *, memory: int = MEMORY, warm: tuple[str, ...] = ()) -> None:
        self._memory = memory
        self._warm = warm
        self._process: Any = None
        self._pipe: Connection | None = None

    def start(self) -> None:
        """Have the process up and warm. Raises OSError, EOFError if it will not start."""
        self._running()

    def ask(self, function: Callable[..., Any], args: tuple[Any, ...], *, seconds: float, wall: float) -> Any:
        """What the module-level *function* returns for *args*, an Overrun, or the GatewayError it raised.

        *seconds* of CPU time, *wall* seconds by the clock (plus 0.5 s) from when the question was handed over.
        """
        try:
            pipe = self._running()
            pack((function, args, seconds), pipe)
            if pipe.poll(wall + _SLACK):
                return unpack(pipe, values_only=True)
        except (EOFError, OSError):
            return self._died(seconds)
        self.close()
        return Overrun("limit.time", f"not done within {wall:g} s")

    def close(self) -> None:
        """End the process, whatever it does. May be repeated."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
        if self._pipe is not None:
            self._pipe.close()
        self._process = self._pipe = None

    def kill(self) -> None:
        """End the process while another thread waits for its answer, which becomes an Overrun."""
        if (process := self._process) is not None:
            process.kill()

    def _died(self, seconds: float) -> Overrun:
        if self._process is not None:
            self._process.join(_SLACK)
        timed_out = self._process is not None and self._process.exitcode == -signal.SIGPROF
        self.close()
        if timed_out:
            return Overrun("limit.time", f"not done within {seconds:g} s")
        return Overrun("limit.memory", "the process that read the file died")

    def _running(self) -> Connection:
        if self._pipe is None or not self._process.is_alive():
            self.close()
            context = multiprocessing.get_context("spawn")
            ours, theirs = context.Pipe()
            self._process = context.Process(target=_serve, args=(theirs, self._memory, self._warm), daemon=True)
            self._process.start()
            theirs.close()
            self._pipe = ours
            ours.recv_bytes()  # it is up: its imports do not count against the first file
        return self._pipe


def _serve(pipe: Connection, memory: int, warm: tuple[str, ...]) -> None:
    """The process: limits itself, then answers until the other side goes away."""
    sys.stdin.close()
    sys.setrecursionlimit(1000)
    for module in warm:
        __import__(module)
    sys.addaudithook(_refuse)
    limit_memory(memory)
    pipe.send_bytes(b"ready")
    while True:
        try:
            _give(_answer(*unpack(pipe)), pipe)
            gc.collect()  # a file's parts refer to each other; the next one needs their room
        except (EOFError, OSError, MemoryError):
            return


def _give(answer: Any, pipe: Connection) -> None:
    try:
        pack(answer, pipe)
    except TypeError as defect:
        pack(Overrun("internal", str(defect)), pipe)


def _answer(function: Callable[..., Any], args: tuple[Any, ...], seconds: float) -> Any:
    signal.setitimer(signal.ITIMER_PROF, seconds)  # SIGPROF's default ends the process
    try:
        return function(*args)
    except GatewayError as fault:
        return fault
    except MemoryError:
        return Overrun("limit.memory", "the memory allowed was not enough")
    except Exception as defect:  # noqa: BLE001 - the rim: a defect of ours must not look like an answer, nor end the process
        return Overrun("internal", type(defect).__name__)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _refuse(event: str, _: Any) -> None:
    if event in _FORBIDDEN:
        raise PermissionError(event)


def limit_memory(memory: int) -> None:
    """Let this process have *memory* bytes of address space more than now, and leave no core file."""
    pages = Path("/proc/self/statm")
    if pages.exists():  # elsewhere the time limit alone holds
        used = int(pages.read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (used + memory, used + memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
