"""Which of several signatures covers all that must be covered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from gateway.formats.safexml import Element
from gateway.model.verdict import NotValid
from gateway.signing.wssecurity.attachments import Attachments
from gateway.signing.wssecurity.header import SecurityHeader
from gateway.signing.wssecurity.names import ADDRESSING
from gateway.signing.wssecurity.places import Expected, Part, Places
from gateway.signing.wssecurity.rules import Rules
from gateway.signing.xmldsig import Signer, VerifiedReference, VerifiedSignature

Pairs: TypeAlias = tuple[tuple[Expected, VerifiedReference], ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """A signature that holds, who made it, and what each reference points at."""

    verified: VerifiedSignature
    signer: Signer
    covers: Pairs

    def parts(self) -> Mapping[Part, VerifiedReference]:
        """The whole parts that are signed as they stand; a token behind a reference is none of them."""
        return {expected.part: found for expected, found in self.covers if expected.kind != "token"}


def matched(verified: VerifiedSignature, expected: Sequence[Expected]) -> Pairs:
    """Each reference as it was verified beside what it was expected to be.

    Raises NotValid signature.place where the two differ, or where something was left out of the element.
    """
    if len(verified.references) != len(expected):
        raise NotValid("signature.place", "other references than expected", "ds:SignedInfo")
    pairs = tuple(zip(expected, verified.references, strict=True))
    for wanted, found in pairs:
        same = found.uri == wanted.uri and found.element is wanted.element
        if not same or found.left_out or not (found.whole or wanted.kind == "token"):
            raise NotValid("signature.place", "not the whole part that was expected", wanted.uri[:120])
    return pairs


def required_parts(
    places: Places, security: SecurityHeader, attachments: Attachments, rules: Rules
) -> Mapping[Part, str]:
    """The parts that must be signed, with a word for each.

    Raises NotValid signature.place: a header block that must be there once is absent or there twice.
    """
    wanted: dict[Part, str] = {places.body: "soap:Body"}
    if security.timestamp is not None:
        wanted[security.timestamp] = "wsu:Timestamp"
    for name in rules.headers:
        found = [block for block in places.blocks if block.tag == name]
        if len(found) != 1:
            raise NotValid("signature.place", "must be there once", name[:120])
        wanted[found[0]] = name
    if rules.addressing:
        wanted |= {block: str(block.tag) for block in places.blocks if _is_addressing(block)}
    if rules.attachments == "all":
        wanted |= {one: f"cid:{one}" for one in attachments.beside}
    return wanted


def complete_ones(judged: Sequence[Judged], required: Mapping[Part, str]) -> tuple[Judged, ...]:
    """The signatures that cover all of *required*, by one signer; one as a rule.

    Raises NotValid signature.place (none does), or signature.ambiguous (several of different signers do).
    """
    full = tuple(one for one in judged if required.keys() <= one.parts().keys())
    if not full:
        best = max(judged, key=lambda one: len(required.keys() & one.parts().keys()))
        missing = [word for part, word in required.items() if part not in best.parts()]
        raise NotValid("signature.place", "not signed", missing[0][:120], signer=best.signer.name)
    if len({(one.signer.name, one.signer.certificate) for one in full}) > 1:
        raise NotValid("signature.ambiguous", "several signers cover the whole message", "wsse:Security")
    return full


def _is_addressing(block: Element) -> bool:
    return str(block.tag)[1:].partition("}")[0] in ADDRESSING
