"""Which certificate may speak for which party: a valid signature of somebody else is not the sender's signature."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from asn1crypto import x509 as asn1
from cryptography import x509

from gateway.model.party import Parties
from gateway.model.verdict import NotValid
from gateway.signing.trust import describe
from gateway.signing.trust.armour import DECODING_FAULTS
from gateway.signing.trust.node import name_key, node_of

ATTRIBUTES: Final[Mapping[str, str]] = {
    "UID": "0.9.2342.19200300.100.1.1",
    "organizationIdentifier": "2.5.4.97",
    "serialNumber": "2.5.4.5",
    "O": "2.5.4.10",
    "OU": "2.5.4.11",
    "CN": "2.5.4.3",
    "E": "1.2.840.113549.1.9.1",
}
"""Subject attributes by the name configurations use; Vietnamese CAs write the tax code as UID ``MST:0300000000``."""
_HEX: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Mark:
    """How a certificate is recognised; every part that is set must fit.

    *issuer*: its issuer's name as :func:`~gateway.signing.trust.node.name_key`; *key*, *certificate*: SHA-256 in hex of
    SubjectPublicKeyInfo and DER; *subject*: attribute OIDs and the exact value one of them must have.
    """

    issuer: str = ""
    serial: int | None = None
    key: str = ""
    certificate: str = ""
    subject: tuple[tuple[str, str], ...] = ()

    def fits(self, certificate: x509.Certificate) -> bool:
        """Whether *certificate* is meant. Its chain is the caller's question: a name proves nothing without it."""
        try:
            node = node_of(certificate)
            if self.issuer and node.issuer != self.issuer:
                return False
            if self.serial is not None and int(node.tbs["serial_number"].native) != self.serial:
                return False
            if self.key and hashlib.sha256(node.spki).hexdigest() != self.key:
                return False
            if self.certificate and describe.fingerprint(certificate) != self.certificate:
                return False
            held = _attributes(node.tbs["subject"])
        except (NotValid, *DECODING_FAULTS):
            return False
        return all(pair in held for pair in self.subject)


@dataclass(frozen=True, slots=True)
class Speaker:
    """The certificate of *mark* speaks for *parties* from *since* (inclusive) to *until* (exclusive), both aware."""

    parties: Parties
    mark: Mark
    since: datetime | None = None
    until: datetime | None = None
    note: str = ""

    def speaks(self, at: datetime) -> bool:
        return (self.since is None or self.since <= at) and (self.until is None or at < self.until)


@dataclass(frozen=True, slots=True)
class Speakers:
    """All entries. *unlisted*: what happens to a party that no entry names."""

    entries: tuple[Speaker, ...] = ()
    unlisted: Literal["pass", "refuse"] = "pass"

    def require_speaker(self, certificate: x509.Certificate, party: str, at: datetime) -> Speaker | None:
        """The entry by which *certificate* spoke for *party* at *at*; None where the party is not listed and passes.

        Raises NotValid certificate.speaker.
        """
        listed = [entry for entry in self.entries if party in entry.parties]
        if not listed and self.unlisted == "pass":
            return None
        fitting = [entry for entry in listed if entry.mark.fits(certificate)]
        for entry in fitting:
            if entry.speaks(at):
                return entry
        if fitting:
            detail = f"the certificate does not speak for {party} at that time"
        elif listed:
            detail = f"the certificate is none of those that speak for {party}"
        else:
            detail = f"no certificate is known to speak for {party}"
        raise NotValid("certificate.speaker", detail, signer=describe.subject(certificate))


def speakers_from(entries: Iterable[Mapping[str, object]], unlisted: str = "pass") -> Speakers:
    """Read entries as a configuration file holds them. Raises ValueError with the number of the entry.

    Keys: ``parties`` (codes and patterns such as ``H53.*``) and one of ``certificate`` or ``key`` (SHA-256 in hex),
    ``issuer`` (RFC 4514) with ``serial`` (hex), ``issuer`` with ``subject`` (attribute to value); optional ``from`` and
    ``until`` (with a zone), ``note``.
    """
    if unlisted not in ("pass", "refuse"):
        raise ValueError("unlisted is pass or refuse")
    found = []
    for number, entry in enumerate(entries, start=1):
        try:
            found.append(_speaker(entry))
        except (TypeError, KeyError, *DECODING_FAULTS) as fault:
            raise ValueError(f"speaker {number}: {fault}") from fault
    return Speakers(tuple(found), "refuse" if unlisted == "refuse" else "pass")


_KEYS: Final = frozenset({"parties", "certificate", "key", "issuer", "serial", "subject", "from", "until", "note"})


def _speaker(entry: Mapping[str, object]) -> Speaker:
    if entry.keys() - _KEYS:
        raise ValueError(f"unknown key {min(entry.keys() - _KEYS)}")
    parties = entry.get("parties")
    if isinstance(parties, str):
        parties = [parties]
    if not isinstance(parties, list | tuple) or not parties or not all(isinstance(one, str) and one for one in parties):
        raise ValueError("parties is a list of codes or patterns")
    mark = Mark(
        issuer=_name(entry.get("issuer")),
        serial=_serial(entry.get("serial")),
        key=_digest(entry.get("key"), "key"),
        certificate=_digest(entry.get("certificate"), "certificate"),
        subject=_subject(entry.get("subject")),
    )
    if not (mark.key or mark.certificate) and not (mark.issuer and (mark.serial is not None or mark.subject)):
        raise ValueError("certificate, key, or issuer with serial or subject is needed")
    since, until = _moment(entry.get("from"), "from"), _moment(entry.get("until"), "until")
    if since is not None and until is not None and since >= until:
        raise ValueError("from is not before until")
    return Speaker(Parties(tuple(parties)), mark, since, until, str(entry.get("note", "")))


def _name(text: object) -> str:
    if text is None:
        return ""
    name = x509.Name.from_rfc4514_string(str(text))
    if not list(name):
        raise ValueError("issuer is empty")
    return name_key(asn1.Name.load(name.public_bytes()))


def _serial(text: object) -> int | None:
    return None if text is None else int(str(text).replace(":", ""), 16)


def _digest(text: object, what: str) -> str:
    found = "" if text is None else str(text).replace(":", "").lower()
    if text is not None and not _HEX.fullmatch(found):
        raise ValueError(f"{what} is no SHA-256 in hex")
    return found


def _subject(wanted: object) -> tuple[tuple[str, str], ...]:
    if wanted is None:
        return ()
    if not isinstance(wanted, Mapping) or not wanted:
        raise ValueError("subject is a table of attributes")
    pairs = []
    for attribute, value in wanted.items():
        oid = ATTRIBUTES.get(attribute, attribute)
        if not re.fullmatch(r"\d+(\.\d+)+", oid) or not str(value).strip():
            raise ValueError(f"subject: {attribute} is no attribute with a value")
        pairs.append((oid, str(value).strip()))
    return tuple(pairs)


def _moment(value: object, what: str) -> datetime | None:
    if value is None:
        return None
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    if moment.tzinfo is None:
        raise ValueError(f"{what} has no time zone")
    return moment


def _attributes(name: Any) -> set[tuple[str, str]]:
    return {(pair["type"].dotted, str(pair["value"].native).strip()) for rdn in name.chosen for pair in rdn}
