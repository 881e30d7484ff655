"""A body file that is gone: what needs it is put off, never given up and never sent; everything else goes on (P2)."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import pytest
from desks import OFFICE_SECRET, OFFICE_SYSTEM, PARTY, Paper, RestDesk
from evidence import AXIS
from harness import Place, issued_keys, place, secrets
from lives import GatewayLife

from gateway.clock import SystemClock
from gateway.model.delivery import Delivery, State
from gateway.storage import SqliteStore, open_readonly, open_store
from sandbox.app import Running, start
from sandbox.caller import AxisFailure, Caller
from sandbox.settings import MINISTRY_SYSTEM, SandboxSettings

T = TypeVar("T")

RECIPIENTS = (PARTY["stc"], MINISTRY_SYSTEM, PARTY["snn"])
PATH_OF_MESSAGE = "SELECT b.path FROM messages m JOIN bodies b ON b.id = m.body_id WHERE m.id = ?"
PATH_OF_WIRE = "SELECT b.path FROM deliveries d JOIN bodies b ON b.id = d.wire_id WHERE d.id = ?"


@dataclass(frozen=True, slots=True)
class Ground:
    """A data directory, the axis, and the keys of the REST systems."""

    place: Place
    sandbox: Running
    keys: dict[str, str]

    @asynccontextmanager
    async def alive(self) -> AsyncIterator[SqliteStore]:
        """One life of the gateway, ended in order; its store to look into."""
        here = self.place
        life = GatewayLife(here.config, here.console_url, here.log, secrets(self.sandbox))
        await life.start()
        try:
            assert await life.ready(), life.tail()
            store = await open_readonly(here.settings, SystemClock())
            try:
                yield store
            finally:
                await store.close()
            await life.stop()
        finally:
            await life.put_down()

    async def send(self, number: int) -> str:
        """A document of snv with an attachment large enough for a file; its message id."""
        async with RestDesk("snv", self.place.base_url, self.keys["snv"]) as desk:
            message_id = await desk.send(Paper(PARTY["snv"], RECIPIENTS, number, 60_000, 0, date.today()))
        assert message_id, desk.refused
        return message_id

    async def pull(self, delivery: Delivery) -> tuple[int, Any]:
        """What stc is answered when it fetches *delivery*."""
        url = f"{self.place.base_url}/api/v1/mailbox/{delivery.id}"
        headers = {"Authorization": f"Bearer {self.keys['stc']}"}
        async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as response:
            return response.status, await response.json(content_type=None)

    async def outage(self, on: bool) -> None:
        """Take the axis away or bring it back."""
        url = f"{self.sandbox.control_url}/outage"
        async with aiohttp.ClientSession() as session, session.post(url, json={"on": on, "mode": "503"}) as response:
            assert response.status == 200

    async def set_paused(self, paused: bool) -> None:
        """Pause or resume sending to the axis, while the gateway is down."""
        store = await open_store(self.place.settings, SystemClock(), mailboxes=frozenset(PARTY))
        try:
            await (store.pause if paused else store.resume)(AXIS, "test", "maintenance")
        finally:
            await store.close()

    def at_axis(self) -> int:
        """Packages that the axis has."""
        return self.sandbox.axis.operations.store.count()

    def lose(self, query: str, key: str) -> None:
        """Delete the body file that *query* names."""
        with closing(sqlite3.connect(self.place.settings.database)) as db:
            path = db.execute(query, (key,)).fetchone()[0]
        (self.place.settings.bodies / path).unlink()


@pytest.fixture
async def ground(tmp_path: Path) -> AsyncIterator[Ground]:
    sandbox = await start(SandboxSettings(ministries_poll=False))
    try:
        here = place(tmp_path, sandbox)
        yield Ground(here, sandbox, await issued_keys(here.settings))
    finally:
        await sandbox.stop()


async def test_a_document_whose_bytes_are_gone_is_put_off_and_the_others_go_on(ground: Ground) -> None:
    await ground.set_paused(True)
    async with ground.alive():
        damaged, sound = await ground.send(1), await ground.send(2)
    ground.lose(PATH_OF_MESSAGE, damaged)
    await ground.set_paused(False)
    async with ground.alive() as store:
        await until(lambda: in_state(store, sound, AXIS, State.DELIVERED))
        put_off = await until(lambda: in_state(store, damaged, AXIS, State.DEFERRED))
        status, answer = await ground.pull(await delivery_to(store, damaged, "stc"))
        assert (status, answer["code"]) == (500, "body.damaged")
        assert (await ground.pull(await delivery_to(store, sound, "stc")))[0] == 200
        await refused_in_vxp(ground, await delivery_to(store, damaged, "snn"))
        assert await is_reported(store, damaged)
    assert put_off.code == "body.damaged"
    assert ground.at_axis() == 1, "only the sound one"


async def test_bytes_to_send_that_are_gone_are_neither_sent_nor_made_anew(ground: Ground) -> None:
    await ground.outage(True)
    async with ground.alive() as store:
        damaged, sound = await ground.send(1), await ground.send(2)
        tried = await until(lambda: in_state(store, damaged, AXIS, State.DEFERRED))
    ground.lose(PATH_OF_WIRE, tried.id)
    await ground.outage(False)
    async with ground.alive() as store:
        await until(lambda: in_state(store, sound, AXIS, State.DELIVERED))
        await until(lambda: put_off_for(store, damaged, "body.damaged"))
        assert (await ground.pull(await delivery_to(store, damaged, "stc")))[0] == 200, "the document itself is there"
        assert [one.code for one in await store.incidents() if one.code == "store.body_damaged"]
    assert ground.at_axis() == 1, "only the sound one"


async def delivery_to(store: SqliteStore, message_id: str, destination: str) -> Delivery:
    """The one delivery of a message to *destination*."""
    rows: Sequence[Delivery] = await store.deliveries_of(message_id)
    (found,) = [one for one in rows if one.destination == destination]
    return found


async def in_state(store: SqliteStore, message_id: str, destination: str, state: State) -> Delivery | None:
    found = await delivery_to(store, message_id, destination)
    return found if found.state is state else None


async def put_off_for(store: SqliteStore, message_id: str, code: str) -> bool:
    found = await in_state(store, message_id, AXIS, State.DEFERRED)
    return found is not None and found.code == code


async def is_reported(store: SqliteStore, message_id: str) -> bool:
    """Whether the open incident names the body of *message_id*."""
    message = await store.message(message_id)
    assert message
    return ("store.body_damaged", message.body.id) in [(one.code, one.subject) for one in await store.incidents()]


async def refused_in_vxp(ground: Ground, delivery: Delivery) -> None:
    """The VXP system hears an HTTP error, which its client tries again, and no file."""
    async with Caller(f"{ground.place.base_url}/vxp", OFFICE_SYSTEM, OFFICE_SECRET) as office:
        with pytest.raises(AxisFailure, match="HTTP 500"):
            await office.fetch(delivery.id)


async def until(condition: Callable[[], Awaitable[T | None]], seconds: float = 20.0) -> T:
    """The first true value of *condition*."""
    async with asyncio.timeout(seconds):
        while not (value := await condition()):
            await asyncio.sleep(0.05)
        return value
