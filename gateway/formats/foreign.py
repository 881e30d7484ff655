"""Scalars of foreign JSON: whatever type they came in, as what they were meant to be."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from gateway.clock import VIETNAM

_DETAIL: Final = 300
_DATE_FORMS: Final = ("%Y/%m/%d %H:%M:%S", "%d/%m/%Y %H:%M:%S", "%Y/%m/%d", "%d/%m/%Y", "%d%m%YT%H%M%S")


def as_text(value: object) -> str:
    """A scalar as text; "" for anything else."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else ""


def clean(text: str) -> str:
    """Foreign text for a log line or a detail: printable, one line, at most 300 characters."""
    return "".join(sign if sign.isprintable() else " " for sign in text[:_DETAIL])


def moment(value: object) -> datetime | None:
    """A time as a platform may write it, aware; local time (+07:00) if it names no zone. None if unreadable.

    ISO 8601, the edXML forms, ``dd/MM/yyyy``, or seconds or milliseconds since the epoch.
    """
    text = as_text(value).strip()
    try:
        if text.isascii() and text.isdigit() and len(text) in (10, 13):
            return datetime.fromtimestamp(0, VIETNAM) + timedelta(seconds=int(text) / (1 if len(text) == 10 else 1000))
        found = datetime.fromisoformat(text)
    except ValueError:
        return _by_form(text.split(".")[0])
    except OverflowError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=VIETNAM)


def _by_form(text: str) -> datetime | None:
    for form in _DATE_FORMS:
        try:
            return datetime.strptime(text, form).replace(tzinfo=VIETNAM)
        except ValueError:
            continue
    return None
