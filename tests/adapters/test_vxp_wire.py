"""The header protocol against nine requests recorded from the vendor's SDK (its HMAC secret was "dummy-secret")."""

from __future__ import annotations

import copy
import hashlib
import json
import pickle
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.vxp import wire
from adapters.vxp.settings import VxpSettings
from adapters.vxp.wire import Secret, UnsafeValue
from gateway.clock import VIETNAM

CAPTURE = Path(__file__).parents[1] / "vectors" / "vxp" / "vxp_sdk_wire_capture.json"
RECORDED: list[dict[str, Any]] = json.loads(CAPTURE.read_bytes())["requests"]
NOW = datetime(2026, 11, 22, 2, 39, 34, 486_999, VIETNAM)
SYSTEM = "000.00.00.H46"
OWN = ("systemid", "timestamp", "Content-Type")


def moment(stamp: str) -> datetime:
    """The inverse of `wire.timestamp`, in UTC so that the zone is really converted."""
    seconds, _, millis = stamp.partition("+")
    at = datetime.strptime(seconds, "%d%m%YT%H%M%S").replace(tzinfo=VIETNAM) + timedelta(milliseconds=int(millis))
    return at.astimezone(UTC)


def test_all_nine_recorded_requests_are_here() -> None:
    assert len(RECORDED) == 9


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda item: item["request_line"].split()[1].lstrip("/"))
def test_a_recorded_request_is_reproduced_byte_for_byte(recorded: dict[str, Any]) -> None:
    sent: dict[str, str] = dict(recorded["headers"])
    order = sent["XroadVnpt-sign-header-key"].split(";")
    params = {name: sent["XroadVnpt-" + name] for name in reversed(order) if name not in OWN}
    headers = wire.signed_headers(
        sent["XroadVnpt-systemid"],
        Secret("dummy-secret"),
        params,
        sent["Content-Type"],
        moment(sent["XroadVnpt-timestamp"]),
        order,
    )
    ours = ("Content-Type", "User-Agent")
    assert headers == {name: value for name, value in sent.items() if name.startswith("XroadVnpt-") or name in ours}


@pytest.mark.parametrize("recorded", [item for item in RECORDED if item["body"].startswith("<")])
def test_the_recorded_file_hash_is_the_unpadded_one(recorded: dict[str, Any]) -> None:
    file = recorded["body"].encode().removesuffix(b"\r\n")
    assert wire.hash_file(file) == dict(recorded["headers"])["XroadVnpt-hash-file"]
    assert len(wire.hash_file(file)) == 62
    assert wire.hash_file(file, padded=True) == hashlib.sha256(file).hexdigest()


def test_recipients_are_json_as_recorded() -> None:
    assert wire.recipients(["000.00.00.G22", "000.00.00.H41"]) == dict(RECORDED[8]["headers"])["XroadVnpt-to"]


def test_without_an_order_names_come_as_given_between_system_and_time() -> None:
    headers = wire.signed_headers(SYSTEM, Secret("s"), {"b": "1", "a": "2"}, wire.JSON_TYPE, NOW)
    assert headers["XroadVnpt-sign-header-key"] == "systemid;b;a;timestamp;Content-Type"
    assert list(json.loads(headers["XroadVnpt-sign-header"])) == [
        "XroadVnpt-" + name for name in headers["XroadVnpt-sign-header-key"].split(";")
    ]


def test_an_order_that_leaves_a_parameter_unsigned_is_refused() -> None:
    with pytest.raises(ValueError, match="order"):
        wire.signed_headers(SYSTEM, Secret("s"), {"a": "1"}, wire.JSON_TYPE, NOW, OWN)


def test_the_timestamp_is_local_time_with_four_digits_of_milliseconds() -> None:
    assert wire.timestamp(datetime(2026, 11, 21, 19, 39, 34, 486_999, UTC)) == "22112026T023934+0486"
    assert wire.timestamp(datetime(2026, 1, 2, 3, 4, 5, 0, VIETNAM)) == "02012026T030405+0000"


def test_markup_characters_are_not_escaped_in_the_signed_text() -> None:
    text = wire.signed_headers(SYSTEM, Secret("s"), {"docId": "a=<b>&'\"\\"}, wire.JSON_TYPE, NOW)
    assert '"XroadVnpt-docId":"a=<b>&\'\\"\\\\"' in text["XroadVnpt-sign-header"]


@pytest.mark.parametrize("value", ["Đơn vị", "a\r\nX-Evil: 1", "a\n", " qq", "qq ", "", "a\tb", "a\x7f", "\ufeffa"])
def test_a_value_that_a_header_would_mangle_is_refused_without_repeating_it(value: str) -> None:
    with pytest.raises(UnsafeValue) as caught:
        wire.signed_headers(SYSTEM, Secret("s"), {"docId": value}, wire.JSON_TYPE, NOW)
    assert caught.value.name == "docId"
    assert not value.strip() or value not in str(caught.value)


def test_recipients_of_any_script_travel_as_ascii_and_are_signed_as_sent() -> None:
    headers = wire.signed_headers(SYSTEM, Secret("s"), {"to": wire.recipients(["H53.Đ1"])}, wire.JSON_TYPE, NOW)
    assert all(value.isascii() for value in headers.values())
    signed = json.loads(headers["XroadVnpt-sign-header"])["XroadVnpt-to"]
    assert signed == headers["XroadVnpt-to"]
    assert json.loads(signed) == ["H53.Đ1"]


def test_a_secret_is_text_not_base64() -> None:
    assert Secret("bí mật").sign(b"x") != Secret("YmkgbWF0").sign(b"x")
    with pytest.raises(ValueError, match="empty"):
        Secret("")


def test_a_secret_shows_itself_nowhere() -> None:
    secret = Secret("hush-hush")
    settings = VxpSettings("axis", "https://axis.example.vn", SYSTEM, secret)
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r:>20}", repr([secret]), repr(settings), str(settings)]
    assert not any("hush" in text for text in shown)
    for leak in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError) as caught:
            leak(secret)
        assert "hush" not in str(caught.value)
    assert not hasattr(secret, "__dict__")
