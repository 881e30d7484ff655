"""The ZIP layer that the document axis puts around every attachment: undone at most once, and made (reference §3.8).

An archive is a wrapping only if it is exactly one whole entry and nothing else, the entry's extension is that of the
attachment's name, and the entry is called `<uuid>.<extension>` or like the attachment. Everything else is somebody's
own file and stays as it is. Names in an archive are compared, never used as paths. Format: PKWARE APPNOTE 6.3.
"""

from __future__ import annotations

import hashlib
import re
import struct
import unicodedata
import uuid
import zlib
from contextlib import suppress
from io import BytesIO
from typing import Final
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from gateway.errors import Refusal
from gateway.model.document import Wrapping

MAX_SIZE: Final = 100 << 20
"""Bytes one archive may unfold to."""
MAX_RATIO: Final = 200
"""Unfolded by folded size, counted only above `FREE_SIZE`."""
FREE_SIZE: Final = 1 << 20

_ENTRY: Final = b"PK\x03\x04"
_END: Final = b"PK\x05\x06"
_END_SIZE: Final = 22
_LOCAL: Final = struct.Struct("<4s22xHH")
_MAX_DESCRIPTOR: Final = 24
_MAX_EXTENSION: Final = 255
_ENCRYPTED: Final = 0x41
_SLICE: Final = 64 << 10
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_NAMES: Final = uuid.UUID("8e3a5f0e-5d0c-5b8e-9d63-0b2f3f1f6a10")


def undo_wrapping(
    name: str, content: bytes, *, max_size: int = MAX_SIZE, max_ratio: int = MAX_RATIO
) -> tuple[bytes, Wrapping | None]:
    """The file inside *content* and its wrapping; or *content* itself and None if it is not a wrapping of *name*.

    Raises Refusal zip.limit if it is one but unfolds beyond *max_size* bytes or *max_ratio*.
    """
    if not content.startswith(_ENTRY) or content[-_END_SIZE : -_END_SIZE + 4] != _END:
        return content, None
    try:
        with ZipFile(BytesIO(content)) as archive:
            entry = _sole_entry(archive, content)
    except (BadZipFile, ValueError, NotImplementedError, EOFError, OverflowError, struct.error):
        return content, None
    if entry is None or not _belongs(entry[0].filename, name):
        return content, None
    info, start = entry
    folded = memoryview(content)[start : start + info.compress_size]
    allowed = min(max_size, max(FREE_SIZE, max_ratio * len(folded)))
    inner = _unfold(info, folded, allowed)
    if inner is None:
        return content, None
    return inner, Wrapping(content, hashlib.sha256(content).hexdigest())


def wrap(name: str, content: bytes) -> bytes:
    """A ZIP with one deflated entry `<uuid>.<extension of name>`; equal input gives equal bytes.

    Content that deflates so well that a reader would take it for a bomb is carried uncompressed.
    """
    digest = hashlib.sha256(content).hexdigest()
    info = ZipInfo(_entry_name(uuid.uuid5(_NAMES, digest), extension(name)), _EPOCH)
    info.compress_type = ZIP_DEFLATED
    info.create_system = 3
    info.external_attr = 0o600 << 16
    folded = _write(info, content, level=6 if _worth_deflating(content) else 0)
    if len(content) > FREE_SIZE and len(content) > MAX_RATIO // 2 * len(folded):
        folded = _write(info, content, level=0)
    return folded


def extension(name: str) -> str:
    """What follows the last dot of the last path part, lower-case and NFC; "" if there is none or it is too long."""
    last = re.split(r"[/\\]", name)[-1]
    _, dot, tail = last.rpartition(".")
    tail = unicodedata.normalize("NFC", tail.lower())
    return tail if dot and len(tail.encode("utf-8", "replace")) <= _MAX_EXTENSION else ""


def looks_zipped(content: bytes) -> bool:
    """Whether *content* begins like a ZIP archive."""
    return content.startswith(_ENTRY)


def _entry_name(stem: uuid.UUID, tail: str) -> str:
    return f"{stem}.{tail}" if tail else str(stem)


def _write(info: ZipInfo, content: bytes, *, level: int) -> bytes:
    whole = BytesIO()
    with ZipFile(whole, "w") as archive:
        archive.writestr(info, content, compresslevel=level)
    return whole.getvalue()


def _worth_deflating(content: bytes) -> bool:
    """PDF and Office files are compressed already; a look at their middle saves a second of work on 20 MB."""
    middle = len(content) // 2
    sample = content[middle : middle + _SLICE]
    return len(content) <= FREE_SIZE or len(zlib.compress(sample, 1)) < 0.95 * len(sample)


def _sole_entry(archive: ZipFile, content: bytes) -> tuple[ZipInfo, int] | None:
    """The only entry and the offset of its bytes, if the archive holds nothing before, beside or behind it."""
    entries = archive.infolist()
    if len(entries) != 1:
        return None
    info = entries[0]
    if not info.filename or info.header_offset or info.is_dir() or info.flag_bits & _ENCRYPTED or archive.comment:
        return None
    if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        return None
    _, name_size, extra_size = _LOCAL.unpack_from(content)
    start = _LOCAL.size + name_size + extra_size
    gap = archive.start_dir - (start + info.compress_size)
    return (info, start) if 0 <= gap <= _MAX_DESCRIPTOR else None


def _belongs(entry: str, name: str) -> bool:
    """Whether the entry is this attachment: same extension, and a UUID for a stem or the very name."""
    if extension(entry) != extension(name):
        return False
    stem = entry.rpartition(".")[0] if extension(entry) else entry
    return _UUID.fullmatch(stem) is not None or _same(entry, name)


def _same(entry: str, name: str) -> bool:
    wanted = unicodedata.normalize("NFC", name)
    readings = {entry}
    with suppress(UnicodeError):  # zipfile reads a name without the UTF-8 flag as CP437; many writers put UTF-8 there
        readings.add(entry.encode("cp437").decode("utf-8"))
    return wanted in {unicodedata.normalize("NFC", reading) for reading in readings}


def _unfold(info: ZipInfo, folded: memoryview, allowed: int) -> bytes | None:
    """The entry's bytes; None if size or CRC-32 say that it is damaged. Never holds more than *allowed* bytes."""
    if info.file_size > allowed:
        raise Refusal("zip.limit", detail=f"{info.file_size} bytes out of {len(folded)}")
    if info.compress_type == ZIP_STORED:
        inner: bytes | None = bytes(folded)
    else:
        inner = _inflate(folded, allowed)
    if inner is None or len(inner) != info.file_size or zlib.crc32(inner) != info.CRC:
        return None
    return inner


def _inflate(folded: memoryview, allowed: int) -> bytes | None:
    """Inflate in slices into one growing buffer, so that neither input nor output is ever held twice."""
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    whole = BytesIO()
    try:
        for at in range(0, len(folded), _SLICE):
            more: bytes | memoryview = folded[at : at + _SLICE]
            while piece := stream.decompress(more, _SLICE):
                more = stream.unconsumed_tail
                if whole.tell() + len(piece) > allowed:
                    raise Refusal("zip.limit", detail=f"more than {allowed} bytes out of {len(folded)}")
                whole.write(piece)
    except zlib.error:
        return None
    return whole.getvalue() if stream.eof and not stream.unused_data else None
