"""The one-entry ZIP around an attachment (reference §3.8): how the axis' library puts it on, and how to take it off."""

from __future__ import annotations

import io
import uuid
import zipfile
import zlib
from datetime import datetime
from pathlib import PurePosixPath
from random import Random

_MAX_INNER = 256 * 1024 * 1024
_MAGIC = b"PK\x03\x04"


class _Unseekable(io.RawIOBase):
    """A sink that cannot seek, which makes zipfile set the data-descriptor flag as the library does."""

    def __init__(self) -> None:
        self.written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, chunk: object) -> int:
        block = bytes(chunk)  # type: ignore[call-overload]
        self.written += block
        return len(block)


def wrap(content: bytes, name: str, when: datetime, rng: Random) -> bytes:
    """Return a ZIP of one deflated entry named `<random uuid>.<extension of name>`."""
    entry = f"{uuid.UUID(int=rng.getrandbits(128), version=4)}{PurePosixPath(name).suffix}"
    sink = _Unseekable()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(entry, when.timetuple()[:6]), content, zipfile.ZIP_DEFLATED, 1)
    return bytes(sink.written)


def unwrap(content: bytes, name: str) -> bytes:
    """Take off the transport ZIP if there is one; anything else, a real .zip or .docx included, stays as it is."""
    if not content.startswith(_MAGIC):
        return content
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            if len(entries) != 1 or not _is_transport_entry(entries[0], name):
                return content
            return archive.read(entries[0])
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError, ValueError):
        return content


def _is_transport_entry(entry: zipfile.ZipInfo, name: str) -> bool:
    path = PurePosixPath(entry.filename)
    if entry.file_size > _MAX_INNER or path.suffix.lower() != PurePosixPath(name).suffix.lower():
        return False
    try:
        uuid.UUID(path.stem)
    except ValueError:
        return entry.filename == name
    return True
