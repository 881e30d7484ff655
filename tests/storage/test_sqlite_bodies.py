"""SQLite: body files, the order of fsyncs around a crash, the sweep at start, the lock, the schema's version."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import sqlite3
import stat
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from place import Place
from storage_samples import AXIS, FakeClock, acceptance, quarantining

from gateway.errors import Refusal, StoreUnavailable
from gateway.storage import (
    BodyDamaged,
    DataDirectoryLocked,
    SchemaTooNew,
    SchemaTooOld,
    StoreSettings,
    migrate,
    open_readonly,
    open_store,
)
from gateway.storage.bodies import HEADER

LARGE = b"%PDF-1.7 " * 5000


def body_files(place: Place) -> list[Path]:
    return sorted(path for path in place.settings.bodies.rglob("*") if path.is_file())


async def test_a_large_body_is_a_file_by_class_and_day_with_a_header(place: Place) -> None:
    store = await place.open()
    await store.accept(acceptance(place.clock.now(), raw=LARGE))
    [file] = body_files(place)
    assert file.relative_to(place.settings.bodies).parts[:2] == ("message", "2026-11-22")
    assert file.suffix == ".body"
    assert file.read_bytes() == HEADER + LARGE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(place.settings.database.stat().st_mode) == 0o600


async def test_a_small_body_is_a_row(place: Place) -> None:
    store = await place.open()
    await store.accept(acceptance(place.clock.now(), raw=b"x" * 16 * 1024))
    assert body_files(place) == []


async def test_bodies_are_never_shared_between_messages(place: Place) -> None:
    store = await place.open()
    for _ in range(2):
        await store.accept(acceptance(place.clock.now(), raw=LARGE, digest="", identity=""))
    assert len(body_files(place)) == 2


async def test_the_file_exists_before_its_transaction_is_queued(place: Place) -> None:
    seen: list[tuple[str, int]] = []
    store = await place.open(lambda point: seen.append((point, len(body_files(place)))))
    await store.accept(acceptance(place.clock.now(), raw=LARGE))
    assert seen == [("accept.after_spool", 1), ("commit.before", 1), ("commit.after", 1)]


async def test_what_is_refused_or_known_leaves_no_file(place: Place) -> None:
    store = await place.open()
    now = place.clock.now()
    await store.accept(acceptance(now, raw=LARGE, identity="document|1", digest="a" * 64))
    await store.accept(acceptance(now, raw=LARGE + b" ", identity="document|1", digest="a" * 64))
    with pytest.raises(Refusal):
        await store.accept(acceptance(now, raw=LARGE + b"  ", identity="document|1", digest="b" * 64))
    with pytest.raises(Refusal, match=r"limit\.quota"):
        await store.quarantine(quarantining(now, raw=LARGE))
    assert len(body_files(place)) == 1


async def test_a_full_disk_while_spooling_is_unavailable_and_leaves_nothing(place: Place) -> None:
    store = await place.open()
    place.settings.bodies.mkdir()
    place.settings.bodies.joinpath("message").write_text("a file where a folder should be")
    with pytest.raises(StoreUnavailable, match="body file"):
        await store.accept(acceptance(place.clock.now(), raw=LARGE))
    assert (await store.books()).received == 0


async def test_a_caller_who_leaves_while_spooling_leaves_a_row_or_no_file(place: Place) -> None:
    spooled, go_on = threading.Event(), threading.Event()

    def reach(point: str) -> None:
        if point == "commit.before":
            spooled.set()
            go_on.wait(10)

    store = await place.open(reach)
    given = acceptance(place.clock.now(), raw=LARGE)
    leaver = asyncio.ensure_future(store.accept(given))
    await asyncio.to_thread(spooled.wait, 10)
    leaver.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await leaver
    await store.close()
    store = await place.open()
    assert await store.message(given.message_id) is not None
    assert len(body_files(place)) == 1


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda file: file.write_bytes(file.read_bytes()[:-1] + b"?"), "SHA-256"),
        (lambda file: file.write_bytes(b""), "header"),
        (lambda file: file.unlink(), "unreadable"),
    ],
)
async def test_a_damaged_body_is_an_incident_and_never_handed_out(
    place: Place, damage: Callable[[Path], object], reason: str
) -> None:
    store = await place.open()
    answer = await store.accept(acceptance(place.clock.now(), raw=LARGE))
    message = await store.message(answer.message_id)
    assert message is not None
    damage(body_files(place)[0])
    with pytest.raises(BodyDamaged, match=reason):
        await store.body(message.body.id)
    [incident] = await store.incidents()
    assert (incident.code, incident.subject) == ("store.body_damaged", message.body.id)


async def test_a_damaged_row_is_noticed_too(place: Place) -> None:
    store = await place.open()
    answer = await store.accept(acceptance(place.clock.now(), raw=b"small"))
    message = await store.message(answer.message_id)
    assert message is not None
    await store._write(lambda tx: tx.do("UPDATE bodies SET content = ?", HEADER + b"smell"))
    with pytest.raises(BodyDamaged):
        await store.body(message.body.id)
    with pytest.raises(Refusal, match=r"message\.not_found"):
        await store.body("0" * 32)


async def test_orphans_are_swept_at_start_and_bodies_with_rows_are_not(place: Place) -> None:
    store = await place.open()
    await store.accept(acceptance(place.clock.now(), raw=LARGE))
    [kept] = body_files(place)
    await store.close()
    orphans = [kept.with_name(name) for name in ("f" * 32 + ".body", "e" * 32 + ".draft")]
    for orphan in orphans:
        orphan.write_bytes(HEADER + b"never committed")
    await place.open()
    assert body_files(place) == [kept]


def accept_and_die(settings: StoreSettings, point: str) -> None:
    """In a process of its own: kill -9 at *point* of the second accept."""
    armed = False

    def reach(name: str) -> None:
        if armed and name == point:
            os.kill(os.getpid(), signal.SIGKILL)

    async def live() -> None:
        nonlocal armed
        clock = FakeClock()
        store = await open_store(settings, clock, reach)
        await store.accept(acceptance(clock.now(), raw=LARGE, identity="document|first"))
        armed = True
        await store.accept(acceptance(clock.now(), raw=LARGE + b"2", identity="document|second"))

    asyncio.run(live())


@pytest.mark.parametrize(
    ("point", "survives"), [("accept.after_spool", False), ("commit.before", False), ("commit.after", True)]
)
async def test_kill_9_leaves_all_of_a_message_or_nothing(place: Place, point: str, survives: bool) -> None:
    process = multiprocessing.get_context("spawn").Process(target=accept_and_die, args=(place.settings, point))
    process.start()
    await asyncio.to_thread(process.join)
    assert process.exitcode == -signal.SIGKILL
    process.close()
    assert len(body_files(place)) == 2, "the file was written before the commit"
    store = await place.open()
    messages = await store.messages()
    assert len(messages) == len(body_files(place)) == (2 if survives else 1)
    for message in messages:
        assert (await store.body(message.body.id)).startswith(LARGE)
        assert await store.deliveries_of(message.id) != []
    books = await store.books()
    assert books.balanced and books.accepted == len(messages)


async def test_two_servers_never_share_a_data_directory(place: Place) -> None:
    store = await place.open()
    with pytest.raises(DataDirectoryLocked) as locked:
        await open_store(place.settings, place.clock)
    assert locked.value.pid == os.getpid()
    await store.close()
    await place.open()


async def test_reading_beside_a_running_server_needs_no_lock_and_changes_nothing(place: Place) -> None:
    store = await place.open()
    answer = await store.accept(acceptance(place.clock.now(), raw=LARGE))
    beside = await open_readonly(place.settings, place.clock)
    message = await beside.message(answer.message_id)
    assert message is not None and await beside.body(message.body.id) == LARGE
    with pytest.raises(StoreUnavailable, match="read-only"):
        await beside.accept(acceptance(place.clock.now()))
    with pytest.raises(StoreUnavailable, match="read-only"):
        await beside.accept(acceptance(place.clock.now(), raw=LARGE))
    await beside.close()
    assert len(body_files(place)) == 1


async def test_reading_works_when_no_server_runs(place: Place) -> None:
    await (await place.open()).close()
    beside = await open_readonly(place.settings, place.clock)
    assert (await beside.books()).balanced
    await beside.close()


async def test_a_database_of_a_newer_release_is_refused(place: Place) -> None:
    await (await place.open()).close()
    db = sqlite3.connect(place.settings.database)
    with db:
        db.execute("INSERT INTO schema_version (version, name, at) VALUES (9999, '9999_future.sql', 0)")
    db.close()
    with pytest.raises(SchemaTooNew):
        await open_store(place.settings, place.clock)
    with pytest.raises(SchemaTooNew):
        await open_readonly(place.settings, place.clock)
    with pytest.raises(SchemaTooNew):
        migrate(place.settings, place.clock)


async def test_an_empty_database_is_migrated_once(place: Place) -> None:
    place.settings.data_dir.mkdir()
    sqlite3.connect(place.settings.database).close()
    place.settings.database.touch()
    with pytest.raises(SchemaTooOld):
        await open_readonly(place.settings, place.clock)
    before, after = migrate(place.settings, place.clock)
    assert before == 0 < after
    assert migrate(place.settings, place.clock) == (after, after)
    await place.open()


async def test_free_space_is_told(place: Place) -> None:
    store = await place.open()
    assert store.free_bytes() > 0


async def test_the_negative_control_really_leaves_out_the_flush(place: Place) -> None:
    store = await place.open(synchronous="OFF")
    assert await store._own.writer.submit(lambda db: db.execute("PRAGMA synchronous").fetchone()[0]) == 0  # type: ignore[union-attr]
    assert StoreSettings(place.settings.data_dir).synchronous == "FULL"
    assert replace(place.settings).synchronous == "FULL"
    await store.accept(acceptance(place.clock.now(), raw=LARGE))
    assert await store.destinations() == [AXIS]
