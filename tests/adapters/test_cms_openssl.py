"""CMS signatures, containers and time stamps made by openssl, which shares no code with our reader."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pki_tools import Bench, bench, needs, run

from gateway.model.verdict import Judgement, NotValid, Scope
from gateway.signing import asic, cms
from gateway.signing.policy import COMPAT, PRODUCTION
from gateway.signing.question import Question
from gateway.signing.trust import sorted_out

CONTENT = b"noi dung cong van"


async def sign(pki: Bench, kind: str, *options: str) -> bytes:
    """`openssl cms -sign` over CONTENT with a fresh organisation's key."""
    own = pki.organisation(kind=kind)
    pki.file("own.pem", own.pem())
    pki.file("own.key", own.key_pem())
    pki.file("content", CONTENT)
    said = ("openssl", "cms", "-sign", "-binary", "-in", "content", "-signer", "own.pem", "-inkey", "own.key")
    code, words = await run(*said, "-outform", "DER", "-out", "a.p7s", *options, folder=pki.folder)
    assert code == 0, words
    return (pki.folder / "a.p7s").read_bytes()


@pytest.mark.parametrize(
    "options",
    [
        ("-md", "sha256"),
        ("-md", "sha384", "-nodetach"),
        ("-md", "sha512", "-nodetach", "-stream"),
        ("-md", "sha256", "-noattr"),
        ("-md", "sha256", "-noattr", "-nodetach"),
        ("-md", "sha256", "-cades"),
        ("-md", "sha256", "-keyid"),
        ("-md", "sha256", "-nosmimecap", "-stream"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("kind", ["ec", "rsa"])
@needs("openssl")
async def test_what_openssl_signs_is_verified_and_no_other_content(
    tmp_path: Path, kind: str, options: tuple[str, ...]
) -> None:
    async with bench(tmp_path) as pki:
        raw = await sign(pki, kind, *options)
        message = cms.read(raw)
        beside = CONTENT if message.content is None else None
        found = cms.verify(message, policy=PRODUCTION, content=beside)
        assert found.content == CONTENT
        assert found.bound is ("-cades" in options)
        changed = message if beside else cms.read(raw.replace(CONTENT, CONTENT[:-1] + b"!"))
        with pytest.raises(NotValid) as caught:
            cms.verify(changed, policy=PRODUCTION, content=CONTENT[:-1] + b"!" if beside else None)
        assert caught.value.reason == ("signature.wrong" if "-noattr" in options else "signature.digest")


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("rsa", ("-md", "sha256", "-keyopt", "rsa_padding_mode:pss")),
        ("rsa", ("-md", "sha384", "-keyopt", "rsa_padding_mode:pss", "-keyopt", "rsa_pss_saltlen:20")),
        ("rsa", ("-md", "sha3-256")),
    ],
)
@needs("openssl")
async def test_rarer_algorithms_of_openssl_are_verified(tmp_path: Path, kind: str, options: tuple[str, ...]) -> None:
    async with bench(tmp_path) as pki:
        raw = await sign(pki, kind, *options)
        assert cms.verify(cms.read(raw), policy=PRODUCTION, content=CONTENT).content == CONTENT


@needs("openssl")
async def test_a_container_around_a_signature_of_openssl_is_valid(tmp_path: Path) -> None:
    async with bench(tmp_path) as pki:
        raw = await sign(pki, "ec", "-md", "sha256", "-cades")
        whole = io.BytesIO()
        with zipfile.ZipFile(whole, "w") as archive:
            archive.writestr("mimetype", "application/vnd.etsi.asic-s+zip")
            archive.writestr("cong-van.txt", CONTENT)
            archive.writestr("META-INF/signature.p7s", raw)
        trust = sorted_out(
            [pki.hierarchy.root("government").certificate, pki.hierarchy.issuing("government").certificate]
        )
        verdict = asic.judge(whole.getvalue(), Question("asic", trust, datetime.now(UTC), COMPAT))
        assert (verdict.judgement, verdict.scope) == (Judgement.VALID, Scope.FULL)
        assert "Sở Công Thương" in verdict.signer
