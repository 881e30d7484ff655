"""A loopback listener that can go away and come back on the same port, for outages one can connect to no more."""

from __future__ import annotations

import ipaddress
import socket
import struct

from aiohttp import web

MAX_HEADER = 256 * 1024
"""Longest header line accepted: a `to` header naming hundreds of recipients is signed again in sign-header."""


class Gate:
    """One aiohttp application on one loopback address."""

    def __init__(self, app: web.Application, host: str, port: int) -> None:
        require_loopback(host)
        self._host = host
        self._port = port
        self._site: web.TCPSite | None = None
        self._runner = web.AppRunner(
            app, access_log=None, max_line_size=MAX_HEADER, max_field_size=MAX_HEADER, shutdown_timeout=0.2
        )

    @property
    def url(self) -> str:
        """Base URL; the port is fixed from the first `open` on."""
        shown = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{shown}:{self._port}"

    @property
    def is_open(self) -> bool:
        """Tell whether connections are taken at the moment."""
        return self._site is not None

    async def open(self) -> None:
        """Start listening; on port 0 a free port is taken and kept."""
        if self._runner.server is None:
            await self._runner.setup()
        if self._site is None:
            self._site = web.TCPSite(self._runner, self._host, self._port, reuse_address=True)
            await self._site.start()
            self._port = int(self._runner.addresses[0][1])

    async def shut(self) -> None:
        """Stop listening and tear every open connection; new ones are refused."""
        if self._site is not None:
            await self._site.stop()
            self._site = None
        server = self._runner.server
        for connection in list(server.connections) if isinstance(server, web.Server) else ():
            connection.force_close()
            if connection.transport is not None:
                connection.transport.abort()

    async def stop(self) -> None:
        """Give everything back."""
        await self.shut()
        await self._runner.cleanup()


def require_loopback(host: str) -> None:
    """Raise ValueError unless this is a loopback IP address: a simulated axis is not for a network to see."""
    try:
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise ValueError(f"Chỉ nghe trên địa chỉ nội bộ, không phải {host} (the sandbox binds loopback only)")


def reset_connection(request: web.Request) -> web.Response:
    """Close with RST, as a refused or torn connection looks to the caller."""
    if request.transport is not None:
        connection = request.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return cut_connection(request)


def cut_connection(request: web.Request) -> web.Response:
    """Close without a word; the returned response finds no connection to go to."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
