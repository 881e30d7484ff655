"""A certificate taken apart for path work: names that can be compared, extensions by OID, read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from asn1crypto import core
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from gateway.model.verdict import NotValid
from gateway.signing.trust.armour import DECODING_FAULTS, decoding
from gateway.signing.trust.limits import MAX_CERTIFICATE

BASIC_CONSTRAINTS: Final = "2.5.29.19"
KEY_USAGE: Final = "2.5.29.15"
EXTENDED_KEY_USAGE: Final = "2.5.29.37"
SUBJECT_ALT_NAME: Final = "2.5.29.17"
NAME_CONSTRAINTS: Final = "2.5.29.30"
POLICIES: Final = "2.5.29.32"
POLICY_MAPPINGS: Final = "2.5.29.33"
POLICY_CONSTRAINTS: Final = "2.5.29.36"
INHIBIT_ANY_POLICY: Final = "2.5.29.54"
CRL_POINTS: Final = "2.5.29.31"
FRESHEST_CRL: Final = "2.5.29.46"
AUTHORITY_KEY: Final = "2.5.29.35"
SUBJECT_KEY: Final = "2.5.29.14"
AUTHORITY_ACCESS: Final = "1.3.6.1.5.5.7.1.1"
SUBJECT_ACCESS: Final = "1.3.6.1.5.5.7.1.11"
QC_STATEMENTS: Final = "1.3.6.1.5.5.7.1.3"
OCSP_NO_CHECK: Final = "1.3.6.1.5.5.7.48.1.5"

READ: Final = frozenset(
    {
        BASIC_CONSTRAINTS,
        KEY_USAGE,
        EXTENDED_KEY_USAGE,
        SUBJECT_ALT_NAME,
        NAME_CONSTRAINTS,
        POLICIES,
        POLICY_MAPPINGS,
        POLICY_CONSTRAINTS,
        INHIBIT_ANY_POLICY,
        CRL_POINTS,
        FRESHEST_CRL,
        AUTHORITY_KEY,
        SUBJECT_KEY,
        AUTHORITY_ACCESS,
        QC_STATEMENTS,
        OCSP_NO_CHECK,
    }
)
"""The extensions a path is judged by; any other is refused when it is critical (RFC 5280 §4.2)."""


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One certificate. *subject*, *issuer*: keys that are equal exactly where RFC 5280 §7.1 calls the names equal.

    *extensions*: OID to decoded value, only of :data:`READ`; *critical*: the OIDs marked so.
    """

    certificate: x509.Certificate
    der: bytes
    tbs: asn1.TbsCertificate
    algorithm: Any
    signature: bytes
    subject: str
    issuer: str
    not_before: datetime
    not_after: datetime
    extensions: Mapping[str, Any]
    critical: frozenset[str]
    spki: bytes

    @property
    def tbs_bytes(self) -> bytes:
        """The signed bytes as they came."""
        return self.certificate.tbs_certificate_bytes

    @property
    def self_issued(self) -> bool:
        """Subject and issuer are the same name (RFC 5280 §6.1)."""
        return self.subject == self.issuer

    @property
    def is_ca(self) -> bool:
        constraints = self.extensions.get(BASIC_CONSTRAINTS)
        return constraints is not None and bool(constraints["ca"].native)

    @property
    def path_length(self) -> int | None:
        constraints = self.extensions.get(BASIC_CONSTRAINTS)
        value = None if constraints is None else constraints["path_len_constraint"].native
        return None if value is None else int(value)

    @property
    def key_usage(self) -> frozenset[str] | None:
        """The bits set, by asn1crypto's names; None where the extension is absent."""
        usage = self.extensions.get(KEY_USAGE)
        return None if usage is None else frozenset(usage.native)

    @property
    def purposes(self) -> frozenset[str] | None:
        """extKeyUsage as dotted OIDs; None where the extension is absent."""
        usage = self.extensions.get(EXTENDED_KEY_USAGE)
        return None if usage is None else frozenset(one.dotted for one in usage)

    @property
    def key_id(self) -> bytes | None:
        value = self.extensions.get(SUBJECT_KEY)
        return None if value is None else value.native

    @property
    def authority_key_id(self) -> bytes | None:
        value = self.extensions.get(AUTHORITY_KEY)
        return None if value is None else value["key_identifier"].native

    @property
    def names_revocation_source(self) -> bool:
        """Whether a CRL distribution point or an OCSP responder is named (RFC 5280 §4.2.1.13, §4.2.2.1)."""
        access = self.extensions.get(AUTHORITY_ACCESS)
        responders = access is not None and any(one["access_method"].native == "ocsp" for one in access)
        return responders or CRL_POINTS in self.extensions


def name_key(name: asn1.Name) -> str:
    """A string equal for names that compare equal by RFC 5280 §7.1 (prepared strings), else unequal."""
    der = name.untag().dump()  # within a GeneralName it is tagged
    return _known_key(der) if len(der) <= _COMMON_NAME else _prepared_key(der)


_COMMON_NAME: Final = 1024
"""Bytes of a name up to which its key is remembered, so that strangers' names fill no memory."""


def _prepared_key(der: bytes) -> str:
    try:
        name = asn1.Name.load(der)
        return f"dn:{len(name.chosen)}:{name.hashable}"
    except DECODING_FAULTS:
        # An attribute that has no string form is compared by its bytes.
        return f"der:{der.hex()}"


_known_key = lru_cache(maxsize=4096)(_prepared_key)
"""Preparing strings (RFC 4518) took half the time of a small verification, for the same few authorities."""


def rdn_keys(name: asn1.Name) -> tuple[str, ...]:
    """One such key for each relative distinguished name, outermost first."""
    keys = []
    for rdn in name.chosen:
        try:
            keys.append(str(rdn.hashable))
        except DECODING_FAULTS:
            keys.append(f"der:{rdn.dump().hex()}")
    return tuple(keys)


def node_of(certificate: x509.Certificate) -> Node:
    """Take *certificate* apart, everything that is used later decoded now.

    Raises NotValid chain.invalid: an extension occurs twice or is not what it claims to be, an over-long certificate.
    """
    der = certificate.public_bytes(serialization.Encoding.DER)
    if len(der) > MAX_CERTIFICATE:
        raise NotValid("limit.exceeded", "a certificate of more than 128 KiB")
    with decoding("a certificate", "chain.invalid"):
        return _node(certificate, der)


def _node(certificate: x509.Certificate, der: bytes) -> Node:
    parsed = asn1.Certificate.load(der, strict=True)
    tbs = parsed["tbs_certificate"]
    if parsed["signature_value"].contents[:1] != b"\x00":
        raise ValueError("a signature that is not whole octets")
    extensions, critical = _extensions(tbs)
    return Node(
        certificate=certificate,
        der=der,
        tbs=tbs,
        algorithm=parsed["signature_algorithm"],
        signature=parsed["signature_value"].native,
        subject=name_key(tbs["subject"]),
        issuer=name_key(tbs["issuer"]),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        extensions=extensions,
        critical=critical,
        spki=tbs["subject_public_key_info"].dump(),
    )


def _extensions(tbs: asn1.TbsCertificate) -> tuple[dict[str, Any], frozenset[str]]:
    values: dict[str, Any] = {}
    seen: set[str] = set()
    critical: set[str] = set()
    if isinstance(tbs["extensions"], core.Void):
        return values, frozenset()
    for extension in tbs["extensions"]:
        oid = extension["extn_id"].dotted
        if oid in seen:
            raise NotValid("chain.invalid", f"extension {oid} occurs twice")
        seen.add(oid)
        if extension["critical"].native:
            critical.add(oid)
        if oid in READ:
            values[oid] = decoded(extension["extn_value"])
    return values, frozenset(critical)


def decoded(octets: core.ParsableOctetString) -> Any:
    """The value inside an extension, decoded to the last byte. Raises what asn1crypto raises, or ValueError."""
    value = octets.parsed
    _touch(value)
    if len(value.dump()) != len(octets.contents):
        raise ValueError("bytes after the value of an extension")
    return value


def _touch(value: Any) -> None:
    """Decode *value* throughout; host names, URIs and mail addresses stay bytes until a rule reads them."""
    if isinstance(value, core.Choice):
        _touch(value.chosen)
    elif isinstance(value, core.Sequence | core.SequenceOf | core.Set | core.SetOf):
        for member in value:
            _touch(value[member] if isinstance(value, core.Sequence | core.Set) else member)
    elif not isinstance(value, core.IA5String):
        _ = value.native
