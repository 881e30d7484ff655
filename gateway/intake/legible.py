"""What can be read of a body without understanding it: fields, file names, text. Pure; any bytes, damaged ones too.

The secrecy rules need it before, and in spite of, every parser: what a parser refuses goes to disk as quarantine, so
a marking must be found in bytes that nothing else can read. Attachments are not opened, except for the names in ZIPs
and for a whole package inside base64. Every pass is linear in the size of the body.
"""

from __future__ import annotations

import binascii
import html
import re
import unicodedata
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

CUT: Final = 1024
"""Base64 of at least this many characters is an attachment, not text."""
SHORTEST: Final = 64
"""Characters of base64 that are worth a look inside."""
DEEPEST: Final = 4
"""Layers of base64 and ZIP that are looked through."""
INFLATED: Final = 64 << 20
"""Bytes that the archives of one body may unfold to while their names are looked for (P7)."""
MOST_FIELDS: Final = 500_000
"""More than any body has that a decoder takes; what lies behind them is text only."""
MOST_NAMES: Final = 50_000
NAME_FIELDS: Final = frozenset({"attachmentname", "filename"})

_RUN: Final = re.compile(rb"[A-Za-z0-9+/]{32,}+(?:(?:\\[/rnt]|[ \t\r\n])++[A-Za-z0-9+/]++)*+={0,2}")
_IN_RUN: Final = re.compile(rb"\\([/rnt])|[ \t\r\n]++")
_NATURAL: Final = b"\"'>,\n\r\t "
_ELEMENT: Final = re.compile(r"<([^\s<>/!?]++)[^<>]*+>([^<]*+)")
_STRING: Final = re.compile(r'"((?:[^"\\]++|\\.)*+)"(?:\s*+(:)\s*+([^\s",}\]]++)?)?', re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))", re.DOTALL)
_PLAIN_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "b": " ", "f": " "}
_FORM_NAME: Final = re.compile(r"filename\*?\s*=\s*(?:\"([^\"\r\n]*+)\"|([^\s;\"]++))", re.IGNORECASE)
_EXTENDED: Final = re.compile(r".\.\w{1,5}$", re.DOTALL)
_INVISIBLE: Final = dict.fromkeys([0x00AD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF])
_ZIP_HEADER: Final = re.compile(rb"PK(?:\x03\x04|\x01\x02)")
_LOCAL: Final = b"PK\x03\x04"
_LONGEST_NAME: Final = 4096
_SLICE: Final = 4096
_SENDERS: Final = (
    re.compile(r"<(?:[\w.-]+:)?From\b[^<>]*+>\s*+<(?:[\w.-]+:)?OrganId\b[^<>]*+>\s*+([\w.\-]{1,64})\s*+<"),
    re.compile(r'"from"\s*+:\s*+\{[^{}]*?"organ_id"\s*+:\s*+"([\w.\-]{1,64})"'),
)


@dataclass(slots=True)
class Legible:
    """*fields* are (local name, value) pairs of elements and members, *names* file names, *zipped* names inside ZIPs,
    *texts* everything legible as it stands. All text is NFC without invisible characters.
    """

    fields: list[tuple[str, str]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    zipped: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    @property
    def sender(self) -> str:
        """The sending organisation's code, "" if none can be told."""
        found = (match[1] for text in self.texts for pattern in _SENDERS if (match := pattern.search(text)))
        return next(found, "")


def read(raw: bytes, *, thorough: bool = False) -> Legible:
    """Whatever *raw* shows. *thorough* is for bytes that no decoder could read: base64 is looked into at every
    alignment, and text that is not UTF-8 is also read as Windows-1258.
    """
    reading = _Reading(thorough)
    reading.take(raw, 0)
    return reading.found


def zip_names(content: bytes) -> list[str]:
    """The entry names of a ZIP, told from its headers; a damaged or cut one shows those it still has."""
    return [name for name, _ in _entries(content)]


def plain(text: str) -> str:
    """*text* in NFC, without characters that nobody sees."""
    return unicodedata.normalize("NFC", text.translate(_INVISIBLE))


class _Reading:
    """One body being read; *found* grows."""

    def __init__(self, thorough: bool) -> None:
        self.found = Legible()
        self._thorough = thorough
        self._inflated = 0

    def take(self, raw: bytes, depth: int) -> None:
        """Everything in *raw*: its text outside of base64, what is in the base64, and names of a bare ZIP."""
        raw = _as_utf8(raw)
        pieces, at = [], 0
        for match in _RUN.finditer(raw):
            start, end = match.span()
            if end - start >= SHORTEST:
                self._take_run(raw, start, end, depth)
            if end - start >= CUT:
                pieces.append(raw[at:start])
                at = end
        pieces.append(raw[at:])
        for text in self._readings(b" ".join(pieces)):
            self._take_text(text, depth)
        if raw.startswith(_LOCAL) or self._thorough:
            self._take_zip(raw, depth)

    def _readings(self, outline: bytes) -> Iterator[str]:
        try:
            yield plain(outline.decode())
        except UnicodeDecodeError:
            yield plain(outline.decode(errors="replace"))
            if self._thorough:
                yield plain(outline.decode("cp1258", "replace"))

    def _take_text(self, text: str, depth: int) -> None:
        start = text.lstrip()[:2]
        is_json = start[:1] in ("{", "[")
        self.found.texts.append(text)
        if not is_json or self._thorough:
            self._take_elements(text)
        if is_json or (self._thorough and start[:1] != "<"):
            self._take_members(text, depth)
        if start == "--" or self._thorough:
            names = (unquote(match[1] or match[2] or "") for match in _FORM_NAME.finditer(text))
            for name in names:
                self._add_name(self.found.names, name.partition("''")[2] or name)

    def _take_elements(self, text: str) -> None:
        for match in _ELEMENT.finditer(_without_asides(text)):
            name, value = match.groups()
            if value and not value.isspace():
                self._add(name.rpartition(":")[2], html.unescape(value))

    def _take_members(self, text: str, depth: int) -> None:
        name = ""
        for match in _STRING.finditer(text):
            string, colon, scalar = match.groups()
            value = _ESCAPE.sub(_unescaped, string)
            if colon:
                name = plain(value)
                if scalar:
                    self._add(name, scalar)
                continue
            self._add(name, value)
            if name == "name" and (self._thorough or _EXTENDED.search(value)):
                self._add_name(self.found.names, value)
            if "<" in value and "edxml" in value.lower() and depth < DEEPEST:
                self._take_text(plain(value), depth + 1)

    def _add(self, name: str, value: str) -> None:
        if len(self.found.fields) >= MOST_FIELDS:
            return
        text = plain(value).strip()
        self.found.fields.append((name, text))
        if name.lower() in NAME_FIELDS:
            self._add_name(self.found.names, text)

    def _add_name(self, names: list[str], name: str) -> None:
        if len(names) < MOST_NAMES:
            names.append(plain(name))

    def _take_run(self, raw: bytes, start: int, end: int, depth: int) -> None:
        """Look into base64. One that damage has cut in two goes on at an alignment nobody knows."""
        whole = start == 0 or raw[start - 1] in _NATURAL
        if whole and not self._thorough and not _worth_opening(_unbase64(raw[start : start + 64])):
            return
        run: bytes | memoryview = memoryview(raw)[start:end]
        if _IN_RUN.search(run):
            run = _IN_RUN.sub(lambda match: b"/" if match[1] == b"/" else b"", run)
        for offset in (0,) if whole and not self._thorough else (0, 1, 2, 3):
            self._take_blob(_unbase64(run[offset:]), depth + 1, whole=whole)

    def _take_blob(self, blob: bytes, depth: int, *, whole: bool = True) -> None:
        if depth > DEEPEST:
            return
        if _is_package(blob):
            self.take(blob, depth)
        elif blob.startswith(_LOCAL) or self._thorough or not whole:
            self._take_zip(blob, depth)

    def _take_zip(self, blob: bytes, depth: int) -> None:
        for name, content_at in _entries(blob):
            self._add_name(self.found.zipped, name)
            if content_at and depth < DEEPEST and _worth_opening(_inflate(blob, content_at, 64)):
                inner = _inflate(blob, content_at, INFLATED - self._inflated)
                self._inflated += len(inner)
                self._take_blob(inner, depth + 1)


def _as_utf8(raw: bytes) -> bytes:
    """UTF-16 as UTF-8, told by its byte order mark or by the zero bytes beside its first characters."""
    start = raw[:64]
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", "replace").encode("utf-8", "replace")
    if start[1::2].count(0) > 16 or start[:2] in (b"<\0", b"{\0"):
        return raw.decode("utf-16-le", "replace").encode("utf-8", "replace")
    if start[::2].count(0) > 16 or start[:2] in (b"\0<", b"\0{"):
        return raw.decode("utf-16-be", "replace").encode("utf-8", "replace")
    return raw


def _without_asides(text: str) -> str:
    """*text* without comments, and with CDATA as ordinary escaped text. One that does not end stays as it is."""
    for opening, closing in (("<!--", "-->"), ("<![CDATA[", "]]>")):
        pieces, at = [], 0
        while (start := text.find(opening, at)) >= 0 and (end := text.find(closing, start + len(opening))) >= 0:
            inner = html.escape(text[start + len(opening) : end]) if closing == "]]>" else ""
            pieces += [text[at:start], inner]
            at = end + len(closing)
        text = "".join([*pieces, text[at:]])
    return text


def _unescaped(match: re.Match[str]) -> str:
    return chr(int(match[1], 16)) if match[1] else _PLAIN_ESCAPES.get(match[2], match[2])


def _unbase64(run: bytes | memoryview) -> bytes:
    """As much as makes whole groups of four; what is not base64 at all is no bytes."""
    try:
        return binascii.a2b_base64(run[: len(run) // 4 * 4])
    except binascii.Error:
        return b""


def _worth_opening(head: bytes) -> bool:
    return head.startswith((_LOCAL, b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\0<")) or head.lstrip()[:1] == b"<"


def _is_package(blob: bytes) -> bool:
    return b"edxml" in blob[:8192].replace(b"\0", b"").lower()


def _entries(blob: bytes) -> Iterator[tuple[str, int]]:
    """Name of each header, and where its deflated bytes begin (0: nothing to inflate)."""
    for match in _ZIP_HEADER.finditer(blob):
        at = match.start()
        is_local = match[0] == _LOCAL
        fixed, length_at = (30, 26) if is_local else (46, 28)
        length = int.from_bytes(blob[at + length_at : at + length_at + 2], "little")
        raw = blob[at + fixed : at + fixed + length]
        if not 0 < length <= _LONGEST_NAME or b"\0" in raw:
            continue
        extra = int.from_bytes(blob[at + 28 : at + 30], "little")
        deflated = is_local and blob[at + 8 : at + 10] == b"\x08\0"
        yield plain(_name(raw)), at + 30 + length + extra if deflated else 0


def _name(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("cp1258", "replace")


def _inflate(blob: bytes, at: int, most: int) -> bytes:
    """At most *most* bytes of the deflate stream at *at*, up to where it is damaged."""
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    inflated = bytearray()
    try:
        while at < len(blob) and len(inflated) < most and not stream.eof:
            folded = stream.unconsumed_tail or blob[at : at + _SLICE]
            at += 0 if stream.unconsumed_tail else _SLICE
            inflated += stream.decompress(folded, most - len(inflated))
    except zlib.error:
        pass
    return bytes(inflated)
