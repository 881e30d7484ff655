"""CAdES signatures (ETSI EN 319 122-1) and time stamp tokens over a member of a container."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509

from gateway.model.verdict import NotValid, SignedPart
from gateway.signing import cms
from gateway.signing.asic.layout import Layout
from gateway.signing.asic.proof import Proof
from gateway.signing.cms import Rules, SignedContent
from gateway.signing.question import Question
from gateway.signing.timestamp import Stamp, verify_stamp
from gateway.signing.trust import Evidence, describe, validate_chain
from gateway.signing.trust.model import joined

MAX_SIGNERS: Final = 8
"""Signers of one message, and stamps of one signer."""
_NO_EVIDENCE: Final = Evidence()


@dataclass(frozen=True, slots=True)
class Beside:
    """What was handed in with the container: *certificates* for chains, *evidence* of revocation."""

    certificates: tuple[x509.Certificate, ...] = ()
    evidence: Evidence = _NO_EVIDENCE


def signatures_in(
    place: str, members: Sequence[str], layout: Layout, question: Question, beside: Beside
) -> list[Proof]:
    """What each signer of the CMS message in *place* proves: that it signed the first of *members*, and so all of them.

    Raises NotValid as `cms.verify` and `validate_chain`, with *place* as *where*.
    """
    try:
        message = cms.read(layout.files[place])
        if not message.signers:
            raise NotValid("signature.absent", "a CMS message without a signer")
        if len(message.signers) > MAX_SIGNERS:
            raise NotValid("limit.exceeded", f"more than {MAX_SIGNERS} signers")
        return [
            _signature(place, message, number, members, layout, question, beside)
            for number in range(len(message.signers))
        ]
    except NotValid as fault:
        fault.where = f"{place} {fault.where}".strip()
        raise


def _signature(
    place: str,
    message: cms.SignedCms,
    number: int,
    members: Sequence[str],
    layout: Layout,
    question: Question,
    beside: Beside,
) -> Proof:
    trusted = (*question.trust.pinned, *question.trust.intermediates, *question.trust.anchors)
    signed = cms.verify(
        message,
        policy=question.policy,
        content=lambda name: layout.digest(members[0], name),
        pool=(*beside.certificates, *trusted),
        rules=Rules(signer=number, signed_attributes=True),
    )
    stamp, notes = _earliest(signed, question, beside)
    at = question.at if stamp is None else min(stamp.latest, question.at)
    said = signed.signing_time if stamp is None else stamp.at
    try:
        validate_chain(
            signed.certificate,
            pool=(*signed.certificates, *beside.certificates),
            trust=question.trust,
            at=at,
            evidence=joined(question.evidence, beside.evidence, signed.evidence),
            policy=question.policy,
            purpose="signing",
        )
    except NotValid as fault:
        fault.signed_at = fault.signed_at or said
        raise
    return Proof(
        place=place,
        signer=describe.subject(signed.certificate),
        certificate=signed.certificate,
        signed_at=said,
        proven=stamp is not None,
        parts=parts_of(members, layout),
        notes=notes,
    )


def _earliest(signed: SignedContent, question: Question, beside: Beside) -> tuple[Stamp | None, tuple[str, ...]]:
    """The earliest signature time stamp that held, and what to say of those nobody could verify.

    Raises NotValid timestamp.invalid; revocation.unknown or .stale: none held, and data from outside could help.
    """
    held: list[Stamp] = []
    notes: list[str] = []
    unanswered: NotValid | None = None
    if len(signed.stamps) > MAX_SIGNERS:
        raise NotValid("limit.exceeded", f"more than {MAX_SIGNERS} time stamps of one signature")
    for token in signed.stamps:
        try:
            held.append(
                verify_stamp(
                    token,
                    imprinted=signed.signature,
                    question=question,
                    pool=(*signed.certificates, *beside.certificates),
                    evidence=joined(beside.evidence, signed.evidence),
                )
            )
        except NotValid as fault:
            if fault.reason.startswith("revocation."):
                unanswered = unanswered or fault
            elif fault.reason != "timestamp.unknown":
                raise
            notes.append(f"a time stamp could not be verified and does not count: {fault.detail}")
    if unanswered is not None and not held:
        raise unanswered
    return min(held, key=_moment, default=None), tuple(notes)


def _moment(stamp: Stamp) -> datetime:
    return stamp.latest


def token_proof(
    place: str, members: Sequence[str], layout: Layout, question: Question, beside: Beside
) -> tuple[Proof, Stamp]:
    """What the time stamp in *place* over the first of *members* proves. Raises NotValid as `verify_stamp`."""
    try:
        stamp = verify_stamp(
            layout.files[place],
            imprinted=lambda name: layout.digest(members[0], name),
            question=question,
            pool=beside.certificates,
            evidence=beside.evidence,
        )
    except NotValid as fault:
        fault.where = place
        raise
    proof = Proof(
        place=place,
        signer=describe.subject(stamp.certificate),
        certificate=stamp.certificate,
        signed_at=stamp.at,
        proven=True,
        parts=parts_of(members, layout),
    )
    return proof, stamp


def parts_of(members: Iterable[str], layout: Layout) -> dict[str, SignedPart]:
    """The members by name, with their digests."""
    return {name: SignedPart(name, layout.digest(name, "sha256").hex()) for name in members}
