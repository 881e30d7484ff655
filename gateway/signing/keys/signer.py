"""The signing process of one token over its lives: begun, watched, replaced, and never given a PIN that was refused."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.formats import strictjson
from gateway.ports.signing import KeyUnavailable
from gateway.signing.keys import fault
from gateway.signing.keys.frames import Kind, Request
from gateway.signing.keys.line import Denied, Gone, Line, connect
from gateway.signing.keys.pin_memory import PinMemory, TokenState
from gateway.signing.keys.settings import Opened, Terms, Warn, opened

Objects = dict[str, Any]
"""What is on the token: "keys" and "certificates", as `token_process` lists them."""

_PIN_STATES = {"pin.wrong": "wrong", "pin.expired": "expired"}


@dataclass(frozen=True, slots=True)
class Token:
    """Which token, through which module, in how many sessions."""

    module: Path
    label: str
    sessions: int


class Signer:
    """Signs with the keys of one token. *listed* is told what is on it after each start and every `reread` seconds."""

    def __init__(
        self,
        token: Token,
        pin: Opened,
        listed: Callable[[Objects], Awaitable[None]],
        memory: PinMemory,
        terms: Terms,
        warn: Warn,
    ) -> None:
        self.token = token
        self._pin = pin
        self._listed = listed
        self._memory = memory
        self._terms = terms
        self._warn = warn
        self._line: Line | None = None
        self._name = ""
        self._tried = ""
        self._failures = 0
        self._said = ""
        self._closed = False
        self._fault: KeyUnavailable | None = None
        self._ready = asyncio.Event()
        self._settled = asyncio.Event()
        self._stir = asyncio.Event()
        self._life: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The process that signs now."""
        return self._line.pid if self._line else None

    @property
    def fault(self) -> KeyUnavailable | None:
        """Why there is no process that can sign; None while one can, or is on its way."""
        return None if self._ready.is_set() else self._fault

    def begin(self) -> None:
        """See to it that there is a process. May be repeated."""
        if self._life is None and not self._closed:
            self._life = asyncio.create_task(self._live())

    async def settled(self) -> None:
        """Return when the first process signs, or it is known why not; within `start` and what killing it takes."""
        self.begin()
        await self._settled.wait()

    async def ready(self, seconds: float) -> None:
        """Return when it can sign. Raises KeyUnavailable: key.pin at once, key.offline after *seconds*."""
        self.begin()
        if self._ready.is_set():
            return
        if self._fault is not None and not self._fault.temporary:
            raise self._fault
        try:
            async with asyncio.timeout(seconds):
                await self._ready.wait()
        except TimeoutError:
            raise self._fault or fault.offline(f"token {self.token.label}: not ready yet") from None
        if self._line is None and self._fault is not None:
            raise self._fault

    async def sign(self, mechanism: str, key: str, content: bytes) -> bytes:
        """What the token makes of *content*, within `deadline`. Raises KeyUnavailable.

        If the process ends meanwhile, the next one is asked, once: a signature nobody got was never made.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + self._terms.deadline
        for _ in range(2):
            left = max(until - loop.time(), 0.001)
            await self.ready(left)
            with contextlib.suppress(Gone):
                return await self._signed(mechanism, key, content, max(until - loop.time(), 0.001))
        raise self._ended()

    async def try_out(self, mechanism: str, key: str, content: bytes) -> bytes:
        """`sign` for those who are told what is on the token, before others may sign."""
        try:
            return await self._signed(mechanism, key, content, self._terms.deadline)
        except Gone:
            raise self._ended() from None

    async def _signed(self, mechanism: str, key: str, content: bytes, seconds: float) -> bytes:
        line = self._line
        if line is None:
            raise Gone
        if line.under_way >= self._terms.queue:
            raise fault.busy(f"{line.under_way} signatures are under way")
        wanted = Request(int(seconds * 1000), mechanism, key, content)
        try:
            signature = await line.ask(Kind.SIGN, wanted.packed(), seconds)
        except Gone:
            self._drop(line)
            raise
        except TimeoutError:
            raise self._late(line) from None
        except Denied as denied:
            raise await self._refusal(line, denied) from None
        self._failures = 0
        return signature

    def look_again(self) -> None:
        """Read the token's objects, or try the configured PIN, now and not at the next turn."""
        self._stir.set()

    async def allow_try(self) -> None:
        """An operator's word that the PIN may be tried again."""
        if self._name:
            await asyncio.to_thread(self._memory.forget, self._name)
        self.look_again()

    async def close(self) -> None:
        """End the process. May be repeated."""
        life, self._life, self._closed = self._life, None, True
        self._ready.clear()
        self._fault = KeyUnavailable("key.offline", f"token {self.token.label}: closed", temporary=False)
        self._settled.set()
        if life is not None:
            life.cancel()
            await asyncio.wait((life,))

    def _late(self, line: Line) -> KeyUnavailable:
        """A signature took too long: either the queue did, or the module hangs and the process is replaced."""
        now = asyncio.get_running_loop().time()
        silent = now - line.heard >= self._terms.deadline * 0.9
        if silent or now - line.oldest() >= 2 * self._terms.deadline:
            self._drop(line)
            return fault.offline(f"token {self.token.label}: no answer within {self._terms.deadline:g} s")
        return fault.busy(f"not signed within {self._terms.deadline:g} s")

    async def _refusal(self, line: Line, denied: Denied) -> KeyUnavailable:
        detail = f"token {self.token.label}: {denied.detail}"
        if denied.code == "busy":
            return fault.busy(detail)
        if denied.code == "refused":
            return fault.unusable(detail)
        if denied.code == "stale":
            self.look_again()
        elif denied.code != "failed":
            if denied.code in _PIN_STATES:  # asked for at each signature: the PIN was changed behind our back
                await asyncio.to_thread(self._memory.outcome, self._name, self._tried, _PIN_STATES[denied.code])
            self._drop(line)
        return fault.offline(detail)

    def _drop(self, line: Line) -> None:
        """Give a process up; `_live` sees to the next one."""
        line.kill()
        if line is self._line:
            self._line = None
            self._ready.clear()

    def _ended(self) -> KeyUnavailable:
        return fault.offline(f"token {self.token.label}: the signing process ended")

    async def _live(self) -> None:
        """One process after the other."""
        while True:
            try:
                await self._one_life()
                self._fault = self._ended()
            except KeyUnavailable as reason:
                self._fault = reason
            except (Gone, TimeoutError):
                self._fault = fault.offline(f"token {self.token.label}: the signing process did not start")
            except Denied as denied:
                self._fault = fault.offline(f"token {self.token.label}: {denied.detail}")
            except Exception as error:  # noqa: BLE001 - the rim: there is always a next life, and a reason
                self._fault = fault.offline(f"token {self.token.label}: {type(error).__name__}")
            self._settled.set()
            self._say(self._fault)
            await self._pause()

    async def _one_life(self) -> None:
        pin = await self._opened_pin()
        line = await connect(pin)
        try:
            async with asyncio.timeout(self._terms.start):
                await self._log_in(line, pin)
                await self._list(line)
            self._line = line
            self._fault = None
            self._said = ""
            self._ready.set()
            self._settled.set()
            await self._attend(line)
        finally:
            self._ready.clear()
            self._line = None
            await line.close()

    async def _opened_pin(self) -> str:
        """The configured PIN as it is now. Raises key.offline if it cannot be opened."""
        try:
            return await asyncio.to_thread(opened, self._pin) or ""
        except (OSError, LookupError, ValueError) as error:
            raise fault.offline(f"token {self.token.label}: its PIN cannot be read, {type(error).__name__}") from None

    async def _log_in(self, line: Line, pin: str) -> None:
        asked = {"module": str(self.token.module), "token": self.token.label, "sessions": self.token.sessions}
        told: Any = strictjson.loads(await line.ask(Kind.OPEN, strictjson.dumps(asked), self._terms.start))
        state = TokenState(**told)
        self._name = f"{self.token.label}/{state.serial}"
        self._tried = pin
        if reason := await asyncio.to_thread(self._memory.refusal, self._name, pin, state):
            raise fault.pin(f"token {self.token.label}: {reason}")
        try:
            await asyncio.to_thread(self._memory.trying, self._name, pin)
        except OSError as error:
            detail = f"what PINs were refused cannot be remembered, {error.strerror}: none is tried"
            raise fault.offline(f"token {self.token.label}: {detail}") from None
        try:
            await line.ask(Kind.LOGIN, pin.encode(), self._terms.start)
        except Denied as denied:
            if denied.code in _PIN_STATES:
                await asyncio.to_thread(self._memory.outcome, self._name, pin, _PIN_STATES[denied.code])
            if denied.code.startswith("pin."):
                raise fault.pin(f"token {self.token.label}: the PIN is {denied.code.removeprefix('pin.')}") from None
            raise
        await asyncio.to_thread(self._memory.outcome, self._name, pin, "good")

    async def _list(self, line: Line) -> None:
        found: Any = strictjson.loads(await line.ask(Kind.LIST, b"", self._terms.start))
        self._line = line  # whoever is told may try the keys at once
        await self._listed(found)

    async def _attend(self, line: Line) -> None:
        """Until it ends: read the objects again from time to time."""
        ended = asyncio.create_task(line.ended())
        try:
            while not ended.done():
                stirred = asyncio.create_task(self._stirred())
                await asyncio.wait((ended, stirred), return_when=asyncio.FIRST_COMPLETED)
                stirred.cancel()
                if not ended.done():
                    with contextlib.suppress(Denied):
                        await self._list(line)
        finally:
            ended.cancel()

    async def _stirred(self) -> bool:
        """Wait for `look_again`, at most `reread` seconds; whether it was that."""
        try:
            async with asyncio.timeout(self._terms.reread):
                await self._stir.wait()
        except TimeoutError:
            return False
        self._stir.clear()
        return True

    async def _pin_changed(self) -> bool:
        try:
            return await self._opened_pin() != self._tried
        except KeyUnavailable:
            return False

    async def _allowed(self) -> bool:
        return await asyncio.to_thread(self._memory.allowed, self._name)

    async def _pause(self) -> None:
        """Before the next process: a growing while, or until there is something new about the PIN."""
        assert self._fault is not None  # noqa: S101 - set by whoever calls
        if self._fault.code == "key.pin":
            self._ready.set()  # those who wait are told now
            self._ready.clear()
            while not (await self._stirred() or await self._pin_changed() or await self._allowed()):
                pass
            self._fault = None
            return
        longest = min(self._terms.pause * 2 ** min(self._failures, 16), self._terms.longest_pause)
        self._failures += 1
        await asyncio.sleep(longest)

    def _say(self, reason: KeyUnavailable) -> None:
        """Warn once for each new reason."""
        if str(reason) != self._said:
            self._said = str(reason)
            self._warn(reason.code, reason.detail)
