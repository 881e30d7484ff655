"""Entries: one canonical byte form per event, nothing outside the catalogue."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.entry import InvalidEntry, canonical, parse
from gateway.audit.events import FIELDS, TYPES, EntryType, Form

AT = datetime(2026, 11, 22, 14, 0, 0, 123456, tzinfo=UTC)
REFUSED = {"network": "10.20.30.0/24", "count": 41}

text = st.text(st.characters(codec="utf-8"), max_size=12)
VALUES = {
    Form.TEXT: text,
    Form.NUMBER: st.integers(-(2**53) + 1, 2**53 - 1),
    Form.FLAG: st.booleans(),
    Form.TEXTS: st.lists(text, max_size=4).map(tuple),
}


@st.composite
def events(draw: st.DrawFn) -> tuple[str, datetime, dict[str, object]]:
    kind: EntryType = draw(st.sampled_from([*TYPES.values()]))
    chosen = draw(st.frozensets(st.sampled_from(sorted(kind.optional))))
    at = draw(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))
    return kind.name, at, {name: draw(VALUES[FIELDS[name]]) for name in chosen | kind.required}


def test_an_entry_has_the_published_form() -> None:
    assert canonical("strangers.refused", AT, REFUSED) == (
        b'{"at":"2026-11-22T14:00:00.123Z","count":41,"network":"10.20.30.0/24","type":"strangers.refused","v":1}'
    )


@given(events())
def test_what_was_written_reads_back_and_writes_the_same_bytes(event: tuple[str, datetime, dict[str, object]]) -> None:
    raw = canonical(*event)
    entry = parse(raw)
    assert entry.type == event[0]
    assert event[1] - entry.at < timedelta(milliseconds=1)
    assert entry.fields.keys() == event[2].keys()
    assert canonical(entry.type, entry.at, entry.fields) == raw


@given(events())
def test_names_stand_in_the_order_of_rfc_8785_without_raw_control_characters(
    event: tuple[str, datetime, dict[str, object]],
) -> None:
    raw = canonical(*event)
    names = list(json.loads(raw))
    assert names == sorted(names, key=lambda name: name.encode("utf-16-be"))
    assert all(ord(char) >= 0x20 for char in raw.decode())


def test_control_characters_are_escaped_as_rfc_8785_says_and_vietnamese_is_not() -> None:
    raw = canonical("incident.opened", AT, {"code": "c", "subject": '\b\t\n\f\r\x00\x1f"\\\x7f/Đắk Lắk'})
    assert '"subject":"\\b\\t\\n\\f\\r\\u0000\\u001f\\"\\\\\x7f/Đắk Lắk"' in raw.decode()


def test_decomposed_text_gives_the_same_bytes_as_composed() -> None:
    composed = canonical("incident.opened", AT, {"code": "c", "subject": "Đ\u1eafk"})
    assert canonical("incident.opened", AT, {"code": "c", "subject": "Đa\u0306\u0301k"}) == composed


def test_the_zone_of_a_time_does_not_matter_and_a_missing_one_is_refused() -> None:
    vietnam = AT.astimezone(timezone(timedelta(hours=7)))
    assert canonical("strangers.refused", vietnam, REFUSED) == canonical("strangers.refused", AT, REFUSED)
    with pytest.raises(InvalidEntry):
        canonical("strangers.refused", AT.replace(tzinfo=None), REFUSED)


@pytest.mark.parametrize(
    ("type", "fields"),
    [
        ("strangers.welcomed", REFUSED),
        ("strangers.refused", {"network": "10.0.0.0/8"}),
        ("strangers.refused", {**REFUSED, "body": "x"}),
        ("strangers.refused", {**REFUSED, "v": 2}),
        ("strangers.refused", {**REFUSED, "type": "server.started"}),
        ("strangers.refused", {**REFUSED, "count": 1.0}),
        ("strangers.refused", {**REFUSED, "count": True}),
        ("strangers.refused", {**REFUSED, "count": 2**53}),
        ("strangers.refused", {**REFUSED, "count": None}),
        ("strangers.refused", {**REFUSED, "network": b"10.0.0.0/8"}),
        ("strangers.refused", {**REFUSED, "network": "\ud800"}),
        ("strangers.refused", {**REFUSED, "network": ["10.0.0.0/8"]}),
        ("quarantine.accepted", {"quarantine": "q", "actor": "a", "deliveries": "not a list"}),
        ("quarantine.accepted", {"quarantine": "q", "actor": "a", "deliveries": ["d", 1]}),
    ],
)
def test_what_is_not_in_the_catalogue_is_refused(type: str, fields: dict[str, object]) -> None:
    with pytest.raises(InvalidEntry):
        canonical(type, AT, fields)


GOOD = canonical("strangers.refused", AT, REFUSED)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        GOOD + b"\n",
        GOOD.replace(b'"v":1', b'"v":2'),
        GOOD.replace(b'"v":1', b'"v":true'),
        GOOD.replace(b'"v":1', b'"v":1,"v":1'),
        GOOD.replace(b":41", b": 41"),
        GOOD.replace(b":41", b":41.0"),
        GOOD.replace(b":41", b":NaN"),
        GOOD.replace(b".123Z", b".123456Z"),
        GOOD.replace(b".123Z", b".123+00:00"),
        GOOD.replace(b'"2026', b'"20\\u00326'),
        GOOD.replace(b'"strangers.refused"', b'["strangers.refused"]'),
        GOOD.replace(b'"2026-11-22T14:00:00.123Z"', b"5"),
    ],
)
def test_bytes_that_are_not_canonical_are_refused(raw: bytes) -> None:
    with pytest.raises(InvalidEntry):
        parse(raw)


def test_every_field_of_the_vocabulary_is_used_and_none_hides_the_frame() -> None:
    used = frozenset[str]().union(*(kind.required | kind.optional for kind in TYPES.values()))
    assert used == FIELDS.keys()
    assert used.isdisjoint({"v", "type", "at"})
    assert all(kind.required.isdisjoint(kind.optional) for kind in TYPES.values())
