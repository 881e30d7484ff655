"""What one system takes from the axis: list, fetch, store, only then acknowledge (reference vxp-edxml §6.4)."""

from __future__ import annotations

import fnmatch
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import aiohttp

from sandbox import edxml
from sandbox.caller import AxisFailure, Caller, codes_of
from sandbox.edxml import NotEdxml, Organ, Reference, Seen
from sandbox.habits import CAREFUL, Habits
from sandbox.ledger import Ledger
from sandbox.settings import System

_log = logging.getLogger("sandbox.inbox")
UNREACHABLE = (aiohttp.ClientError, TimeoutError, AxisFailure)
"""What calling a stuttering axis can raise; whoever polls tries again at the next poll."""


class Inbox:
    """Documents and statuses by their content, whatever package brought them: one that comes again only counts.

    With `per_party` a document is booked once for each of the system's parties it is listed for, else once. With a
    folder both ledgers are journals that survive a restart.
    """

    def __init__(self, system: System, folder: Path | None = None, per_party: bool = False) -> None:
        self.documents = Ledger(folder / f"{system.system_id}.documents.jsonl" if folder else None)
        self.statuses = Ledger(folder / f"{system.system_id}.statuses.jsonl" if folder else None)
        self.unreadable: list[str] = []
        self._system = system
        self._per_party = per_party

    async def take(self, axis: Caller, habits: Habits = CAREFUL, party: str | None = None) -> int:
        """Take everything that is listed (for one party). Returns how many packages; raises nothing for a stuttering
        axis: what failed stays listed."""
        taken = 0
        for kind in ("edoc", "status"):
            for row in await self._listed(axis, kind, party):
                taken += await self._take(axis, row, habits)
        return taken

    def acts_for(self, code: str) -> bool:
        """Tell whether a code is one of the system's parties."""
        patterns = (self._system.system_id, *self._system.agencies)
        return any(fnmatch.fnmatchcase(code, pattern) for pattern in patterns)

    async def _listed(self, axis: Caller, kind: str, party: str | None) -> list[Mapping[str, str]]:
        try:
            return await axis.pending(kind, party)
        except UNREACHABLE as error:
            _log.debug("Chưa lấy được danh sách %s (list failed): %s", kind, error)
            return []

    async def _take(self, axis: Caller, row: Mapping[str, str], habits: Habits) -> int:
        """Fetch, store, only then acknowledge; a damaged file is not acknowledged and comes again."""
        doc_id = str(row["docId"])
        try:
            self._keep(edxml.read(await axis.fetch(doc_id)), codes_of(str(row.get("to", ""))))
            for state, reason in habits.verdicts():
                await axis.acknowledge(doc_id, state, reason)
        except NotEdxml:
            self.unreadable.append(doc_id)
            return 0
        except UNREACHABLE as error:
            _log.debug("Chưa nhận được gói %s (fetch failed): %s", doc_id, error)
            return 0
        return 1

    def _keep(self, seen: Seen, listed_for: Iterable[str]) -> None:
        key = "|".join(seen.identity())
        if seen.is_status:
            self.statuses.add(key, **_status_record(seen))
            return
        for own in self._owners(seen, listed_for):
            place = f"{key}|{own.code}" if self._per_party else key
            if self.documents.add(place, **_document_record(seen, own)):
                _log.info(
                    "%s nhận văn bản %s/%s từ %s (document received)",
                    own.name or own.code,
                    seen.number,
                    seen.notation,
                    seen.sender.name or seen.sender.code,
                )

    def _owners(self, seen: Seen, listed_for: Iterable[str]) -> list[Organ]:
        """Return the parties a document is for: as listed, else as the document itself says, at least the system."""
        names = {organ.code: organ.name for organ in seen.recipients}
        addressed = [code for code in names if self.acts_for(code)]
        codes = [code for code in listed_for if self.acts_for(code)] if self._per_party else []
        owners = [Organ(code, names.get(code, "")) for code in codes or addressed or [self._system.system_id]]
        return owners if self._per_party else owners[:1]


def _document_record(seen: Seen, own: Organ) -> Mapping[str, Any]:
    return {
        "sender": seen.sender.code,
        "sender_name": seen.sender.name,
        "recipient": own.code,
        "recipient_name": own.name,
        "document_id": seen.document_id,
        "code": f"{seen.number}/{seen.notation}",
        "promulgated": seen.promulgated,
        "subject": seen.subject,
        "priority": seen.priority,
        "business_type": seen.business_type,
        "files": [{"name": file.name, "size": len(file.content), "sha256": file.sha256} for file in seen.files],
    }


def _status_record(seen: Seen) -> Mapping[str, Any]:
    about = seen.response_for or Reference("", "", "")
    return {
        "sender": seen.sender.code,
        "sender_name": seen.sender.name,
        "recipient": about.organ_id,
        "document_id": about.document_id,
        "code": about.code,
        "promulgated": about.promulgated,
        "status_code": seen.status_code,
        "description": seen.description,
    }
