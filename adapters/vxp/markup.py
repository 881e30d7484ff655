"""Writes XML as a stream of bytes: exact prefixes, nothing held twice, no character that XML cannot carry."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Final
from unicodedata import normalize

from gateway.errors import Refusal

_SLICE: Final = 3 << 16
"""Bytes of base64 input written at a time; a multiple of three, so that no padding falls inside."""

_UNWRITABLE: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 §2.2 excludes from documents."""

_ESCAPES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})


class Markup:
    """An XML document being written, indented like the vendor's; names carry the prefix they are written with."""

    def __init__(self) -> None:
        self._out = BytesIO()
        self._open: list[str] = []
        self._out.write(b'<?xml version="1.0" encoding="UTF-8"?>\n')

    @contextmanager
    def element(self, name: str, attributes: str = "") -> Iterator[None]:
        """A container element around what is written inside the `with`; *attributes* is ready markup."""
        self._line(f"<{name}{attributes}>")
        self._open.append(name)
        yield
        self._open.pop()
        self._line(f"</{name}>")

    def leaf(self, name: str, text: str | int | None) -> None:
        """An element with text; nothing at all for None and ""."""
        if text is not None and text != "":
            self._line(f"<{name}>{self._escape(name, str(text))}</{name}>")

    def base64(self, name: str, attributes: str, content: bytes) -> None:
        """An element with the base64 of *content* in one line."""
        self._indent()
        self._out.write(f"<{name}{attributes}>".encode())
        whole = memoryview(content)
        for at in range(0, len(content), _SLICE):
            self._out.write(binascii.b2a_base64(whole[at : at + _SLICE], newline=False))
        self._out.write(f"</{name}>\n".encode())

    def to_bytes(self) -> bytes:
        """The document."""
        return self._out.getvalue()

    def _escape(self, name: str, text: str) -> str:
        """NFC text with markup escaped. Raises Refusal edxml.strict, naming the element, if XML cannot carry it."""
        if _UNWRITABLE.search(text):
            path = "/".join(step.rpartition(":")[2] for step in (*self._open, name))
            raise Refusal("edxml.strict", f"/{path}", "a character that XML 1.0 cannot carry")
        return normalize("NFC", text).translate(_ESCAPES)

    def _indent(self) -> None:
        self._out.write(b"  " * len(self._open))

    def _line(self, markup: str) -> None:
        self._indent()
        self._out.write(markup.encode())
        self._out.write(b"\n")
