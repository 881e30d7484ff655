"""BER as CMS comes in it (X.690 §8): values cut out by their lengths, indefinite ones too, and put into DER.

Nothing is decoded here and nothing beyond a value's own end is ever read. All faults are ValueError, for
`gateway.signing.trust.armour.decoding`; only a flood is NotValid limit.exceeded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from asn1crypto import core

from gateway.model.verdict import NotValid

INTEGER: Final = 0x02
OCTETS: Final = 0x04
OID: Final = 0x06
UTC_TIME: Final = 0x17
GENERALIZED_TIME: Final = 0x18
SEQUENCE: Final = 0x30
SET: Final = 0x31
ZERO: Final = 0xA0
"""[0], constructed; [1] and [2] follow."""

_CONSTRUCTED: Final = 0x20
_CONSTRUCTED_OCTETS: Final = 0x24
_MAX_DEPTH: Final = 40
_MAX_VALUES: Final = 300_000
_END: Final = (0, 0)


@dataclass(frozen=True, slots=True)
class Value:
    """One value: *tag* its identifier octets as a number, *body* without header and end marks, *whole* with them."""

    tag: int
    body: memoryview
    whole: memoryview
    definite: bool

    @property
    def der(self) -> bytes:
        """The bytes as they came."""
        return bytes(self.whole)


class Reader:
    """Cuts values; together at most 300,000 of them, so that nesting cannot burn time."""

    __slots__ = ("_left",)

    def __init__(self, values: int = _MAX_VALUES) -> None:
        self._left = values

    def one(self, raw: bytes | memoryview) -> Value:
        """The single value that *raw* is. Raises ValueError, also for bytes after it."""
        value, end = self._value(memoryview(raw), 0)
        if end != len(raw):
            raise ValueError("bytes after the value")
        return value

    def parts(self, value: Value, tag: int | None = None) -> list[Value]:
        """What the constructed *value* (of *tag*, if given) holds. Raises ValueError."""
        if tag is not None and value.tag != tag:
            raise ValueError("another kind of value")
        if not value.whole[0] & _CONSTRUCTED:
            raise ValueError("not a constructed value")
        return list(self._parts(value.body))

    def sole(self, value: Value, tag: int | None = None) -> Value:
        """The only value in *value*."""
        (found,) = self.parts(value, tag)
        return found

    def octets(self, value: Value, tag: int = OCTETS) -> bytes:
        """The bytes of an octet string, in one piece or in several (§8.7). *tag*: its primitive form's."""
        if value.tag == tag:
            return bytes(value.body)
        if value.tag != tag | _CONSTRUCTED:
            raise ValueError("not an octet string")
        return b"".join(self._pieces(value, 0))

    def encoded(self, value: Value, depth: int = 0) -> bytes:
        """*value* with definite, shortest lengths and octet strings in one piece; sets are left in their order."""
        if depth > _MAX_DEPTH:
            raise ValueError("nested too deeply")
        if value.tag == _CONSTRUCTED_OCTETS:
            return encode(OCTETS, self.octets(value))
        if not value.whole[0] & _CONSTRUCTED:
            return encode(value.tag, bytes(value.body))
        return encode(value.tag, b"".join(self.encoded(part, depth + 1) for part in self.parts(value)))

    def _pieces(self, value: Value, depth: int) -> Iterator[bytes]:
        if depth > _MAX_DEPTH:
            raise ValueError("nested too deeply")
        for part in self._parts(value.body):
            if part.tag == OCTETS:
                yield bytes(part.body)
            elif part.tag == _CONSTRUCTED_OCTETS:
                yield from self._pieces(part, depth + 1)
            else:
                raise ValueError("a piece of an octet string is none")

    def _parts(self, body: memoryview) -> Iterator[Value]:
        at = 0
        while at < len(body):
            value, at = self._value(body, at)
            if value.tag == 0:
                raise ValueError("an end mark without a beginning")
            yield value

    def _value(self, view: memoryview, at: int) -> tuple[Value, int]:
        tag, start, length = self._header(view, at)
        if length is not None:
            end = start + length
            return Value(tag, view[start:end], view[at:end], definite=True), end
        close = self._close(view, start)
        return Value(tag, view[start:close], view[at : close + 2], definite=False), close + 2

    def _close(self, view: memoryview, at: int) -> int:
        """Where the end mark of the indefinite value whose body begins at *at* stands."""
        depth = 1
        while True:
            tag, start, length = self._header(view, at)
            if length is None:
                depth += 1
                if depth > _MAX_DEPTH:
                    raise ValueError("nested too deeply")
                at = start
            elif (tag, length) == _END:
                depth -= 1
                if not depth:
                    return at
                at = start
            else:
                at = start + length

    def _header(self, view: memoryview, at: int) -> tuple[int, int, int | None]:
        """Tag, offset of the body, its length (None: indefinite). The body lies within *view*."""
        self._left -= 1
        if self._left < 0:
            raise NotValid("limit.exceeded", "too many values in an ASN.1 structure")
        tag, place = _tag(view, at)
        first = view[place]
        place += 1
        if first == 0x80:
            if not view[at] & _CONSTRUCTED:
                raise ValueError("a primitive value of indefinite length")
            return tag, place, None
        length = first
        if first > 0x80:
            count = first & 0x7F
            if count > 8 or place + count > len(view):
                raise ValueError("an unusable length")
            length = int.from_bytes(view[place : place + count])
            place += count
        if place + length > len(view):
            raise ValueError("a value longer than what holds it")
        return tag, place, length


def _tag(view: memoryview, at: int) -> tuple[int, int]:
    tag = view[at]
    at += 1
    if tag & 0x1F == 0x1F:
        for _ in range(3):
            tag = tag << 8 | view[at]
            at += 1
            if not tag & 0x80:
                break
        else:
            raise ValueError("an over-long tag")
    return tag, at


def encode(tag: int, body: bytes) -> bytes:
    """A value with the shortest definite length."""
    size = len(body)
    identifier = tag.to_bytes((tag.bit_length() + 7) // 8 or 1)
    if size < 0x80:
        return identifier + bytes((size,)) + body
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return identifier + bytes((0x80 | len(length),)) + length + body


def oid(value: Value) -> str:
    """The dotted form of an OBJECT IDENTIFIER."""
    if value.tag != OID or not 0 < len(value.body) <= 64 or value.body[-1] & 0x80:
        raise ValueError("not an object identifier")
    return str(core.ObjectIdentifier.load(encode(OID, bytes(value.body))).dotted)


def integer(value: Value) -> int:
    """The number of an INTEGER of at most 64 octets."""
    if value.tag != INTEGER or not 0 < len(value.body) <= 64:
        raise ValueError("not an integer")
    return int.from_bytes(value.body, signed=True)


class Fields:
    """The fields of a SEQUENCE, taken in order; what is left at the end is a fault."""

    __slots__ = ("_at", "_parts")

    def __init__(self, parts: list[Value]) -> None:
        self._parts = parts
        self._at = 0

    def next(self, *tags: int) -> Value:
        """The next field, of one of *tags*. Raises ValueError."""
        found = self.optional(*tags)
        if found is None:
            raise ValueError("a field is missing")
        return found

    def optional(self, *tags: int) -> Value | None:
        """The next field if it has one of *tags*."""
        if self._at < len(self._parts) and self._parts[self._at].tag in tags:
            self._at += 1
            return self._parts[self._at - 1]
        return None

    def end(self) -> None:
        """Raises ValueError if a field is left."""
        if self._at != len(self._parts):
            raise ValueError("a field too many")
