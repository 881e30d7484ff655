"""Bytes that no compression hides, planted in a document and looked for in every form a disk could hold them in."""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import sqlite3
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_BASE64 = re.compile(rb"(?:[A-Za-z0-9+/]|\\/){40,}")
_DEFLATED = re.compile(rb"PK\x03\x04.{4}\x08\x00.{16}(..)(..)", re.DOTALL)
_ZLIB = re.compile(rb"\x78[\x01\x5e\x9c\xda]|\x1f\x8b\x08")


@dataclass(frozen=True, slots=True)
class Plant:
    """*content* for an attachment, *words* for a text; both random, both unlike anything else."""

    content: bytes = field(default_factory=lambda: os.urandom(64))
    words: str = field(default_factory=lambda: base64.b32encode(os.urandom(40)).decode())

    @property
    def file(self) -> bytes:
        return b"%PDF-1.7\n" + self.content + b"\n%%EOF\n"


def found(plants: Mapping[str, Plant], folder: Path) -> dict[str, set[str]]:
    """For each plant of which anything lies below *folder*, which parts: "content", "words"."""
    needles = {
        (name, part): tuple(_needles(planted))
        for name, plant in plants.items()
        for part, planted in (("content", plant.content), ("words", plant.words.encode()))
    }
    hits: dict[str, set[str]] = {}
    for form in _forms(folder):
        for (name, part), sought in needles.items():
            if any(needle in form for needle in sought):
                hits.setdefault(name, set()).add(part)
    return hits


def _needles(part: bytes) -> Iterator[bytes]:
    yield part
    yield part.hex().encode()
    yield "".join(map(chr, part)).encode("utf-16-le")
    yield json.dumps("".join(map(chr, part))).encode()[1:-1]
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + part)
        whole = encoded[4 if shift else 0 : len(encoded) // 4 * 4 - 4]
        yield whole
        yield whole.replace(b"/", b"\\/")


def _forms(folder: Path) -> Iterator[bytes]:
    """Every file as it is and every value of every database, each also unfolded."""
    for file in folder.rglob("*"):
        if file.is_file():
            raw = file.read_bytes()
            yield from _unfolded(raw, 4)
            yield from _unfolded(raw.replace(b"\0", b""), 4)  # what was written as UTF-16
            if file.suffix == ".db":
                yield from _rows(file)


def _rows(file: Path) -> Iterator[bytes]:
    database = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for row in database.execute(f'SELECT * FROM "{table}"'):
                for value in row:
                    if isinstance(value, str | bytes):
                        yield from _unfolded(value.encode() if isinstance(value, str) else value, 4)
    finally:
        database.close()


def _unfolded(raw: bytes, depth: int) -> Iterator[bytes]:
    """*raw*, what its base64 stands for at every alignment, and what its deflate streams unfold to."""
    yield raw
    if not depth:
        return
    for match in _BASE64.finditer(raw):
        run = match[0].replace(b"\\/", b"/")
        for offset in range(4):
            cut = run[offset : offset + (len(run) - offset) // 4 * 4]
            try:
                yield from _unfolded(binascii.a2b_base64(cut), depth - 1)
            except binascii.Error:
                continue
    for match in _DEFLATED.finditer(raw):
        sizes = (int.from_bytes(match[1], "little"), int.from_bytes(match[2], "little"))
        yield from _unfolded(_inflated(raw[match.start() + 30 + sum(sizes) :], -15), depth - 1)
    for match in _ZLIB.finditer(raw):
        if inner := _inflated(raw[match.start() :], 47):
            yield from _unfolded(inner, depth - 1)


def _inflated(raw: bytes, form: int) -> bytes:
    stream, whole = zlib.decompressobj(form), b""
    try:
        for at in range(0, len(raw), 256):
            whole += stream.decompress(raw[at : at + 256])
    except zlib.error:
        pass
    return whole
