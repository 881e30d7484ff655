"""A typed view of one JSON object that refuses what it does not know, naming the place by JSON pointer (RFC 6901)."""

from __future__ import annotations

import binascii
import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime
from typing import Final, NoReturn, TypeVar

from gateway.clock import VIETNAM
from gateway.errors import Refusal

T = TypeVar("T")

LARGEST: Final = 2**31 - 1
LONGEST_IDENTIFIER: Final = 255
"""Characters of a DocumentId (reference §3.3); used for every identifier."""

_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that XML 1.0 §2.2 cannot carry: such text could never leave for a platform."""
_IDENTIFIER = re.compile(r"\S(?:.*\S)?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:Z|[+-][0-9]{2}:[0-9]{2})?")
_BLANKS: Final = " \t\r\n"
"""White space of XML 1.0 §2.3: around a value it says nothing, and does not survive the way over a platform."""
_SHOWN_NAME = 100
_ABSENT: Final = object()


def wrong(pointer: str, detail: str) -> NoReturn:
    """Refuse a value: 'json.value' at *pointer*."""
    raise Refusal("json.value", where=pointer, detail=detail)


def step(pointer: str, name: str | int) -> str:
    """*pointer* one step deeper. A stranger's name is cut and made writable, because it ends up in logs and rows."""
    if isinstance(name, int):
        return f"{pointer}/{name}"
    shown = name if len(name) <= _SHOWN_NAME else f"{name[:_SHOWN_NAME]}…"
    shown = _UNWRITABLE.sub("\ufffd", shown)
    return f"{pointer}/{shown.replace('~', '~0').replace('/', '~1')}"


class Reader:
    """Takes members out of an object one by one; what is left over in the end was unknown and is refused.

    Taking is removing: a base64 text of 27 MB is freed as soon as it is decoded. Every method raises Refusal
    'json.value' with the member's pointer when the value has another type or lies outside its limits.
    """

    def __init__(self, value: object, pointer: str = "") -> None:
        if not isinstance(value, dict):
            wrong(pointer, "an object is expected")
        self._members: dict[str, object] = value
        self._pointer = pointer

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def at(self, name: str) -> str:
        """The pointer of member *name*."""
        return step(self._pointer, name)

    def finish(self) -> None:
        """Refuse the first member nobody took."""
        for name in self._members:
            wrong(self.at(name), "unknown name")

    def text(self, name: str) -> str:
        """Text in NFC without blanks around it, "" if absent."""
        value = self._take(name)
        return "" if value is _ABSENT else _text(value, self.at(name))

    def required_text(self, name: str) -> str:
        """Text that says something: present and not blank."""
        value = self.text(name)
        if not value.strip():
            wrong(self.at(name), "required and must not be blank")
        return value

    def identifier(self, name: str, *, required: bool = False) -> str:
        """One line of at most 255 characters without blanks around it; "" if absent and not *required*."""
        value = self._take(name)
        if value is not _ABSENT:
            return _identifier(value, self.at(name))
        if required:
            wrong(self.at(name), "required")
        return ""

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts, () if absent."""
        return tuple(_text(item, step(self.at(name), place)) for place, item in enumerate(self._list(name)))

    def identifiers(self, name: str) -> tuple[str, ...]:
        """A list of identifiers, () if absent."""
        return tuple(_identifier(item, step(self.at(name), place)) for place, item in enumerate(self._list(name)))

    def integer(self, name: str, least: int = 0, most: int = LARGEST) -> int | None:
        """A whole number within the limits, None if absent. 2.0 is whole (JSON Schema 2020-12 §4.2.3)."""
        value = self._take(name)
        if value is _ABSENT:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            wrong(self.at(name), "a whole number is expected")
        if not least <= value <= most or value != int(value):
            wrong(self.at(name), f"a whole number from {least} to {most} is expected")
        return int(value)

    def required_integer(self, name: str, least: int = 0, most: int = LARGEST) -> int:
        """A whole number that must be present."""
        value = self.integer(name, least, most)
        if value is None:
            wrong(self.at(name), "required")
        return value

    def flag(self, name: str) -> bool:
        """true or false; False if absent."""
        value = self._take(name)
        if value is _ABSENT:
            return False
        if not isinstance(value, bool):
            wrong(self.at(name), "true or false is expected")
        return value

    def day(self, name: str) -> date | None:
        """A calendar day "YYYY-MM-DD", None if absent."""
        value = self._take(name)
        if value is _ABSENT:
            return None
        if isinstance(value, str) and _DAY.fullmatch(value):
            try:
                return date.fromisoformat(value)
            except ValueError:
                pass
        wrong(self.at(name), "a calendar day YYYY-MM-DD is expected")

    def moment(self, name: str) -> datetime | None:
        """A moment "YYYY-MM-DDThh:mm:ss[±hh:mm|Z]" in whole seconds; without a zone it is Vietnamese time."""
        value = self._take(name)
        if value is _ABSENT:
            return None
        if isinstance(value, str) and _MOMENT.fullmatch(value):
            try:
                read = datetime.fromisoformat(value)
                return read.astimezone(VIETNAM) if read.tzinfo else read.replace(tzinfo=VIETNAM)
            except (ValueError, OverflowError):
                pass
        wrong(self.at(name), "a moment YYYY-MM-DDThh:mm:ss with an optional zone is expected")

    def base64(self, name: str) -> bytes:
        """Required bytes as standard base64 (RFC 4648 §4) with padding; white space between characters is skipped."""
        value = self._take(name)
        if not isinstance(value, str):
            wrong(self.at(name), "required as base64 text")
        try:
            return _unfolded(value)
        except ValueError:
            wrong(self.at(name), "not valid base64")

    def part(self, name: str, build: Callable[[Reader], T]) -> T | None:
        """The object *name* read by *build*, None if absent."""
        value = self._take(name)
        return None if value is _ABSENT else _whole(value, self.at(name), build)

    def required_part(self, name: str, build: Callable[[Reader], T]) -> T:
        """The object *name*, which must be present, read by *build*."""
        value = self._take(name)
        if value is _ABSENT:
            wrong(self.at(name), "required")
        return _whole(value, self.at(name), build)

    def parts(self, name: str, build: Callable[[Reader], T]) -> tuple[T, ...]:
        """A list of objects, each read by *build*; () if absent."""
        items = self._list(name)
        items.reverse()
        return tuple(_whole(items.pop(), step(self.at(name), place), build) for place in range(len(items)))

    def _take(self, name: str) -> object:
        return self._members.pop(name, _ABSENT)

    def _list(self, name: str) -> list[object]:
        value = self._take(name)
        if value is _ABSENT:
            return []
        if not isinstance(value, list):
            wrong(self.at(name), "a list is expected")
        return value


def read_whole(value: object, build: Callable[[Reader], T]) -> T:
    """*value* as one object read by *build*, with nothing left over."""
    return _whole(value, "", build)


def _whole(value: object, pointer: str, build: Callable[[Reader], T]) -> T:
    reader = Reader(value, pointer)
    built = build(reader)
    reader.finish()
    return built


def _text(value: object, pointer: str) -> str:
    return _composed(value, pointer).strip(_BLANKS)


def _identifier(value: object, pointer: str) -> str:
    composed = _composed(value, pointer)
    if len(composed) > LONGEST_IDENTIFIER or not _IDENTIFIER.fullmatch(composed):
        wrong(pointer, "1 to 255 characters on one line, without blanks around them")
    return composed


def _composed(value: object, pointer: str) -> str:
    if not isinstance(value, str):
        wrong(pointer, "text is expected")
    if _UNWRITABLE.search(value):
        wrong(pointer, "contains a character that cannot be exchanged (control character or lone surrogate)")
    return unicodedata.normalize("NFC", value)


def _unfolded(value: str) -> bytes:
    """The bytes behind base64 text. A copy of it is made only where there is white space to take out. ValueError."""
    text: str | bytes = value
    if any(blank in value for blank in _BLANKS):
        text = value.encode("ascii").translate(None, _BLANKS.encode())
    content = binascii.a2b_base64(text, strict_mode=True)
    if len(text) != (len(content) + 2) // 3 * 4:
        raise ValueError("padding after a complete group, which strict_mode lets pass")
    return content
