"""wsu:Timestamp: what is read as one, and for how long it counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateway.formats import safexml
from gateway.model.verdict import NotValid
from gateway.signing.wssecurity.rules import Rules
from gateway.signing.wssecurity.stamp import Timestamp, check_fresh, read_timestamp
from tests.unit.wss_messages import WSU

NOW = datetime(2026, 11, 28, 8, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def read(inner: str) -> Timestamp:
    return read_timestamp(safexml.parse(f'<u:Timestamp xmlns:u="{WSU}">{inner}</u:Timestamp>'.encode()).root)


def created(text: str, attributes: str = "") -> Timestamp:
    return read(f"<u:Created{attributes}>{text}</u:Created>")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-28T08:00:00Z", NOW),
        (" 2026-11-28T08:00:00Z\n", NOW),
        ("2026-11-28T15:00:00+07:00", NOW),
        ("2026-11-28T02:30:00-05:30", NOW),
        ("2026-11-28T08:00:00.5Z", NOW + timedelta(milliseconds=500)),
        ("2026-11-28T08:00:00.123456789Z", NOW + timedelta(microseconds=123456)),
    ],
)
def test_a_moment_with_zone_is_read_in_utc(text: str, moment: datetime) -> None:
    assert created(text).created == moment


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-28T08:00:00",
        "2026-11-28 08:00:00Z",
        "2026-13-28T08:00:00Z",
        "2026-11-28T08:00:00+15:00",
        "2026-11-28T08:00:00+07:60",
        "0000-11-28T08:00:00Z",
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00+14:00",
        "20261-11-28T08:00:00Z",
        "2026-11-28T08:00:00Z<!-- x -->",
        "2026-11-<!-- x -->28T08:00:00Z",
        "２０２６-11-28T08:00:00Z",
        "now",
        "",
    ],
)
def test_what_is_no_moment_with_zone_is_malformed(text: str) -> None:
    with pytest.raises(NotValid) as refused:
        created(text)
    assert refused.value.reason == "malformed"


def test_another_value_type_than_date_time_is_malformed() -> None:
    xs = ' xmlns:xs="http://www.w3.org/2001/XMLSchema"'
    assert created("2026-11-28T08:00:00Z", f'{xs} ValueType="xs:dateTime"').created == NOW
    for kind in ("xs:date", "", "y:time"):
        with pytest.raises(NotValid):
            created("2026-11-28T08:00:00Z", f'{xs} ValueType="{kind}"')


@pytest.mark.parametrize(
    "inner",
    [
        "",
        "<u:Expires>2026-11-28T08:05:00Z</u:Expires>",
        "<u:Created>2026-11-28T08:00:00Z</u:Created>" * 2,
        "<u:Expires>2026-11-28T08:05:00Z</u:Expires><u:Created>2026-11-28T08:00:00Z</u:Created>",
        "<u:Created>2026-11-28T08:00:00Z</u:Created><u:Expires>2026-11-28T08:05:00Z</u:Expires>"
        "<u:Expires>2027-11-28T08:05:00Z</u:Expires>",
        "<u:Created>2026-11-28T08:00:00Z</u:Created><x/>",
    ],
)
def test_only_one_created_and_then_at_most_one_expires_make_a_timestamp(inner: str) -> None:
    with pytest.raises(NotValid) as refused:
        read(inner)
    assert refused.value.reason == "malformed"


def test_an_end_that_is_not_after_the_beginning_is_refused() -> None:
    with pytest.raises(NotValid) as refused:
        read("<u:Created>2026-11-28T08:00:00Z</u:Created><u:Expires>2026-11-28T08:00:00Z</u:Expires>")
    assert refused.value.reason == "signature.time"


@pytest.mark.parametrize("age", [-60, 0, 300, 360])
def test_a_timestamp_counts_from_one_skew_before_to_the_greatest_age_and_one_skew_after(age: int) -> None:
    stamp = Timestamp(NOW - age * SECOND)
    assert check_fresh(stamp, NOW, Rules()) == stamp.created + timedelta(minutes=6)


@pytest.mark.parametrize("age", [-61, 361, 86400])
def test_a_timestamp_outside_its_time_is_refused(age: int) -> None:
    with pytest.raises(NotValid) as refused:
        check_fresh(Timestamp(NOW - age * SECOND), NOW, Rules())
    assert refused.value.reason == "signature.time"


def test_expires_ends_it_earlier_but_never_later_than_the_greatest_age() -> None:
    short = Timestamp(NOW, NOW + 10 * SECOND)
    check_fresh(short, NOW + 69 * SECOND, Rules())
    with pytest.raises(NotValid):
        check_fresh(short, NOW + 70 * SECOND, Rules())
    with pytest.raises(NotValid):
        check_fresh(Timestamp(NOW, NOW + timedelta(days=9)), NOW + 361 * SECOND, Rules())


def test_age_and_skew_are_the_rules_own() -> None:
    rules = Rules(max_age=10 * SECOND, skew=0 * SECOND)
    check_fresh(Timestamp(NOW - 10 * SECOND), NOW, rules)
    for age in (-1, 11):
        with pytest.raises(NotValid):
            check_fresh(Timestamp(NOW - age * SECOND), NOW, rules)
