"""The PKI over HTTP on loopback: OCSP, CRLs, issuers' certificates and time stamps, with faults in between.

POST /ocsp, GET /ocsp/{base64}     RFC 6960, for every authority
GET  /crl, /crl/{slug}.crl         RFC 5280; /crl alone is the list of `issuing`
GET  /ca/{slug}.cer                an authority's certificate in DER
POST /tsa, /tsa/{tree}             RFC 3161; /tsa alone is the one of `public`

running = await start(PkiSettings(folder=Path("var/sandbox/pki")))
running.url, running.control_url, running.hierarchy.organisation("Sở Công Thương")
await running.stop()
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from aiohttp import web

from sandbox.faults import Rule, Script
from sandbox.gate import Gate, reset_connection
from sandbox.pki.hierarchy import TREES, Hierarchy, Tree
from sandbox.pki.responder import Responder, Unreadable, from_path
from sandbox.pki.revocation import revocation_list
from sandbox.pki.stamping import Stamping
from sandbox.pki.vault import Vault
from sandbox.wire import VIETNAM

if TYPE_CHECKING:
    from sandbox.pki.desk import Desk

_log = logging.getLogger("sandbox.pki")
MAX_REQUEST: Final = 64 * 1024
OVERSIZE: Final = 16 * 1024 * 1024
GARBAGE: Final = b"<html><body>502 Bad Gateway \xff\xfe</body></html>"
OCSP_ANSWER: Final = "application/ocsp-response"
STAMP_QUERY: Final = "application/timestamp-query"
STAMP_ANSWER: Final = "application/timestamp-reply"
LIST: Final = "application/pkix-crl"
CERTIFICATE: Final = "application/pkix-cert"


class Service:
    """Request handlers of all services. They answer 503 until `open_for` has been told the hierarchy."""

    def __init__(self) -> None:
        self.script = Script()
        self.requests: Counter[str] = Counter()
        self.desk: Desk | None = None
        self._hierarchy: Hierarchy | None = None

    @property
    def hierarchy(self) -> Hierarchy:
        """The authorities. Raises 503 while there are none."""
        if self._hierarchy is None:
            raise web.HTTPServiceUnavailable
        return self._hierarchy

    def open_for(self, hierarchy: Hierarchy) -> None:
        """Serve a hierarchy; its certificates name this service's address, which is known only once it listens."""
        self._hierarchy = hierarchy

    def application(self) -> web.Application:
        """Return the aiohttp application."""
        app = web.Application(client_max_size=MAX_REQUEST)
        app.router.add_post("/ocsp", self.ocsp)
        app.router.add_get("/ocsp/{request:.+}", self.ocsp)
        app.router.add_get("/crl", self.crl)
        app.router.add_get("/crl/{slug}.crl", self.crl)
        app.router.add_get("/ca/{slug}.cer", self.certificate)
        app.router.add_post("/tsa", self.stamp)
        app.router.add_post("/tsa/{tree}", self.stamp)
        return app

    async def ocsp(self, request: web.Request) -> web.StreamResponse:
        """Answer an OCSP request, by POST or GET; what cannot be read gets `malformedRequest`."""
        responder = Responder(self.hierarchy)
        try:
            asked = from_path(request.match_info["request"]) if request.method == "GET" else await request.read()
        except Unreadable:
            asked = b""
        rule = self._decide(request, "ocsp", serial=",".join(responder.serials(asked)))
        return await _misbehaving(request, rule, OCSP_ANSWER) or _answer(responder.answer(asked, rule), OCSP_ANSWER)

    async def crl(self, request: web.Request) -> web.StreamResponse:
        """Return an authority's revocation list, made now."""
        authority = self.hierarchy.authorities.get(request.match_info.get("slug", "issuing"))
        rule = self._decide(request, "crl")
        if authority is None or (rule and rule.action == "missing"):
            raise web.HTTPNotFound
        misbehaved = await _misbehaving(request, rule, LIST)
        return misbehaved or _answer(revocation_list(self.hierarchy, authority, rule), LIST)

    async def certificate(self, request: web.Request) -> web.StreamResponse:
        """Return an authority's certificate."""
        authority = self.hierarchy.authorities.get(request.match_info["slug"])
        rule = self._decide(request, "ca")
        if authority is None or (rule and rule.action == "missing"):
            raise web.HTTPNotFound
        return await _misbehaving(request, rule, CERTIFICATE) or _answer(authority.identity.der(), CERTIFICATE)

    async def stamp(self, request: web.Request) -> web.StreamResponse:
        """Answer a time stamp request; a rejection is HTTP 200 too (RFC 3161 §3.4)."""
        tree = _tree(request.match_info.get("tree", "public"))
        if request.content_type != STAMP_QUERY:
            raise web.HTTPUnsupportedMediaType
        asked = await request.read()
        rule = self._decide(request, "tsa")
        misbehaved = await _misbehaving(request, rule, STAMP_ANSWER)
        return misbehaved or _answer(Stamping(self.hierarchy, tree).answer(asked, rule), STAMP_ANSWER)

    def _decide(self, request: web.Request, operation: str, serial: str = "") -> Rule | None:
        self.requests[operation] += 1
        rule = self.script.decide(operation, {"path": request.path, "serial": serial})
        if rule is not None:
            _log.info("Lỗi mô phỏng %s cho %s (simulated fault)", rule.action, operation)
        return rule


@dataclass(frozen=True, slots=True)
class PkiSettings:
    """Where a PKI listens and keeps its keys. Port 0 takes a free one; without a folder nothing is written."""

    host: str = "127.0.0.1"
    port: int = 0
    folder: Path | None = None


@dataclass(frozen=True, slots=True)
class RunningPki:
    """A started PKI."""

    url: str
    service: Service
    gate: Gate

    @property
    def hierarchy(self) -> Hierarchy:
        """The authorities and what they issued."""
        return self.service.hierarchy

    def desk(self) -> Desk:
        """Return the desk that signs papers with certificates of this PKI, always the same."""
        from sandbox.pki.desk import Desk  # loads pyHanko, half a second nobody should wait for who signs nothing

        if self.service.desk is None:
            self.service.desk = Desk(self.hierarchy)
        return self.service.desk

    async def stop(self) -> None:
        """Close the listener."""
        await self.gate.stop()


async def start(settings: PkiSettings, now: Callable[[], datetime] | None = None) -> RunningPki:
    """Start the services. Raises ValueError for an address that is not loopback, OSError if the port is taken."""
    service = Service()
    gate = Gate(service.application(), settings.host, settings.port)
    await gate.open()
    clock = now or (lambda: datetime.now(VIETNAM))
    try:
        service.open_for(await asyncio.to_thread(Hierarchy, gate.url, clock, Vault(settings.folder)))
    except (OSError, ValueError):
        await gate.stop()
        raise
    return RunningPki(gate.url, service, gate)


async def _misbehaving(request: web.Request, rule: Rule | None, media_type: str) -> web.StreamResponse | None:
    """Carry out the faults of transport; None if the service itself is to answer."""
    action = rule.action if rule else ""
    if rule is not None and action == "slow":
        await asyncio.sleep(rule.seconds)
    elif action == "500":
        return web.Response(status=500, text="Internal Server Error")
    elif action == "refuse":
        return reset_connection(request)
    elif action == "garbage":
        return _answer(GARBAGE, media_type)
    elif action == "oversize":
        return _answer(b"\x30\x84\x01\x00\x00\x00" + bytes(OVERSIZE), media_type)
    return None


def _answer(body: bytes, media_type: str) -> web.Response:
    return web.Response(body=body, content_type=media_type)


def _tree(text: str) -> Tree:
    for tree in TREES:
        if tree == text:
            return tree
    raise web.HTTPNotFound
