"""The operators of a content stream with their operands (ISO 32000-2 §7.8.2)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

Operand = float | str | bytes | list["Operand"]
"""A number, a name with its solidus, a string, an array; dictionaries are passed over."""

_GAP: Final = re.compile(rb"(?:[\x00\t\n\f\r ]+|%[^\r\n]*)*")
_TOKEN: Final = re.compile(
    rb"(?P<name>/[^\x00\t\n\f\r ()<>\[\]{}/%]*)"
    rb"|(?P<mark><<|>>|[\[\](){}])"
    rb"|<(?P<hex>[0-9A-Fa-f\x00\t\n\f\r ]*)>"
    rb"|(?P<word>[^\x00\t\n\f\r ()<>\[\]{}/%]+)"
)
_NUMBER: Final = re.compile(rb"[+-]*(?:\d+\.?\d*|\.\d+)(?:-\d*)?")
_BRACKET: Final = re.compile(rb"\\.|[()]", re.DOTALL)
_ESCAPE: Final = re.compile(rb"\\(?:([0-7]{1,3})|(\r\n|.))", re.DOTALL)
_LETTERS: Final = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_IMAGE_END: Final = re.compile(rb"[\x00\t\n\f\r ]EI(?=[\x00\t\n\f\r ]|$)")


def operators(content: bytes) -> Iterator[tuple[str, list[Operand]]]:
    """Each operator with what stands before it; inline images are passed over, as is what makes no sense."""
    given: list[Operand] = []
    outer: list[list[Operand]] = []
    at = skipped = 0
    while True:
        at = _end(_GAP.match(content, at), at)
        token = _TOKEN.match(content, at)
        if token is None:
            if at >= len(content):
                return
            at += 1
            continue
        at = token.end()
        kind, raw = token.lastgroup, token[0]
        if raw == b"(":
            at, text = _literal(content, at)
            given.append(text)
        elif raw in (b"<<", b">>"):
            skipped += 1 if raw == b"<<" else -1
        elif raw == b"[":
            outer.append(given)
            given = []
        elif raw == b"]" and outer:
            outer[-1].append(given)
            given = outer.pop()
        elif kind == "hex":
            given.append(_hexadecimal(token["hex"]))
        elif kind == "name":
            given.append(raw.decode("latin-1"))
        elif kind == "word" and _NUMBER.fullmatch(raw):
            given.append(_number(raw))
        elif kind == "word":
            if raw == b"BI":
                at = _end(_IMAGE_END.search(content, at), len(content))
            elif skipped <= 0:
                yield raw.decode("latin-1"), given
            given, outer, skipped = [], [], 0


def _end(found: re.Match[bytes] | None, otherwise: int) -> int:
    return found.end() if found else otherwise


def _number(raw: bytes) -> float:
    digits = raw.lstrip(b"+-").partition(b"-")[0]
    return float(digits) * (-1 if raw.startswith(b"-") else 1)


def _hexadecimal(digits: bytes) -> bytes:
    found = b"".join(digits.replace(b"\0", b"").split())
    return bytes.fromhex((found + b"0" * (len(found) % 2)).decode("ascii"))


def _literal(content: bytes, at: int) -> tuple[int, bytes]:
    """The string that begins at *at*, behind its bracket, and where it ends (§7.3.4.2)."""
    depth, start = 1, at
    for found in _BRACKET.finditer(content, at):
        depth += {b"(": 1, b")": -1}.get(found[0], 0)
        if depth == 0:
            return found.end(), _ESCAPE.sub(_unescaped, content[start : found.start()])
    return len(content), b""


def _unescaped(escape: re.Match[bytes]) -> bytes:
    if escape[1]:
        return bytes([int(escape[1], 8) & 0xFF])
    return b"" if escape[2] in (b"\r\n", b"\n", b"\r") else _LETTERS.get(escape[2], escape[2])
