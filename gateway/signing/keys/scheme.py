"""How a key signs: what is handed to it for a content, and whether what comes back is a signature of that key."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature

from gateway.model.verdict import NotValid
from gateway.ports.signing import DigestName, Scheme
from gateway.signing.keys import fault
from gateway.signing.policy import PRODUCTION
from gateway.signing.trust.algorithms import check_key

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

_HASHES: Final[dict[DigestName, hashes.HashAlgorithm]] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_DIGEST_INFO: Final[dict[DigestName, bytes]] = {
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "sha384": bytes.fromhex("3041300d060960864801650304020205000430"),
    "sha512": bytes.fromhex("3051300d060960864801650304020305000440"),
}
"""What stands before the digest in EMSA-PKCS1-v1_5 (RFC 8017 §9.2, note 1)."""

_INLINE: Final = 1 << 20
"""Bytes that are hashed on the loop: about a millisecond."""


async def digest_of(content: bytes, digest: DigestName) -> bytes:
    """The digest of *content*, off the loop if that takes longer than a signature."""
    if len(content) <= _INLINE:
        return hashlib.new(digest, content).digest()
    return await asyncio.to_thread(lambda: hashlib.new(digest, content).digest())


def fitting(key: PublicKeyTypes, scheme: Scheme) -> PublicKey:
    """*key*, if it can sign by *scheme* and a verdict under policy production may rest on it. Raises key.unusable."""
    try:
        check_key(key, PRODUCTION)
    except NotValid as refusal:
        raise fault.unusable(f"{refusal.reason}: {refusal.detail}") from refusal
    kind = ec.EllipticCurvePublicKey if scheme == "ecdsa" else rsa.RSAPublicKey
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey) or not isinstance(key, kind):
        raise fault.unusable(f"this kind of key does not sign by {scheme}")
    return key


def sign(key: PrivateKeyTypes, scheme: Scheme, digest: DigestName, digested: bytes) -> bytes:
    """The signature over a digest. Raises key.unusable for a key of another kind."""
    prehashed = Prehashed(_HASHES[digest])
    if scheme == "ecdsa" and isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(digested, ec.ECDSA(prehashed))
    if scheme != "ecdsa" and isinstance(key, rsa.RSAPrivateKey):
        return key.sign(digested, _padding(scheme, digest), prehashed)
    raise fault.unusable(f"this kind of key does not sign by {scheme}")


def holds(key: PublicKey, scheme: Scheme, digest: DigestName, digested: bytes, signature: bytes) -> bool:
    """Whether *signature* over the digest is of the private key that belongs to *key*.

    A signature made wrongly would not only be useless: one faulty RSA signature can give the private key away.
    """
    prehashed = Prehashed(_HASHES[digest])
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, digested, _padding(scheme, digest), prehashed)
        else:
            key.verify(signature, digested, ec.ECDSA(prehashed))
    except InvalidSignature:
        return False
    return True


def to_token(key: PublicKey, scheme: Scheme, digest: DigestName, digested: bytes) -> tuple[str, bytes]:
    """The mechanism (named as in `token_process`) and the bytes a token signs with it."""
    if scheme == "rsa-pkcs1v15":
        return "rsa-pkcs", _DIGEST_INFO[digest] + digested
    if scheme == "rsa-pss":
        return f"rsa-pss-{digest}", digested
    order = (key.key_size + 7) // 8
    if order >= len(digested) or key.key_size % 8:
        return "ecdsa", digested
    return "ecdsa", digested[:order]  # FIPS 186-5 §6.4.1: the leftmost bits; not every token does it by itself


def from_token(key: PublicKey, signature: bytes) -> bytes:
    """A token's signature in the form certificates use: ECDSA's r and s (PKCS#11 §2.3.1) become DER."""
    if isinstance(key, rsa.RSAPublicKey):
        return signature
    half = len(signature) // 2
    if not half or len(signature) % 2:
        return b""
    return encode_dss_signature(int.from_bytes(signature[:half]), int.from_bytes(signature[half:]))


def _padding(scheme: Scheme, digest: DigestName) -> padding.AsymmetricPadding:
    if scheme == "rsa-pss":
        chosen = _HASHES[digest]
        return padding.PSS(mgf=padding.MGF1(chosen), salt_length=chosen.digest_size)
    return padding.PKCS1v15()
