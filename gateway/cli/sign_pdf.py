"""`lienthong sign-pdf`: the organisation's signature on a PDF, as Decree 30/2020/NĐ-CP, Annex I wants it seen."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, cast

import click

from gateway.cli.frame import Exit, Failure, with_screen
from gateway.cli.screen import Screen
from gateway.cli.sign_ground import Terms, ground, password_in
from gateway.clock import SystemClock
from gateway.errors import Refusal
from gateway.model.verdict import NotValid, members
from gateway.ports.signing import FetchFault, KeyUnavailable
from gateway.signing.keys import FileKey, TokenKey
from gateway.signing.pades.appearance import Anchor, Appearance, At, Invisible, OverSigner, Personal, Place, Seal
from gateway.signing.pades.appearance import attachment as attachment_corner
from gateway.signing.pades.appearance import copy as copy_corner
from gateway.signing.pades.sign import LEVELS, Level, Request, Signed, Signer, prepare
from gateway.signing.policy import POLICIES
from gateway.signing.trust import TrustFault, TrustStore, fingerprint, load, subject
from gateway.signing.trust.armour import certificate

MAX_FILE: Final = 64 << 20
_FILE: Final = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)
_KEY: Final = "con-dau"
_NO_CHAIN: Final = {
    "vi": "Chưa xét chuỗi chứng thư vì không có --trust",
    "en": "Chains were not judged without --trust",
}


class Position(click.ParamType[At]):
    """PAGE,X,Y: the middle of the image in millimetres from the upper left corner."""

    name = "page,x,y"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> At:
        try:
            page, x, y = str(value).split(",")
            return At(int(page), float(x), float(y))
        except ValueError:
            self.fail("TRANG,X,Y (mm từ góc trên bên trái), ví dụ 1,120,200 / PAGE,X,Y", param, ctx)


@click.command("sign-pdf")
@click.option("--pkcs12", type=_FILE, help="Tệp PKCS#12 (.p12, .pfx). / A PKCS#12 file.")
@click.option("--key", "key_file", type=_FILE, help="Tệp khóa PEM/DER. / A private key file.")
@click.option("--certificate", type=_FILE, help="Chứng thư của khóa. / The key's certificate.")
@click.option("--chain", type=_FILE, help="Các chứng thư cấp trên. / The authorities above it.")
@click.option("--password-file", type=_FILE, help="Tệp chứa mật khẩu hoặc PIN. / File with the password or PIN.")
@click.option("--module", type=_FILE, help="Thư viện PKCS#11. / PKCS#11 library.")
@click.option("--token", default="", help="Tên thiết bị PKCS#11. / Label of the token.")
@click.option("--key-label", help="Tên khóa trong thiết bị. / Label of the key on the token.")
@click.option(
    "--scheme",
    type=click.Choice(["rsa-pkcs1v15", "rsa-pss", "ecdsa"]),
    help="Cách ký; mặc định theo khóa. / How to sign; by the key's kind if not given.",
)
@click.option(
    "--appearance",
    type=click.Choice(["seal", "personal", "corner", "none"]),
    default="none",
    show_default=True,
    help="Con dấu, chữ ký người, chữ ở góc trên phải, hoặc không hiện. / Seal, person, corner text or nothing.",
)
@click.option("--number", default="", help="Số và ký hiệu văn bản, cho tệp kèm theo. / Number, for an attachment.")
@click.option("--agency", default="", help="Cơ quan sao. / The agency that makes the copy.")
@click.option("--copy", "form", default="", help='"SAO Y", "SAO LỤC", "TRÍCH SAO". / Form of the copy.')
@click.option("--seal-image", "image", type=_FILE, help="Ảnh PNG nền trong. / PNG with transparent ground.")
@click.option("--width", type=float, default=0.0, help="Bề rộng thật của ảnh, mm. / True width of the image, mm.")
@click.option("--over-name", default="", help="Họ tên người ký in trong văn bản. / The signer's name as printed.")
@click.option("--at", "position", type=Position(), help="TRANG,X,Y mm từ góc trên trái. / PAGE,X,Y in mm.")
@click.option("--tsa", multiple=True, help="Địa chỉ máy chủ dấu thời gian. / Time stamping authority; may repeat.")
@click.option("--trust", "trusted", help="Thư mục chứng thư tin cậy. / Directory of trusted certificates.")
@click.option("--allow", "allowed", multiple=True, help="Địa chỉ OCSP/CRL được phép hỏi thêm. / Further origins.")
@click.option("--level", type=click.Choice(LEVELS), default="B-T", show_default=True, help="Mức PAdES. / PAdES level.")
@click.option("--without-stamp", is_flag=True, help="Chấp nhận B-B nếu không có TSA. / B-B will do without a TSA.")
@click.option("--policy", type=click.Choice(list(POLICIES)), default="production", show_default=True)
@click.option("--field", "field_name", default="", help="Tên ô chữ ký. / Name of the signature field.")
@click.option("--reason", default="", help="Lý do ghi trong chữ ký. / Reason in the signature.")
@click.option("--location", default="", help="Nơi ký. / Place of signing.")
@click.option("--dry-run", is_flag=True, help="Chỉ kiểm tra, không ký. / Check only; nothing is signed.")
@click.option("--force", is_flag=True, help="Ghi đè tệp kết quả. / Overwrite the output.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Tệp kết quả. / The output.")
@click.argument("file", type=_FILE)
@with_screen
def sign_pdf(screen: Screen, file: Path, output: Path | None, dry_run: bool, force: bool, **given: Any) -> None:
    """Ký số của cơ quan lên tệp PDF (PAdES), hình thức theo Nghị định 30/2020/NĐ-CP, Phụ lục I.

    Apply the organisation's signature to a PDF. What was signed before stays as it is and valid; the result is verified
    before it is written.
    """
    if output is None and not dry_run:
        raise click.UsageError("-o TỆP-KẾT-QUẢ / -o OUTPUT")
    if output is not None and output.exists() and not force:
        raise click.UsageError(f"{output}: đã có, dùng --force để ghi đè / exists, use --force")
    terms, request = _terms(given), _request(given)
    content = _content(file)
    try:
        answer = asyncio.run(_signed(terms, request, content, output, dry_run=dry_run))
    except (KeyUnavailable, FetchFault, NotValid, Refusal) as fault:
        raise _told(fault) from fault
    if screen.json:
        screen.value(answer)
    elif dry_run:
        screen.line(f"Ký được: {file}, ô {answer['field']}", f"Can be signed: {file}, field {answer['field']}")
    else:
        level, told = answer["level"], answer["verdict"]["explanation"] if terms.trust else _NO_CHAIN
        screen.line(f"Đã ký {level}: {output}. {told['vi']}.", f"Signed {level}: {output}. {told['en']}.")


async def _signed(
    terms: Terms, request: Request, content: bytes, output: Path | None, *, dry_run: bool
) -> dict[str, Any]:
    async with ground(terms) as ready:
        own = certificate(ready.key.certificate)
        answer: dict[str, Any] = {"ok": True, "signer": subject(own), "certificate": fingerprint(own)}
        if dry_run or output is None:
            prepared = await ready.workers.run(prepare, content, Signer.of(ready.key), request)
            return {**answer, "dry_run": True, "field": prepared.field, "page": prepared.page}
        signed = await ready.signing(content, ready.key, request)
    await asyncio.to_thread(_write, output, signed.content)
    return {**answer, **_about(signed, output)}


def _about(signed: Signed, output: Path) -> dict[str, Any]:
    return {
        "file": str(output),
        "sha256": hashlib.sha256(signed.content).hexdigest(),
        "level": signed.level,
        "field": signed.field,
        "page": signed.page,
        "verdict": members(signed.verdict),
    }


def _terms(given: dict[str, Any]) -> Terms:
    password = password_in(given["password_file"])
    named = [name for name in ("pkcs12", "key_file", "module") if given[name]]
    if len(named) != 1:
        raise click.UsageError("--pkcs12, --key hoặc --module / one of --pkcs12, --key, --module")
    key: FileKey | TokenKey
    if given["module"]:
        if password is None or not given["token"]:
            raise click.UsageError("--module: --token, --password-file")
        key = TokenKey(_KEY, given["module"], given["token"], password, given["key_label"])
    else:
        key = FileKey(_KEY, given["pkcs12"] or given["key_file"], password)
    key = dataclasses.replace(key, certificate=given["certificate"], chain=given["chain"])
    if (given["tsa"] or given["level"] == "B-LT") and not given["trusted"]:
        raise click.UsageError("--tsa, --level B-LT: cần --trust / --trust is needed")
    trust = _trust(given["trusted"])
    return Terms(key, given["scheme"], POLICIES[given["policy"]], trust, given["tsa"], given["allowed"])


def _trust(directory: str | None) -> TrustStore | None:
    if directory is None:
        return None
    try:
        return load(Path(directory), strict=True)
    except TrustFault as fault:
        raise click.UsageError(f"--trust: {fault}") from None


def _request(given: dict[str, Any]) -> Request:
    now = SystemClock().now()
    return Request(
        at=now,
        appearance=_appearance(given, now),
        level=cast(Level, given["level"]),
        without_stamp=given["without_stamp"],
        field=given["field_name"],
        reason=given["reason"],
        location=given["location"],
    )


def _appearance(given: dict[str, Any], now: Any) -> Appearance:
    kind = given["appearance"]
    if kind == "none":
        return Invisible()
    if kind == "corner":
        if bool(given["number"]) == bool(given["form"] and given["agency"]):
            raise click.UsageError("corner: --number, hoặc --copy và --agency / --number, or --copy and --agency")
        corner = attachment_corner(given["number"], now) if given["number"] else None
        return corner or copy_corner(given["form"], given["agency"], now)
    if not given["image"]:
        raise click.UsageError(f"{kind}: --seal-image")
    image = given["image"].read_bytes()
    place: Place = given["position"] or (Anchor(given["over_name"]) if given["over_name"] else OverSigner())
    if kind == "seal":
        return Seal(image, place, given["width"])
    if isinstance(place, OverSigner):
        raise click.UsageError("personal: --over-name, --at")
    return Personal(image, place, given["width"])


def _content(file: Path) -> bytes:
    content = file.read_bytes() if file.stat().st_size <= MAX_FILE else b""
    if not content:
        raise Refusal("pdf.malformed", file.name, f"empty, or more than {MAX_FILE >> 20} MB")
    return content


def _write(output: Path, content: bytes) -> None:
    """The file whole or not at all. Raises OSError."""
    made, name = tempfile.mkstemp(dir=output.parent, prefix=f".{output.name}.")
    try:
        with os.fdopen(made, "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        mask = os.umask(0)
        os.umask(mask)
        Path(name).chmod(0o666 & ~mask)
        Path(name).replace(output)
    except OSError:
        with suppress(OSError):
            Path(name).unlink()
        raise


def _told(fault: KeyUnavailable | FetchFault | NotValid | Refusal) -> Refusal | Failure:
    """The fault as every command tells one."""
    if isinstance(fault, KeyUnavailable):
        return Refusal("sign.key", fault.code, fault.detail)
    if isinstance(fault, FetchFault):
        return Refusal("sign.authority", fault.url, fault.detail)
    if isinstance(fault, NotValid):
        fault = Refusal("sign.unsound", fault.reason, fault.detail)
    if fault.code != "sign.unsound":
        return fault
    about = ": ".join(part for part in (fault.where, fault.detail) if part)
    words = fault.fault
    return Failure(
        Exit.FINDING, fault.code, f"{words.vi} ({about})", f"{words.en} ({about})", words.remedy_vi, words.remedy_en
    )
