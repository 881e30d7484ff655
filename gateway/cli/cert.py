"""`lienthong cert`: the certificates that are trusted, how long they live, and what one of them is worth here."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

import click
from cryptography import x509

from gateway.cli.cert_keys import UNASKED, OwnKey, own_keys
from gateway.cli.frame import PLACES, Command, Exit, Failure, with_screen
from gateway.cli.screen import Screen
from gateway.config import Config
from gateway.config import load as load_config
from gateway.model.verdict import REASONS, NotValid
from gateway.signing.policy import PRODUCTION, Policy
from gateway.signing.trust import armour, describe
from gateway.signing.trust.chain import validate_chain
from gateway.signing.trust.expiry import days_left, expiring
from gateway.signing.trust.model import Evidence
from gateway.signing.trust.purposes import FOLDERS, TrustStores, load_purposes
from gateway.signing.trust.store import TrustFault, load

Stores = TypeVar("Stores")
MAX_FILE = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Line:
    """One trusted certificate. *where* is its folder ("" for a directory without purposes), *role* what it is there."""

    where: str
    role: str
    subject: str
    ends: datetime
    days_left: int
    certificate: str


@dataclass(frozen=True, slots=True)
class Check:
    """What a certificate is worth by the trust at hand; whether it was revoked is not asked."""

    ok: bool
    reason: str
    detail: str
    subject: str
    issuer: str
    serial: str
    begins: datetime
    ends: datetime
    certificate: str
    key: str
    path: tuple[str, ...]
    tree: str


@click.group()
def cert() -> None:
    """Chứng thư tin cậy và chứng thư của các đơn vị. / Trusted certificates and those of parties."""


@dataclass(frozen=True, slots=True)
class Source:
    """What is trusted, and by what policy: of a directory, or of a configuration (*config*, read from *path*).
    *flat*: a directory without purposes."""

    stores: TrustStores
    policy: Policy = PRODUCTION
    flat: bool = False
    path: Path | None = None
    config: Config | None = None


def _with_source(command: Command) -> Command:
    """The options --trust DIR and -c FILE; without the first, the configuration says what is trusted."""
    directory = click.option(
        "--trust",
        "directory",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="Thư mục chứng thư tin cậy, thay cho cấu hình. / Trusted certificates, instead of the configured.",
    )
    file = click.option(
        "-c",
        "--config",
        "config_path",
        type=click.Path(path_type=Path),
        envvar="LIENTHONG_CONFIG",
        help="Tệp cấu hình. / The configuration file.",
    )
    return directory(file(command))


@cert.command("list")
@_with_source
@with_screen
def listing(directory: Path | None, config_path: Path | None, screen: Screen) -> None:
    """Chứng thư tin cậy, khóa ký của cơ quan và số ngày còn lại; mã thoát 1 nếu có chứng thư hết hạn, khóa hỏng.

    Trusted certificates, the keys that sign here, days left. Exit 1 if one has expired or a key cannot sign.
    """
    source, now = _source(directory, config_path), datetime.now(UTC)
    held = list(_held(source))
    lines = sorted((_line(where, role, one, now) for where, role, one in held), key=lambda line: line.ends)
    keys = own_keys(source.path, source.config, now) if source.path and source.config else ()
    if screen.json:
        warnings = expiring((one for _, _, one in held), now)
        speakers = [
            {"parties": entry.parties.patterns, "mark": entry.mark, "since": entry.since, "until": entry.until}
            for entry in source.stores.speakers.entries
        ]
        screen.value({"certificates": lines, "warnings": warnings, "speakers": speakers, "keys": keys})
    else:
        _show(screen, source, lines, keys)
    if any(line.days_left < 0 for line in lines) or any(one.state not in ("ready", UNASKED) for one in keys):
        click.get_current_context().exit(Exit.FINDING)


def _show(screen: Screen, source: Source, lines: list[Line], keys: tuple[OwnKey, ...]) -> None:
    if source.config and source.config.trust.directory is None:
        screen.line("Cấu hình không có [trust] directory", "The configuration has no [trust] directory")
    if lines:
        heads = [("Nơi", "Where"), ("Vai trò", "Role"), ("Chủ thể", "Subject"), _ENDS, _DAYS, _MARK]
        screen.table(
            heads,
            (
                (line.where, screen.pick(_ROLES[line.role]), line.subject, line.ends, line.days_left, line.certificate)
                for line in lines
            ),
        )
    if speakers := source.stores.speakers.entries:
        screen.table(
            [("Đơn vị", "Parties"), ("Từ", "From"), ("Đến", "Until"), ("Ghi chú", "Note")],
            ((entry.parties.patterns, entry.since, entry.until, entry.note) for entry in speakers),
        )
    if keys:
        heads = [("Khóa ký", "Signing key"), ("Loại", "Kind"), ("Tình trạng", "State"), ("Chủ thể", "Subject")]
        screen.table([*heads, _ENDS, _DAYS, _MARK, ("Chi tiết", "Detail")], (_row(screen, one) for one in keys))


def _row(screen: Screen, one: OwnKey) -> Sequence[object]:
    state = screen.pick(one.words)
    return one.id, one.kind, state, one.subject, one.ends, one.days_left, one.certificate, one.detail


_ENDS, _DAYS, _MARK = ("Hết hạn", "Ends"), ("Còn (ngày)", "Days"), ("SHA-256", "SHA-256")


@cert.command()
@_with_source
@click.option("--party", help="Mã đơn vị mà chứng thư phải thuộc về. / The party it must speak for.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@with_screen
def check(directory: Path | None, config_path: Path | None, party: str | None, file: Path, screen: Screen) -> None:
    """Chứng thư này có dùng được ở đây không, và có thuộc đơn vị đó không; không hỏi tình trạng thu hồi.

    Whether a certificate leads to what is trusted and speaks for a party; revocation is not asked. Exit 1 if not.
    """
    found, now = _certificates(file), datetime.now(UTC)
    source = _source(directory, config_path)
    if source.config and source.config.trust.directory is None:
        raise Failure(
            Exit.USAGE,
            "trust.absent",
            "Cấu hình không có [trust] directory: không biết tin ai",
            "The configuration has no [trust] directory: nobody is trusted",
            "Đặt [trust] directory, hoặc dùng --trust THƯ_MỤC",
            "Set [trust] directory, or use --trust DIRECTORY",
        )
    result = _checked(found[0], found[1:], source, party, now)
    if screen.json:
        screen.value(result)
    else:
        _tell(screen, result)
    if not result.ok:
        click.get_current_context().exit(Exit.FINDING)


def _tell(screen: Screen, result: Check) -> None:
    reason = REASONS[result.reason]
    rows = [
        (screen.pick(("Kết quả", "Result")), screen.pick((reason.vi, reason.en)) if not result.ok else "ok"),
        (screen.pick(("Chi tiết", "Detail")), result.detail),
        (screen.pick(("Chủ thể", "Subject")), result.subject),
        (screen.pick(("Nơi cấp", "Issuer")), result.issuer),
        (screen.pick(("Số chứng thư", "Serial")), result.serial),
        (screen.pick(("Hiệu lực", "Valid")), f"{result.begins:%Y-%m-%d} … {result.ends:%Y-%m-%d}"),
        ("SHA-256", result.certificate),
        (screen.pick(("SHA-256 của khóa", "SHA-256 of the key")), result.key),
        (screen.pick(("Chuỗi", "Path")), " ← ".join(result.path)),
    ]
    screen.table([("", ""), ("", "")], rows)


def _checked(
    one: x509.Certificate, pool: tuple[x509.Certificate, ...], source: Source, party: str | None, now: datetime
) -> Check:
    stores, reason, detail, tree = source.stores, "ok", "", ""
    path: tuple[str, ...] = ()
    try:
        chain = validate_chain(
            one,
            pool=pool,
            trust=stores.signing,
            at=now,
            evidence=Evidence(),
            policy=replace(source.policy, revocation="offered"),
            purpose="signing",
        )
        path, tree = tuple(describe.subject(each) for each in chain.path), stores.tree(chain) or ""
        if party is not None:
            stores.speakers.require_speaker(one, party, now)
    except NotValid as fault:
        reason, detail = fault.reason, fault.detail
    return Check(
        ok=reason == "ok",
        reason=reason,
        detail=detail,
        subject=describe.subject(one),
        issuer=one.issuer.rfc4514_string(),
        serial=f"{one.serial_number:x}",
        begins=one.not_valid_before_utc,
        ends=one.not_valid_after_utc,
        certificate=describe.fingerprint(one),
        key=describe.key_fingerprint(one),
        path=path,
        tree=tree,
    )


def _source(directory: Path | None, config_path: Path | None) -> Source:
    """*directory*, sorted by purpose or all of it for documents; without one, what the configuration trusts."""
    if directory is None:
        from gateway.notary import policy_of  # with all that signs; a directory is listed without

        path = config_path or next((place for place in PLACES if place.is_file()), PLACES[0])
        config = load_config(path, os.environ, opens_secrets=False)
        stores = _stores(load_purposes, config.trust.directory) if config.trust.directory else TrustStores()
        return Source(stores, policy_of(config.trust), path=path, config=config)
    if any((directory / name).is_dir() for name in FOLDERS):
        return Source(_stores(load_purposes, directory))
    store = _stores(load, directory)
    return Source(TrustStores(public=store, signing=store), flat=True)


def _stores(read: Callable[[Path], Stores], directory: Path) -> Stores:
    try:
        return read(directory)
    except TrustFault as fault:
        raise Failure(
            Exit.USAGE, "trust.unusable", f"Không dùng được {fault.file}: {fault.detail}", f"Cannot be used: {fault}"
        ) from fault


def _held(source: Source) -> Iterator[tuple[str, str, x509.Certificate]]:
    for where, role, one in source.stores.certificates():
        yield "" if source.flat else where, role, one


_ROLES: Final = {
    "anchor": ("gốc", "anchor"),
    "intermediate": ("trung gian", "intermediate"),
    "pinned": ("ghim", "pinned"),
}


def _line(where: str, role: str, one: x509.Certificate, now: datetime) -> Line:
    subject, mark = describe.subject(one), describe.fingerprint(one)
    return Line(where, role, subject, one.not_valid_after_utc, days_left(one, now), mark)


def _certificates(file: Path) -> tuple[x509.Certificate, ...]:
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_FILE)
        found = armour.certificates(armour.blocks(content))
        with armour.decoding("the certificate"):
            _ = [(one.issuer, one.subject, one.not_valid_after_utc, one.public_key()) for one in found]
    except NotValid as fault:
        raise Failure(Exit.FINDING, "malformed", f"{file.name} không phải chứng thư", fault.detail) from fault
    if not found:
        raise Failure(Exit.FINDING, "malformed", f"{file.name} không có chứng thư", "no certificate in the file")
    return found
