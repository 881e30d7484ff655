"""Entries: one canonical line of JSON per event, hashed as it stands.

The form is the JSON Canonicalization Scheme (RFC 8785) restricted to what entries need: no fractions, no null, names in
ASCII, text in Unicode NFC. An event has exactly one such form, so its hash can be made again by anyone from the event.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from gateway.audit.events import FIELDS, TYPES, Form
from gateway.errors import GatewayError

VERSION: Final = 1
MAX_NUMBER: Final = 2**53 - 1
"""Larger whole numbers are not exact in every JSON reader (RFC 7493 §2.2)."""
_FRAME: Final = frozenset({"v", "type", "at"})

Value = str | int | bool | tuple[str, ...]


class InvalidEntry(GatewayError):
    """Not in the catalogue; or a field is missing, unknown or of the wrong form; or the bytes are not canonical."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A parsed entry: its type, when (UTC, to the millisecond), and its fields."""

    type: str
    at: datetime
    fields: Mapping[str, Value]


def canonical(type: str, at: datetime, fields: Mapping[str, object]) -> bytes:
    """The one byte form of this event. Text is brought to NFC, *at* cut to milliseconds. Raises InvalidEntry."""
    _check_names(type, fields)
    members = {"v": VERSION, "type": type, "at": _written(at)}
    members |= {name: _checked(name, value) for name, value in fields.items()}
    text = json.dumps(members, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InvalidEntry(f"{type}: text with an unpaired surrogate") from error


def parse(raw: bytes) -> Entry:
    """The entry in *raw*, which must be exactly what :func:`canonical` makes of it. Raises InvalidEntry."""
    try:
        members = json.loads(raw.decode())
    except (ValueError, RecursionError) as error:
        raise InvalidEntry("not JSON in UTF-8") from error
    if not isinstance(members, dict) or not members.keys() >= _FRAME:
        raise InvalidEntry("not an entry: v, type and at are required")
    type, at = members["type"], _read(members["at"])
    fields = {name: value for name, value in members.items() if name not in _FRAME}
    if canonical(type, at, fields) != raw:
        raise InvalidEntry(f"{type}: not in canonical form")
    return Entry(type, at, MappingProxyType({name: _frozen(value) for name, value in fields.items()}))


def _check_names(type: object, names: Iterable[str]) -> None:
    kind = TYPES.get(type) if isinstance(type, str) else None
    if kind is None:
        raise InvalidEntry(f"no entry type {type!r}")
    given = frozenset(names)
    if missing := kind.required - given:
        raise InvalidEntry(f"{type}: missing {', '.join(sorted(missing))}")
    if unknown := given - kind.required - kind.optional:
        raise InvalidEntry(f"{type}: unknown {', '.join(sorted(unknown))}")


def _checked(name: str, value: object) -> str | int | bool | list[str]:
    match FIELDS[name], value:
        case Form.TEXT, str():
            return _normal(value)
        case Form.FLAG, bool():
            return value
        case Form.NUMBER, int() if not isinstance(value, bool) and abs(value) <= MAX_NUMBER:
            return value
        case Form.TEXTS, list() | tuple() if all(isinstance(item, str) for item in value):
            return [_normal(item) for item in value]
    raise InvalidEntry(f"{name}: {value.__class__.__name__} where {FIELDS[name].value} is due")


def _normal(text: str) -> str:
    return unicodedata.normalize("NFC", str(text))


def _written(at: datetime) -> str:
    if at.tzinfo is None:
        raise InvalidEntry("time without a zone")
    return at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def _read(at: object) -> datetime:
    if isinstance(at, str):
        try:
            return datetime.strptime(at, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
        except ValueError:
            pass
    raise InvalidEntry("at is not a time such as 2026-11-22T14:00:00.123Z")


def _frozen(value: Any) -> Value:
    return tuple(value) if isinstance(value, list) else value
