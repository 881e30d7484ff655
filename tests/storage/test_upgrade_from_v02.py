"""A data directory of release 0.2 opens in this one: verdicts can be kept from now on, and nothing of it is lost."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from storage_samples import START, FakeClock, acceptance

from gateway.model.verdict import Judged, Judgement, Verdict
from gateway.proof.verification import verify_store
from gateway.storage import SqliteStore, StoreSettings, migrate, open_store

V02 = Path(__file__).parent.parent / "vectors" / "upgrade" / "v0.2"


@pytest.fixture
def settings(tmp_path: Path) -> StoreSettings:
    shutil.copytree(V02, tmp_path / "state")
    return StoreSettings(tmp_path / "state")


@pytest.fixture
async def upgraded(settings: StoreSettings) -> AsyncIterator[SqliteStore]:
    clock = FakeClock()
    clock.moment = datetime(2026, 11, 29, tzinfo=UTC)  # a day after it was written: nothing has expired yet
    store = await open_store(settings, clock, mailboxes=frozenset({"snv", "stc"}), platforms=frozenset({"vxp"}))
    yield store
    await store.close()


async def test_the_books_balance_and_the_log_is_intact(upgraded: SqliteStore) -> None:
    books = await upgraded.books()
    assert (books.received, books.accepted, books.quarantined, books.created, books.delivered) == (9, 8, 1, 12, 6)
    assert books.balanced
    assert (await verify_store(upgraded)).intact


async def test_its_messages_keep_their_bytes_and_have_no_verdicts(upgraded: SqliteStore) -> None:
    messages = await upgraded.messages(limit=100)
    assert len(messages) == 8
    for message in messages:
        assert len(await upgraded.body(message.body.id)) == message.body.size
        assert await upgraded.verdicts(message.id) == []


async def test_what_was_accepted_is_known_and_what_waits_goes_on(upgraded: SqliteStore) -> None:
    (waiting,) = [one for one in await upgraded.messages(limit=100) if one.envelope.business_id.endswith(",4/SNV-VP")]
    envelope = waiting.envelope
    assert await upgraded.known("snv", envelope.sender, envelope.identity, waiting.digest)
    assert {row.state for row in await upgraded.deliveries_of(waiting.id)} <= {"deferred", "leased", "queued"}


async def test_new_messages_keep_their_verdicts(upgraded: SqliteStore) -> None:
    said = Judged(0, "a.pdf", "1" * 64, "pdf", Verdict(Judgement.VALID, "ok"), datetime(2026, 11, 28, tzinfo=UTC))
    accepted = await upgraded.accept(acceptance(START, peer="snv", verdicts=(said,)))
    assert await upgraded.verdicts(accepted.message_id) == [said]


def test_the_migration_starts_at_the_schema_of_that_release(settings: StoreSettings) -> None:
    assert migrate(settings, FakeClock())[0] == 4
