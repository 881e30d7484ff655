"""Conformance: accept, duplicates, conflicts, arrivals, quarantine (P1, P2, P3)."""

from __future__ import annotations

import json

import pytest
from storage_samples import (
    AXIS,
    MAILBOX,
    FakeClock,
    acceptance,
    acknowledgement,
    delivered,
    delivery,
    quarantining,
    unassigned,
)

from gateway.errors import Refusal, Stale
from gateway.model.delivery import State
from gateway.model.message import QuarantineState
from gateway.ports import Store, StoredEntry


async def entries(store: Store, *types: str) -> list[dict[str, object]]:
    found: list[StoredEntry] = list(await store.unsealed(1000))
    return [json.loads(entry.raw) for entry in found if not types or entry.type in types]


async def test_an_accepted_message_is_read_back_as_it_was_given(store: Store, clock: FakeClock) -> None:
    given = acceptance(clock.now(), raw="Công văn đến".encode(), reference="k1", findings=("edxml.order /a",))
    answer = await store.accept(given)
    assert (answer.message_id, answer.duplicate, answer.destinations) == (given.message_id, False, (AXIS,))
    message = await store.message(answer.message_id)
    assert message is not None
    assert message.envelope == given.envelope
    assert message.findings == given.findings
    assert await store.body(message.body.id) == given.submission.raw
    [kept] = await store.deliveries_of(answer.message_id)
    assert (kept.id, kept.state, kept.expires_at) == (
        given.deliveries[0].id,
        State.QUEUED,
        given.deliveries[0].expires_at,
    )
    assert await store.arrival("system-a", "k1") == (answer.message_id, message.body.sha256)


@pytest.mark.parametrize("size", [0, 1, 16 * 1024, 16 * 1024 + 1, 300_000])
async def test_bodies_of_every_size_come_back_identical(store: Store, clock: FakeClock, size: int) -> None:
    raw = bytes(i * 31 % 251 for i in range(size))
    answer = await store.accept(acceptance(clock.now(), raw=raw))
    message = await store.message(answer.message_id)
    assert message is not None and message.body.size == size
    assert await store.body(message.body.id) == raw


async def test_a_message_without_delivery_cannot_be_accepted(store: Store, clock: FakeClock) -> None:
    with pytest.raises(ValueError, match="at least one delivery"):
        await store.accept(acceptance(clock.now(), deliveries=()))
    assert (await store.books()).accepted == 0


async def test_the_same_message_again_gets_the_first_answer_and_no_delivery(store: Store, clock: FakeClock) -> None:
    first = await store.accept(acceptance(clock.now(), raw=b"x", identity="document|1"))
    clock.advance(60)
    again = await store.accept(acceptance(clock.now(), raw=b"x", identity="document|1"))
    assert again.duplicate
    assert (again.message_id, again.received_at) == (first.message_id, first.received_at)
    assert again.destinations == ()
    assert again.deliveries == first.deliveries
    books = await store.books()
    assert (books.received, books.accepted, books.duplicates, books.created) == (1, 1, 1, 1)
    assert books.balanced


async def test_a_repackaged_duplicate_is_known_by_its_content_digest(store: Store, clock: FakeClock) -> None:
    first = await store.accept(acceptance(clock.now(), raw=b"one zip", digest="d" * 64, identity="document|1"))
    again = await store.accept(acceptance(clock.now(), raw=b"other zip", digest="d" * 64, identity="document|1"))
    assert again.message_id == first.message_id


async def test_a_duplicate_reaches_only_recipients_who_do_not_have_it(store: Store, clock: FakeClock) -> None:
    now = clock.now()
    first = acceptance(now, raw=b"x", identity="document|1", deliveries=(delivery(now, recipients=("A", "B")),))
    await store.accept(first)
    wider = (delivery(now, recipients=("B", "C")), delivery(now, MAILBOX, ("D",), party="D"))
    again = await store.accept(acceptance(now, raw=b"x", identity="document|1", deliveries=wider))
    kept = await store.deliveries_of(again.message_id)
    assert [(item.destination, item.recipients) for item in kept] == [
        (AXIS, ("A", "B")),
        (AXIS, ("C",)),
        (MAILBOX, ("D",)),
    ]
    assert again.destinations == (MAILBOX,), "C waits behind A and B in the same conversation"


async def test_a_duplicate_renews_a_delivery_that_a_person_cancelled(store: Store, clock: FakeClock) -> None:
    first = await store.accept(acceptance(clock.now(), raw=b"x", identity="document|1"))
    await store.end(first.deliveries[0], State.CANCELLED, "cancelled", "wrong recipient", "an.nguyen")
    again = await store.accept(acceptance(clock.now(), raw=b"x", identity="document|1"))
    assert again.destinations == (AXIS,)


async def test_a_duplicate_never_doubles_what_is_held_for_a_person(store: Store, clock: FakeClock) -> None:
    now = clock.now()
    held = (unassigned(now, ("A",)),)
    await store.accept(acceptance(now, raw=b"x", identity="document|1", deliveries=held))
    routed = (delivery(now, MAILBOX, ("A",), party="A"),)
    again = await store.accept(acceptance(now, raw=b"x", identity="document|1", deliveries=routed))
    assert len(again.deliveries) == 1
    await store.release(again.deliveries[0], "an.nguyen", "new unit", MAILBOX, "A")
    third = (unassigned(now, ("A",)),)
    again = await store.accept(acceptance(now, raw=b"x", identity="document|1", deliveries=third))
    assert len(again.deliveries) == 1


async def test_other_content_under_the_same_id_is_refused_to_a_system_of_ours(store: Store, clock: FakeClock) -> None:
    await store.accept(acceptance(clock.now(), raw=b"x", identity="document|1"))
    with pytest.raises(Refusal, match=r"message\.conflict"):
        await store.accept(acceptance(clock.now(), raw=b"y", identity="document|1", reference="k9"))
    assert await store.arrival("system-a", "k9") is None, "what was refused never enters the index"
    assert (await store.books()).received == 1


async def test_other_content_under_the_same_id_from_a_platform_is_delivered_and_marked(
    store: Store, clock: FakeClock
) -> None:
    platform = {"peer": AXIS, "identity": "document|1", "on_conflict": "mark"}
    first = await store.accept(acceptance(clock.now(), raw=b"x", **platform))  # type: ignore[arg-type]
    second = await store.accept(acceptance(clock.now(), raw=b"y", **platform))  # type: ignore[arg-type]
    assert second.message_id != first.message_id
    message = await store.message(second.message_id)
    assert message is not None and message.marks == ("conflict",)
    [incident] = await store.incidents()
    assert incident.code == "message.conflict"
    again = await store.accept(acceptance(clock.now(), raw=b"y", **platform))  # type: ignore[arg-type]
    assert again.message_id == second.message_id, "each digest has its own first answer"


async def test_an_idempotency_key_is_good_for_one_body(store: Store, clock: FakeClock) -> None:
    first = await store.accept(acceptance(clock.now(), raw=b"x", reference="k1", identity="document|1"))
    again = await store.accept(acceptance(clock.now(), raw=b"x", reference="k1", identity="document|1"))
    assert again.message_id == first.message_id
    with pytest.raises(Refusal) as refused:
        await store.accept(acceptance(clock.now(), raw=b"y", reference="k1"))
    assert (refused.value.code, refused.value.where) == ("message.conflict", "Idempotency-Key")


async def test_one_peers_ids_say_nothing_about_anothers(store: Store, clock: FakeClock) -> None:
    first = await store.accept(acceptance(clock.now(), raw=b"x", identity="document|1", reference="k"))
    other = await store.accept(acceptance(clock.now(), raw=b"y", identity="document|1", reference="k", peer="system-b"))
    assert other.message_id != first.message_id


async def test_a_duplicate_under_a_new_reference_is_acknowledged_too(store: Store, clock: FakeClock) -> None:
    now = clock.now()
    for reference in ("p1", "p2"):
        await store.accept(
            acceptance(
                now,
                raw=b"x",
                identity="document|1",
                peer=AXIS,
                reference=reference,
                on_conflict="mark",
                acknowledgement=acknowledgement(now, reference),
            )
        )
    arrivals = [await store.arrival(AXIS, reference) for reference in ("p1", "p2")]
    assert arrivals[0] is not None and arrivals[0] == arrivals[1]
    kept = await store.deliveries_of(arrivals[0][0])
    assert [item.instruction for item in kept if item.instruction] == [
        {"docId": "p1", "status": "done"},
        {"docId": "p2", "status": "done"},
    ]


async def test_a_package_fetched_twice_is_acknowledged_once(store: Store, clock: FakeClock) -> None:
    now = clock.now()
    for _ in range(2):
        twice = acknowledgement(now, "p1")
        await store.accept(acceptance(now, raw=b"x", peer=AXIS, reference="p1", acknowledgement=twice))
    created = [entry["deliveries"] for entry in await entries(store, "message.accepted", "message.duplicate")]
    assert [len(ids) for ids in created if isinstance(ids, list)] == [2, 0]


async def test_a_package_listed_again_is_acknowledged_again_once(store: Store, clock: FakeClock) -> None:
    now = clock.now()
    given = acceptance(now, peer=AXIS, reference="p1", acknowledgement=acknowledgement(now, "p1", "processing"))
    await store.accept(given)
    assert not await store.acknowledge_again(AXIS, "p1", acknowledgement(now, "p1")), "the first is still open"
    for claim in await store.claim(AXIS, 10):
        await store.conclude(claim, delivered(now))
    assert await store.acknowledge_again(AXIS, "p1", acknowledgement(now, "p1"))
    assert not await store.acknowledge_again(AXIS, "p1", acknowledgement(now, "p1"))
    [claim] = await store.claim(AXIS, 10)
    assert claim.delivery.instruction == {"docId": "p1", "status": "processing"}, "the instruction of the last one"
    assert not await store.acknowledge_again(AXIS, "never seen", acknowledgement(now, "never seen"))


async def test_quarantine_keeps_the_bytes_and_the_reason(store: Store, clock: FakeClock) -> None:
    item = await store.quarantine(quarantining(clock.now(), reference="k1"))
    assert (item.code, item.where, item.state) == ("xml.malformed", "1:7", QuarantineState.OPEN)
    assert await store.body(item.body.id) == b"<broken"
    assert [found.id for found in await store.quarantined()] == [item.id]
    assert await store.quarantined_item(item.id) == item
    assert await store.arrival("system-a", "k1") == (item.id, item.body.sha256)
    books = await store.books()
    assert (books.received, books.accepted, books.quarantined) == (1, 0, 1)


async def test_repeating_a_mistake_does_not_use_up_the_quota(store: Store, clock: FakeClock) -> None:
    first = await store.quarantine(quarantining(clock.now()))
    assert (await store.quarantine(quarantining(clock.now()))).id == first.id
    assert (await store.books()).quarantined == 1


async def test_a_systems_quarantine_has_a_quota_and_a_platforms_has_none(store: Store, clock: FakeClock) -> None:
    await store.quarantine(quarantining(clock.now(), raw=b"a" * 90))
    with pytest.raises(Refusal, match=r"limit\.quota"):
        await store.quarantine(quarantining(clock.now(), raw=b"b" * 90))
    await store.quarantine(quarantining(clock.now(), raw=b"c" * 90, peer="system-b"))
    for fill in (b"d", b"e"):
        await store.quarantine(quarantining(clock.now(), raw=fill * 90, peer=AXIS))
    assert (await store.books()).balanced


async def test_a_corrected_body_may_reuse_the_key_of_a_quarantined_one(store: Store, clock: FakeClock) -> None:
    await store.quarantine(quarantining(clock.now(), reference="k1"))
    answer = await store.accept(acceptance(clock.now(), reference="k1"))
    assert not answer.duplicate
    arrival = await store.arrival("system-a", "k1")
    assert arrival is not None and arrival[0] == answer.message_id


async def test_accepting_from_quarantine_settles_it_in_the_same_commit(store: Store, clock: FakeClock) -> None:
    item = await store.quarantine(quarantining(clock.now(), peer=AXIS, reference="p1"))
    given = acceptance(clock.now(), raw=b"<broken", peer=AXIS, reference="p1", quarantine_id=item.id, actor="an")
    answer = await store.accept(given)
    settled = await store.quarantined_item(item.id)
    assert settled is not None
    assert (settled.state, settled.message_id, settled.settled_by) == (
        QuarantineState.ACCEPTED,
        answer.message_id,
        "an",
    )
    arrival = await store.arrival(AXIS, "p1")
    assert arrival is not None and arrival[0] == answer.message_id, "the arrival moves to the message"
    assert [entry["actor"] for entry in await entries(store, "quarantine.accepted")] == ["an"]
    books = await store.books()
    assert (books.received, books.accepted, books.quarantined) == (1, 1, 0)
    with pytest.raises(Stale):
        await store.accept(acceptance(clock.now(), quarantine_id=item.id))
    assert (await store.books()).balanced


async def test_a_released_duplicate_leaves_the_books_balanced(store: Store, clock: FakeClock) -> None:
    first = await store.accept(acceptance(clock.now(), raw=b"x", identity="document|1"))
    item = await store.quarantine(quarantining(clock.now()))
    again = await store.accept(acceptance(clock.now(), raw=b"x", identity="document|1", quarantine_id=item.id))
    assert (again.message_id, again.duplicate) == (first.message_id, True)
    books = await store.books()
    assert (books.received, books.accepted, books.quarantined, books.duplicates) == (1, 1, 0, 1)


async def test_rejecting_a_platforms_package_sends_the_acknowledgement(store: Store, clock: FakeClock) -> None:
    item = await store.quarantine(quarantining(clock.now(), peer=AXIS, reference="p1"))
    await store.reject_quarantined(item.id, "an.nguyen", "not ours", acknowledgement(clock.now(), "p1", "fail"))
    settled = await store.quarantined_item(item.id)
    assert settled is not None
    assert (settled.state, settled.settled_by, settled.reason) == (QuarantineState.REJECTED, "an.nguyen", "not ours")
    [claim] = await store.claim(AXIS, 5)
    assert (claim.delivery.instruction["status"], claim.delivery.message_id) == ("fail", "")
    assert (await store.books()).balanced
    with pytest.raises(Stale):
        await store.reject_quarantined(item.id, "an.nguyen", "again")
    assert await store.quarantined() == []
    assert len(await store.quarantined(state=None)) == 1


async def test_entries_name_digests_and_never_content(store: Store, clock: FakeClock) -> None:
    subject = "V/v họp giao ban"
    await store.accept(acceptance(clock.now(), raw=b"secret words", subject=subject))
    await store.quarantine(quarantining(clock.now(), raw=b"other secret words"))
    found = await store.unsealed(100)
    assert [entry.type for entry in found] == ["message.accepted", "message.quarantined"]
    assert not any(b"secret words" in entry.raw or subject.encode() in entry.raw for entry in found)


async def test_messages_are_found_without_accents_newest_first(store: Store, clock: FakeClock) -> None:
    wanted = [
        await store.accept(acceptance(clock.now(), subject="Về việc ĐIỀU ĐỘNG cán bộ", code=code))
        for code in ("12/UBND-VP", "13/UBND-VP")
    ]
    await store.accept(acceptance(clock.now(), subject="Thông báo nghỉ lễ"))

    async def found(**query: object) -> list[str]:
        return [message.id for message in await store.messages(**query)]  # type: ignore[arg-type]

    newest_first = [answer.message_id for answer in reversed(wanted)]
    assert await found(text="điều động") == newest_first
    assert await found(text="DIEU DONG") == newest_first
    assert await found(text="12/ubnd") == newest_first[1:]
    assert await found(text=newest_first[0]) == newest_first[:1]
    assert await found(text="%") == []
    assert await found(text="dieu dong", before=newest_first[0]) == newest_first[1:]
    assert len(await found(limit=2)) == 2


async def test_messages_are_found_by_peer_and_by_party_in_any_case(store: Store, clock: FakeClock) -> None:
    now = clock.now()
    mine = await store.accept(acceptance(now, deliveries=(delivery(now, recipients=("H53.1",)),)))
    await store.accept(acceptance(now, peer="system-b", deliveries=(delivery(now, recipients=("H53.2",)),)))
    assert [message.id for message in await store.messages(peer="system-a")] == [mine.message_id]
    assert [message.id for message in await store.messages(party="h53.1")] == [mine.message_id]
    assert len(await store.messages(party="H53")) == 2, "the sender of both"
    assert await store.messages(peer="system-b", party="H53.1") == []
