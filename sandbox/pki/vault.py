"""Where a PKI keeps its keys: a folder only its owner can read, or nowhere at all."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.serialization import Encoding

from sandbox.pki.identity import Identity, from_pem

BOOK: Final = "pki.json"
PASSWORD: Final = "pkcs12.password"  # noqa: S105 (a file's name)


class Vault:
    """Identities by name: `NAME.pem`, `NAME.key` and `NAME.p12`, under the password in `pkcs12.password`.

    Without a folder nothing is written and nothing is found again.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        if folder is not None:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def book(self) -> Mapping[str, Any]:
        """Return what the last run wrote down, nothing on the first."""
        path = self.folder / BOOK if self.folder else None
        found: Mapping[str, Any] = json.loads(path.read_text("utf-8")) if path and path.exists() else {}
        return found

    def write_book(self, book: Mapping[str, Any]) -> None:
        """Replace what is written down."""
        self._write(BOOK, json.dumps(book, ensure_ascii=False, indent=1).encode())

    def keep(self, name: str, identity: Identity) -> None:
        """Write an identity in both forms."""
        if self.folder is None:
            return
        self._write(f"{name}.pem", identity.pem())
        self._write(f"{name}.key", identity.key_pem())
        self._write(f"{name}.p12", identity.pkcs12(self.password()))

    def get(self, name: str) -> Identity:
        """Read an identity back. Raises FileNotFoundError, ValueError."""
        if self.folder is None:
            raise FileNotFoundError(name)
        return from_pem((self.folder / f"{name}.pem").read_bytes(), (self.folder / f"{name}.key").read_bytes())

    def files(self, name: str) -> Mapping[str, str] | None:
        """Return where an identity is, for the control interface; None if it is nowhere."""
        if self.folder is None:
            return None
        forms = {"certificate": f"{name}.pem", "key": f"{name}.key", "pkcs12": f"{name}.p12", "password": PASSWORD}
        return {form: str(self.folder / file) for form, file in forms.items()}

    def password(self) -> str:
        """Return the password of the PKCS#12 files, made at the first call."""
        path = self.folder / PASSWORD if self.folder else None
        if path is None or not path.exists():
            self._write(PASSWORD, secrets.token_urlsafe(18).encode())
        return path.read_text("ascii") if path else ""

    def _write(self, name: str, content: bytes) -> None:
        """Write through a new file, which nobody else could open before it had its mode."""
        if self.folder is None:
            return
        fresh = self.folder / f".{name}.new"
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        fresh.replace(self.folder / name)


def write_certificate(directory: Path, name: str, identity: Identity) -> None:
    """Write a certificate alone, without chain and key, as trust directories hold it."""
    (directory / f"{name}.pem").write_bytes(identity.certificate.public_bytes(Encoding.PEM))
