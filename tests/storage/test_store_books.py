"""Property: whatever happens in whatever order, the books agree and the order rule holds (P2, P4)."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from storage_samples import AXIS, MAILBOX, FakeClock, acceptance, concluded, delivery, quarantining, unassigned

from gateway.errors import Refusal, Stale
from gateway.model.delivery import Claim, Deferred, Delivered, Outcome, Rejected, State
from gateway.model.message import Kind
from gateway.storage import SqliteStore, StoreSettings, open_store

T = TypeVar("T")

OUTCOMES = st.sampled_from(
    [Delivered("r"), Rejected("axis.fail"), Deferred("http.503"), Deferred("deadline", unknown=True)]
)
KINDS = st.sampled_from([Kind.DOCUMENT, Kind.STATUS, Kind.RECALL, Kind.UPDATE])
PLACES = st.sampled_from([AXIS, MAILBOX, "unassigned"])
CONVERSATIONS = st.sampled_from(["c1", "c2"])
PICK = st.integers(0, 1000)

HEADS = """
    SELECT destination, party, conversation, count(*) AS heads FROM deliveries
    WHERE state IN ('queued', 'leased', 'deferred') AND destination <> ?
    GROUP BY destination, party, conversation HAVING heads > 1
"""
STUCK = """
    SELECT id FROM deliveries w WHERE state = 'waiting' AND NOT EXISTS (
        SELECT 1 FROM deliveries o
        WHERE o.destination = w.destination AND o.party = w.party AND o.conversation = w.conversation
          AND o.ended_at IS NULL AND o.seq <> w.seq
          AND (o.state IN ('queued', 'leased', 'deferred') OR o.seq < w.seq))
"""
WITHOUT_DELIVERY = "SELECT id FROM messages WHERE id NOT IN (SELECT message_id FROM deliveries WHERE message_id > '')"
MISCOUNTED = """
    SELECT destination, state, count FROM tallies WHERE count > 0
    EXCEPT SELECT destination, state, count(*) FROM deliveries GROUP BY destination, state
"""


class Traffic(RuleBasedStateMachine):
    """Random traffic on one store, with restarts."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = FakeClock()
        self.folder = Path(tempfile.mkdtemp())
        self.claims: list[Claim] = []
        self.open()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def open(self) -> None:
        options = StoreSettings(self.folder, readers=1, synchronous="OFF")
        self.store: SqliteStore = self.run(open_store(options, self.clock, mailboxes=frozenset({MAILBOX})))

    def teardown(self) -> None:
        self.run(self.store.close())
        self.loop.close()
        shutil.rmtree(self.folder)

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        return self.run(self.store._read(lambda db: [tuple(row) for row in db.execute(sql, values)]))

    def ids(self, where: str) -> list[str]:
        return [row[0] for row in self.query(f"SELECT id FROM deliveries WHERE {where} ORDER BY seq")]

    def pick(self, where: str, number: int) -> str | None:
        found = self.ids(where)
        return found[number % len(found)] if found else None

    @rule(kind=KINDS, place=PLACES, conversation=CONVERSATIONS, number=st.integers(0, 5), body=st.integers(0, 1))
    def accept(self, kind: Kind, place: str, conversation: str, number: int, body: int) -> None:
        now = self.clock.advance(1)
        party = "A" if place == MAILBOX else ""
        new = (
            unassigned(now, ("A",), conversation)
            if place == "unassigned"
            else delivery(now, place, ("A",), conversation, party=party)
        )
        given = acceptance(
            now,
            raw=b"%d" % body,
            kind=kind,
            identity=f"{kind}|{number}",
            conversation=conversation,
            deliveries=(new,),
        )
        try:
            self.run(self.store.accept(given))
        except Refusal as refusal:
            assert refusal.code == "message.conflict"

    @rule(number=st.integers(0, 3), settle=st.sampled_from(["accept", "reject", "leave"]))
    def quarantine(self, number: int, settle: str) -> None:
        now = self.clock.advance(1)
        item = self.run(self.store.quarantine(quarantining(now, raw=b"broken %d" % number)))
        if settle == "reject":
            self.run(self.store.reject_quarantined(item.id, "an", "no"))
        elif settle == "accept":
            given = acceptance(now, raw=b"broken", identity=f"opaque|{number}", quarantine_id=item.id)
            self.run(self.store.accept(given))

    @rule(limit=st.integers(1, 3))
    def claim(self, limit: int) -> None:
        self.clock.advance(1)
        self.claims += self.run(self.store.claim(AXIS, limit))

    @rule(outcome=OUTCOMES, number=PICK)
    def conclude(self, outcome: Outcome, number: int) -> None:
        if self.claims:
            claim = self.claims.pop(number % len(self.claims))
            self.run(self.store.conclude(claim, concluded(outcome, self.clock.advance(1))))

    @rule()
    def restart(self) -> None:
        """Old claims stay in hand: their outcomes come late."""
        self.run(self.store.close())
        self.open()
        self.run(self.store.rescue())

    @rule(number=PICK, done=st.booleans())
    def settle(self, number: int, done: bool) -> None:
        if id := self.pick(f"destination = '{MAILBOX}' AND state = 'queued'", number):
            self.run(self.store.settle(id, MAILBOX, done, "reason"))

    @rule(number=PICK, to=st.sampled_from(["", AXIS, MAILBOX]))
    def release(self, number: int, to: str) -> None:
        if id := self.pick("state = 'held'", number):
            try:
                self.run(self.store.release(id, "an", "go", to, "A" if to == MAILBOX else ""))
            except Refusal as refusal:
                assert refusal.code == "message.no_recipient" and not to

    @rule(number=PICK, state=st.sampled_from([State.EXPIRED, State.CANCELLED]))
    def end(self, number: int, state: State) -> None:
        if id := self.pick("ended_at IS NULL", number):
            try:
                self.run(self.store.end(id, state, str(state), "", "an"))
            except Stale:
                assert id in self.ids("state = 'leased'")

    @invariant()
    def the_books_agree(self) -> None:
        books = self.run(self.store.books())
        assert books.balanced, books
        assert self.query(MISCOUNTED) == []
        assert [(books.created,)] == self.query("SELECT count(*) FROM deliveries")
        assert [(books.accepted,)] == self.query("SELECT count(*) FROM messages")
        assert [(books.quarantined,)] == self.query("SELECT count(*) FROM quarantine WHERE state <> 'accepted'")
        assert [(books.maybe_twice,)] == self.query("SELECT count(*) FROM deliveries WHERE maybe_twice = 1")

    @invariant()
    def every_message_has_a_delivery(self) -> None:
        assert self.query(WITHOUT_DELIVERY) == []

    @invariant()
    def each_conversation_has_one_head_and_none_is_stuck(self) -> None:
        assert self.query(HEADS, MAILBOX) == []
        assert self.query(STUCK) == []


TestTraffic = Traffic.TestCase
TestTraffic.settings = settings(max_examples=20, stateful_step_count=40, deadline=None)
