"""A ministry's document system on the axis: polls, stores, acknowledges, answers with statuses.

It does what reference §6.4 describes and dedupes as a careful receiver would, so that one can count what reached it
in effect (`distinct`) and how often something came again (`repeated`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from sandbox.caller import Caller
from sandbox.edxml import Organ, Reference
from sandbox.inbox import UNREACHABLE as UNREACHABLE
from sandbox.inbox import Inbox
from sandbox.ledger import Ledger
from sandbox.replies import Replies
from sandbox.settings import System
from sandbox.wire import VIETNAM
from sandbox.writing import write_status

_log = logging.getLogger("sandbox.agency")
_OF_STATUS = "status|"
"""Before the key of a status in the ledger of replies, so that it cannot be a document's."""


class AgencySystem:
    """One system on the axis; `replies` is what it answers with and may be exchanged at any time."""

    def __init__(
        self,
        base_url: str,
        system: System,
        replies: Replies | None = None,
        folder: Path | None = None,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self.system = system
        self.replies = replies or Replies()
        self._inbox = Inbox(system, folder)
        self.documents = self._inbox.documents
        self.statuses = self._inbox.statuses
        self.unreadable = self._inbox.unreadable
        self._replied = Ledger(folder / f"{system.system_id}.replies.jsonl" if folder else None)
        self._resting: dict[str, int] = {}
        self._base_url = base_url
        self._now = now or (lambda: datetime.now(VIETNAM))

    async def poll_once(self) -> int:
        """Take and acknowledge everything that is listed, then send the replies due. Returns packages taken.

        Raises nothing for a stuttering axis: what failed stays listed or owed.
        """
        self._resting = {key: polls - 1 for key, polls in self._resting.items() if polls > 1}
        async with self._caller() as axis:
            taken = await self._inbox.take(axis)
            await self._send_owed(axis)
        return taken

    async def run(self, interval: float) -> None:
        """Poll until cancelled; `interval` in seconds."""
        while True:
            await self.poll_once()
            await asyncio.sleep(interval)

    async def send_document(self, file: bytes, sender: str, to: list[str] | None = None) -> str:
        """Send one edXML document; returns the axis' DocId, raises what `Caller.send` raises."""
        async with self._caller() as axis:
            return await axis.send(sender, "edoc", file, to)

    async def report(self, document_id: str, code: str, words: str = "") -> str:
        """Send one status about a received document now; it is not owed any more. Returns the axis' DocId.

        Raises KeyError for a document that never came, else what `Caller.send` raises.
        """
        found = [key for key, record in self.documents.records.items() if record["document_id"] == document_id]
        if not found:
            raise KeyError(document_id)
        async with self._caller() as axis:
            return await self._reply(axis, found[-1], self.documents.records[found[-1]], code, words)

    def state(self) -> dict[str, object]:
        """Return what the control interface shows of this system."""
        return {
            "documents": self.documents.distinct,
            "documents_repeated": self.documents.repeated,
            "statuses": self.statuses.distinct,
            "statuses_repeated": self.statuses.repeated,
            "unreadable": len(self.unreadable),
            "replies_owed": sum(1 for _ in self._owed()),
            "received": list(self.documents.records.values()),
            "received_statuses": list(self.statuses.records.values()),
        }

    def _caller(self) -> Caller:
        return Caller(self._base_url, self.system.system_id, self.system.secret)

    def _owed(self) -> Iterator[tuple[str, Mapping[str, Any], str]]:
        """Replies not yet sent, per document in the order of their codes."""
        for key, record in self.documents.records.items():
            for code in self.replies.to_document(record):
                if f"{key}#{code}" not in self._replied:
                    yield key, record, code
        for key, record in self.statuses.records.items():
            for code in self.replies.to_status(record):
                if f"{_OF_STATUS}{key}#{code}" not in self._replied:
                    yield _OF_STATUS + key, record, code

    async def _send_owed(self, axis: Caller) -> None:
        for key, record, code in list(self._owed()):
            if key in self._resting:
                continue
            try:
                await self._reply(axis, key, record, code)
            except UNREACHABLE as error:
                _log.debug("Chưa gửi được trạng thái %s (status failed): %s", code, error)
                return
            if self.replies.polls_between:
                self._resting[key] = self.replies.polls_between

    async def _reply(self, axis: Caller, key: str, record: Mapping[str, Any], code: str, words: str = "") -> str:
        about = Reference(record["sender"], record["code"], record["document_id"], record["promulgated"])
        own = Organ(record["recipient"], record.get("recipient_name") or self.system.name)
        file = write_status(own, about, code, words or self.replies.words(code), self._now())
        doc_id = await axis.send(own.code, "status", file)
        self._replied.add(f"{key}#{code}")
        return doc_id
