"""The simulated axis against the nine requests recorded from the vendor's SDK, replayed byte for byte."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from sandbox.app import Running, start
from sandbox.caller import AxisFailure, Caller
from sandbox.settings import SandboxSettings, System
from sandbox.store import Copy, Package

VECTORS = Path(__file__).parent.parent / "vectors" / "vxp"
CAPTURE: list[dict[str, Any]] = json.loads((VECTORS / "vxp_sdk_wire_capture.json").read_text("utf-8"))["requests"]
CALLER = System("000.00.00.H46", "dummy-secret", "UBND tỉnh Quảng Bình")
OTHERS = (System("000.00.00.G22", "a", "Văn phòng Chính phủ"), System("000.00.00.H41", "b", "UBND tỉnh Nghệ An"))


def raw_head(request: dict[str, Any]) -> bytes:
    lines = [request["request_line"], *(f"{name}: {value}" for name, value in request["headers"])]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def replay(url: str, head: bytes, body: bytes) -> tuple[bool, bytes, dict[str, Any]]:
    """Send exact bytes over a socket; returns (was 100 Continue sent, status line, JSON answer)."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(head)
    continued = b"100-continue" in head
    if continued:
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(body)
    answer_head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in answer_head.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    answer = json.loads(await reader.readexactly(length))
    writer.close()
    await writer.wait_closed()
    return continued, answer_head.split(b"\r\n")[0], answer


def keep_document(running: Running, doc_id: str) -> None:
    package = Package(
        "s-1",
        OTHERS[0].system_id,
        OTHERS[0].system_id,
        "edoc",
        "d",
        "0",
        "t",
        "1/A",
        (),
        "i",
        "2026/11/22 00:00:00",
        b"<edXML/>",
        b"<edXML/>",
    )
    copy = Copy(
        doc_id,
        "s-1",
        "edoc",
        package.sender,
        (CALLER.system_id,),
        CALLER.system_id,
        "processing",
        package.created,
        package.created,
        "t",
        "1/A",
        0,
        0,
    )
    running.axis.operations.store.add(package, [copy])


@pytest.fixture
async def lenient() -> AsyncIterator[Running]:
    running = await start(
        SandboxSettings(systems=(CALLER, *OTHERS), document_check="well_formed", ministries_poll=False)
    )
    keep_document(running, "abc-1")
    yield running
    await running.stop()


@pytest.mark.parametrize("number", range(9))
async def test_a_recorded_vendor_request_is_accepted_byte_for_byte(lenient: Running, number: int) -> None:
    request = CAPTURE[number]
    _, status, answer = await replay(lenient.axis_url, raw_head(request), request["body"].encode())
    assert status == b"HTTP/1.1 200 OK"
    assert (answer["status"], answer["ErrorCode"]) == ("OK", "0"), answer
    assert "ErrorDesc" in answer


def test_the_capture_holds_all_nine_requests_and_two_files() -> None:
    assert len(CAPTURE) == 9
    assert sum(request["request_line"].startswith("POST /sendEdoc") for request in CAPTURE) == 2


async def test_the_recorded_sends_become_packages_with_the_exact_file_and_routes(lenient: Running) -> None:
    for request in (CAPTURE[1], CAPTURE[8]):
        await replay(lenient.axis_url, raw_head(request), request["body"].encode())
    packages = list(lenient.axis.operations.store.packages())[1:]
    assert [package.message_type for package in packages] == ["edoc", "status"]
    store = lenient.axis.operations.store
    assert {store.content(package.doc_id, "sent") for package in packages} == {b"<edXML/>"}
    assert [copy.system for copy in store.copies()[1:]] == ["000.00.00.G22", "000.00.00.H41"]


async def test_a_recorded_acknowledgement_takes_the_package_off_the_list(lenient: Running) -> None:
    await replay(lenient.axis_url, raw_head(CAPTURE[3]), b"{}")
    _, _, answer = await replay(lenient.axis_url, raw_head(CAPTURE[0]), b"")
    assert answer["data"] == []


async def test_an_empty_document_passes_the_signature_but_not_the_document_check() -> None:
    running = await start(SandboxSettings(systems=(CALLER, *OTHERS), ministries_poll=False))
    try:
        _, _, answer = await replay(running.axis_url, raw_head(CAPTURE[1]), b"<edXML/>\r\n")
    finally:
        await running.stop()
    assert answer["ErrorCode"] == "22"
    assert not running.axis.meter.signing_errors


def tampered(number: int, old: str, new: str) -> bytes:
    head = raw_head(CAPTURE[number])
    assert old.encode() in head
    return head.replace(old.encode(), new.encode(), 1)


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (tampered(3, "XroadVnpt-status: done", "XroadVnpt-status: fail"), "32"),
        (tampered(3, '"XroadVnpt-status":"done"', '"XroadVnpt-status":"fail"'), "15"),
        (tampered(3, "XroadVnpt-systemid: 000.00.00.H46", "XroadVnpt-systemid: 000.00.00.H99"), "15"),
        (tampered(3, "hash-header: fdd1", "hash-header: fdd2"), "15"),
        (tampered(3, "XroadVnpt-hash-header: ", "X-hash-header: "), "30"),
        (tampered(3, ";status\r\n", "\r\n"), "32"),
        (tampered(3, "XroadVnpt-version", "XroadVnpt-status: fail\r\nXroadVnpt-version"), "32"),
        (tampered(3, "XroadVnpt-status: done", "XroadVnpt-status: fail\r\nXroadVnpt-status: done"), "32"),
        (tampered(3, "XroadVnpt-docId: abc-1", "XroadVnpt-docId: abc-2"), "32"),
    ],
)
async def test_a_tampered_vendor_request_fails_with_its_code(lenient: Running, head: bytes, code: str) -> None:
    _, _, answer = await replay(lenient.axis_url, head, b"{}")
    assert (answer["status"], answer["ErrorCode"]) == ("FAIL", code)
    assert len(lenient.axis.operations.store.pending(CALLER.system_id, "edoc")) == 1


@pytest.mark.parametrize("secret", ["", "\0", "dummy-secret", "None"])
async def test_no_secret_opens_the_door_for_an_unknown_system(lenient: Running, secret: str) -> None:
    async with Caller(lenient.axis_url, "000.00.00.H99", secret) as stranger:
        with pytest.raises(AxisFailure, match="'15'"):
            await stranger.pending("edoc")


async def test_an_unsigned_extra_header_is_tolerated(lenient: Running) -> None:
    head = tampered(3, "XroadVnpt-version", "XroadVnpt-filePath: /tmp\r\nXroadVnpt-version")
    _, _, answer = await replay(lenient.axis_url, head, b"{}")
    assert answer["status"] == "OK"


async def test_a_changed_file_fails_the_hash_and_counts_as_signing_error(lenient: Running) -> None:
    _, _, answer = await replay(lenient.axis_url, raw_head(CAPTURE[1]), b"<edXMl/>\r\n")
    assert answer["ErrorCode"] == "34"
    assert lenient.axis.meter.signing_errors[0]["operation"] == "sendEdoc"
