"""Orders to a simulated ministry over the control interface: what it answers, and what it sends after a document.

POST /ministries/{system_id}/poll         poll now; answers with how much it took and its state
POST /ministries/{system_id}/replies      {"codes": ["01", "03", "04", "05", "06"], "polls_between": 1,
                                           "reasons": {"02": "…"}, "change_answer": "15" | "16" | ""}
POST /ministries/{system_id}/status       {"document_id": "…", "code": "02", "description": "…"}: about a document it
                                           received, sent over the wire at once
POST /ministries/{system_id}/recall       {"document_id": "…", "reason": "…", "form": "document" | "status"}: business
                                           type 1, or a status 13 to every receiver
POST /ministries/{system_id}/update       {"document_id": "…", "reason": "…", "subject": "…"}: business type 2
POST /ministries/{system_id}/replacement  {"document_id": "…", "reason": "…", "number": "…", "subject": "…"}: type 3

`document_id` names a document the ministry sent (to recall, update, replace), by default its last one. These three
go past signing and faults like `POST /packages`, and answer with the packages' docIds and document ids.
404: no such ministry or document. 400: the order makes no sense. 422: the axis refuses. 502: the axis did not answer.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any

from aiohttp import web

from sandbox import changes, edxml
from sandbox.agency import AgencySystem
from sandbox.axis import Axis
from sandbox.edxml import NotEdxml
from sandbox.inbox import UNREACHABLE
from sandbox.operations import Incoming
from sandbox.refusals import Refusal
from sandbox.replies import STATUS_TEXT, Replies
from sandbox.store import Package
from sandbox.writing import Draft, write_document

Order = Callable[[AgencySystem, Mapping[str, Any]], Awaitable[web.Response]]


@dataclass(frozen=True, slots=True)
class Orders:
    """Handlers of `/ministries/…`; `now` writes the timestamps of what they send."""

    axis: Axis
    ministries: Mapping[str, AgencySystem]
    now: Callable[[], datetime]

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the routes of the control interface."""
        orders: Mapping[str, Order] = {
            "poll": self.poll,
            "replies": self.set_replies,
            "status": self.report,
            "recall": self.recall,
            "update": self.update,
            "replacement": self.replace,
        }
        return [
            web.post(f"/ministries/{{system_id}}/{name}", self._carrying_out(order)) for name, order in orders.items()
        ]

    async def poll(self, ministry: AgencySystem, wanted: Mapping[str, Any]) -> web.Response:
        """Make it poll now."""
        return web.json_response({"taken": await ministry.poll_once(), **ministry.state()})

    async def set_replies(self, ministry: AgencySystem, wanted: Mapping[str, Any]) -> web.Response:
        """Exchange what it answers with, for documents it has already too."""
        ministry.replies = Replies.from_json(wanted)
        return web.json_response({"replies_owed": ministry.state()["replies_owed"]})

    async def report(self, ministry: AgencySystem, wanted: Mapping[str, Any]) -> web.Response:
        """Send one status about a document it received."""
        code = str(wanted.get("code", ""))
        if code not in STATUS_TEXT:
            raise ValueError(f"unknown status code: {code}")
        doc_id = await ministry.report(str(wanted["document_id"]), code, str(wanted.get("description", "")))
        return web.json_response({"docIds": [doc_id]}, status=201)

    async def recall(self, ministry: AgencySystem, wanted: Mapping[str, Any]) -> web.Response:
        """Recall a document it sent: as a document of type 1, or by asking every receiver with a status 13."""
        original, reason = self._original(ministry, wanted), str(wanted.get("reason", ""))
        form = wanted.get("form", "document")
        if form == "document":
            return self._send(ministry, [self._written(changes.recall(original, reason))])
        if form == "status":
            return self._send(ministry, list(changes.give_back(original, reason, self.now())))
        raise ValueError(f"form is document or status: {form}")

    async def update(self, ministry: AgencySystem, wanted: Mapping[str, Any]) -> web.Response:
        """Update a document it sent."""
        original = self._original(ministry, wanted)
        draft = changes.update(original, str(wanted.get("reason", "")), **_changed(wanted))
        return self._send(ministry, [self._written(draft)])

    async def replace(self, ministry: AgencySystem, wanted: Mapping[str, Any]) -> web.Response:
        """Put a new document in the place of one it sent."""
        original = self._original(ministry, wanted)
        number = str(wanted.get("number") or f"{original.number}-TT")
        draft = changes.replacement(original, number, str(wanted.get("reason", "")), **_changed(wanted))
        return self._send(ministry, [self._written(draft)])

    def _carrying_out(self, order: Order) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            ministry = self.ministries.get(request.match_info["system_id"])
            if ministry is None:
                return _error(404, f"No such ministry: {request.match_info['system_id']}")
            try:
                return await order(ministry, await _object(request))
            except KeyError as error:
                return _error(404, f"No such document: {error}")
            except (NotEdxml, ValueError) as error:
                return _error(400, str(error))
            except Refusal as refusal:
                return _error(422, refusal.description)
            except UNREACHABLE as error:
                return _error(502, f"{type(error).__name__}: {error}")

        return handle

    def _original(self, ministry: AgencySystem, wanted: Mapping[str, Any]) -> Draft:
        """The last document the ministry sent (with this DocumentId), not counting what followed one."""
        store, document_id = self.axis.operations.store, wanted.get("document_id")

        def fits(package: Package) -> bool:
            if package.system != ministry.system.system_id or package.message_type != "edoc":
                return False
            return package.document_id == document_id if document_id else package.business_type in ("0", "3")

        found = [package for package in store.packages() if fits(package)]
        if not found:
            raise KeyError(document_id or "nothing sent yet")
        content = store.content(found[-1].doc_id, "sent")
        return changes.draft_of(edxml.read(content or b""))

    def _written(self, draft: Draft) -> bytes:
        operations = self.axis.operations
        dice = Random(operations.settings.seed + operations.store.count())  # noqa: S311 (entry names of a simulation)
        return write_document(draft, self.now(), dice)

    def _send(self, ministry: AgencySystem, files: Iterable[bytes]) -> web.Response:
        operations, packages = self.axis.operations, []
        for file in files:
            seen = edxml.read(file)
            kind = "status" if seen.is_status else "edoc"
            package, copies = operations.prepare(Incoming(ministry.system.system_id, seen.sender.code, kind, file))
            operations.keep(package, copies)
            packages.append(package)
        answer = {
            "docIds": [package.doc_id for package in packages],
            "document_ids": sorted({package.document_id for package in packages}),
        }
        return web.json_response(answer, status=201)


async def _object(request: web.Request) -> Mapping[str, Any]:
    body = await request.read()
    wanted = json.loads(body) if body else {}
    if not isinstance(wanted, dict):
        raise ValueError("an order is a JSON object")
    return wanted


def _changed(wanted: Mapping[str, Any]) -> dict[str, Any]:
    return {"subject": str(wanted["subject"])} if wanted.get("subject") else {}


def _error(status: int, reason: str) -> web.Response:
    return web.json_response({"error": reason}, status=status)
