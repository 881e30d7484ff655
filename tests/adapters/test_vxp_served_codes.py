"""The published table of ErrorCode, and how a refusal reads."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest

from adapters.vxp.served_answers import fail, fail_in_place_of_a_file, ok, with_file
from adapters.vxp.served_codes import TABLE, error_code
from gateway.errors import FAULTS, Refusal

DOCS = Path(__file__).parents[2] / "docs"


def test_the_published_page_is_the_current_one() -> None:
    page = runpy.run_path(str(DOCS / "vxp_codes_page.py"))["page"]()
    assert (DOCS / "vxp-codes.md").read_text("utf-8") == page, "write it anew: python docs/vxp_codes_page.py"


def test_every_number_is_given_once_and_none_means_success_or_the_sdk_itself() -> None:
    numbers = [meaning.code for meaning in TABLE]
    assert len(numbers) == len(set(numbers))
    assert not {"0", "100"} & set(numbers)
    assert all(int(number) < 100 or int(number) > 100 for number in numbers)


def test_the_table_names_no_refusal_that_does_not_exist() -> None:
    for meaning in TABLE:
        for named in meaning.stands_for:
            assert any(code == named or code.startswith(named) for code in FAULTS), named


@pytest.mark.parametrize(
    ("code", "number"),
    [
        ("vxp.hash_file", "10"),
        ("vxp.credentials", "15"),
        ("auth.unknown", "15"),
        ("auth.forbidden", "19"),
        ("message.no_recipient", "18"),
        ("store.unavailable", "20"),
        ("internal", "20"),
        ("edxml.base64", "21"),
        ("edxml.root", "22"),
        ("xml.doctype", "22"),
        ("vxp.headers", "102"),
        ("vxp.timestamp", "103"),
        ("delivery.not_found", "105"),
    ],
)
def test_a_refusal_has_its_published_number(code: str, number: str) -> None:
    assert error_code(code) == number


@pytest.mark.parametrize("code", FAULTS)
def test_every_refusal_is_a_fail_with_all_three_names_in_ascii(code: str) -> None:
    reply = fail(Refusal(code, "MessageHeader/From", "a detail for the log", retry_after=1.5), "req-1")
    answer = json.loads(reply.body)
    assert answer.keys() == {"status", "ErrorCode", "ErrorDesc"}
    assert answer["status"] == "FAIL"
    assert int(answer["ErrorCode"]) >= 10
    for part in (FAULTS[code].vi, "MessageHeader/From", FAULTS[code].remedy_vi, code, "req-1"):
        assert part in answer["ErrorDesc"]
    assert "a detail for the log" not in answer["ErrorDesc"]
    assert reply.body.isascii()
    assert reply.media_type == "application/json"
    assert reply.headers["Retry-After"] == "2"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("vxp.credentials", 200),
        ("auth.forbidden", 200),
        ("edxml.root", 200),
        ("limit.body", 200),
        ("delivery.not_found", 200),
        ("limit.flood", 429),
        ("limit.busy", 503),
        ("limit.disk", 503),
        ("store.unavailable", 503),
        ("internal", 500),
    ],
)
def test_only_what_passes_by_itself_is_an_http_error(code: str, status: int) -> None:
    assert fail(Refusal(code), "r").status == status


def test_a_refusal_in_place_of_a_file_is_no_success() -> None:
    assert fail_in_place_of_a_file(Refusal("delivery.not_found")).status == 404


def test_success_has_all_three_names_and_what_belongs_to_the_operation() -> None:
    assert json.loads(ok(DocId="x").body) == {
        "status": "OK",
        "ErrorCode": "0",
        "ErrorDesc": "Thành công",
        "DocId": "x",
    }
    assert json.loads(with_file(b"PGEvPg==").body)["data"] == "PGEvPg=="
