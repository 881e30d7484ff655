"""Text of edXML to values and back: dates, times, numbers, flags, clean text (reference §3.11)."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime, time, timedelta, timezone
from typing import Final

from gateway.clock import VIETNAM

SPACE: Final = " \t\r\n"
"""White space of XML; other blank characters are text."""

_LAYOUT: Final = frozenset("\t\r\n")
_REGULAR_DAY: Final = re.compile(r"\d{4}/\d{2}/\d{2}", re.ASCII)
_REGULAR_MOMENT: Final = re.compile(r"\d{4}/\d{2}/\d{2} \d{2}:\d{2}:\d{2}", re.ASCII)
_MOMENT: Final = re.compile(
    r"(?:(?P<y>\d{4})[/-](?P<m>\d{1,2})[/-](?P<d>\d{1,2})|(?P<D>\d{1,2})[/-](?P<M>\d{1,2})[/-](?P<Y>\d{4}))"
    r"(?:[T ]+(?P<h>\d{1,2}):(?P<min>\d{2})(?::(?P<s>\d{2})(?:\.\d{1,9})?)?\s*(?P<zone>Z|[+-]\d{2}:?\d{2})?)?",
    re.ASCII,
)
_NUMBER: Final = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_FLAGS: Final = {"0": False, "1": True, "false": False, "true": True, "": False}


def clean(text: str) -> str:
    """Canonical text: NFC, without XML white space at its ends."""
    return unicodedata.normalize("NFC", text.strip(SPACE))


def clean_name(text: str) -> str:
    """A file's name: blanks at its ends belong to it, unless a line end or tab there shows that they are layout."""
    edges = text[:1] + text[-1:]
    return clean(text) if set(edges) & _LAYOUT else unicodedata.normalize("NFC", text)


def to_moment(text: str) -> datetime | None:
    """Local time +07:00 from `yyyy/MM/dd HH:mm:ss`, then `dd/MM/yyyy …`, then ISO 8601; None if it is none of them."""
    match = _MOMENT.fullmatch(text)
    if match is None:
        return None
    part = {name: int(value) for name, value in match.groupdict().items() if value and name != "zone"}
    try:
        day = date(part.get("y", part.get("Y", 0)), part.get("m", part.get("M", 0)), part.get("d", part.get("D", 0)))
        clock = time(part.get("h", 0), part.get("min", 0), part.get("s", 0))
        return datetime.combine(day, clock, _zone(match["zone"])).astimezone(VIETNAM)
    except (ValueError, OverflowError):
        return None


def _zone(text: str | None) -> timezone:
    if not text:
        return VIETNAM
    if text == "Z":
        return timezone(timedelta())
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def to_day(text: str) -> date | None:
    """A calendar date from the same forms; a time of day is dropped."""
    moment = to_moment(text.partition("T")[0].partition(" ")[0])
    return moment.date() if moment else None


def is_regular_day(text: str) -> bool:
    """Whether *text* is written `yyyy/MM/dd`."""
    return _REGULAR_DAY.fullmatch(text) is not None


def is_regular_moment(text: str) -> bool:
    """Whether *text* is written `yyyy/MM/dd HH:mm:ss`."""
    return _REGULAR_MOMENT.fullmatch(text) is not None


def to_number(text: str) -> int | None:
    """An integer of at most 18 digits, or None."""
    return int(text) if _NUMBER.fullmatch(text) else None


def to_flag(text: str) -> bool | None:
    """0/1 or true/false, or None."""
    return _FLAGS.get(text.lower())


def day_text(day: date) -> str:
    """`yyyy/MM/dd`."""
    return f"{day.year:04d}/{day.month:02d}/{day.day:02d}"


def moment_text(moment: datetime) -> str:
    """`yyyy/MM/dd HH:mm:ss` in Vietnamese local time; a moment without zone is taken as local already."""
    local = moment.astimezone(VIETNAM) if moment.tzinfo else moment
    return f"{day_text(local)} {local.hour:02d}:{local.minute:02d}:{local.second:02d}"
