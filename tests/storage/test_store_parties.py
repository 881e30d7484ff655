"""Conformance: what concerns one party or one system's parties: own messages, books, mailboxes, quota, order."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from storage_samples import AXIS, MAILBOX, FakeClock, acceptance, concluded, delivered, delivery, quarantining

from gateway.errors import Refusal, Stale
from gateway.model.access import Caller
from gateway.model.delivery import NewDelivery, Rejected, State
from gateway.model.message import Acceptance, Envelope, Kind, Message, Quarantining
from gateway.model.party import Parties
from gateway.ports import Store, Tally

CODES = ("H53.01", "h53.01", "H53.1", "H53.10", "H53.02.05", "H53", "G22", "H5.3", "000.00.12.H53", "Đ1")


def from_to(clock: FakeClock, sender: str, recipients: tuple[str, ...], **more: Any) -> Acceptance:
    """A document from one party to others, each with a mailbox of its own."""
    given = acceptance(clock.now(), **more)
    envelope = replace(given.envelope, sender=sender, recipients=recipients, subject=f"{sender} gửi")
    return replace(given, envelope=envelope, deliveries=tuple(_into(clock, code, envelope) for code in recipients))


def _into(clock: FakeClock, party: str, envelope: Envelope) -> NewDelivery:
    return delivery(clock.now(), MAILBOX, (party,), envelope.conversation, party=party)


async def fill(store: Store, clock: FakeClock, count: int = 120) -> Sequence[Message]:
    """Random traffic between CODES, handed over by two systems; all messages, newest first."""
    dice = Random(7)
    for _ in range(count):
        recipients = tuple(dict.fromkeys(dice.choices(CODES, k=dice.randint(1, 3))))
        peer = dice.choice(("system-a", "system-b"))
        await store.accept(from_to(clock, dice.choice(CODES), recipients, peer=peer))
    return await store.messages(limit=count + 1)


def concerns(message: Message, caller: Caller) -> bool:
    envelope = message.envelope
    return message.peer == caller.system or any(
        code in caller.parties for code in (envelope.sender, *envelope.recipients)
    )


@pytest.mark.parametrize(
    "patterns",
    [("H53.01",), ("h53.1",), ("H53.*",), ("h53.*", "G22"), ("H53*",), ("*",), ("000.00.12.H53", "H5.3"), ("Z9.*",)],
)
@pytest.mark.parametrize("system", ["system-a", "elsewhere"])
async def test_a_systems_own_messages_are_exactly_those_that_concern_it_page_by_page(
    store: Store, clock: FakeClock, patterns: tuple[str, ...], system: str
) -> None:
    everything = await fill(store, clock)
    caller = Caller(system, Parties(patterns))
    wanted = [message.id for message in everything if concerns(message, caller)]
    for limit in (1, 7, 200):
        found: list[str] = []
        while page := await store.messages(own=caller, before=found[-1] if found else "", limit=limit):
            found += [message.id for message in page]
        assert found == wanted


async def test_own_messages_are_searched_and_narrowed_to_a_party(store: Store, clock: FakeClock) -> None:
    everything = await fill(store, clock)
    caller = Caller("elsewhere", Parties(("H53.*",)))
    mine = [message for message in everything if concerns(message, caller)]
    said = [message.id for message in mine if message.envelope.sender == "G22"]
    assert [message.id for message in await store.messages(own=caller, text="g22 GUI", limit=3)] == said[:3]
    both = [message.id for message in mine if "G22" in (message.envelope.sender, *message.envelope.recipients)]
    assert [message.id for message in await store.messages(own=caller, party="G22", limit=200)] == both
    from_a = [message.id for message in mine if message.peer == "system-a"]
    assert [message.id for message in await store.messages(own=caller, peer="system-a", limit=200)] == from_a
    assert await store.messages(own=caller, before="nobody") == []


async def test_a_partys_books_say_how_what_it_sent_and_what_it_got_stands(store: Store, clock: FakeClock) -> None:
    first = await store.accept(from_to(clock, "H53.01", ("H53.02", "H53.03")))
    await store.accept(from_to(clock, "h53.02", ("H53.01",)))
    now = clock.now()
    given = acceptance(now, deliveries=(delivery(now, recipients=("G22",), conversation="c"),), conversation="c")
    await store.accept(given)  # from H53 to the axis
    (claim,) = await store.claim(AXIS, 5)
    await store.conclude(claim, concluded(Rejected("vxp.refused"), now))
    await store.settle(first.deliveries[0], MAILBOX, True, "")

    books = await store.party_books("H53.01")
    assert (books.sent, books.outgoing) == (1, Tally(created=2, delivered=1, open=1))
    assert books.incoming == Tally(created=1, open=1)
    other = await store.party_books("H53.02")
    assert (other.sent, other.outgoing, other.incoming) == (1, Tally(1, open=1), Tally(1, delivered=1))
    assert (await store.party_books("H53")).outgoing == Tally(created=1, rejected=1)
    nobody = await store.party_books("H99")
    assert (nobody.sent, nobody.outgoing, nobody.incoming) == (0, Tally(), Tally())


async def test_mailboxes_are_counted_per_party_and_system_whatever_the_case(store: Store, clock: FakeClock) -> None:
    for party in ("H53.02", "h53.02", "H53.03"):
        await store.accept(from_to(clock, "G22", (party,)))
    now = clock.now()
    await store.accept(acceptance(now, deliveries=(delivery(now),)))
    found = {(row.system, row.party.upper()): row.tally for row in await store.party_mailboxes()}
    assert found == {
        (MAILBOX, "H53.02"): Tally(created=2, open=2),
        (MAILBOX, "H53.03"): Tally(created=1, open=1),
    }


_bytes = itertools.count()


def broken(clock: FakeClock, party: str, size: int, peer: str = "system-a") -> Quarantining:
    """Bytes of *size* that nobody could read, from *party* as the wire said."""
    item = quarantining(clock.now(), raw=f"{next(_bytes):06d}".encode().ljust(size, b"x"), peer=peer)
    hints = {"from": party} if party else None
    return replace(item, submission=replace(item.submission, hints=hints))


async def test_one_communes_garbage_does_not_fill_the_quarantine_of_the_others(store: Store, clock: FakeClock) -> None:
    """The quota of the system is 100 bytes: 25 for one party, 50 for what names none."""
    await store.quarantine(broken(clock, "H53.01", 20))
    for party in ("H53.01", "h53.01"):
        with pytest.raises(Refusal, match=r"limit\.quota.*h?H?53\.01"):
            await store.quarantine(broken(clock, party, 10))
    await store.quarantine(broken(clock, "", 45))
    with pytest.raises(Refusal, match=r"limit\.quota"):
        await store.quarantine(broken(clock, "", 10))
    await store.quarantine(broken(clock, "H53.02", 20))
    with pytest.raises(Refusal, match=r"limit\.quota.*system-a"):
        await store.quarantine(broken(clock, "H53.03", 20))
    await store.quarantine(broken(clock, "H53.01", 60, peer="system-b"))
    books = await store.party_books("H53.01")
    assert (books.quarantined, books.quarantined_bytes) == (2, 80)
    assert (await store.books()).balanced


async def test_settling_gives_a_party_its_room_back(store: Store, clock: FakeClock) -> None:
    item = await store.quarantine(broken(clock, "H53.01", 20))
    await store.reject_quarantined(item.id, "an", "hỏng")
    await store.quarantine(broken(clock, "H53.01", 20))
    assert (await store.party_books("H53.01")).quarantined == 1


async def test_a_waiting_delivery_names_what_it_waits_behind(store: Store, clock: FakeClock) -> None:
    now = clock.now()
    ids = []
    for _ in range(3):
        answer = await store.accept(
            acceptance(now, conversation="c", deliveries=(delivery(now, conversation="c"),), kind=Kind.STATUS)
        )
        ids += answer.deliveries
    for follower in ids[1:]:
        head = await store.before(follower)
        assert head is not None and head.id == ids[0]
    assert await store.before(ids[0]) is None
    (claim,) = await store.claim(AXIS, 5)
    await store.conclude(claim, delivered(now))
    assert await store.before(ids[1]) is None
    head = await store.before(ids[2])
    assert head is not None and (head.id, head.state) == (ids[1], State.QUEUED)


async def test_a_held_delivery_stops_its_conversation_until_it_is_released(store: Store, clock: FakeClock) -> None:
    now = clock.now()
    ids = []
    for _ in range(2):
        given = acceptance(now, conversation="c", deliveries=(delivery(now, conversation="c"),), kind=Kind.STATUS)
        ids += (await store.accept(given)).deliveries
    held = await store.hold(ids[0], "an.nguyen", "chờ ý kiến")
    assert (held.applied, held.state, held.destinations) == (True, State.HELD, ())
    assert not (await store.hold(ids[0], "an.nguyen", "chờ ý kiến")).applied
    assert await store.claim(AXIS, 5) == []
    head = await store.before(ids[1])
    assert head is not None and (head.id, head.detail) == (ids[0], "chờ ý kiến")
    await store.release(ids[0], "an.nguyen", "đồng ý")
    (claim,) = await store.claim(AXIS, 5)
    assert claim.delivery.id == ids[0]
    with pytest.raises(Stale):
        await store.hold(ids[0], "an.nguyen", "quá muộn")
    await store.conclude(claim, delivered(now))
    with pytest.raises(Refusal, match=r"delivery\.ended"):
        await store.hold(ids[0], "an.nguyen", "quá muộn")
    assert (await store.books()).balanced


def sent_to(clock: FakeClock, recipients: tuple[str, ...], raw: bytes = b"") -> Acceptance:
    """One document of one sender, with these recipients named in its bytes."""
    given = from_to(clock, "H53.01", recipients, identity="document|1", conversation="c", digest="d" * 64)
    return replace(given, submission=replace(given.submission, raw=raw or ",".join(recipients).encode()))


async def reached(store: Store) -> list[tuple[str, str]]:
    """(message id, party) of every delivery."""
    return [
        (message.id, row.party)
        for message in reversed(await store.messages())
        for row in await store.deliveries_of(message.id)
    ]


async def test_further_recipients_get_the_package_that_names_them_and_nobody_gets_it_twice(
    store: Store, clock: FakeClock
) -> None:
    first = await store.accept(sent_to(clock, ("A",)))
    second = await store.accept(sent_to(clock, ("A", "B")))
    third = await store.accept(sent_to(clock, ("C", "B")))
    assert [answer.duplicate for answer in (first, second, third)] == [False] * 3
    assert await reached(store) == [(first.message_id, "A"), (second.message_id, "B"), (third.message_id, "C")]
    for recipients, known in ((("A",), first), (("A", "B"), second), (("B",), second), (("C",), third)):
        again = await store.accept(sent_to(clock, recipients))
        assert (again.duplicate, again.message_id, again.deliveries) == (True, known.message_id, known.deliveries)
    scattered = await store.accept(sent_to(clock, ("A", "C")))
    assert scattered.duplicate, "everybody has it, though no one package named both"
    assert len(await reached(store)) == 3
    assert (await store.books()).balanced


async def test_further_recipients_are_found_among_their_partys_own_messages(store: Store, clock: FakeClock) -> None:
    await store.accept(sent_to(clock, ("A",)))
    second = await store.accept(sent_to(clock, ("A", "B")))
    found = await store.messages(own=Caller("elsewhere", Parties(("B",))))
    assert [message.id for message in found] == [second.message_id]


async def test_every_update_of_a_document_is_accepted_and_the_same_one_is_a_duplicate(
    store: Store, clock: FakeClock
) -> None:
    now = clock.now()
    given = [
        acceptance(now, raw=raw, kind=Kind.UPDATE, identity="update|1", conversation="c", on_conflict=on_conflict)
        for raw, on_conflict in ((b"1", "refuse"), (b"2", "refuse"), (b"3", "mark"), (b"2", "refuse"))
    ]
    answers = [await store.accept(each) for each in given]
    assert [answer.duplicate for answer in answers] == [False, False, False, True]
    assert [message.marks for message in await store.messages()] == [()] * 3
    assert await store.incidents() == []
