"""All configured keys, of both kinds."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

from gateway.ports.signing import KeyUnavailable, Scheme, SigningKey
from gateway.signing.keys import fault
from gateway.signing.keys.file_keys import FileKeys
from gateway.signing.keys.pin_memory import PinMemory
from gateway.signing.keys.settings import FileKey, Terms, TokenKey, Warn
from gateway.signing.keys.token_keys import TokenKeys
from gateway.signing.trust.describe import fingerprint, subject


@dataclass(frozen=True, slots=True)
class KeyState:
    """A line of `lienthong cert list`. *state* is "ready" or a code of KeyUnavailable; *detail* says more.

    A key can be ready with a detail: what is wrong with the one that should have replaced it.
    """

    id: str
    kind: Literal["file", "token"]
    scheme: Scheme | None
    state: str
    detail: str = ""
    subject: str = ""
    fingerprint: str = ""
    not_before: datetime | None = None
    not_after: datetime | None = None


class Keys:
    """The KeyProvider of the configuration; made anywhere, used on one loop, ended with `close`.

    *warn* is told what went wrong with a key without stopping anything, once for each reason. *pin_memory* is the file
    in which refused PINs are remembered over restarts: without it, every start may cost one try. Raises ValueError for
    an id given twice, or keys of one token with different PINs.
    """

    def __init__(
        self,
        settings: Sequence[FileKey | TokenKey],
        *,
        warn: Warn,
        now: Callable[[], datetime],
        terms: Terms | None = None,
        pin_memory: Path | None = None,
    ) -> None:
        self._settings = {one.id: one for one in settings}
        if len(self._settings) != len(settings):
            raise ValueError("two keys of one id")
        self._warn = warn
        self._now = now
        self._terms = terms or Terms()
        files = [one for one in settings if isinstance(one, FileKey)]
        turn = asyncio.Lock()
        self._files = {one.id: FileKeys(one, terms=self._terms, warn=warn, now=now, turn=turn) for one in files}
        self._tokens = self._by_token([one for one in settings if isinstance(one, TokenKey)], pin_memory)

    async def open(self) -> None:
        """Load the files and start the signing processes, so that the first signature need not wait; raises nothing.

        Call it before sockets listen; a process started later inherits none either.
        """
        for tokens in set(self._tokens.values()):
            tokens.signer.begin()
        for file in self._files.values():
            with contextlib.suppress(KeyUnavailable):
                await file.key()
        for tokens in set(self._tokens.values()):
            await tokens.signer.settled()

    async def key(self, key_id: str) -> SigningKey:
        """As in the port."""
        if key_id in self._files:
            return await self._files[key_id].key()
        if key_id in self._tokens:
            return await self._tokens[key_id].key(key_id)
        raise fault.unknown(key_id)

    def ids(self) -> Sequence[str]:
        """As in the port."""
        return sorted(self._settings)

    async def describe(self) -> tuple[KeyState, ...]:
        """How every key is, by id; what is not loaded yet is loaded for it, within `deadline`."""
        return tuple(await asyncio.gather(*map(self._described, self.ids())))

    async def allow_try(self, key_id: str) -> None:
        """An operator's word: the PIN of that key's token may be tried once more. Raises key.unknown."""
        if key_id not in self._tokens:
            raise fault.unknown(key_id)
        await self._tokens[key_id].signer.allow_try()

    def look_again(self) -> None:
        """Read tokens and PINs now and not at their next turn; for a reload by signal."""
        for tokens in set(self._tokens.values()):
            tokens.signer.look_again()

    async def close(self) -> None:
        """End the signing processes. May be repeated."""
        await asyncio.gather(*(tokens.signer.close() for tokens in set(self._tokens.values())))

    def _by_token(self, settings: Sequence[TokenKey], path: Path | None) -> dict[str, TokenKeys]:
        groups: dict[tuple[Path, str], list[TokenKey]] = {}
        for one in settings:
            groups.setdefault((one.module, one.token), []).append(one)
        memory = PinMemory(path)
        found: dict[str, TokenKeys] = {}
        for group in groups.values():
            if len({one.pin for one in group}) > 1:
                raise ValueError(f"the keys of token {group[0].token} have different PINs")
            made = TokenKeys(group, memory=memory, terms=self._terms, warn=self._warn, now=self._now)
            found |= dict.fromkeys((one.id for one in group), made)
        return found

    async def _described(self, key_id: str) -> KeyState:
        settings = self._settings[key_id]
        reason: KeyUnavailable | None = None
        try:
            await self.key(key_id)
        except KeyUnavailable as refusal:
            reason = refusal
        files = self._files.get(key_id)
        own, behind = files.known() if files else self._tokens[key_id].known(key_id)
        told = reason or behind
        state = KeyState(
            id=key_id,
            kind="file" if files else "token",
            scheme=settings.scheme,
            state=reason.code if reason else "ready",
            detail=told.detail if told else "",
        )
        if own is None:
            return state
        return replace(
            state,
            scheme=own.scheme,
            subject=subject(own.leaf),
            fingerprint=fingerprint(own.leaf),
            not_before=own.leaf.not_valid_before_utc,
            not_after=own.leaf.not_valid_after_utc,
        )
