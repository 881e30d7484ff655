"""Where each key of a TOML text stands. `tomllib` gives the values; this gives their lines.

The text must already have been accepted by `tomllib`: this reader knows where things begin and end (TOML 1.0), not
whether they are allowed.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from dataclasses import dataclass

KeyPath = tuple[str | int, ...]
"""From the root to a key; elements of arrays, also of ``[[tables]]``, by index from 0."""

_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BARE_VALUE = re.compile(r"[^,\]}#\n]+")
_STRING = re.compile(
    r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*"""(?:"{0,2})'
    r"|'''(?:(?!''').)*'''(?:'{0,2})"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Place:
    """Line and column, both from 1."""

    line: int
    column: int


def locate(text: str) -> dict[KeyPath, Place]:
    """The place of every key, table header and array element in *text*. A table that is opened several times
    (``[a.b]`` before ``[a]``) has the place of its first mention.
    """
    return _Reader(text).places()


class _Reader:
    """One pass over the text; `_at` is the offset of the next character to read."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._offsets: dict[KeyPath, int] = {}
        self._lengths: dict[KeyPath, int] = {}

    def places(self) -> dict[KeyPath, Place]:
        table: KeyPath = ()
        self._skip(_BLANK)
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._assignment(table)
            self._skip(_BLANK)
        starts = [0, *(match.end() for match in re.finditer("\n", self._text))]
        return {path: _place(starts, offset) for path, offset in self._offsets.items()}

    def _header(self) -> KeyPath:
        start = self._at
        array = self._text.startswith("[[", start)
        self._at += 2 if array else 1
        keys = self._key()
        self._at += 2 if array else 1
        parent: KeyPath = ()
        for key in keys[:-1]:
            parent = self._inside((*parent, key), start)
        last = (*parent, keys[-1])
        if array:
            self._note(last, start)
            self._lengths[last] = self._lengths.get(last, 0) + 1
        return self._inside(last, start)

    def _inside(self, path: KeyPath, start: int) -> KeyPath:
        """The table that *path* means here: of an array of tables, the newest one."""
        self._note(path, start)
        if path not in self._lengths:
            return path
        newest = (*path, self._lengths[path] - 1)
        self._note(newest, start)
        return newest

    def _assignment(self, table: KeyPath) -> None:
        start = self._at
        path = table
        for key in self._key():
            path = (*path, key)
            self._note(path, start)
        self._at += 1
        self._value(path)

    def _key(self) -> list[str]:
        keys = []
        while True:
            self._skip(_SPACE)
            keys.append(self._key_part())
            self._skip(_SPACE)
            if not self._text.startswith(".", self._at):
                return keys
            self._at += 1

    def _key_part(self) -> str:
        quoted = self._text[self._at] in "\"'"
        raw = self._take(_STRING if quoted else _BARE_KEY)
        return str(tomllib.loads(f"key = {raw}")["key"]) if quoted else raw

    def _value(self, path: KeyPath) -> None:
        self._skip(_SPACE)
        first = self._text[self._at]
        if first == "[":
            self._array(path)
        elif first == "{":
            self._inline_table(path)
        else:
            self._take(_STRING if first in "\"'" else _BARE_VALUE)

    def _array(self, path: KeyPath) -> None:
        self._at += 1
        index = 0
        while not self._ends("]"):
            self._note((*path, index), self._at)
            self._value((*path, index))
            index += 1

    def _inline_table(self, path: KeyPath) -> None:
        self._at += 1
        while not self._ends("}"):
            self._assignment(path)

    def _ends(self, bracket: str) -> bool:
        """Step over blanks and at most one comma; whether *bracket* closed what was open."""
        self._skip(_BLANK)
        if self._text[self._at] == ",":
            self._at += 1
            self._skip(_BLANK)
        if self._text[self._at] != bracket:
            return False
        self._at += 1
        return True

    def _note(self, path: KeyPath, offset: int) -> None:
        self._offsets.setdefault(path, offset)

    def _skip(self, pattern: re.Pattern[str]) -> None:
        self._take(pattern)

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:  # tomllib accepted it, so the text and this reader disagree about TOML
            raise ValueError(f"unexpected character at offset {self._at}")
        self._at = match.end()
        return match[0]


def _place(starts: list[int], offset: int) -> Place:
    line = bisect_right(starts, offset)
    return Place(line, offset - starts[line - 1] + 1)
