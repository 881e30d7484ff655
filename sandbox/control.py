"""The control interface: what tests, the demo and developers use to steer and to look into the sandbox.

POST /faults   list of rules (see `faults`)     GET /faults   DELETE /faults
POST /outage   {"on": true|false} or {"seconds": 5}, optional "mode": "refuse" (default) | "503"
POST /packages raw edXML (query: from, messagetype, to), or generated from query or JSON: from, to (comma list),
               subject, number, notation, date, document_id, priority, business_type, pdfs, size, seed;
               signed=0 leaves the papers unsigned where there is a PKI
GET  /packages/{doc_id}/content?form=sent|relayed
POST /ministries/{system_id}/poll, replies, status, recall, update, replacement (see `orders`)
GET  /state    counts, packages with digests, repeats, requests, refusals, signing errors, peak rates, ministries
…    /pki/…    the test PKI, if there is one (see `sandbox.pki.control`); generated PDFs are signed then
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from random import Random
from typing import Any

from aiohttp import web

from sandbox import edxml
from sandbox.agency import AgencySystem
from sandbox.axis import Axis
from sandbox.edxml import File, NotEdxml, Organ
from sandbox.faults import Rule
from sandbox.gate import Gate
from sandbox.operations import Answer, Incoming
from sandbox.orders import Orders
from sandbox.pki.control import PkiControl
from sandbox.pki.service import RunningPki
from sandbox.refusals import Refusal
from sandbox.writing import Draft, pdf_files, write_document


@dataclass(slots=True)
class Control:
    """Handlers of the control interface over one axis."""

    axis: Axis
    gate: Gate
    ministries: Mapping[str, AgencySystem]
    now: Callable[[], datetime]
    pki: RunningPki | None = None
    _outage_end: asyncio.Task[None] | None = field(default=None)

    def application(self) -> web.Application:
        """Return the aiohttp application."""
        app = web.Application(client_max_size=self.axis.operations.settings.max_body)
        app.router.add_post("/faults", self.set_faults)
        app.router.add_get("/faults", self.show_faults)
        app.router.add_delete("/faults", self.clear_faults)
        app.router.add_post("/outage", self.outage)
        app.router.add_post("/packages", self.inject)
        app.router.add_get("/packages/{doc_id}/content", self.content)
        app.router.add_routes(Orders(self.axis, self.ministries, self.now).routes())
        app.router.add_get("/state", self.state)
        if self.pki is not None:
            app.router.add_routes(PkiControl(self.pki.service).routes())
        return app

    async def close(self) -> None:
        """Forget an outage's planned end."""
        if self._outage_end is not None:
            self._outage_end.cancel()
            await asyncio.gather(self._outage_end, return_exceptions=True)
            self._outage_end = None

    async def set_faults(self, request: web.Request) -> web.Response:
        """Add rules; 400 with the reason if one is not valid, then none is added."""
        try:
            source = await request.json()
            rules = [Rule.from_json(line) for line in (source if isinstance(source, list) else [source])]
        except (ValueError, TypeError) as error:
            return web.json_response({"error": str(error)}, status=400)
        self.axis.script.add(rules)
        return await self.show_faults(request)

    async def show_faults(self, request: web.Request) -> web.Response:
        """List rules with their counters, and everything that fired."""
        return web.json_response({"rules": self.axis.script.state(), "fired": self.axis.script.fired})

    async def clear_faults(self, request: web.Request) -> web.Response:
        """Drop all rules."""
        self.axis.script.clear()
        return web.json_response({"rules": []})

    async def outage(self, request: web.Request) -> web.Response:
        """Take the axis away or bring it back."""
        wanted = await request.json()
        await self.close()
        if wanted.get("on", "seconds" in wanted):
            await self._begin_outage(str(wanted.get("mode", "refuse")))
            if "seconds" in wanted:
                self._outage_end = asyncio.create_task(self._end_later(float(wanted["seconds"])))
        else:
            await self._end_outage()
        return web.json_response({"open": self.gate.is_open, "unavailable": self.axis.unavailable})

    async def inject(self, request: web.Request) -> web.Response:
        """Send a package in an agency's name, past signing and faults."""
        try:
            incoming = await self._incoming(request)
            package, copies = await asyncio.to_thread(self.axis.operations.prepare, incoming)
            answer: Answer = self.axis.operations.keep(package, copies)
        except Refusal as refusal:
            return web.json_response({"error": refusal.description, "code": refusal.code}, status=422)
        except (NotEdxml, ValueError, KeyError) as error:
            return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=400)
        return web.json_response(
            {
                "docId": answer["DocId"],
                "document_id": package.document_id,
                "digests": package.digests,
                "received_as": {copy.system: copy.receiver_doc_id for copy in copies},
            },
            status=201,
        )

    async def content(self, request: web.Request) -> web.Response:
        """Return a package's bytes by the sender's DocId."""
        form = request.query.get("form", "relayed")
        found = self.axis.operations.store.content(request.match_info["doc_id"], form)
        if found is None:
            raise web.HTTPNotFound
        return web.Response(body=found, content_type="application/xml")

    async def state(self, request: web.Request) -> web.Response:
        """Show everything; `?packages=0` leaves the list of packages away."""
        operations, meter = self.axis.operations, self.axis.meter
        copies = operations.store.copies()
        shown = [_package_row(package) for package in operations.store.packages()]
        repeats = [
            {"identity": identity, "count": count, "docIds": ids} for identity, count, ids in operations.store.repeats()
        ]
        state: dict[str, Any] = {
            "systems": {system_id: system.name for system_id, system in operations.systems.items()},
            "counts": {
                "packages": len(shown),
                "by_type": Counter(str(row["messageType"]) for row in shown),
                "copies": len(copies),
                "by_state": Counter(copy.state for copy in copies),
                "repeats": sum(group[1] - 1 for group in operations.store.repeats()),
            },
            "pending": Counter(copy.system for copy in copies if copy.state == "processing"),
            "repeats": repeats,
            "requests": meter.requests,
            "peak_per_second": meter.peak_per_second,
            "refusals": list(meter.refusals),
            "signing_errors": list(meter.signing_errors),
            "observations": operations.observations,
            "open": self.gate.is_open and not self.axis.unavailable,
            "ministries": {key: ministry.state() for key, ministry in self.ministries.items()},
        }
        if request.query.get("packages", "1") != "0":
            state["packages"] = shown
            state["copies"] = [
                {
                    "docId": copy.doc_id,
                    "receiverDocId": copy.receiver_doc_id,
                    "system": copy.system,
                    "to": copy.recipients,
                    "state": copy.state,
                    "fetched": copy.fetched,
                    "acks": copy.acks,
                }
                for copy in copies
            ]
        return web.json_response(state)

    async def _begin_outage(self, mode: str) -> None:
        if mode == "503":
            self.axis.unavailable = True
        else:
            await self.gate.shut()

    async def _end_outage(self) -> None:
        self.axis.unavailable = False
        await self.gate.open()

    async def _end_later(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self._end_outage()

    async def _incoming(self, request: web.Request) -> Incoming:
        body = await request.read()
        wanted: dict[str, Any] = dict(request.query)
        if body.lstrip().startswith(b"{"):  # whatever the media type says: curl -d calls everything a form
            wanted |= json.loads(body)
            body = b""
        if not body:
            body = await self._generated(wanted)
        seen = edxml.read(body)
        sender = str(wanted.get("from") or seen.sender.code)
        to = str(wanted["to_header"]).split(",") if wanted.get("to_header") else None
        kind = "status" if seen.is_status else "edoc"
        return Incoming(self.axis.operations.owner(sender), sender, kind, body, tuple(to) if to else None)

    async def _generated(self, wanted: Mapping[str, Any]) -> bytes:
        """Write a document from simple parameters. Raises KeyError for a missing `from` or `to`."""
        now = self.now()
        sequence = self.axis.operations.store.count() + 1
        seed = int(wanted.get("seed", self.axis.operations.settings.seed))
        draft = Draft(
            sender=self._organ(str(wanted["from"])),
            recipients=tuple(self._organ(code) for code in str(wanted["to"]).split(",")),
            number=str(wanted.get("number", sequence)),
            notation=str(wanted.get("notation", "VPCP-KSTT")),
            subject=str(wanted.get("subject", "V/v kiểm tra liên thông văn bản")),
            promulgated=str(wanted.get("date", f"{now:%Y/%m/%d}")),
            priority=int(wanted.get("priority", 0)),
            business_type=int(wanted.get("business_type", 0)),
            business_document_id=str(wanted.get("business_document_id", "")),
            document_id=str(wanted.get("document_id", "")),
        )
        count, size = int(wanted.get("pdfs", 1)), int(wanted.get("size", 2000))
        signed = self.pki is not None and str(wanted.get("signed", 1)) != "0"
        draft = replace(draft, files=await self._files(draft, count, size, seed, signed))
        return write_document(draft, now, Random(seed + sequence))  # noqa: S311 (entry names of a simulation)

    async def _files(self, draft: Draft, count: int, size: int, seed: int, signed: bool) -> tuple[File, ...]:
        """Make the attachments: signed papers if that is wanted, else plain deterministic PDFs."""
        if self.pki is None or not signed:
            return pdf_files(draft.subject, count, size, seed)
        return await asyncio.to_thread(self.pki.desk().files, draft, count, size, seed)

    def _organ(self, code: str) -> Organ:
        agency = self.axis.operations.directory.find(code)
        return Organ(code, agency.name if agency else "")


def _package_row(package: Any) -> dict[str, object]:
    return {
        "docId": package.doc_id,
        "system": package.system,
        "from": package.sender,
        "messageType": package.message_type,
        "documentId": package.document_id,
        "businessType": package.business_type,
        "title": package.title,
        "notation": package.notation,
        "digests": package.digests,
        "created": package.created,
    }
