"""Bodies: original bytes, exactly as received or sent, each with its SHA-256 (principle 2).

Every body begins with a header, in a row as in a file: the magic ``LTB``, one byte of version (1), four bytes of key id
(big-endian; 0 = not encrypted), then the content.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import struct
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import IO

from gateway.errors import BodyDamaged
from gateway.model.ids import new_id

HEADER = struct.pack(">3sBI", b"LTB", 1, 0)


class Retention(StrEnum):
    """The retention class: the first folder of a body's path."""

    MESSAGE = "message"
    WIRE = "wire"
    QUARANTINE = "quarantine"


class Body:
    """Bytes on their way into the store: *content* for a row, or *path* of the fsynced file that already holds them.

    *kept* becomes true when a row refers to it; the file of a body that no commit kept is unlinked.
    """

    __slots__ = ("_sha256", "at", "content", "id", "kept", "path", "retention", "size")

    def __init__(self, raw: bytes, retention: Retention, at: datetime, path: str = "", sha256: str = "") -> None:
        self.id = new_id(at)
        self.at = at
        self.retention = retention
        self.size = len(raw)
        self.content = None if path else raw
        self.path = path or None
        self.kept = False
        self._sha256 = sha256

    @property
    def sha256(self) -> str:
        """SHA-256 of the bytes (hex); of a small body reckoned when first asked, which is in the writer's thread."""
        if not self._sha256:
            self._sha256 = hashlib.sha256(self.content or b"").hexdigest()
        return self._sha256


def framed(content: bytes) -> bytes:
    """*content* behind its header."""
    return HEADER + content


def unframed(body_id: str, stored: IO[bytes], sha256: str) -> bytes:
    """The content of *stored*, verified, without a second copy in memory. Raises BodyDamaged."""
    if stored.read(len(HEADER)) != HEADER:
        raise BodyDamaged(body_id, "unknown header")
    content = stored.read()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise BodyDamaged(body_id, "SHA-256 does not match")
    return content


class BodyFiles:
    """Large bodies: ``<root>/<class>/<yyyy-mm-dd>/<random>.body``, never shared between messages.

    *durable* False leaves out every fsync (the crash harness's negative control).
    """

    def __init__(self, root: Path, *, durable: bool = True) -> None:
        self._root = root
        self._durable = durable

    def spool(self, raw: bytes, retention: Retention, at: datetime) -> Body:
        """Write and fsync *raw* under its final name, folders included. OSError leaves nothing behind."""
        folder = self._root / retention / at.astimezone(UTC).date().isoformat()
        self._make(folder)
        path = folder / f"{secrets.token_hex(16)}.body"
        draft = path.with_suffix(".draft")
        try:
            self._write(draft, raw)
            draft.rename(path)
            self._flush_folder(folder)
        except OSError:
            draft.unlink(missing_ok=True)
            path.unlink(missing_ok=True)
            raise
        relative = str(path.relative_to(self._root))
        return Body(raw, retention, at, relative, hashlib.sha256(raw).hexdigest())

    def read(self, body_id: str, path: str, sha256: str) -> bytes:
        """The verified content of the file *path*. Raises BodyDamaged."""
        try:
            with (self._root / path).open("rb") as stored:
                return unframed(body_id, stored, sha256)
        except OSError as error:
            raise BodyDamaged(body_id, f"unreadable: {error.strerror}") from error

    def discard(self, path: str) -> None:
        """Unlink a file that no commit kept."""
        (self._root / path).unlink(missing_ok=True)

    def sweep(self, since: date, known: Callable[[str], bool]) -> int:
        """Unlink files of day folders from *since* on that no row knows; the number unlinked. Only at start: while
        a server runs, its bodies are files before they are rows.
        """
        orphans = [file for file in self._files(since) if not known(str(file.relative_to(self._root)))]
        for file in orphans:
            file.unlink(missing_ok=True)
        return len(orphans)

    def _files(self, since: date) -> Iterator[Path]:
        for folder in self._root.glob("*/*-*-*"):
            if folder.name >= since.isoformat():
                yield from folder.iterdir()

    def _write(self, path: Path, raw: bytes) -> None:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(HEADER)
            file.write(raw)
            file.flush()
            if self._durable:
                os.fsync(fd)

    def _make(self, folder: Path) -> None:
        if folder.is_dir():
            return
        self._make(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        self._flush_folder(folder.parent)

    def _flush_folder(self, folder: Path) -> None:
        if not self._durable:
            return
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
