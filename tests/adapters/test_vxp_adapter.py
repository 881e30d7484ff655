"""The platform against a scripted server that records every byte it is sent."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import gzip
import hashlib
import hmac
import json
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from aiohttp import web
from leased import leased
from structlog.testing import capture_logs

from adapters.vxp import Secret, VxpPlatform, VxpSettings, codec, conformance, decode
from adapters.vxp.answers import AxisFault
from adapters.vxp.directory import Agency
from gateway.client import Client
from gateway.clock import SystemClock
from gateway.errors import Refusal
from gateway.model.delivery import Deferred, Delivered, Delivery, Purpose, Rejected
from gateway.model.document import Attachment, Code, Document, DocumentType, Organization, Promulgation, Signer
from gateway.model.message import BodyRef, Envelope, Kind, Message
from gateway.ports import Outbound, Parcel, Poller, PollFault, Repeat

VECTORS = Path(__file__).parents[1] / "vectors" / "vxp"
SECRET = "a-secret-that-must-not-show"
NOW = datetime(2026, 11, 22, tzinfo=UTC)
OK = {"status": "OK", "ErrorCode": "0", "ErrorDesc": ""}
FAIL = {"status": "FAIL", "ErrorCode": "99", "ErrorDesc": "Lỗi"}


class Server:
    """Gives the answers in `replies` in turn, the last one for ever; keeps path, headers and body of each request."""

    def __init__(self) -> None:
        self.replies: list[web.Response | dict[str, Any] | bytes] = [OK]
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []

    async def handle(self, request: web.Request) -> web.Response:
        self.paths.append(f"{request.method} {request.path}")
        self.headers.append(dict(request.headers))
        self.bodies.append(await request.read())
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, dict):
            return web.json_response(reply)
        return web.Response(body=reply) if isinstance(reply, bytes) else reply

    @property
    def params(self) -> dict[str, str]:
        """The signed parameters of the last request, after checking its signature as the axis does."""
        headers = self.headers[-1]
        text = headers["XroadVnpt-sign-header"]
        expected = hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()
        assert headers["XroadVnpt-hash-header"] == expected
        signed = {name.removeprefix("XroadVnpt-"): value for name, value in json.loads(text).items()}
        assert all(headers["XroadVnpt-" + name] == value for name, value in signed.items())
        return signed


@asynccontextmanager
async def rig(**options: Any) -> AsyncIterator[tuple[Server, VxpPlatform]]:
    server = Server()
    app = web.Application(client_max_size=100_000_000, handler_args={"max_field_size": 200_000})
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/axis/"
    settings = VxpSettings("truc", url, "H53", Secret(SECRET), requests_per_second=1000, **options)
    try:
        async with Client([url]) as client:
            yield server, VxpPlatform(settings, client, SystemClock(), Random(1))
    finally:
        await runner.cleanup()


def delivery(**changes: Any) -> Delivery:
    return leased(NOW, **{"id": "d1", "destination": "truc", **changes})


def message(kind: Kind = Kind.DOCUMENT, dialect: str = "edxml", sender: str = "H53.02") -> Message:
    envelope = Envelope(kind, sender, ("000.00.00.G22",), "i", "c")
    return Message("m1", envelope, "qlvb", dialect, "", NOW, "0" * 64, BodyRef("b", "0" * 64, 1))


DOCUMENT = Document(
    Organization("H53.02", "Sở"),
    (Organization("000.00.00.G22", "VPCP"),),
    "H53.02,2026/11/22,1/SCT",
    Code("1", "SCT"),
    Promulgation("Tây Ninh", date(2026, 11, 22)),
    DocumentType(1, 0, "Công văn"),
    subject="Về việc thử",
    signer=Signer("KT.", "Giám đốc", "Nguyễn Văn A"),
    attachments=(Attachment("a.pdf", b"%PDF-1.7 test"),),
)


def parcel(raw: bytes, about: Message | None, **changes: Any) -> Parcel:
    return Parcel(delivery(**changes), about, raw, lambda: DOCUMENT)


async def test_the_platform_is_what_the_ports_ask_for() -> None:
    async with rig() as (_, platform):
        outbound: Outbound = platform
        poller: Poller = platform
        assert (outbound.repeat, outbound.dialect, tuple(poller.types)) == (Repeat.VISIBLE, "edxml", ("edoc", "status"))


# ---------------------------------------------------------------------------------------------------- encode


async def test_a_conformant_original_leaves_unchanged() -> None:
    raw = codec.encode(DOCUMENT).replace(b"?>", b"?>\n<!-- as it came -->", 1)
    assert conformance.is_strict(raw)
    async with rig() as (_, platform):
        assert platform.encode(parcel(raw, message())) is raw


async def test_an_original_of_another_form_is_written_anew_the_same_each_time() -> None:
    async with rig() as (_, platform):
        for raw, about in ((b'{"json": 1}', message(dialect="rest")), (b"<edXML/>", message())):
            wire = platform.encode(parcel(raw, about))
            assert conformance.is_strict(wire)
            assert wire == platform.encode(parcel(raw, about))


async def test_attachments_are_wrapped_unless_configured_otherwise() -> None:
    async with rig() as (_, wrapping), rig(wrap_attachments=False) as (_, bare):
        given = parcel(b"{}", message(dialect="rest"))
        assert base64.b64encode(b"%PDF-1.7 test") not in wrapping.encode(given)
        assert base64.b64encode(b"%PDF-1.7 test") in bare.encode(given)


async def test_an_acknowledgement_is_two_bytes() -> None:
    async with rig() as (_, platform):
        assert platform.encode(parcel(b"", None, purpose=Purpose.ACKNOWLEDGEMENT)) == b"{}"


def test_decode_names_each_finding_and_its_place() -> None:
    decoded = decode((VECTORS / "received_from_axis_2025.xml").read_bytes())
    assert isinstance(decoded.content, Document)
    assert decoded.findings
    assert all(len(finding.split(" ", 1)) == 2 for finding in decoded.findings)


# ---------------------------------------------------------------------------------------------------- send


async def test_a_document_is_sent_as_the_sdk_sends_it() -> None:
    file = b"<edXML/>"
    async with rig() as (server, platform):
        server.replies = [{**OK, "DocId": "axis-1"}]
        outcome = await platform.send(delivery(recipients=("H1", " H2 ")), message(), file, 10)
        params = server.params
    assert isinstance(outcome, Delivered)
    assert outcome.reference == "axis-1"
    assert json.loads(outcome.evidence)["DocId"] == "axis-1"
    assert (server.paths, server.bodies) == (["POST /axis/sendEdoc"], [file + b"\r\n"])
    stamp = params.pop("timestamp")
    assert params == {
        "systemid": "H53",
        "servicetype": "eDoc",
        "messagetype": "edoc",
        "hash-file": "8d55f6c7bf7cd534cf27a10e1bb5731c68279c3cb991cf4844774c685b3758",
        "from": "H53.02",
        "to": '["H1","H2"]',
        "Content-Type": "application/octet-stream",
    }
    headers = server.headers[0]
    assert headers["Content-Type"] == "application/octet-stream"
    assert headers["Content-Length"] == "10"
    assert headers["User-Agent"] == "JAVASDKAgent/1.0.0 XRoad/VPCP"
    assert headers["XroadVnpt-version"] == "3.0.201608"
    assert len(stamp) == len("22112026T023934+0486")


async def test_switches_change_hash_recipients_and_type() -> None:
    async with rig(hash_file="padded", to_header="never") as (server, platform):
        await platform.send(delivery(), message(Kind.STATUS), b"<edXML/>", 10)
        params = server.params
    assert params["hash-file"] == hashlib.sha256(b"<edXML/>").hexdigest()
    assert params["messagetype"] == "status"
    assert "to" not in params


async def test_hundreds_of_recipients_fit() -> None:
    codes = tuple(f"000.00.{n:02d}.H{n % 60:02d}" for n in range(447))
    async with rig() as (server, platform):
        assert isinstance(await platform.send(delivery(recipients=codes), message(), b"<edXML/>", 10), Delivered)
        assert tuple(json.loads(server.params["to"])) == codes


async def test_each_call_has_its_own_timestamp() -> None:
    async with rig() as (server, platform):
        stamps = set()
        for _ in range(3):
            await platform.get_agencies_list()
            stamps.add(server.params["timestamp"])
            await asyncio.sleep(0.002)
    assert len(stamps) == 3


async def test_a_large_file_arrives_byte_for_byte_and_is_hashed_whole() -> None:
    file = b"<edXML>" + bytes(range(32, 127)) * 30_000 + b"</edXML>"
    async with rig() as (server, platform):
        await platform.send(delivery(), message(), file, 30)
        digest = hashlib.sha256(file).digest()
        assert server.params["hash-file"] == "".join(f"{byte:x}" for byte in digest)
    assert server.bodies == [file + b"\r\n"]


@pytest.mark.parametrize("kind", [Kind.OPAQUE, Kind.NOTICE])
async def test_what_the_gateway_cannot_read_never_reaches_the_axis(kind: Kind) -> None:
    async with rig() as (server, platform):
        outcome = await platform.send(delivery(), message(kind), b"\x00", 10)
    assert isinstance(outcome, Rejected)
    assert (outcome.code, server.paths) == ("vxp.opaque", [])


async def test_a_sender_that_no_header_can_carry_is_rejected_unsent() -> None:
    async with rig() as (server, platform):
        outcome = await platform.send(delivery(), message(sender="Sở Công Thương"), b"<edXML/>", 10)
    assert outcome == Rejected("vxp.header", "the value of 'from' cannot be sent as a header")
    assert server.paths == []


async def test_fail_codes_mean_what_the_configuration_says() -> None:
    async with rig(rejected_codes=frozenset({"99"})) as (server, platform):
        server.replies = [FAIL]
        assert await platform.send(delivery(), message(), b"<edXML/>", 10) == Rejected("vxp.refused", "99: Lỗi")
    async with rig() as (server, platform):
        server.replies = [FAIL]
        outcome = await platform.send(delivery(), message(), b"<edXML/>", 10)
    assert outcome == Deferred("vxp.fail", "99: Lỗi", fault=False)


async def test_an_unreachable_axis_certainly_got_nothing() -> None:
    settings = VxpSettings("truc", "http://127.0.0.1:9", "H53", Secret(SECRET))
    async with Client([settings.base_url]) as client:
        outcome = await VxpPlatform(settings, client, SystemClock(), Random(1)).send(
            delivery(), message(), b"<edXML/>", 10
        )
    assert isinstance(outcome, Deferred)
    assert (outcome.code, outcome.unknown, outcome.fault) == ("vxp.unreachable", False, True)


async def test_a_full_line_defers_without_sending_or_blaming() -> None:
    settings = VxpSettings("truc", "http://127.0.0.1:9", "H53", Secret(SECRET), requests_per_second=0.001)
    async with Client([settings.base_url]) as client:
        platform = VxpPlatform(settings, client, SystemClock(), Random(1))
        await platform.send(delivery(), message(), b"<edXML/>", 10)
        outcome = await platform.send(delivery(), message(), b"<edXML/>", 10)
    assert isinstance(outcome, Deferred)
    assert (outcome.code, outcome.unknown, outcome.fault) == ("vxp.pace", False, False)
    assert outcome.retry_after is not None and outcome.retry_after > 900


async def test_a_platform_that_limits_us_is_left_alone_as_long_as_it_asked() -> None:
    async with rig() as (server, platform):
        server.replies = [web.Response(status=429, headers={"Retry-After": "60"})]
        first = await platform.send(delivery(), message(), b"<edXML/>", 10)
        second = await platform.send(delivery(), message(), b"<edXML/>", 10)
    assert first == Deferred("vxp.rate", "HTTP 429", 60.0)
    assert isinstance(second, Deferred)
    assert (second.code, len(server.paths)) == ("vxp.pace", 1)


async def test_an_acknowledgement_is_an_update_of_the_transport_status() -> None:
    async with rig() as (server, platform):
        instruction = platform.acknowledgement("axis-9", "done")
        given = delivery(purpose=Purpose.ACKNOWLEDGEMENT, message_id="", instruction=instruction)
        outcome = await platform.send(given, None, b"{}", 10)
        params = server.params
    assert isinstance(outcome, Delivered)
    assert (server.paths, server.bodies) == (["POST /axis/updateStatus"], [b"{}"])
    assert (params["docId"], params["status"], params["Content-Type"]) == ("axis-9", "done", "application/json")


async def test_a_transport_status_that_does_not_exist_is_a_mistake_of_ours() -> None:
    async with rig() as (_, platform):
        with pytest.raises(ValueError, match="03"):
            platform.acknowledgement("axis-9", "03")


# ---------------------------------------------------------------------------------------------------- poll


async def test_the_list_keeps_its_order_and_forgives_what_is_missing() -> None:
    rows = [
        {"docId": "b", "created_time": "2026/11/22 08:00:00", "from": "x"},
        {"docId": "a"},
        {"docId": "b", "created_time": "later"},
        {"docid": 17},
        {"docId": None},
        {"docId": "Đ"},
        "junk",
        {},
    ]
    async with rig() as (server, platform):
        server.replies = [{**OK, "data": rows}]
        listed = await platform.list("status")
        assert server.params["messagetype"] == "status"
        assert server.params["servicetype"] == "eDoc"
    assert [item.reference for item in listed] == ["b", "a", "17"]
    assert listed[0].created_at == datetime(2026, 11, 22, 1, tzinfo=UTC)
    assert listed[1].created_at is None
    assert (server.paths, server.bodies) == (["POST /axis/getReceivedEdocList"], [b""])


@pytest.mark.parametrize("answer", [OK, {**OK, "data": None}, {**OK, "data": []}])
async def test_nothing_waiting_is_an_empty_list(answer: dict[str, Any]) -> None:
    async with rig() as (server, platform):
        server.replies = [answer]
        assert list(await platform.list("edoc")) == []


@pytest.mark.parametrize(
    "reply", [FAIL, b"<html>", b"", {**OK, "data": "x"}, {**OK, "data": {"docId": "a"}}, {"data": [{"docId": "a"}]}]
)
async def test_a_useless_list_is_a_fault_never_an_empty_list(reply: dict[str, Any] | bytes) -> None:
    async with rig() as (server, platform):
        server.replies = [reply]
        with pytest.raises(PollFault):
            await platform.list("edoc")


async def test_a_package_comes_back_byte_for_byte() -> None:
    file = bytes(range(256))
    async with rig() as (server, platform):
        server.replies = [{**OK, "data": base64.b64encode(file).decode()}]
        fetched = await platform.fetch("axis-3")
        assert server.params["docId"] == "axis-3"
        server.replies = [{**OK, "data": base64.encodebytes(file).decode().replace("\n", "\r\n ")}]
        broken_lines = await platform.fetch("axis-3")
    assert (fetched.raw, fetched.refusal) == (file, None)
    assert broken_lines == fetched
    assert server.bodies == [b"{}", b"{}"]


async def test_a_large_package_is_decoded_beside_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    import adapters.vxp.adapter as adapter

    threads: list[int] = []
    plain = adapter._unbase64

    def noting(text: str) -> bytes:
        threads.append(threading.get_ident())
        return plain(text)

    monkeypatch.setattr(adapter, "_unbase64", noting)
    file = b"\x00\x01\x02" * 500_000
    async with rig() as (server, platform):
        server.replies = [{**OK, "data": base64.b64encode(size).decode()} for size in (file, b"small")]
        assert (await platform.fetch("axis-3")).raw == file
        await platform.fetch("axis-4")
    assert threads[0] != threading.get_ident() == threads[1]


@pytest.mark.parametrize("data", ["PGVkWE1M!", "PGVkWE1MLz", "PGVkWE1MLz4=PGVk", "<edXML/>", "Đây", "A"])
async def test_damaged_base64_is_kept_with_its_reason(data: str) -> None:
    async with rig() as (server, platform):
        server.replies = [{**OK, "data": data}]
        fetched = await platform.fetch("axis-3")
    assert fetched.raw == data.encode()
    assert isinstance(fetched.refusal, Refusal)
    assert (fetched.refusal.code, fetched.refusal.where) == ("edxml.base64", "getEdoc.data")


@pytest.mark.parametrize("reply", [FAIL, b"\x00", OK, {**OK, "data": ""}, {**OK, "data": ["a"]}, {**OK, "data": 1}])
async def test_no_package_is_a_fault(reply: dict[str, Any] | bytes) -> None:
    async with rig() as (server, platform):
        server.replies = [reply]
        with pytest.raises(PollFault):
            await platform.fetch("axis-3")


async def test_an_answer_above_the_limit_is_a_fault() -> None:
    packed = web.Response(body=gzip.compress(b" " * 2_000_000), headers={"Content-Encoding": "gzip"})
    async with rig(max_answer=1_000_000) as (server, platform):
        server.replies = [packed]
        with pytest.raises(AxisFault) as caught:
            await platform.fetch("axis-3")
    assert caught.value.code == "vxp.cut"
    assert "client.too_large" in caught.value.detail


# ---------------------------------------------------------------------------------------------------- directory


async def test_each_agency_list_fills_its_own_part() -> None:
    row = {
        "id": 1,
        "pid": None,
        "code": "H53.02",
        "name": "Sở Công Thương",
        "mail": "a@b.vn",
        "code102": "000.00.02.H53",
    }
    unit = {"code": "H1", "version": 3, "centerCode": "H", "deleted": "true", "modifyDate": "x", "isAgency": False}
    async with rig() as (server, platform):
        server.replies = [{**OK, "data": [row, {"name": "no code"}, 3]}, {**OK, "data": [unit]}, {**OK, "data": [row]}]
        qd20 = await platform.get_agencies_list_qd20(1)
        assert server.params["level"] == "1"
        units = await platform.get_synchronize_unit()
        old = await platform.get_agencies_list()
    assert (
        qd20
        == old
        == [
            Agency("H53.02", "Sở Công Thương", "a@b.vn", id="1", code102="000.00.02.H53"),
        ]
    )
    assert units == [
        Agency("H1", version="3", center_code="H", deleted=True, modified="x", is_agency=False),
    ]
    assert server.paths == [
        "POST /axis/getAgenciesListQD20",
        "POST /axis/getSynchronizeUnit",
        "POST /axis/getAgenciesList",
    ]


async def test_registering_sends_the_recorded_body() -> None:
    recorded = json.loads((VECTORS / "vxp_sdk_wire_capture.json").read_bytes())["requests"][6]
    async with rig() as (server, platform):
        await platform.register_agency(Agency("999.010.01.H22", "x", "a@b.vn"), "00.22.W00")
    assert server.bodies == [recorded["body"].encode()]
    assert server.headers[0]["Content-Type"] == "application/json"


async def test_counts_sent_list_delete_and_download() -> None:
    sent = {"senderDocId": "s", "receiverDocId": "r", "toCode": "G", "sendStatus": "done", "receiveStatus": "done"}
    async with rig() as (server, platform):
        server.replies = [{**OK, "count": 3}, {**OK, "count": "4"}, {**OK, "data": [sent]}, OK, b"<edXML/>"]
        assert (await platform.count_receive_edoc(), await platform.count_receive_status()) == (3, 4)
        assert server.bodies[-1] == b"{}"
        (row,) = await platform.get_sent_edoc_list("status", "s")
        assert (row.sender_doc_id, row.to_code, row.title) == ("s", "G", "")
        assert (server.params["messagetype"], server.params["docId"]) == ("status", "s")
        await platform.delete_agency("H53.99")
        assert server.params["AgencyCode"] == "H53.99"
        assert await platform.download_edoc("s") == b"<edXML/>"


@pytest.mark.parametrize(
    "reply", [FAIL, b"<html>", {**OK, "count": "many"}, {**OK, "count": -1}, {**OK, "count": None}]
)
async def test_a_directory_question_without_an_answer_says_so(reply: dict[str, Any] | bytes) -> None:
    async with rig() as (server, platform):
        server.replies = [reply]
        with pytest.raises(AxisFault) as caught:
            await platform.count_receive_edoc()
    assert caught.value.code in ("vxp.fail", "vxp.garbage")


# ---------------------------------------------------------------------------------------------------- rate, logs


class SleepyClock(SystemClock):
    """Time passes only by sleeping."""

    def __init__(self) -> None:
        self.at = 0.0

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self.at += seconds


async def test_workers_acknowledgements_and_the_poller_share_one_rate() -> None:
    async with rig() as (server, fast):
        clock = SleepyClock()
        settings = dataclasses.replace(fast._settings, requests_per_second=5.0)
        async with Client([settings.base_url]) as client:
            platform = VxpPlatform(settings, client, clock, Random(1))
            given = delivery(
                purpose=Purpose.ACKNOWLEDGEMENT, message_id="", instruction=platform.acknowledgement("a", "done")
            )
            for _ in range(3):
                await asyncio.gather(
                    *(platform.send(delivery(), message(), b"<edXML/>", 100) for _ in range(3)),
                    platform.send(given, None, b"{}", 100),
                    platform.list("edoc"),
                    platform.list("status"),
                    platform.get_agencies_list(),
                )
    assert len(server.paths) == 21
    assert clock.at == pytest.approx(20 * 0.2)


async def test_each_call_is_one_log_line_without_secret_header_or_content() -> None:
    async with rig() as (server, platform):
        with capture_logs() as lines:
            await platform.send(delivery(), message(), b"<edXML>private</edXML>", 10)
            server.replies = [FAIL]
            with pytest.raises(PollFault):
                await platform.fetch("axis-3")
        hashes = [headers["XroadVnpt-hash-header"] for headers in server.headers]
    assert [(line["operation"], line["doc_id"], line["result"]) for line in lines] == [
        ("sendEdoc", "", "ok"),
        ("getEdoc", "axis-3", "vxp.fail"),
    ]
    assert all(line["platform"] == "truc" and line["ms"] >= 0 for line in lines)
    told = repr(lines)
    assert not any(hidden in told for hidden in (SECRET, "private", "XroadVnpt", *hashes))
