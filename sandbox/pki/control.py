"""The control interface of the PKI, beside that of the axis or alone.

POST   /pki/faults                           rules (see `sandbox.pki.faults`); GET and DELETE as for the axis
POST   /pki/certificates                     {"organisation": "…", "tax_code": "…", "full_name": "…", "title": "…",
                                              "tree": "public"|"government", "key": "ec"|"rsa", "expired": true,
                                              "begins": "2026-01-01T00:00:00+07:00", "ends": "…"}; a `full_name` makes
                                              a person's certificate, else it is the organisation's
GET    /pki/certificates                     the register
POST   /pki/certificates/{serial}/revocation {"at": "2026-11-22T08:00:00+07:00", "reason": "keyCompromise"}
DELETE /pki/certificates/{serial}/revocation take it back
GET    /pki/state                            requests by service, what fired, addresses

Private keys are never answered, only the files they are in.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args

from aiohttp import web

from sandbox.pki.authority import Validity
from sandbox.pki.faults import rule_from_json
from sandbox.pki.hierarchy import Hierarchy, Tree
from sandbox.pki.identity import Identity, KeyKind
from sandbox.pki.service import Service
from sandbox.wire import VIETNAM


@dataclass(frozen=True, slots=True)
class PkiControl:
    """Handlers of `/pki/…`."""

    service: Service

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the routes, for whatever application they are mounted on."""
        return [
            web.post("/pki/faults", self.set_faults),
            web.get("/pki/faults", self.show_faults),
            web.delete("/pki/faults", self.clear_faults),
            web.post("/pki/certificates", self.issue),
            web.get("/pki/certificates", self.show_register),
            web.post("/pki/certificates/{serial}/revocation", self.revoke),
            web.delete("/pki/certificates/{serial}/revocation", self.restore),
            web.get("/pki/state", self.state),
        ]

    async def set_faults(self, request: web.Request) -> web.Response:
        """Add rules; 400 with the reason if one is not valid, then none is added."""
        try:
            source = await request.json()
            rules = [rule_from_json(line) for line in (source if isinstance(source, list) else [source])]
        except (ValueError, TypeError) as error:
            return _wrong(error)
        self.service.script.add(rules)
        return await self.show_faults(request)

    async def show_faults(self, request: web.Request) -> web.Response:
        """List rules with their counters, and everything that fired."""
        return web.json_response({"rules": self.service.script.state(), "fired": self.service.script.fired})

    async def clear_faults(self, request: web.Request) -> web.Response:
        """Drop all rules."""
        self.service.script.clear()
        return web.json_response({"rules": []})

    async def issue(self, request: web.Request) -> web.Response:
        """Issue a certificate, a wrong one too if asked."""
        try:
            wanted = await _wanted(request)
            identity = await asyncio.to_thread(_issued, self.service.hierarchy, wanted)
        except (ValueError, KeyError, TypeError) as error:
            return _wrong(error)
        line = self.service.hierarchy.register[identity.serial]
        files = self.service.hierarchy.vault.files(line.file)
        return web.json_response({**line.to_json(), "pem": identity.pem().decode(), "files": files}, status=201)

    async def show_register(self, request: web.Request) -> web.Response:
        """List everything that was issued."""
        return web.json_response([line.to_json() for line in self.service.hierarchy.lines()])

    async def revoke(self, request: web.Request) -> web.Response:
        """Revoke a certificate; 404 for an unknown one, 400 for a reason or date nobody understands."""
        try:
            wanted = await _wanted(request)
            at = _moment(wanted["at"]) if "at" in wanted else None
            line = self.service.hierarchy.revoke(
                request.match_info["serial"], at, str(wanted.get("reason", "unspecified"))
            )
        except KeyError as error:
            raise web.HTTPNotFound from error
        except (ValueError, TypeError) as error:
            return _wrong(error)
        return web.json_response(line.to_json())

    async def restore(self, request: web.Request) -> web.Response:
        """Take a revocation back."""
        try:
            return web.json_response(self.service.hierarchy.restore(request.match_info["serial"]).to_json())
        except KeyError as error:
            raise web.HTTPNotFound from error

    async def state(self, request: web.Request) -> web.Response:
        """Show counters and addresses."""
        hierarchy = self.service.hierarchy
        return web.json_response(
            {
                "requests": self.service.requests,
                "fired": self.service.script.fired,
                "ocsp": f"{hierarchy.base_url}/ocsp",
                "tsa": {tree: f"{hierarchy.base_url}/tsa/{tree}" for tree in get_args(Tree)},
                "authorities": list(hierarchy.authorities),
                "certificates": len(hierarchy.register),
                "revoked": sum(line.revoked_at is not None for line in hierarchy.lines()),
                "folder": str(hierarchy.vault.folder) if hierarchy.vault.folder else None,
            }
        )


def _issued(hierarchy: Hierarchy, wanted: Mapping[str, Any]) -> Identity:
    """Issue what a request asks for. Raises KeyError, ValueError."""
    tree: Tree = "public" if wanted.get("tree") == "public" else "government"
    kind: KeyKind = "rsa" if wanted.get("key") == "rsa" else "ec"
    organisation = str(wanted["organisation"])
    validity = _validity(hierarchy, wanted)
    if "full_name" in wanted:
        title = str(wanted.get("title", ""))
        full_name = str(wanted["full_name"])
        return hierarchy.person(full_name, title, organisation, tree=tree, kind=kind, validity=validity)
    tax_code = str(wanted.get("tax_code", "0300000000"))
    return hierarchy.organisation(organisation, tax_code, tree=tree, kind=kind, validity=validity)


def _validity(hierarchy: Hierarchy, wanted: Mapping[str, Any]) -> Validity | None:
    if wanted.get("expired"):
        return hierarchy.expired()
    if "begins" in wanted or "ends" in wanted:
        return Validity(_moment(wanted["begins"]), _moment(wanted["ends"]))
    return None


def _moment(text: object) -> datetime:
    """Read RFC 3339; a time without an offset is Vietnam's."""
    moment = datetime.fromisoformat(str(text))
    return moment if moment.tzinfo else moment.replace(tzinfo=VIETNAM)


async def _wanted(request: web.Request) -> Mapping[str, Any]:
    body = await request.read()
    wanted = json.loads(body) if body else {}
    if not isinstance(wanted, dict):
        raise TypeError("a JSON object is expected")
    return wanted


def _wrong(error: Exception) -> web.Response:
    return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=400)
