"""`lienthong sign-pdf` from outside: what it signs, what it refuses, its exit codes and its words."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.pdf_utils.reader import PdfFileReader

from gateway.cli import lienthong
from sandbox.pki.desk import AMOUNT, Desk
from sandbox.pki.forgery import forge
from sandbox.pki.identity import Identity
from sandbox.pki.paper import Letter
from sandbox.pki.seal import seal_png
from sandbox.pki.service import PkiSettings, RunningPki, start
from sandbox.pki.typeface import default_typeface

LIENTHONG = [sys.executable, "-m", "gateway.cli"]
PASSWORD = "mật khẩu 1"
LETTER = Letter(
    "Sở Công Thương", "7", "SCT", "đường sắt", date(2026, 11, 2), ["Bộ Nội vụ"], ["Kính gửi quý cơ quan./."]
)
NO_PDFSIG = pytest.mark.skipif(shutil.which("pdfsig") is None, reason="pdfsig is not installed")


@dataclass(frozen=True)
class Office:
    """A running PKI, and a folder with a key, its password, the trust and a letter its signer has signed."""

    pki: RunningPki
    folder: Path
    identity: Identity

    def path(self, name: str) -> Path:
        return self.folder / name

    async def sign(self, *words: object, file: str = "letter.pdf", key: bool = True) -> tuple[int, Any, str]:
        """Exit code, JSON (or what was printed), and what was said on standard error."""
        given = ("--pkcs12", self.path("key.p12"), "--password-file", self.path("password")) if key else ()
        asked = [*LIENTHONG, "sign-pdf", *given, *words, self.path(file)]
        process = await asyncio.create_subprocess_exec(
            *map(str, asked), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        said, complained = await process.communicate()
        assert b"Traceback" not in complained, complained.decode()
        text = said.decode()
        return process.returncode or 0, json.loads(text) if "--json" in words and text else text, complained.decode()

    def pdfsig(self, name: str) -> list[str]:
        done = subprocess.run(["pdfsig", "-nocert", self.path(name)], capture_output=True, check=False)
        return re.findall(r"Signature Validation: (.*)\.", done.stdout.decode())


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    pki = await start(PkiSettings(), None)
    try:
        identity = pki.hierarchy.organisation("Sở Công Thương", kind="rsa")
        pki.hierarchy.write_trust(tmp_path / "trust")
        for name, content in {
            "key.p12": identity.pkcs12(PASSWORD),
            "password": PASSWORD.encode() + b"\n",
            "seal.png": seal_png("Sở Công Thương", "Ủy ban nhân dân tỉnh Tây Ninh", default_typeface()),
            "letter.pdf": Desk(pki.hierarchy).signed(LETTER),
        }.items():
            (tmp_path / name).write_bytes(content)
            (tmp_path / name).chmod(0o600)
        yield Office(pki, tmp_path, identity)
    finally:
        await pki.stop()


@NO_PDFSIG
async def test_the_seal_with_time_stamp_and_evidence_and_the_result_verified(office: Office) -> None:
    words = ("--appearance", "seal", "--seal-image", office.path("seal.png"), "--level", "B-LT", "--json")
    tsa = f"{office.pki.url}/tsa/government"
    code, answer, said = await office.sign(
        *words, "--tsa", tsa, "--trust", office.path("trust"), "-o", office.path("out.pdf")
    )
    assert code == 0, said
    content = office.path("out.pdf").read_bytes()
    assert content.startswith(office.path("letter.pdf").read_bytes())
    assert answer["sha256"] == hashlib.sha256(content).hexdigest()
    assert (answer["level"], answer["field"], answer["page"]) == ("B-LT", "ChuKyCoQuan", 1)
    assert answer["verdict"]["verdict"] == "valid"
    assert answer["verdict"]["time_proven"] is True
    assert answer["certificate"] == hashlib.sha256(office.identity.der()).hexdigest()
    assert office.pdfsig("out.pdf") == ["Signature is Valid"] * 2
    verified = subprocess.run(
        [*LIENTHONG, "verify", "--kind", "pdf", "--trust", str(office.path("trust")), str(office.path("out.pdf"))],
        capture_output=True,
        check=False,
    )
    assert json.loads(verified.stdout)["verdict"] == "valid", verified.stdout
    assert oct(office.path("out.pdf").stat().st_mode & 0o777) == oct(0o666 & ~_umask())
    assert sorted(path.name for path in office.folder.iterdir() if path.name.startswith(".")) == []


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


async def test_a_copy_without_a_time_stamp_where_that_is_accepted(office: Office) -> None:
    words = ("--appearance", "corner", "--copy", "SAO Y", "--agency", "Sở Công Thương", "--without-stamp")
    code, said, complained = await office.sign(*words, "-o", office.path("copy.pdf"))
    assert code == 0, complained
    assert said.startswith("Đã ký B-B: ")
    assert "không có --trust" in said
    names = [
        one.field_name for one in PdfFileReader(io.BytesIO(office.path("copy.pdf").read_bytes())).embedded_signatures
    ]
    assert len(names) == 2


@pytest.mark.parametrize("name", ["overlay", "page_added"])
async def test_a_file_changed_behind_its_signature_is_not_sealed_even_without_trust(office: Office, name: str) -> None:
    letter = Desk(office.pki.hierarchy).signed(replace(LETTER, amount=AMOUNT, paragraphs=[f"Chi {AMOUNT} đồng."]), True)
    office.path("forged.pdf").write_bytes(dict(forge(letter))[name])
    words = ("--level", "B-B", "--json", "-o", office.path("none.pdf"))
    code, answer, _ = await office.sign(*words, file="forged.pdf")
    assert (code, answer["error"]["code"]) == (1, "sign.unsound")
    assert not office.path("none.pdf").exists()


async def test_a_key_and_a_certificate_in_files_of_their_own(office: Office) -> None:
    elliptic = office.pki.hierarchy.organisation("Sở Nội vụ")
    chain = b"".join(one.public_bytes(Encoding.PEM) for one in elliptic.chain)
    files = {"key.pem": elliptic.key_pem(), "own.pem": elliptic.pem(), "chain.pem": chain}
    for name, content in files.items():
        office.path(name).write_bytes(content)
        office.path(name).chmod(0o600)
    given = (
        "--key",
        office.path("key.pem"),
        "--certificate",
        office.path("own.pem"),
        "--chain",
        office.path("chain.pem"),
    )
    code, answer, said = await office.sign(
        *given,
        "--number",
        "7/SCT",
        "--appearance",
        "corner",
        "--level",
        "B-B",
        "--json",
        "-o",
        office.path("a.pdf"),
        key=False,
    )
    assert code == 0, said
    assert answer["signer"].startswith("CN=Sở Nội vụ")
    assert answer["verdict"]["verdict"] == "indeterminate", "nobody said whom to trust"


async def test_a_dry_run_signs_nothing(office: Office) -> None:
    words = ("--appearance", "seal", "--seal-image", office.path("seal.png"), "--dry-run", "--json")
    code, answer, _ = await office.sign(*words, "-o", office.path("none.pdf"))
    assert (code, answer["dry_run"], answer["field"], answer["page"]) == (0, True, "ChuKyCoQuan", 1)
    assert not office.path("none.pdf").exists()
    code, answer, _ = await office.sign("--dry-run", "--json", file="seal.png")
    assert (code, answer["error"]["code"]) == (5, "pdf.malformed")


async def test_without_an_authority_b_t_is_refused_with_a_hint(office: Office) -> None:
    code, answer, _ = await office.sign("--json", "-o", office.path("none.pdf"))
    assert (code, answer["ok"], answer["error"]["code"]) == (5, False, "sign.no_stamp")
    assert "B-B" in answer["error"]["hint_vi"]
    assert not office.path("none.pdf").exists()


async def test_a_wrong_password_and_a_dead_authority_have_codes_of_their_own(office: Office) -> None:
    office.path("password").write_text("sai")
    code, answer, _ = await office.sign("--json", "--level", "B-B", "-o", office.path("none.pdf"))
    assert (code, answer["error"]["code"]) == (4, "sign.key")
    assert "key.pin" in answer["error"]["en"]
    office.path("password").write_text(PASSWORD)
    dead = ("--tsa", "http://127.0.0.1:1/tsa", "--trust", office.path("trust"))
    code, answer, _ = await office.sign("--json", *dead, "-o", office.path("none.pdf"))
    assert (code, answer["error"]["code"]) == (4, "sign.authority")
    assert not office.path("none.pdf").exists()


async def test_what_our_own_judge_refuses_is_not_written(office: Office) -> None:
    office.pki.hierarchy.revoke(office.identity.serial)
    words = ("--trust", office.path("trust"), "--tsa", f"{office.pki.url}/tsa/government", "--json")
    code, answer, _ = await office.sign(*words, "-o", office.path("none.pdf"))
    assert (code, answer["error"]["code"]) == (1, "sign.unsound")
    assert "certificate.revoked" in answer["error"]["en"]
    assert not office.path("none.pdf").exists()


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("-o", "letter.pdf"),
        ("-o", "new.pdf", "--appearance", "seal"),
        ("-o", "new.pdf", "--appearance", "corner"),
        ("-o", "new.pdf", "--appearance", "corner", "--number", "1", "--copy", "SAO Y", "--agency", "x"),
        ("-o", "new.pdf", "--level", "B-LT"),
        ("-o", "new.pdf", "--at", "1,x,2"),
        ("-o", "new.pdf", "--trust", "nowhere"),
        ("-o", "new.pdf", "--key", "password"),
    ],
)
def test_arguments_that_do_not_fit_are_told_with_code_2(tmp_path: Path, words: tuple[str, ...]) -> None:
    for name in ("letter.pdf", "password", "key.p12"):
        (tmp_path / name).write_bytes(b"x")
    names = {"letter.pdf", "new.pdf", "nowhere", "password", "key.p12"}
    key = ("--pkcs12", "key.p12", "--password-file", "password")
    given = [str(tmp_path / word) if word in names else word for word in (*key, *words, "letter.pdf")]
    done = CliRunner().invoke(lienthong, ["sign-pdf", *given])
    assert done.exit_code == 2, done.output
    assert not (tmp_path / "new.pdf").exists()


def test_help_speaks_vietnamese_first() -> None:
    done = CliRunner().invoke(lienthong, ["sign-pdf", "--help"])
    assert done.exit_code == 0
    assert done.output.index("Ký số của cơ quan") < done.output.index("Apply the organisation's signature")
