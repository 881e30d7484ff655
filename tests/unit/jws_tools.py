"""JWS made by hand for tests: every part can be bent, and nothing of the product's own writer is used."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from trust_pki import AT, Holder, key, world

from gateway.model.verdict import NotValid
from gateway.signing.jws import verify_jws
from gateway.signing.policy import COMPAT, PRODUCTION, Policy
from gateway.signing.question import Question
from gateway.signing.trust import TrustStore, sorted_out

PAYLOAD = '{"số":"15/UBND"}'.encode()
SECRET = bytes(range(64))
OFFERED = replace(PRODUCTION, revocation="offered")
_DIGESTS = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512(), "256K": hashes.SHA256()}


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def raw_signature(alg: str, private: Any, signed: bytes) -> bytes:
    """What RFC 7518 wants under *alg* from *private* (bytes for HMAC)."""
    family, bits = alg[:2], alg[2:]
    if family == "HS":
        return hmac.new(private, signed, f"sha{bits}").digest()
    if alg == "EdDSA":
        return bytes(private.sign(signed))
    digest = _DIGESTS[bits]
    if family == "RS":
        return bytes(private.sign(signed, padding.PKCS1v15(), digest))
    if family == "PS":
        return bytes(private.sign(signed, padding.PSS(padding.MGF1(digest), digest.digest_size), digest))
    size = (private.curve.key_size + 7) // 8
    r, s = decode_dss_signature(private.sign(signed, ec.ECDSA(digest)))
    return r.to_bytes(size) + s.to_bytes(size)


def compact(
    alg: str,
    private: Any,
    *,
    payload: bytes = PAYLOAD,
    header: Mapping[str, Any] | None = None,
    header_text: bytes | None = None,
    signature: bytes | None = None,
    detached: bool = False,
) -> bytes:
    first = b64(header_text if header_text is not None else json.dumps({"alg": alg, **(header or {})}).encode())
    b64_off = (header or {}).get("b64") is False
    second = payload.decode() if b64_off else b64(payload)
    value = raw_signature(alg, private, f"{first}.{second}".encode()) if signature is None else signature
    return f"{first}.{'' if detached else second}.{b64(value)}".encode()


def x5c(*holders: Holder) -> list[str]:
    return [base64.b64encode(one.der).decode() for one in holders]


def general(*parts: dict[str, Any], payload: str | None = b64(PAYLOAD), **more: Any) -> bytes:
    whole: dict[str, Any] = {"signatures": list(parts), **more}
    if payload is not None:
        whole["payload"] = payload
    return json.dumps(whole).encode()


def json_part(alg: str, private: Any, protected: Mapping[str, Any], unprotected: Any = None) -> dict[str, Any]:
    text = b64(json.dumps(dict(protected)).encode()) if protected else ""
    value = raw_signature(alg, private, f"{text}.{b64(PAYLOAD)}".encode())
    part: dict[str, Any] = {"signature": b64(value)}
    if text:
        part["protected"] = text
    if unprotected is not None:
        part["header"] = unprotected
    return part


def raw_trust(**keys: Any) -> TrustStore:
    return TrustStore(public_keys=tuple((name, one.public_key()) for name, one in keys.items()))


SHARED = TrustStore(shared_keys=(("partner", SECRET),))


def rooted() -> TrustStore:
    root, issuing, _ = world()
    return sorted_out([root.cert, issuing.cert])


def question(trust: TrustStore, policy: Policy = COMPAT, **more: Any) -> Question:
    return Question("jws", trust, AT, policy, **more)


def verify(content: bytes, trust: TrustStore, policy: Policy = COMPAT, **more: Any) -> bytes:
    return verify_jws(content, question(trust, policy, **more)).payload


def refused(content: bytes, trust: TrustStore, policy: Policy = COMPAT, **more: Any) -> NotValid:
    with pytest.raises(NotValid) as caught:
        verify(content, trust, policy, **more)
    return caught.value


def private_key(alg: str) -> Any:
    """One key for each algorithm and run."""
    kinds: dict[str, Any] = {
        "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
        "ES512": lambda: ec.generate_private_key(ec.SECP521R1()),
        "EdDSA": ed25519.Ed25519PrivateKey.generate,
        "Ed448": ed448.Ed448PrivateKey.generate,
    }
    if alg.startswith("HS"):
        return SECRET
    if alg not in kinds:
        return key({"RS": "rsa jws", "PS": "rsa jws"}.get(alg[:2], "k1 jws" if alg == "ES256K" else "jws"))
    if alg not in _MADE:
        _MADE[alg] = kinds[alg]()
    return _MADE[alg]


_MADE: dict[str, Any] = {}


def digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
