"""The national document axis (VXP) over HTTP: one route, verified calls in, JSON out, faults in between."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from datetime import datetime

from aiohttp import web

from sandbox import refusals
from sandbox.faults import Rule, Script
from sandbox.gate import cut_connection, reset_connection
from sandbox.meter import Meter
from sandbox.operations import Answer, Operations, failure
from sandbox.refusals import Refusal
from sandbox.wire import PREFIX, Call, verify

_log = logging.getLogger("sandbox.axis")
_UNANSWERED = frozenset({"cut_after_send", "answer_lost"})
GARBAGE = b"<html><body>Bad Gateway \xff\xfe"


class Axis:
    """Request handler of the axis. `unavailable` answers 503 to everything, for outages that still listen."""

    def __init__(self, operations: Operations, script: Script, meter: Meter, now: Callable[[], datetime]) -> None:
        self.operations = operations
        self.script = script
        self.meter = meter
        self.unavailable = False
        self._now = now

    def application(self) -> web.Application:
        """Return the aiohttp application: `POST /{operation}`, and GET for downloadEdoc."""
        app = web.Application(client_max_size=self.operations.settings.max_body + 2)
        app.router.add_post("/{operation}", self.handle)
        app.router.add_get("/downloadEdoc", self.handle)
        return app

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request, after whatever the fault script has in store for it."""
        operation = request.match_info.get("operation", "downloadEdoc")
        told = _told(request)
        self.meter.request(operation, told["system"])
        if self.unavailable:
            return _unavailable(None)
        rule = self.script.decide(operation, told)
        try:
            if rule is not None:
                _log.info("Lỗi mô phỏng %s cho %s (simulated fault)", rule.action, operation)
                early = await self._before(request, rule)
                if early is not None:
                    return early
            response = await self._perform(request, operation, rule)
        except Refusal as refusal:
            self.meter.refused(operation, told["system"], refusal)
            response = _json(failure(refusal))
        return response if rule is None else await self._after(request, rule, response)

    async def _before(self, request: web.Request, rule: Rule) -> web.StreamResponse | None:
        """Faults that strike before the request has any effect."""
        if rule.action == "slow":
            await _body(request, self.operations.settings.max_body)  # taken first: the caller may be gone later
            await asyncio.sleep(rule.seconds)
        elif rule.action == "refuse":
            return reset_connection(request)
        elif rule.action == "503":
            return _unavailable(rule.retry_after)
        elif rule.action == "garbage" and not rule.processed:
            return web.Response(body=GARBAGE, content_type="application/json")
        elif rule.action == "fail" and not rule.processed:
            return _json(failure(Refusal(rule.code, rule.description)))
        return None

    async def _after(self, request: web.Request, rule: Rule, response: web.Response) -> web.StreamResponse:
        """Faults that strike when the request has taken effect."""
        if rule.action == "answer_lost":
            await asyncio.sleep(rule.seconds)
        if rule.action in _UNANSWERED:
            return cut_connection(request)
        if rule.action == "garbage":
            return web.Response(body=GARBAGE, content_type="application/json")
        if rule.action == "fail":
            return _json(failure(Refusal(rule.code, rule.description)))
        return response

    async def _perform(self, request: web.Request, operation: str, rule: Rule | None) -> web.Response:
        """Verify and carry out. Raises Refusal."""
        settings = self.operations.settings
        secrets = {known.system_id: known.secret for known in self.operations.systems.values()}
        call = verify(request.raw_headers, secrets, self._now(), settings.timestamp_window)
        body = await _body(request, settings.max_body)
        if operation == "downloadEdoc":
            return web.Response(body=self.operations.download(call), content_type="application/octet-stream")
        duplicate = rule is not None and rule.action == "duplicate"
        answer = await self._operate(operation, call, body, duplicate)
        if rule is not None and rule.action == "truncate" and isinstance(answer.get("data"), str):
            answer["data"] = str(answer["data"])[: len(str(answer["data"])) * 2 // 3]
        return _json(answer)

    async def _operate(self, operation: str, call: Call, body: bytes, duplicate: bool) -> Answer:
        """Perform an operation; `duplicate` lists twice, delivers again after done, or stores a package twice."""
        if operation == "sendEdoc":
            incoming = self.operations.incoming(call, body)
            package, copies = await asyncio.to_thread(self.operations.prepare, incoming)
            if duplicate:
                self.operations.keep_again(package, copies)
            return self.operations.keep(package, copies)
        answer = self.operations.perform(operation, call, body)
        if duplicate and operation == "updateStatus":
            self.operations.reopen(call)
        rows = answer.get("data")
        if duplicate and isinstance(rows, list):
            answer["data"] = [row for row in rows for _ in range(2)]
        return answer


async def _body(request: web.Request, limit: int) -> bytes:
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise Refusal(refusals.TOO_LARGE, f"Body is larger than {limit} bytes") from error
    except ConnectionError as error:
        raise Refusal(refusals.INVALID_FILE, "Connection lost before the body was complete") from error


def _told(request: web.Request) -> Mapping[str, str]:
    """What the caller says of itself, unverified: fault rules and counters go by it."""
    return {
        name: request.headers.get(PREFIX + header, "")
        for name, header in (("system", "systemid"), ("from", "from"), ("messagetype", "messagetype"))
    }


def _json(answer: Answer) -> web.Response:
    return web.Response(
        body=json.dumps(answer, ensure_ascii=False).encode(), content_type="application/json", charset="utf-8"
    )


def _unavailable(retry_after: int | None) -> web.Response:
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return web.Response(status=503, text="Service Unavailable", headers=headers)
