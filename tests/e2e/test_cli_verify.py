"""`lienthong verify` from outside: a verdict for every file, one JSON line each, exit 0."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

NOW = datetime.now(UTC).replace(microsecond=0)
LIENTHONG = [sys.executable, "-m", "gateway.cli"]


def run(*arguments: str, given: bytes = b"") -> tuple[int, list[dict[str, Any]], bytes]:
    done = subprocess.run([*LIENTHONG, "verify", *arguments], input=given, capture_output=True, timeout=60, check=False)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


@dataclass(frozen=True)
class Issuer:
    """A certification authority of one test."""

    name: x509.Name
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=not authority,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _issue(
    subject: str, key: ec.EllipticCurvePrivateKey, issuer: Issuer | None, signer: ec.EllipticCurvePrivateKey, days: int
) -> x509.Certificate:
    authority = issuer is None
    signing = issuer.key.public_key() if issuer else key.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(issuer.name if issuer else _name(subject))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=400))
        .not_valid_after(NOW + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(_usage(authority=authority), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing), critical=False)
        .sign(signer, hashes.SHA256())
    )


@dataclass(frozen=True)
class Files:
    """A trust directory with one root, and certificates on disk."""

    root: Issuer
    trust: Path
    place: Path

    def certificate(self, subject: str, days: int = 100, signer: ec.EllipticCurvePrivateKey | None = None) -> Path:
        key = ec.generate_private_key(ec.SECP256R1())
        issued = _issue(subject, key, self.root, signer or self.root.key, days)
        path = self.place / f"{subject}.pem"
        path.write_bytes(issued.public_bytes(Encoding.PEM))
        return path

    def crl(self, revoked: Path) -> bytes:
        serial = x509.load_pem_x509_certificate(revoked.read_bytes()).serial_number
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOW - timedelta(days=3)).build()
        return (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.root.name)
            .last_update(NOW - timedelta(hours=1))
            .next_update(NOW + timedelta(days=1))
            .add_revoked_certificate(entry)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.root.key.public_key()), critical=False
            )
            .add_extension(x509.CRLNumber(1), critical=False)
            .sign(self.root.key, hashes.SHA256())
            .public_bytes(Encoding.DER)
        )


@pytest.fixture
def files(tmp_path: Path) -> Files:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _issue("Root", key, None, key, 1000)
    trust = tmp_path / "trust"
    trust.mkdir()
    (trust / "root.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    return Files(Issuer(_name("Root"), key, certificate), trust, tmp_path)


def test_a_certificate_is_judged_by_its_chain(files: Files) -> None:
    file = files.certificate("Org")
    code, [answer], errors = run("--kind", "x509", "--trust", str(files.trust), str(file))
    assert (code, errors) == (0, b"")
    assert (answer["verdict"], answer["reason"], answer["detail"], answer["scope"]) == ("valid", "ok", "", "full")
    assert "Org" in answer["signer"]
    assert len(answer["signed"]) == 1
    assert {"verdict", "reason", "signer", "signed_at", "scope", "signed", "later_changes"} <= answer.keys()


def test_forged_expired_revoked_and_unknown_certificates_are_told_apart(files: Files, tmp_path: Path) -> None:
    stranger = ec.generate_private_key(ec.SECP256R1())
    revoked = files.certificate("Revoked")
    lists, empty = tmp_path / "lists", tmp_path / "empty"
    lists.mkdir()
    empty.mkdir()
    (lists / "root.crl").write_bytes(files.crl(revoked))
    expired, good = files.certificate("Expired", days=-2), files.certificate("Good")
    common = {"kind": "x509", "trust": str(files.trust)}
    lines = [
        {**common, "file": str(files.certificate("Forged", signer=stranger))},
        {**common, "file": str(expired)},
        {**common, "file": str(expired), "time": (NOW - timedelta(days=30)).isoformat()},
        {**common, "file": str(revoked), "detached": str(lists)},
        {**common, "file": str(good), "detached": str(lists)},
        {**common, "file": str(good), "trust": str(empty)},
        {**common, "file": str(tmp_path / "absent")},
        {**common, "kind": "xyz", "file": str(good)},
        {**common, "time": "yesterday", "file": str(good)},
        {**common, "trust": str(tmp_path / "none"), "file": str(good)},
    ]
    given = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    code, answers, errors = run("--batch", given=given)
    assert [answer["verdict"] for answer in answers] == [
        answers[0]["verdict"],
        "indeterminate",
        "valid",
        "invalid",
        "valid",
        "indeterminate",
        "malformed",
        "unsupported",
        "unsupported",
        "unsupported",
    ]
    assert answers[0]["verdict"] in {"invalid", "indeterminate"}
    assert answers[3]["reason"] == "certificate.revoked"
    assert [answer["file"] for answer in answers] == [line["file"] for line in lines]
    assert (code, errors) == (0, b"")


def test_what_is_no_certificate_is_malformed(files: Files, tmp_path: Path) -> None:
    file = tmp_path / "noise"
    for content in (
        b"",
        b"\x30\x82",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        b"\xff" * 4096,
    ):
        file.write_bytes(content)
        code, [answer], _ = run("--kind", "x509", "--trust", str(files.trust), str(file))
        assert (code, answer["verdict"]) == (0, "malformed")


def test_wrong_usage_is_exit_2(files: Files) -> None:
    file = str(files.certificate("Org"))
    for arguments in (
        (),
        ("--kind", "x509", file),
        ("--kind", "x509", "--trust", str(files.trust), "--time", "x", file),
    ):
        assert run(*arguments)[0] == 2
