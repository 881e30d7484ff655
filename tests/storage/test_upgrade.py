"""A data directory of an earlier release opens in this one, and nothing of it is lost."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from storage_samples import FakeClock

from gateway.clock import SystemClock
from gateway.errors import GatewayError
from gateway.model.delivery import State
from gateway.proof.verification import verify_store
from gateway.storage import SqliteStore, StoreSettings, migrate, open_readonly, open_store

V01 = Path(__file__).parent.parent / "vectors" / "upgrade" / "v0.1"


@pytest.fixture
def settings(tmp_path: Path) -> StoreSettings:
    shutil.copytree(V01, tmp_path / "state")
    return StoreSettings(tmp_path / "state")


@pytest.fixture
async def upgraded(settings: StoreSettings) -> AsyncIterator[SqliteStore]:
    clock = FakeClock()
    clock.moment = datetime(2026, 11, 23, tzinfo=UTC)  # a day after it was written: nothing has expired yet
    store = await open_store(settings, clock, mailboxes=frozenset({"snv", "stc"}), platforms=frozenset({"vxp"}))
    yield store
    await store.close()


async def test_the_books_of_the_earlier_release_still_balance(upgraded: SqliteStore) -> None:
    books = await upgraded.books()
    assert (books.received, books.accepted, books.quarantined, books.created, books.delivered) == (8, 7, 1, 11, 4)
    assert books.balanced


async def test_its_audit_log_is_intact(upgraded: SqliteStore) -> None:
    assert (await verify_store(upgraded)).intact


async def test_its_messages_keep_their_bytes_and_their_statuses_are_known(upgraded: SqliteStore) -> None:
    messages = await upgraded.messages(limit=100)
    assert len(messages) == 7
    for message in messages:
        assert len(await upgraded.body(message.body.id)) == message.body.size
    for number in (1, 2):
        conversation = f"document|H53.01|H53.01,2026/11/20,{number}/SNV-VP"
        assert sorted(await upgraded.statuses(conversation, "000.00.00.G22")) == [1, 3]


async def test_what_was_on_its_way_goes_on_and_the_mailbox_shows_everything(upgraded: SqliteStore) -> None:
    await upgraded.rescue()
    claims = await upgraded.claim("vxp", 10)
    assert all(claim.delivery.state is State.LEASED for claim in claims)
    assert "document|H53.01|H53.01,2026/11/20,3/SNV-VP" in {claim.delivery.conversation for claim in claims}
    assert len(await upgraded.mailbox("snv", None, 10)) == 4


async def test_reading_waits_for_the_migration_and_migrating_twice_changes_nothing(settings: StoreSettings) -> None:
    with pytest.raises(GatewayError):
        await open_readonly(settings, SystemClock())
    before, after = migrate(settings, FakeClock())
    assert before == 1
    assert after > before
    assert migrate(settings, FakeClock()) == (after, after)
    with sqlite3.connect(settings.database) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
