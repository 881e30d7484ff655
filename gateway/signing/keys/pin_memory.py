"""Which PINs a token has refused, so that no PIN costs it more than one try, however often we start."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import os
import secrets
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gateway.errors import Refusal
from gateway.formats import strictjson
from gateway.signing.keys.reading import Mark, mark

KEPT: Final = 8
"""PINs remembered for each token; beyond that an older one goes."""
_UNANSWERED: Final = 2
"""Tries whose outcome is not known (the module hung or died in them) before a PIN is left alone."""


@dataclass(frozen=True, slots=True)
class TokenState:
    """What a token says of itself before login; not every token sets the flags."""

    serial: str
    initialized: bool = True
    count_low: bool = False
    final_try: bool = False
    locked: bool = False


class PinMemory:
    """Remembers on *path* (mode 0600), or without one until the end of the process.

    PINs are kept as scrypt hashes under a salt for each token: that a refused PIN can be guessed from them costs its
    owner little, for it is not the token's. Methods take some 50 ms and belong off the loop; threads take turns.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._turn = threading.Lock()
        self._lasting = path is not None
        self._mark: Mark = None
        self._tokens: dict[str, Any] = {}
        self._refresh()

    def refusal(self, token: str, pin: str, state: TokenState) -> str:
        """Why *pin* must not be tried on *token* now; "" if it may be. An operator's `forget` allows one more try."""
        if state.locked:
            return "the token's PIN is locked"
        if not state.initialized:
            return "the token has no PIN yet"
        with self._turn:
            self._refresh()
            entry = self._tokens.get(token)
            if entry and entry.get("allowed"):
                return ""
            known = entry["pins"].get(_hashed(entry["salt"], pin), {}) if entry else {}
        if known.get("state") in ("wrong", "expired"):
            return f"the PIN is {known['state']}; it is not tried again until it is changed or reset"
        if state.final_try:
            return "one wrong PIN more would lock the token; an operator has to allow the try"
        if known.get("state") == "unanswered" and known["tries"] >= _UNANSWERED:
            return "the token gave no answer to this PIN; an operator has to allow the next try"
        if state.count_low and not entry and not self._lasting:
            return "a wrong PIN was tried before, perhaps this one; an operator has to allow the try"
        return ""

    def trying(self, token: str, pin: str) -> None:
        """Note a try before it is made: what happens in it may end us. Raises OSError; then it must not be made."""
        with self._turn:
            self._refresh()
            tokens = copy.deepcopy(self._tokens)
            entry = _entry(tokens, token)
            entry.pop("allowed", None)
            hashed = _hashed(entry["salt"], pin)
            known = entry["pins"].pop(hashed, {"state": "unanswered", "tries": 0})
            if known["state"] != "good":
                known = {"state": "unanswered", "tries": known["tries"] + 1}
            entry["pins"][hashed] = known
            while len(entry["pins"]) > KEPT:
                del entry["pins"][next(iter(entry["pins"]))]
            self._write(tokens)
            self._tokens = tokens

    def outcome(self, token: str, pin: str, state: str) -> None:
        """Note what came of it: "good", "wrong" or "expired". If it cannot be written, it is known until we end."""
        with self._turn:
            self._refresh()
            entry = _entry(self._tokens, token)
            entry["pins"][_hashed(entry["salt"], pin)] = {"state": state, "tries": 0}
            with contextlib.suppress(OSError):
                self._write(self._tokens)

    def forget(self, token: str) -> None:
        """An operator's word: the next try is allowed, whatever was before (unless the token is locked)."""
        with self._turn:
            self._refresh()
            self._tokens.pop(token, None)
            _entry(self._tokens, token)["allowed"] = True
            with contextlib.suppress(OSError):
                self._write(self._tokens)

    def allowed(self, token: str) -> bool:
        """Whether an operator has allowed a try that was not made yet, here or in another process."""
        with self._turn:
            self._refresh()
            return bool(self._tokens.get(token, {}).get("allowed"))

    def _refresh(self) -> None:
        """Take over what another process (a person's command) wrote."""
        if self._path and (now := mark(self._path)) != self._mark:
            self._mark, self._tokens = now, self._read()

    def _read(self) -> dict[str, Any]:
        if self._path is None or not self._path.exists():
            return {}
        try:
            found = strictjson.loads(self._path.read_bytes())
        except (OSError, Refusal):
            self._lasting = False  # as careful as if nothing could be remembered
            return {}
        return found if isinstance(found, dict) else {}

    def _write(self, tokens: dict[str, Any]) -> None:
        if self._path is None:
            return
        fresh = self._path.with_name(self._path.name + ".new")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(handle, "wb") as file:  # noqa: PTH123 - a descriptor, for its mode
            file.write(strictjson.dumps(tokens))
            file.flush()
            os.fsync(handle)
        fresh.replace(self._path)
        self._mark = mark(self._path)


def _entry(tokens: dict[str, Any], token: str) -> dict[str, Any]:
    entry: dict[str, Any] = tokens.setdefault(token, {"salt": secrets.token_hex(16), "pins": {}})
    return entry


def _hashed(salt: str, pin: str) -> str:
    return hashlib.scrypt(pin.encode(), salt=bytes.fromhex(salt), n=1 << 14, r=8, p=1).hex()
