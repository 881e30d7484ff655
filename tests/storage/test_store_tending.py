"""Conformance: incidents, keys, pauses, recorded entries, sealing (P5)."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta

import pytest
from storage_samples import AXIS, FakeClock, acceptance, delivered

from gateway.audit.entry import InvalidEntry, parse
from gateway.errors import Stale
from gateway.model.access import ApiKey
from gateway.model.delivery import State
from gateway.ports import Store, StoredCheckpoint


def checkpoint(size: int, clock: FakeClock) -> StoredCheckpoint:
    return StoredCheckpoint(size, hashlib.sha256(str(size).encode()).digest(), clock.now())


async def test_a_flood_of_one_cause_is_one_incident_and_one_entry(store: Store, clock: FakeClock) -> None:
    began = clock.now()
    for number in range(5):
        incident = await store.raise_incident("destination.down", AXIS, f"try {number}")
        clock.advance(10)
    assert (incident.count, incident.first, incident.detail) == (5, began, "try 4")
    assert incident.last == began + timedelta(seconds=40)
    assert [entry.type for entry in await store.unsealed(10)] == ["incident.opened"]
    await store.raise_incident("destination.down", "other", "")
    assert len(await store.incidents()) == 2


async def test_a_closed_incident_stays_on_record_and_may_open_anew(store: Store, clock: FakeClock) -> None:
    await store.raise_incident("destination.down", AXIS, "first")
    assert await store.close_incident("destination.down", AXIS, "an.nguyen")
    assert not await store.close_incident("destination.down", AXIS, "an.nguyen")
    assert await store.incidents() == []
    clock.advance(1)
    again = await store.raise_incident("destination.down", AXIS, "second")
    assert again.count == 1
    assert [item.open for item in await store.incidents(open_only=False)] == [True, False]


async def test_keys_are_added_found_and_revoked(store: Store, clock: FakeClock) -> None:
    key = ApiKey("k1", "qlvb", "a" * 64, clock.now(), clock.now() + timedelta(days=365), note="phòng VT")
    await store.add_key(key, "an.nguyen")
    assert await store.key("k1") == key
    assert await store.key("k2") is None
    assert await store.revoke_key("k1", "an.nguyen")
    assert not await store.revoke_key("k1", "an.nguyen")
    [revoked] = await store.keys()
    assert revoked.revoked_at == clock.now()
    assert not any(b"a" * 64 in entry.raw for entry in await store.unsealed(10)), "not even the hash of a secret"


async def test_pollers_are_paused_by_scope_and_are_no_queue(store: Store) -> None:
    await store.pause("poll:axis:edoc", "gateway", "three unreadable")
    await store.pause("poll:axis:edoc", "an.nguyen", "looking")
    assert await store.paused() == {"poll:axis:edoc": "looking"}
    assert await store.queues() == []
    await store.resume("poll:axis:edoc", "an.nguyen", "done")
    await store.resume("poll:axis:edoc", "an.nguyen", "done")
    assert await store.paused() == {}
    assert [entry.type for entry in await store.unsealed(10)] == ["queue.paused", "queue.paused", "queue.resumed"]


async def test_a_pause_without_a_reason_is_still_a_pause(store: Store) -> None:
    await store.pause(AXIS, "an.nguyen", "")
    assert await store.paused() == {AXIS: "an.nguyen"}


async def test_an_entry_outside_the_catalogue_is_not_recorded(store: Store) -> None:
    await store.record("server.started", {"start": "1", "version": "0.1.0"})
    with pytest.raises(InvalidEntry):
        await store.record("server.stopped", {})
    assert [entry.type for entry in await store.unsealed(10)] == ["server.started"]


async def test_every_change_of_state_has_a_canonical_entry(store: Store, clock: FakeClock) -> None:
    answer = await store.accept(acceptance(clock.now()))
    [claim] = await store.claim(AXIS, 1)
    await store.conclude(claim, delivered(clock.now()))
    other = await store.accept(acceptance(clock.now()))
    await store.end(other.deliveries[0], State.CANCELLED, "cancelled", "sent by mistake", "an.nguyen")
    found = [parse(entry.raw) for entry in await store.unsealed(10)]
    assert [(entry.type, entry.at) for entry in found] == [
        (type, clock.now())
        for type in (
            "message.accepted",
            "delivery.attempted",
            "delivery.delivered",
            "message.accepted",
            "delivery.cancelled",
        )
    ]
    assert found[0].fields["message"] == answer.message_id
    assert (found[4].fields["actor"], found[4].fields["reason"]) == ("an.nguyen", "sent by mistake")


async def test_sealing_gives_consecutive_positions_in_commit_order(store: Store, clock: FakeClock) -> None:
    assert await store.last_checkpoint() is None
    for number in range(5):
        await store.record("strangers.refused", {"network": "10.0.0.0/24", "count": number})
    first = await store.unsealed(3)
    await store.seal(first, 0, checkpoint(3, clock))
    await store.seal(await store.unsealed(10), 3, checkpoint(5, clock))
    sealed = await store.sealed(0, 10)
    assert [(entry.position, json.loads(entry.raw)["count"]) for entry in sealed] == [(n, n) for n in range(5)]
    assert [entry.position for entry in await store.sealed(2, 2)] == [2, 3]
    assert await store.unsealed(10) == []
    assert await store.last_checkpoint() == checkpoint(5, clock)
    assert [item.size for item in await store.checkpoints()] == [3, 5]


async def test_a_sealer_that_was_overtaken_changes_nothing(store: Store, clock: FakeClock) -> None:
    for number in range(2):
        await store.record("strangers.refused", {"network": "10.0.0.0/24", "count": number})
    entries = await store.unsealed(10)
    await store.seal(entries[:1], 0, checkpoint(1, clock))
    for start in (0, 2):
        with pytest.raises(Stale):
            await store.seal(entries[1:], start, checkpoint(start + 1, clock))
    with pytest.raises(Stale):
        await store.seal(entries[:1], 1, checkpoint(2, clock))
    with pytest.raises(ValueError, match="checkpoint of size"):
        await store.seal(entries[1:], 1, checkpoint(7, clock))
    assert [entry.position for entry in await store.sealed(0, 10)] == [0]
    assert [item.size for item in await store.checkpoints()] == [1]
