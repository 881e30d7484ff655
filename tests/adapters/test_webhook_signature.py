"""Signatures against the vector published with Standard Webhooks, and against an independent computation."""

from __future__ import annotations

import base64
import copy
import hashlib
import hmac
import json
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.webhook import SigningSecret
from adapters.webhook.signature import signature

VECTOR = json.loads((Path(__file__).parents[1] / "vectors/webhook/standard_webhooks.json").read_text())
keys = st.binary(min_size=24, max_size=64)


def secret(key: bytes) -> SigningSecret:
    return SigningSecret("whsec_" + base64.b64encode(key).decode())


def test_the_published_vector_is_reproduced() -> None:
    made = signature([SigningSecret(VECTOR["secret"])], VECTOR["id"], VECTOR["timestamp"], VECTOR["payload"].encode())
    assert made == VECTOR["signature"]


@given(st.lists(keys, min_size=1, max_size=3), st.binary(max_size=200), st.integers(0, 2**40))
def test_each_secret_gives_one_signature_that_its_holder_can_verify(
    held: list[bytes], body: bytes, timestamp: int
) -> None:
    made = signature([secret(key) for key in held], "018f6a", timestamp, body).split(" ")
    signed = b"018f6a." + str(timestamp).encode() + b"." + body
    for key, one in zip(held, made, strict=True):
        version, _, code = one.partition(",")
        assert version == "v1"
        assert base64.b64decode(code, validate=True) == hmac.new(key, signed, hashlib.sha256).digest()


@given(keys, st.binary(min_size=1, max_size=50))
def test_another_body_time_or_id_has_another_signature(key: bytes, body: bytes) -> None:
    mine = [secret(key)]
    first = signature(mine, "a", 1, body)
    others = [
        signature(mine, "a", 1, body + b" "),
        signature(mine, "a", 2, body),
        signature(mine, "b", 1, body),
        signature([secret(key[:-1] + bytes([key[-1] ^ 1]))], "a", 1, body),
    ]
    assert first not in others


@pytest.mark.parametrize("id", ["", "a.b", "."])
def test_an_id_that_could_shift_the_signed_text_is_refused(id: str) -> None:
    with pytest.raises(ValueError, match="full stop"):
        signature([secret(b"k" * 24)], id, 1, b"")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        "whsec_not base64!",
        "whsec_" + base64.b64encode(b"k" * 23).decode(),
        "whsec_" + base64.b64encode(b"k" * 65).decode(),
        base64.b64encode(b"k" * 32).decode(),
        "whsk_" + base64.b64encode(b"k" * 32).decode(),
        "whsec_" + base64.b64encode(b"k" * 32).decode().rstrip("="),
        "whsec_ếếếếếếếếếếếếếếếếếếếế",
    ],
)
def test_what_is_no_secret_of_the_standard_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match="webhook secret") as caught:
        SigningSecret(text)
    assert len(text) < 10 or text not in str(caught.value)


def test_a_secret_gives_nothing_away() -> None:
    held = SigningSecret(VECTOR["secret"])
    shown = f"{held!r} {held}"
    assert VECTOR["secret"].removeprefix("whsec_")[:6] not in shown
    for take in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            take(held)
