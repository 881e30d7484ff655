"""A ZIP whose members matter one by one (ASiC): read so strictly that no two readers can see different files in it.

Every byte of the archive is accounted for: the members lie end to end from the first byte to the central directory, the
directory ends where the end record begins, and each local header says what the directory says. Names are plain relative
paths, unique even where case and Unicode composition are not told apart. Format: PKWARE APPNOTE 6.3; no ZIP64.
"""

from __future__ import annotations

import struct
import unicodedata
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from gateway.errors import GatewayError

MAX_BYTES: Final = 64 << 20
"""Bytes of the archive."""
MAX_ENTRIES: Final = 1000
MAX_UNFOLDED: Final = 64 << 20
"""Bytes of all members together."""
MAX_RATIO: Final = 200
"""Unfolded by folded size of one member, counted only above `FREE_SIZE`."""
FREE_SIZE: Final = 1 << 20
MAX_NAME: Final = 512
"""Bytes of one name."""

_END: Final = struct.Struct("<4s4H2LH")
_CENTRAL: Final = struct.Struct("<4s6H3L5H2L")
_LOCAL: Final = struct.Struct("<4s5H3L2H")
_STORED: Final = 0
_DEFLATED: Final = 8
_DESCRIBED: Final = 0x0008
_UTF8: Final = 0x0800
_TAKEN: Final = _DESCRIBED | _UTF8 | 0x0006
"""Flags that are understood: descriptor, UTF-8, and how hard the deflater tried."""
_OTHER_NAME: Final = 0x7075
_DESCRIPTOR_SIZES: Final = (16, 12)

Kind = Literal["malformed", "limit", "unsupported"]


class ContainerFault(GatewayError):
    """The archive is not taken; *kind* tells whether it is wrong, too large, or of a form that is not read."""

    def __init__(self, kind: Kind, detail: str) -> None:
        self.kind = kind
        self.detail = detail
        super().__init__(f"{kind} {detail}")


@dataclass(frozen=True, slots=True)
class Container:
    """The files of an archive by name, in the order of their bytes. *comment* is that of the archive."""

    files: Mapping[str, bytes]
    comment: bytes


@dataclass(frozen=True, slots=True)
class _Entry:
    """A line of the central directory. *raw* is the name's bytes."""

    name: str
    raw: bytes
    flags: int
    method: int
    crc: int
    folded: int
    size: int
    offset: int


def open_container(raw: bytes) -> Container:
    """Read every member of the archive *raw*. Raises ContainerFault; never anything else."""
    if len(raw) > MAX_BYTES:
        raise ContainerFault("limit", f"more than {MAX_BYTES} bytes")
    try:
        entries, start, comment = _directory(raw)
        _check_names(entries)
        return Container(_files(raw, entries, start), comment)
    except (struct.error, IndexError, zlib.error) as fault:
        raise ContainerFault("malformed", "the archive is damaged") from fault


def _directory(raw: bytes) -> tuple[list[_Entry], int, bytes]:
    """The entries, where the central directory starts, and the archive's comment."""
    at = raw.rfind(b"PK\x05\x06")
    if at < 0 or len(raw) < at + _END.size:
        raise ContainerFault("malformed", "no end record")
    _, disk, first_disk, here, count, size, start, length = _END.unpack_from(raw, at)
    if at + _END.size + length != len(raw):
        raise ContainerFault("malformed", "bytes after the end record")
    if 0xFFFF in (here, count) or 0xFFFFFFFF in (size, start):
        raise ContainerFault("unsupported", "ZIP64")
    if disk or first_disk or here != count or start + size != at:
        raise ContainerFault("malformed", "the central directory is not where it must be")
    if count > MAX_ENTRIES:
        raise ContainerFault("limit", f"more than {MAX_ENTRIES} entries")
    entries = []
    place = start
    for _ in range(count):
        entry, place = _entry(raw, place, at)
        entries.append(entry)
    if place != at:
        raise ContainerFault("malformed", "the central directory does not end where it must")
    return entries, start, raw[at + _END.size :]


def _entry(raw: bytes, at: int, limit: int) -> tuple[_Entry, int]:
    fields = _CENTRAL.unpack_from(raw, at)
    mark, flags, method, crc, folded, size = fields[0], fields[3], fields[4], *fields[7:10]
    name_size, extra_size, comment_size, disk, offset = *fields[10:14], fields[16]
    name_at = at + _CENTRAL.size
    end = name_at + name_size + extra_size + comment_size
    if mark != b"PK\x01\x02" or end > limit or disk:
        raise ContainerFault("malformed", "a line of the central directory is wrong")
    if flags & ~_TAKEN:
        raise ContainerFault("unsupported", "an encrypted or patched entry")
    if method not in (_STORED, _DEFLATED):
        raise ContainerFault("unsupported", f"compression method {method}")
    if 0xFFFFFFFF in (folded, size, offset):
        raise ContainerFault("unsupported", "ZIP64")
    name = raw[name_at : name_at + name_size]
    extra = raw[name_at + name_size : name_at + name_size + extra_size]
    if _has_other_name(extra):
        raise ContainerFault("malformed", "an entry has a second name")
    return _Entry(_decoded(name), name, flags, method, crc, folded, size, offset), end


def _has_other_name(extra: bytes) -> bool:
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, at)
        if kind == _OTHER_NAME:
            return True
        at += 4 + size
    return False


def _decoded(raw: bytes) -> str:
    """A name as text, with or without the UTF-8 flag: many writers forget it, and what is not UTF-8 is refused."""
    if not 0 < len(raw) <= MAX_NAME:
        raise ContainerFault("limit" if raw else "malformed", "an entry's name is empty or too long")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as fault:
        raise ContainerFault("malformed", "an entry's name is not UTF-8") from fault


def _check_names(entries: list[_Entry]) -> None:
    files: set[str] = set()
    folders: set[str] = set()
    for entry in entries:
        key = _checked(entry)
        if key in files or (not entry.name.endswith("/") and key in folders):
            raise ContainerFault("malformed", "two entries of one name")
        parts = key.split("/")
        folders.update("/".join(parts[:depth]) for depth in range(1, len(parts)))
        if entry.name.endswith("/"):
            folders.add(key)
        else:
            files.add(key)
    if files & folders:
        raise ContainerFault("malformed", "a name is a file and a folder")


def _checked(entry: _Entry) -> str:
    """The name as names are compared: without regard to case and composition."""
    name = entry.name
    if entry.name.endswith("/"):
        if entry.size or entry.folded > 2:
            raise ContainerFault("malformed", "a folder with content")
        name = entry.name[:-1]
    if any(part in ("", ".", "..") for part in name.split("/")) or ":" in name.split("/")[0]:
        raise ContainerFault("malformed", "an entry's name is no relative path")
    if "\\" in name or any(unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp") for sign in name):
        raise ContainerFault("malformed", "an entry's name has signs that names do not have")
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def _files(raw: bytes, entries: list[_Entry], start: int) -> dict[str, bytes]:
    if sum(entry.size for entry in entries) > MAX_UNFOLDED:
        raise ContainerFault("limit", f"unfolds to more than {MAX_UNFOLDED} bytes")
    files: dict[str, bytes] = {}
    at = 0
    for entry in sorted(entries, key=lambda one: one.offset):
        if entry.offset != at:
            raise ContainerFault("malformed", "bytes between the entries, or entries that overlap")
        begin = _local(raw, entry)
        at = begin + entry.folded
        if at > start:
            raise ContainerFault("malformed", "an entry reaches into the central directory")
        content = _unfolded(raw, begin, entry)
        at += _descriptor(raw, at, entry) if entry.flags & _DESCRIBED else 0
        if not entry.name.endswith("/"):
            files[entry.name] = content
    if at != start:
        raise ContainerFault("malformed", "bytes between the entries and the central directory")
    return files


def _local(raw: bytes, entry: _Entry) -> int:
    """Where the entry's bytes begin, after its local header was held against the directory."""
    mark, _, flags, method, _, _, crc, folded, size, name_size, extra_size = _LOCAL.unpack_from(raw, entry.offset)
    name_at = entry.offset + _LOCAL.size
    begin: int = name_at + name_size + extra_size
    told = (crc, folded, size)
    known = (entry.crc, entry.folded, entry.size)
    agrees = told == known or (bool(flags & _DESCRIBED) and told in ((0, 0, 0), (entry.crc, 0, 0)))
    same_name = raw[name_at : name_at + name_size] == entry.raw
    if mark != b"PK\x03\x04" or (flags, method) != (entry.flags, entry.method) or not agrees or not same_name:
        raise ContainerFault("malformed", "a local header differs from the central directory")
    if _has_other_name(raw[name_at + name_size : begin]):
        raise ContainerFault("malformed", "an entry has a second name")
    return begin


def _descriptor(raw: bytes, at: int, entry: _Entry) -> int:
    """The size of the descriptor at *at*, with its signature or without."""
    numbers = struct.pack("<3L", entry.crc, entry.folded, entry.size)
    for size in _DESCRIPTOR_SIZES:
        if raw[at : at + size] == (b"PK\x07\x08" + numbers)[-size:]:
            return size
    raise ContainerFault("malformed", "a descriptor differs from the central directory")


def _unfolded(raw: bytes, begin: int, entry: _Entry) -> bytes:
    folded = memoryview(raw)[begin : begin + entry.folded]
    if entry.size > max(FREE_SIZE, MAX_RATIO * entry.folded):
        raise ContainerFault("limit", "an entry unfolds to many times its size")
    if entry.method == _STORED:
        content = bytes(folded)
    else:
        stream = zlib.decompressobj(-zlib.MAX_WBITS)
        content = stream.decompress(folded, entry.size + 1)
        if not stream.eof and len(content) <= entry.size:
            content += stream.decompress(stream.unconsumed_tail, entry.size + 1 - len(content))
        if not stream.eof or stream.unused_data or stream.unconsumed_tail:
            raise ContainerFault("malformed", "an entry does not end where it must")
    if len(content) != entry.size or zlib.crc32(content) != entry.crc:
        raise ContainerFault("malformed", "an entry is not what the directory says")
    return content
