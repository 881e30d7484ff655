"""Bytes of a stranger that call themselves CMS: every end is NotValid, soon, and nothing unsigned is handed on."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable

import pytest
from cms_maker import Make, message, octets, oid, streamed
from hypothesis import given, settings
from hypothesis import strategies as st
from trust_pki import crl, world

from gateway.model.verdict import NotValid
from gateway.signing import cms
from gateway.signing.cms import ber
from gateway.signing.policy import COMPAT

CONTENT = b"Noi dung cong van so 12/UBND"
SIGNED_DATA = oid("1.2.840.113549.1.7.2")


@functools.cache
def genuine() -> bytes:
    return message(CONTENT, world()[2])


def handed_on(raw: bytes) -> bytes | None:
    """The content that was accepted, None if it was refused."""
    try:
        return cms.verify(cms.read(raw), policy=COMPAT).content
    except NotValid:
        return None


def refusal(raw: bytes) -> str:
    with pytest.raises(NotValid) as caught:
        cms.read(raw)
    return caught.value.reason


def test_the_genuine_message_is_accepted() -> None:
    assert handed_on(genuine()) == CONTENT


def test_a_truncated_message_is_malformed() -> None:
    raw = genuine()
    for size in range(0, len(raw), 3):
        assert refusal(raw[:size]) == "malformed"


@pytest.mark.parametrize("tag", [0x0E, 0x07, 0x46, 0x30])
def test_an_algorithm_that_is_no_object_identifier_is_malformed(tag: int) -> None:
    raw = bytearray(genuine())
    place = raw.rindex(oid("1.2.840.10045.4.3.2"))
    raw[place] = tag
    assert refusal(bytes(raw)) == "malformed"


@pytest.mark.parametrize("tail", [b"\0", b"\0\0", b"x", b"\x30\x00"])
def test_bytes_after_the_message_are_refused(tail: bytes) -> None:
    assert refusal(genuine() + tail) == "malformed"
    assert refusal(streamed(genuine()) + tail) == "malformed"


@settings(max_examples=300, deadline=None)
@given(st.integers(min_value=0), st.integers(1, 255))
def test_one_changed_byte_never_yields_other_content(place: int, change: int) -> None:
    raw = bytearray(genuine())
    raw[place % len(raw)] ^= change
    assert handed_on(bytes(raw)) in (None, CONTENT)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_refused_in_order(raw: bytes) -> None:
    assert handed_on(raw) is None
    assert handed_on(b"\x30" + bytes((min(len(raw), 127),)) + raw) is None


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2000), st.integers(0, 40), st.binary(max_size=40))
def test_a_part_replaced_never_yields_other_content(place: int, cut: int, put: bytes) -> None:
    raw = genuine()
    place %= len(raw)
    assert handed_on(raw[:place] + put + raw[place + cut :]) in (None, CONTENT)


@pytest.mark.parametrize(
    "bomb",
    [
        lambda: b"\x30\x80" * 200_000,
        lambda: b"\x30\x80" * 30 + b"\x02\x00" * 2_000_000,
        lambda: b"\x30\x80" + SIGNED_DATA + b"\xa0\x80\x30\x80\x02\x01\x03\x31\x80" + b"\x30\x00" * 1_000_000,
        lambda: b"\x24\x80" * 500_000,
        lambda: b"\x30\x88" + b"\xff" * 8,
        lambda: b"\x30\x84\xff\xff\xff\xff" + bytes(100),
        lambda: b"\x3f" + b"\xff" * 1000,
    ],
)
def test_nesting_and_lengths_that_lie_end_at_once(bomb: Callable[[], bytes]) -> None:
    raw = bomb()
    started = time.perf_counter()
    assert refusal(raw) in ("malformed", "limit.exceeded")
    assert time.perf_counter() - started < 2


def test_content_in_a_million_pieces_is_a_flood() -> None:
    body = b"\x24\x80" + octets(b"x") * 400_000 + b"\0\0"
    shown = b"\x30\x80" + oid("1.2.840.113549.1.7.1") + b"\xa0\x80" + body + b"\0\0\0\0"
    raw = b"\x30\x80" + SIGNED_DATA + b"\xa0\x80\x30\x80\x02\x01\x01\x31\x00" + shown + b"\x31\x00" + b"\0\0" * 3
    assert refusal(raw) == "limit.exceeded"


def test_another_kind_of_message_is_unsupported() -> None:
    enveloped = oid("1.2.840.113549.1.7.3")
    assert refusal(b"\x30" + bytes((len(enveloped) + 4,)) + enveloped + b"\xa0\x02\x30\x00") == "algorithm.unsupported"


@pytest.mark.parametrize("label", ["signers", "certificates", "crls", "attributes"])
def test_numbers_of_things_are_bounded(label: str) -> None:
    holder = world()[2]
    floods = {
        "signers": Make(signers=65),
        "crls": Make(crls=[crl(world()[1])] * 513),
        "attributes": Make(unsigned=[("1.2.3", [b"\x05\x00"] * 257)]),
    }
    if label == "certificates":
        inside = bytes(ber.encode(0x30, b"")) * 129
        shown = b"\x30" + bytes((len(oid("1.2.840.113549.1.7.1")),)) + oid("1.2.840.113549.1.7.1")
        body = b"\x02\x01\x01\x31\x00" + shown + ber.encode(0xA0, inside) + b"\x31\x00"
        raw = ber.encode(0x30, SIGNED_DATA + ber.encode(0xA0, ber.encode(0x30, body)))
    else:
        raw = message(CONTENT, holder, floods[label])
    assert refusal(raw) == "limit.exceeded"


def test_a_certificate_that_cannot_be_read_is_passed_over_and_counted() -> None:
    shown = ber.encode(0x30, oid("1.2.840.113549.1.7.1"))
    body = b"\x02\x01\x01\x31\x00" + shown + ber.encode(0xA0, b"\x30\x00\xa1\x00") + b"\x31\x00"
    found = cms.read(ber.encode(0x30, SIGNED_DATA + ber.encode(0xA0, ber.encode(0x30, body))))
    assert (found.certificates, found.unread) == ((), 2)


@pytest.mark.parametrize(
    "raw", [b"\x30\x80\x02\x01\x05\0\0", b"\x30\x81\x03\x02\x01\x05", b"\x30\x83\0\0\x03\x02\x01\x05"]
)
def test_each_form_of_a_length_is_written_anew_as_der(raw: bytes) -> None:
    reader = ber.Reader()
    assert reader.encoded(reader.one(raw)) == b"\x30\x03\x02\x01\x05"


@given(st.binary(max_size=400), st.integers(0, 0x1E))
def test_what_is_encoded_is_read_again(body: bytes, tag: int) -> None:
    value = ber.Reader().one(ber.encode(tag, body))
    assert (value.tag, bytes(value.body)) == (tag, body)
