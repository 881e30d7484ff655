"""Where a byte offset is, in the words of an editor."""

from __future__ import annotations


def line_column(raw: bytes, offset: int) -> str:
    """`line:column` of *offset*, both from 1; the column counts characters of UTF-8."""
    start = raw.rfind(b"\n", 0, offset) + 1
    line = raw.count(b"\n", 0, start) + 1
    column = len(raw[start:offset].decode("utf-8", "replace")) + 1
    return f"{line}:{column}"
