"""One system for a thousand parties, ten thousand documents in one run: every party's books are exact."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
from province import Province, document, running_gateway

from gateway.errors import Refusal
from gateway.model.access import Caller
from gateway.model.delivery import Delivery, Purpose
from gateway.model.message import Submission
from gateway.model.party import Parties
from gateway.ports import Tally
from sandbox.app import Running

PARTIES = tuple(f"H53.{10 + number // 100}.{number % 100:02d}" for number in range(1000))
REMOTE = ("000.00.00.G22", "000.00.00.G09", "000.00.00.G01")
DOCUMENTS = 10_000
AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Planned:
    """One document: who sends it to which parties here and which behind the axis, and how often it is handed in."""

    number: int
    sender: str
    local: tuple[str, ...]
    remote: tuple[str, ...]
    times: int

    @property
    def document_id(self) -> str:
        return f"{self.sender},2026/11/20,{self.number}/SNV-VP"

    def raw(self) -> bytes:
        to = ",".join((*self.local, *self.remote))
        urgent = {"other": {"priority": 3}} if self.number % 40 == 0 else {}
        return json.dumps(document(str(self.number), to=to, sender=self.sender, files=[], **urgent)).encode()


@dataclass(slots=True)
class Account:
    """What the test itself knows of one party."""

    sent: int = 0
    outgoing: Counter[str] = field(default_factory=Counter)
    incoming: Counter[str] = field(default_factory=Counter)


class Ledger:
    """Books kept apart from the store: from what was handed in, what was pulled, and what the axis says it has."""

    def __init__(self) -> None:
        self.accounts = {code: Account() for code in PARTIES}
        self.pulled: Counter[tuple[str, str]] = Counter()
        self.held: Counter[tuple[str, str]] = Counter()
        """(message id, party) that were acknowledged with done, and with fail."""

    def close(self, plan: Iterable[tuple[Planned, str]], on_axis: set[str]) -> None:
        """Post every document of *plan* with its message id. A document that is not on the axis was rejected there,
        and its sender was told by a notice."""
        for planned, message_id in plan:
            sender = self.accounts[planned.sender]
            sender.sent += 1
            for party in planned.local:
                done, failed = self.pulled[(message_id, party)], self.held[(message_id, party)]
                assert done + failed == 1, f"{planned} reached {party} {done + failed} times"
                state = "delivered" if done else "open"
                self._post(sender.outgoing, state)
                self._post(self.accounts[party].incoming, state)
            if planned.remote:
                arrived = planned.document_id in on_axis
                self._post(sender.outgoing, "delivered" if arrived else "rejected")
                if not arrived:
                    self._post(sender.incoming, "delivered")

    def _post(self, counts: Counter[str], state: str) -> None:
        counts["created"] += 1
        counts[state] += 1


def planned(count: int) -> Sequence[Planned]:
    """Documents of random parties: most stay in the province, a third leaves it, some do both; one in twenty is handed
    in twice."""
    dice = Random(20261122)
    plan = []
    for number in range(1, count + 1):
        sender = dice.choice(PARTIES)
        leaves = dice.random() < 0.3
        local = dice.sample([code for code in PARTIES if code != sender], dice.randint(0 if leaves else 1, 3))
        remote = dice.sample(REMOTE, dice.randint(1, 2)) if leaves else []
        plan.append(Planned(number, sender, tuple(local), tuple(remote), 2 if dice.random() < 0.05 else 1))
    return plan


async def hand_in(province: Province, planned: Planned) -> str:
    """Give it to the accept story, as often as planned; its message id, the same every time."""
    raw, ids = planned.raw(), set()
    for time in range(planned.times):
        reference = f"{planned.number}-{time}"
        accepted = await province.gateway.accept(Submission("snv", "rest-json", raw, datetime.now(UTC), reference))
        assert accepted.duplicate is (time > 0)
        ids.add(accepted.message_id)
    (message_id,) = ids
    return message_id


async def refused(province: Province, number: int) -> None:
    """A party of another system is nobody's to send for."""
    raw = Planned(number, "H53.02", (PARTIES[0],), (), 1).raw()
    with pytest.raises(Refusal, match=r"auth\.forbidden"):
        await province.gateway.accept(Submission("snv", "rest-json", raw, datetime.now(UTC)))


async def side_by_side(works: Iterable[Callable[[], Awaitable[object]]]) -> None:
    """All of *works*, AT_ONCE at a time."""
    waiting = iter(works)

    async def worker() -> None:
        for work in waiting:
            await work()

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(worker())


async def pull_all(province: Province, ledger: Ledger) -> int:
    """One look into the mailbox of all thousand parties: every fiftieth delivery fails there, the others are done."""
    store = province.gateway.store
    listed = await store.mailbox("snv", None, 1000)

    async def settle(row: Delivery) -> None:
        content = row.purpose is Purpose.CONTENT
        done = not content or int(row.id[-4:], 16) % 50 != 0
        settled = await store.settle(row.id, "snv", done, "" if done else "đĩa đầy")
        assert settled.applied
        if content:
            (ledger.pulled if done else ledger.held)[(row.message_id, row.party)] += 1

    await side_by_side([lambda row=row: settle(row) for row in listed])  # type: ignore[misc]
    return len(listed)


async def run(province: Province, plan: Sequence[Planned], ledger: Ledger) -> dict[int, str]:
    """Hand in, deliver and pull at the same time, until nothing moves any more; number to message id."""
    ids: dict[int, str] = {}

    async def one(planned: Planned) -> None:
        ids[planned.number] = await hand_in(province, planned)
        if planned.number % 100 == 0:
            await refused(province, planned.number)

    sending = asyncio.create_task(side_by_side([lambda planned=planned: one(planned) for planned in plan]))  # type: ignore[misc]
    async with asyncio.timeout(220):
        while not sending.done() or await moving(province):
            if not await pull_all(province, ledger):
                await asyncio.sleep(0.05)
    await sending
    return ids


async def moving(province: Province) -> bool:
    """Whether anything is open that is not held by a person."""
    queues = await province.gateway.store.queues()
    return any(queue.counts.get(state, 0) for queue in queues for state in ("queued", "leased", "deferred", "waiting"))


def tally(counts: Counter[str]) -> Tally:
    return Tally(**counts)


@pytest.mark.long
async def test_a_thousand_parties_and_ten_thousand_documents_leave_every_partys_books_exact(
    tmp_path: Path, sandbox: Running
) -> None:
    (tmp_path / "don-vi.csv").write_text("code\n" + "\n".join(PARTIES), encoding="utf-8")
    platform = 'rejected_codes = ["77"]\nslots = 8'
    rule = {"operation": "sendEdoc", "action": "fail", "code": "77", "match": {"probability": 0.02, "seed": 5}}
    async with running_gateway(tmp_path, sandbox, system='parties = "don-vi.csv"', platform=platform) as province:
        await province.control("POST", "/faults", json=[rule])
        plan, ledger = planned(DOCUMENTS), Ledger()
        ids = await run(province, plan, ledger)
        state = await province.control("GET", "/state")
        on_axis = {row["documentId"] for row in state["packages"]}
        assert len(on_axis) == state["counts"]["packages"], "nothing went to the axis twice"
        ledger.close([(one, ids[one.number]) for one in plan], on_axis)
        await every_book_agrees(province, ledger)
        await own_messages_are_whole(province, plan, ids)


async def every_book_agrees(province: Province, ledger: Ledger) -> None:
    store = province.gateway.store
    books = await store.books()
    assert books.balanced
    assert (books.accepted, books.quarantined) == (DOCUMENTS, 0)
    assert ledger.held, "else nothing was refused by a mailbox, and the run would say less"
    rejected = sum(account.outgoing["rejected"] for account in ledger.accounts.values())
    created = sum(account.outgoing["created"] for account in ledger.accounts.values())
    assert books.rejected == rejected > 0
    assert books.created == created + rejected, "every rejection made one notice, and nothing else did"
    mailboxes = {row.party: row.tally for row in await store.party_mailboxes() if row.system == "snv"}
    for code, account in ledger.accounts.items():
        kept = await store.party_books(code)
        assert kept.sent == account.sent, code
        assert kept.outgoing == tally(account.outgoing), code
        assert kept.incoming == tally(account.incoming), code
        assert mailboxes.get(code, Tally()) == kept.incoming, code


async def own_messages_are_whole(province: Province, plan: Sequence[Planned], ids: dict[int, str]) -> None:
    """The list of a single party, and that of the system, page by page."""
    store = province.gateway.store
    for code in PARTIES[::100]:
        caller = Caller("nobody", Parties((code,)))
        found = {message.id for message in await store.messages(own=caller, limit=1000)}
        wanted = {ids[one.number] for one in plan if code in (one.sender, *one.local)}
        assert wanted <= found, code
    everything: list[str] = []
    caller = Caller("snv", province.gateway.config.systems[0].parties)
    while page := await store.messages(own=caller, before=everything[-1] if everything else "", limit=200):
        everything += [message.id for message in page]
    assert len(everything) == len(set(everything))
    assert set(ids.values()) <= set(everything)
