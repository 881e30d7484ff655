"""Writes docs/errors.md from the catalogue of refusals: `make docs`. A test holds the page against the catalogue."""

from __future__ import annotations

from html import escape
from itertools import groupby
from pathlib import Path

from gateway.errors import FAULTS, Fault

PAGE = Path(__file__).with_name("errors.md")

HEAD = """# Mã lỗi / Error codes

<!-- Written by `make docs` from gateway/errors.py; do not edit. -->

Mỗi lời từ chối mang một mã không bao giờ đổi tên. API JSON trả `application/problem+json` (RFC 9457) có trường `code`;
các giao thức khác mang cùng mã theo cách của mình.

Every refusal carries a code that is never renamed. The JSON API answers `application/problem+json` (RFC 9457) with the
member `code`; other dialects carry the same code in their own way.
"""

COLUMNS = """
| mã / code | HTTP | nghĩa / meaning | cách xử lý / remedy |
|---|---|---|---|
"""


def page() -> str:
    """The whole page, one table per family of codes."""
    order = list(dict.fromkeys(_family(fault) for fault in FAULTS.values()))
    families = groupby(sorted(FAULTS.values(), key=lambda fault: order.index(_family(fault))), key=_family)
    return HEAD + "".join(f"\n## {name}\n{COLUMNS}{''.join(map(_row, faults))}" for name, faults in families)


def _family(fault: Fault) -> str:
    return fault.code.partition(".")[0]


def _row(fault: Fault) -> str:
    meaning, remedy = _cell(fault.vi, fault.en), _cell(fault.remedy_vi, fault.remedy_en)
    cells = [f"`{fault.code}`", str(fault.status), meaning, remedy]
    return f"| {' | '.join(cells)} |\n"


def _cell(vi: str, en: str) -> str:
    return f"{escape(vi, quote=False)}<br>{escape(en, quote=False)}".replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
