"""The control socket: commands of local users to the running server (DESIGN §5).

A Unix socket of mode 0600 in the data directory. One JSON object a line, ``{"operation", "arguments", "reason"}``,
answered by one line, ``{"ok": true, "result"}`` or ``{"ok": false, "code", "where", "detail"}``. Who orders is read
from the kernel (SO_PEERCRED, unix(7)); nothing a client writes can change it.
"""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import socket
import stat
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Protocol

import structlog

from gateway.errors import Refusal, Stale, StoreUnavailable
from gateway.server.operations import Order

LINE_LIMIT: Final = 1024 * 1024
"""Bytes of one request."""
MOST_CONNECTIONS: Final = 32
_UCRED = struct.Struct("iII")

log = structlog.get_logger("control")


class Performs(Protocol):
    """`gateway.server.operations.Operations`, as the socket sees it."""

    async def perform(self, order: Order) -> Mapping[str, object]: ...


class ControlSocket:
    """Serves *operations* on *path*. *deadline*: seconds a client may take to ask, and an operation to be answered."""

    def __init__(self, path: Path, operations: Performs, *, deadline: float = 30.0) -> None:
        self._path = path
        self._operations = operations
        self._deadline = deadline
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._orders: set[asyncio.Task[Mapping[str, object]]] = set()

    async def start(self) -> None:
        """Bind and listen. The caller holds the data directory's lock, so a socket found here is a dead server's.
        OSError if something else is in the way.
        """
        if self._path.exists() and stat.S_ISSOCK(self._path.stat().st_mode):
            self._path.unlink()
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listening.bind(os.fspath(self._path))
            self._path.chmod(0o600)  # before listen(): until then nobody can connect
            self._server = await asyncio.start_unix_server(self._serve, sock=listening, limit=LINE_LIMIT)
        except OSError:
            listening.close()
            raise

    async def stop(self) -> None:
        """Stop listening, hang up, and let orders under way finish. Harmless if never started."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, *self._orders, return_exceptions=True)
        self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._connections) >= MOST_CONNECTIONS:
            writer.close()
            return
        self._connections.add(task)
        try:
            await self._converse(reader, writer)
        except (ConnectionError, TimeoutError):
            pass  # the client went away or stalled; an order under way goes on and is on record
        except asyncio.CancelledError:
            pass  # stop() hangs up; a cancelled handler would be reported as an error by asyncio
        finally:
            self._connections.discard(task)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        user = _peer(writer)
        while True:
            try:
                async with asyncio.timeout(self._deadline):
                    line = await reader.readline()
            except ValueError:  # asyncio's word for a line above the limit
                await self._send(
                    writer, _refused(Refusal("limit.body", detail="a request is one line of at most 1 MB"))
                )
                return
            if not line.endswith(b"\n"):
                return
            await self._send(writer, await self._answer(line, user))

    async def _send(self, writer: asyncio.StreamWriter, answer: Mapping[str, object]) -> None:
        writer.write(json.dumps(answer, ensure_ascii=False).encode() + b"\n")
        async with asyncio.timeout(self._deadline):
            await writer.drain()

    async def _answer(self, line: bytes, user: int) -> Mapping[str, object]:
        try:
            order = read_order(line, user)
            return {"ok": True, "result": await self._perform(order)}
        except Refusal as refusal:
            return _refused(refusal)
        except StoreUnavailable as error:
            return _refused(Refusal("store.unavailable", detail=str(error)))
        except Stale as error:
            return _refused(Refusal("state.changed", detail=str(error)))

    async def _perform(self, order: Order) -> Mapping[str, object]:
        """An order once begun is never cut in the middle: after the deadline it goes on without its client."""
        task = asyncio.ensure_future(self._operations.perform(order))
        self._orders.add(task)
        task.add_done_callback(self._orders.discard)
        log.info("order", operation=order.operation, actor=order.actor, reason=order.reason)
        done, _ = await asyncio.wait({task}, timeout=self._deadline)
        if not done:
            raise Refusal("control.slow", where=order.operation)
        return task.result()


def _peer(writer: asyncio.StreamWriter) -> int:
    """The user id at the other end, as the kernel recorded it when it connected."""
    raw = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    _, uid, _ = _UCRED.unpack(raw)
    return int(uid)


def user_name(uid: int) -> str:
    """The account's name, or ``uid:1234`` if it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid:{uid}"


def read_order(line: bytes, uid: int) -> Order:
    """The order in one line of the user *uid*, who must be root or the server's own account whatever the file's mode.
    Refusal 'control.forbidden' or 'control.request'.
    """
    if uid not in {0, os.geteuid()}:
        raise Refusal("control.forbidden", where=user_name(uid))
    try:
        asked: Any = json.loads(line)
    except (ValueError, RecursionError):
        raise Refusal("control.request", detail="not JSON") from None
    if not isinstance(asked, dict) or asked.keys() - {"operation", "arguments", "reason"}:
        raise Refusal("control.request", detail='an object with "operation", "arguments" and "reason" is expected')
    arguments, reason = asked.get("arguments", {}), asked.get("reason", "")
    texts = isinstance(arguments, dict) and all(isinstance(value, str) for value in arguments.values())
    if not texts or not isinstance(reason, str) or not isinstance(asked.get("operation"), str):
        raise Refusal("control.request", detail="the operation, its reason and every argument are strings")
    return Order(asked["operation"], user_name(uid), arguments, reason)


def _refused(refusal: Refusal) -> Mapping[str, object]:
    return {"ok": False, "code": refusal.code, "where": refusal.where, "detail": refusal.detail}


class NoServer(Exception):
    """Nobody listens on the control socket."""


def order_over_socket(
    path: Path, operation: str, arguments: Mapping[str, str], reason: str = "", *, deadline: float = 60.0
) -> dict[str, Any]:
    """Ask the server behind *path* and wait for its answer. NoServer if none runs; Refusal as the server gave it, or
    'control.forbidden' if this account may not open the socket; 'control.slow' if no answer came in time.
    """
    request = {"operation": operation, "arguments": dict(arguments), "reason": reason}
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(deadline)
        try:
            connection.connect(os.fspath(path))
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile("rb") as stream:
                line = stream.readline()
        except (FileNotFoundError, ConnectionRefusedError):
            raise NoServer(os.fspath(path)) from None
        except PermissionError:
            raise Refusal("control.forbidden", where=os.fspath(path)) from None
        except TimeoutError:
            raise Refusal("control.slow", where=operation) from None
        except ConnectionError:
            line = b""
    if not line.endswith(b"\n"):
        raise Refusal("internal", detail="the server hung up without an answer; look at its log")
    answer = json.loads(line)
    if answer["ok"]:
        return dict(answer["result"])
    raise Refusal(answer["code"], answer["where"], answer["detail"])
