"""The province's document systems as the traffic uses them: two makers, one manner.

A desk sends until it hears "accepted", takes what lies in its mailbox, and reports 01 or 03 about every document it
got, each report under one key and with the same bytes until it is accepted.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from sandbox.caller import AxisRefusal
from sandbox.department import DepartmentSystem, Refused, compose, content_key
from sandbox.edxml import File, Organ, Reference
from sandbox.office import OfficeSystem
from sandbox.patience import Patience
from sandbox.pdf import make_pdf
from sandbox.replies import STATUS_TEXT
from sandbox.settings import System
from sandbox.wire import VIETNAM
from sandbox.writing import Draft, write_status

PARTY = {"snv": "H53.01", "stc": "H53.02", "snn": "H53.03"}
"""The party that each document system serves."""
REST = ("snv", "stc")
OFFICE = "snn"
"""The system that speaks VXP to the gateway; the others speak REST."""
OFFICE_SYSTEM = "000.00.03.H53"
OFFICE_SECRET = "the office's secret in a test"
OWN_REPORTS = {"snv": (1, 3), "stc": (1, 3), "snn": (3,)}
"""What each system reports by itself. For snv and snn the gateway reports 01 too (`automatic_arrival`), for stc it does
not: whoever says it, and be it both, a 01 is in effect once."""
FOR_EVER = 1_000_000


@dataclass(frozen=True, slots=True)
class Paper:
    """A document to be sent. *size* decides whether it lies in a row or in a body file of its own."""

    sender: str
    recipients: tuple[str, ...]
    number: int
    size: int
    priority: int
    on: date

    @property
    def document_id(self) -> str:
        return f"{self.sender},{self.on:%Y/%m/%d},{self.number}/VP-CR"

    @property
    def subject(self) -> str:
        return f"V/v thử sập nguồn số {self.number}"

    def organs(self) -> tuple[Organ, ...]:
        return tuple(Organ(code, f"Đơn vị {code}") for code in self.recipients)

    def file(self) -> File:
        content = make_pdf(f"Công văn {self.number}", self.size, self.number)
        return File(f"cong-van-{self.number}.pdf", "application/pdf", content)


@dataclass(frozen=True, slots=True)
class Reported:
    """One status in effect at whoever it was meant for: *sender* said *status* about a document."""

    sender: str
    document_id: str
    status: int


class Desk(Protocol):
    """One document system. *refused* is what it heard a final no to, *twice* what came under two deliveries."""

    refused: list[str]
    twice: list[str]

    async def __aenter__(self) -> object: ...

    async def __aexit__(self, *_: object) -> None: ...

    async def send(self, paper: Paper) -> str | None:
        """Send until accepted; the gateway's message id, None for a final no."""
        ...

    async def pull(self) -> None:
        """Take and acknowledge what the mailbox lists; what fails stays for the next time."""
        ...

    async def report(self) -> None:
        """Report about every document that was taken and not yet reported on; ends when all is heard accepted."""
        ...

    def owed(self) -> int:
        """Reports still to be made."""
        ...

    def documents(self) -> Counter[str]:
        """DocumentIds in effect here, each with the number of different contents under it."""
        ...

    def statuses(self) -> Counter[Reported]: ...

    def others(self) -> int:
        """Pieces that are neither documents nor statuses: notices of failures."""
        ...


class RestDesk:
    """A system of the REST maker."""

    def __init__(self, name: str, base_url: str, key: str) -> None:
        self.refused: list[str] = []
        self._name = name
        self._department = _Department(base_url, key, name=name, pause=briefly)
        self.twice = self._department.twice
        self._reported: set[tuple[str, int]] = set()

    async def __aenter__(self) -> RestDesk:
        await self._department.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._department.__aexit__()

    async def send(self, paper: Paper) -> str | None:
        document = compose(
            Organ(paper.sender, f"Sở {self._name}"),
            paper.organs(),
            str(paper.number),
            "VP-CR",
            paper.subject,
            f"{paper.on:%Y-%m-%d}",
            [paper.file()],
            priority=paper.priority,
            document_id=paper.document_id,
        )
        try:
            return (await self._department.send(document, f"key-{paper.number}", FOR_EVER)).message_id
        except Refused as refusal:
            self.refused.append(f"{self._name} {paper.document_id}: {refusal}")
            return None

    async def pull(self) -> None:
        try:
            await self._department.pull_once()
        except Refused as refusal:
            self.refused.append(f"{self._name} mailbox: {refusal}")

    async def report(self) -> None:
        for message_id, code in self._due():
            key = f"status-{message_id}-{code}"
            try:
                words = STATUS_TEXT[f"{code:02d}"]
                await self._department.report(message_id, code, words, PARTY[self._name], key=key, tries=FOR_EVER)
            except Refused as refusal:
                self.refused.append(f"{self._name} {key}: {refusal}")
            self._reported.add((message_id, code))

    def owed(self) -> int:
        return len(self._due())

    def documents(self) -> Counter[str]:
        return Counter(row["document_id"] for row in self._rows("document"))

    def statuses(self) -> Counter[Reported]:
        return Counter(self._department.statuses)

    def others(self) -> int:
        rows = self._department.received.records.values()
        return sum(row["kind"] not in ("document", "status") for row in rows)

    def _rows(self, kind: str) -> list[Mapping[str, Any]]:
        return [row for row in self._department.received.records.values() if row["kind"] == kind]

    def _due(self) -> list[tuple[str, int]]:
        taken = [str(row["message_id"]) for row in self._rows("document")]
        wanted = [(message_id, code) for message_id in taken for code in OWN_REPORTS[self._name]]
        return [one for one in wanted if one not in self._reported]


class _Department(DepartmentSystem):
    """Also keeps what each status is about, and under which deliveries a content came."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.statuses: list[Reported] = []
        self.twice: list[str] = []
        self._deliveries: dict[tuple[str, str], str] = {}

    def keep(self, fetched: Mapping[str, Any]) -> bool:
        content = fetched["content"]
        place = content_key(content, str(fetched["message_id"])), str(fetched["party"])
        first = self._deliveries.setdefault(place, str(fetched["delivery"]))
        if first != fetched["delivery"]:
            self.twice.append(f"{fetched['message_id']}: came as {first} and as {fetched['delivery']}")
        is_new = super().keep(fetched)
        if is_new and fetched["kind"] == "status":
            about = content["about"]["document_id"]
            self.statuses.append(Reported(content["from"]["organ_id"], about, int(content["status"])))
        return is_new


class OfficeDesk:
    """The system of the VXP maker: it has no key for a repeat, its files are known again by their content."""

    def __init__(self, name: str, base_url: str) -> None:
        self.refused: list[str] = []
        self.twice: list[str] = []
        self._name = name
        system = System(OFFICE_SYSTEM, OFFICE_SECRET, f"Sở {name}", (PARTY[name],))
        self._office = OfficeSystem(f"{base_url}/vxp", system, patience=Patience(briefly))
        self._reported: set[tuple[str, int]] = set()

    async def __aenter__(self) -> OfficeDesk:
        await self._office.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._office.__aexit__()

    async def send(self, paper: Paper) -> str | None:
        draft = Draft(
            sender=Organ(paper.sender, f"Sở {self._name}"),
            recipients=paper.organs(),
            number=str(paper.number),
            notation="VP-CR",
            subject=paper.subject,
            promulgated=f"{paper.on:%Y/%m/%d}",
            priority=paper.priority,
            document_id=paper.document_id,
            files=(paper.file(),),
        )
        try:
            return (await self._office.issue(draft, tries=FOR_EVER)).doc_id.replace("-", "")
        except AxisRefusal as refusal:
            self.refused.append(f"{self._name} {paper.document_id}: {refusal}")
            return None

    async def pull(self) -> None:
        await self._office.poll_once()

    async def report(self) -> None:
        for key, code in self._due():
            try:
                await self._office.send(self._status(self._office.documents.records[key], code), tries=FOR_EVER)
            except AxisRefusal as refusal:
                self.refused.append(f"{self._name} status {code} of {key}: {refusal}")
            self._reported.add((key, code))

    def owed(self) -> int:
        return len(self._due())

    def documents(self) -> Counter[str]:
        return Counter(str(row["document_id"]) for row in self._office.documents.records.values())

    def statuses(self) -> Counter[Reported]:
        return Counter(reported_by(row) for row in self._office.statuses.records.values())

    def others(self) -> int:
        return len(self._office.unreadable)

    def _status(self, row: Mapping[str, Any], code: int) -> bytes:
        about = Reference(row["sender"], row["code"], row["document_id"], row["promulgated"])
        own, written = Organ(PARTY[self._name], f"Sở {self._name}"), f"{code:02d}"
        return write_status(own, about, written, STATUS_TEXT[written], datetime.now(VIETNAM))

    def _due(self) -> list[tuple[str, int]]:
        wanted = [(key, code) for key in self._office.documents.records for code in OWN_REPORTS[self._name]]
        return [one for one in wanted if one not in self._reported]


def reported_by(row: Mapping[str, Any]) -> Reported:
    """A status in the books of a system that speaks edXML."""
    return Reported(str(row["sender"]), str(row["document_id"]), int(row["status_code"]))


async def briefly(seconds: float) -> None:
    """A system that knows how soon a dead gateway comes back does not wait for minutes."""
    await asyncio.sleep(min(seconds, 0.2))
