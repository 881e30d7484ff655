"""Reading PDF objects of strangers: references followed, wrong types told apart (ISO 32000-2 §7.3)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from pyhanko.pdf_utils import generic


def value(holder: Any, key: str, otherwise: Any = None) -> Any:
    """The object under *key* of a dictionary, its reference followed; *otherwise* if there is none or no dictionary."""
    if not isinstance(holder, generic.DictionaryObject):
        return otherwise
    try:
        return holder[key]
    except KeyError:
        return otherwise


def items(array: Any) -> Iterator[Any]:
    """The objects in an array, their references followed; none if it is no array."""
    if isinstance(array, generic.ArrayObject):
        for at in range(len(array)):
            yield array[at]


def dictionary(found: Any) -> generic.DictionaryObject | None:
    """*found* if it is a dictionary."""
    return found if isinstance(found, generic.DictionaryObject) else None


def number(found: Any) -> float | None:
    """*found* if it is a number."""
    return float(found) if isinstance(found, int | Decimal) and not isinstance(found, bool) else None
