"""One call to the axis: its turn at the agreed rate, signed, sent, classified, logged in one line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Final, ParamSpec, TypeVar

import structlog

from adapters.vxp import answers, wire
from adapters.vxp.answers import AxisFault, Result
from adapters.vxp.settings import VxpSettings
from gateway.client import Answer, Body, CallFault, Client, retry_after
from gateway.clock import Clock
from gateway.formats.foreign import clean
from gateway.model.delivery import Deferred, Outcome, Rejected
from gateway.pace import Congested, Pace

P = ParamSpec("P")
T = TypeVar("T")

THREAD_ABOVE: Final = 256 * 1024
"""Bytes above which hashing and decoding leave the event loop."""

EMPTY: Final[Body] = b""
BRACES: Final[Body] = b"{}"
"""The two bodies the SDK sends with calls whose parameters are all headers (reference §6.1)."""


@dataclass(frozen=True, slots=True)
class Request:
    """One operation with its parameters, body and the seconds it may take."""

    operation: str
    params: Mapping[str, str]
    body: Body
    deadline: float
    content_type: str = wire.JSON_TYPE


class Axis:
    """The signed line to one axis. Every worker and the poller of a platform share one, and so its pace."""

    def __init__(self, settings: VxpSettings, client: Client, clock: Clock, random: Random) -> None:
        self._settings = settings
        self._client = client
        self._clock = clock
        self._base = settings.base_url.rstrip("/")
        self._log = structlog.get_logger("adapters.vxp").bind(platform=settings.id)
        self._pace = Pace(
            settings.requests_per_second, clock, random, burst=settings.burst, jitter=settings.outage_jitter
        )

    async def attempt(self, request: Request, judge: Callable[[Answer], Outcome], *, repeatable: bool) -> Outcome:
        """A delivery's try; every failure becomes an outcome. *repeatable*: a second copy has no effect."""
        started = self._clock.monotonic()
        try:
            outcome = judge(await self._call(request))
        except wire.UnsafeValue as error:
            outcome = Rejected("vxp.header", str(error))
        except Congested as error:
            outcome = Deferred("vxp.pace", str(error), error.wait, fault=False)
        except CallFault as fault:
            outcome = answers.outcome_of_fault(fault, repeatable=repeatable)
        self._tell(request, started, outcome.code, "" if outcome.code == "ok" else getattr(outcome, "detail", ""))
        return outcome

    async def ask(self, request: Request, read: Callable[[Result], T]) -> T:
        """A question, its answer understood by *read*; raises AxisFault if there is no usable one."""
        return await self._asked(request, lambda answer, now: read(answers.expect(answer, now)))

    async def download(self, request: Request) -> bytes:
        """A question answered by a bare file; raises AxisFault, also for a FAIL in place of the file."""
        return await self._asked(request, answers.expect_file)

    async def _asked(self, request: Request, judge: Callable[[Answer, datetime], T]) -> T:
        started = self._clock.monotonic()
        try:
            answer = await self._call(request)
            found = await off_loop(len(answer.body), judge, answer, self._clock.now())
        except wire.UnsafeValue as error:
            fault = AxisFault("vxp.header", str(error))
        except Congested as error:
            fault = AxisFault("vxp.pace", str(error))
        except CallFault as error:
            outcome = answers.outcome_of_fault(error, repeatable=True)
            fault = AxisFault(outcome.code, outcome.detail)
        except AxisFault as error:
            fault = error
        else:
            self._tell(request, started, "ok", "")
            return found
        self._tell(request, started, fault.code, fault.detail)
        raise fault

    async def _call(self, request: Request) -> Answer:
        """Wait for a turn, sign with the time of now, send; the pace learns how the platform is."""
        started = self._clock.monotonic()
        await self._pace.turn(request.deadline)
        left = request.deadline - (self._clock.monotonic() - started)
        if left <= 0:
            raise Congested(0.0)
        settings = self._settings
        headers = wire.signed_headers(
            settings.system_id, settings.secret, request.params, request.content_type, self._clock.now()
        )
        url = f"{self._base}/{request.operation}"
        try:
            answer = await self._client.call(
                "POST", url, headers, request.body, deadline=left, max_answer=settings.max_answer
            )
        except CallFault:
            self._pace.failed()
            raise
        self._learn(answer)
        return answer

    def _learn(self, answer: Answer) -> None:
        if answer.status == 429:
            self._pace.pause(retry_after(answer.headers.get("retry-after"), self._clock.now()) or 0.0)
        if answer.status >= 500:
            self._pace.failed()
        else:
            self._pace.answered()

    def _tell(self, request: Request, started: float, result: str, detail: str) -> None:
        """One line per call: never a header, never the body. A poll that went well is said only when debugging."""
        quiet = result == "ok" and request.operation == "getReceivedEdocList"
        say = self._log.debug if quiet else self._log.info
        say(
            "vxp.call",
            operation=request.operation,
            doc_id=clean(request.params.get("docId", "")),
            ms=round((self._clock.monotonic() - started) * 1000),
            result=result,
            detail=detail,
        )


async def off_loop(size: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """*work* on something of *size* bytes: in a thread if that would hold the event loop up."""
    if size > THREAD_ABOVE:
        return await asyncio.to_thread(work, *args, **kwargs)
    return work(*args, **kwargs)
