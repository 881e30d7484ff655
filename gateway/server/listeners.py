"""Sockets: TLS, plain where the configuration says so, a hard limit on connections, and a clean end."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aiohttp import http_parser, web

HEADER_LIMIT = 262_144
"""Bytes of one header line: 3,000 recipients in a `to` header fit (reference vxp-edxml §6)."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen. *certificate* and *key* are PEM files; both None means plain HTTP."""

    host: str
    port: int
    certificate: Path | None = None
    key: Path | None = None


class _NoRoom(asyncio.Protocol):
    """Above the connection limit: close at once, before a byte is read."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            transport.abort()


class Listener:
    """One aiohttp application on any number of addresses."""

    def __init__(
        self,
        app: web.Application,
        addresses: list[Address],
        *,
        header_limit: int = HEADER_LIMIT,
        max_connections: int = 1000,
    ) -> None:
        self._runner = web.AppRunner(
            app,
            access_log=None,
            keepalive_timeout=75,
            max_line_size=header_limit,
            max_field_size=header_limit,
            shutdown_timeout=20,
            auto_decompress=False,
        )
        self._addresses = addresses
        self._max_connections = max_connections
        self._servers: list[asyncio.Server] = []
        self.ports: list[int] = []

    async def start(self) -> None:
        """Bind every address; `ports` then tells the real ones. OSError if one is taken."""
        require_c_parser()
        await self._runner.setup()
        loop = asyncio.get_running_loop()
        for address in self._addresses:
            context = _tls(address)
            server = await loop.create_server(self._protocol, address.host, address.port, ssl=context, backlog=256)
            self._servers.append(server)
            self.ports.append(server.sockets[0].getsockname()[1])

    def _protocol(self) -> asyncio.Protocol:
        server = self._runner.server
        if server is None or len(server.connections) >= self._max_connections:
            return _NoRoom()
        make: Callable[[], asyncio.Protocol] = server
        return make()

    async def stop(self) -> None:
        """Stop listening, let calls under way finish for up to 20 s, close."""
        for server in self._servers:
            server.close()
        await self._runner.cleanup()


def require_c_parser() -> None:
    """aiohttp's C parser is the hardened one; running on the Python fallback must not go unnoticed."""
    if http_parser.HttpRequestParser is http_parser.HttpRequestParserPy:
        raise RuntimeError("aiohttp runs without its C parser; reinstall the wheel for this platform")


def _tls(address: Address) -> ssl.SSLContext | None:
    if address.certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(address.certificate, address.key)
    return context
