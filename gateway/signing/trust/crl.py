"""Certificate revocation lists (RFC 5280 §5): what one says, and its entry for a certificate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from asn1crypto import core
from asn1crypto import crl as asn1
from asn1crypto.x509 import Name
from cryptography import x509

from gateway.signing.trust.armour import decoding
from gateway.signing.trust.node import FRESHEST_CRL, Node, decoded, name_key
from gateway.signing.trust.scope import Scope, scope_of

_NUMBER: Final = "2.5.29.20"
_DELTA: Final = "2.5.29.27"
_SCOPE: Final = "2.5.29.28"
_AUTHORITY_KEY: Final = "2.5.29.35"
_EXPIRED_TOO: Final = "2.5.29.60"
_READ: Final = frozenset({_NUMBER, _DELTA, _SCOPE, _AUTHORITY_KEY, FRESHEST_CRL, _EXPIRED_TOO})
_REASON: Final = "2.5.29.21"
_INVALIDITY: Final = "2.5.29.24"
_ENTRY_ISSUER: Final = "2.5.29.29"
_ENTRY_READ: Final = frozenset({_REASON, _INVALIDITY, _ENTRY_ISSUER})
_CRITICAL: Final = b"\x01\x01\xff\x04"
"""BOOLEAN TRUE before an OCTET STRING: without it among the entries' bytes no entry has a critical extension."""
_UNDERSTOOD: Final = tuple(b"\x06\x03\x55\x1d" + bytes([int(oid.rpartition(".")[2])]) for oid in sorted(_ENTRY_READ))
"""The OIDs of _ENTRY_READ in DER."""
MAX_SCANNED: Final = 100_000
"""Entries that are looked at one by one, where that is needed at all."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A certificate on a list: since when (the earlier of revocation and invalidity date) and why."""

    since: datetime
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class RevocationList:
    """One CRL, decoded but for its entries. *next_update* is None where the issuer names none."""

    der: bytes
    loaded: x509.CertificateRevocationList
    parsed: asn1.CertificateList
    issuer: str
    this_update: datetime
    next_update: datetime | None
    scope: Scope
    number: int | None
    base: int | None
    authority_key: bytes | None
    keeps_expired_since: datetime | None
    unknown_critical: bool
    number_critical: bool

    @property
    def is_delta(self) -> bool:
        return self.base is not None

    @property
    def issuer_name(self) -> Any:
        return self.parsed["tbs_cert_list"]["issuer"]


def read_crl(der: bytes) -> RevocationList:
    """Decode a CRL. Raises NotValid malformed."""
    with decoding("the CRL"):
        loaded = x509.load_der_x509_crl(der)
        parsed = asn1.CertificateList.load(der, strict=True)
        tbs = parsed["tbs_cert_list"]
        if parsed["signature"].contents[:1] != b"\x00":
            raise ValueError("a signature that is not whole octets")
        if tbs["signature"].dump() != parsed["signature_algorithm"].dump():
            raise ValueError("the two signature algorithms differ")
        values, critical = _extensions(tbs)
        return RevocationList(
            der=der,
            loaded=loaded,
            parsed=parsed,
            issuer=name_key(tbs["issuer"]),
            this_update=loaded.last_update_utc,
            next_update=loaded.next_update_utc,
            scope=scope_of(values[_SCOPE]) if _SCOPE in values else Scope(),
            number=_number(values.get(_NUMBER)),
            base=_number(values.get(_DELTA)),
            authority_key=values[_AUTHORITY_KEY]["key_identifier"].native if _AUTHORITY_KEY in values else None,
            keeps_expired_since=_moment(values.get(_EXPIRED_TOO)),
            unknown_critical=bool(critical - _READ),
            number_critical=_NUMBER in critical,
        )


def _extensions(tbs: Any) -> tuple[dict[str, Any], frozenset[str]]:
    values: dict[str, Any] = {}
    critical: set[str] = set()
    present = tbs["crl_extensions"]
    for extension in () if isinstance(present, core.Void) else present:
        oid = extension["extn_id"].dotted
        if oid in values:
            raise ValueError("an extension occurs twice")
        if extension["critical"].native:
            critical.add(oid)
        values[oid] = decoded(extension["extn_value"]) if oid in _READ - {_EXPIRED_TOO} else extension["extn_value"]
    return values, frozenset(critical)


def _number(value: Any) -> int | None:
    return None if value is None else int(value.native)


def _moment(octets: Any) -> datetime | None:
    """expiredCertsOnCRL (X.509 §9.5.2.8): a GeneralizedTime."""
    if octets is None:
        return None
    moment: datetime = core.GeneralizedTime.load(octets.native).native
    return moment.astimezone(UTC)


def faults(crl: RevocationList, *, conformance: bool) -> str:
    """Why *crl* may not be used for any certificate (§5.2, §5.3); "" if it may.

    With *conformance* also what §5.1.2.5, §5.2.3 demand of an issuer: nextUpdate, a CRL number, no entry twice.
    """
    if crl.unknown_critical:
        return "a critical extension of the CRL is not understood"
    if crl.number_critical:
        return "the CRL number is critical"
    if _has_unknown_entry(crl):
        return "a critical extension of a CRL entry is not understood"
    if conformance and (crl.next_update is None or crl.number is None):
        return "the CRL has no number or no next update"
    if conformance and _has_doubles(crl):
        return "a CRL lists a certificate twice"
    return ""


def _entries_bytes(crl: RevocationList) -> bytes:
    entries = crl.parsed["tbs_cert_list"]["revoked_certificates"]
    return b"" if isinstance(entries, core.Void) else bytes(entries.contents)


def _has_unknown_entry(crl: RevocationList) -> bool:
    if not _may_be_critical(_entries_bytes(crl)):
        return False
    if len(crl.loaded) > MAX_SCANNED:
        return True
    with decoding("a CRL entry"):
        return any(
            one.critical and one.oid.dotted_string not in _ENTRY_READ
            for entry in crl.loaded
            for one in entry.extensions
        )


def _may_be_critical(octets: bytes) -> bool:
    """Whether anything looks like a critical extension that is not understood; in a long serial number it may, too."""
    place = octets.find(_CRITICAL)
    while place >= 0:
        if not octets.startswith(_UNDERSTOOD, max(0, place - len(_UNDERSTOOD[0]))):
            return True
        place = octets.find(_CRITICAL, place + 1)
    return False


def _has_doubles(crl: RevocationList) -> bool:
    if crl.scope.indirect or len(crl.loaded) > MAX_SCANNED:
        return False
    return len({entry.serial_number for entry in crl.loaded}) != len(crl.loaded)


def entry_for(crl: RevocationList, node: Node) -> Entry | None:
    """The entry of *node* on *crl*, None if it is not there. Raises NotValid malformed."""
    serial = int(node.tbs["serial_number"].native)
    with decoding("a CRL entry"):
        if crl.scope.indirect:
            return next((_entry(one) for one, issuer in _attributed(crl) if _is(one, serial, issuer, node)), None)
        found = crl.loaded.get_revoked_certificate_by_serial_number(serial)
        return None if found is None or crl.issuer != node.issuer else _entry(found)


def _is(entry: x509.RevokedCertificate, serial: int, issuer: frozenset[str], node: Node) -> bool:
    return entry.serial_number == serial and node.issuer in issuer


def _attributed(crl: RevocationList) -> Iterator[tuple[x509.RevokedCertificate, frozenset[str]]]:
    """Each entry with the issuer of its certificate: the last one named, at first the CRL's own (§5.3.3)."""
    if len(crl.loaded) > MAX_SCANNED:
        raise ValueError("too many entries for an indirect CRL")
    issuer = frozenset({crl.issuer})
    for entry in crl.loaded:
        for extension in entry.extensions:
            if isinstance(extension.value, x509.CertificateIssuer):
                issuer = frozenset(
                    name_key(_asn1_name(one)) for one in extension.value if isinstance(one, x509.DirectoryName)
                )
        yield entry, issuer


def _asn1_name(name: x509.DirectoryName) -> Any:
    return Name.load(name.value.public_bytes())


def _entry(found: x509.RevokedCertificate) -> Entry:
    since, reason = found.revocation_date_utc, "unspecified"
    for extension in found.extensions:
        if isinstance(extension.value, x509.CRLReason):
            reason = extension.value.reason.value
        elif isinstance(extension.value, x509.InvalidityDate):
            since = min(since, extension.value.invalidity_date_utc)
    return Entry(since, reason)


def signature_parts(crl: RevocationList) -> tuple[Any, bytes, bytes]:
    """Algorithm, signature and signed bytes of *crl* as they came (encoding a large list anew takes a second)."""
    return crl.parsed["signature_algorithm"], crl.loaded.signature, crl.parsed["tbs_cert_list"].dump()
