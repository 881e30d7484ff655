"""Digest and signature algorithms of XML Signature: which URIs stand for what, what policy takes, whether it holds.

Sources: XMLDSig 1.1 §6.2-6.4, RFC 6931 §2, RFC 9231 §2. An algorithm fixes the kind of key it runs with: a public key
is never used as an HMAC secret.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from gateway.formats.safexml import Element
from gateway.model.verdict import NotValid
from gateway.signing.policy import Policy
from gateway.signing.trust.algorithms import check_key
from gateway.signing.xmldsig import uris
from gateway.signing.xmldsig.model import Kind
from gateway.signing.xmldsig.shape import children, text_of
from gateway.signing.xmldsig.uris import DS, DS11, ENC, MORE, MORE_07, MORE_21

MIN_HMAC_BITS: Final = 80
_MAX_SALT: Final = 512

DIGESTS: Final[dict[str, str]] = {
    f"{DS}sha1": "sha1",
    f"{MORE}sha224": "sha224",
    f"{ENC}sha256": "sha256",
    f"{MORE}sha384": "sha384",
    f"{ENC}sha512": "sha512",
    **{f"{MORE_07}sha3-{bits}": f"sha3-{bits}" for bits in (224, 256, 384, 512)},
    f"{MORE}md5": "md5",
    f"{ENC}ripemd160": "ripemd160",
    f"{MORE_07}whirlpool": "whirlpool",
}
"""DigestMethod URI to the policy's name of the digest."""

_HASHES: Final[dict[str, type[hashes.HashAlgorithm]]] = {
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


@dataclass(frozen=True, slots=True)
class Method:
    """A signature algorithm with its parameters: *salt* in bytes (RSASSA-PSS), *bits* of HMAC output."""

    uri: str
    kind: Kind
    digest: str
    mask: str = ""
    salt: int = 0
    bits: int = 0


def _signatures() -> dict[str, tuple[Kind, str]]:
    sha = ("sha224", "sha256", "sha384", "sha512")
    found: dict[str, tuple[Kind, str]] = {
        f"{DS}rsa-sha1": ("rsa", "sha1"),
        f"{DS}dsa-sha1": ("dsa", "sha1"),
        f"{DS11}dsa-sha256": ("dsa", "sha256"),
        f"{DS}hmac-sha1": ("hmac", "sha1"),
        f"{MORE}ecdsa-sha1": ("ecdsa", "sha1"),
        f"{MORE_07}ecdsa-ripemd160": ("ecdsa", "ripemd160"),
        f"{MORE_07}sha1-rsa-MGF1": ("rsa-pss", "sha1"),
        f"{MORE_21}eddsa-ed25519": ("eddsa", "ed25519"),
        f"{MORE_21}eddsa-ed448": ("eddsa", "ed448"),
    }
    for digest in (*sha, "md5", "ripemd160"):
        found[f"{MORE}rsa-{digest}"] = ("rsa", digest)
        found[f"{MORE}hmac-{digest}"] = ("hmac", digest)
        found[f"{MORE_07}{digest}-rsa-MGF1"] = ("rsa-pss", digest)
    for digest in sha:
        found[f"{MORE}ecdsa-{digest}"] = ("ecdsa", digest)
    for bits in (224, 256, 384, 512):
        found[f"{MORE_07}sha3-{bits}-rsa-MGF1"] = ("rsa-pss", f"sha3-{bits}")
        found[f"{MORE_21}ecdsa-sha3-{bits}"] = ("ecdsa", f"sha3-{bits}")
    return found


SIGNATURES: Final = _signatures()
RSA_PSS: Final = f"{MORE_07}rsa-pss"


def digest_name(uri: str, policy: Policy) -> str:
    """The digest of a DigestMethod URI. Raises NotValid algorithm.forbidden or .unsupported."""
    name = DIGESTS.get(uri)
    if name is None:
        raise NotValid("algorithm.unsupported", "digest method", uri[:120])
    if name not in policy.digests:
        raise NotValid("algorithm.forbidden", f"digest {name}")
    return name


def digest_of(name: str, content: bytes) -> bytes:
    """The digest of *content* under a name that `digest_name` gave."""
    return hashlib.new(name.replace("sha3-", "sha3_"), content).digest()


def read_method(element: Element, policy: Policy) -> Method:
    """The algorithm of a ds:SignatureMethod. Raises NotValid algorithm.forbidden, .unsupported, malformed."""
    uri = element.get("Algorithm", "")
    if uri == RSA_PSS:
        return _pss(element, policy)
    if uri not in SIGNATURES:
        raise NotValid("algorithm.unsupported", "signature method", uri[:120])
    kind, digest = SIGNATURES[uri]
    if kind == "eddsa":
        if not policy.eddsa:
            raise NotValid("algorithm.forbidden", "EdDSA")
    elif digest not in policy.digests:
        raise NotValid("algorithm.forbidden", f"signature with digest {digest}")
    parameters = children(element)
    if kind == "hmac":
        if not policy.hmac:
            raise NotValid("algorithm.forbidden", "HMAC")
        return Method(uri, kind, digest, bits=_hmac_bits(parameters, digest))
    if parameters:
        raise NotValid("algorithm.unsupported", "a parameter of the signature method", parameters[0].tag)
    if kind == "rsa-pss":
        return Method(uri, kind, digest, mask=digest, salt=_HASHES[digest]().digest_size)
    return Method(uri, kind, digest)


def _hmac_bits(parameters: list[Element], digest: str) -> int:
    """HMACOutputLength (XMLDSig 1.1 §6.3.1): not below half of the digest, nor below 80 bits."""
    full = _HASHES[digest]().digest_size * 8
    if not parameters:
        return full
    if len(parameters) > 1 or parameters[0].tag != uris.ds("HMACOutputLength"):
        raise NotValid("algorithm.unsupported", "a parameter of the signature method")
    bits = _number(parameters[0], "HMACOutputLength")
    if bits < max(MIN_HMAC_BITS, full // 2) or bits > full:
        raise NotValid("algorithm.forbidden", f"HMAC cut to {bits} bits")
    if bits % 8:
        raise NotValid("algorithm.unsupported", "HMACOutputLength is not a number of bytes")
    return bits


def _number(element: Element, what: str) -> int:
    text = text_of(element).strip(" \t\r\n")
    if not (text.isascii() and text.isdigit()) or len(text) > 6:
        raise NotValid("malformed", f"{what} is not a number")
    return int(text)


def _pss(element: Element, policy: Policy) -> Method:
    """RSASSA-PSS with parameters (RFC 6931 §2.3.9); without them SHA-256 throughout."""
    digest, mask, salt = f"{ENC}sha256", "", -1
    parameters = children(element)
    if len(parameters) > 1 or any(one.tag != f"{{{MORE_07}}}RSAPSSParams" for one in parameters):
        raise NotValid("algorithm.unsupported", "a parameter of the signature method")
    for one in children(parameters[0]) if parameters else ():
        if one.tag == uris.ds("DigestMethod"):
            digest = one.get("Algorithm", "")
        elif one.tag == f"{{{MORE_07}}}MaskGenerationFunction":
            mask = _mask(one)
        elif one.tag == f"{{{MORE_07}}}SaltLength":
            salt = _number(one, "SaltLength")
        elif one.tag != f"{{{MORE_07}}}TrailerField" or _number(one, "TrailerField") != 1:
            raise NotValid("algorithm.unsupported", "a parameter of RSASSA-PSS")
    name = digest_name(digest, policy)
    if salt > _MAX_SALT:
        raise NotValid("algorithm.unsupported", "SaltLength")
    return Method(
        RSA_PSS,
        "rsa-pss",
        name,
        mask=digest_name(mask, policy) if mask else name,
        salt=salt if salt >= 0 else _HASHES[name]().digest_size,
    )


def _mask(element: Element) -> str:
    """The digest URI of a MaskGenerationFunction, "" for the signature's own."""
    if element.get("Algorithm", "") != f"{MORE_07}MGF1":
        raise NotValid("algorithm.unsupported", "mask generation function")
    inside = children(element)
    if len(inside) > 1 or any(one.tag != uris.ds("DigestMethod") for one in inside):
        raise NotValid("algorithm.unsupported", "a parameter of MGF1")
    return str(inside[0].get("Algorithm", "")) if inside else ""


def fits(method: Method, key: PublicKeyTypes | bytes) -> bool:
    """Whether *key* is of the kind that *method* runs with."""
    return isinstance(key, _KEYS[method.kind])


_KEYS: Final[dict[Kind, Any]] = {
    "rsa": rsa.RSAPublicKey,
    "rsa-pss": rsa.RSAPublicKey,
    "dsa": dsa.DSAPublicKey,
    "ecdsa": ec.EllipticCurvePublicKey,
    "eddsa": (ed25519.Ed25519PublicKey, ed448.Ed448PublicKey),
    "hmac": bytes,
}


def holds(method: Method, key: Any, message: bytes, signature: bytes, policy: Policy) -> bool:
    """Whether *signature* over *message* holds under *key*, of any kind.

    Raises NotValid algorithm.forbidden or .unsupported for a key that *policy* does not take.
    """
    if not fits(method, key):
        return False
    if method.kind == "hmac":
        whole = hmac.new(key, message, method.digest.replace("sha3-", "sha3_")).digest()
        return hmac.compare_digest(whole[: method.bits // 8], signature)
    check_key(key, policy)
    try:
        _VERIFY[method.kind](method, key, message, signature)
    except InvalidSignature:
        return False
    except (UnsupportedAlgorithm, ValueError) as fault:
        raise NotValid("algorithm.unsupported", f"signature method with this key: {type(fault).__name__}") from fault
    return True


def _rsa(method: Method, key: Any, message: bytes, signature: bytes) -> None:
    key.verify(signature, message, padding.PKCS1v15(), _HASHES[method.digest]())


def _rsa_pss(method: Method, key: Any, message: bytes, signature: bytes) -> None:
    chosen = padding.PSS(mgf=padding.MGF1(_HASHES[method.mask]()), salt_length=method.salt)
    key.verify(signature, message, chosen, _HASHES[method.digest]())


def _ecdsa(method: Method, key: Any, message: bytes, signature: bytes) -> None:
    """r and s side by side, each as long as the curve's order (XMLDSig 1.1 §6.4.3, RFC 6931 §2.3.6)."""
    key.verify(_pair(signature, (key.curve.key_size + 7) // 8), message, ec.ECDSA(_HASHES[method.digest]()))


def _dsa(method: Method, key: Any, message: bytes, signature: bytes) -> None:
    """r and s side by side, each as long as q (XMLDSig 1.1 §6.4.1)."""
    order = key.parameters().parameter_numbers().q.bit_length()
    key.verify(_pair(signature, (order + 7) // 8), message, _HASHES[method.digest]())


def _pair(signature: bytes, length: int) -> bytes:
    if len(signature) != 2 * length:
        raise InvalidSignature
    return encode_dss_signature(int.from_bytes(signature[:length]), int.from_bytes(signature[length:]))


def _eddsa(method: Method, key: Any, message: bytes, signature: bytes) -> None:
    if isinstance(key, ed25519.Ed25519PublicKey) is not (method.digest == "ed25519"):
        raise InvalidSignature
    key.verify(signature, message)


_VERIFY: Final[dict[Kind, Callable[[Method, Any, bytes, bytes], None]]] = {
    "rsa": _rsa,
    "rsa-pss": _rsa_pss,
    "dsa": _dsa,
    "ecdsa": _ecdsa,
    "eddsa": _eddsa,
}
