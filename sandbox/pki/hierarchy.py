"""The two trees of authorities, everything they issued, and what of it was revoked.

`public` stands for the licensed providers, `government` for the specialised signatures of the State: different roots,
so that a trust store for one does not accept the other.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal

from cryptography import x509
from cryptography.x509 import ReasonFlags

from sandbox.pdf import plain_ascii
from sandbox.pki.authority import YEAR, Authority, Purpose, Validity, found_root, name
from sandbox.pki.identity import Identity, KeyKind
from sandbox.pki.vault import Vault, write_certificate

Tree = Literal["public", "government"]
TREES: Final[tuple[Tree, ...]] = ("public", "government")
_TITLES: Final[Mapping[Tree, str]] = {"public": "công cộng", "government": "chuyên dùng Chính phủ"}
_PREFIX: Final[Mapping[Tree, str]] = {"public": "", "government": "government-"}


@dataclass(frozen=True, slots=True)
class Issued:
    """A line of the register. `serial` is hexadecimal, `file` the identity's name in the vault."""

    serial: str
    issuer: str
    subject: str
    purpose: str
    file: str
    revoked_at: datetime | None = None
    reason: str = ReasonFlags.unspecified.value

    def to_json(self) -> dict[str, Any]:
        """Return the line as the control interface and the vault's book have it."""
        revoked = self.revoked_at.isoformat() if self.revoked_at else None
        plain = {"serial": self.serial, "issuer": self.issuer, "subject": self.subject, "purpose": self.purpose}
        return {**plain, "file": self.file, "revoked_at": revoked, "reason": self.reason}

    @classmethod
    def from_json(cls, source: Mapping[str, Any]) -> Issued:
        """Read what `to_json` wrote."""
        revoked = source["revoked_at"]
        return cls(**{**source, "revoked_at": datetime.fromisoformat(revoked) if revoked else None})


class Hierarchy:
    """Both trees at one address. Found again in the vault if it served the same address, else made anew."""

    def __init__(self, base_url: str, now: Callable[[], datetime], vault: Vault | None = None) -> None:
        self.base_url = base_url
        self.now = now
        self.vault = vault or Vault()
        self.authorities: dict[str, Authority] = {}
        self.register: dict[str, Issued] = {}
        self._living: dict[str, Identity] = {}
        self._writing = threading.RLock()  # papers are signed in threads, while the services answer in the event loop
        book = self.vault.book()
        if book.get("base_url") == base_url:
            self._recall(book)
        else:
            for tree in TREES:
                self._found(tree)
            self._write_down()

    def issuing(self, tree: Tree = "public") -> Authority:
        """Return the authority that issues to organisations and persons."""
        return self.authorities[f"{_PREFIX[tree]}issuing"]

    def root(self, tree: Tree = "public") -> Authority:
        """Return the root of a tree."""
        return self.authorities[f"{_PREFIX[tree]}root"]

    def identity(self, file: str) -> Identity:
        """Return an identity by its name in the vault. Raises KeyError."""
        return self._living[file]

    def organisation(
        self,
        title: str,
        tax_code: str = "0300000000",
        *,
        tree: Tree = "government",
        kind: KeyKind = "ec",
        validity: Validity | None = None,
    ) -> Identity:
        """Issue an organisation's certificate; valid for three years from a year ago if not told otherwise."""
        return self._issue(tree, name(title, title, tax_code, place="Tây Ninh"), "signing", validity, kind)

    def person(
        self,
        full_name: str,
        title: str,
        organisation: str,
        *,
        tree: Tree = "government",
        kind: KeyKind = "ec",
        validity: Validity | None = None,
    ) -> Identity:
        """Issue a certificate to somebody who signs for an organisation."""
        subject = name(full_name, organisation, title=title, place="Tây Ninh")
        return self._issue(tree, subject, "signing", validity, kind)

    def expired(self) -> Validity:
        """Return a validity that ended yesterday."""
        return Validity.around(self.now(), 2 * YEAR, -timedelta(days=1))

    def stamping(self, tree: Tree = "public", flaw: Literal["", "eku", "expired"] = "") -> Identity:
        """Return the identity of a tree's time stamping authority, or one with a flaw, made when first asked for."""
        file = f"{_PREFIX[tree]}tsa" + (f"-{flaw}" if flaw else "")
        with self._writing:
            return self._living.get(file) or self._stamper(file, tree, flaw)

    def revoke(self, serial: str, at: datetime | None = None, reason: str = "unspecified") -> Issued:
        """Revoke from `at` on, by default from now. Raises KeyError (no such certificate), ValueError (reason)."""
        if ReasonFlags(reason) is ReasonFlags.remove_from_crl:
            raise ValueError("use restore")
        return self._note(replace(self._line(serial), revoked_at=at or self.now(), reason=reason))

    def restore(self, serial: str) -> Issued:
        """Take a revocation back. Raises KeyError."""
        return self._note(replace(self._line(serial), revoked_at=None, reason="unspecified"))

    def revoked(self, authority: Authority) -> Iterable[Issued]:
        """Return what an authority has revoked."""
        return [line for line in self.lines() if line.issuer == authority.slug and line.revoked_at]

    def lines(self) -> Sequence[Issued]:
        """Return the register as it is now, oldest first."""
        with self._writing:
            return tuple(self.register.values())

    def write_trust(self, directory: Path, trees: Iterable[Tree] = TREES) -> None:
        """Write the roots and issuing authorities of `trees` as `*.pem`, one certificate a file, no key."""
        directory.mkdir(parents=True, exist_ok=True)
        for tree in trees:
            for authority in (self.root(tree), self.issuing(tree)):
                write_certificate(directory, authority.slug, authority.identity)

    def _stamper(self, file: str, tree: Tree, flaw: str) -> Identity:
        subject = name(f"Dấu thời gian {_TITLES[tree]} (giả lập)", "Sandbox TSA")
        validity = self.expired() if flaw == "expired" else self._validity()
        identity = self.issuing(tree).issue(subject, "stamping", validity, eku=flaw != "eku")
        self._enter(file, identity, self.issuing(tree).slug, "stamping")
        self._write_down()
        return identity

    def _found(self, tree: Tree) -> None:
        prefix, title, now = _PREFIX[tree], _TITLES[tree], self.now()
        owner = "Môi trường giả lập Liên Thông"
        lifetime = Validity.around(now, 5 * YEAR, 15 * YEAR)
        root = found_root(f"{prefix}root", name(f"CA gốc {title} (giả lập)", owner), self.base_url, lifetime)
        self._enter(root.slug, root.identity, root.slug, "issuing")
        root = self._staffed(root)
        subject = name(f"CA {title} (giả lập)", owner)
        below = root.issue(subject, "issuing", Validity.around(now, 3 * YEAR, 7 * YEAR))
        issuing = Authority(f"{prefix}issuing", below, self.base_url)
        self._enter(issuing.slug, below, root.slug, "issuing")
        self._staffed(issuing)
        self.stamping(tree)

    def _staffed(self, authority: Authority) -> Authority:
        """Give an authority its OCSP responder."""
        subject = name(f"OCSP {authority.identity.common_name}", "Sandbox OCSP")
        responder = authority.issue(subject, "responding", self._validity())
        self._enter(f"{authority.slug}-ocsp", responder, authority.slug, "responding")
        staffed = replace(authority, responder=responder)
        self.authorities[authority.slug] = staffed
        return staffed

    def _issue(
        self, tree: Tree, subject: x509.Name, purpose: Purpose, validity: Validity | None, kind: KeyKind
    ) -> Identity:
        issuer = self.issuing(tree)
        identity = issuer.issue(subject, purpose, validity or self._validity(), kind)
        self._enter(f"{_plain(identity.common_name)}-{identity.serial[:8]}", identity, issuer.slug, purpose)
        self._write_down()
        return identity

    def _validity(self) -> Validity:
        return Validity.around(self.now(), YEAR, 2 * YEAR)

    def _enter(self, file: str, identity: Identity, issuer: str, purpose: str) -> None:
        with self._writing:
            self.vault.keep(file, identity)
            self._living[file] = identity
            self.register[identity.serial] = Issued(identity.serial, issuer, identity.common_name, purpose, file)

    def _line(self, serial: str) -> Issued:
        """Find a line by its serial number, however openssl or a person writes it."""
        return self.register[serial.replace(":", "").lower().lstrip("0")]

    def _note(self, line: Issued) -> Issued:
        with self._writing:
            self.register[line.serial] = line
            self._write_down()
        return line

    def _write_down(self) -> None:
        """Write the register; not before both trees stand, so that half of a PKI is never found again."""
        with self._writing:
            lines = [line.to_json() for line in self.register.values()]
            if len(self.authorities) == 2 * len(TREES):
                self.vault.write_book({"base_url": self.base_url, "register": lines})

    def _recall(self, book: Mapping[str, Any]) -> None:
        """Take over what the last run left. Raises ValueError if something of it is missing."""
        try:
            for source in book["register"]:
                line = Issued.from_json(source)
                self.register[line.serial] = line
                self._living[line.file] = self.vault.get(line.file)
            for slug in (f"{_PREFIX[tree]}{level}" for tree in TREES for level in ("root", "issuing")):
                responder = self._living[f"{slug}-ocsp"]
                self.authorities[slug] = Authority(slug, self._living[slug], self.base_url, responder)
        except KeyError as error:
            raise ValueError(f"damaged PKI in {self.vault.folder}: {error}") from error


def _plain(text: str) -> str:
    """Return a file name of ASCII letters."""
    return re.sub(r"[^a-z0-9]+", "-", plain_ascii(text).lower()).strip("-")[:40] or "certificate"
