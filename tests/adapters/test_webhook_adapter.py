"""Webhooks against real loopback receivers, well and badly behaved."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leased import leased
from rest_ports import document
from structlog.testing import capture_logs

from adapters.webhook import SigningSecret, WebhookSettings, WebhookSystem
from adapters.webhook.payload import payload
from gateway.client import Client
from gateway.errors import Refusal
from gateway.model.delivery import Deferred, Delivered, Delivery, Outcome, Purpose, Rejected
from gateway.model.document import Content
from gateway.model.message import BodyRef, Envelope, Kind, Message
from gateway.ports import Outbound, Parcel, Repeat

KEY = b"a key of exactly thirty-two byte"
OLD_KEY = b"an old key of more than 24 bytes"
NOW = datetime(2026, 11, 22, 1, 2, 3, 456000, tzinfo=UTC)

Handle = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


class MovingClock:
    """An hour passes with every look at the wall clock."""

    def __init__(self) -> None:
        self.looks = 0

    def now(self) -> datetime:
        self.looks += 1
        return NOW + timedelta(hours=self.looks)

    def monotonic(self) -> float:
        return float(self.looks)

    async def sleep(self, seconds: float) -> None:
        return None


@asynccontextmanager
async def serving(handle: Handle) -> AsyncIterator[str]:
    """A receiver that reads one whole request per connection and leaves the answer, byte for byte, to *handle*."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            await handle(head + await reader.readexactly(int(length[0].split(b":")[1])), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hooks/in?a=1"
    finally:
        server.close()


def answering(status: str, *headers: str, body: bytes = b"") -> Handle:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]

    async def handle(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        await writer.drain()

    return handle


def secret(key: bytes) -> SigningSecret:
    return SigningSecret("whsec_" + base64.b64encode(key).decode())


def system(url: str, client: Client, **options: Any) -> WebhookSystem:
    options.setdefault("secrets", (secret(KEY),))
    settings = WebhookSettings("qlvb", url, **options)
    return WebhookSystem(settings, client, MovingClock(), lambda content: b'{"subject":"ng\xe1\xbb\x8dn"}')


def delivery(**changes: Any) -> Delivery:
    return leased(
        NOW,
        **{
            "message_id": "018f00000000700080000000000000a1",
            "destination": "qlvb",
            "party": "H53.01",
            "recipients": ("H53.01",),
            **changes,
        },
    )


def message(kind: Kind = Kind.DOCUMENT) -> Message:
    envelope = Envelope(kind, "G22", ("H53.01", "H53.02"), "i", "c", "G22,1", "125/VP", 'V/v "họp"', 3)
    body = BodyRef("b", "ab" * 32, 1234)
    return Message("018f00000000700080000000000000a1", envelope, "vxp", "edxml", "", NOW, "0" * 64, body)


def parcel(kind: Kind = Kind.DOCUMENT, raw: bytes = b"<edXML/>", **changes: Any) -> Parcel:
    return Parcel(delivery(**changes), message(kind), raw, document)


async def outcome_of(handle: Handle, *, deadline: float = 10, **options: Any) -> Outcome:
    async with serving(handle) as url, Client([url]) as client:
        return await system(url, client, **options).send(delivery(), message(), b"{}", deadline)


async def body_of(given: Parcel, **options: Any) -> Any:
    async with Client([]) as client:
        return json.loads(system("http://h/", client, **options).encode(given))


# ------------------------------------------------------------------------------------------------- the payload


async def test_it_is_what_the_ports_ask_for_and_a_second_copy_is_safe() -> None:
    async with Client([]) as client:
        outbound: Outbound = system("http://h/", client)
        assert (outbound.dialect, outbound.repeat) == ("webhook", Repeat.SAFE)


async def test_the_body_says_what_arrived_and_where_to_fetch_it() -> None:
    assert await body_of(parcel(), public_url="https://cong.tinh.vn:8443/") == {
        "type": "document.received",
        "timestamp": "2026-11-22T08:02:03.456+07:00",
        "data": {
            "delivery": "018f00000000700080000000000000d1",
            "message_id": "018f00000000700080000000000000a1",
            "kind": "document",
            "from": "G22",
            "to": ["H53.01", "H53.02"],
            "party": "H53.01",
            "subject": 'V/v "họp"',
            "code": "125/VP",
            "document_id": "G22,1",
            "priority": 3,
            "urgent": True,
            "marks": [],
            "body": {"sha256": "ab" * 32, "size": 1234},
            "links": {
                "fetch": "https://cong.tinh.vn:8443/api/v1/mailbox/018f00000000700080000000000000d1",
                "message": "https://cong.tinh.vn:8443/api/v1/messages/018f00000000700080000000000000a1",
                "body": "https://cong.tinh.vn:8443/api/v1/messages/018f00000000700080000000000000a1/body",
            },
        },
    }


@pytest.mark.parametrize(
    ("kind", "type"),
    [(kind, "document.received") for kind in Kind if kind not in (Kind.STATUS, Kind.NOTICE)]
    + [(Kind.STATUS, "status.received"), (Kind.NOTICE, "notice")],
)
async def test_each_kind_has_its_event_type(kind: Kind, type: str) -> None:
    body = await body_of(parcel(kind, raw=b'{"notice":"delivery.rejected"}'))
    assert (body["type"], body["data"]["kind"]) == (type, kind.value)


async def test_a_notice_travels_whole() -> None:
    body = await body_of(parcel(Kind.NOTICE, raw=b'{"notice":"delivery.rejected"}'))
    assert body["data"]["notice"] == {"notice": "delivery.rejected"}


async def test_full_content_travels_only_where_configured() -> None:
    assert "content" not in (await body_of(parcel()))["data"]
    assert (await body_of(parcel(), content="full"))["data"]["content"] == {"subject": "ngọn"}
    opaque = await body_of(parcel(Kind.OPAQUE, raw=b"\x00\xff"), content="full")
    assert base64.b64decode(opaque["data"]["content"]["content"]) == b"\x00\xff"


async def test_the_body_is_the_same_for_every_try_and_after_a_restart() -> None:
    async with Client([]) as client:
        first, second = system("http://h/", client), system("http://h/", client)
        later = parcel(attempts=7, maybe_twice=True, due_at=NOW + timedelta(days=1), code="webhook.cut")
        assert first.encode(parcel()) == first.encode(later) == second.encode(parcel())


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_whatever_a_subject_and_a_code_hold_the_body_is_json_and_keeps_them(subject: str, code: str) -> None:
    about = dataclasses.replace(message(), envelope=dataclasses.replace(message().envelope, subject=subject, code=code))
    settings = WebhookSettings("qlvb", "http://h/", (secret(KEY),), "full")
    raw = payload(Parcel(delivery(), about, b"", document), about, settings, lambda content: b'[{"a":[]}]')
    data = json.loads(raw)["data"]
    assert (data["subject"], data["code"], data["content"]) == (subject, code, [{"a": []}])


async def test_content_that_cannot_be_json_is_refused_when_it_is_accepted() -> None:
    def render(content: Content) -> bytes:
        raise Refusal("json.value", "/subject")

    settings = WebhookSettings("qlvb", "http://h/", (secret(KEY),), "full")
    async with Client([]) as client:
        with pytest.raises(Refusal):
            WebhookSystem(settings, client, MovingClock(), render).examine(document(), "edxml")
        WebhookSystem(dataclasses.replace(settings, content="link"), client, MovingClock(), render).examine(
            document(), "edxml"
        )


# ------------------------------------------------------------------------------------------------- the request


async def test_each_try_has_the_same_id_and_body_and_a_fresh_time_and_signature() -> None:
    seen: list[bytes] = []

    async def handle(request: bytes, writer: asyncio.StreamWriter) -> None:
        seen.append(request)
        await answering("204 No Content")(request, writer)

    async with serving(handle) as url, Client([url]) as client:
        hook = system(url, client, secrets=(secret(KEY), secret(OLD_KEY)))
        wire = hook.encode(parcel())
        for _ in range(2):
            assert isinstance(await hook.send(delivery(), message(), wire, 10), Delivered)
    times = []
    for request in seen:
        head, _, body = request.partition(b"\r\n\r\n")
        assert head.startswith(b"POST /hooks/in?a=1 HTTP/1.1")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        assert body == wire
        assert headers["Content-Type"] == "application/json"
        assert headers["webhook-id"] == delivery().id
        times.append(int(headers["webhook-timestamp"]))
        signed = f"{delivery().id}.{times[-1]}.".encode() + body
        expected = [base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in (KEY, OLD_KEY)]
        assert headers["webhook-signature"] == f"v1,{expected[0]} v1,{expected[1]}"
    assert times[1] > times[0] > NOW.timestamp()


async def test_a_large_body_is_signed_and_arrives_whole() -> None:
    seen: list[bytes] = []

    async def handle(request: bytes, writer: asyncio.StreamWriter) -> None:
        seen.append(request)
        await answering("200 OK")(request, writer)

    wire = bytes(range(256)) * 4000
    async with serving(handle) as url, Client([url]) as client:
        assert isinstance(await system(url, client).send(delivery(), message(), wire, 30), Delivered)
    head, _, body = seen[0].partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    signed = f"{delivery().id}.{headers['webhook-timestamp']}.".encode() + wire
    assert body == wire
    assert headers["webhook-signature"] == "v1," + base64.b64encode(hmac.digest(KEY, signed, "sha256")).decode()


# ------------------------------------------------------------------------------------------------- the outcome


@pytest.mark.parametrize("status", ["200 OK", "202 Accepted", "204 No Content", "299 Fine"])
async def test_every_2xx_is_the_acknowledgement_and_kept_as_evidence(status: str) -> None:
    outcome = await outcome_of(answering(status, body=b"" if status.startswith("204") else b"thanks"))
    assert isinstance(outcome, Delivered)
    assert outcome.evidence.startswith(f"HTTP {status[:3]}".encode())


async def test_a_long_answer_is_cut_in_the_receipt() -> None:
    outcome = await outcome_of(answering("200 OK", body=b"x" * 10_000))
    assert isinstance(outcome, Delivered) and len(outcome.evidence) == 4096


async def test_gone_ends_the_delivery_and_says_what_to_do() -> None:
    outcome = await outcome_of(answering("410 Gone"))
    assert isinstance(outcome, Rejected)
    assert outcome.code == "webhook.gone" and "disable" in outcome.detail and "tạm dừng" in outcome.detail


@pytest.mark.parametrize(
    ("status", "code", "unknown", "fault"),
    [
        ("400 Bad Request", "webhook.refused", False, False),
        ("401 Unauthorized", "webhook.refused", False, False),
        ("404 Not Found", "webhook.refused", False, False),
        ("408 Request Timeout", "webhook.unavailable", True, True),
        ("413 Content Too Large", "webhook.refused", False, False),
        ("422 Unprocessable", "webhook.refused", False, False),
        ("429 Too Many Requests", "webhook.rate", False, True),
        ("500 Internal Server Error", "webhook.unavailable", True, True),
        ("501 Not Implemented", "webhook.unavailable", False, True),
        ("502 Bad Gateway", "webhook.unavailable", True, True),
        ("503 Service Unavailable", "webhook.unavailable", False, True),
        ("504 Gateway Timeout", "webhook.unavailable", True, True),
    ],
)
async def test_every_other_answer_is_tried_again(status: str, code: str, unknown: bool, fault: bool) -> None:
    outcome = await outcome_of(answering(status, "Retry-After: 17"))
    assert outcome == Deferred(code, f"HTTP {status[:3]}", 17.0, unknown=unknown, fault=fault)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"])
async def test_a_redirect_is_not_followed(status: str) -> None:
    asked: list[bytes] = []

    async def elsewhere(request: bytes, writer: asyncio.StreamWriter) -> None:
        asked.append(request)
        await answering("200 OK")(request, writer)

    async with serving(elsewhere) as other:
        outcome = await outcome_of(answering(status, f"Location: {other}"))
    assert isinstance(outcome, Deferred) and outcome.code == "webhook.redirect" and not outcome.unknown
    assert asked == []


async def test_a_connection_cut_after_sending_leaves_the_outcome_unknown() -> None:
    async def cut(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    outcome = await outcome_of(cut)
    assert isinstance(outcome, Deferred)
    assert (outcome.code, outcome.unknown, outcome.fault) == ("webhook.cut", True, True)


async def test_a_receiver_that_never_answers_is_left_when_the_time_is_up() -> None:
    release = asyncio.Event()

    async def hang(request: bytes, writer: asyncio.StreamWriter) -> None:
        await release.wait()

    for limits in ({"timeout": 0.2, "deadline": 30}, {"timeout": 30, "deadline": 0.2}):
        outcome = await outcome_of(hang, **limits)
        assert isinstance(outcome, Deferred)
        assert (outcome.code, outcome.unknown) == ("webhook.cut", True)
        assert "client.timeout" in outcome.detail
    release.set()


async def test_nobody_listening_means_nothing_was_sent() -> None:
    async with serving(answering("200 OK")) as url:
        pass
    async with Client([url]) as client:
        outcome = await system(url, client).send(delivery(), message(), b"{}", 10)
    assert isinstance(outcome, Deferred)
    assert (outcome.code, outcome.unknown) == ("webhook.unreachable", False)


async def test_a_host_the_client_does_not_know_is_never_called() -> None:
    async with serving(answering("200 OK")) as url, Client(["https://other.example.vn"]) as client:
        outcome = await system(url, client).send(delivery(), message(), b"{}", 10)
    assert isinstance(outcome, Deferred) and "client.host" in outcome.detail


async def test_what_has_no_message_is_never_sent() -> None:
    async with Client([]) as client:
        hook = system("http://h/", client)
        acknowledgement = delivery(purpose=Purpose.ACKNOWLEDGEMENT)
        assert hook.encode(Parcel(acknowledgement, None, b"", document)) == b"{}"
        for outcome in (
            await hook.send(delivery(), None, b"{}", 1),
            await hook.send(acknowledgement, message(), b"{}", 1),
        ):
            assert isinstance(outcome, Rejected) and outcome.code == "webhook.nothing"


async def test_a_log_line_holds_no_content_and_no_signature() -> None:
    with capture_logs() as lines:
        await outcome_of(answering("200 OK"))
    assert [(line["event"], line["result"]) for line in lines] == [("webhook.call", "ok")]
    assert "v1," not in repr(lines) and "họp" not in repr(lines)


@pytest.mark.parametrize("wrong", [{"secrets": ()}, {"content": "all"}, {"url": ""}])
def test_a_receiver_that_could_not_work_is_refused_when_it_is_built(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        WebhookSettings(**{"id": "qlvb", "url": "http://h/", "secrets": (secret(KEY),), **wrong})
