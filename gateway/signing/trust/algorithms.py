"""Signatures on certificates, CRLs and OCSP responses: which ones the policy takes, and whether they hold."""

from __future__ import annotations

from typing import Final

from asn1crypto import algos, core, keys
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from gateway.model.verdict import NotValid
from gateway.signing.policy import Policy
from gateway.signing.trust.armour import DECODING_FAULTS

MAX_RSA_BITS: Final = 8192
MAX_EXPONENT_BITS: Final = 64
"""Beyond these a public key is no key but a way to burn time."""

_HASHES: Final[dict[str, type[hashes.HashAlgorithm]]] = {
    "md5": hashes.MD5,
    "sha1": hashes.SHA1,
    "sha224": hashes.SHA224,
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
    "sha3-224": hashes.SHA3_224,
    "sha3-256": hashes.SHA3_256,
    "sha3-384": hashes.SHA3_384,
    "sha3-512": hashes.SHA3_512,
}


def check_key(key: PublicKeyTypes, policy: Policy) -> None:
    """Raise NotValid algorithm.forbidden (kind, length, curve) or algorithm.unsupported (unknown kind of key)."""
    if isinstance(key, rsa.RSAPublicKey):
        _check_rsa(key, policy)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.name not in policy.curves:
            raise NotValid("algorithm.forbidden", f"curve {key.curve.name}")
    elif isinstance(key, dsa.DSAPublicKey):
        if not policy.dsa or not policy.min_rsa_bits <= key.key_size <= 3072:
            raise NotValid("algorithm.forbidden", f"DSA, {key.key_size} bits")
    elif isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        if not policy.eddsa:
            raise NotValid("algorithm.forbidden", "EdDSA")
    else:
        raise NotValid("algorithm.unsupported", "this kind of public key")


def _check_rsa(key: rsa.RSAPublicKey, policy: Policy) -> None:
    if not policy.min_rsa_bits <= key.key_size <= MAX_RSA_BITS:
        raise NotValid("algorithm.forbidden", f"RSA, {key.key_size} bits")
    exponent = key.public_numbers().e
    if exponent < 3 or exponent % 2 == 0 or exponent.bit_length() > MAX_EXPONENT_BITS:
        raise NotValid("algorithm.forbidden", "RSA with an unusable exponent")


def load_key(spki: bytes) -> PublicKeyTypes:
    """The key of a SubjectPublicKeyInfo. Raises NotValid algorithm.unsupported; algorithm.forbidden for a curve that is
    spelt out instead of named (RFC 5480 §2.1.1), which is how a foreign generator comes in.
    """
    try:
        parsed = keys.PublicKeyInfo.load(spki)["algorithm"]
        if parsed["algorithm"].native == "ec" and parsed["parameters"].name != "named":
            raise NotValid("algorithm.forbidden", "an elliptic curve that is not named")
        return serialization.load_der_public_key(spki)
    except DECODING_FAULTS as fault:
        raise NotValid("algorithm.unsupported", "the public key cannot be used") from fault


def verify(
    spki: keys.PublicKeyInfo,
    algorithm: algos.SignedDigestAlgorithm,
    signature: bytes,
    message: bytes,
    policy: Policy,
) -> bool:
    """Whether *signature* over *message* holds under *spki*.

    Raises NotValid algorithm.forbidden or .unsupported before anything is computed with a key or digest outside
    *policy*. False also where key and algorithm are of different kinds.
    """
    kind, digest = _scheme(algorithm)
    if digest is not None and digest not in policy.digests:
        raise NotValid("algorithm.forbidden", f"digest {digest}")
    if spki["algorithm"]["algorithm"].native == "rsassa_pss" and not _fits_pss_key(spki, kind, algorithm):
        return False
    key = load_key(spki.dump())
    check_key(key, policy)
    try:
        return _holds(key, kind, digest, algorithm, signature, message, policy)
    except InvalidSignature:
        return False
    except DECODING_FAULTS as fault:
        raise NotValid("algorithm.unsupported", f"signature algorithm {kind}") from fault


def _fits_pss_key(spki: keys.PublicKeyInfo, kind: str, algorithm: algos.SignedDigestAlgorithm) -> bool:
    """Whether the parameters of a signature are those its key is limited to, if it is (RFC 4055 §3.3)."""
    if kind != "rsassa_pss":
        return False
    try:
        wanted, given = spki["algorithm"]["parameters"], algorithm["parameters"]
        if isinstance(wanted, core.Void):
            return True
        alike = all(wanted[name].native == given[name].native for name in ("hash_algorithm", "mask_gen_algorithm"))
        return alike and bool(given["salt_length"].native >= wanted["salt_length"].native)
    except DECODING_FAULTS as fault:
        raise NotValid("algorithm.unsupported", "the parameters of a PSS key") from fault


def _scheme(algorithm: algos.SignedDigestAlgorithm) -> tuple[str, str | None]:
    """The kind of signature and its digest by the policy's names (None for EdDSA)."""
    try:
        kind = str(algorithm.signature_algo)
        if kind in ("ed25519", "ed448"):
            return kind, None
        digest = str(algorithm.hash_algo).replace("_", "-")
    except DECODING_FAULTS as fault:
        raise NotValid("algorithm.unsupported", "unknown signature algorithm") from fault
    if digest not in _HASHES:
        raise NotValid("algorithm.unsupported" if digest != "md2" else "algorithm.forbidden", f"digest {digest}")
    return kind, digest


def _holds(
    key: PublicKeyTypes,
    kind: str,
    digest: str | None,
    algorithm: algos.SignedDigestAlgorithm,
    signature: bytes,
    message: bytes,
    policy: Policy,
) -> bool:
    """Run the check; raises InvalidSignature where it fails, returns False where key and kind do not fit."""
    chosen = _HASHES[digest]() if digest is not None else hashes.SHA512()
    if kind == "rsassa_pkcs1v15" and isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, message, padding.PKCS1v15(), chosen)
    elif kind == "rsassa_pss" and isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, message, _pss(algorithm, policy), chosen)
    elif kind == "ecdsa" and isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, message, ec.ECDSA(chosen))
    elif kind == "dsa" and isinstance(key, dsa.DSAPublicKey):
        key.verify(signature, message, chosen)
    elif (kind == "ed25519" and isinstance(key, ed25519.Ed25519PublicKey)) or (
        kind == "ed448" and isinstance(key, ed448.Ed448PublicKey)
    ):
        key.verify(signature, message)
    elif kind in ("rsassa_pkcs1v15", "rsassa_pss", "ecdsa", "dsa", "ed25519", "ed448"):
        return False
    else:
        raise NotValid("algorithm.unsupported", f"signature algorithm {kind}")
    return True


def _pss(algorithm: algos.SignedDigestAlgorithm, policy: Policy) -> padding.PSS:
    """RSASSA-PSS parameters (RFC 4055 §3.1): MGF1 with an allowed digest, trailer 1."""
    parameters = algorithm["parameters"]
    mask = parameters["mask_gen_algorithm"]
    digest = str(mask["parameters"]["algorithm"].native).replace("_", "-")
    if mask["algorithm"].native != "mgf1" or digest not in _HASHES:
        raise NotValid("algorithm.unsupported", "PSS mask generation")
    if digest not in policy.digests:
        raise NotValid("algorithm.forbidden", f"PSS mask digest {digest}")
    if parameters["trailer_field"].native != "trailer_field_bc" and int(parameters["trailer_field"]) != 1:
        raise NotValid("algorithm.unsupported", "PSS trailer")
    return padding.PSS(mgf=padding.MGF1(_HASHES[digest]()), salt_length=parameters["salt_length"].native)
