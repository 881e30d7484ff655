"""The live path's processes for strangers' files: a few warm ones, asked without stopping the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Final, TypeVar, cast

from cryptography import x509

from gateway.errors import GatewayError
from gateway.model.verdict import NotValid, Verdict
from gateway.signing import verify
from gateway.signing.process import MEMORY, SECONDS, Overrun, Worker
from gateway.signing.question import Question

PROCESSES: Final = 2
PATIENCE: Final = 30.0
"""Seconds a question may wait for a free process."""
_WALL: Final = 4
"""By the clock a question may take this times its CPU time: a busy machine is nobody's forgery."""
_WARM: Final = ("gateway.signing.pades", "gateway.signing.pades.sign_prepare", "gateway.signing.verify")

T = TypeVar("T")


class Workers:
    """At most *processes* questions at a time, each in a process without network that is killed on overrun.

    A process starts with its first question, or with `start`.
    """

    def __init__(self, processes: int = PROCESSES, *, memory: int = MEMORY, warm: tuple[str, ...] = _WARM) -> None:
        self._free = [Worker(memory=memory, warm=warm) for _ in range(processes)]
        self._all = tuple(self._free)
        self._threads = ThreadPoolExecutor(processes, thread_name_prefix="judge")
        self._lock = threading.Lock()
        self._closed = False

    async def start(self) -> None:
        """Have all processes up, so that the first file does not wait for imports (about 1 s each)."""
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.run_in_executor(self._threads, worker.start) for worker in self._all))

    async def judge(self, kind: str, content: bytes, question: Question) -> Verdict:
        """`gateway.signing.verify.judge` in a process; *kind* is one of KINDS. An overrun is `limit.exceeded`, a defect
        `internal`; raises nothing for what files hold."""
        try:
            return await self.run(_judge, kind, content, question)
        except NotValid as reason:
            return reason.verdict()

    async def judge_pdf(self, content: bytes, question: Question) -> Verdict:
        """`judge` of kind pdf."""
        return await self.judge("pdf", content, question)

    async def certificates_of(self, kind: str, content: bytes) -> tuple[x509.Certificate, ...]:
        """`gateway.signing.verify.certificates` in a process; none if that overran."""
        try:
            return await self.run(verify.certificates, content, kind)
        except NotValid:
            return ()

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """What the module-level *function* returns for *args* within SECONDS of CPU time.

        Arguments and result: plain values, bytes, certificates, public keys, data classes of `gateway`. Raises the
        GatewayError that *function* raised, NotValid limit.exceeded, or NotValid internal for a defect.
        """
        return await self.run_for(SECONDS, function, *args)

    async def run_for(self, seconds: float, function: Callable[..., T], *args: Any) -> T:
        """`run` with *seconds* of CPU time."""
        asked = self._threads.submit(self._ask, function, args, seconds)
        try:
            answer = await asyncio.wait_for(asyncio.wrap_future(asked), PATIENCE + seconds * _WALL)
        except TimeoutError:
            raise NotValid("limit.exceeded", "too many files wait to be judged") from None
        if isinstance(answer, Overrun):
            raise NotValid("internal" if answer.code == "internal" else "limit.exceeded", answer.detail)
        if isinstance(answer, GatewayError):
            raise answer
        return cast(T, answer)

    async def close(self) -> None:
        """End all processes, whatever they do; what is being asked ends in limit.exceeded. May be repeated."""
        self._closed = True
        for worker in self._all:
            worker.kill()
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)
        for worker in self._all:
            worker.close()

    def _ask(self, function: Callable[..., Any], args: tuple[Any, ...], seconds: float) -> Any:
        with self._lock:
            worker = self._free.pop()  # there are as many threads as workers
        try:
            if self._closed:
                return Overrun("limit.time", "the gateway is stopping")
            return worker.ask(function, args, seconds=seconds, wall=seconds * _WALL)
        finally:
            with self._lock:
                self._free.append(worker)


def _judge(kind: str, content: bytes, question: Question) -> Verdict:
    return verify.judge(content, replace(question, kind=kind))
