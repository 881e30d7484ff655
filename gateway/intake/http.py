"""The intake listener: limits, identification, the body under a budget, one answer per call in the caller's dialect.

aiohttp's `Request.post()` and `multipart()` read past any size limit and are never used: the body is streamed here.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog
from aiohttp import web

from gateway.clock import Clock
from gateway.errors import Refusal, StoreUnavailable
from gateway.intake.limits import Budget, IntakeLimits, Strangers
from gateway.intake.secrecy import Secrecy, Secret
from gateway.model.access import Caller
from gateway.model.ids import new_id
from gateway.model.message import Quarantining, Submission
from gateway.ports import Accepting, Call, Endpoint, Identify, Inbound, Knock, Reply
from gateway.telemetry import Metrics

log = structlog.get_logger("intake")

QUARANTINED_STATUSES = frozenset({403, 409, 422})
"""Refusals of content: an identified sender's bytes are kept. Limits and outages keep nothing."""


@dataclass(frozen=True, slots=True)
class Entrance:
    """An inbound adapter with the way its callers are identified."""

    adapter: Inbound
    identify: Identify


class IntakeHttp:
    """Serves the endpoints of inbound adapters as one aiohttp application."""

    def __init__(
        self,
        *,
        store: Accepting,
        limits: IntakeLimits,
        strangers: Strangers,
        clock: Clock,
        metrics: Metrics,
        secrecy: Secrecy | None = None,
    ) -> None:
        self._store = store
        self._limits = limits
        self._budget = Budget(limits.in_flight)
        self._strangers = strangers
        self._clock = clock
        self._metrics = metrics
        self._secrecy = secrecy or Secrecy()

    def application(self, entrances: Sequence[Entrance]) -> web.Application:
        """All endpoints of *entrances*, and a refusal in the first one's dialect for every other path."""
        app = web.Application(client_max_size=0)
        for entrance in entrances:
            for endpoint in entrance.adapter.endpoints():
                app.router.add_route(endpoint.method, endpoint.path, self._route(entrance, endpoint))
        app.router.add_route("*", "/{rest:.*}", self._unknown_path(entrances[0].adapter))
        return app

    def _route(self, entrance: Entrance, endpoint: Endpoint) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await self._answer(request, entrance, endpoint)

        return handle

    def _unknown_path(self, adapter: Inbound) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def refuse(request: web.Request) -> web.StreamResponse:
            refusal = Refusal("http.not_found", where=request.path[:200])
            return _response(adapter.refuse(refusal, _language(request), new_id(self._clock.now())))

        return refuse

    async def _answer(self, request: web.Request, entrance: Entrance, endpoint: Endpoint) -> web.StreamResponse:
        request_id, adapter = new_id(self._clock.now()), entrance.adapter
        try:
            caller = await self._identify(request, entrance.identify)
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

    async def _identify(self, request: web.Request, identify: Identify) -> Caller:
        address = request.remote or ""
        try:
            return await identify(Knock(address, _headers(request)))
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
        if request.headers.get("Content-Encoding", "identity") != "identity":
            raise Refusal("http.media_type", where="Content-Encoding", detail="a compressed body has no known size")
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
            headers=_headers(request),
            body=body,
            received_at=self._clock.now(),
            language=_language(request),
        )

    async def _keep_refused(self, refusal: Refusal, endpoint: Endpoint, call: Call) -> None:
        """Quarantine what was refused, if its kind is; a state secret is never kept. Raises Secret if it is one."""
        if refusal.fault.status not in QUARANTINED_STATUSES or not call.body:
            return
        if not endpoint.quarantines and not isinstance(refusal, Secret):
            return
        if secret := await self._secrecy.behind(refusal, call.body):
            await self._store.withhold(self._secrecy.withholding(secret, call.caller.system))
            raise secret
        item = Quarantining(
            id=new_id(call.received_at),
            submission=Submission(
                peer=call.caller.system,
                dialect=_dialect(call, endpoint),
                raw=call.body,
                received_at=call.received_at,
                hints={"from": refusal.party} if refusal.party else None,
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


def _headers(request: web.Request) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}


def _dialect(call: Call, endpoint: Endpoint) -> str:
    media_type = call.headers.get("content-type", "").partition(";")[0]
    return "edxml" if media_type.strip().casefold().endswith("xml") else endpoint.quarantines


def _language(request: web.Request) -> str:
    accepted = request.headers.get("Accept-Language", "")
    return "en" if accepted.casefold().startswith("en") else "vi"


def _response(reply: Reply, request_id: str = "") -> web.Response:
    headers = {**reply.headers, "X-Request-Id": request_id} if request_id else dict(reply.headers)
    return web.Response(status=reply.status, body=reply.body, content_type=reply.media_type, headers=headers)
