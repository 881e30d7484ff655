"""Signature algorithms as SignerInfo names them: with their digest, without it, and SHA-3 (RFC 3370, 4056, 5754).

The checks are those of `gateway.signing.trust.algorithms`; only what asn1crypto has no name for is done here.
"""

from __future__ import annotations

import hashlib
from typing import Final

from asn1crypto import algos, core, keys
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, padding, rsa

from gateway.model.verdict import NotValid
from gateway.signing.cms.model import Signer
from gateway.signing.policy import Policy
from gateway.signing.trust import algorithms
from gateway.signing.trust.armour import DECODING_FAULTS, decoding

_PLAIN: Final = {
    "1.2.840.113549.1.1.1": "rsa",
    "1.2.840.10045.2.1": "ecdsa",
    "1.2.840.10045.4": "ecdsa",
    "1.2.840.10045.4.3": "ecdsa",
    "1.2.840.10040.4.1": "dsa",
}
"""Names of a key or a family instead of a signature algorithm; the digest is that of digestAlgorithm."""

_NEWER: Final = {
    "2.16.840.1.101.3.4.3.3": ("dsa", "sha384"),
    "2.16.840.1.101.3.4.3.4": ("dsa", "sha512"),
    "2.16.840.1.101.3.4.3.10": ("ecdsa", "sha3-256"),
    "2.16.840.1.101.3.4.3.11": ("ecdsa", "sha3-384"),
    "2.16.840.1.101.3.4.3.12": ("ecdsa", "sha3-512"),
    "2.16.840.1.101.3.4.3.14": ("rsa", "sha3-256"),
    "2.16.840.1.101.3.4.3.15": ("rsa", "sha3-384"),
    "2.16.840.1.101.3.4.3.16": ("rsa", "sha3-512"),
}
_HASHES: Final[dict[str, type[hashes.HashAlgorithm]]] = {
    "sha1": hashes.SHA1,
    "sha224": hashes.SHA224,
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
    "sha3-256": hashes.SHA3_256,
    "sha3-384": hashes.SHA3_384,
    "sha3-512": hashes.SHA3_512,
}
_BROKEN: Final = frozenset({"md2", "md4", "md5"})


def check_digest(name: str, policy: Policy) -> None:
    """Raises NotValid algorithm.forbidden (outside *policy*), algorithm.unsupported (nobody here knows it)."""
    if name in policy.digests and name in _HASHES:
        return
    known = name in _HASHES or name in _BROKEN
    raise NotValid("algorithm.forbidden" if known else "algorithm.unsupported", f"digest {name}")


def digested(name: str, content: bytes) -> bytes:
    """The digest of *content*; *name* passed `check_digest`."""
    return hashlib.new(name.replace("-", "_"), content, usedforsecurity=False).digest()


def size(name: str) -> int:
    """Bytes of a digest that passed `check_digest`."""
    return _HASHES[name]().digest_size


def holds(certificate: x509.Certificate, signer: Signer, message: bytes, policy: Policy) -> bool:
    """Whether the key of *certificate* made the signature of *signer* over *message*.

    Raises NotValid algorithm.forbidden, algorithm.unsupported; signature.properties where the signature's digest is
    another than digestAlgorithm (RFC 8933 §3).
    """
    oid = signer.algorithm["algorithm"].dotted
    if oid in _NEWER:
        kind, digest = _NEWER[oid]
        _check_same(signer, digest)
        return _holds(certificate, kind, digest, signer.signature, message, policy)
    if oid in _PLAIN:
        return _holds(certificate, _PLAIN[oid], signer.digest, signer.signature, message, policy)
    _check_named(signer)
    with decoding("the signer's key", "algorithm.unsupported"):
        spki = keys.PublicKeyInfo.load(_spki(certificate))
    return algorithms.verify(spki, signer.algorithm, signer.signature, message, policy)


def _check_named(signer: Signer) -> None:
    with decoding("the signature algorithm", "algorithm.unsupported"):
        kind = signer.algorithm.signature_algo
        if kind == "rsassa_pss" and isinstance(signer.algorithm["parameters"], core.Void | core.Null):
            raise NotValid("algorithm.unsupported", "RSASSA-PSS without parameters")
        if kind not in ("ed25519", "ed448"):
            _check_same(signer, str(signer.algorithm.hash_algo).replace("_", "-"))


def _check_same(signer: Signer, digest: str) -> None:
    if digest != signer.digest:
        raise NotValid("signature.properties", "the signature's digest differs from the content's")


def _spki(certificate: x509.Certificate) -> bytes:
    with decoding("the signer's key", "algorithm.unsupported"):
        return certificate.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )


def _holds(
    certificate: x509.Certificate, kind: str, digest: str, signature: bytes, message: bytes, policy: Policy
) -> bool:
    check_digest(digest, policy)
    key = algorithms.load_key(_spki(certificate))
    algorithms.check_key(key, policy)
    chosen = _HASHES[digest]()
    try:
        if kind == "rsa" and isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, message, padding.PKCS1v15(), chosen)
        elif kind == "ecdsa" and isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, message, ec.ECDSA(chosen))
        elif kind == "dsa" and isinstance(key, dsa.DSAPublicKey):
            key.verify(signature, message, chosen)
        else:
            return False
    except InvalidSignature:
        return False
    except DECODING_FAULTS as fault:
        raise NotValid("algorithm.unsupported", f"signature algorithm {kind}") from fault
    return True


def same(one: algos.DigestAlgorithm, other: algos.DigestAlgorithm) -> bool:
    """Whether two AlgorithmIdentifiers mean the same; absent parameters and NULL are one (RFC 5754 §2)."""
    return _plain(one) == _plain(other)


def _plain(algorithm: algos.DigestAlgorithm) -> tuple[str, bytes]:
    parameters = algorithm["parameters"]
    empty = isinstance(parameters, core.Void | core.Null)
    return algorithm["algorithm"].dotted, b"" if empty else parameters.dump()
