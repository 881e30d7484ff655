"""The keys that sign for organisations here, as `lienthong cert list` shows them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from gateway.cli.screen import Words
from gateway.clock import SystemClock
from gateway.config import Config, ConfigError, load
from gateway.signing.keys import Keys, KeyState

UNASKED: Final = "not_asked"
"""The state of a key that this account may not open."""
_WORDS: Final[Mapping[str, Words]] = {
    "ready": ("sẵn sàng", "ready"),
    UNASKED: ("chưa hỏi", "not asked"),
    "key.unusable": ("không dùng được", "unusable"),
    "key.pin": ("sai mật khẩu hoặc PIN", "wrong password or PIN"),
    "key.busy": ("đang bận", "busy"),
    "key.offline": ("không kết nối được", "offline"),
    "key.expired": ("chứng thư hết hạn", "certificate expired"),
}


@dataclass(frozen=True, slots=True)
class OwnKey:
    """A row of [[signing.keys]]. *kind* is "file" or "token"; *state* "ready", UNASKED or a code of KeyUnavailable."""

    id: str
    kind: str
    state: str
    detail: str
    subject: str = ""
    ends: datetime | None = None
    days_left: int | None = None
    certificate: str = ""

    @property
    def words(self) -> Words:
        """The state in words."""
        return _WORDS.get(self.state, (self.state, self.state))


def own_keys(path: Path, closed: Config, now: datetime) -> tuple[OwnKey, ...]:
    """How every key of the configuration in *path* is at *now*; *closed* is the same without its secrets.

    An account that may not open the secrets is told so. So is one that is not the service's where a token would have to
    be asked: a try at its PIN goes on record in the data directory, which the service must be able to read.
    """
    if not closed.signing.keys:
        return ()
    try:
        if any(one.module for one in closed.signing.keys) and not _is_ours(closed.gateway.data_dir):
            folder = closed.gateway.data_dir
            why = f"chỉ tài khoản sở hữu {folder} mới được hỏi token / only the account that owns it may ask a token"
            return _unasked(closed, why)
        config = load(path, os.environ)
    except ConfigError as refusal:
        problem = refusal.problems[0]
        return _unasked(closed, f"{problem.place}: {problem.message_vi} / {problem.message_en}")
    return tuple(_own(state, now) for state in asyncio.run(_described(config)))


def _is_ours(folder: Path) -> bool:
    try:
        return folder.stat().st_uid == os.geteuid()
    except OSError:
        return False


def _unasked(config: Config, why: str) -> tuple[OwnKey, ...]:
    return tuple(OwnKey(one.id, "token" if one.module else "file", UNASKED, why) for one in config.signing.keys)


async def _described(config: Config) -> tuple[KeyState, ...]:
    from gateway.notary import key_settings  # with all that signs; a directory is listed without

    keys = Keys(
        [key_settings(one) for one in config.signing.keys],
        warn=lambda code, detail: None,  # the state says it
        now=SystemClock().now,
        pin_memory=config.gateway.data_dir / "pins.json",
    )
    try:
        await keys.open()
        return await keys.describe()
    finally:
        await keys.close()


def _own(state: KeyState, now: datetime) -> OwnKey:
    ends = state.not_after
    left = (ends - now).days if ends else None
    return OwnKey(state.id, state.kind, state.state, state.detail, state.subject, ends, left, state.fingerprint)
