"""`python -m gateway.cli.bench.load`: the senders, in a process of their own.

Standard input holds one `Plan` as JSON, standard output gets one `Sent` as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from random import Random

import aiohttp
import uvloop

from sandbox.department import compose
from sandbox.edxml import File, Organ

PATH = "/api/v1/documents"
_MARK = "@number@"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to send. *rate* 0: *callers* send without pause; else so many documents a second, whoever is done.

    It ends after *seconds* or *count* documents. *name* makes the documents of this plan differ from all others;
    *size* is that of the one attachment in bytes.
    """

    base_url: str
    key: str
    name: str
    to: str
    size: int
    count: int
    seconds: float
    callers: int = 1
    rate: float = 0.0


@dataclass(slots=True)
class Sent:
    """What was heard. Parallel lists, one place per document accepted: its id, when it was due to be sent (seconds
    since the epoch), and the seconds until "accepted". *refused* counts every other answer by status.
    """

    ids: list[str] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0


class Senders:
    """Sends the documents of one plan."""

    def __init__(self, plan: Plan, session: aiohttp.ClientSession) -> None:
        self._plan = plan
        self._session = session
        self._before, self._after = _template(plan)
        self._numbers = iter(range(plan.count))
        self.sent = Sent()

    async def run(self) -> Sent:
        """Send everything."""
        started = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            if self._plan.rate:
                await self._at_rate(group)
            else:
                for _ in range(self._plan.callers):
                    group.create_task(self._without_pause(started))
        self.sent.seconds = time.perf_counter() - started
        return self.sent

    async def _without_pause(self, started: float) -> None:
        for number in self._numbers:
            if time.perf_counter() - started > self._plan.seconds:
                return
            await self._send(number, time.perf_counter())

    async def _at_rate(self, group: asyncio.TaskGroup) -> None:
        first = time.perf_counter()
        for number, due in self._timetable(first):
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            group.create_task(self._send(number, due))

    def _timetable(self, first: float) -> Iterator[tuple[int, float]]:
        for number in self._numbers:
            due = first + number / self._plan.rate
            if due - first > self._plan.seconds:
                return
            yield number, due

    async def _send(self, number: int, due: float) -> None:
        body = self._before + str(number).encode() + self._after
        started = time.time() - (time.perf_counter() - due)
        async with self._session.post(PATH, data=body) as response:
            answer = await response.read()
        waited = time.perf_counter() - due
        if response.status != 202:
            self.sent.refused[str(response.status)] = self.sent.refused.get(str(response.status), 0) + 1
            return
        self.sent.ids.append(str(json.loads(answer)["message_id"]))
        self.sent.starts.append(started)
        self.sent.waits.append(waited)


def _template(plan: Plan) -> tuple[bytes, bytes]:
    """A document's JSON before and after its number."""
    file = File("cong-van.pdf", "application/pdf", Random(1).randbytes(plan.size))  # noqa: S311 (filler)
    document = compose(
        Organ("H53.01", "Sở Nội vụ"),
        [Organ(plan.to, "Bộ Công an")],
        _MARK,
        f"{plan.name}-VP",
        "V/v đo tốc độ liên thông văn bản",
        "2026-11-20",
        [file],
    )
    before, _, after = json.dumps(document, ensure_ascii=False).partition(_MARK)
    return before.encode(), after.encode()


async def send(plan: Plan) -> Sent:
    """Carry out *plan*."""
    headers = {"Authorization": f"Bearer {plan.key}", "Content-Type": "application/json"}
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(plan.base_url, headers=headers, connector=connector) as session:
        return await Senders(plan, session).run()


if __name__ == "__main__":
    json.dump(asdict(uvloop.run(send(Plan(**json.load(sys.stdin))))), sys.stdout)
