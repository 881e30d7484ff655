"""The province's day while the gateway dies: documents out, in and between neighbours, mailboxes pulled, statuses
reported, an axis that stutters.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Any

import aiohttp
from desks import OFFICE, PARTY, REST, Desk, OfficeDesk, Paper, RestDesk

from sandbox.settings import MINISTRY_SYSTEM, PROVINCE_SYSTEM, SECOND_MINISTRY_SYSTEM

MINISTRIES = (MINISTRY_SYSTEM, SECOND_MINISTRY_SYSTEM)
SENDERS = ("snv", "snv", "stc", "snn")


@dataclass(frozen=True, slots=True)
class Letter:
    """A document of *system*, heard accepted by it."""

    system: str
    document_id: str
    recipients: tuple[str, ...]
    message_id: str

    @property
    def ministries(self) -> tuple[str, ...]:
        return tuple(code for code in self.recipients if code in MINISTRIES)

    @property
    def neighbours(self) -> tuple[str, ...]:
        """Document systems of the province among the recipients."""
        return tuple(system for system, party in PARTY.items() if party in self.recipients)


@dataclass(frozen=True, slots=True)
class Injected:
    """A document that a ministry sent through the axis to parties of ours."""

    ministry: str
    document_id: str
    systems: tuple[str, ...]


class Traffic:
    """Sends until told to stop; pulls and reports until closed. *pace* is the mean pause between two documents of one
    sender.
    """

    def __init__(
        self, base_url: str, keys: Mapping[str, str], control_url: str, dice: Random, pace: float = 0.15
    ) -> None:
        self.desks: dict[str, Desk] = {name: RestDesk(name, base_url, keys[name]) for name in REST}
        self.desks[OFFICE] = OfficeDesk(OFFICE, base_url)
        self.letters: list[Letter] = []
        self.injected: list[Injected] = []
        self._control_url = control_url
        self._dice = dice
        self._pace = pace
        self._number = 0
        self._stopping = asyncio.Event()
        self._heard = asyncio.Event()
        self._writing = asyncio.Event()
        self._reporting = asyncio.Event()
        self._writers: list[asyncio.Task[None]] = []
        self._others: list[asyncio.Task[None]] = []
        self._stack = AsyncExitStack()

    async def start(self, *, faults: bool = True, inbound: bool = True) -> None:
        """Begin. With *faults* the axis stutters towards us until :meth:`stop`; *inbound* has ministries write too."""
        self._session = await self._stack.enter_async_context(aiohttp.ClientSession())
        for desk in self.desks.values():
            await self._stack.enter_async_context(desk)
        if faults:
            await self.control("POST", "/faults", json=stutter(self._dice))
        self.only(documents=True, statuses=True)
        writers = [self._send_for_ever(system) for system in SENDERS]
        writers += [self._inject_for_ever()] if inbound else []
        self._writers = [asyncio.create_task(writer) for writer in writers]
        self._others = [asyncio.create_task(self._pull_for_ever(desk)) for desk in self.desks.values()]
        self._others += [asyncio.create_task(self._report_for_ever(desk)) for desk in self.desks.values()]

    def only(self, *, documents: bool, statuses: bool) -> None:
        """Let new documents, and the systems' reports about those they got, begin or wait; mailboxes are pulled on."""
        for gate, is_open in ((self._writing, documents), (self._reporting, statuses)):
            if is_open:
                gate.set()
            else:
                gate.clear()

    async def stop(self, seconds: float = 120.0) -> None:
        """No new documents; returns when every sender has heard its last answer. The axis is well again."""
        self._stopping.set()
        self.only(documents=True, statuses=True)
        await self.control("DELETE", "/faults")
        async with asyncio.timeout(seconds):
            await asyncio.gather(*self._writers)

    async def close(self) -> None:
        """End everything at once."""
        for task in (*self._writers, *self._others):
            task.cancel()
        await asyncio.gather(*self._writers, *self._others, return_exceptions=True)
        await self._stack.aclose()

    async def control(self, method: str, path: str, **options: Any) -> Any:
        """One call of the sandbox's control interface."""
        async with self._session.request(method, self._control_url + path, **options) as response:
            answer = await response.json()
            assert response.status < 400, answer
            return answer

    async def heard(self, count: int, seconds: float = 60.0) -> None:
        """Return as soon as *count* documents have been heard accepted."""
        async with asyncio.timeout(seconds):
            while len(self.letters) < count:
                self._heard.clear()
                await self._heard.wait()

    def owed(self) -> int:
        """Reports that our systems have still to make."""
        return sum(desk.owed() for desk in self.desks.values())

    @property
    def refused(self) -> list[str]:
        """Every final no that one of our systems heard."""
        return [line for desk in self.desks.values() for line in desk.refused]

    async def _send_for_ever(self, system: str) -> None:
        while not self._stopping.is_set():
            await self._writing.wait()
            paper = self._paper(system)
            if message_id := await self.desks[system].send(paper):
                self.letters.append(Letter(system, paper.document_id, paper.recipients, message_id))
                self._heard.set()
            await self._rest(self._pace)

    def _paper(self, system: str) -> Paper:
        """Small enough for a row or large enough for a body file, as the dice say; one in five is urgent."""
        return Paper(
            sender=PARTY[system],
            recipients=self._recipients(system),
            number=self._next(),
            size=self._dice.choice([1500, 3000, 30_000, 90_000]),
            priority=self._dice.choice([0, 0, 0, 0, 3]),
            on=date.today(),
        )

    def _recipients(self, system: str) -> tuple[str, ...]:
        """Ministries only, neighbours only, or mixed: one document to a ministry and parties of both other systems."""
        first, second = self._dice.sample([party for name, party in PARTY.items() if name != system], 2)
        return self._dice.choice(
            [
                (MINISTRY_SYSTEM,),
                MINISTRIES,
                (first,),
                (SECOND_MINISTRY_SYSTEM, first),
                (MINISTRY_SYSTEM, first, second),
                (first, MINISTRY_SYSTEM, second),
            ]
        )

    async def _inject_for_ever(self) -> None:
        while not self._stopping.is_set():
            await self._writing.wait()
            ministry = self._dice.choice(MINISTRIES)
            systems = tuple(self._dice.sample(list(PARTY), self._dice.choice([1, 1, 2, 3])))
            wanted = {
                "from": ministry,
                "to": ",".join(PARTY[system] for system in systems),
                "number": str(self._next()),
                "pdfs": 1,
                "size": self._dice.choice([1500, 40_000]),
                "priority": self._dice.choice([0, 0, 0, 3]),
            }
            answer = await self.control("POST", "/packages", json=wanted)
            self.injected.append(Injected(ministry, answer["document_id"], systems))
            await self._rest(3 * self._pace)

    async def _pull_for_ever(self, desk: Desk) -> None:
        while True:
            await desk.pull()
            await asyncio.sleep(0.1)

    async def _report_for_ever(self, desk: Desk) -> None:
        while True:
            await self._reporting.wait()
            await desk.report()
            await asyncio.sleep(0.05)

    async def _rest(self, mean: float) -> None:
        await asyncio.sleep(self._dice.uniform(0, 2 * mean))

    def _next(self) -> int:
        self._number += 1
        return self._number


def stutter(dice: Random) -> list[dict[str, Any]]:
    """Faults of the axis towards the province, each with its own dice. Nothing is made twice by the axis' own store."""

    def rule(operation: str, action: str, probability: float, **more: Any) -> dict[str, Any]:
        match = {"system": PROVINCE_SYSTEM, "probability": probability, "seed": dice.randrange(10**6)}
        return {"operation": operation, "action": action, "match": match, **more}

    return [
        rule("sendEdoc", "cut_after_send", 0.06),
        rule("sendEdoc", "503", 0.05),
        rule("sendEdoc", "refuse", 0.03),
        rule("sendEdoc", "slow", 0.05, seconds=0.3),
        rule("sendEdoc", "answer_lost", 0.02, seconds=0.2),
        rule("getReceivedEdocList", "duplicate", 0.10),
        rule("getReceivedEdocList", "503", 0.02),
        rule("getEdoc", "cut_after_send", 0.04),
        rule("getEdoc", "slow", 0.04, seconds=0.3),
        rule("updateStatus", "duplicate", 0.05),
        rule("updateStatus", "cut_after_send", 0.05),
        rule("updateStatus", "slow", 0.03, seconds=0.2),
    ]
