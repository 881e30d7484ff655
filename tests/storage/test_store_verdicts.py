"""What was said of signatures is kept with the message, in its commit and in its entry."""

from __future__ import annotations

import json
from datetime import timedelta

from storage_samples import START, acceptance, delivery

from gateway.model.verdict import Applied, Judged, Judgement, Scope, SignedPart, Verdict
from gateway.ports import Store

VALID = Verdict(
    Judgement.VALID,
    "ok",
    signer="CN=Sở Nội vụ",
    signed_at=START - timedelta(hours=1),
    time_proven=True,
    scope=Scope.FULL,
    signed=(SignedPart("0-10,20-30", "a" * 64), SignedPart("payload", "b" * 64)),
    certificate="c" * 64,
    signatures=2,
)
CHANGED = Verdict(Judgement.INVALID, "signature.changed_later", "x", later_changes=("page 2 was added", "a form field"))
JUDGED = (
    Judged(0, "công văn.pdf", "1" * 64, "pdf", VALID, START),
    Judged(1, "phụ lục.pdf", "2" * 64, "pdf", CHANGED, START),
)


async def test_verdicts_come_back_as_they_were_given(store: Store) -> None:
    accepted = await store.accept(acceptance(START, verdicts=JUDGED, marks=("signature_invalid",)))
    assert tuple(await store.verdicts(accepted.message_id)) == JUDGED
    message = await store.message(accepted.message_id)
    assert message is not None
    assert message.marks == ("signature_invalid",)
    assert await store.verdicts("0" * 32) == []


async def test_the_entry_of_an_accepted_message_names_each_file_verdict_reason_and_certificate(store: Store) -> None:
    await store.accept(acceptance(START, verdicts=JUDGED))
    entries = [json.loads(entry.raw) for entry in await store.unsealed(100) if entry.type == "message.accepted"]
    assert [entry["signatures"] for entry in entries] == [
        [f"{'1' * 64} valid ok {'c' * 64}", f"{'2' * 64} invalid signature.changed_later"]
    ]


async def test_a_duplicate_keeps_the_first_verdicts(store: Store) -> None:
    first = acceptance(START, identity="document|1", digest="d" * 64, verdicts=JUDGED)
    again = acceptance(START, identity="document|1", digest="d" * 64, verdicts=JUDGED[:1])
    accepted, repeated = await store.accept(first), await store.accept(again)
    assert (repeated.duplicate, repeated.message_id) == (True, accepted.message_id)
    assert tuple(await store.verdicts(accepted.message_id)) == JUDGED


async def test_content_is_known_by_sender_identity_and_digest_once_it_was_accepted(store: Store) -> None:
    one = acceptance(START, identity="document|1", digest="d" * 64)
    envelope = one.envelope
    asked = (one.submission.peer, envelope.sender, envelope.identity)
    assert not await store.known(*asked, "d" * 64)
    await store.accept(one)
    assert await store.known(*asked, "d" * 64)
    assert not await store.known(*asked, "e" * 64)
    assert not await store.known("another", *asked[1:], "d" * 64)


async def test_a_signature_we_applied_has_an_entry_in_the_commit_that_keeps_the_bytes(store: Store) -> None:
    await store.accept(acceptance(START, deliveries=(delivery(START),)))
    (claim,) = await store.claim("axis", 1)
    await store.keep_wire(claim, b"signed", (Applied("a.pdf", "van-thu", "c" * 64, "1" * 64, "2" * 64),))
    entries = [json.loads(entry.raw) for entry in await store.unsealed(100) if entry.type == "signature.applied"]
    assert [entry["signing_key"] for entry in entries] == ["van-thu"]
    assert entries[0]["signed_sha256"] == "2" * 64
