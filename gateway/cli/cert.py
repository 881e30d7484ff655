"""`lienthong cert`: the certificates that are trusted, how long they live, and what one of them is worth here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import click
from cryptography import x509

from gateway.cli.frame import Exit, Failure, with_screen
from gateway.cli.screen import Screen
from gateway.model.verdict import REASONS, NotValid
from gateway.signing.policy import PRODUCTION
from gateway.signing.trust import armour, describe
from gateway.signing.trust.chain import validate_chain
from gateway.signing.trust.expiry import days_left, expiring
from gateway.signing.trust.model import Evidence, TrustStore
from gateway.signing.trust.purposes import FOLDERS, TrustStores, load_purposes
from gateway.signing.trust.store import TrustFault, load

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


_trust = click.option(
    "--trust",
    "directory",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Thư mục chứng thư tin cậy. / Directory of trusted certificates.",
)


@cert.command("list")
@_trust
@with_screen
def listing(directory: Path, screen: Screen) -> None:
    """Chứng thư tin cậy và số ngày còn lại; mã thoát 1 nếu có chứng thư hết hạn. / Trusted certificates, days left."""
    stores, now = _stores(directory), datetime.now(UTC)
    held = list(_held(stores))
    lines = sorted((_line(where, role, one, now) for where, role, one in held), key=lambda line: line.ends)
    warnings = expiring((one for _, _, one in held), now)
    speakers = [
        {"parties": entry.parties.patterns, "mark": entry.mark, "since": entry.since, "until": entry.until}
        for entry in stores.speakers.entries
    ]
    if screen.json:
        screen.value({"certificates": lines, "warnings": warnings, "speakers": speakers})
    else:
        _show(screen, stores, lines)
    if any(line.days_left < 0 for line in lines):
        click.get_current_context().exit(Exit.FINDING)


def _show(screen: Screen, stores: TrustStores, lines: list[Line]) -> None:
    heads = [("Nơi", "Where"), ("Vai trò", "Role"), ("Chủ thể", "Subject"), ("Hết hạn", "Ends"), ("Còn (ngày)", "Days")]
    screen.table(
        [*heads, ("SHA-256", "SHA-256")],
        ((line.where, line.role, line.subject, line.ends, line.days_left, line.certificate) for line in lines),
    )
    if stores.speakers.entries:
        screen.table(
            [("Đơn vị", "Parties"), ("Từ", "From"), ("Đến", "Until"), ("Ghi chú", "Note")],
            ((entry.parties.patterns, entry.since, entry.until, entry.note) for entry in stores.speakers.entries),
        )


@cert.command()
@_trust
@click.option("--party", help="Mã đơn vị mà chứng thư phải thuộc về. / The party it must speak for.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@with_screen
def check(directory: Path, party: str | None, file: Path, screen: Screen) -> None:
    """Chứng thư này có dùng được ở đây không, và có thuộc đơn vị đó không; không hỏi tình trạng thu hồi.

    Whether a certificate leads to what is trusted and speaks for a party; revocation is not asked. Exit 1 if not.
    """
    found, now = _certificates(file), datetime.now(UTC)
    result = _checked(found[0], found[1:], _stores(directory), party, now)
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
    one: x509.Certificate, pool: tuple[x509.Certificate, ...], stores: TrustStores, party: str | None, now: datetime
) -> Check:
    reason, detail, tree = "ok", "", ""
    path: tuple[str, ...] = ()
    try:
        chain = validate_chain(
            one,
            pool=pool,
            trust=stores.signing,
            at=now,
            evidence=Evidence(),
            policy=replace(PRODUCTION, revocation="offered"),
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


def _stores(directory: Path) -> TrustStores:
    """A directory by purpose, or one without: then everything in it is for documents."""
    try:
        if any((directory / name).is_dir() for name in FOLDERS):
            return load_purposes(directory)
        store = load(directory)
        return TrustStores(public=store, signing=store)
    except TrustFault as fault:
        raise Failure(
            Exit.USAGE, "trust.unusable", f"Không dùng được {fault.file}: {fault.detail}", f"Cannot be used: {fault}"
        ) from fault


def _held(stores: TrustStores) -> Iterator[tuple[str, str, x509.Certificate]]:
    alone = stores.state == stores.timestamping == stores.tls == TrustStore()
    for where, role, one in stores.certificates():
        yield "" if alone else where, role, one


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
