"""`lienthong party`: who is served by which system, each party's books, and bringing in a list of parties."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click
from pydantic_core import PydanticCustomError

from gateway.cli import roster
from gateway.cli.access import read
from gateway.cli.frame import Exit, Failure, with_config, with_screen
from gateway.cli.national import directory
from gateway.cli.roster import Finding, Severity
from gateway.cli.screen import Screen
from gateway.config import Config, load
from gateway.config.sources import PREFIX, read_layers
from gateway.config.values import PartyRow, read_party_rows
from gateway.errors import Refusal
from gateway.model.party import Parties
from gateway.ports import PartyBooks, PartyMailbox, Store, Tally

_SEVERITIES = {
    Severity.ERROR: ("lỗi", "error"),
    Severity.WARNING: ("cảnh báo", "warning"),
    Severity.NOTE: ("lưu ý", "note"),
}
_TALLY_HEADS = [
    ("Tổng", "Created"),
    ("Đã giao", "Delivered"),
    ("Bị từ chối", "Rejected"),
    ("Hết hạn", "Expired"),
    ("Đã hủy", "Cancelled"),
    ("Đang mở", "Open"),
]


@click.group()
def party() -> None:
    """Đơn vị và hệ thống phục vụ họ. / Parties and the systems that serve them."""


# ------------------------------------------------------------------------------------------------------- party list


@dataclass(frozen=True, slots=True)
class Served:
    """A code or pattern with what came into its mailbox. *codes*: how many parties of a pattern ever got anything.
    *configured* is False for a party whose deliveries are still here although no configured system claims it there.
    """

    system: str
    party: str
    tally: Tally
    codes: int = 1
    configured: bool = True


@party.command("list")
@click.option("--system", help="Chỉ của một hệ thống. / Of one system only.")
@click.option("--party", "code", help="Sổ của một đơn vị. / The books of one party.")
@with_config
@with_screen
def listing(config_path: Path, screen: Screen, system: str | None, code: str | None) -> None:
    """Hệ thống nào phục vụ đơn vị nào, hộp thư của họ còn bao nhiêu.

    Which system serves which party, and how much is open in its mailbox; with --party that party's own books.
    """
    config = load(config_path, os.environ, opens_secrets=False)
    claims = {item.id: item.parties for item in config.systems}
    if code is not None:
        _show_books(config_path, claims, code, screen)
        return
    if system is not None and system not in claims:
        raise Refusal("peer.unknown", where=system)

    async def look(store: Store) -> Sequence[PartyMailbox]:
        return await store.party_mailboxes()

    found = served(claims, read(config_path, look))
    rows = [row for row in found if system in (None, row.system)]
    if screen.json:
        screen.value({"parties": rows})
        return
    screen.table(
        [("Hệ thống", "System"), ("Đơn vị", "Party"), *_TALLY_HEADS, ("Ghi chú", "Note")],
        [(row.system, row.party, *_cells(row.tally), screen.pick(_note(row))) for row in rows],
    )


def served(claims: Mapping[str, Parties], mailboxes: Sequence[PartyMailbox]) -> Sequence[Served]:
    """One row for each code and pattern as configured, then for each party that nobody claims any more. Pure."""
    return [
        *(row for system, parties in claims.items() for row in _claimed(system, parties, mailboxes)),
        *(
            Served(box.system, box.party, box.tally, configured=False)
            for box in mailboxes
            if box.party not in claims.get(box.system, Parties(()))
        ),
    ]


def _claimed(system: str, parties: Parties, mailboxes: Sequence[PartyMailbox]) -> Iterator[Served]:
    mine = {box.party.casefold(): box.tally for box in mailboxes if box.system == system}
    for pattern in dict.fromkeys(parties.patterns):
        if not pattern.endswith("*"):
            yield Served(system, pattern, mine.get(pattern.casefold(), Tally()))
            continue
        below = [tally for code, tally in mine.items() if code in Parties((pattern,))]
        yield Served(system, pattern, _sum(below), len(below))


def _sum(tallies: Sequence[Tally]) -> Tally:
    rows = [asdict(tally) for tally in tallies]
    return Tally(**{name: sum(row[name] for row in rows) for name in asdict(Tally())})


def _cells(tally: Tally) -> tuple[int, ...]:
    return tuple(asdict(tally).values())


def _note(row: Served) -> tuple[str, str]:
    if not row.configured:
        return "không còn trong cấu hình", "no longer configured"
    if row.party.endswith("*"):
        return f"{row.codes} đơn vị", f"parties: {row.codes}"
    return "", ""


def _show_books(config_path: Path, claims: Mapping[str, Parties], code: str, screen: Screen) -> None:
    async def look(store: Store) -> PartyBooks:
        return await store.party_books(code)

    books = read(config_path, look)
    system = next((system for system, parties in claims.items() if code in parties), "")
    if not system and not (books.sent or books.incoming.created):
        raise Refusal("peer.unknown", where=code)
    if screen.json:
        screen.value({"system": system, "books": books})
        return
    screen.line(f"Đơn vị {code}, hệ thống {system or '-'}", f"Party {code}, system {system or '-'}")
    screen.table(
        [("Lượt chuyển", "Deliveries"), *_TALLY_HEADS],
        [
            (screen.pick(("gửi đi", "outgoing")), *_cells(books.outgoing)),
            (screen.pick(("nhận về", "incoming")), *_cells(books.incoming)),
        ],
    )
    screen.line(f"Văn bản đã gửi: {books.sent}", f"Messages sent: {books.sent}")
    if books.quarantined:
        screen.line(
            f"Đang cách ly: {books.quarantined} gói, {books.quarantined_bytes} byte",
            f"In quarantine: {books.quarantined} packages, {books.quarantined_bytes} bytes",
        )


# ----------------------------------------------------------------------------------------------------- party import


@dataclass(frozen=True, slots=True)
class Place:
    """The CSV file that holds a system's parties. *referred*: the configuration names it already."""

    file: Path
    referred: bool


@party.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@click.option("--system", required=True, help="Mã hệ thống trong [[systems]]. / The system's id in [[systems]].")
@click.option("--dry-run", is_flag=True, help="Chỉ kiểm tra, không ghi. / Only check, write nothing.")
@click.option("--offline", is_flag=True, help="Không hỏi nền tảng. / Do not ask the platforms.")
@click.option("--anyway", is_flag=True, help="Ghi dù còn cảnh báo. / Write in spite of warnings.")
@with_config
@with_screen
def bring_in(
    config_path: Path, screen: Screen, file: Path, system: str, dry_run: bool, offline: bool, anyway: bool
) -> None:
    """Nhập danh sách đơn vị của một hệ thống từ tệp CSV (cột đầu là mã định danh), sau khi đối chiếu với nền tảng.

    Bring in a system's parties from a CSV file whose first column is the code, after comparing it with what the
    platforms know. Nothing is written if there is an error, or a warning without --anyway; then exit 1.
    """
    rows = _rows(file)
    place = _place(config_path, system)
    config = _config(config_path, system, place, file, opens_secrets=not offline)
    claims = {item.id: item.parties for item in config.systems if item.id != system}
    findings = roster.examine(rows, claims, None if offline else asyncio.run(directory(config.platforms)))
    refused = roster.forbids(findings, anyway=anyway)
    if not refused and not dry_run:
        roster.put(file, place.file)
    _tell(screen, rows, findings, place, written=not refused and not dry_run, compared=not offline)
    serious = any(finding.severity is not Severity.NOTE for finding in findings)
    sys.exit(Exit.FINDING if refused or (dry_run and serious) else Exit.OK)


def _rows(file: Path) -> Sequence[PartyRow]:
    try:
        return read_party_rows(file)
    except PydanticCustomError as error:
        words = error.context or {}
        raise Failure(Exit.USAGE, "party.file", words["vi"], words["en"], words["hint_vi"], words["hint_en"]) from None


def _place(config_path: Path, system: str) -> Place:
    """Where the list belongs: the file that the system's `parties` names, else one in the drop-in folder."""
    path = config_path.absolute()
    written = _written_parties(path, system)
    if isinstance(written, str):
        return Place(path.parent / written, referred=True)
    return Place(path.with_name(f"{path.name}.d") / f"parties-{system}.csv", referred=False)


def _written_parties(path: Path, system: str) -> object:
    """`parties` of *system* as it is written; None if the file cannot be read so far (loading it will say why)."""
    try:
        systems = read_layers(path, os.environ).tree.get("systems")
    except OSError:
        return None
    rows = [row for row in systems if isinstance(row, dict)] if isinstance(systems, list) else []
    return next((row.get("parties") for row in rows if row.get("id") == system), None)


def _config(config_path: Path, system: str, place: Place, file: Path, *, opens_secrets: bool) -> Config:
    """The configuration; one that names a list which is not there yet is read as if *file* were there already."""
    environ = dict(os.environ)
    if place.referred and not place.file.exists():
        name = re.sub(r"[.-]", "_", system).upper()
        environ[f"{PREFIX}SYSTEMS__{name}__PARTIES"] = str(file.absolute())
    config = load(config_path, environ, opens_secrets=opens_secrets)
    if all(item.id != system for item in config.systems):
        raise Refusal("peer.unknown", where=system)
    return config


def _tell(
    screen: Screen,
    rows: Sequence[PartyRow],
    findings: Sequence[Finding],
    place: Place,
    *,
    written: bool,
    compared: bool,
) -> None:
    codes = len({row.code.casefold() for row in rows})
    if screen.json:
        screen.value(
            {
                "codes": codes,
                "compared": compared,
                "findings": findings,
                "written": written,
                "file": place.file,
                "referred": place.referred,
            }
        )
        return
    if findings:
        screen.table(
            [("Dòng", "Line"), ("Mã", "Code"), ("Mức", "Severity"), ("Phát hiện", "Finding")],
            [
                (found.line, found.code, screen.pick(_SEVERITIES[found.severity]), screen.pick((found.vi, found.en)))
                for found in findings
            ],
        )
    _tell_result(screen, codes, place, written=written, compared=compared)


def _tell_result(screen: Screen, codes: int, place: Place, *, written: bool, compared: bool) -> None:
    if not compared:
        screen.line("Chưa đối chiếu với nền tảng (--offline)", "Not compared with the platforms (--offline)")
    if not written:
        screen.line(f"{codes} mã, chưa ghi gì", f"{codes} codes, nothing was written")
        return
    screen.line(f"{codes} mã, đã ghi vào {place.file}", f"{codes} codes, written to {place.file}")
    if not place.referred:
        value = f'parties = "{place.file.parent.name}/{place.file.name}"'
        screen.line(f"Đặt trong [[systems]]: {value}", f"Put into [[systems]]: {value}")
    screen.line(
        "Khởi động lại dịch vụ để danh sách mới có hiệu lực", "Restart the service for the new list to take effect"
    )
