"""The control socket: who orders is what the kernel says; nothing a client sends can stop the server."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import Refusal, Stale, StoreUnavailable
from gateway.server.control import (
    LINE_LIMIT,
    ControlSocket,
    NoServer,
    order_over_socket,
    read_order,
    user_name,
)
from gateway.server.operations import Order


class Echo:
    """Answers with what it was asked; some operations go wrong in the ways the store can."""

    def __init__(self) -> None:
        self.may_end = asyncio.Event()
        self.ended: list[str] = []

    async def perform(self, order: Order) -> Mapping[str, object]:
        if order.operation == "refuse":
            raise Refusal("peer.unknown", "x", "nobody")
        if order.operation == "stale":
            raise Stale("changed")
        if order.operation == "down":
            raise StoreUnavailable("disk")
        if order.operation == "wait":
            await self.may_end.wait()
            self.ended.append(order.operation)
        if order.operation == "break":
            raise AssertionError("a defect")
        return {"actor": order.actor, "arguments": dict(order.arguments), "reason": order.reason}


@pytest.fixture
async def echo(tmp_path: Path) -> AsyncIterator[Echo]:
    operations = Echo()
    control = ControlSocket(tmp_path / "control.sock", operations, deadline=5)
    await control.start()
    yield operations
    operations.may_end.set()
    await control.stop()


async def ask(path: Path, operation: str, **arguments: str) -> dict[str, Any]:
    return await asyncio.to_thread(order_over_socket, path / "control.sock", operation, arguments, "vì sao")


async def raw(path: Path, *lines: bytes) -> list[Any]:
    """What the server answers to *lines* on one connection, until it hangs up or all are answered."""
    reader, writer = await asyncio.open_unix_connection(path / "control.sock", limit=2 * LINE_LIMIT)
    answers = []
    for line in lines:
        writer.write(line)
        answer = await reader.readline()
        answers.append(json.loads(answer) if answer else None)
    writer.close()
    return answers


async def test_the_actor_is_the_operating_system_user(echo: Echo, tmp_path: Path) -> None:
    answer = await ask(tmp_path, "echo", id="1", actor="bộ trưởng")
    assert answer == {
        "actor": user_name(os.getuid()),
        "arguments": {"id": "1", "actor": "bộ trưởng"},
        "reason": "vì sao",
    }


async def test_a_claimed_actor_is_refused(echo: Echo, tmp_path: Path) -> None:
    (answer,) = await raw(tmp_path, b'{"operation": "echo", "actor": "minister"}\n')
    assert (answer["ok"], answer["code"]) == (False, "control.request")


def test_another_account_is_refused_whatever_the_mode_of_the_file() -> None:
    with pytest.raises(Refusal) as refused:
        read_order(b'{"operation": "echo"}\n', 65534 if os.geteuid() != 65534 else 65533)
    assert refused.value.code == "control.forbidden"


def test_an_account_without_a_name_is_named_by_its_number() -> None:
    assert user_name(4_000_000_001) == "uid:4000000001"


async def test_only_the_owner_may_open_the_socket(echo: Echo, tmp_path: Path) -> None:
    mode = (tmp_path / "control.sock").stat().st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600


@pytest.mark.parametrize(
    ("operation", "code"), [("refuse", "peer.unknown"), ("stale", "state.changed"), ("down", "store.unavailable")]
)
async def test_a_refused_order_is_refused_to_the_client(echo: Echo, tmp_path: Path, operation: str, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        await ask(tmp_path, operation)
    assert refused.value.code == code


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"not json\n",
        b"[]\n",
        b"{}\n",
        b'{"operation": 5}\n',
        b'{"operation": "echo", "arguments": {"id": 1}}\n',
        b'{"operation": "echo", "arguments": []}\n',
        b'{"operation": "echo", "reason": null}\n',
        b"\xff\xfe\n",
        b"[" * 100_000 + b"\n",
    ],
)
async def test_nonsense_is_answered_and_the_next_line_is_heard(echo: Echo, tmp_path: Path, line: bytes) -> None:
    nonsense, sense = await raw(tmp_path, line, b'{"operation": "echo"}\n')
    assert (nonsense["ok"], nonsense["code"]) == (False, "control.request")
    assert sense["ok"] is True


async def test_a_line_above_the_limit_is_refused_and_the_connection_ends(echo: Echo, tmp_path: Path) -> None:
    (answer,) = await raw(tmp_path, b"x" * (LINE_LIMIT + 2) + b"\n")
    assert answer["code"] == "limit.body"
    assert (await ask(tmp_path, "echo"))["reason"] == "vì sao"


async def test_a_client_that_leaves_in_the_middle_of_a_line_harms_nobody(echo: Echo, tmp_path: Path) -> None:
    _, writer = await asyncio.open_unix_connection(tmp_path / "control.sock")
    writer.write(b'{"operation": "ec')
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert (await ask(tmp_path, "echo"))["arguments"] == {}


async def test_an_order_that_takes_too_long_goes_on_without_its_client(tmp_path: Path) -> None:
    echo = Echo()
    control = ControlSocket(tmp_path / "control.sock", echo, deadline=0.05)
    await control.start()
    with pytest.raises(Refusal) as refused:
        await ask(tmp_path, "wait")
    assert refused.value.code == "control.slow"
    echo.may_end.set()
    await control.stop()
    assert echo.ended == ["wait"]


async def test_a_defect_ends_one_connection_and_no_more(echo: Echo, tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    heard: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: heard.append(context))
    with pytest.raises(Refusal) as refused:
        await ask(tmp_path, "break")
    assert refused.value.code == "internal"
    assert (await ask(tmp_path, "echo"))["reason"] == "vì sao"
    assert [type(context["exception"]) for context in heard] == [AssertionError]


async def test_a_dead_server_s_socket_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "control.sock"))
    with pytest.raises(NoServer):
        order_over_socket(tmp_path / "control.sock", "echo", {})
    control = ControlSocket(tmp_path / "control.sock", Echo())
    await control.start()
    assert (await ask(tmp_path, "echo"))["reason"] == "vì sao"
    await control.stop()
    assert not (tmp_path / "control.sock").exists()


async def test_a_file_in_the_way_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "control.sock").write_text("precious")
    with pytest.raises(OSError, match="in use"):
        await ControlSocket(tmp_path / "control.sock", Echo()).start()
    assert (tmp_path / "control.sock").read_text() == "precious"


async def test_stopping_what_never_started_is_harmless(tmp_path: Path) -> None:
    await ControlSocket(tmp_path / "control.sock", Echo()).stop()


async def test_stopping_hangs_up_on_idle_clients(tmp_path: Path) -> None:
    control = ControlSocket(tmp_path / "control.sock", Echo())
    await control.start()
    reader, writer = await asyncio.open_unix_connection(tmp_path / "control.sock")
    writer.write(b'{"operation": "echo"}\n')
    assert json.loads(await reader.readline())["ok"] is True
    await control.stop()
    assert await reader.read() == b""
    writer.close()


def test_without_a_server_there_is_nobody_to_ask(tmp_path: Path) -> None:
    with pytest.raises(NoServer):
        order_over_socket(tmp_path / "control.sock", "echo", {})
