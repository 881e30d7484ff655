"""Business statuses handed to updateStatus.

The API has one call for two layers (reference §1.1, §7.1): "done" acknowledges, while some document systems give it
the numbers 01 … 16 of the business layer. Here such a number becomes what it means: an edXML status of the receiving
party about the document, sent to the issuer like any other.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Final

from adapters.lgsp.package import EDXML, Encode
from gateway.clock import VIETNAM
from gateway.errors import Refusal
from gateway.model.delivery import Delivery
from gateway.model.document import Content, Document, DocumentStatus, Organization, ResponseFor, StatusCode
from gateway.model.message import Message, Submission
from gateway.ports import Accept, Call

_NUMBER: Final = re.compile(r"0?[1-9]|1[0-6]")


def business_status(text: str) -> int:
    """The number *text* is, 1 to 16; 0 if it is none."""
    return int(text) if _NUMBER.fullmatch(text) else 0


class Reporting:
    """Turns a number into a status message through the accept story."""

    def __init__(self, accept: Accept, contents: Callable[[Message], Awaitable[Content]], encode: Encode) -> None:
        self._accept = accept
        self._contents = contents
        self._encode = encode

    async def prepare(self, call: Call, delivery: Delivery, message: Message, number: int, reason: str) -> Submission:
        """The status *number* about the document of *delivery*. Refusal if it is not about a document."""
        document = await self._contents(message)
        if not isinstance(document, Document):
            raise Refusal("http.request", "status", "a business status is about a document, this is a status")
        status = DocumentStatus(
            sender=_reporter(document, delivery.party),
            about=ResponseFor(
                organ_id=document.sender.organ_id,
                code=str(document.code),
                document_id=document.document_id,
                on=document.promulgation.on,
            ),
            status=number,
            description=reason,
            at=call.received_at.astimezone(VIETNAM).replace(microsecond=0),
        )
        return Submission(
            peer=call.caller.system,
            dialect=EDXML,
            raw=self._encode(status),
            received_at=call.received_at,
            reference="" if number == StatusCode.IN_PROGRESS else f"updateStatus/{delivery.id}/{number:02d}",
        )

    async def send(self, status: Submission) -> None:
        """Accept it; telling the same one again, at another time, changes nothing (05 may be told repeatedly)."""
        try:
            await self._accept(status)
        except Refusal as refusal:
            if refusal.code != "message.conflict" or not status.reference:
                raise


def _reporter(document: Document, party: str) -> Organization:
    """The receiving party as the document names it."""
    named = (organ for organ in document.recipients if organ.organ_id.casefold() == party.casefold())
    return next(named, Organization(party))
