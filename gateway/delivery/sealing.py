"""The organisation's signature on what leaves: a route's step between reading a document and encoding it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from gateway.model.delivery import Delivery, Purpose
from gateway.model.document import Attachment, Content, Document
from gateway.model.message import Kind, Message
from gateway.model.party import Parties
from gateway.model.verdict import Applied
from gateway.ports import Seals, SealWish
from gateway.ports.signing import SealForm

HEAD: Final = 1024
"""Bytes within which a PDF says that it is one (ISO 32000-1 annex H)."""


@dataclass(frozen=True, slots=True)
class Profile:
    """In whose name, on which kinds of message, and how the document itself and its other PDFs are signed."""

    id: str
    parties: Parties
    kinds: frozenset[Kind] = frozenset({Kind.DOCUMENT, Kind.REPLACEMENT})
    form: SealForm = "seal"
    attachments: SealForm | None = "corner"
    """None leaves them as they are."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A document with our signatures on it, and the record of each."""

    content: Document
    applied: tuple[Applied, ...]


@dataclass(frozen=True, slots=True)
class SealingRoute:
    """Recipients that match *to* behind *platform* get what *profiles* sign."""

    to: Parties
    platform: str
    profiles: tuple[Profile, ...]


@dataclass(frozen=True, slots=True)
class Sealing:
    """Decides by sender, kind and route; the signing itself is behind the port."""

    seals: Seals | None = None
    routes: Sequence[SealingRoute] = field(default=())

    async def __call__(self, delivery: Delivery, message: Message | None, read: Callable[[], Content]) -> Sealed | None:
        """The document as it is to go out; None if nothing of it is to be signed. Raises Refusal sign.… or pdf.…"""
        profile = self._profile(delivery, message)
        if profile is None or self.seals is None:
            return None
        content = await asyncio.to_thread(read)
        if not isinstance(content, Document):
            return None
        return await _signed(content, profile, self.seals)

    def _profile(self, delivery: Delivery, message: Message | None) -> Profile | None:
        if message is None or delivery.purpose is not Purpose.CONTENT:
            return None
        kind, sender = message.envelope.kind, message.envelope.sender
        for route in self.routes:
            if route.platform == delivery.destination and any(one in route.to for one in delivery.recipients):
                for profile in route.profiles:
                    if sender in profile.parties and kind in profile.kinds:
                        return profile
        return None


async def _signed(content: Document, profile: Profile, seals: Seals) -> Sealed | None:
    """The first PDF is the document, every other one an attachment in a file of its own (NĐ 30/2020 Phụ lục I)."""
    files: list[Attachment] = []
    applied: list[Applied] = []
    form: SealForm | None = profile.form
    for file in content.attachments:
        if form is not None and b"%PDF-" in file.content[:HEAD]:
            signed, record = await seals(file.content, _wish(content, file, profile, form))
            if record.before != record.after:
                file = replace(file, content=signed, wrapping=None)
                applied.append(record)
            form = profile.attachments
        files.append(file)
    return Sealed(replace(content, attachments=tuple(files)), tuple(applied)) if applied else None


def _wish(content: Document, file: Attachment, profile: Profile, form: SealForm) -> SealWish:
    return SealWish(
        party=content.sender.organ_id,
        name=file.name,
        profile=profile.id,
        form=form,
        number=str(content.code),
        agency=content.sender.name,
        signer=content.signer.full_name,
    )


NOT_SIGNED: Final = Sealing()
"""For destinations that no route signs for."""
