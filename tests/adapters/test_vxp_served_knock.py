"""Who calls /vxp: the vendor's recorded headers, and every way in which headers can lie."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.vxp.knock import Asked, VxpIdentify, VxpSeat, parameters, recipients_named
from adapters.vxp.wire import Secret, signed_headers
from gateway.clock import VIETNAM
from gateway.errors import Refusal
from gateway.model.access import Caller
from gateway.model.party import Parties
from gateway.ports import Knock

VECTORS = Path(__file__).parents[1] / "vectors" / "vxp"
CAPTURE: list[dict[str, Any]] = json.loads((VECTORS / "vxp_sdk_wire_capture.json").read_text("utf-8"))["requests"]
CAPTURED_AT = datetime(2026, 11, 21, 19, 40, tzinfo=UTC)
NOW = datetime(2026, 11, 22, 2, 39, 34, tzinfo=VIETNAM)

SECRET = "bí mật"
SEAT = VxpSeat("qlvb", "000.00.01.H53", Secret(SECRET), Parties(("H53.1", "H53.1.*")), environment="test")
OTHER = VxpSeat("khac", "000.00.02.H53", Secret("other"), Parties(("H53.2",)))


class StillClock:
    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        return None


async def knock(headers: Mapping[str, str], now: datetime = NOW, *seats: VxpSeat) -> Caller:
    identify = VxpIdentify(seats or (SEAT, OTHER), StillClock(now))
    return await identify(Knock("10.0.0.1", headers))


def lowered(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers as the intake listener hands them on."""
    return {name.lower(): value for name, value in headers.items()}


def signed(now: datetime = NOW, **params: str) -> dict[str, str]:
    given = {name.replace("_", "-"): value for name, value in params.items()}
    return lowered(signed_headers(SEAT.system_id, SEAT.secret, given, "application/json", now))


def resigned(text: str | bytes, headers: Mapping[str, str], secret: str = SECRET) -> dict[str, str]:
    """*headers* with another sign-header, validly signed over its bytes; as aiohttp would read them."""
    raw = text.encode() if isinstance(text, str) else text
    claimed = hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
    read = raw.decode("utf-8", "surrogateescape")
    return {**headers, "xroadvnpt-sign-header": read, "xroadvnpt-hash-header": claimed}


async def refused(headers: Mapping[str, str], now: datetime = NOW) -> str:
    with pytest.raises(Refusal) as caught:
        await knock(headers, now)
    return caught.value.code


@pytest.mark.parametrize("number", range(9))
async def test_every_recorded_vendor_request_names_its_system(number: int) -> None:
    seat = VxpSeat("quang-binh", "000.00.00.H46", Secret("dummy-secret"), Parties(("000.00.00.H46",)))
    headers = lowered(dict(CAPTURE[number]["headers"]))
    caller = await knock(headers, CAPTURED_AT, seat)
    assert (caller.system, caller.parties) == ("quang-binh", seat.parties)
    operation = CAPTURE[number]["request_line"].split()[1]
    expected = {"/updateStatus": ("status", "done"), "/getAgenciesListQD20": ("level", "1")}.get(operation)
    if expected:
        assert parameters(headers).need(expected[0]) == expected[1]


async def test_a_caller_has_the_parties_and_environment_of_its_seat() -> None:
    assert await knock(signed(docId="a")) == Caller("qlvb", SEAT.parties, "test")


async def test_an_upper_case_hash_header_is_accepted() -> None:
    headers = signed()
    assert await knock({**headers, "xroadvnpt-hash-header": headers["xroadvnpt-hash-header"].upper()})


@pytest.mark.parametrize("hours", [-23, 23])
async def test_a_timestamp_frozen_for_hours_is_accepted(hours: int) -> None:
    assert await knock(signed(NOW + timedelta(hours=hours)))


@pytest.mark.parametrize("hours", [-25, 25, 24 * 366])
async def test_a_timestamp_outside_the_window_has_its_own_code(hours: int) -> None:
    assert await refused(signed(NOW + timedelta(hours=hours))) == "vxp.timestamp"


async def test_a_seat_may_have_a_window_of_its_own() -> None:
    seat = VxpSeat("qlvb", SEAT.system_id, SEAT.secret, SEAT.parties, timestamp_window=timedelta(days=3650))
    assert await knock(signed(NOW - timedelta(days=365)), NOW, seat)


@pytest.mark.parametrize(
    "text", ["yesterday", "31132026T000000+0000", "22112026T023934+00:00", "22112026T023934+12345"]
)
async def test_a_timestamp_in_no_known_form_is_refused(text: str) -> None:
    members = {"XroadVnpt-systemid": SEAT.system_id, "XroadVnpt-timestamp": text}
    headers = {"xroadvnpt-systemid": SEAT.system_id, "xroadvnpt-timestamp": text}
    assert await refused(resigned(json.dumps(members), headers)) == "vxp.timestamp"


async def test_an_unknown_system_and_a_wrong_secret_hear_the_same() -> None:
    stranger = lowered(signed_headers("000.00.09.H53", SEAT.secret, {}, "application/json", NOW))
    forger = lowered(signed_headers(SEAT.system_id, Secret("other"), {}, "application/json", NOW))
    nobody = lowered(signed_headers("000.00.09.H53", Secret("nobody"), {}, "application/json", NOW))
    assert {await refused(headers) for headers in (stranger, forger, nobody)} == {"vxp.credentials"}


async def test_a_system_cannot_sign_as_another() -> None:
    headers = lowered(signed_headers(SEAT.system_id, OTHER.secret, {}, "application/json", NOW))
    assert await refused({**headers, "xroadvnpt-systemid": OTHER.system_id}) == "vxp.headers"


@pytest.mark.parametrize("name", ["systemid", "sign-header", "hash-header"])
async def test_a_call_without_its_credentials_is_refused(name: str) -> None:
    headers = signed()
    del headers[f"xroadvnpt-{name}"]
    assert await refused(headers) == "vxp.credentials"


@pytest.mark.parametrize("claimed", ["", "0" * 64, "đ", "\udcff" * 64, "f" * 10_000])
async def test_a_hash_header_that_is_no_hash_is_refused(claimed: str) -> None:
    assert await refused({**signed(), "xroadvnpt-hash-header": claimed}) == "vxp.credentials"


@pytest.mark.parametrize(
    "change",
    [
        {"xroadvnpt-docid": "other"},
        {"xroadvnpt-timestamp": "22112026T023935+0000"},
        {"xroadvnpt-content-type": "application/octet-stream"},
        {"xroadvnpt-sign-header-key": "systemid;timestamp;Content-Type"},
        {"xroadvnpt-sign-header-key": "systemid;docId;timestamp;Content-Type;status"},
        {"xroadvnpt-sign-header-key": ""},
    ],
)
async def test_a_header_that_differs_from_what_was_signed_is_refused(change: Mapping[str, str]) -> None:
    assert await refused({**signed(docId="abc"), **change}) == "vxp.headers"


async def test_a_signed_header_that_did_not_travel_is_refused() -> None:
    headers = signed(docId="abc")
    del headers["xroadvnpt-docid"]
    assert await refused(headers) == "vxp.headers"


async def test_the_order_of_names_does_not_matter_and_the_list_of_names_may_be_left_out() -> None:
    headers = signed(docId="abc")
    names = headers["xroadvnpt-sign-header-key"].split(";")
    assert await knock({**headers, "xroadvnpt-sign-header-key": ";".join(reversed(names))})
    del headers["xroadvnpt-sign-header-key"]
    assert await knock(headers)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{}",
        "not json",
        '{"XroadVnpt-systemid":"000.00.01.H53","XroadVnpt-systemid":"000.00.01.H53"}',
        '{"XroadVnpt-docId":"abc","xroadvnpt-DOCID":"other"}',
        '{"systemid":"000.00.01.H53"}',
        '{"XroadVnpt-docId":1}',
        '{"XroadVnpt-docId":null}',
        '{"XroadVnpt-docId":{"a":"b"}}',
        '{"XroadVnpt-docId":"abc"} ',
        "{" * 100,
    ],
)
async def test_a_sign_header_that_is_no_object_of_prefixed_texts_is_refused(text: str) -> None:
    assert await refused(resigned(text, signed(docId="abc"))) == "vxp.headers"


@pytest.mark.parametrize("missing", ["systemid", "timestamp"])
async def test_who_and_when_must_be_signed(missing: str) -> None:
    headers = signed()
    members = json.loads(headers["xroadvnpt-sign-header"])
    del members[f"XroadVnpt-{missing}"]
    del headers["xroadvnpt-sign-header-key"]
    assert await refused(resigned(json.dumps(members), headers)) == "http.request"


def test_an_unsigned_parameter_does_not_exist() -> None:
    asked = parameters({**signed(docId="abc"), "xroadvnpt-status": "done"})
    assert (asked.text("docid"), asked.text("status")) == ("abc", "")
    with pytest.raises(Refusal, match=r"http\.request XroadVnpt-status"):
        asked.need("status")


def test_a_parameter_spelled_otherwise_is_the_same_parameter() -> None:
    assert parameters(signed(docid="abc")).need("docId") == "abc"
    assert Asked({"docid": "abc"}).need("DOCID") == "abc"


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
async def test_a_leaked_folder_with_accents_does_not_spoil_the_signature(encoding: str) -> None:
    """The HMAC is over UTF-8; how the client's HTTP stack writes header text is another matter."""
    headers = signed()
    folder = "D:\\tài li\u00eau\\xml"
    members = {**json.loads(headers["xroadvnpt-sign-header"]), "XroadVnpt-filePath": folder}
    text = json.dumps(members, ensure_ascii=False, separators=(",", ":"))
    claimed = hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()
    del headers["xroadvnpt-sign-header-key"]
    headers |= {
        "xroadvnpt-hash-header": claimed,
        "xroadvnpt-sign-header": text.encode(encoding).decode("utf-8", "surrogateescape"),
        "xroadvnpt-filepath": folder.encode(encoding).decode("utf-8", "surrogateescape"),
    }
    assert await knock(headers)
    assert parameters(headers).text("filePath") == folder


async def test_the_signature_covers_the_exact_text_and_not_its_meaning() -> None:
    headers = signed(docId="abc")
    spaced = json.dumps(json.loads(headers["xroadvnpt-sign-header"]))
    assert await refused({**headers, "xroadvnpt-sign-header": spaced}) == "vxp.credentials"
    assert await knock(resigned(spaced, headers))


def test_a_seat_does_not_print_its_secret() -> None:
    assert SECRET not in repr(SEAT)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", ""),
        ('["H53.1", "G22"]', '["H53.1","G22"]'),
        ('["Đ\\u00e0"]', '["Đà"]'),
        ("000.00.00.G22", '["000.00.00.G22"]'),
    ],
)
def test_the_recipients_named_become_compact_json(value: str, expected: str) -> None:
    assert recipients_named(value) == expected


@pytest.mark.parametrize("value", ["[", '["a",1]', '[""]', '[["a"]]', '["a"] x'])
def test_recipients_that_are_no_array_of_codes_are_refused(value: str) -> None:
    with pytest.raises(Refusal, match=r"http\.request XroadVnpt-to"):
        recipients_named(value)
