"""`python -m gateway.cli.bench.echo`: a bare aiohttp server that reads every body, keeps nothing and says 202.

It prints its port as one line of JSON and ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import json
import sys

import uvloop
from aiohttp import web

LARGEST = 100 * 1024 * 1024
"""Bytes of a body."""


async def _answer(request: web.Request) -> web.Response:
    size = 0
    async for chunk in request.content.iter_chunked(256 * 1024):
        size += len(chunk)
    return web.json_response({"message_id": "", "size": size}, status=202)


async def _serve() -> None:
    app = web.Application(client_max_size=LARGEST)
    app.router.add_post("/{path:.*}", _answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(json.dumps({"port": runner.addresses[0][1]}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    uvloop.run(_serve())
