"""What the configuration says of a key: where it is, never the key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from gateway.ports.signing import Scheme

Opened = str | Callable[[], str]
"""A password or PIN, or what opens it anew whenever it is needed (so that a changed one is seen while running)."""

Warn = Callable[[str, str], None]
"""Told of what went wrong without stopping anything: a code of KeyUnavailable, and the detail. Called on the loop."""


@dataclass(frozen=True, slots=True)
class FileKey:
    """A key in a file, for development: PKCS#12, or PEM or DER of PKCS#8, PKCS#1 or SEC 1, encrypted or not.

    *certificate* and *chain* (PEM or DER) are needed only if they are not in the key's own file. Unless *shared*, a key
    file that others may read, or that its group may write, is refused.
    """

    id: str
    path: Path
    password: Opened | None = field(default=None, repr=False)
    certificate: Path | None = None
    chain: Path | None = None
    scheme: Scheme | None = None
    shared: bool = False


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A key that never leaves its token (PKCS#11 v2.40), found by *label* or *key_id* (CKA_ID in hex), or both.

    Without *certificate* it is read from the token, where it has the key's CKA_ID, or else its label. If several keys
    answer to the name, the one whose certificate is in force and began last is used. Keys of one token share one
    signing process, its PIN, and as many *sessions* as any of them asks for.
    """

    id: str
    module: Path
    token: str
    pin: Opened = field(repr=False)
    label: str | None = None
    key_id: str | None = None
    certificate: Path | None = None
    chain: Path | None = None
    scheme: Scheme | None = None
    sessions: int = 4


@dataclass(frozen=True, slots=True)
class Terms:
    """What signing may cost, in seconds.

    *deadline*: a signature, from the call to the answer. *start*: a signing process until it is ready; a network HSM
    needs more than a card. *queue*: signatures under way per token, beyond which key.busy. *reread*: how old the
    knowledge of a token's objects or of its PIN may be; *look*: the same for files. After a signing process died the
    next one follows in *pause*, doubled each time up to *longest_pause*, until one has signed.
    """

    deadline: float = 5.0
    start: float = 15.0
    queue: int = 256
    reread: float = 60.0
    look: float = 1.0
    pause: float = 0.1
    longest_pause: float = 30.0


def opened(secret: Opened | None) -> str | None:
    """The secret itself."""
    return secret() if callable(secret) else secret
