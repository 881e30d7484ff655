"""One life of a signing process, seen from the gateway: requests go out by number, answers come back in any order."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
from typing import Final

from gateway.signing.keys.child import spawn
from gateway.signing.keys.frames import HEADER, LARGEST, Kind, failure, frame

PROCESS: Final = "gateway.signing.keys.token_process"
_REAPING: Final = 5.0
"""Seconds a killed process may take to be gone."""


class Denied(Exception):
    """The token said no; codes as in `cryptoki.Refused`, and busy."""

    def __init__(self, code: str, detail: str) -> None:
        self.code = code
        self.detail = detail
        super().__init__(f"{code} {detail}")


class Gone(Exception):
    """The process ended before it answered."""


class Line:
    """The socket to a process and who waits at it. Made by `connect`; to be ended with `close`."""

    def __init__(
        self, process: subprocess.Popen[bytes], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer
        self._number = 0
        self._waiting: dict[int, tuple[float, asyncio.Future[bytes]]] = {}
        self.heard = asyncio.get_running_loop().time()
        """When the last answer came, by the loop's time."""
        self._listening = asyncio.create_task(self._listen())

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    @property
    def under_way(self) -> int:
        """Requests without an answer, also those nobody waits for any more."""
        return len(self._waiting)

    def oldest(self) -> float:
        """Since when the oldest of them waits, by the loop's time; now if there is none."""
        return next((since for since, _ in self._waiting.values()), asyncio.get_running_loop().time())

    async def ask(self, kind: Kind, body: bytes, seconds: float) -> bytes:
        """The answer to one request. Raises Denied, Gone, or TimeoutError after *seconds*."""
        loop = asyncio.get_running_loop()
        if self._listening.done():
            raise Gone
        self._number = (self._number + 1) & 0xFFFFFFFF
        answer: asyncio.Future[bytes] = loop.create_future()
        self._waiting[self._number] = loop.time(), answer
        self._writer.write(frame(self._number, kind, body))
        async with asyncio.timeout(seconds):
            return await answer

    async def ended(self) -> None:
        """Return when the process is gone or talks nonsense."""
        await asyncio.wait((self._listening,))

    def kill(self) -> None:
        """End the process at once, whatever it does; `ended` follows."""
        self._process.kill()

    async def close(self) -> None:
        """Kill the process and wait until nothing of it is left. May be repeated."""
        self._process.kill()
        self._listening.cancel()
        self._writer.close()
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await self._writer.wait_closed()
        await asyncio.wait((self._listening,))
        self._fail_all()
        await asyncio.to_thread(_reap, self._process)

    async def _listen(self) -> None:
        try:
            while True:
                length, number, kind = HEADER.unpack(await self._reader.readexactly(HEADER.size))
                if length > LARGEST:
                    return
                self._answered(number, kind, await self._reader.readexactly(length))
                await asyncio.sleep(0)  # many answers at once are checked one by one, and the loop goes on between them
        except (OSError, EOFError):
            return
        finally:
            self._fail_all()

    def _answered(self, number: int, kind: int, body: bytes) -> None:
        self.heard = asyncio.get_running_loop().time()
        _, answer = self._waiting.pop(number, (0.0, None))
        if answer is None or answer.done():
            return
        if kind == Kind.DONE:
            answer.set_result(body)
        else:
            answer.set_exception(Denied(*failure(body)))

    def _fail_all(self) -> None:
        for _, answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(Gone())
        self._waiting.clear()


async def connect(*secrets: str) -> Line:
    """Start a signing process; *secrets* stay out of its environment. Raises OSError."""
    starting = asyncio.create_task(asyncio.to_thread(spawn, PROCESS, *secrets))
    try:
        process, ours = await asyncio.shield(starting)
    except asyncio.CancelledError:
        process, ours = await starting
        _end(process, ours)
        raise
    try:
        reader, writer = await asyncio.open_connection(sock=ours)
    except BaseException:
        _end(process, ours)
        raise
    return Line(process, reader, writer)


def _end(process: subprocess.Popen[bytes], ours: socket.socket) -> None:
    ours.close()
    process.kill()
    _reap(process)


def _reap(process: subprocess.Popen[bytes]) -> None:
    """Wait for a killed process; one the kernel holds on to (a card's driver that hangs) is left to it."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_REAPING)
