"""The one JSON entry point: bytes of a stranger in, plain values or a Refusal out (RFC 8259, RFC 7493 I-JSON).

The parser works on the bytes: a document of 27 MB base64 beside some Vietnamese would double in size as one `str`.
It keeps its own stack, so that depth is a number and never a crash.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from gateway.errors import Refusal
from gateway.formats.position import line_column

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"

MAX_BYTES: Final = 128 << 20
MAX_DEPTH: Final = 64
MAX_VALUES: Final = 500_000
"""Values and names of one document."""
MAX_NUMBER: Final = 400
"""Characters of one number."""

_BLANK: Final = re.compile(rb"[ \t\n\r]*+")
_STRING: Final = re.compile(rb'"([^"\\\x00-\x1f]*+(?:\\[^\x00-\x1f][^"\\\x00-\x1f]*+)*+)"')
_NUMBER: Final = re.compile(rb"-?(?:0|[1-9][0-9]*+)(\.[0-9]++)?([eE][+-]?[0-9]++)?")
_WORD: Final = re.compile(rb"[-+A-Za-z]{1,9}")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_WORDS: Final[dict[bytes, bool | None]] = {b"true": True, b"false": False, b"null": None}
_NOT_NUMBERS: Final = frozenset({b"NaN", b"Infinity", b"-Infinity", b"+Infinity", b"nan", b"inf", b"-inf"})
_INTEGERS: Final = range(-(1 << 63), 1 << 64)


def loads(raw: bytes, *, max_bytes: int = MAX_BYTES) -> Json:
    """Read one JSON document in UTF-8 without byte order mark.

    Raises Refusal with the position `line:column`: json.malformed; json.duplicate (a name twice in one object);
    json.limit (depth over 64, NaN or Infinity, an integer beyond 64 bits, a float beyond its range, too many values);
    limit.body (more than *max_bytes*). Never anything else.
    """
    if len(raw) > max_bytes:
        raise Refusal("limit.body", detail=f"{len(raw)} bytes, at most {max_bytes}")
    return _Parser(raw).document()


def dumps(value: object) -> bytes:
    """Canonical UTF-8: sorted names, no blanks, text as itself. Raises ValueError for NaN and lone surrogates."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


@dataclass(slots=True)
class _Frame:
    """An object or array that is still open; *name* is the member an object waits to fill."""

    container: dict[str, Json] | list[Json]
    name: str = ""


@dataclass(slots=True)
class _Parser:
    """Reads values one after the other; open containers wait on an explicit stack."""

    raw: bytes
    at: int = 0
    values: int = 0
    stack: list[_Frame] = field(default_factory=list)

    def document(self) -> Json:
        """The one value of the document, and nothing behind it."""
        value = self._value()
        while self.stack:
            value = self._next(value)
        self._skip_blank()
        if self.at != len(self.raw):
            raise self._refusal("json.malformed", "something follows the document")
        return value

    def _next(self, value: Json) -> Json:
        """Put *value* into the innermost container; the next value, or the container itself if it ends here."""
        frame = self.stack[-1]
        if isinstance(frame.container, dict):
            frame.container[frame.name] = value
            closing = b"}"
        else:
            frame.container.append(value)
            closing = b"]"
        if self._take(closing):
            return self.stack.pop().container
        self._expect(b",")
        if isinstance(frame.container, dict):
            frame.name = self._name(frame.container)
        return self._value()

    def _value(self) -> Json:
        """A scalar, an empty container, or the first scalar inside newly opened containers."""
        while True:
            self._count()
            self._skip_blank()
            opening = self.raw[self.at : self.at + 1]
            if opening not in (b"{", b"["):
                return self._string() if opening == b'"' else self._number_or_word()
            if len(self.stack) >= MAX_DEPTH:
                raise self._refusal("json.limit", f"deeper than {MAX_DEPTH}")
            self.at += 1
            container: dict[str, Json] | list[Json] = {} if opening == b"{" else []
            if self._take(b"}" if opening == b"{" else b"]"):
                return container
            frame = _Frame(container)
            self.stack.append(frame)
            if isinstance(container, dict):
                frame.name = self._name(container)

    def _name(self, container: dict[str, Json]) -> str:
        self._count()
        self._skip_blank()
        start = self.at
        name = self._string()
        if name in container:
            self.at = start
            raise self._refusal("json.duplicate", "a name is repeated")
        self._expect(b":")
        return name

    def _string(self) -> str:
        match = _STRING.match(self.raw, self.at)
        if match is None:
            raise self._refusal("json.malformed", "a string was expected, or it does not end")
        start, end = match.span(1)
        try:
            if self.raw.find(b"\\", start, end) < 0:
                text = str(memoryview(self.raw)[start:end], "utf-8")
            else:
                text = json.loads(str(memoryview(self.raw)[start - 1 : end + 1], "utf-8"))
        except ValueError:
            raise self._refusal("json.malformed", "a string is not UTF-8 or has an unknown escape") from None
        if _SURROGATE.search(text):
            raise self._refusal("json.malformed", "half a surrogate pair")
        self.at = match.end()
        return text

    def _number_or_word(self) -> Json:
        match = _NUMBER.match(self.raw, self.at)
        if match is None:
            return self._word()
        if match.end() - self.at > MAX_NUMBER:
            raise self._refusal("json.limit", f"a number of more than {MAX_NUMBER} characters")
        number = float(match[0]) if match[1] or match[2] else int(match[0])
        if math.isinf(number) or (isinstance(number, int) and number not in _INTEGERS):
            raise self._refusal("json.limit", "a number beyond 64 bits")
        self.at = match.end()
        return number

    def _word(self) -> Json:
        match = _WORD.match(self.raw, self.at)
        word = match[0] if match else b""
        if word in _NOT_NUMBERS:
            raise self._refusal("json.limit", "NaN and Infinity are not JSON")
        if word not in _WORDS:
            raise self._refusal("json.malformed", "a value was expected")
        self.at += len(word)
        return _WORDS[word]

    def _take(self, mark: bytes) -> bool:
        self._skip_blank()
        found = self.raw.startswith(mark, self.at)
        self.at += found
        return found

    def _expect(self, mark: bytes) -> None:
        if not self._take(mark):
            raise self._refusal("json.malformed", f"'{mark.decode()}' was expected")

    def _skip_blank(self) -> None:
        match = _BLANK.match(self.raw, self.at)
        self.at = match.end() if match else self.at

    def _count(self) -> None:
        self.values += 1
        if self.values > MAX_VALUES:
            raise self._refusal("json.limit", f"more than {MAX_VALUES} values")

    def _refusal(self, code: str, detail: str) -> Refusal:
        return Refusal(code, line_column(self.raw, self.at), detail)
