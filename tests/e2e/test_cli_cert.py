"""`lienthong cert` on a configuration: whom it trusts, which keys it signs with, and what a certificate is worth."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from signed_province import PASSWORD, key_file, trust_directory

from gateway.signing.trust import fingerprint
from sandbox.pki.hierarchy import Hierarchy
from sandbox.pki.identity import Identity

CONFIG = """
[gateway]
id = "test"
data_dir = "{folder}/state"
[listen.intake]
plain_http = "127.0.0.1:0"
[[systems]]
id = "snv"
parties = ["H53.01"]
environment = "test"
{trust}
[[signing.keys]]
id = "van-thu"
{key}
"""
TRUST = '[trust]\ndirectory = "{folder}/trust"'
FILE = 'file = "{folder}/van-thu.p12"\npassword = "env:KEY_PASSWORD"'
TOKEN = 'module = "{folder}/cryptoki.so"\ntoken = "t"\nlabel = "k"\npin = "env:KEY_PASSWORD"'


@dataclass(frozen=True)
class Office:
    """A configuration with a test PKI it trusts, and a key of the department's."""

    folder: Path
    own: Identity

    def configure(self, *, trust: str = TRUST, key: str = FILE) -> None:
        text = CONFIG.format(folder=self.folder, trust=trust, key=key).replace("{folder}", str(self.folder))
        (self.folder / "lienthong.toml").write_text(text, encoding="utf-8")

    def run(self, *words: object, password: str | None = PASSWORD) -> tuple[int, str, str]:
        """Exit code, standard output, standard error of `lienthong cert …`, started in the folder."""
        environ = {
            name: value for name, value in os.environ.items() if name not in ("KEY_PASSWORD", "LIENTHONG_CONFIG")
        }
        done = subprocess.run(
            [sys.executable, "-m", "gateway.cli", *map(str, words)],
            cwd=self.folder, env=environ | ({"KEY_PASSWORD": password} if password else {}),
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout, done.stderr

    def told(self, *words: object, password: str | None = PASSWORD) -> tuple[int, Any]:
        code, said, _ = self.run("cert", *words, "--json", password=password)
        return code, json.loads(said)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    hierarchy = Hierarchy("http://127.0.0.1:1", lambda: datetime.now(UTC))
    trust_directory(hierarchy, tmp_path / "trust")
    own = hierarchy.organisation("Sở Nội vụ", kind="rsa", tree="government")
    key_file(own, tmp_path, "van-thu")
    (tmp_path / "so.pem").write_bytes(own.pem())
    made = Office(tmp_path, own)
    made.configure()
    return made


def test_the_configuration_says_whom_it_trusts_and_with_what_it_signs(office: Office) -> None:
    mark = fingerprint(office.own.certificate)
    speakers = f'[[speaker]]\nparties = ["H53.01"]\ncertificate = "{mark}"\nnote = "văn thư"\n'
    (office.folder / "trust/speakers.toml").write_text(speakers, encoding="utf-8")
    code, told = office.told("list")
    assert code == 0
    assert {line["where"] for line in told["certificates"]} == {"state", "public", "tsa"}
    assert told["speakers"][0]["parties"] == ["H53.01"]
    (own,) = told["keys"]
    assert (own["id"], own["kind"], own["state"], own["certificate"]) == ("van-thu", "file", "ready", mark)
    assert own["days_left"] == (office.own.certificate.not_valid_after_utc - datetime.now(UTC)).days
    _, people, _ = office.run("cert", "list")
    assert people.index("Chủ thể") < people.index("Khóa ký")
    for word in ("state", "văn thư", "van-thu", "sẵn sàng", "Sở Nội vụ", mark):
        assert word in people
    assert "Signing key" in office.run("--lang", "en", "cert", "list")[1]


def test_a_key_that_cannot_sign_is_a_finding(office: Office) -> None:
    code, told = office.told("list", password="wrong")
    assert (code, told["keys"][0]["state"]) == (1, "key.pin")
    assert "sai mật khẩu" in office.run("cert", "list", password="wrong")[1]
    (office.folder / "van-thu.p12").write_bytes(b"no key")
    assert office.told("list")[1]["keys"][0]["state"] == "key.unusable"


def test_an_account_that_may_not_open_the_secrets_still_sees_whom_is_trusted_and_why_no_key_was_asked(
    office: Office,
) -> None:
    code, told = office.told("list", password=None)
    (own,) = told["keys"]
    assert (code, own["state"], own["subject"]) == (0, "not_asked", "")
    assert "KEY_PASSWORD" in own["detail"]
    assert len(told["certificates"]) > 0
    assert "chưa hỏi" in office.run("cert", "list", password=None)[1]


def test_a_token_is_asked_only_by_the_account_whose_service_remembers_refused_pins(office: Office) -> None:
    office.configure(key=TOKEN)
    code, told = office.told("list")
    assert (code, told["keys"][0]["kind"], told["keys"][0]["state"]) == (0, "token", "not_asked")
    assert str(office.folder / "state") in told["keys"][0]["detail"]
    assert not (office.folder / "state").exists()


def test_a_certificate_is_judged_by_what_the_configuration_trusts(office: Office) -> None:
    code, told = office.told("check", "so.pem", "--party", "H53.01")
    assert (code, told["ok"], told["tree"]) == (0, True, "state")
    (office.folder / "trust/speakers.toml").write_text('unlisted = "refuse"\n')
    assert office.told("check", "so.pem", "--party", "H53.01")[1]["reason"] == "certificate.speaker"
    stranger = Hierarchy("http://127.0.0.1:2", lambda: datetime.now(UTC)).organisation("Sở Nội vụ")
    (office.folder / "la.pem").write_bytes(stranger.pem())
    code, told = office.told("check", "la.pem")
    assert (code, told["reason"]) == (1, "chain.unknown")
    office.configure(trust=TRUST + '\nkey_usage = "nonRepudiation"')
    assert office.told("check", "so.pem")[1]["ok"] is True


def test_a_configuration_that_trusts_nobody_lists_its_keys_and_judges_nothing(office: Office) -> None:
    office.configure(trust="")
    code, told = office.told("list")
    assert (code, told["certificates"], told["keys"][0]["state"]) == (0, [], "ready")
    assert "không có [trust] directory" in office.run("cert", "list")[1]
    code, told = office.told("check", "so.pem")
    assert (code, told["error"]["code"]) == (2, "trust.absent")
    assert office.told("check", "so.pem", "--trust", office.folder / "trust")[1]["ok"] is True


def test_without_a_configuration_or_a_usable_directory_the_remedy_is_said(office: Office) -> None:
    code, _, complaint = office.run("cert", "list", "-c", office.folder / "absent.toml")
    assert code == 2
    assert "-c" in complaint
    (office.folder / "trust/state/rac.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    code, told = office.told("list")
    assert (code, told["error"]["code"]) == (2, "trust.unusable")
