"""Making a compact JWS with the signer's certificates in `x5c`: prepared here, signed elsewhere, completed here."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from gateway.formats import strictjson
from gateway.formats.strictjson import Json
from gateway.model.verdict import NotValid
from gateway.ports.signing import DigestName, Scheme
from gateway.signing.jws import base64url
from gateway.signing.jws.algorithms import ALGORITHMS, Algorithm, fits, holds
from gateway.signing.policy import PRODUCTION
from gateway.signing.trust.algorithms import load_key
from gateway.signing.trust.armour import certificate, decoding
from gateway.signing.trust.node import node_of

_OURS: Final = frozenset({"alg", "x5c", "x5t", "x5t#S256", "crit", "b64", "jwk", "jku", "x5u"})


@dataclass(frozen=True, slots=True)
class PreparedJws:
    """A compact JWS that waits for its signature: a SigningKey signs *to_sign* with *digest*."""

    to_sign: bytes
    digest: DigestName
    _algorithm: Algorithm
    _key: PublicKeyTypes
    _shown: bytes

    def complete(self, signature: bytes) -> bytes:
        """The JWS. *signature* is as a SigningKey gives it: ECDSA in DER.

        Raises NotValid signature.wrong: not made over *to_sign* by the key of the certificate.
        """
        raw = _raw_ecdsa(signature, self._key) if isinstance(self._key, ec.EllipticCurvePublicKey) else signature
        if not holds(self._algorithm, self._key, raw, self.to_sign, PRODUCTION):
            raise NotValid("signature.wrong", "the key that signed is not the certificate's")
        return self._shown + base64url.encode(raw)


def prepare(
    payload: bytes,
    *,
    chain: Sequence[bytes],
    scheme: Scheme,
    headers: Mapping[str, Json] | None = None,
    detached: bool = False,
    digest: DigestName = "sha256",
) -> PreparedJws:
    """A compact JWS over *payload*; *chain* is the DER of the signer's certificate and those above it.

    With ECDSA the curve decides the digest (RFC 7518 §3.4) and *digest* is passed over. *headers* are added to the
    protected header (`typ`, `kid`, `iat` …). *detached* leaves the payload out of the result (RFC 7515 appendix F).
    Raises NotValid algorithm.unsupported (the key is not for *scheme*), algorithm.forbidden, malformed (a certificate);
    ValueError for a name in *headers* that is not the caller's to set.
    """
    if headers and headers.keys() & _OURS:
        raise ValueError("a header name that is set here")
    leaf = certificate(chain[0])
    key = load_key(node_of(leaf).spki)
    algorithm = _algorithm(key, scheme, digest)
    protected = {
        **(headers or {}),
        "alg": algorithm.name,
        "x5c": [base64.b64encode(der).decode() for der in chain],
        "x5t#S256": base64url.encode(hashlib.sha256(chain[0]).digest()).decode(),
    }
    first, second = base64url.encode(strictjson.dumps(protected)), base64url.encode(payload)
    shown = first + b"." + (b"" if detached else second) + b"."
    return PreparedJws(first + b"." + second, _digest(algorithm), algorithm, key, shown)


def _algorithm(key: PublicKeyTypes, scheme: Scheme, digest: DigestName) -> Algorithm:
    for one in ALGORITHMS.values():
        if one.family == scheme and fits(one, key) and (scheme == "ecdsa" or one.digest == digest):
            return one
    raise NotValid("algorithm.unsupported", "the key does not fit the scheme")


def _digest(algorithm: Algorithm) -> DigestName:
    if algorithm.digest == "sha384":
        return "sha384"
    return "sha512" if algorithm.digest == "sha512" else "sha256"


def _raw_ecdsa(signature: bytes, key: ec.EllipticCurvePublicKey) -> bytes:
    size = (key.curve.key_size + 7) // 8
    with decoding("the signature", "signature.wrong"):
        r, s = decode_dss_signature(signature)
        return r.to_bytes(size) + s.to_bytes(size)
