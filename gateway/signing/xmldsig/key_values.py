"""Bare keys in KeyInfo: KeyValue and DEREncodedKeyValue (XMLDSig 1.1 §4.5.2, §4.5.10)."""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from gateway.formats.safexml import Element
from gateway.model.verdict import NotValid
from gateway.signing.trust.armour import decoding
from gateway.signing.xmldsig import uris
from gateway.signing.xmldsig.shape import base64_of, children

_DER: Final = f"{{{uris.DS11}}}DEREncodedKeyValue"
_EC: Final = f"{{{uris.DS11}}}ECKeyValue"
KEY_VALUE_TAGS: Final = frozenset({uris.ds("KeyValue"), _DER})
_CURVES: Final[dict[str, ec.EllipticCurve]] = {
    "urn:oid:1.2.840.10045.3.1.7": ec.SECP256R1(),
    "urn:oid:1.3.132.0.34": ec.SECP384R1(),
    "urn:oid:1.3.132.0.35": ec.SECP521R1(),
    "urn:oid:1.3.132.0.10": ec.SECP256K1(),
    "urn:oid:1.3.36.3.3.2.8.1.1.7": ec.BrainpoolP256R1(),
    "urn:oid:1.3.36.3.3.2.8.1.1.11": ec.BrainpoolP384R1(),
    "urn:oid:1.3.36.3.3.2.8.1.1.13": ec.BrainpoolP512R1(),
}
_MAX_OCTETS: Final = 2048
"""A number beyond this is no key but a way to burn time."""


def read_key_value(element: Element) -> PublicKeyTypes:
    """The key of a KeyValue or DEREncodedKeyValue. Raises NotValid malformed or algorithm.unsupported."""
    with decoding("the key value"):
        if element.tag == _DER:
            return serialization.load_der_public_key(base64_of(element))
        inside = children(element)
        if len(inside) != 1:
            raise NotValid("malformed", "not one key", "ds:KeyValue")
        one = inside[0]
        if one.tag == uris.ds("RSAKeyValue"):
            numbers = _numbers(one)
            return rsa.RSAPublicNumbers(numbers["Exponent"], numbers["Modulus"]).public_key()
        if one.tag == uris.ds("DSAKeyValue"):
            numbers = _numbers(one)
            parameters = dsa.DSAParameterNumbers(numbers["P"], numbers["Q"], numbers["G"])
            return dsa.DSAPublicNumbers(numbers["Y"], parameters).public_key()
        if one.tag == _EC:
            return _ec_key(one)
    raise NotValid("algorithm.unsupported", "this form of KeyValue")


def _numbers(element: Element) -> dict[str, int]:
    """The CryptoBinary children by name."""
    found = {}
    for child in children(element):
        octets = base64_of(child)
        if len(octets) > _MAX_OCTETS:
            raise NotValid("algorithm.forbidden", "a key with numbers beyond use")
        found[str(child.tag).rpartition("}")[2]] = int.from_bytes(octets)
    return found


def _ec_key(element: Element) -> PublicKeyTypes:
    parts = {child.tag: child for child in children(element)}
    curve, point = parts.get(f"{{{uris.DS11}}}NamedCurve"), parts.get(f"{{{uris.DS11}}}PublicKey")
    if curve is None or point is None or curve.get("URI") not in _CURVES:
        raise NotValid("algorithm.unsupported", "this curve or form of ECKeyValue")
    return ec.EllipticCurvePublicKey.from_encoded_point(_CURVES[curve.get("URI")], base64_of(point))
