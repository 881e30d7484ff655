"""The outgoing client against real loopback servers that misbehave."""

from __future__ import annotations

import asyncio
import gzip
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.client import CallFault, Client, retry_after

Handle = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(handle: Handle, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A server that reads one whole request per connection and leaves the answer, byte for byte, to *handle*."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            body = await reader.readexactly(int(length[0].split(b":")[1])) if length else b""
            await handle(head + body, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.close()


def answering(raw: bytes) -> Handle:
    async def handle(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()

    return handle


async def fault_of(raw: bytes | Handle, *, deadline: float = 10, max_answer: int = 1000) -> CallFault:
    async with serving(answering(raw) if isinstance(raw, bytes) else raw) as url, Client([url]) as client:
        with pytest.raises(CallFault) as caught:
            await client.call("POST", url, {}, b"x", deadline=deadline, max_answer=max_answer)
        return caught.value


def plain(body: bytes, *headers: bytes) -> bytes:
    lines = [b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(body), b"Connection: close", *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


async def test_an_answer_comes_back_whole_with_lower_case_header_names() -> None:
    async with serving(answering(plain(b"\x00\xff", b"X-Answer: 1"))) as url, Client([url]) as client:
        answer = await client.call("POST", url + "/a", {}, b"", deadline=10)
    assert (answer.status, answer.body, answer.headers["x-answer"]) == (200, b"\x00\xff", "1")


async def test_the_request_leaves_as_given_without_cookies_or_an_agent_of_the_library() -> None:
    seen: list[bytes] = []

    async def handle(request: bytes, writer: asyncio.StreamWriter) -> None:
        seen.append(request)
        writer.write(plain(b"", b"Set-Cookie: a=1; Path=/"))

    async with serving(handle) as url, Client([url]) as client:
        for _ in range(2):
            await client.call("POST", url + "/p", {"X-One": "1", "User-Agent": "me"}, (b"ab", b"\r\n"), deadline=10)
        await client.call("POST", url + "/p", {}, b"", deadline=10)
    head, _, body = seen[0].partition(b"\r\n\r\n")
    assert body == b"ab\r\n"
    assert b"Content-Length: 4" in head and b"X-One: 1" in head and b"User-Agent: me" in head
    assert b"chunked" not in head.lower()
    assert not any(b"cookie" in request.lower() for request in seen)
    assert b"user-agent" not in seen[2].lower() and b"Content-Length: 0" in seen[2]


async def test_a_large_body_arrives_byte_for_byte() -> None:
    body = bytes(range(256)) * 20_000
    seen: list[bytes] = []

    async def handle(request: bytes, writer: asyncio.StreamWriter) -> None:
        seen.append(request.partition(b"\r\n\r\n")[2])
        writer.write(plain(b"ok"))

    async with serving(handle) as url, Client([url]) as client:
        await client.call("POST", url, {}, (body, b"\r\n"), deadline=30)
    assert seen == [body + b"\r\n"]


async def test_a_host_that_is_not_configured_is_never_called() -> None:
    async with serving(answering(plain(b""))) as url, Client(["https://axis.example.vn"]) as client:
        for target in (url, "http://axis.example.vn/", "https://u:p@axis.example.vn/", "file:///etc/passwd", "::"):
            with pytest.raises(CallFault) as caught:
                await client.call("POST", target, {}, deadline=10)
            assert (caught.value.code, caught.value.sent) == ("client.host", False)


async def test_a_refused_connection_means_nothing_left() -> None:
    async with serving(answering(b"")) as url:
        pass
    async with Client([url]) as client:
        with pytest.raises(CallFault) as caught:
            await client.call("POST", url, {}, b"x", deadline=10)
    assert (caught.value.code, caught.value.sent) == ("client.refused", False)


async def test_an_unknown_name_means_nothing_left() -> None:
    url = "http://no-such-host.invalid"
    async with Client([url]) as client:
        with pytest.raises(CallFault) as caught:
            await client.call("POST", url, {}, b"x", deadline=20)
    assert caught.value.code in ("client.dns", "client.timeout")
    assert caught.value.sent is False


async def test_a_cut_after_the_request_leaves_the_outcome_unknown() -> None:
    fault = await fault_of(b"")
    assert (fault.code, fault.sent) == ("client.reset", True)


async def test_a_cut_inside_the_answer_leaves_the_outcome_unknown() -> None:
    fault = await fault_of(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
    assert (fault.code, fault.sent) == ("client.reset", True)


async def test_a_cut_inside_a_chunked_answer_is_not_taken_for_its_end() -> None:
    fault = await fault_of(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
    assert (fault.code, fault.sent) == ("client.reset", True)


async def test_silence_ends_at_the_deadline_as_unknown() -> None:
    async def handle(request: bytes, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    fault = await fault_of(handle, deadline=0.3)
    assert (fault.code, fault.sent) == ("client.timeout", True)


async def test_an_answer_that_drips_for_ever_ends_at_the_deadline() -> None:
    async def handle(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"1\r\na\r\n")
            await writer.drain()
            await asyncio.sleep(0.02)

    fault = await fault_of(handle, deadline=0.5)
    assert (fault.code, fault.sent) == ("client.timeout", True)


async def test_waiting_for_a_pooled_connection_past_the_deadline_means_nothing_left() -> None:
    arrived = asyncio.Event()

    async def handle(request: bytes, writer: asyncio.StreamWriter) -> None:
        arrived.set()
        await asyncio.Event().wait()

    async with serving(handle) as url, Client([url], per_host=1) as client:
        first = asyncio.create_task(client.call("POST", url, {}, b"x", deadline=60))
        await arrived.wait()
        with pytest.raises(CallFault) as caught:
            await client.call("POST", url, {}, b"x", deadline=0.2)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
    assert (caught.value.code, caught.value.sent) == ("client.timeout", False)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    elsewhere: list[bytes] = []

    async def other(request: bytes, writer: asyncio.StreamWriter) -> None:
        elsewhere.append(request)

    async with serving(other) as target:
        fault = await fault_of(
            b"HTTP/1.1 %d Moved\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % (status, target.encode())
        )
    assert (fault.code, elsewhere) == ("client.redirect", [])


async def test_what_is_not_http_is_garbage_after_sending() -> None:
    fault = await fault_of(b"\x00\x01\x02 garbage\r\n\r\n")
    assert (fault.code, fault.sent) == ("client.garbage", True)


@pytest.mark.parametrize(
    "raw",
    [
        plain(b"a" * 1001),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"3e9\r\n" + b"a" * 1001 + b"\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"a" * 1001,
        plain(gzip.compress(b"a" * 50_000_000), b"Content-Encoding: gzip"),
    ],
    ids=["declared", "chunked", "until close", "gzip bomb"],
)
async def test_an_answer_above_its_limit_is_dropped(raw: bytes) -> None:
    fault = await fault_of(raw, max_answer=1000 if len(raw) < 5000 else 100_000)
    assert (fault.code, fault.sent) == ("client.too_large", True)


async def test_an_answer_exactly_at_its_limit_passes() -> None:
    for raw in (plain(b"a" * 1000), plain(gzip.compress(b"a" * 1000), b"Content-Encoding: gzip")):
        async with serving(answering(raw)) as url, Client([url]) as client:
            assert len((await client.call("POST", url, {}, deadline=10, max_answer=1000)).body) == 1000


async def test_gzip_of_several_members_is_unpacked() -> None:
    packed = gzip.compress(b"one ") + gzip.compress(b"two")
    async with serving(answering(plain(packed, b"Content-Encoding: gzip"))) as url, Client([url]) as client:
        assert (await client.call("POST", url, {}, deadline=10)).body == b"one two"


@pytest.mark.parametrize(
    ("body", "encoding", "code"),
    [
        (b"not gzip at all", b"gzip", "client.garbage"),
        (gzip.compress(b"a" * 500)[:-9], b"gzip", "client.reset"),
        (b"x", b"br", "client.garbage"),
    ],
)
async def test_damaged_or_unasked_compression_is_not_an_answer(body: bytes, encoding: bytes, code: str) -> None:
    fault = await fault_of(plain(body, b"Content-Encoding: " + encoding))
    assert (fault.code, fault.sent) == (code, True)


async def test_a_header_that_would_inject_another_is_never_sent() -> None:
    seen: list[bytes] = []

    async def handle(request: bytes, writer: asyncio.StreamWriter) -> None:
        seen.append(request)

    async with serving(handle) as url, Client([url]) as client:
        with pytest.raises(CallFault) as caught:
            await client.call("POST", url, {"X-Id": "a\r\nX-Evil: 1"}, b"x", deadline=10)
    assert (caught.value.code, seen) == ("client.request", [])


def certificate(folder: Path) -> ssl.SSLContext:
    """A fresh self-signed certificate for 127.0.0.1, in cert.pem; its key dies with the test's folder."""
    command = "openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost"
    subprocess.run(
        [*command.split(), "-addext", "subjectAltName=IP:127.0.0.1"], cwd=folder, check=True, capture_output=True
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
async def test_a_certificate_nobody_vouches_for_stops_the_call_before_anything_is_sent(tmp_path: Path) -> None:
    async with serving(answering(plain(b"ok")), certificate(tmp_path)) as url:
        secure = url.replace("http://", "https://")
        async with Client([secure]) as client:
            with pytest.raises(CallFault) as caught:
                await client.call("POST", secure, {}, b"x", deadline=10)
        async with Client([secure], ca_file=tmp_path / "cert.pem") as client:
            assert (await client.call("POST", secure, {}, b"x", deadline=10)).body == b"ok"
    assert (caught.value.code, caught.value.sent) == ("client.tls", False)


async def test_a_closed_client_says_so() -> None:
    client = Client(["http://127.0.0.1:1"])
    await client.close()
    with pytest.raises(CallFault) as caught:
        await client.call("POST", "http://127.0.0.1:1", {}, deadline=1)
    assert (caught.value.code, caught.value.sent) == ("client.closed", False)


@pytest.mark.parametrize("origin", ["axis.example.vn", "ftp://axis", "http://", "http://u:p@axis"])
def test_an_origin_that_is_none_is_refused_at_construction(origin: str) -> None:
    with pytest.raises(ValueError, match="origin"):
        Client([origin])


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        (" 7 ", 7.0),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 37.0),
        ("Sun, 06 Nov 1994 08:00:00 GMT", 0.0),
        ("99999999999999999999", 86400.0),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        (None, None),
        ("²", None),
    ],
)
def test_retry_after_is_read_in_both_forms(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, datetime(1994, 11, 6, 8, 49, tzinfo=UTC)) == seconds
