"""Hostile JSON: whatever is sent, the answer is a value or a Refusal, in bounded time and memory."""

from __future__ import annotations

import json
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import Refusal
from gateway.formats import strictjson

SAMPLE = json.dumps(
    {"subject": 'Quyết định \u0000 \\ " 😀', "to": [{"id": "H01", "n": -1.5e-3}, None, True, []]}
).encode()


def outcome(raw: bytes) -> str:
    try:
        strictjson.loads(raw)
    except Refusal as refusal:
        return refusal.code
    return "read"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"[" * 1_000_000, "json.limit"),
        (b'{"a":' * 1_000_000, "json.limit"),
        (b'[{"a":' * 100 + b"1" + b"}]" * 100, "json.limit"),
        (b"1" * 1_000_000, "json.limit"),
        (b"-" + b"9" * 10_001, "json.limit"),
        (b"0." + b"1" * 1_000_000, "json.limit"),
        (b"1e" + b"9" * 300, "json.limit"),
        (b"[" + b"0," * 600_000 + b"0]", "json.limit"),
        (b'"' + b"\\" * 1_000_001, "json.malformed"),
        (b'"' + b"a\\n" * 500_000, "json.malformed"),
        (b" " * 1_000_000, "json.malformed"),
        (b"\0", "json.malformed"),
        (b'{"a":1}' * 2, "json.malformed"),
        (b'{"__proto__":1,"__proto__":2}', "json.duplicate"),
        ("[1]".encode("utf-16"), "json.malformed"),
        ("[1]".encode("utf-32"), "json.malformed"),
    ],
    ids=range(16),
)
def test_floods_and_tricks_have_their_codes(raw: bytes, code: str) -> None:
    assert outcome(raw) == code


def test_every_truncation_is_refused() -> None:
    assert {outcome(SAMPLE[:at]) for at in range(len(SAMPLE))} == {"json.malformed"}


def test_a_large_string_is_held_once_even_beside_vietnamese_text() -> None:
    raw = '{"tên":"Quyết định","nội dung":"'.encode() + b"QUJD" * (2 << 20) + b'"}'
    tracemalloc.start()
    try:
        value = strictjson.loads(raw)
        assert tracemalloc.get_traced_memory()[1] < 1.5 * len(raw)
    finally:
        tracemalloc.stop()
    assert isinstance(value, dict)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_mutated_documents_give_a_value_or_a_refusal(data: st.DataObject) -> None:
    raw = SAMPLE
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw)))
        piece = st.sampled_from([b'"', b"\\", b"\\u12", b"{", b"}", b"[", b"]", b",", b":", b"NaN", b"1e9", b"\xff"])
        raw = raw[:at] + data.draw(piece | st.binary(max_size=4)) + raw[at + data.draw(st.sampled_from([0, 1, 9])) :]
    outcome(raw)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60) | st.text(alphabet='{}[]",:\\u0123456789.eE+-tfn ', max_size=60).map(str.encode))
def test_what_we_read_the_standard_library_reads_alike(raw: bytes) -> None:
    try:
        value = strictjson.loads(raw)
    except Refusal:
        return
    assert json.loads(raw) == value
