"""The memory of accepted messages: none counts twice, nothing is forgotten too early, and full means no."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from gateway.model.verdict import Judgement, NotValid
from gateway.signing.wssecurity.replay import ReplayCache

NOW = datetime(2026, 11, 28, 8, 0, tzinfo=UTC)
END = NOW + timedelta(minutes=6)
MINUTE = timedelta(minutes=1)


def admitted(cache: ReplayCache, mark: bytes, *, until: datetime = END, now: datetime = NOW, kind: str = "x") -> bool:
    try:
        cache.admit([(kind, mark)], until=until, now=now)
    except NotValid as fault:
        assert fault.reason == "signature.replayed"
        assert fault.judgement is Judgement.INVALID
        return False
    return True


def test_a_message_is_admitted_once_until_its_time_has_run_out() -> None:
    cache = ReplayCache()
    assert admitted(cache, b"1")
    assert not admitted(cache, b"1", now=NOW + 5 * MINUTE)
    assert not admitted(cache, b"1", now=END)
    assert admitted(cache, b"2", now=END)


def test_marks_of_different_kinds_do_not_meet() -> None:
    cache = ReplayCache()
    assert admitted(cache, b"1", kind="x")
    assert admitted(cache, b"1", kind="y")


def test_one_known_mark_is_enough_and_then_no_other_is_kept() -> None:
    cache = ReplayCache()
    assert admitted(cache, b"1")
    with pytest.raises(NotValid):
        cache.admit([("z", b"new"), ("x", b"1")], until=END, now=NOW)
    assert admitted(cache, b"new", kind="z")


def test_a_full_memory_refuses_instead_of_forgetting() -> None:
    cache = ReplayCache(capacity=2)
    assert admitted(cache, b"1")
    assert admitted(cache, b"2", until=END + MINUTE)
    with pytest.raises(NotValid) as refused:
        cache.admit([("x", b"3")], until=END, now=NOW)
    assert refused.value.judgement is Judgement.INDETERMINATE
    assert not admitted(cache, b"1")
    assert admitted(cache, b"3", until=END + 2 * MINUTE, now=END + MINUTE / 2)
    assert len(cache) == 2


def test_a_clock_set_back_does_not_make_a_forgotten_message_new() -> None:
    cache = ReplayCache()
    assert admitted(cache, b"1")
    assert admitted(cache, b"2", until=END + 9 * MINUTE, now=END + MINUTE)
    with pytest.raises(NotValid) as refused:
        cache.admit([("x", b"1")], until=END, now=NOW)
    assert refused.value.judgement is Judgement.INDETERMINATE


def test_what_may_have_come_before_the_start_is_not_admitted() -> None:
    cache = ReplayCache(floor=END)
    with pytest.raises(NotValid):
        cache.admit([("x", b"1")], until=END, now=NOW)
    assert admitted(cache, b"1", until=END + MINUTE)


def test_of_many_at_once_one_is_admitted() -> None:
    cache = ReplayCache()
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: admitted(cache, b"1"), range(200))) == 1
