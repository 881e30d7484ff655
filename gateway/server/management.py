"""The management side: is it alive, is it ready, its figures. Bound to loopback unless configured otherwise."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from gateway.errors import Refusal, StoreUnavailable
from gateway.telemetry import Metrics

Ready = Callable[[], Awaitable[None]]
"""Returns if the gateway would accept a message now; raises Refusal or StoreUnavailable if not."""


def management_application(ready: Ready, metrics: Metrics) -> web.Application:
    """`/livez` answers while the event loop turns; `/readyz` while accepting works; `/metrics` in Prometheus text."""

    async def livez(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        try:
            await ready()
        except (Refusal, StoreUnavailable) as reason:
            return web.Response(status=503, text=f"{reason}\n", headers={"Retry-After": "5"})
        return web.Response(text="ready\n")

    async def figures(_: web.Request) -> web.Response:
        return web.Response(body=metrics.exposition(), headers={"Content-Type": "text/plain; version=0.0.4"})

    app = web.Application()
    app.router.add_get("/livez", livez)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", figures)
    return app
