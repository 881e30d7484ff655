"""A gateway that breaks promise P1 or P3 on purpose, to prove that the harness would notice.

python unsafe_gateway.py answers-first -c FILE     "accepted" is answered before the commit
python unsafe_gateway.py unflushed -c FILE         SQLite and the body files are never flushed
python unsafe_gateway.py nameless -c FILE          body files are flushed, the folders that name them are not
python unsafe_gateway.py forgetful -c FILE         a system's message is never recognised as a duplicate
python unsafe_gateway.py reports-later -c FILE     the automatic 01 is not in the commit of the acknowledgement
python unsafe_gateway.py strange -c FILE           what the axis brings back of our own is delivered as if it were new
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import sys
from pathlib import Path
from typing import Any

import gateway.wiring as wiring
from gateway.config import Config, load
from gateway.model.delivery import Concluded, Delivery
from gateway.model.message import Acceptance, Accepted, Message
from gateway.storage import SqliteStore, StoreSettings
from gateway.storage.bodies import BodyFiles
from gateway.storage.sqlite import accepting
from gateway.storage.sqlite.pulling import FollowUp
from gateway.telemetry import set_up_logging

HEAD_START = 3.0
"""Seconds by which the answer precedes the commit: longer than the harness needs to kill."""


def answer_first(store: SqliteStore) -> None:
    """Make *store* answer a province's own system at once and commit later."""
    commit = store.accept
    late: set[asyncio.Task[None]] = set()

    async def later(acceptance: Acceptance) -> None:
        await asyncio.sleep(HEAD_START)
        await commit(acceptance)

    async def accept(acceptance: Acceptance) -> Accepted:
        if acceptance.acknowledgement is not None:
            return await commit(acceptance)
        task = asyncio.create_task(later(acceptance))
        late.add(task)
        task.add_done_callback(late.discard)
        ids = tuple(delivery.id for delivery in acceptance.deliveries)
        return Accepted(acceptance.message_id, acceptance.submission.received_at, False, ids)

    store.accept = accept  # type: ignore[method-assign]


def forget(store: SqliteStore) -> None:
    """Make *store* take every message of a province's own system for a new one."""
    commit = store.accept

    async def accept(acceptance: Acceptance) -> Accepted:
        if acceptance.acknowledgement is not None:
            return await commit(acceptance)
        nameless = dataclasses.replace(acceptance.submission, reference="")
        unknown = dataclasses.replace(acceptance.envelope, identity=acceptance.message_id)
        return await commit(dataclasses.replace(acceptance, submission=nameless, envelope=unknown))

    store.accept = accept  # type: ignore[method-assign]


def report_later(store: SqliteStore) -> None:
    """Make *store* accept what follows from an acknowledgement some time after that was committed."""
    commit = store.settle
    late: set[asyncio.Task[None]] = set()

    async def later(acceptance: Acceptance) -> None:
        await asyncio.sleep(HEAD_START)
        await store.accept(acceptance)

    async def settle(
        delivery_id: str, system: str, done: bool, reason: str, follow_up: FollowUp | None = None
    ) -> Concluded:
        due: list[Acceptance] = []

        def noted(delivery: Delivery, message: Message) -> None:
            if follow_up and (acceptance := follow_up(delivery, message)):
                due.append(acceptance)

        concluded = await commit(delivery_id, system, done, reason, noted)
        late.update(asyncio.create_task(later(acceptance)) for acceptance in due)
        return concluded

    store.settle = settle  # type: ignore[method-assign]


SPOILED = {"answers-first": answer_first, "forgetful": forget, "reports-later": report_later}


def break_promise(how: str) -> None:
    """Change what the composition root opens (the store, or settings that never flush), or how files are made."""
    root: Any = wiring
    open_store, settings_of = root.open_store, root.store_settings

    async def spoiled(*arguments: Any, **options: Any) -> SqliteStore:
        store: SqliteStore = await open_store(*arguments, **options)
        SPOILED[how](store)
        return store

    def unflushed(config: Config) -> StoreSettings:
        settings: StoreSettings = settings_of(config)
        return dataclasses.replace(settings, synchronous="OFF")

    if how in SPOILED:
        root.open_store = spoiled
    elif how == "unflushed":
        root.store_settings = unflushed
    elif how == "nameless":
        BodyFiles._flush_folder = lambda self, folder: None  # type: ignore[method-assign]
    elif how == "strange":
        accepting._served_here = lambda tx, acceptance: None
    else:
        raise SystemExit(f"unknown: {how}")


if __name__ == "__main__":
    set_up_logging(json_lines=True)
    break_promise(sys.argv[1])
    sys.exit(asyncio.run(wiring.serve(load(Path(sys.argv[3]), os.environ))))
