"""What every kind of answer means for a delivery."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from adapters.vxp import answers
from adapters.vxp.answers import AxisFault
from gateway.client import Answer, CallFault
from gateway.clock import VIETNAM
from gateway.formats.foreign import moment
from gateway.model.delivery import Deferred, Delivered, Rejected

NOW = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
OK = {"status": "OK", "ErrorCode": "0", "ErrorDesc": "Thành công"}


def ok(body: bytes | object, status: int = 200, **headers: str) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw)


def sent(answer: Answer, rejected: frozenset[str] = frozenset({"18"})) -> Delivered | Deferred | Rejected:
    return answers.outcome_of_send(answer, rejected, NOW)


def test_ok_with_a_doc_id_is_delivered_with_the_answer_as_evidence() -> None:
    answer = ok({**OK, "DocId": "abc-1"})
    assert sent(answer) == Delivered("abc-1", answer.body)


def test_evidence_is_bounded() -> None:
    outcome = sent(ok({**OK, "DocId": "abc-1", "more": "x" * 100_000}))
    assert isinstance(outcome, Delivered)
    assert len(outcome.evidence) == 4096


@pytest.mark.parametrize(
    "members",
    [
        {"status": "ok", "ErrorCode": 0, "DocId": 77},
        {"status": "OK", "DocId": 77},
        {"status": "SUCCESS", "ErrorCode": None, "DocId": "77"},
    ],
)
def test_a_confirmation_in_another_shape_is_one(members: dict[str, object]) -> None:
    outcome = sent(ok(b"\xef\xbb\xbf" + json.dumps(members).encode()))
    assert isinstance(outcome, Delivered)
    assert outcome.reference == "77"


def test_a_confirmation_without_a_doc_id_is_still_one() -> None:
    assert isinstance(sent(ok({**OK, "DocId": None})), Delivered)


def test_a_fail_code_configured_as_final_rejects_with_the_axis_own_words() -> None:
    outcome = sent(ok({"status": "FAIL", "ErrorCode": "18", "ErrorDesc": "Đơn vị nhận\nkhông tồn tại"}))
    assert outcome == Rejected("vxp.refused", "18: Đơn vị nhận không tồn tại")


def test_a_fail_code_nobody_explained_is_tried_again_and_blames_no_platform() -> None:
    outcome = sent(ok({"status": "FAIL", "ErrorCode": 20, "ErrorDesc": "x" * 10_000}))
    assert isinstance(outcome, Deferred)
    assert (outcome.code, outcome.fault, outcome.unknown) == ("vxp.fail", False, False)
    assert outcome.detail.startswith("20: xxx") and len(outcome.detail) <= 300


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Bad Gateway",
        b"\xff\xfe\x00",
        b"[]",
        b"null",
        b"12",
        b"{}",
        b'{"status": null}',
        b'{"status": "MAYBE", "ErrorCode": "0"}',
        b'{"status": "OK", "ErrorCode": "5"}',
        b"[" * 100_000,
        b'{"status": ' + b"9" * 5000 + b"}",
    ],
)
def test_a_useless_answer_leaves_the_outcome_unknown(body: bytes) -> None:
    outcome = sent(ok(body))
    assert isinstance(outcome, Deferred)
    assert (outcome.code, outcome.unknown, outcome.fault) == ("vxp.garbage", True, True)


@pytest.mark.parametrize(
    ("status", "code", "unknown"),
    [
        (500, "vxp.unavailable", True),
        (502, "vxp.unavailable", True),
        (504, "vxp.unavailable", True),
        (503, "vxp.unavailable", False),
        (429, "vxp.rate", False),
        (401, "vxp.unauthorised", False),
        (403, "vxp.unauthorised", False),
        (404, "vxp.http", False),
        (405, "vxp.http", False),
    ],
)
def test_http_failures_of_the_platform_are_deferred_as_its_fault(status: int, code: str, unknown: bool) -> None:
    outcome = sent(ok({**OK, "DocId": "x"}, status))
    assert outcome == Deferred(code, f"HTTP {status}", None, unknown, True)


@pytest.mark.parametrize(
    ("status", "code"), [(413, "vxp.too_large"), (400, "vxp.request"), (415, "vxp.request"), (431, "vxp.request")]
)
def test_http_refusals_of_this_request_are_final(status: int, code: str) -> None:
    assert sent(ok(b"", status)) == Rejected(code, f"HTTP {status}")


@pytest.mark.parametrize(("value", "wait"), [("7", 7.0), ("Sun, 22 Nov 2026 01:02:00 GMT", 120.0), ("soon", None)])
def test_the_platforms_own_wish_is_passed_on(value: str, wait: float | None) -> None:
    outcome = sent(ok(b"", 503, retry_after=value))
    assert isinstance(outcome, Deferred)
    assert outcome.retry_after == wait


def test_no_answer_is_unknown_only_if_something_left() -> None:
    for code in ("client.refused", "client.dns", "client.tls"):
        outcome = answers.outcome_of_fault(CallFault(code, "x", sent=False), repeatable=False)
        assert (outcome.code, outcome.unknown, outcome.fault) == ("vxp.unreachable", False, True)
    cut = CallFault("client.reset", "x", sent=True)
    assert answers.outcome_of_fault(cut, repeatable=False).unknown is True
    assert answers.outcome_of_fault(cut, repeatable=True).unknown is False


def acknowledged(answer: Answer) -> Delivered | Deferred | Rejected:
    return answers.outcome_of_acknowledgement(answer, frozenset({"18"}), frozenset({"31"}), NOW)


def test_an_acknowledgement_with_nothing_left_to_do_is_done() -> None:
    outcome = acknowledged(ok({"status": "FAIL", "ErrorCode": "31", "ErrorDesc": "No such document"}))
    assert isinstance(outcome, Delivered)
    assert outcome.code == "vxp.settled"


@pytest.mark.parametrize("answer", [ok(b"garbage"), ok(b"", 500), ok({"status": "FAIL", "ErrorCode": "20"})])
def test_repeating_an_acknowledgement_is_never_marked_as_a_possible_second_copy(answer: Answer) -> None:
    outcome = acknowledged(answer)
    assert isinstance(outcome, Deferred)
    assert outcome.unknown is False


def test_a_file_is_told_from_a_failure_in_its_place() -> None:
    assert answers.expect_file(ok(b"<edXML/>"), NOW) == b"<edXML/>"
    for body in (b"", b'{"status": "FAIL", "ErrorCode": "31"}', json.dumps(OK).encode(), b"{"):
        with pytest.raises(AxisFault):
            answers.expect_file(ok(body), NOW)


@pytest.mark.parametrize(
    "value",
    [
        "2026/11/22 08:00:00",
        "22/11/2026 08:00:00",
        "2026-11-22 08:00:00",
        "2026-11-22T08:00:00.000",
        "2026/11/22 08:00:00.0",
        "2026-11-22T01:00:00Z",
        "2026-11-22T08:00:00+07:00",
        "22112026T080000",
        1795309200000,
        "1795309200000",
        1795309200,
    ],
)
def test_times_are_read_in_whatever_form_as_local_time(value: object) -> None:
    assert moment(value) == NOW


@pytest.mark.parametrize("value", [None, "", "hôm qua", "0000-00-00", [], {}, "99/99/2026", 10**40, True, "nan", 1.5])
def test_an_unreadable_time_is_no_time(value: object) -> None:
    assert moment(value) is None


def test_a_date_alone_is_local_midnight() -> None:
    found = moment("2026/11/22")
    assert found == datetime(2026, 11, 22, tzinfo=VIETNAM)
    assert found.utcoffset() == timedelta(hours=7)
