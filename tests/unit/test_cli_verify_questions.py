"""What `lienthong verify` is asked: the moment as RFC 3339 has it, and files by whatever name they bear."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import pytest

from gateway.cli.confined import Confined, Failure
from gateway.cli.parse import read
from gateway.cli.verify import _time


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-11-28T08:00:00Z", "2026-11-28T08:00:00+00:00"),
        ("2026-11-28t08:00:00z", "2026-11-28T08:00:00+00:00"),
        ("2026-11-28 15:00:00+07:00", "2026-11-28T08:00:00+00:00"),
        ("2026-11-28T08:00:00.123456789Z", "2026-11-28T08:00:00.123456+00:00"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59+00:00"),
        ("2026-11-28T08:00:00-00:00", "2026-11-28T08:00:00+00:00"),
    ],
)
def test_a_moment_is_read_as_rfc_3339_writes_it(text: str, utc: str) -> None:
    assert _time({"time": text}).isoformat() == utc


@pytest.mark.parametrize(
    "text",
    ["", "x", "2026-11-28", "2026-11-28T08:00Z", "2026-11-28T08:00:00", "20261128T080000Z", "2026-W48-6T08:00:00Z",
     "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+07:00", "9999-12-31T23:59:59-07:00", "２026-11-28T08:00:00Z"],
)  # fmt: skip
def test_anything_else_is_no_moment(text: str) -> None:
    with pytest.raises(ValueError):
        _time({"time": text})


def test_a_name_that_is_no_utf_8_is_a_name_all_the_same(tmp_path: Path) -> None:
    file = Path(os.fsdecode(os.fsencode(tmp_path) + b"/v\xe0n.json"))
    file.write_bytes(b"{}")
    with closing(Confined(read)) as confined:
        assert confined.ask(file, {"kind": "json"}) == {"ok": True, "reason": ""}
        assert isinstance(confined.ask(tmp_path / "absent", {"kind": "json"}), Failure)
