"""What a route signs: the right documents of the right senders, each file in its form, and nothing twice."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.delivery.sealing import NOT_SIGNED, Profile, Sealing, SealingRoute
from gateway.errors import Refusal
from gateway.model.delivery import Delivery, Purpose, State
from gateway.model.document import Attachment, Code, Document, Organization, Signer, Wrapping
from gateway.model.message import BodyRef, Envelope, Kind, Message
from gateway.model.party import Parties
from gateway.model.verdict import Applied
from gateway.ports import SealWish

NOW = datetime(2026, 11, 28, tzinfo=UTC)
PROFILE = Profile("con-dau", Parties(("H53.01",)))
PDF, TABLE = b"%PDF-1.7 letter", b"PK\x03\x04 table"


@dataclass
class Press:
    """Seals that mark what they sign."""

    wishes: list[SealWish] = field(default_factory=list)
    refusal: Refusal | None = None

    async def __call__(self, pdf: bytes, wish: SealWish) -> tuple[bytes, Applied]:
        self.wishes.append(wish)
        if self.refusal:
            raise self.refusal
        signed = pdf if pdf.endswith(b"sealed") else pdf + b" sealed"
        before, after = (hashlib.sha256(one).hexdigest() for one in (pdf, signed))
        return signed, Applied(wish.name, "k", "c" * 64, before, after)


def letter(*contents: bytes) -> Document:
    wrapping = Wrapping(b"zip", "0" * 64)
    files = tuple(Attachment(f"{place}.bin", content, wrapping=wrapping) for place, content in enumerate(contents))
    return Document(
        Organization("H53.01", "Sở Nội vụ"),
        (Organization("G22"),),
        "1",
        code=Code("12", "SNV-VP"),
        signer=Signer(full_name="Nguyễn Văn A"),
        attachments=files,
    )


def delivery(destination: str = "vxp", recipients: tuple[str, ...] = ("G22",), **more: Any) -> Delivery:
    given: dict[str, Any] = {
        "id": "d", "message_id": "m", "purpose": Purpose.CONTENT, "destination": destination, "party": "",
        "recipients": recipients, "conversation": "c", "state": State.LEASED, "urgent": False, "instruction": {},
        "created_at": NOW, "due_at": NOW, "expires_at": NOW, "ended_at": None, "attempts": 0, "code": "", "detail": "",
        "reference": "", "maybe_twice": False, "replay_of": "",
    }  # fmt: skip
    return Delivery(**(given | more))


def message(kind: Kind = Kind.DOCUMENT, sender: str = "H53.01") -> Message:
    envelope = Envelope(kind, sender, ("G22",), "i", "c")
    return Message("m", envelope, "snv", "rest-json", "", NOW, "0" * 64, BodyRef("b", "0" * 64, 1))


def sealing(press: Press, profile: Profile = PROFILE, to: str = "*", platform: str = "vxp") -> Sealing:
    return Sealing(press, [SealingRoute(Parties((to,)), platform, (profile,))])


async def test_the_document_gets_the_seal_its_other_pdfs_the_corner_and_everything_else_stays() -> None:
    press = Press()
    sealed = await sealing(press)(delivery(), message(), lambda: letter(TABLE, PDF, PDF + b" annex", TABLE))
    assert sealed is not None
    files = sealed.content.attachments
    assert [one.content for one in files] == [TABLE, PDF + b" sealed", PDF + b" annex sealed", TABLE]
    assert [(wish.form, wish.number, wish.agency, wish.signer) for wish in press.wishes] == [
        ("seal", "12/SNV-VP", "Sở Nội vụ", "Nguyễn Văn A"),
        ("corner", "12/SNV-VP", "Sở Nội vụ", "Nguyễn Văn A"),
    ]
    assert [one.wrapping is None for one in files] == [False, True, True, False]
    assert [one.name for one in sealed.applied] == ["1.bin", "2.bin"]


async def test_annexes_are_left_alone_where_the_profile_says_so() -> None:
    press = Press()
    sealed = await sealing(press, replace(PROFILE, attachments=None))(delivery(), message(), lambda: letter(PDF, PDF))
    assert sealed is not None
    assert [one.content for one in sealed.content.attachments] == [PDF + b" sealed", PDF]


async def test_what_bears_the_seal_already_goes_out_as_it_came() -> None:
    assert await sealing(Press())(delivery(), message(), lambda: letter(PDF + b" sealed")) is None


@pytest.mark.parametrize(
    ("about", "sent"),
    [
        (delivery("other"), message()),
        (delivery(recipients=("H53.02",)), message()),
        (delivery(purpose=Purpose.ACKNOWLEDGEMENT), message()),
        (delivery(), message(Kind.RECALL)),
        (delivery(), message(sender="H53.09")),
        (delivery(), None),
    ],
)
async def test_nothing_else_is_read_or_signed(about: Delivery, sent: Message | None) -> None:
    def never() -> Document:
        raise AssertionError("it was read")

    assert await sealing(Press(), to="G*")(about, sent, never) is None
    assert await NOT_SIGNED(about, sent, never) is None


async def test_a_refusal_of_the_key_is_handed_on() -> None:
    press = Press(refusal=Refusal("sign.key", retry_after=60))
    with pytest.raises(Refusal, match=r"sign\.key"):
        await sealing(press)(delivery(), message(), lambda: letter(PDF))
