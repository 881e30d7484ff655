"""A list of parties before it is used: every mistake with its line, and putting the list in its place at once or not
at all.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from gateway.config.values import PartyRow, is_party
from gateway.model.party import Parties

QCVN_102 = re.compile(r"\d{3}\.\d{2}\.\d{2}\.[A-Z]\d{2}")
"""QCVN 102:2016: least significant level first, 000.00.11.H53."""
QD_20 = re.compile(r"(?=.{3,35}$)[A-Z]\d{2}(\.[0-9A-Za-z]{2,3}){0,3}")
"""QĐ 20/2020/QĐ-TTg: most significant level first, H53.01.02; at most four levels and 35 characters."""


class Severity(StrEnum):
    """An error forbids the list, a warning wants a person's word, a note changes nothing."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the list that a person should look at. *what* is stable: party.unusable, party.claimed,
    party.unknown, party.deleted, party.form, party.duplicate.
    """

    line: int
    code: str
    severity: Severity
    what: str
    vi: str
    en: str


@dataclass(frozen=True, slots=True)
class Agency:
    """What a platform's directory says of a code."""

    name: str = ""
    deleted: bool = False


Directory = Mapping[str, Agency]
"""Every code that the platforms know, old form or new, in lower case."""


def examine(rows: Sequence[PartyRow], claims: Mapping[str, Parties], directory: Directory | None) -> Sequence[Finding]:
    """Everything to be said of *rows*, by line. *claims* are the parties of all other systems; without *directory*
    nothing is said of what the platforms know. Pure.
    """
    first: dict[str, int] = {}
    findings: list[Finding] = []
    for row in rows:
        folded = row.code.casefold()
        if not is_party(row.code):
            findings.append(_unusable(row))
        elif folded in first:
            findings.append(_duplicate(row, first[folded]))
        else:
            first[folded] = row.line
            findings += [*_claimed(row, claims), *_unofficial(row), *_unknown(row, directory)]
    return findings


def _unusable(row: PartyRow) -> Finding:
    return Finding(
        row.line,
        row.code,
        Severity.ERROR,
        "party.unusable",
        "Mã không dùng được: không có dấu cách, dấu * chỉ đứng cuối",
        "Not a usable code: no spaces, * only at the end",
    )


def _duplicate(row: PartyRow, line: int) -> Finding:
    return Finding(
        row.line,
        row.code,
        Severity.NOTE,
        "party.duplicate",
        f"Trùng với dòng {line}, được tính một lần",
        f"The same as line {line}; it counts once",
    )


def _claimed(row: PartyRow, claims: Mapping[str, Parties]) -> Iterator[Finding]:
    mine = Parties((row.code,))
    for system, parties in claims.items():
        if pattern := parties.overlap(mine):
            yield Finding(
                row.line,
                row.code,
                Severity.ERROR,
                "party.claimed",
                f"Đã thuộc hệ thống '{system}' ({pattern}); mỗi đơn vị chỉ do một hệ thống đảm nhận",
                f"Claimed by system '{system}' ({pattern}); a party has exactly one system",
            )


def _unofficial(row: PartyRow) -> Iterator[Finding]:
    code = row.code.removesuffix("*").removesuffix(".")
    if not QCVN_102.fullmatch(code) and not QD_20.fullmatch(code):
        yield Finding(
            row.line,
            row.code,
            Severity.WARNING,
            "party.form",
            "Không theo dạng nào: QCVN 102 (000.00.11.H53) hay QĐ 20 (H53.01.02)",
            "In neither official form: QCVN 102 (000.00.11.H53) or QĐ 20 (H53.01.02)",
        )


def _unknown(row: PartyRow, directory: Directory | None) -> Iterator[Finding]:
    if directory is None:
        return
    matching = _matching(row.code.casefold(), directory)
    if not matching:
        yield Finding(
            row.line,
            row.code,
            Severity.WARNING,
            "party.unknown",
            "Nền tảng không có mã này: đơn vị khác sẽ không gửi tới được",
            "The platform does not know this code: nobody elsewhere can send to it",
        )
    elif all(agency.deleted for agency in matching):
        yield Finding(
            row.line,
            row.code,
            Severity.WARNING,
            "party.deleted",
            "Nền tảng đã xóa mã này",
            "The platform has deleted this code",
        )


def _matching(code: str, directory: Directory) -> Sequence[Agency]:
    if not code.endswith("*"):
        return [directory[code]] if code in directory else []
    stem = code.removesuffix("*")
    return [agency for known, agency in directory.items() if known.startswith(stem) and known != stem]


def forbids(findings: Iterable[Finding], *, anyway: bool) -> bool:
    """Whether the list may not be used: an error, or a warning that nobody took upon themselves."""
    severities = {finding.severity for finding in findings}
    return Severity.ERROR in severities or (Severity.WARNING in severities and not anyway)


def put(source: Path, target: Path) -> None:
    """Put the bytes of *source* in the place of *target*, with the owner and mode of what was there (0644 for a new
    file). Whoever reads *target* finds the old list or the new one, also after a power loss. Raises OSError.
    """
    raw = source.read_bytes()
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(raw)
            file.flush()
            _keep_rights(file.fileno(), target)
            os.fsync(file.fileno())
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def _keep_rights(handle: int, target: Path) -> None:
    if target.exists():
        before = target.stat()
        os.fchown(handle, before.st_uid, before.st_gid)
        os.fchmod(handle, before.st_mode & 0o777)
    else:
        os.fchmod(handle, 0o644)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
