"""What an officer reads about a change: one plain English line each, without repetition and without end."""

from __future__ import annotations

from typing import Final

from gateway.signing.pades.revision import is_null

MAX_LINES: Final = 50

_CATALOG: Final = {
    "/OpenAction": "what happens when the document is opened",
    "/AA": "an action of the document",
    "/Dests": "a link target",
    "/OCProperties": "the visibility of layers",
    "/Outlines": "the bookmarks",
    "/ViewerPreferences": "how viewers show the document",
    "/PageLayout": "how viewers show the document",
    "/PageMode": "how viewers show the document",
    "/PageLabels": "the page numbers",
    "/Perms": "the permissions of the document",
    "/StructTreeRoot": "the structure read out to the blind",
    "/AF": "an associated file",
    "/Collection": "the portfolio",
    "/Lang": "the language of the document",
    "/Pages": "the order or tree of pages",
    "/Names": "a named part of the document",
}
_MANY: Final = frozenset({"/Outlines", "/PageLabels", "/Perms"})
_NAMES: Final = {"/JavaScript": "a script", "/EmbeddedFiles": "an embedded file", "/Dests": "a link target"}
_PAGE: Final = {
    "/Contents": "the content",
    "/MediaBox": "the size",
    "/CropBox": "the visible part",
    "/Rotate": "the rotation",
    "/UserUnit": "the scale",
    "/AA": "an action",
    "/Group": "the blending",
    "/Parent": "the place in the tree",
}
_RESOURCES: Final = {
    "/Font": "a font",
    "/XObject": "an image or drawing",
    "/ExtGState": "a graphics state",
    "/Properties": "a layer",
}


class Lines:
    """The lines so far; at most MAX_LINES."""

    def __init__(self) -> None:
        self._lines: dict[str, None] = {}

    def add(self, line: str) -> None:
        if len(self._lines) < MAX_LINES:
            self._lines[line] = None

    def __bool__(self) -> bool:
        return bool(self._lines)

    def all(self) -> tuple[str, ...]:
        return tuple(self._lines)


def verb(old: object, new: object) -> str:
    """ "added", "removed" or "changed"."""
    return "added" if is_null(old) else "removed" if is_null(new) else "changed"


def of_catalog(key: str, old: object, new: object) -> str:
    """The line for a key of the document catalog (ISO 32000-2 table 29)."""
    are = "were" if key in _MANY else "was"
    return f"{_CATALOG.get(key, f'the entry {key[1:]} of the document')} {are} {verb(old, new)}"


def of_name(key: str, old: object, new: object) -> str:
    """The line for a name tree of the catalog (table 32)."""
    return f"{_NAMES.get(key, f'a named part ({key[1:]}) of the document')} was {verb(old, new)}"


def of_page(place: int, key: str, old: object, new: object) -> str:
    """The line for a key of page *place*, from 1 (table 31)."""
    return f"{_PAGE.get(key, f'the entry {key[1:]}')} of page {place} was {verb(old, new)}"


def of_resource(place: int, key: str, old: object, new: object) -> str:
    """The line for a kind of resource of page *place* (table 34)."""
    return f"{_RESOURCES.get(key, f'a resource ({key[1:]})')} of page {place} was {verb(old, new)}"
