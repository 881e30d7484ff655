"""A provincial document system of the VXP maker: one system for many parties, a client of the axis' own protocol.

It is pointed at the axis or at a gateway that serves the same operations, and cannot tell which. Sending: the same
bytes again until somebody says OK; the protocol has no idempotency key, so whoever listens must know a repeat by its
content. Receiving: see `inbox`. Its habits may be the vendor's SDK's, or bad ones.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from sandbox import changes, edxml, refusals
from sandbox.caller import AxisFailure, AxisRefusal, Caller
from sandbox.edxml import Organ, Reference, Seen
from sandbox.habits import CAREFUL, Habits
from sandbox.inbox import UNREACHABLE, Inbox
from sandbox.ledger import Ledger
from sandbox.patience import GaveUp, Patience
from sandbox.replies import STATUS_TEXT
from sandbox.settings import System
from sandbox.wire import VIETNAM
from sandbox.writing import Draft, write_document, write_status

if TYPE_CHECKING:
    from sandbox.pki.desk import Desk

_log = logging.getLogger("sandbox.office")
_PASSING = frozenset({refusals.SYSTEM_FAULT})
"""A FAIL that the same bytes may heal; every other one is final."""


@dataclass(frozen=True, slots=True)
class Sent:
    """Somebody said OK: the DocId they gave, and the number of the try that was heard."""

    doc_id: str
    tries: int


class OfficeSystem:
    """One document system with one system id, acting for every party its `system.agencies` cover.

    Use as an async context manager. `sent` holds what was heard OK, by content; `documents` what came in, by content
    and party; `statuses` what was reported back. With a folder all three survive a restart.
    """

    def __init__(
        self,
        base_url: str,
        system: System,
        folder: Path | None = None,
        habits: Habits = CAREFUL,
        timeout: float = 10.0,
        patience: Patience | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(VIETNAM),
        seed: int = 1,
        desk: Desk | None = None,
    ) -> None:
        self.system = system
        self.habits = habits
        self._inbox = Inbox(system, folder, per_party=True)
        self.documents = self._inbox.documents
        self.statuses = self._inbox.statuses
        self.unreadable = self._inbox.unreadable
        self.sent = Ledger(folder / f"{system.system_id}.sent.jsonl" if folder else None)
        self.tries = 0
        self._torn = 0
        self._desk = desk
        self._patience = patience or Patience(seed=seed)
        self._now = habits.wrong(now)
        self._dice = Random(seed)  # noqa: S311 (entry names of a simulation)
        leaked: dict[str, str] | None = {} if habits.leaks_headers else None
        self._axis = Caller(base_url, system.system_id, system.secret, timeout, habits.stamping(now), leaked)

    async def __aenter__(self) -> OfficeSystem:
        await self._axis.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._axis.__aexit__()

    async def issue(self, draft: Draft, to: Sequence[str] | None = None, tries: int = 100) -> Sent:
        """Write and send a document for one of the parties, with a `to` header if given; see `send`.

        A system that sends twice writes the second one anew: other ZIP bytes, another timestamp, the same document.
        With a desk a draft without files gets its letter, signed and sealed.
        """
        if self._desk is not None:
            draft = await asyncio.to_thread(self._desk.attached, draft)
        sent = await self.send(self._written(draft), draft.sender.code, to, tries)
        if self.habits.sends_twice:
            await self.send(self._written(draft), draft.sender.code, to, tries)
        return sent

    async def recall(self, original: Draft, reason: str = "") -> Sent:
        """Recall a document that was issued (business type 1)."""
        return await self.issue(changes.recall(original, reason))

    async def update(self, original: Draft, reason: str = "", **changed: Any) -> Sent:
        """Update a document that was issued (business type 2) in the fields `changed` of its draft."""
        return await self.issue(changes.update(original, reason, **changed))

    async def replace(self, original: Draft, number: str, reason: str = "", **changed: Any) -> Sent:
        """Put a new document in the place of one that was issued (business type 3)."""
        return await self.issue(changes.replacement(original, number, reason, **changed))

    async def ask_back(self, original: Draft, reason: str) -> list[Sent]:
        """Ask every receiver to give a document back (status 13)."""
        files = changes.give_back(original, reason, self._now())
        return [await self.send(file, original.sender.code) for file in files]

    async def report(self, received: Mapping[str, Any], code: str, words: str = "") -> Sent:
        """Send a status (01…06, 15, 16) about a record of `documents`, or of `statuses` when it answers a 13."""
        about = Reference(received["sender"], received["code"], received["document_id"], received["promulgated"])
        own = Organ(received["recipient"], received.get("recipient_name") or self.system.name)
        return await self.send(write_status(own, about, code, words or STATUS_TEXT[code], self._now()), own.code)

    async def send(
        self, file: bytes, sender: str | None = None, to: Sequence[str] | None = None, tries: int = 100
    ) -> Sent:
        """Send exact bytes until OK; `sender` is the `from` header, by default the file's own.

        Raises AxisRefusal for a FAIL that repeating cannot heal, GaveUp after `tries`, NotEdxml for other bytes.
        """
        seen = edxml.read(file)
        kind = "status" if seen.is_status else "edoc"
        own = sender or seen.sender.code
        for attempt in range(1, tries + 1):
            doc_id = await self._try(own, kind, file, to, attempt)
            if doc_id is None:
                continue
            self._book(seen, own, doc_id)
            return Sent(doc_id, attempt)
        raise GaveUp(f"{own}: {seen.document_id}")

    async def poll_once(self, party: str | None = None) -> int:
        """Take what is listed for all parties or for one, and acknowledge it as the habits are; returns how many."""
        return await self._inbox.take(self._axis, self.habits, party)

    async def sent_list(self, message_type: str = "edoc", doc_id: str | None = None) -> list[Mapping[str, str]]:
        """Return getSentEdocList: one row per recipient with what became of the package, notices included."""
        return await self._axis.sent(message_type, doc_id)

    def received_by(self, party: str) -> list[Mapping[str, Any]]:
        """Return the documents of one party, oldest first."""
        return [record for record in self.documents.records.values() if record["recipient"] == party]

    def state(self) -> dict[str, object]:
        """Return the counts of all three books."""
        return {
            "sent": self.sent.distinct,
            "sent_repeated": self.sent.repeated,
            "documents": self.documents.distinct,
            "documents_repeated": self.documents.repeated,
            "statuses": self.statuses.distinct,
            "statuses_repeated": self.statuses.repeated,
            "unreadable": len(self.unreadable),
            "tries": self.tries,
        }

    async def _try(self, sender: str, kind: str, file: bytes, to: Sequence[str] | None, attempt: int) -> str | None:
        """One send; the DocId, or None after the wait that follows a failure worth another try."""
        self.tries += 1
        torn = self._torn < self.habits.torn_sends
        self._torn += torn
        try:
            return await self._axis.send(sender, kind, file, to, torn)
        except UNREACHABLE as error:
            if isinstance(error, AxisRefusal) and error.code not in _PASSING:
                raise
            _log.debug("Chưa được nhận, sẽ gửi lại (not accepted yet): %s", error)
            await self._patience.wait(attempt, error.wait if isinstance(error, AxisFailure) else None)
        return None

    def _book(self, seen: Seen, sender: str, doc_id: str) -> None:
        about = seen.response_for if seen.is_status else None
        self.sent.add(
            hashlib.sha256(json.dumps(seen.identity()).encode()).hexdigest(),
            doc_id=doc_id,
            sender=sender,
            message_type="status" if seen.is_status else "edoc",
            document_id=about.document_id if about else seen.document_id,
            business_type=seen.business_type,
            status_code=seen.status_code,
        )

    def _written(self, draft: Draft) -> bytes:
        return write_document(draft, self._now(), self._dice)
