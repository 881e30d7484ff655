"""The text of a checkpoint: which tree, how many entries, which root (C2SP tlog-checkpoint, note text).

lienthong.example/province
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from gateway.audit.merkle import HASH_SIZE
from gateway.errors import GatewayError

_OWN_ORIGIN = re.compile(r"[^\s+]+")
_LINE = re.compile(r"[^\x00-\x1f]+")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


class InvalidCheckpoint(GatewayError):
    """The text is not a checkpoint."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree's *origin* (the log's name), *size* in entries and *root* (32 bytes).

    *extensions* are lines after the root; this gateway writes none and keeps those it reads.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()


def format_checkpoint(checkpoint: Checkpoint) -> bytes:
    """The lines of the checkpoint, each ended by a newline, in UTF-8.

    Of the origins that readers must take, we write only the recommended kind: no spaces, no '+'. Raises
    InvalidCheckpoint.
    """
    if not _OWN_ORIGIN.fullmatch(checkpoint.origin):
        raise InvalidCheckpoint("origin is empty or has a space or '+'")
    _check(checkpoint)
    root = base64.b64encode(checkpoint.root).decode()
    lines = [checkpoint.origin, str(checkpoint.size), root, *checkpoint.extensions]
    return "".join(f"{line}\n" for line in lines).encode()


def parse_checkpoint(text: bytes) -> Checkpoint:
    """The checkpoint in *text*, without signatures. Only the one right form is taken. Raises InvalidCheckpoint."""
    try:
        lines = text.decode().split("\n")
    except UnicodeDecodeError as error:
        raise InvalidCheckpoint("not UTF-8") from error
    if len(lines) < 4 or lines[-1]:
        raise InvalidCheckpoint("a checkpoint has at least three lines, each ended by a newline")
    origin, size, root, *extensions = lines[:-1]
    if not _SIZE.fullmatch(size):
        raise InvalidCheckpoint("size is not a decimal number without leading zeros")
    checkpoint = Checkpoint(origin, int(size), _root(root), tuple(extensions))
    _check(checkpoint)
    return checkpoint


def _root(line: str) -> bytes:
    try:
        root = base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidCheckpoint("root is not base64") from error
    if base64.b64encode(root).decode() != line:
        raise InvalidCheckpoint("root is not in canonical base64")
    return root


def _check(checkpoint: Checkpoint) -> None:
    if not 0 <= checkpoint.size < 2**63:
        raise InvalidCheckpoint("size is out of range")
    if len(checkpoint.root) != HASH_SIZE:
        raise InvalidCheckpoint("root is not a SHA-256 hash")
    if not all(_LINE.fullmatch(line) for line in (checkpoint.origin, *checkpoint.extensions)):
        raise InvalidCheckpoint("a line is empty or has control characters")
