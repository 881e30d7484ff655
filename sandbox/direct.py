"""A document system wired straight to the axis, with the mistakes one meets: the demo's prologue.

It sends once with a short timeout and shows "error" for whatever it did not hear; the clerk then sends again (and the
receiver has it twice, if only the answer was lost) or forgets. It acknowledges what it downloaded before storing it,
so a crash between the two loses the document for good. The same seed makes the same mistakes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from sandbox import edxml
from sandbox.agency import UNREACHABLE
from sandbox.caller import Caller
from sandbox.edxml import NotEdxml
from sandbox.settings import System


@dataclass(slots=True)
class Mistakes:
    """What happened, as an observer beside the clerk would note it. Lists hold DocumentIds (lost: axis ids)."""

    believed_sent: list[str] = field(default_factory=list)
    sent_again: list[str] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    stored: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


class DirectSystem:
    """A naive system on the axis.

    `impatience` is its timeout in seconds, `diligence` the chance that the clerk sends again after an error,
    `fragility` the chance that it crashes between acknowledging and storing.
    """

    def __init__(
        self,
        base_url: str,
        system: System,
        seed: int,
        impatience: float = 0.5,
        diligence: float = 0.5,
        fragility: float = 0.3,
    ) -> None:
        self.mistakes = Mistakes()
        self._base_url = base_url
        self._system = system
        self._impatience = impatience
        self._diligence = diligence
        self._fragility = fragility
        self._dice = Random(seed)  # noqa: S311 (a clerk, not a secret)

    async def send(self, file: bytes, sender: str) -> bool:
        """Send as the clerk does; True if the screen finally said sent."""
        document_id = edxml.read(file).document_id
        if await self._sent(file, sender):
            self.mistakes.believed_sent.append(document_id)
            return True
        if self._dice.random() >= self._diligence:
            self.mistakes.forgotten.append(document_id)
            return False
        self.mistakes.sent_again.append(document_id)
        if await self._sent(file, sender):
            self.mistakes.believed_sent.append(document_id)
            return True
        self.mistakes.forgotten.append(document_id)
        return False

    async def receive(self) -> int:
        """Take what is listed, acknowledging before storing; returns how many documents were stored."""
        stored = 0
        async with self._caller() as axis:
            try:
                for row in await axis.pending("edoc"):
                    stored += await self._take(axis, row["docId"])
            except UNREACHABLE:
                return stored
        return stored

    async def _take(self, axis: Caller, doc_id: str) -> int:
        file = await axis.fetch(doc_id)
        await axis.acknowledge(doc_id, "done")
        if self._dice.random() < self._fragility:
            self.mistakes.lost.append(doc_id)
            return 0
        try:
            self.mistakes.stored.append(edxml.read(file).document_id)
        except NotEdxml:
            self.mistakes.lost.append(doc_id)
            return 0
        return 1

    async def _sent(self, file: bytes, sender: str) -> bool:
        async with self._caller() as axis:
            try:
                await axis.send(sender, "edoc", file)
            except UNREACHABLE:
                return False
        return True

    def _caller(self) -> Caller:
        return Caller(self._base_url, self._system.system_id, self._system.secret, self._impatience)
