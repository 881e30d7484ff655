"""The addresses of certification authorities, asked with restraint: one request at a time for each question, few at
once, remembered while it is fresh, and left alone for a while after a failure.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from gateway.clock import Clock
from gateway.model.verdict import NotValid
from gateway.ports.signing import Fetch, FetchFault
from gateway.signing.trust.cache import Cache, Resting, good_until

_MIB: Final = 1024 * 1024
_ONE_AT_LEAST: Final = 1


@dataclass(frozen=True, slots=True)
class GatherLimits:
    """Bounds of gathering. *deadline* seconds for everything one call asks, *request* seconds for one answer.

    *max_age*: an answer is fetched again after this time even if it claims to be good for longer; *unnamed*: the same
    for one that names no nextUpdate. *rest*: seconds a source is left alone after a failure. *nonce*: each OCSP request
    carries one (RFC 9654); responders with prepared answers ignore it. *follow_issuers*: missing issuers are fetched
    from where a certificate says they are. *certificates*: how many of a call are asked about.
    """

    deadline: float = 20.0
    request: float = 8.0
    concurrency: int = 8
    max_age: timedelta = timedelta(hours=12)
    unnamed: timedelta = timedelta(minutes=5)
    rest: float = 60.0
    nonce: bool = False
    follow_issuers: bool = True
    certificates: int = 48
    max_list: int = 64 * _MIB
    entries: int = 4096
    cache_bytes: int = 128 * _MIB


@dataclass(frozen=True, slots=True)
class Checked:
    """A body that was found sound, and what it says of its own time."""

    content: bytes
    next_update: datetime | None


Check = Callable[[bytes], Checked]
"""Reads a body, whatever time that takes, and raises NotValid unless it is what was asked for; runs in a thread."""


@dataclass(frozen=True, slots=True)
class Request:
    """One question to one address. *about* tells apart what is asked there; *limit* in bytes of the answer."""

    url: str
    about: Hashable
    limit: int
    body: bytes | None = None
    content_type: str = ""


class Sources:
    """Every source of every gathering. Use within one event loop; nothing of it survives a restart."""

    def __init__(self, fetch: Fetch, clock: Clock, limits: GatherLimits) -> None:
        self._fetch = fetch
        self._clock = clock
        self._limits = limits
        self._cache = Cache(entries=limits.entries, size=limits.cache_bytes)
        self._resting = Resting(entries=limits.entries, rest=limits.rest)
        self._turn = asyncio.Semaphore(max(_ONE_AT_LEAST, limits.concurrency))
        self._reading = asyncio.Semaphore(_ONE_AT_LEAST)
        self._running: dict[Hashable, asyncio.Task[bytes]] = {}

    def kept(self, url: str, about: Hashable) -> bytes | None:
        """What is still good of an earlier answer."""
        return self._cache.get((url, about), self._clock.now())

    async def ask(self, request: Request, check: Check) -> bytes:
        """The content of a sound answer, from memory if it is still good. Raises FetchFault.

        Whoever asks the same meanwhile waits for the same answer; one that gives up does not end it for the others.
        """
        key = (request.url, request.about)
        found = self.kept(*key)
        if found is not None:
            return found
        for failed in (request.url, key):
            why = self._resting.why(failed, self._clock.monotonic())
            if why is not None:
                raise FetchFault(request.url, f"{why} (a moment ago)")
        task = self._running.get(key)
        if task is None:
            task = asyncio.create_task(self._asked(request, key, check))
            self._running[key] = task
            task.add_done_callback(lambda done: self._over(key, done))
        return await asyncio.shield(task)

    async def close(self) -> None:
        """End what is still being asked."""
        running = tuple(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _over(self, key: Hashable, done: asyncio.Task[bytes]) -> None:
        self._running.pop(key, None)
        if not done.cancelled():
            done.exception()  # Told to those who wait, if any still do.

    async def _asked(self, request: Request, key: Hashable, check: Check) -> bytes:
        try:
            async with self._turn:
                body = await self._fetch(
                    request.url,
                    body=request.body,
                    content_type=request.content_type,
                    deadline=self._limits.request,
                    limit=request.limit,
                )
        except FetchFault as fault:
            self._resting.note(request.url, fault.detail, self._clock.monotonic())
            raise
        try:
            # One at a time: large lists must not fill the memory together.
            async with self._reading:
                checked = await asyncio.to_thread(check, body)
        except NotValid as fault:
            detail = f"{fault.reason}: {fault.detail}" if fault.detail else fault.reason
            self._resting.note(key, detail, self._clock.monotonic())
            raise FetchFault(request.url, detail) from fault
        limits, now = self._limits, self._clock.now()
        self._cache.put(key, checked.content, good_until(now, checked.next_update, limits.max_age, limits.unnamed))
        return checked.content
