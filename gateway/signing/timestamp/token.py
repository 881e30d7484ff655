"""A TimeStampToken (RFC 3161 §2.4.2): that something existed at a moment, said by an authority that is believed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from gateway.model.verdict import Judgement, NotValid
from gateway.signing import cms
from gateway.signing.cms import algorithms
from gateway.signing.cms.model import Rules, SignedContent
from gateway.signing.question import Question
from gateway.signing.timestamp.standing import chain_at
from gateway.signing.timestamp.statement import Statement, names_its_authority, read_statement
from gateway.signing.trust.armour import decoding
from gateway.signing.trust.model import Chain, Evidence, joined
from gateway.signing.trust.node import node_of
from gateway.signing.trust.profile import check_purpose

MAX_TOKEN: Final = 8 << 20
"""Bytes of one token; those with whole CRLs inside are the largest."""
MAX_AHEAD: Final = timedelta(minutes=5)
"""How far an authority's clock may be ahead of the moment in question."""
_RULES: Final = Rules(content_type=cms.ID_TST_INFO, signed_attributes=True, bound=True)
_NO_EVIDENCE: Final = Evidence()

Imprinted = bytes | Callable[[str], bytes]


@dataclass(frozen=True, slots=True)
class Stamp:
    """A token that held. *at* is genTime (aware); the truth is within *accuracy* of it (zero: not stated).

    *signed*: the exact TSTInfo bytes. *certificates* and *evidence*: what came inside the token. *digest*: name and
    value of the message imprint. *policy*: dotted OID.
    """

    at: datetime
    accuracy: timedelta
    certificate: x509.Certificate
    certificates: tuple[x509.Certificate, ...]
    evidence: Evidence
    chain: Chain
    signed: bytes
    digest: tuple[str, bytes]
    policy: str
    serial: int
    nonce: int | None

    @property
    def latest(self) -> datetime:
        """The latest moment at which the stamped content must already have existed."""
        return self.at + self.accuracy


@dataclass(frozen=True, slots=True)
class Token:
    """A token whose signature holds; its authority is not yet believed."""

    statement: Statement
    content: SignedContent
    signed: bytes


def verify_stamp(
    token: bytes,
    *,
    imprinted: Imprinted | None,
    question: Question,
    pool: Sequence[x509.Certificate] = (),
    evidence: Evidence = _NO_EVIDENCE,
) -> Stamp:
    """What *token* (DER of a ContentInfo) proves about *imprinted*: the stamped bytes, or a function from a digest's
    name ("sha256") to their digest; None leaves the imprint to the caller (compare ``Stamp.digest``).

    Its chain must hold at genTime for purpose "timestamping", through the certificates inside, *pool* and the store of
    *question*, by its evidence, *evidence* and what is inside the token; genTime is not after ``question.at``. Under a
    policy that takes revocation data as "offered", data that is about none of the stamp's own authorities says nothing.

    Raises NotValid timestamp.invalid (forged, another imprint, malformed, wrong attributes or certificate, forbidden
    algorithm), timestamp.unknown (no verdict could be reached), revocation.unknown, revocation.stale (other revocation
    data could help), limit.exceeded; *where* is "time stamp".
    """
    try:
        read = read_token(token, question, pool=pool)
        check_imprint(read.statement, imprinted)
        return believed(read, question, pool=pool, evidence=evidence, alone=False)
    except NotValid as fault:
        raise _embedded(fault) from fault


def _embedded(fault: NotValid) -> NotValid:
    """The same fault as one about a stamp inside another signature."""
    reason = "timestamp.invalid" if fault.judgement in (Judgement.INVALID, Judgement.MALFORMED) else "timestamp.unknown"
    if fault.reason.startswith(("revocation.", "limit.")):
        reason = fault.reason
    detail = fault.detail if fault.reason.startswith("timestamp.") else f"{fault.reason} {fault.detail}".strip()
    return NotValid(reason, detail, "time stamp")


def read_token(token: bytes, question: Question, *, pool: Sequence[x509.Certificate] = ()) -> Token:
    """*token*, its signature and attributes verified and its statement decoded. Raises NotValid."""
    if len(token) > MAX_TOKEN:
        raise NotValid("limit.exceeded", "a time stamp of more than 8 MiB")
    everywhere = (*pool, *question.stamps.pinned, *question.stamps.intermediates, *question.stamps.anchors)
    content = cms.verify(cms.read(token), policy=question.policy, pool=everywhere, rules=_RULES)
    signed = content.content or b""
    statement = read_statement(signed)
    algorithms.check_digest(statement.digest, question.policy)
    if len(statement.imprint) != algorithms.size(statement.digest):
        raise NotValid("timestamp.invalid", "the imprint has another length than its digest")
    if statement.critical:
        raise NotValid("algorithm.unsupported", f"critical extension {statement.critical[0]} of the time stamp")
    return Token(statement, content, signed)


def check_imprint(statement: Statement, imprinted: Imprinted | None) -> None:
    """Whether the stamp is over *imprinted*. Raises NotValid timestamp.invalid."""
    if imprinted is None:
        return
    digest = (
        algorithms.digested(statement.digest, imprinted)
        if isinstance(imprinted, bytes)
        else imprinted(statement.digest)
    )
    if digest != statement.imprint:
        raise NotValid("timestamp.invalid", "the time stamp is over other content")


def believed(
    token: Token,
    question: Question,
    *,
    pool: Sequence[x509.Certificate] = (),
    evidence: Evidence = _NO_EVIDENCE,
    alone: bool = True,
) -> Stamp:
    """*token* with its authority: the certificate's use (RFC 3161 §2.3), its name, its chain at genTime.

    *alone*: the revocation data of *question* was handed in for this stamp. Raises NotValid.
    """
    statement, certificate = token.statement, token.content.certificate
    if statement.at - question.at > MAX_AHEAD + statement.accuracy:  # a span, which has no end of the calendar
        raise NotValid("timestamp.unknown", "the time stamp is from after the time in question")
    _check_authority(statement, certificate)
    inside = token.content.evidence
    chain = chain_at(
        certificate,
        statement.at,
        question,
        pool=(*token.content.certificates, *pool),
        evidence=joined(question.evidence, evidence, inside),
        alone=alone,
    )
    return Stamp(
        at=statement.at,
        accuracy=statement.accuracy,
        certificate=certificate,
        certificates=token.content.certificates,
        evidence=inside,
        chain=chain,
        signed=token.signed,
        digest=(statement.digest, statement.imprint),
        policy=statement.policy,
        serial=statement.serial,
        nonce=statement.nonce,
    )


def _check_authority(statement: Statement, certificate: x509.Certificate) -> None:
    """Also for a pinned certificate: trust in somebody's documents is no trust in their clock."""
    check_purpose(node_of(certificate), "timestamping")
    with decoding("the certificate of the time stamping authority", "chain.invalid"):
        parsed = asn1.Certificate.load(certificate.public_bytes(serialization.Encoding.DER))
        named = names_its_authority(statement, parsed)
    if not named:
        raise NotValid("timestamp.invalid", "the time stamp names another authority than its certificate")
