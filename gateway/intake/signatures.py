"""Signatures of what arrives: every attachment judged, and what the policy makes of the verdicts (DESIGN §4)."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from gateway.errors import Refusal
from gateway.model.changes import vietnamese
from gateway.model.document import Attachment, Content, Document
from gateway.model.message import Kind
from gateway.model.verdict import Judged, Judgement, Verdict
from gateway.ports import Judge

RETRY_AFTER: Final = 60.0
"""Seconds after which a sender may try again where revocation could not be learnt."""
HEAD: Final = 1024
"""ISO 32000-1 annex H: readers find %PDF- within the first 1,024 bytes."""
_UNSIGNED: Final = Verdict(Judgement.INVALID, "signature.absent")
_NO_FORM: Final = Verdict(Judgement.UNSUPPORTED, "algorithm.unsupported", "a file of no form that carries a signature")
_TEMPORARY: Final = frozenset({"revocation.unknown", "revocation.stale", "limit.exceeded", "internal"})
_CODES: Final = {
    "signature.absent": "signature.absent",
    "signature.changed_later": "signature.changed",
    "signature.digest": "signature.changed",
    "chain.unknown": "signature.untrusted",
    "certificate.speaker": "signature.untrusted",
}


class Demand(StrEnum):
    """What is done about signatures: *require* takes only what is proven, *flag* says what it found, *off* nothing."""

    OFF = "off"
    FLAG = "flag"
    REQUIRE = "require"


Demands = Mapping[Kind, Demand]
"""By kind of message; a kind that is not named has no demand of its own."""

_ORDER: Final = tuple(Demand)


@dataclass(frozen=True, slots=True)
class SignaturePolicy:
    """*default* by kind, replaced by what is said of a *peer* (who hands over), raised by what a route asks."""

    default: Demands = field(default_factory=dict)
    peers: Mapping[str, Demands] = field(default_factory=dict)

    def demand(self, kind: Kind, peer: str, routes: Iterable[Demands] = ()) -> Demand:
        """The demand on a message of *kind* from *peer* that travels by *routes*: the strictest that applies."""
        own = self.peers.get(peer, {}).get(kind, self.default.get(kind, Demand.OFF))
        return max((own, *(route[kind] for route in routes if kind in route)), key=_ORDER.index)


class Signatures:
    """Judges attachments through the port; without a judge (no trust is configured) nothing is said of any."""

    def __init__(self, judge: Judge | None = None, policy: SignaturePolicy | None = None) -> None:
        self._judge = judge
        self._policy = policy or SignaturePolicy()

    def demand(self, kind: Kind, peer: str, routes: Iterable[Demands]) -> Demand:
        """What is asked of this message; OFF where nothing can be judged."""
        return self._policy.demand(kind, peer, routes) if self._judge else Demand.OFF

    async def examine(self, content: Content, party: str, at: datetime) -> tuple[Judged, ...]:
        """A verdict on each attachment of a document sent in the name of *party*, received *at*."""
        if not isinstance(content, Document):
            return ()
        found = [await self._one(place, file, party, at) for place, file in enumerate(content.attachments)]
        return tuple(found)

    async def _one(self, place: int, file: Attachment, party: str, at: datetime) -> Judged:
        form, digest, unsigned = await asyncio.to_thread(_looked_at, file)
        verdict = _UNSIGNED if form else _NO_FORM
        if self._judge and form and not unsigned:
            verdict = await self._judge(form, file.content, at=at, party=party)
        return Judged(place, file.name, digest, form, verdict, at)


def _looked_at(file: Attachment) -> tuple[str, str, bool]:
    """Form, SHA-256, and whether it is a PDF without a signature: one stands in clear with its /ByteRange (ISO 32000-2
    §12.8.1), so no process is spent on a file that has none."""
    form = form_of(file.content)
    unsigned = form == "pdf" and b"ByteRange" not in file.content
    return form, hashlib.sha256(file.content).hexdigest(), unsigned


def form_of(content: bytes) -> str:
    """The kind of verdict a file asks for: "pdf", "asic", "xades", or "" for a file without a form of signature."""
    if b"%PDF-" in content[:HEAD]:
        return "pdf"
    if content[:4] == b"PK\x03\x04" and b"mimetypeapplication/vnd.etsi.asic-" in content[:128]:
        return "asic"
    if content[:HEAD].lstrip()[:1] == b"<" and b"http://www.w3.org/2000/09/xmldsig#" in content:
        return "xades" if b"http://uri.etsi.org/01903/" in content else "xmldsig"
    return ""


_MARKS: Final = ("signature_invalid", "signature_indeterminate", "signed_in_part", "unsigned", "signed")


def marks_of(judged: Sequence[Judged]) -> tuple[str, ...]:
    """What operators and receivers see at a glance; () for a document without a file that could be signed."""
    said = {_mark(one.verdict) for one in judged if one.form}
    if said == {"signed", "unsigned"}:
        return ("signed_in_part",)
    return tuple(mark for mark in _MARKS if mark in said)[:1]


def _mark(verdict: Verdict) -> str:
    if verdict.judgement is Judgement.VALID:
        return "signed"
    if verdict.reason == "signature.absent":
        return "unsigned"
    broken = verdict.judgement in (Judgement.INVALID, Judgement.MALFORMED)
    return "signature_invalid" if broken else "signature_indeterminate"


def require_valid(judged: Sequence[Judged]) -> None:
    """Raise the Refusal for the first file that is not proven; a document without a file that could be signed has no
    signature. Codes: signature.absent, .changed, .untrusted, .invalid, and .unproven (503) where trying again can help.
    """
    signable = [one for one in judged if one.form]
    if not signable:
        raise Refusal("signature.absent", "Attachment", "the document carries no file that could be signed")
    for one in signable:
        verdict = one.verdict
        if verdict.judgement is Judgement.VALID:
            continue
        said = "; ".join(part for part in (verdict.reason, verdict.detail, *_told(verdict.later_changes)) if part)
        if verdict.reason in _TEMPORARY:
            raise Refusal("signature.unproven", one.name, said, retry_after=RETRY_AFTER)
        raise Refusal(_CODES.get(verdict.reason, "signature.invalid"), one.name, said)


def _told(changes: Sequence[str]) -> tuple[str, ...]:
    """What was changed, in both languages: whoever sent the file must find the place."""
    if not changes:
        return ()
    return (f"{'; '.join(map(vietnamese, changes))} / {'; '.join(changes)}",)
