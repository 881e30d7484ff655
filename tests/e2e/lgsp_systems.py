"""Software of the regional axis, as a test: HTTP calls written from the published collection."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp


@dataclass(frozen=True)
class LgspSystem:
    """One SystemId of the interface at *base_url* (…/lgsp/v1)."""

    base_url: str
    system_id: str
    secret: str

    async def call(self, method: str, operation: str, **options: Any) -> tuple[int, Any]:
        """One call: HTTP status and the decoded answer."""
        headers = {"X-SystemId": self.system_id, "X-SecretKey": self.secret}
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, f"{self.base_url}/{operation}", headers=headers, **options) as response,
        ):
            return response.status, await response.json(content_type=None)

    async def send(self, file: bytes, type: str = "edoc") -> tuple[int, Any]:
        """sendEdoc of an edXML file."""
        form = aiohttp.FormData()
        form.add_field("messageType", type)
        form.add_field("edocFile", file, filename="công văn.edxml", content_type="application/octet-stream")
        return await self.call("POST", "sendEdoc", data=form)

    async def pending(self, type: str = "edoc") -> list[Mapping[str, Any]]:
        """The rows of syncReceivedEdocList."""
        _, answer = await self.call("GET", "syncReceivedEdocList", params={"messageType": type})
        rows: list[Mapping[str, Any]] = answer["data"]
        return rows

    async def fetch(self, doc_id: str) -> bytes:
        """The package of getEdoc, from base64."""
        _, answer = await self.call("GET", "getEdoc", params={"docId": doc_id})
        return base64.b64decode(answer["data"]["data"], validate=True)

    async def acknowledge(self, doc_id: str, status: str = "done") -> Any:
        """updateStatus."""
        _, answer = await self.call("POST", "updateStatus", json={"docId": doc_id, "status": status})
        return answer
