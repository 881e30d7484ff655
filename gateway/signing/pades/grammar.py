"""Whether bytes are written as ISO 32000-2 §7.2 and §7.3 have it, to the letter.

Parsers forgive different things: a lost bracket, a number with a letter in it, an unusual space. Of such bytes one
program shows something else than the next. What came after a signature must leave no room for that.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_WHITE: Final = rb"[\0\t\n\f\r ]"
_REGULAR: Final = rb"[^\0\t\n\f\r ()<>\[\]{}/%]"
_TOKEN: Final = re.compile(
    rb"(?:(?P<value>[1-9][0-9]{0,9}%b+[0-9]{1,5}%b+R(?!%b)" % (_WHITE, _WHITE, _REGULAR)
    + rb"|[+-]?(?:[0-9]{1,20}(?:\.[0-9]{0,20})?|\.[0-9]{1,20})(?!%b)" % _REGULAR
    + rb"|(?:true|false|null)(?!%b)" % _REGULAR
    + rb"|<[0-9A-Fa-f\0\t\n\f\r ]*+>)"
    + rb"|(?P<name>/(?:[^\0\t\n\f\r ()<>\[\]{}/%#]|#[0-9A-Fa-f]{2})*+)(?!#)"
    + rb"|(?P<open><<|\[)|(?P<close>>>|\])|(?P<string>\())"
)
_SPACE: Final = re.compile(rb"%b*+" % _WHITE)
_IN_STRING: Final = re.compile(rb"[^()\\]*+(?:\\[\s\S][^()\\]*+)*+([()])")
_HEAD: Final = re.compile(rb"[1-9][0-9]{0,9}%b+[0-9]{1,5}%b+obj(?!%b)" % (_WHITE, _WHITE, _REGULAR))
_STREAM: Final = re.compile(rb"stream(?:\r\n|\n)")
_END_STREAM: Final = re.compile(rb"%b*+endstream%b++endobj" % (_WHITE, _WHITE))
_END: Final = re.compile(rb"%b*+endobj" % _WHITE)
_TABLE: Final = re.compile(rb"xref *(?:\r\n|\n|\r)")
_SUBSECTION: Final = re.compile(rb"[0-9]{1,10} ([0-9]{1,7}) ?(?:\r\n|\n|\r)")
_ENTRY: Final = re.compile(rb"[0-9]{10} [0-9]{5} [nf](?: \r| \n|\r\n)")
_LEVELS: Final = 64


def value_end(content: bytes, start: int) -> int:
    """Where the value at *start* ends, -1 if it is not written to the letter. Comments within count as not."""
    levels: list[bool | None] = []  # per dictionary whether a key was read, None for an array
    at = start
    while True:
        at = _SPACE.match(content, at).end()  # type: ignore[union-attr]
        token = _TOKEN.match(content, at)
        if token is None or len(levels) > _LEVELS:
            return -1
        kind, at = token.lastgroup, token.end()
        if kind == "close":
            if not levels or levels.pop() is not (None if token["close"] == b"]" else False):
                return -1
        elif levels and levels[-1] is False:
            if kind != "name":
                return -1
            levels[-1] = True
            continue
        elif kind == "open":
            levels.append(None if token["open"] == b"[" else False)
            continue
        elif kind == "string" and (at := _string_end(content, at)) < 0:
            return -1
        if not levels:
            return at
        if levels[-1] is True:
            levels[-1] = False


def is_object(content: bytes, start: int, end: int, length: int | None) -> bool:
    """Whether the indirect object from *start* to *end* is to the letter; *length* of its stream, None without one."""
    head = _HEAD.match(content, start)
    at = value_end(content, head.end()) if head else -1
    if at < 0:
        return False
    if length is None:
        last = _END.match(content, at)
    else:
        begin = _STREAM.match(content, _SPACE.match(content, at).end())  # type: ignore[union-attr]
        last = _END_STREAM.match(content, begin.end() + length) if begin else None
    return last is not None and last.end() == end


def is_table(content: bytes, start: int, end: int) -> bool:
    """Whether from *start* to *end* there is a cross-reference table with lines of 20 bytes (§7.5.4), and a trailer."""
    begin = _TABLE.match(content, start)
    at = begin.end() if begin else end
    while (part := _SUBSECTION.match(content, at)) is not None:
        at = part.end()
        for _ in range(int(part[1])):
            line = _ENTRY.match(content, at, end)
            if line is None:
                return False
            at = line.end()
    at = _SPACE.match(content, at).end()  # type: ignore[union-attr]
    return content.startswith(b"trailer", at) and value_end(content, at + 7) == end


def are_rows(content: bytes, widths: Sequence[int], count: int) -> bool:
    """Whether *content* is *count* rows of a cross-reference stream (§7.5.8.3), each of a kind that is known."""
    if len(widths) != 3 or widths[0] != 1 or not all(0 <= each <= 8 for each in widths):
        return False
    size = sum(widths)
    return len(content) == count * size and set(content[::size]) <= {0, 1, 2}


def _string_end(content: bytes, at: int) -> int:
    depth = 1
    while depth:
        found = _IN_STRING.match(content, at)
        if found is None:
            return -1
        depth += 1 if found[1] == b"(" else -1
        at = found.end()
    return at
