"""The algorithms of JWS (RFC 7518 §3.1, RFC 8037, RFC 8812): which the policy takes, which key fits, what holds."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from gateway.model.verdict import NotValid
from gateway.signing.policy import Policy
from gateway.signing.trust.algorithms import check_key

Family = Literal["rsa-pkcs1v15", "rsa-pss", "ecdsa", "eddsa", "hmac"]
_DIGESTS: Final[dict[str, hashes.HashAlgorithm]] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One value of `alg`. *curve* is the only one it may be used with."""

    name: str
    family: Family
    digest: str = ""
    curve: str = ""


def _table() -> dict[str, Algorithm]:
    found = [
        Algorithm(f"{prefix}{bits}", family, f"sha{bits}")
        for prefix, family in _PREFIXES.items()
        for bits in (256, 384, 512)
    ]
    found += [
        Algorithm("ES256", "ecdsa", "sha256", "secp256r1"),
        Algorithm("ES384", "ecdsa", "sha384", "secp384r1"),
        Algorithm("ES512", "ecdsa", "sha512", "secp521r1"),
        Algorithm("ES256K", "ecdsa", "sha256", "secp256k1"),
        Algorithm("EdDSA", "eddsa"),
        Algorithm("Ed25519", "eddsa", curve="ed25519"),
        Algorithm("Ed448", "eddsa", curve="ed448"),
    ]
    return {one.name: one for one in found}


_PREFIXES: Final[dict[str, Family]] = {"RS": "rsa-pkcs1v15", "PS": "rsa-pss", "HS": "hmac"}
ALGORITHMS: Final = _table()


def chosen(name: object, policy: Policy, where: str) -> Algorithm:
    """The algorithm called *name*, exactly as registered. Raises NotValid malformed (absent, not a text),
    algorithm.forbidden (`none` always), algorithm.unsupported.
    """
    if not isinstance(name, str):
        raise NotValid("malformed", "no alg, or it is not a text", where)
    if name.lower() == "none":
        raise NotValid("algorithm.forbidden", "alg none", where)
    algorithm = ALGORITHMS.get(name)
    if algorithm is None:
        raise NotValid("algorithm.unsupported", "an alg that is not known", where)
    if not _allowed(algorithm, policy):
        raise NotValid("algorithm.forbidden", f"alg {name}", where)
    return algorithm


def _allowed(algorithm: Algorithm, policy: Policy) -> bool:
    if algorithm.family == "hmac":
        return policy.hmac
    if algorithm.family == "eddsa":
        return policy.eddsa
    return algorithm.digest in policy.digests and (not algorithm.curve or algorithm.curve in policy.curves)


def fits(algorithm: Algorithm, key: PublicKeyTypes) -> bool:
    """Whether *key* is of the kind, and on the curve, that *algorithm* is for."""
    if algorithm.family in ("rsa-pkcs1v15", "rsa-pss"):
        return isinstance(key, rsa.RSAPublicKey)
    if algorithm.family == "ecdsa":
        return isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == algorithm.curve
    if isinstance(key, ed25519.Ed25519PublicKey):
        return algorithm.family == "eddsa" and algorithm.curve in ("", "ed25519")
    return algorithm.family == "eddsa" and isinstance(key, ed448.Ed448PublicKey) and algorithm.curve in ("", "ed448")


def holds(algorithm: Algorithm, key: PublicKeyTypes, signature: bytes, signed: bytes, policy: Policy) -> bool:
    """Whether *signature* over *signed* was made by *key*. False where they do not fit each other.

    Raises NotValid algorithm.forbidden for a key the policy does not take.
    """
    if not fits(algorithm, key):
        return False
    check_key(key, policy)
    try:
        return _checked(algorithm, key, signature, signed)
    except InvalidSignature:
        return False


def _checked(algorithm: Algorithm, key: PublicKeyTypes, signature: bytes, signed: bytes) -> bool:
    if isinstance(key, rsa.RSAPublicKey):
        if len(signature) != (key.key_size + 7) // 8:
            return False
        digest = _DIGESTS[algorithm.digest]
        # RFC 7518 §3.5: MGF1 with the same digest, a salt of the digest's length and no other.
        pss = padding.PSS(padding.MGF1(digest), digest.digest_size)
        key.verify(signature, signed, pss if algorithm.family == "rsa-pss" else padding.PKCS1v15(), digest)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        if (der := der_signature(signature, key)) is None:
            return False
        key.verify(der, signed, ec.ECDSA(_DIGESTS[algorithm.digest]))
    elif isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        key.verify(signature, signed)
    else:
        return False
    return True


def der_signature(signature: bytes, key: ec.EllipticCurvePublicKey) -> bytes | None:
    """R and S of a JWS (RFC 7518 §3.4: each as long as the curve's field) in DER.

    None where the length is another, or a number is not from 1 to the group's order - 1.
    """
    size = (key.curve.key_size + 7) // 8
    if len(signature) != 2 * size:
        return None
    r, s = int.from_bytes(signature[:size]), int.from_bytes(signature[size:])
    limit = key.curve.group_order
    return encode_dss_signature(r, s) if 0 < r < limit and 0 < s < limit else None


def mac_holds(algorithm: Algorithm, key: bytes, signature: bytes, signed: bytes) -> bool:
    """Whether *signature* is the HMAC of *signed*, compared in constant time (RFC 7518 §3.2).

    False for a *key* shorter than the digest, which that section forbids, or one that is itself a key or certificate
    in PEM: the mark of a public key taken for a secret.
    """
    size = hashlib.new(algorithm.digest).digest_size
    if len(key) < size or b"-----BEGIN " in key:
        return False
    return hmac.compare_digest(hmac.new(key, signed, algorithm.digest).digest(), signature)
