"""What one connection to a regional axis is configured with."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, NoReturn

from adapters.lgsp.codes import (
    INVALID_FILE,
    LOCKED_RECEIVER,
    NOT_CONFORMANT,
    PROCESSING_ERROR,
    UNKNOWN_RECEIVER,
    UNKNOWN_SENDER,
)
from gateway.client import MAX_ANSWER
from gateway.model.party import Parties

_VISIBLE: Final = re.compile(r"[!-~]{1,255}")
EVERYONE: Final = Parties(("*",))
NEVER: Final = frozenset(
    {INVALID_FILE, UNKNOWN_RECEIVER, UNKNOWN_SENDER, PROCESSING_ERROR, NOT_CONFORMANT, LOCKED_RECEIVER}
)
"""Codes that mean "never": the receiver understood this document and will not take it, however often it comes."""


class Secret:
    """A secret sent as it is. Whatever prints it shows nothing; only :meth:`reveal` gives the text."""

    __slots__ = ("__text",)

    def __init__(self, text: str) -> None:
        if not text:
            raise ValueError("an empty secret identifies nobody")
        self.__text = text

    def reveal(self) -> str:
        return self.__text

    def __repr__(self) -> str:
        return "Secret(***)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not copied or stored")


@dataclass(frozen=True, slots=True)
class Account:
    """One organisation's access: the axis gives each its own SystemId. *parties*: who sends with it."""

    system_id: str
    secret: Secret = field(repr=False)
    parties: Parties = EVERYONE

    def __post_init__(self) -> None:
        if not _VISIBLE.fullmatch(self.system_id) or "/" in self.system_id:
            raise ValueError("a system_id is visible ASCII without '/'")
        if not _VISIBLE.fullmatch(self.secret.reveal()):
            raise ValueError("a secret travels in a header: visible ASCII")


@dataclass(frozen=True, slots=True)
class Login:
    """The integrating application's own access, where the axis wants a bearer token beside the two headers."""

    username: str
    password: Secret = field(repr=False)
    application_code: str = ""


@dataclass(frozen=True, slots=True)
class LgspSettings:
    """One regional axis. *base_url* goes before ``/v1/…``. Deadlines are in seconds for a whole call.

    *rejected_codes*, *settled_codes*: error codes that mean "never", and for an acknowledgement "nothing left to do".
    *taken_statuses*: states in a list that say the package was acknowledged already. *catch_up_days*: how far the
    first list after a start looks back; *overlap_days*: how far each later one reaches behind what is still open.
    *token_lifetime*: seconds a token is used, below the axis' 30 minutes.
    """

    id: str
    base_url: str
    accounts: tuple[Account, ...]
    login: Login | None = None
    rejected_codes: frozenset[str] = NEVER
    settled_codes: frozenset[str] = frozenset()
    taken_statuses: frozenset[str] = frozenset({"done", "fail"})
    catch_up_days: int = 30
    overlap_days: int = 1
    token_lifetime: float = 1500.0
    max_answer: int = MAX_ANSWER
    list_deadline: float = 60.0
    fetch_deadline: float = 300.0

    def __post_init__(self) -> None:
        if not self.base_url or not self.accounts:
            raise ValueError("a regional axis needs a base_url and an account")
        if len({account.system_id for account in self.accounts}) < len(self.accounts):
            raise ValueError("two accounts have the same system_id")
        if self.catch_up_days < 0 or self.overlap_days < 0:
            raise ValueError("days are counted from 0")
