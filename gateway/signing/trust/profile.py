"""The certificate profile of RFC 5280 §4, beside the path algorithm of §6: first what no signature may rest on,
then (for :data:`~gateway.signing.trust.limits.CONFORMANCE`) what a conforming issuer never produces.
"""

from __future__ import annotations

from typing import Final

from asn1crypto import core
from asn1crypto import x509 as asn1
from cryptography import x509

from gateway.model.verdict import NotValid
from gateway.signing.trust.armour import decoding
from gateway.signing.trust.model import Purpose
from gateway.signing.trust.names import NameSpace, ascii_text, is_host
from gateway.signing.trust.node import (
    AUTHORITY_ACCESS,
    AUTHORITY_KEY,
    BASIC_CONSTRAINTS,
    FRESHEST_CRL,
    INHIBIT_ANY_POLICY,
    NAME_CONSTRAINTS,
    POLICIES,
    POLICY_CONSTRAINTS,
    POLICY_MAPPINGS,
    READ,
    SUBJECT_ACCESS,
    SUBJECT_ALT_NAME,
    SUBJECT_KEY,
    Node,
)
from gateway.signing.trust.policies import check_mappings

TIME_STAMPING: Final = "1.3.6.1.5.5.7.3.8"
OCSP_SIGNING: Final = "1.3.6.1.5.5.7.3.9"
ANY_PURPOSE: Final = "2.5.29.37.0"
_ROLES: Final = frozenset({TIME_STAMPING, OCSP_SIGNING})
_NEVER_CRITICAL: Final = (AUTHORITY_KEY, SUBJECT_KEY, AUTHORITY_ACCESS, SUBJECT_ACCESS, FRESHEST_CRL)
_ALWAYS_CRITICAL: Final = (NAME_CONSTRAINTS, INHIBIT_ANY_POLICY)
_MAX_SERIAL_BITS: Final = 160
_FALSE_SPELT_OUT: Final = bytes.fromhex("3003010100")
_EMPTY: Final = bytes.fromhex("3000")


def check_sound(node: Node) -> None:
    """What holds for any certificate in any path: the two signature algorithms agree (§4.1.1.2), extensions only in
    version 3, none critical that is not understood (§4.2), an issuer that has a name. Raises NotValid chain.invalid.
    """
    if node.tbs["signature"].dump() != node.algorithm.dump():
        raise _wrong("the signature algorithm inside and outside differ")
    if node.critical - READ:
        raise _wrong(f"critical extension {min(node.critical - READ)} is not understood")
    if not isinstance(node.tbs["extensions"], core.Void) and node.tbs["version"].native != "v3":
        raise _wrong("extensions in a certificate that is not version 3")
    if not len(node.tbs["issuer"].chosen):
        raise _wrong("the issuer has no name")
    if node.not_before > node.not_after:
        raise _wrong("the validity ends before it begins")


def check_authority(node: Node, *, anchor: bool) -> None:
    """What lets *node* issue certificates (§6.1.4 k, n): cA, and keyCertSign where keyUsage is present.

    An *anchor* that says nothing of cA was made an authority by being trusted. Raises NotValid chain.invalid.
    """
    if not node.is_ca and not (anchor and BASIC_CONSTRAINTS not in node.extensions):
        raise _wrong("a certificate of the path is not an authority")
    if node.key_usage is not None and "key_cert_sign" not in node.key_usage:
        raise _wrong("an authority of the path may not sign certificates")
    if not len(node.tbs["subject"].chosen):
        raise _wrong("an authority has no name")


_SIGNATURES: Final = frozenset({"digital_signature", "non_repudiation"})


def check_purpose(node: Node, purpose: Purpose, usages: frozenset[str] = _SIGNATURES) -> None:
    """Whether the end entity is good for *purpose* (§4.2.1.3, §4.2.1.12). Raises NotValid chain.usage.

    *signing*: one of *usages*, and not a time stamper's or OCSP responder's own certificate;
    *timestamping*: RFC 3161 §2.3; *ocsp*: RFC 6960 §4.2.2.2.
    """
    if purpose == "any":
        return
    usage, purposes = node.key_usage, node.purposes
    if usage is not None and not usage & (usages if purpose == "signing" else _SIGNATURES):
        raise NotValid("chain.usage", "the key is not for signatures")
    if purpose == "signing" and purposes is not None and purposes <= _ROLES:
        raise NotValid("chain.usage", "the certificate is for time stamps or OCSP only")
    if purpose == "timestamping" and (purposes != frozenset({TIME_STAMPING}) or "2.5.29.37" not in node.critical):
        raise NotValid("chain.usage", "the certificate is not for time stamps alone")
    if purpose == "ocsp" and OCSP_SIGNING not in (purposes or frozenset()):
        raise NotValid("chain.usage", "the certificate is not for OCSP responses")


def check_passes_on(authority: Node, purpose: Purpose) -> None:
    """Whether an authority whose own uses are limited (extKeyUsage) may issue for *purpose*. Raises NotValid
    chain.usage. Beyond RFC 5280, but the way such limits are meant and used; an anchor's own are not looked at.
    """
    purposes = authority.purposes
    if purposes is None or ANY_PURPOSE in purposes or purpose == "any":
        return
    wanted = {"timestamping": TIME_STAMPING, "ocsp": OCSP_SIGNING}.get(purpose)
    if purposes <= _ROLES if wanted is None else wanted not in purposes:
        raise NotValid("chain.usage", "an authority of the path may not issue for this use")


def check_conformance(node: Node, *, anchor: bool, self_signed: bool = False) -> None:
    """The MUSTs of §4 that bind the issuer. Raises NotValid chain.invalid. A *self_signed* certificate needs no key
    identifier of its issuer (§4.2.1.1); an *anchor* is one that issues.

    The criticality of an intermediate's basicConstraints is left to the path algorithm, which accepts both.
    """
    with decoding("a certificate", "chain.invalid"):
        _ = list(_in_der(node).extensions)
    _check_serial(node, anchor=anchor)
    _check_criticality(node)
    _check_identifiers(node, self_signed=anchor or self_signed)
    _check_constraints(node)
    _check_alternatives(node)
    if anchor and not (node.is_ca and BASIC_CONSTRAINTS in node.critical):
        raise _wrong("the root does not say critically that it is an authority")


def _in_der(node: Node) -> x509.Certificate:
    """The certificate, without a cA FALSE that is spelt out: widespread, and the one slip in DER that is let pass."""
    constraints = node.extensions.get(BASIC_CONSTRAINTS)
    if constraints is None or constraints.dump() != _FALSE_SPELT_OUT:
        return node.certificate
    parsed = asn1.Certificate.load(node.der)
    for extension in parsed["tbs_certificate"]["extensions"]:
        if extension["extn_id"].dotted == BASIC_CONSTRAINTS:
            extension["extn_value"] = core.ParsableOctetString(_EMPTY)
    return x509.load_der_x509_certificate(parsed.dump())


def _check_serial(node: Node, *, anchor: bool) -> None:
    """§4.1.2.2. Among the roots the world trusts some have the number 0 or a longer one; those did no harm."""
    serial = node.tbs["serial_number"].native
    if serial < 0 or (not anchor and (serial == 0 or serial.bit_length() > _MAX_SERIAL_BITS)):
        raise _wrong("the serial number is not a positive number of at most 20 octets")
    unique = any(not isinstance(node.tbs[name], core.Void) for name in ("issuer_unique_id", "subject_unique_id"))
    if unique and node.tbs["version"].native == "v1":
        raise _wrong("unique identifiers in version 1")


def _check_criticality(node: Node) -> None:
    for oid in _NEVER_CRITICAL:
        if oid in node.critical:
            raise _wrong(f"extension {oid} is critical")
    for oid in _ALWAYS_CRITICAL:
        if oid in node.extensions and oid not in node.critical:
            raise _wrong(f"extension {oid} is not critical")
    # RFC 3280 §4.2.1.12 left this one open, and authorities that take part in policies still issue it so.
    if POLICY_CONSTRAINTS in node.extensions and not (
        POLICY_CONSTRAINTS in node.critical or POLICIES in node.extensions
    ):
        raise _wrong("policy constraints that are not critical, of an authority without policies")


def _check_identifiers(node: Node, *, self_signed: bool) -> None:
    if node.tbs["version"].native != "v3":
        return
    if node.is_ca and not node.key_id:
        raise _wrong("an authority without subjectKeyIdentifier")
    if not node.authority_key_id and not self_signed:
        raise _wrong("a certificate without the key identifier of its issuer")


def _check_constraints(node: Node) -> None:
    usage = node.key_usage
    if usage is not None and not usage:
        raise _wrong("keyUsage without any use")
    if not node.is_ca:
        if node.path_length is not None:
            raise _wrong("a path length in a certificate that is not an authority")
        if usage is not None and "key_cert_sign" in usage:
            raise _wrong("keyCertSign in a certificate that is not an authority")
        for oid in (NAME_CONSTRAINTS, POLICY_MAPPINGS, POLICY_CONSTRAINTS, INHIBIT_ANY_POLICY):
            if oid in node.extensions:
                raise _wrong(f"extension {oid} in a certificate that is not an authority")
    elif usage is not None and "key_cert_sign" not in usage and node.path_length is not None:
        raise _wrong("a path length without keyCertSign")
    _check_policies(node)
    constraints = node.extensions.get(NAME_CONSTRAINTS)
    if constraints is not None and NameSpace().narrowed(node) == NameSpace():
        raise _wrong("name constraints that constrain nothing")


def _check_policies(node: Node) -> None:
    listed = [one["policy_identifier"].dotted for one in node.extensions.get(POLICIES, ())]
    if len(listed) != len(set(listed)):
        raise _wrong("a certificate policy occurs twice")
    check_mappings(node)


def _check_alternatives(node: Node) -> None:
    names = node.extensions.get(SUBJECT_ALT_NAME)
    named = len(node.tbs["subject"].chosen) > 0
    if not named and (node.is_ca or names is None or SUBJECT_ALT_NAME not in node.critical):
        raise _wrong("an empty subject without a critical subjectAltName")
    if names is None:
        return
    if not len(names):
        raise _wrong("an empty subjectAltName")
    for name in names:
        _check_alternative(name)


def _check_alternative(name: object) -> None:
    form, value = name.name, name.chosen  # type: ignore[attr-defined]
    if form == "ip_address" and len(value.contents) not in (4, 16):
        raise _wrong("an iPAddress of a wrong length")
    if form == "dns_name" and not is_host(ascii_text(value).removeprefix("*.")):
        raise _wrong("a malformed dNSName")
    if form == "rfc822_name" and not is_host(ascii_text(value).rpartition("@")[2]):
        raise _wrong("a malformed rfc822Name")
    if form == "uniform_resource_identifier" and ":" not in ascii_text(value):
        raise _wrong("a URI without a scheme")


def _wrong(detail: str) -> NotValid:
    return NotValid("chain.invalid", detail)
