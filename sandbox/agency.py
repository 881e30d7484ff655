"""A ministry's document system on the axis: polls, stores, acknowledges, answers with statuses 01 and 03.

It does what reference §6.4 describes and dedupes as a careful receiver would, so that one can count what reached it
in effect (`distinct`) and how often something came again (`repeated`).
"""

from __future__ import annotations

import asyncio
import fnmatch
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

import aiohttp

from sandbox import edxml
from sandbox.caller import AxisFailure, Caller
from sandbox.edxml import NotEdxml, Organ, Reference, Seen
from sandbox.ledger import Ledger
from sandbox.settings import System
from sandbox.wire import VIETNAM
from sandbox.writing import write_status

_log = logging.getLogger("sandbox.agency")
STATUS_TEXT = {
    "01": "Đã đến",
    "02": "Từ chối tiếp nhận",
    "03": "Đã tiếp nhận",
    "04": "Phân công",
    "05": "Đang xử lý",
    "06": "Hoàn thành",
}
UNREACHABLE = (aiohttp.ClientError, TimeoutError, AxisFailure)
"""What calling a stuttering axis can raise; the agency tries again at its next poll."""


class AgencySystem:
    """One system on the axis. `replies` are the status codes it answers every new document with."""

    def __init__(
        self,
        base_url: str,
        system: System,
        replies: tuple[str, ...] = ("01", "03"),
        folder: Path | None = None,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self.system = system
        self.documents = Ledger(folder / f"{system.system_id}.documents.jsonl" if folder else None)
        self.statuses = Ledger(folder / f"{system.system_id}.statuses.jsonl" if folder else None)
        self._replied = Ledger(folder / f"{system.system_id}.replies.jsonl" if folder else None)
        self.unreadable: list[str] = []
        self._base_url = base_url
        self._replies = replies
        self._now = now or (lambda: datetime.now(VIETNAM))

    async def poll_once(self) -> int:
        """Take and acknowledge everything that is listed, then send the replies owed. Returns packages taken.

        Raises nothing for a stuttering axis: what failed stays listed or owed.
        """
        taken = 0
        async with Caller(self._base_url, self.system.system_id, self.system.secret) as axis:
            for kind in ("edoc", "status"):
                for row in await self._listed(axis, kind):
                    taken += await self._take(axis, str(row["docId"]))
            await self._send_owed(axis)
        return taken

    async def run(self, interval: float) -> None:
        """Poll until cancelled; `interval` in seconds."""
        while True:
            await self.poll_once()
            await asyncio.sleep(interval)

    async def send_document(self, file: bytes, sender: str, to: list[str] | None = None) -> str:
        """Send one edXML document; returns the axis' DocId, raises what `Caller.send` raises."""
        async with Caller(self._base_url, self.system.system_id, self.system.secret) as axis:
            return await axis.send(sender, "edoc", file, to)

    def state(self) -> dict[str, object]:
        """Return what the control interface shows of this system."""
        return {
            "documents": self.documents.distinct,
            "documents_repeated": self.documents.repeated,
            "statuses": self.statuses.distinct,
            "statuses_repeated": self.statuses.repeated,
            "unreadable": len(self.unreadable),
            "replies_owed": len(self._owed()),
            "received": list(self.documents.records.values()),
            "received_statuses": list(self.statuses.records.values()),
        }

    async def _listed(self, axis: Caller, kind: str) -> list[Mapping[str, str]]:
        try:
            return await axis.pending(kind)
        except UNREACHABLE as error:
            _log.debug("Chưa lấy được danh sách %s (list failed): %s", kind, error)
            return []

    async def _take(self, axis: Caller, doc_id: str) -> int:
        """Fetch, store, only then acknowledge; a damaged file is not acknowledged and comes again."""
        try:
            self._keep(edxml.read(await axis.fetch(doc_id)))
            await axis.acknowledge(doc_id, "done")
        except NotEdxml:
            self.unreadable.append(doc_id)
            return 0
        except UNREACHABLE as error:
            _log.debug("Chưa nhận được gói %s (fetch failed): %s", doc_id, error)
            return 0
        return 1

    def _keep(self, seen: Seen) -> None:
        key = "|".join(seen.identity())
        if seen.is_status:
            self.statuses.add(
                key,
                sender=seen.sender.code,
                status_code=seen.status_code,
                document_id=seen.response_for.document_id if seen.response_for else "",
            )
            return
        own = next((organ for organ in seen.recipients if self._acts_for(organ.code)), Organ(self.system.system_id))
        is_new = self.documents.add(
            key,
            sender=seen.sender.code,
            sender_name=seen.sender.name,
            recipient=own.code,
            recipient_name=own.name,
            document_id=seen.document_id,
            code=f"{seen.number}/{seen.notation}",
            promulgated=seen.promulgated,
            subject=seen.subject,
            priority=seen.priority,
            business_type=seen.business_type,
            files=[{"name": file.name, "size": len(file.content), "sha256": file.sha256} for file in seen.files],
        )
        if is_new:
            _log.info(
                "%s nhận văn bản %s/%s từ %s (document received)",
                self.system.name,
                seen.number,
                seen.notation,
                seen.sender.name or seen.sender.code,
            )

    def _acts_for(self, code: str) -> bool:
        patterns = (self.system.system_id, *self.system.agencies)
        return any(fnmatch.fnmatchcase(code, pattern) for pattern in patterns)

    def _owed(self) -> list[tuple[str, str]]:
        """Replies not yet sent, per document in the order of their codes."""
        return [
            (key, code)
            for key in self.documents.records
            for code in self._replies
            if f"{key}#{code}" not in self._replied
        ]

    async def _send_owed(self, axis: Caller) -> None:
        for key, code in self._owed():
            document = self.documents.records[key]
            about = Reference(document["sender"], document["code"], document["document_id"], document["promulgated"])
            own = Organ(document["recipient"], document["recipient_name"] or self.system.name)
            file = write_status(own, about, code, STATUS_TEXT[code], self._now())
            try:
                await axis.send(own.code, "status", file)
            except UNREACHABLE as error:
                _log.debug("Chưa gửi được trạng thái %s (status failed): %s", code, error)
                return
            self._replied.add(f"{key}#{code}")
