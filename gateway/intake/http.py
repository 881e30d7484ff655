"""The intake listener: limits, identification, the body under a budget, one answer per call in the caller's dialect.

aiohttp's `Request.post()` and `multipart()` read past any size limit and are never used: the body is streamed here.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web

from gateway.clock import Clock
from gateway.errors import Refusal, StoreUnavailable
from gateway.intake.identify import KeyRing
from gateway.intake.limits import Budget, IntakeLimits, Strangers
from gateway.model.access import Caller
from gateway.model.ids import new_id
from gateway.model.message import Quarantining, Submission
from gateway.ports import Accepting, Call, Endpoint, Inbound, Reply
from gateway.telemetry import Metrics

log = structlog.get_logger("intake")

QUARANTINED_STATUSES = frozenset({403, 409, 422})
"""Refusals of content: an identified sender's bytes are kept. Limits and outages keep nothing."""


class IntakeHttp:
    """Serves the endpoints of inbound adapters as one aiohttp application."""

    def __init__(
        self,
        *,
        keys: KeyRing,
        store: Accepting,
        limits: IntakeLimits,
        strangers: Strangers,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._keys = keys
        self._store = store
        self._limits = limits
        self._budget = Budget(limits.in_flight)
        self._strangers = strangers
        self._clock = clock
        self._metrics = metrics

    def application(self, adapters: list[Inbound]) -> web.Application:
        """All endpoints of *adapters*, and a refusal in the first adapter's dialect for every other path."""
        app = web.Application(client_max_size=0)
        for adapter in adapters:
            for endpoint in adapter.endpoints():
                app.router.add_route(endpoint.method, endpoint.path, self._route(adapter, endpoint))
        app.router.add_route("*", "/{rest:.*}", self._unknown_path(adapters[0]))
        return app

    def _route(self, adapter: Inbound, endpoint: Endpoint) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await self._answer(request, adapter, endpoint)

        return handle

    def _unknown_path(self, adapter: Inbound) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def refuse(request: web.Request) -> web.StreamResponse:
            refusal = Refusal("http.not_found", where=request.path[:200])
            return _response(adapter.refuse(refusal, _language(request), new_id(self._clock.now())))

        return refuse

    async def _answer(self, request: web.Request, adapter: Inbound, endpoint: Endpoint) -> web.StreamResponse:
        request_id = new_id(self._clock.now())
        try:
            caller = await self._identify(request)
            reply = await self._serve(request, endpoint, caller)
        except Refusal as refusal:
            reply = self._refuse(refusal, adapter, request, request_id)
        except StoreUnavailable as reason:
            log.error("store unavailable", request=request_id, reason=str(reason))
            reply = self._refuse(Refusal("store.unavailable", retry_after=5), adapter, request, request_id)
        except Exception:
            log.exception("internal error", request=request_id, path=request.path)
            reply = self._refuse(Refusal("internal"), adapter, request, request_id)
        return _response(reply, request_id)

    async def _identify(self, request: web.Request) -> Caller:
        address = request.remote or ""
        if self._strangers.over_limit(address) and "Authorization" not in request.headers:
            raise Refusal("limit.flood", retry_after=60)
        try:
            return await self._keys.identify(request.headers.get("Authorization"))
        except Refusal:
            self._metrics.strangers.inc()
            self._strangers.note(address)
            raise

    async def _serve(self, request: web.Request, endpoint: Endpoint, caller: Caller) -> Reply:
        if not endpoint.reads_body:
            return await endpoint.handle(self._call(request, caller, b""))
        expected = self._declared_size(request)
        with self._budget.share(caller.system, expected):
            body = await self._read(request)
            call = self._call(request, caller, body)
            try:
                return await endpoint.handle(call)
            except Refusal as refusal:
                await self._keep_refused(refusal, endpoint, call)
                raise

    def _declared_size(self, request: web.Request) -> int:
        declared = request.content_length
        if declared is not None and declared > self._limits.body:
            raise Refusal("limit.body", where="Content-Length", detail=f"{declared} > {self._limits.body} bytes")
        return self._limits.body if declared is None else declared

    async def _read(self, request: web.Request) -> bytes:
        spool = io.BytesIO()
        try:
            async with asyncio.timeout(self._limits.body_timeout):
                async for chunk in request.content.iter_chunked(256 * 1024):
                    if spool.tell() + len(chunk) > self._limits.body:
                        raise Refusal("limit.body", detail=f"more than {self._limits.body} bytes")
                    spool.write(chunk)
        except TimeoutError as slow:
            raise Refusal("http.request", detail="the body did not arrive in time") from slow
        except (ConnectionError, web.PayloadAccessError) as cut:
            raise Refusal("http.request", detail="the body was cut off") from cut
        return spool.getvalue()

    def _call(self, request: web.Request, caller: Caller, body: bytes) -> Call:
        return Call(
            caller=caller,
            path=dict(request.match_info),
            query=dict(request.query),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=body,
            received_at=self._clock.now(),
            language=_language(request),
        )

    async def _keep_refused(self, refusal: Refusal, endpoint: Endpoint, call: Call) -> None:
        if not endpoint.quarantines or refusal.fault.status not in QUARANTINED_STATUSES or not call.body:
            return
        item = Quarantining(
            id=new_id(call.received_at),
            submission=Submission(
                peer=call.caller.system,
                dialect=_dialect(call, endpoint),
                raw=call.body,
                received_at=call.received_at,
            ),
            code=refusal.code,
            where=refusal.where,
            detail=refusal.detail,
        )
        await self._store.quarantine(item)
        self._metrics.quarantined.labels(call.caller.system, refusal.code).inc()

    def _refuse(self, refusal: Refusal, adapter: Inbound, request: web.Request, request_id: str) -> Reply:
        self._metrics.refused.labels(refusal.code).inc()
        log.info("refused", request=request_id, code=refusal.code, where=refusal.where, path=request.path)
        return adapter.refuse(refusal, _language(request), request_id)


def _dialect(call: Call, endpoint: Endpoint) -> str:
    return "edxml" if "xml" in call.headers.get("content-type", "") else endpoint.quarantines


def _language(request: web.Request) -> str:
    accepted = request.headers.get("Accept-Language", "")
    return "en" if accepted.casefold().startswith("en") else "vi"


def _response(reply: Reply, request_id: str = "") -> web.Response:
    headers = {**reply.headers, "X-Request-Id": request_id} if request_id else dict(reply.headers)
    return web.Response(status=reply.status, body=reply.body, content_type=reply.media_type, headers=headers)
