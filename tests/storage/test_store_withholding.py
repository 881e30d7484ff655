"""What the store keeps of a state secret: an entry, an incident, a platform's reference; never a body."""

from __future__ import annotations

import dataclasses
import json

from gateway.ports import Store, Withholding

ITEM = Withholding("axis", "doc-1", "ab" * 32, 4096, "G22", "text:Subject", "rules-1")


async def test_a_withheld_package_leaves_an_entry_an_incident_and_its_reference_and_does_not_count_as_received(
    store: Store,
) -> None:
    await store.withhold(ITEM)
    (entry,) = [json.loads(entry.raw) for entry in await store.unsealed(10) if entry.type == "message.withheld"]
    said = {name: entry[name] for name in ("peer", "reference", "body_sha256", "size", "sender", "rule")}
    assert said == {
        "peer": "axis",
        "reference": "doc-1",
        "body_sha256": "ab" * 32,
        "size": 4096,
        "sender": "G22",
        "rule": "text:Subject",
    }
    (incident,) = await store.incidents()
    assert (incident.code, incident.subject, incident.count) == ("message.secret", "axis doc-1", 1)
    assert await store.withheld("axis", "doc-1") == "rules-1"
    assert await store.withheld("axis", "doc-2") is await store.withheld("other", "doc-1") is None
    books = await store.books()
    assert (books.received, books.balanced) == (0, True)
    assert await store.quarantined(state=None) == []


async def test_the_same_bytes_again_only_count_the_incident_up(store: Store) -> None:
    ours = dataclasses.replace(ITEM, peer="qlvb", reference="")
    for _ in range(3):
        await store.withhold(ours)
    assert len([entry for entry in await store.unsealed(10) if entry.type == "message.withheld"]) == 1
    (incident,) = await store.incidents()
    assert (incident.subject, incident.count) == ("qlvb", 3)


async def test_the_rules_in_force_last_are_remembered(store: Store) -> None:
    await store.withhold(ITEM)
    await store.withhold(dataclasses.replace(ITEM, rules="rules-2"))
    assert await store.withheld("axis", "doc-1") == "rules-2"
