"""The directory of the simulated axis: 447 real code/name pairs of 2020, plus what registers itself.

The QCVN 102 codes are real (see the file's `source`). The QĐ 20 codes beside them are INVENTED here: siblings are
numbered anew in the order of their old codes, so that for some the number differs and computing one from the other
goes wrong (reference §8 warns of it).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import resources

DATA_FILE = "agencies_qcvn102_tayninh_2020.json"


@dataclass(frozen=True, slots=True)
class Agency:
    """One organisation: `code` in QCVN form (or whatever was registered), `qd20` its invented newer code or ""."""

    number: int
    code: str
    name: str
    mail: str = ""
    parent: str = ""
    qd20: str = ""
    owner: str = ""
    modified: str = "2020/01/01 00:00:00"
    deleted: bool = False


class Directory:
    """Look-up of agencies by either of their codes."""

    def __init__(self, agencies: Iterable[Agency]) -> None:
        self._by_code: dict[str, Agency] = {}
        self._alias_cache: dict[str, str] | None = None
        for agency in agencies:
            self.put(agency)

    def __iter__(self) -> Iterator[Agency]:
        return iter(sorted(self._by_code.values(), key=lambda agency: agency.number))

    def find(self, code: str) -> Agency | None:
        """Return the live agency with this old or new code, or None."""
        agency = self._by_code.get(code) or self._by_code.get(self._aliases().get(code, ""))
        return None if agency is None or agency.deleted else agency

    def put(self, agency: Agency) -> None:
        """Add or replace an agency."""
        self._by_code[agency.code] = agency
        self._alias_cache = None

    def next_number(self) -> int:
        """Return the id a newly registered agency gets."""
        return max((agency.number for agency in self._by_code.values()), default=0) + 1

    def _aliases(self) -> dict[str, str]:
        if self._alias_cache is None:
            self._alias_cache = {agency.qd20: agency.code for agency in self._by_code.values() if agency.qd20}
        return self._alias_cache


def shipped() -> list[Agency]:
    """Return the 447 agencies of the sample with parents by code and invented QĐ 20 codes."""
    text = resources.files("sandbox").joinpath(DATA_FILE).read_text("utf-8")
    names = {row["code"]: row["name"] for row in json.loads(text)["agencies"]}
    newer = invented_qd20(names)
    return [
        Agency(number, code, name, parent=_parent(code), qd20=newer[code])
        for number, (code, name) in enumerate(names.items(), start=1)
    ]


def invented_qd20(codes: Iterable[str]) -> dict[str, str]:
    """Number siblings from 01 in the order of their old codes: 000.00.00.H53 → H53, its first child H53.01."""
    paths = {code: tuple(part for part in reversed(code.split(".")) if part.strip("0")) for code in codes}
    numbers: dict[tuple[str, ...], str] = {}
    for path in sorted({full[:depth] for full in paths.values() for depth in range(1, len(full) + 1)}):
        if len(path) == 1:
            numbers[path] = path[0]
            continue
        parent = path[:-1]
        siblings = sum(1 for known in numbers if len(known) == len(path) and known[:-1] == parent)
        numbers[path] = f"{numbers[parent]}.{siblings + 1:02d}"
    return {code: numbers[path] for code, path in paths.items()}


def _parent(code: str) -> str:
    """Return the old code one level up, by zeroing the least significant group that is used."""
    parts = code.split(".")
    for place, part in enumerate(parts[:-1]):
        if part.strip("0"):
            parts[place] = "0" * len(part)
            return ".".join(parts)
    return ""
