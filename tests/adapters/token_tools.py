"""A SoftHSM2 token in a folder: the PKCS#11 module of the tests, filled by programs that are not ours."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.signing.keys.settings import TokenKey
from tests.unit.trust_pki import Holder

PIN = "271828"
LABEL = "lienthong"
_PLACES = ("softhsm", "x86_64-linux-gnu/softhsm", "aarch64-linux-gnu/softhsm")
MODULE = next((path for place in _PLACES if (path := Path("/usr/lib", place, "libsofthsm2.so")).exists()), None)
PROGRAMS = ("softhsm2-util", "pkcs11-tool")

needs_softhsm = pytest.mark.skipif(
    MODULE is None or not all(map(shutil.which, PROGRAMS)), reason="softhsm2 and opensc are not installed"
)


@dataclass(frozen=True)
class SoftToken:
    """The token and the folder it lives in."""

    folder: Path

    @staticmethod
    def fresh(folder: Path, monkeypatch: pytest.MonkeyPatch) -> SoftToken:
        (folder / "tokens").mkdir()
        settings = folder / "softhsm2.conf"
        settings.write_text(
            f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n"
        )
        monkeypatch.setenv("SOFTHSM2_CONF", str(settings))
        _run("softhsm2-util", "--init-token", "--free", "--label", LABEL, "--pin", PIN, "--so-pin", "31415926")
        return SoftToken(folder)

    def put(self, holder: Holder, label: str, key_id: str, *, certificate: bool = True) -> None:
        """Import a key, and its certificate unless that stays outside."""
        key, paper = self.folder / "in.key", self.folder / "in.der"
        key.write_bytes(holder.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        _run(*("softhsm2-util", "--import", key, "--token", LABEL, "--label", label, "--id", key_id, "--pin", PIN))
        key.unlink()
        if certificate:
            paper.write_bytes(holder.der)
            self.tool("--write-object", paper, "--type", "cert", "--id", key_id, "--label", label)

    def remove(self, key_id: str) -> None:
        for kind in ("privkey", "pubkey", "cert"):
            self.tool("--delete-object", "--type", kind, "--id", key_id)

    def tool(self, *words: object, pin: str = PIN) -> str:
        return _run("pkcs11-tool", "--module", MODULE, "--token-label", LABEL, "--login", "--pin", pin, *words)

    def flags(self) -> str:
        """What the token says of itself, as another program reads it."""
        return _run("pkcs11-tool", "--module", MODULE, "--list-token-slots")

    def key(self, name: str, **options: Any) -> TokenKey:
        assert MODULE is not None
        given: dict[str, Any] = {"module": MODULE, "token": LABEL, "pin": PIN, "label": name}
        return TokenKey(name, **(given | options))


def _run(*words: object) -> str:
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
