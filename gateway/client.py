"""The outgoing HTTP client towards platforms: configured hosts only, everything bounded, never a redirect.

It knows HTTP and nothing of any dialect. What an adapter must know to classify a failure is one bit: whether the
request may have left this machine (:attr:`CallFault.sent`), because then its effect is unknown (promise P3).
"""

from __future__ import annotations

import asyncio
import ssl
import zlib
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import SimpleNamespace, TracebackType
from typing import Final

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from gateway.errors import GatewayError

MAX_ANSWER: Final = 80 * 1024 * 1024
"""Bytes of one answer after decompression: a 50 MB package as base64 in JSON, with room."""

_READ = 16 * 1024
"""Read size; at deflate's best ratio (1032) one read unpacks to 16 MB, so the loop never stalls on a bomb."""

_WRITE = 256 * 1024
_KEEPALIVE = 4.0
"""Seconds an idle connection is kept: below common servers' 5 s, so that a POST seldom meets a closing one."""

_LONGEST_WAIT = timedelta(days=1)

Body = bytes | tuple[bytes, ...]
"""A request body; a tuple is sent part by part, so that a large file is not copied to append two bytes."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever its status except a redirect. Header names are lower case, the body is unpacked."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class CallFault(GatewayError):
    """No usable answer. *sent* False is certain: nothing left this machine. True means the outcome is unknown.

    Codes: client.host (not configured), client.request (the request cannot be written), client.dns, client.refused
    (no connection), client.tls, client.timeout, client.reset (cut before the answer was complete), client.garbage
    (not HTTP, or damaged compression), client.too_large, client.redirect, client.closed.
    """

    def __init__(self, code: str, detail: str, *, sent: bool, retry_after: float | None = None) -> None:
        self.code = code
        self.detail = detail
        self.sent = sent
        self.retry_after = retry_after
        super().__init__(f"{code} {detail}".strip())


class Client:
    """One bounded connection pool for the *origins* given ("https://axis.example.vn:8443", no path).

    Certificates are always verified: against the system's authorities, or only against *ca_file* if given. Names are
    resolved anew for each connection, which then goes to exactly the address resolved. Environment proxies, .netrc
    and cookies do not exist here.
    """

    def __init__(
        self, origins: Iterable[str], *, ca_file: Path | None = None, connections: int = 64, per_host: int = 16
    ) -> None:
        self._origins = frozenset(_origin(url) for url in origins)
        self._tls = ssl.create_default_context(cafile=ca_file)
        self._tls.minimum_version = ssl.TLSVersion.TLSv1_2
        self._connections = connections
        self._per_host = per_host
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection; later calls fail with client.closed. May be repeated."""
        self._closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def call(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Body = b"",
        *,
        deadline: float,
        max_answer: int = MAX_ANSWER,
    ) -> Answer:
        """One request and its whole answer within *deadline* seconds, at most *max_answer* bytes. Raises CallFault.

        *headers* are sent as they are, in their order; Host, Content-Length, Accept and Accept-Encoding are ours.
        """
        target = self._allowed(url)
        progress = SimpleNamespace(sent=False)
        try:
            async with asyncio.timeout(deadline):
                return await self._exchange(method, target, headers, body, max_answer, progress)
        except TimeoutError as error:
            raise CallFault("client.timeout", f"no answer within {deadline:g} s", sent=progress.sent) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _fault(error, progress.sent) from error

    async def _exchange(
        self,
        method: str,
        target: URL,
        headers: Mapping[str, str],
        body: Body,
        max_answer: int,
        progress: SimpleNamespace,
    ) -> Answer:
        own = CIMultiDict(headers)
        own["Accept-Encoding"] = "gzip"
        parts = (body,) if isinstance(body, bytes) else body
        size = sum(map(len, parts))
        if size or method not in ("GET", "HEAD"):
            own["Content-Length"] = str(size)
        payload = _slices(parts) if size else None
        session = self._opened()
        request = session.request(
            method, target, headers=own, data=payload, allow_redirects=False, trace_request_ctx=progress
        )
        async with request as response:
            try:
                return await _read(response, max_answer)
            except BaseException:
                response.close()
                raise

    def _allowed(self, url: str) -> URL:
        try:
            target = URL(url)
            allowed = target.user is None and target.origin() in self._origins
        except ValueError as error:
            raise CallFault("client.host", "not a URL", sent=False) from error
        if not allowed:
            raise CallFault("client.host", f"{target.host}:{target.port} is not a configured host", sent=False)
        return target

    def _opened(self) -> aiohttp.ClientSession:
        if self._closed:
            raise CallFault("client.closed", "the client was closed", sent=False)
        if self._session is None:
            trace = aiohttp.TraceConfig()
            trace.on_request_headers_sent.append(_mark_sent)
            connector = aiohttp.TCPConnector(
                ssl=self._tls,
                limit=self._connections,
                limit_per_host=self._per_host,
                use_dns_cache=False,
                keepalive_timeout=_KEEPALIVE,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=30),
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("User-Agent", "Content-Type"),
                auto_decompress=False,
                trust_env=False,
                trace_configs=[trace],
            )
        return self._session


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds asked for by a Retry-After header (RFC 9110 §10.2.3: seconds or an HTTP date), at most a day.

    None if absent or unreadable; never negative.
    """
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), _LONGEST_WAIT.total_seconds())
    try:
        moment = parsedate_to_datetime(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        wait = (moment - now).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(wait, 0.0), _LONGEST_WAIT.total_seconds())


async def _mark_sent(session: aiohttp.ClientSession, context: SimpleNamespace, params: object) -> None:
    """aiohttp calls this just before the first byte is written: until then nothing can have left."""
    context.trace_request_ctx.sent = True


def _origin(url: str) -> URL:
    target = URL(url)
    if target.scheme not in ("http", "https") or not target.host or target.user is not None:
        raise ValueError(f"not an http(s) origin: {url}")
    return target.origin()


async def _slices(parts: tuple[bytes, ...]) -> AsyncIterator[memoryview]:
    for part in parts:
        view = memoryview(part)
        for start in range(0, len(view), _WRITE):
            yield view[start : start + _WRITE]


async def _read(response: aiohttp.ClientResponse, max_answer: int) -> Answer:
    if 300 <= response.status < 400:
        raise CallFault("client.redirect", f"HTTP {response.status} is not followed", sent=True)
    if (response.content_length or 0) > max_answer:
        raise _too_large(max_answer)
    layer = _unpacking(response.headers.get("Content-Encoding", ""))
    received, size = 0, 0
    pieces: list[bytes] = []
    async for chunk in response.content.iter_chunked(_READ):
        received += len(chunk)
        piece = layer.feed(chunk, max_answer - size + 1)
        size += len(piece)
        if max(received, size) > max_answer:
            raise _too_large(max_answer)
        pieces.append(piece)
    layer.finish()
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status, headers, b"".join(pieces))


def _too_large(max_answer: int) -> CallFault:
    return CallFault("client.too_large", f"the answer is larger than {max_answer} bytes", sent=True)


class _Plain:
    """No compression."""

    def feed(self, chunk: bytes, budget: int) -> bytes:
        return chunk

    def finish(self) -> None:
        """Nothing is left open."""


class _Gzip:
    """RFC 1952, several members allowed; never gives more than asked for."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=31)
        self._begun = False

    def feed(self, chunk: bytes, budget: int) -> bytes:
        """At most *budget* unpacked bytes of *chunk*; a caller that gets all of its budget must stop."""
        out = bytearray()
        try:
            while chunk and len(out) < budget:
                if self._member.eof:
                    self._member = zlib.decompressobj(wbits=31)
                self._begun = True
                out += self._member.decompress(chunk, budget - len(out))
                chunk = self._member.unused_data or self._member.unconsumed_tail
        except zlib.error as error:
            raise CallFault("client.garbage", "the answer's gzip is damaged", sent=True) from error
        return bytes(out)

    def finish(self) -> None:
        if self._begun and not self._member.eof:
            raise CallFault("client.reset", "the answer's gzip ends early", sent=True)


def _unpacking(encoding: str) -> _Plain | _Gzip:
    match encoding.strip().lower():
        case "" | "identity":
            return _Plain()
        case "gzip" | "x-gzip":
            return _Gzip()
        case _:
            raise CallFault("client.garbage", "the answer uses a content encoding nobody asked for", sent=True)


def _fault(error: Exception, sent: bool) -> CallFault:
    """aiohttp's exceptions as ours, most specific first. Detail names the kind of failure, never headers or body."""
    match error:
        case aiohttp.ClientConnectorDNSError():
            code = "client.dns"
        case aiohttp.ClientSSLError() | ssl.SSLError():
            code = "client.tls"
        case aiohttp.ClientConnectorError():
            code = "client.refused"
        case aiohttp.ClientResponseError():
            code = "client.garbage"
        case aiohttp.ClientError() | OSError():
            code = "client.reset"
        case _:
            return CallFault("client.request", type(error).__name__, sent=sent)
    reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
    return CallFault(code, reason, sent=sent)
