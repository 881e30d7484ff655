"""Conformance: claims, outcomes, order, fencing, expiry, rescue, hold and release (P2, P3, P4)."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from storage_samples import (
    AXIS,
    MAILBOX,
    FakeClock,
    acceptance,
    concluded,
    deferred,
    delivered,
    delivery,
    quarantining,
    unassigned,
)

from gateway.errors import Refusal, Stale
from gateway.model.delivery import Claim, Delivered, Delivery, Notice, Purpose, Rejected, State
from gateway.model.message import Accepted, Kind
from gateway.ports import Store

CONVERSATION = "document|H53|1"


class Hands:
    """Short words for what these tests do again and again."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store = store
        self.clock = clock

    async def put(
        self,
        kind: Kind = Kind.DOCUMENT,
        conversation: str = CONVERSATION,
        destination: str = AXIS,
        identity: str = "",
        **more: object,
    ) -> str:
        """Accept one message with one delivery; the delivery's id."""
        new = delivery(self.clock.now(), destination, conversation=conversation, **more)
        answer: Accepted = await self.store.accept(
            acceptance(self.clock.now(), kind=kind, conversation=conversation, identity=identity, deliveries=(new,))
        )
        return answer.deliveries[0]

    async def state(self, delivery_id: str) -> State:
        return (await self.get(delivery_id)).state

    async def get(self, delivery_id: str) -> Delivery:
        found = await self.store.delivery(delivery_id)
        assert found is not None
        return found

    async def claim(self) -> Claim:
        [claim] = await self.store.claim(AXIS, 1)
        return claim

    async def reject(self, code: str = "axis.fail", **more: object) -> tuple[str, ...]:
        claim = await self.claim()
        outcome = concluded(Rejected(code, "no such unit"), self.clock.now(), **more)
        return (await self.store.conclude(claim, outcome)).destinations


@pytest.fixture
def hands(store: Store, clock: FakeClock) -> Hands:
    return Hands(store, clock)


async def test_a_claim_leases_and_writes_the_attempt_as_started(store: Store, hands: Hands) -> None:
    id = await hands.put()
    claim = await hands.claim()
    assert (claim.delivery.id, claim.number, claim.wire_id) == (id, 1, "")
    assert claim.delivery.state is State.LEASED
    [attempt] = await store.attempts_of(id)
    assert (attempt.id, attempt.outcome, attempt.ended_at) == (claim.attempt_id, "started", None)
    assert await store.claim(AXIS, 10) == []


async def test_delivered_ends_with_reference_and_evidence_on_record(
    store: Store, hands: Hands, clock: FakeClock
) -> None:
    id = await hands.put()
    claim = await hands.claim()
    answer = await store.conclude(claim, delivered(clock.advance(1)))
    assert (answer.applied, answer.state) == (True, State.DELIVERED)
    ended = await hands.get(id)
    assert (ended.state, ended.reference, ended.ended_at) == (State.DELIVERED, "axis-1", clock.now())
    [attempt] = await store.attempts_of(id)
    assert (attempt.outcome, attempt.reference) == ("delivered", "axis-1")
    types = [entry.type for entry in await store.unsealed(10)]
    assert types == ["message.accepted", "delivery.attempted", "delivery.delivered"]
    proof = (await store.unsealed(10))[2].raw
    assert hashlib.sha256(b"OK").hexdigest().encode() in proof


async def test_deferred_is_claimed_again_only_when_due(store: Store, hands: Hands, clock: FakeClock) -> None:
    id = await hands.put()
    await store.conclude(await hands.claim(), deferred(clock.now(), 60))
    assert await hands.state(id) is State.DEFERRED
    assert await store.next_due(AXIS) == clock.now() + timedelta(seconds=60)
    clock.advance(59)
    assert await store.claim(AXIS, 1) == []
    clock.advance(1)
    assert (await hands.claim()).number == 2


async def test_a_retry_sends_the_bytes_kept_before_the_first_send(store: Store, hands: Hands, clock: FakeClock) -> None:
    id = await hands.put()
    claim = await hands.claim()
    kept = await store.keep_wire(claim, b"signed at noon")
    await store.conclude(claim, deferred(clock.now()))
    again = await hands.claim()
    assert again.wire_id == kept.id
    assert await store.body(again.wire_id) == b"signed at noon"
    await store.conclude(again, delivered(clock.now()))
    sent = hashlib.sha256(b"signed at noon").hexdigest()
    assert [attempt.sent_sha256 for attempt in await store.attempts_of(id)] == [sent, sent]


async def test_bytes_made_anew_are_a_recorded_version(store: Store, hands: Hands, clock: FakeClock) -> None:
    await hands.put()
    claim = await hands.claim()
    first = await store.keep_wire(claim, b"token 1")
    assert await store.keep_wire(claim, b"token 1") == first
    second = await store.keep_wire(claim, b"token 2")
    await store.conclude(claim, deferred(clock.now()))
    assert (await hands.claim()).wire_id == second.id
    assert await store.body(first.id) == b"token 1"


async def test_an_unknown_outcome_makes_the_next_attempt_maybe_twice(
    store: Store, hands: Hands, clock: FakeClock
) -> None:
    id = await hands.put()
    await store.conclude(await hands.claim(), deferred(clock.now(), unknown=True))
    assert not (await hands.get(id)).maybe_twice, "sent once so far"
    assert (await hands.claim()).delivery.maybe_twice
    assert (await store.books()).maybe_twice == 1


async def test_a_known_failure_makes_nothing_maybe_twice(store: Store, hands: Hands, clock: FakeClock) -> None:
    await hands.put()
    await store.conclude(await hands.claim(), deferred(clock.now()))
    assert not (await hands.claim()).delivery.maybe_twice
    assert (await store.books()).maybe_twice == 0


async def test_one_conversation_goes_one_at_a_time_in_order(store: Store, hands: Hands, clock: FakeClock) -> None:
    ids = [await hands.put(kind=kind) for kind in (Kind.DOCUMENT, Kind.STATUS, Kind.RECALL)]
    other = await hands.put(conversation="document|H53|2")
    assert [await hands.state(id) for id in ids] == [State.QUEUED, State.WAITING, State.WAITING]
    claims = await store.claim(AXIS, 10)
    assert [claim.delivery.id for claim in claims] == [ids[0], other]
    answer = await store.conclude(claims[0], delivered(clock.now()))
    assert answer.destinations == (AXIS,)
    assert [await hands.state(id) for id in ids] == [State.DELIVERED, State.QUEUED, State.WAITING]


async def test_the_same_conversation_to_another_destination_does_not_wait(hands: Hands) -> None:
    await hands.put()
    assert await hands.state(await hands.put(destination="other-axis")) is State.QUEUED


async def test_a_rejected_document_cancels_what_means_nothing_without_it(store: Store, hands: Hands) -> None:
    await hands.put()
    recall = await hands.put(Kind.RECALL)
    status = await hands.put(Kind.STATUS, identity="status|1|03|2026-11-22T08:00:00")
    taken_back = await hands.put(Kind.STATUS, identity="status|1|13|2026-11-22T08:00:00")
    woken = await hands.reject()
    assert (await hands.get(recall)).code == "predecessor_failed"
    states = [await hands.state(id) for id in (recall, status, taken_back)]
    assert states == [State.CANCELLED, State.QUEUED, State.CANCELLED]
    assert woken == (AXIS,)
    counted = {incident.code: incident.count for incident in await store.incidents()}
    assert counted == {"delivery.rejected": 1, "delivery.cancelled": 2}, "never silent"
    assert (await store.books()).balanced


async def test_a_rejected_status_does_not_void_the_recall_behind_it(
    store: Store, hands: Hands, clock: FakeClock
) -> None:
    await hands.put()
    await hands.put(Kind.STATUS)
    recall = await hands.put(Kind.RECALL)
    await store.conclude(await hands.claim(), delivered(clock.now()))
    await hands.reject()
    assert await hands.state(recall) is State.QUEUED


async def test_a_recall_goes_out_if_its_document_may_have_arrived(store: Store, hands: Hands, clock: FakeClock) -> None:
    document = await hands.put()
    recall = await hands.put(Kind.RECALL)
    await store.conclude(await hands.claim(), deferred(clock.now(), unknown=True))
    await store.end(document, State.EXPIRED, "expired", "", "gateway")
    assert await hands.state(recall) is State.QUEUED


async def test_a_final_failure_tells_the_sender_in_the_same_commit(
    store: Store, hands: Hands, clock: FakeClock
) -> None:
    id = await hands.put()
    now = clock.now()
    told = delivery(now, MAILBOX, ("H53",), "notice|1", party="H53", purpose=Purpose.NOTICE)
    woken = await hands.reject(tell=lambda *about: Notice("f" * 32, b'{"notice":"rejected"}', told))
    assert woken == (MAILBOX,)
    message = await store.message("f" * 32)
    origin = await store.message((await hands.get(id)).message_id)
    assert message is not None and origin is not None
    assert (message.envelope.kind, message.peer, message.dialect) == (Kind.NOTICE, "gateway", "notice")
    assert message.envelope.business_id == origin.envelope.business_id
    assert await store.body(message.body.id) == b'{"notice":"rejected"}'
    assert [item.id for item in await store.mailbox(MAILBOX, "H53", 10)] == [told.id]
    books = await store.books()
    assert books.balanced and books.accepted == 1, "a notice is not something received"


async def test_a_late_outcome_is_kept_and_changes_nothing(
    open_any: Callable[[], Awaitable[Store]], clock: FakeClock
) -> None:
    store = await open_any()
    hands = Hands(store, clock)
    id = await hands.put()
    old = await hands.claim()
    await store.close()
    store = await open_any()
    [rescued] = await store.rescue()
    assert (rescued.id, rescued.state, rescued.due_at) == (id, State.QUEUED, clock.now())
    [new] = await store.claim(AXIS, 1)
    assert new.delivery.maybe_twice
    answer = await store.conclude(old, delivered(clock.now()))
    assert (answer.applied, answer.state) == (False, State.LEASED)
    assert [attempt.outcome for attempt in await store.attempts_of(id)] == ["late", "started"]
    answer = await store.conclude(new, deferred(clock.now()))
    assert answer.applied
    assert await store.rescue() == [], "a rescue takes nothing twice"
    with pytest.raises(Stale):
        await store.keep_wire(old, b"too late")


async def test_concluding_twice_keeps_the_first_outcome(store: Store, hands: Hands, clock: FakeClock) -> None:
    id = await hands.put()
    claim = await hands.claim()
    await store.conclude(claim, delivered(clock.now()))
    answer = await store.conclude(claim, concluded(Rejected("late"), clock.now()))
    assert (answer.applied, answer.state) == (False, State.DELIVERED)
    assert [attempt.outcome for attempt in await store.attempts_of(id)] == ["delivered"]


async def test_a_running_servers_leases_are_not_rescued(store: Store, hands: Hands) -> None:
    await hands.put()
    await hands.claim()
    assert await store.rescue() == []


@pytest.mark.parametrize("at_once", [1, 3, 10])
async def test_urgent_goes_first_but_one_slot_in_five_is_for_the_rest(store: Store, hands: Hands, at_once: int) -> None:
    for number in range(12):
        await hands.put(conversation=f"urgent|{number}", urgent=True)
    for number in range(4):
        await hands.put(conversation=f"plain|{number}")
    order: list[bool] = []
    while claims := await store.claim(AXIS, at_once):
        order += [claim.delivery.urgent for claim in claims]
    assert order == [True] * 4 + [False] + [True] * 4 + [False] + [True] * 4 + [False, False]


async def test_the_oldest_due_goes_first(store: Store, hands: Hands, clock: FakeClock) -> None:
    first = await hands.put(conversation="1")
    await store.conclude(await hands.claim(), deferred(clock.now(), 60))
    clock.advance(30)
    second = await hands.put(conversation="2")
    third = await hands.put(conversation="3")
    clock.advance(60)
    assert [claim.delivery.id for claim in await store.claim(AXIS, 10)] == [second, third, first]


async def test_a_paused_destination_hands_out_nothing(store: Store, hands: Hands) -> None:
    await hands.put()
    await store.pause(AXIS, "an.nguyen", "maintenance")
    assert await store.claim(AXIS, 10) == []
    assert await store.next_due(AXIS) is None, "or its worker would look without rest"
    assert await store.paused() == {AXIS: "maintenance"}
    [queue] = await store.queues()
    assert (queue.paused, queue.counts) == ("maintenance", {State.QUEUED: 1})
    await store.resume(AXIS, "an.nguyen", "done")
    assert len(await store.claim(AXIS, 10)) == 1


async def test_what_is_past_its_expiry_is_not_sent_but_ended(store: Store, hands: Hands, clock: FakeClock) -> None:
    id = await hands.put(expires_at=clock.now() + timedelta(hours=1))
    follower = await hands.put(Kind.STATUS)
    assert await store.due_to_expire(clock.now(), 10) == []
    clock.advance(3600)
    assert await store.claim(AXIS, 10) == []
    assert await store.next_due(AXIS) is None
    assert [item.id for item in await store.due_to_expire(clock.now(), 10)] == [id]
    answer = await store.end(id, State.EXPIRED, "expired", "last outcome: none", "gateway")
    assert answer.destinations == (AXIS,)
    assert [await hands.state(each) for each in (id, follower)] == [State.EXPIRED, State.QUEUED]
    with pytest.raises(Refusal, match=r"delivery\.ended"):
        await store.end(id, State.CANCELLED, "cancelled", "", "an.nguyen")


async def test_a_leased_delivery_cannot_be_ended_under_the_worker(store: Store, hands: Hands, clock: FakeClock) -> None:
    id = await hands.put(expires_at=clock.now() + timedelta(seconds=1))
    await hands.claim()
    clock.advance(2)
    assert await store.due_to_expire(clock.now(), 10) == []
    with pytest.raises(Stale):
        await store.end(id, State.CANCELLED, "cancelled", "", "an.nguyen")
    with pytest.raises(Refusal, match=r"delivery\.not_found"):
        await store.end("0" * 32, State.CANCELLED, "cancelled", "", "an.nguyen")


async def test_cancelling_a_waiting_follower_wakes_nobody(store: Store, hands: Hands) -> None:
    await hands.put()
    follower = await hands.put(Kind.STATUS)
    last = await hands.put(Kind.STATUS)
    answer = await store.end(follower, State.CANCELLED, "cancelled", "sent by mistake", "an.nguyen")
    assert answer.destinations == ()
    assert await hands.state(last) is State.WAITING


async def test_a_held_head_keeps_its_followers_waiting(store: Store, hands: Hands, clock: FakeClock) -> None:
    head = await hands.put(held="marking.unclear")
    follower = await hands.put(Kind.STATUS)
    assert [await hands.state(id) for id in (head, follower)] == [State.HELD, State.WAITING]
    assert (await hands.get(head)).detail == "marking.unclear"
    assert await store.claim(AXIS, 10) == []
    answer = await store.release(head, "an.nguyen", "checked")
    assert (answer.state, answer.destinations) == (State.QUEUED, (AXIS,))
    await store.conclude(await hands.claim(), delivered(clock.now()))
    assert await hands.state(follower) is State.QUEUED
    with pytest.raises(Stale):
        await store.release(follower, "an.nguyen", "not held")


async def test_a_held_follower_does_not_stop_what_is_before_it(store: Store, hands: Hands, clock: FakeClock) -> None:
    ids = [await hands.put(), await hands.put(Kind.STATUS), await hands.put(Kind.STATUS, held="look"), ""]
    ids[3] = await hands.put(Kind.STATUS)
    for _ in range(2):
        await store.conclude(await hands.claim(), delivered(clock.now()))
    assert await store.claim(AXIS, 10) == []
    assert [await hands.state(id) for id in ids[2:]] == [State.HELD, State.WAITING]
    await store.end(ids[2], State.CANCELLED, "cancelled", "not needed", "an.nguyen")
    assert await hands.state(ids[3]) is State.QUEUED


async def test_a_released_delivery_joins_the_order_of_its_new_destination(
    store: Store, hands: Hands, clock: FakeClock
) -> None:
    now = clock.now()
    await store.accept(acceptance(now, conversation=CONVERSATION, deliveries=(unassigned(now, ("A",)),)))
    [queue] = [queue for queue in await store.queues() if queue.destination == "unassigned"]
    assert queue.counts == {State.HELD: 1}
    [held] = [item for message in await store.messages() for item in await store.deliveries_of(message.id)]
    head = await hands.put(conversation=held.conversation, destination="qlvb-2", party="A")
    with pytest.raises(Refusal, match=r"message\.no_recipient"):
        await store.release(held.id, "an.nguyen", "where to?")
    answer = await store.release(held.id, "an.nguyen", "new unit", "qlvb-2", "A")
    assert (answer.state, answer.destinations) == (State.WAITING, ())
    await store.end(head, State.CANCELLED, "cancelled", "", "an.nguyen")
    assert (await hands.get(held.id)).state is State.QUEUED
    assert (await store.books()).balanced


async def test_moving_a_held_head_away_lets_its_follower_go(store: Store, hands: Hands) -> None:
    head = await hands.put(held="look")
    follower = await hands.put(Kind.STATUS)
    answer = await store.release(head, "an.nguyen", "elsewhere", "other-axis")
    assert answer.destinations == ("other-axis", AXIS)
    assert await hands.state(follower) is State.QUEUED


async def test_a_mailbox_shows_what_waits_for_its_system_oldest_first(
    store: Store, hands: Hands, clock: FakeClock
) -> None:
    ids = [await hands.put(conversation=f"{n}", destination=MAILBOX, party=f"H53.{n}") for n in (1, 2)]
    assert [item.id for item in await store.mailbox(MAILBOX, None, 10)] == ids
    assert [item.id for item in await store.mailbox(MAILBOX, "h53.2", 10)] == ids[1:]
    assert len(await store.mailbox(MAILBOX, None, 1)) == 1
    assert await store.mailbox("someone-else", None, 10) == []
    answer = await store.settle(ids[0], MAILBOX, True, "")
    assert (answer.applied, answer.state) == (True, State.DELIVERED)
    again = await store.settle(ids[0], MAILBOX, True, "")
    assert (again.applied, again.state) == (False, State.DELIVERED)
    assert [item.id for item in await store.mailbox(MAILBOX, None, 10)] == ids[1:]


async def test_a_system_settles_only_what_was_offered_to_it(store: Store, hands: Hands) -> None:
    document = await hands.put(destination=MAILBOX, party="H53.1")
    with pytest.raises(Refusal, match=r"delivery\.not_found"):
        await store.settle(document, "someone-else", True, "")
    await store.end(document, State.CANCELLED, "cancelled", "", "an.nguyen")
    with pytest.raises(Refusal, match=r"delivery\.ended"):
        await store.settle(document, MAILBOX, True, "")


async def test_in_a_mailbox_nothing_waits_and_everything_is_listed_oldest_first(store: Store, hands: Hands) -> None:
    document = await hands.put(destination=MAILBOX, party="H53.1")
    status = await hands.put(Kind.STATUS, destination=MAILBOX, party="H53.1")
    recall = await hands.put(Kind.RECALL, destination=MAILBOX, party="H53.1")
    assert [item.id for item in await store.mailbox(MAILBOX, None, 10)] == [document, status, recall]
    await store.settle(recall, MAILBOX, True, "")
    assert [item.id for item in await store.mailbox(MAILBOX, None, 10)] == [document, status]


async def test_each_follower_cancelled_with_its_head_is_told_too(store: Store, hands: Hands) -> None:
    head = await hands.put()
    recall = await hands.put(Kind.RECALL)
    told: list[tuple[str, State]] = []
    await hands.reject(tell=lambda about, message, ending, *_: told.append((about.id, ending)))
    assert told == [(head, State.REJECTED), (recall, State.CANCELLED)]


async def test_a_fetch_is_an_attempt_and_leaves_the_delivery_queued(store: Store, hands: Hands) -> None:
    id = await hands.put(destination=MAILBOX, party="H53.1")
    for _ in range(2):
        await store.fetched(await hands.get(id))
    assert (await hands.get(id)).state is State.QUEUED
    await store.settle(id, MAILBOX, True, "")
    attempts = await store.attempts_of(id)
    assert [(attempt.number, attempt.outcome) for attempt in attempts] == [(1, "unknown"), (2, "delivered")]
    message = await store.message((await hands.get(id)).message_id)
    assert message is not None and attempts[1].sent_sha256 == message.body.sha256


async def test_a_system_that_cannot_take_it_leaves_it_held_with_an_incident(store: Store, hands: Hands) -> None:
    id = await hands.put(destination=MAILBOX, party="H53.1")
    answer = await store.settle(id, MAILBOX, False, "không mở được tệp")
    assert answer.state is State.HELD
    assert (await hands.get(id)).detail == "không mở được tệp"
    [incident] = await store.incidents()
    assert (incident.code, incident.subject) == ("mailbox.failed", id)
    assert await store.mailbox(MAILBOX, None, 10) == []
    await store.release(id, "an.nguyen", "fixed")
    assert await store.incidents() == []
    assert [item.id for item in await store.mailbox(MAILBOX, None, 10)] == [id]


async def test_destinations_are_those_with_open_deliveries(store: Store, hands: Hands, clock: FakeClock) -> None:
    await hands.put(destination="b", conversation="b")
    await hands.put()
    assert await store.destinations() == [AXIS, "b"]
    await store.conclude(await hands.claim(), delivered(clock.now()))
    assert await store.destinations() == ["b"]
    queues = {queue.destination: queue for queue in await store.queues()}
    assert queues[AXIS].oldest_open is None
    assert queues["b"].oldest_open == clock.now()


async def test_a_receipt_is_kept_up_to_its_limit(store: Store, hands: Hands, clock: FakeClock) -> None:
    await hands.put()
    answer = await store.conclude(await hands.claim(), concluded(Delivered("r", b"x" * 100_000), clock.now()))
    assert answer.applied
    await store.quarantine(quarantining(clock.now()))
    assert (await store.books()).balanced


async def test_what_a_person_assigns_to_a_mailbox_is_listed_at_once(
    store: Store, hands: Hands, clock: FakeClock
) -> None:
    now = clock.now()
    early = unassigned(now, ("H53.1",), CONVERSATION)
    await store.accept(acceptance(now, conversation=CONVERSATION, deliveries=(early,)))
    later = await hands.put(destination=MAILBOX, party="H53.1")
    await store.release(early.id, "an.nguyen", "new unit", MAILBOX, "H53.1")
    assert [item.id for item in await store.mailbox(MAILBOX, None, 10)] == [early.id, later]
