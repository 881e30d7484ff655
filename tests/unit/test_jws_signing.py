"""JWS we make: strangers and we ourselves can verify them."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from jws_tools import OFFERED, PAYLOAD, b64, rooted, verify
from trust_pki import Holder, key, make, world

from gateway.model.verdict import NotValid
from gateway.signing.jws import PreparedJws, prepare

_DIGESTS = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}


def _signature(prepared: PreparedJws, private: Any, scheme: str) -> bytes:
    digest = _DIGESTS[prepared.digest]
    if scheme == "ecdsa":
        return bytes(private.sign(prepared.to_sign, ec.ECDSA(digest)))
    pss = padding.PSS(padding.MGF1(digest), digest.digest_size)
    return bytes(private.sign(prepared.to_sign, pss if scheme == "rsa-pss" else padding.PKCS1v15(), digest))


def _signer(label: str) -> Holder:
    return make(f"CN=Signer {label}", issuer=world()[1], key_label=label)


@pytest.mark.parametrize(
    ("label", "scheme", "digest", "alg"),
    [
        ("signer", "ecdsa", "sha256", "ES256"),
        ("signer", "ecdsa", "sha512", "ES256"),
        ("rsa signer", "rsa-pss", "sha384", "PS384"),
        ("rsa signer", "rsa-pkcs1v15", "sha256", "RS256"),
    ],
)
def test_what_we_sign_is_valid_in_production(label: str, scheme: Any, digest: Any, alg: str) -> None:
    holder = _signer(label)
    chain = (holder.der, world()[1].der)
    prepared = prepare(PAYLOAD, chain=chain, scheme=scheme, digest=digest, headers={"typ": "evidence"})
    content = prepared.complete(_signature(prepared, holder.key, scheme))
    assert verify(content, rooted(), OFFERED) == PAYLOAD
    header = json.loads(_unpadded(content.split(b".")[0]))
    assert (header["alg"], header["typ"], len(header["x5c"])) == (alg, "evidence", 2)


def _unpadded(text: bytes) -> bytes:
    return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))


def test_a_detached_one_leaves_the_payload_out() -> None:
    holder = _signer("signer")
    prepared = prepare(PAYLOAD, chain=(holder.der, world()[1].der), scheme="ecdsa", detached=True)
    content = prepared.complete(_signature(prepared, holder.key, "ecdsa"))
    assert b64(PAYLOAD).encode() not in content
    assert verify(content, rooted(), OFFERED, detached={"x": PAYLOAD}) == PAYLOAD


def test_a_signature_of_another_key_is_not_put_in() -> None:
    prepared = prepare(PAYLOAD, chain=(_signer("signer").der,), scheme="ecdsa")
    for signature in (_signature(prepared, key("other"), "ecdsa"), b"", b"\x30\x00"):
        with pytest.raises(NotValid) as caught:
            prepared.complete(signature)
        assert caught.value.reason == "signature.wrong"


def test_a_key_that_does_not_fit_the_scheme_is_refused_before_signing() -> None:
    with pytest.raises(NotValid):
        prepare(PAYLOAD, chain=(_signer("signer").der,), scheme="rsa-pss")


def test_headers_that_say_who_signs_are_not_the_callers() -> None:
    with pytest.raises(ValueError, match="header"):
        prepare(PAYLOAD, chain=(_signer("signer").der,), scheme="ecdsa", headers={"alg": "none"})
