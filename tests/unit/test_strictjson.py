"""The one JSON entry point: the whole grammar, nothing beside it, faults with code and place."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Refusal
from gateway.formats import strictjson

texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | texts
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_everything_written_is_read_back(value) -> None:
    assert strictjson.loads(strictjson.dumps(value)) == value
    assert strictjson.loads(json.dumps(value, indent=2).encode()) == value


@given(values)
def test_canonical_text_does_not_depend_on_the_order_of_members(value) -> None:
    again = strictjson.loads(json.dumps(value).encode())
    if isinstance(again, dict):
        again = dict(reversed(again.items()))
    assert strictjson.dumps(again) == strictjson.dumps(value)


def test_dumps_is_compact_sorted_and_plain() -> None:
    assert strictjson.dumps({"b": [1, None], "a": "ế"}) == '{"a":"ế","b":[1,null]}'.encode()
    with pytest.raises(ValueError, match="Out of range"):
        strictjson.dumps(float("nan"))


def test_escapes_are_undone() -> None:
    raw = rb'"\"\\\/\b\f\n\r\t\u1ebf\ud83d\ude00\u0000"'
    assert strictjson.loads(raw) == '"\\/\b\f\n\r\tế😀\0'


@pytest.mark.parametrize(
    ("raw", "code", "where"),
    [
        (b"", "json.malformed", "1:1"),
        (b"\xef\xbb\xbf{}", "json.malformed", "1:1"),
        ("{}".encode("utf-16"), "json.malformed", "1:1"),
        (b"{} x", "json.malformed", "1:4"),
        (b"[1,\n 2,]", "json.malformed", "2:4"),
        (b"[,]", "json.malformed", "1:2"),
        (b"[1 2]", "json.malformed", "1:4"),
        (b"{1:2}", "json.malformed", "1:2"),
        (b"{'a':2}", "json.malformed", "1:2"),
        (b'{"a" 2}', "json.malformed", "1:6"),
        (b'{"a":}', "json.malformed", "1:6"),
        (b'{"a":1]', "json.malformed", "1:7"),
        (b"[01]", "json.malformed", "1:3"),
        (b"[1.]", "json.malformed", "1:3"),
        (b"[.5]", "json.malformed", "1:2"),
        (b"[+1]", "json.malformed", "1:2"),
        (b"[1e]", "json.malformed", "1:3"),
        (b"[0x1]", "json.malformed", "1:3"),
        (b"True", "json.malformed", "1:1"),
        (b'"a\nb"', "json.malformed", "1:1"),
        (b'"\\x41"', "json.malformed", "1:1"),
        (b'"\\u12"', "json.malformed", "1:1"),
        (b'"\\ud800"', "json.malformed", "1:1"),
        (b'"\xc0\x80"', "json.malformed", "1:1"),
        (b'"\xed\xa0\x80"', "json.malformed", "1:1"),
        (b"// c\n1", "json.malformed", "1:1"),
        (b'{"a":1,"a":2}', "json.duplicate", "1:8"),
        (b'{"a":1,"\\u0061":1}', "json.duplicate", "1:8"),
        (b'{"b":{"a":1,\n"a":2}}', "json.duplicate", "2:1"),
        (b"NaN", "json.limit", "1:1"),
        (b"[-Infinity]", "json.limit", "1:2"),
        (b"[1e999]", "json.limit", "1:2"),
        (b"18446744073709551616", "json.limit", "1:1"),
        (b"1" * 5000, "json.limit", "1:1"),
        (b"[" * 65 + b"]" * 65, "json.limit", "1:65"),
        (b"[" * 65, "json.limit", "1:65"),
    ],
)
def test_anything_else_is_refused_with_code_and_place(raw: bytes, code: str, where: str) -> None:
    with pytest.raises(Refusal) as caught:
        strictjson.loads(raw)
    assert (caught.value.code, caught.value.where) == (code, where)


def test_the_same_name_may_appear_in_different_objects() -> None:
    assert strictjson.loads(b'{"a":{"a":1},"b":[{"a":2},{"a":3}]}') == {"a": {"a": 1}, "b": [{"a": 2}, {"a": 3}]}


def test_depth_sixty_four_and_sixty_four_bits_are_within_bounds() -> None:
    strictjson.loads(b"[" * 64 + b"]" * 64)
    assert strictjson.loads(b"[-9223372036854775808,18446744073709551615]") == [-(2**63), 2**64 - 1]
