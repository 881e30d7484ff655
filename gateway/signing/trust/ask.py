"""Where a certificate says its standing can be asked (RFC 5280 §4.2.1.13, §4.2.2.1), and the question itself."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, Final

from asn1crypto import core
from asn1crypto import ocsp as asn1
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs7

from gateway.model.verdict import NotValid
from gateway.signing.trust import armour
from gateway.signing.trust.names import ascii_text
from gateway.signing.trust.node import AUTHORITY_ACCESS, CRL_POINTS, Node
from gateway.signing.trust.ocsp import key_bits

OCSP_QUERY: Final = "application/ocsp-request"
MAX_URLS: Final = 4
"""Addresses of one kind that are tried for one certificate."""
MAX_URL: Final = 2048
MAX_ISSUERS: Final = 256 * 1024
"""Bytes of what a caIssuers address gives."""
_WEB: Final = ("http://", "https://")


def responders(node: Node) -> tuple[str, ...]:
    """The OCSP responders *node* names, in its order; http and https only."""
    return _access(node, "ocsp")


def issuers(node: Node) -> tuple[str, ...]:
    """Where *node* says its issuer's certificate is (caIssuers)."""
    return _access(node, "ca_issuers")


def lists(node: Node) -> tuple[tuple[str, ...], ...]:
    """The distribution points of *node*: for each the addresses of one and the same CRL (§4.2.1.13)."""
    found = []
    for point in node.extensions.get(CRL_POINTS, ()):
        name = point["distribution_point"]
        if not isinstance(name, core.Void) and name.name == "full_name":
            urls = tuple(_urls(name.chosen))[:MAX_URLS]
            if urls:
                found.append(urls)
    return tuple(found[:MAX_URLS])


def ocsp_request(node: Node, issuer: Node, nonce: bytes | None) -> bytes:
    """The DER of a request about *node* (RFC 6960 §4.1); *nonce* is the value, at most 32 octets (RFC 9654).

    The certID is over SHA-1, the one form every responder knows (RFC 5019 §2.1.1); it names and proves nothing.
    """
    asked = {
        "hash_algorithm": {"algorithm": "sha1"},
        "issuer_name_hash": hashlib.sha1(node.tbs["issuer"].dump()).digest(),  # noqa: S324 (names, proves nothing)
        "issuer_key_hash": hashlib.sha1(key_bits(issuer)).digest(),  # noqa: S324 (as above)
        "serial_number": int(node.tbs["serial_number"].native),
    }
    tbs: dict[str, Any] = {"request_list": [{"req_cert": asked}]}
    if nonce is not None:
        tbs["request_extensions"] = [{"extn_id": "nonce", "extn_value": core.OctetString(nonce)}]
    whole: bytes = asn1.OCSPRequest({"tbs_request": tbs}).dump()
    return whole


def nonce_value(nonce: bytes | None) -> bytes | None:
    """How a response repeats *nonce*: the DER of its OCTET STRING."""
    return None if nonce is None else bytes(core.OctetString(nonce).dump())


def published_certificates(body: bytes) -> tuple[x509.Certificate, ...]:
    """What a caIssuers address gives: one certificate, or a certs-only CMS (§4.2.2.1); PEM is taken as well.

    Raises NotValid malformed.
    """
    try:
        return armour.certificates(armour.blocks(body))
    except NotValid:
        with armour.decoding("what the caIssuers address gave"):
            return tuple(pkcs7.load_der_pkcs7_certificates(body))


def _access(node: Node, method: str) -> tuple[str, ...]:
    access = node.extensions.get(AUTHORITY_ACCESS, ())
    locations = [one["access_location"] for one in access if one["access_method"].native == method]
    return tuple(_urls(locations))[:MAX_URLS]


def _urls(names: Any) -> Iterator[str]:
    for name in names:
        if name.name != "uniform_resource_identifier":
            continue
        try:
            url = ascii_text(name.chosen)
        except NotValid:
            continue
        if url.lower().startswith(_WEB) and len(url) <= MAX_URL:
            yield url
