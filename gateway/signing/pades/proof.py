"""One signature of a PDF: who made it over the covered bytes, when, and whether that certificate is believed."""

# mypy: allow-untyped-calls

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from cryptography import x509
from pyhanko.pdf_utils import generic

from gateway.model.verdict import Judgement, NotValid
from gateway.signing import cms
from gateway.signing.cms import Rules, SignedContent
from gateway.signing.pades.coverage import Covered
from gateway.signing.pades.revision import entry
from gateway.signing.question import Question
from gateway.signing.timestamp import Stamp, verify_stamp
from gateway.signing.trust import subject, validate_chain
from gateway.signing.trust.model import Evidence

_CADES: Final = Rules(signed_attributes=True, bound=True)
_RULES: Final = {"/adbe.pkcs7.detached": Rules(), "/ETSI.CAdES.detached": _CADES}
_SHA1: Final = "/adbe.pkcs7.sha1"


@dataclass(frozen=True, slots=True)
class Proof:
    """A signature whose cryptography holds. *claimed*: the time it says it was made, None if it says none."""

    coverage: Covered
    content: SignedContent
    claimed: datetime | None


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment by which something existed; *proven* by a time stamp, else just the moment of the question."""

    at: datetime
    proven: bool = False


def proof(coverage: Covered, question: Question, pool: Sequence[x509.Certificate]) -> Proof:
    """Who signed *coverage*: form of signature (/SubFilter), CMS and digest hold. Raises NotValid as `cms.verify`."""
    form = str(entry(coverage.signature.dictionary, "/SubFilter"))
    where = f"signature field '{coverage.signature.name}'"
    try:
        if form == _SHA1:
            content = _sha1(coverage, question, pool)
        elif form in _RULES:
            message = cms.read(coverage.cms)
            if message.content is not None:
                raise NotValid("signature.place", "the signature brings a content of its own")
            content = cms.verify(
                message, policy=question.policy, content=coverage.digest, pool=pool, rules=_RULES[form]
            )
        else:
            raise NotValid("algorithm.unsupported", f"form of signature {form[1:40]}")
    except NotValid as fault:
        fault.where = fault.where or where
        raise
    return Proof(coverage, content, content.signing_time or _written(coverage))


def _sha1(coverage: Covered, question: Question, pool: Sequence[x509.Certificate]) -> SignedContent:
    """adbe.pkcs7.sha1 (ISO 32000-1 §12.8.3.3.1, deprecated): the message contains the SHA-1 of the covered bytes."""
    if "sha1" not in question.policy.digests:
        raise NotValid("algorithm.forbidden", "SHA-1 over the document (adbe.pkcs7.sha1)")
    content = cms.verify(cms.read(coverage.cms), policy=question.policy, pool=pool, rules=Rules())
    if content.content != hashlib.sha1(_whole(coverage), usedforsecurity=False).digest():
        raise NotValid("signature.digest", "the document's digest is another one")
    return content


def _whole(coverage: Covered) -> bytes:
    return coverage.whole[: coverage.gap] + coverage.whole[coverage.resume : coverage.end]


def stamped(
    coverage: Covered, question: Question, latest: datetime, pool: Sequence[x509.Certificate], evidence: Evidence
) -> Stamp | None:
    """What a document time stamp proves, None if its authority is not verified. Raises NotValid timestamp.invalid."""
    where = f"time stamp '{coverage.signature.name}'"
    return _verified(coverage.cms, coverage.digest, replace(question, at=latest), pool, evidence, where)


def signed_at(
    held: Proof, question: Question, latest: Moment, pool: Sequence[x509.Certificate], evidence: Evidence
) -> Moment:
    """By when it existed: the earliest of its time stamps, else *latest*. Raises NotValid timestamp.invalid."""
    found = latest
    where = f"signature field '{held.coverage.signature.name}'"
    for token in held.content.stamps:
        asked = replace(question, at=latest.at)
        stamp = _verified(token, held.content.signature, asked, pool, evidence, where)
        if stamp is not None and (not found.proven or stamp.at < found.at):
            found = Moment(stamp.at, True)
    return found


def believe(
    held: Proof, question: Question, moment: Moment, pool: Sequence[x509.Certificate], evidence: Evidence
) -> None:
    """The signer's certificate leads to an anchor and held at *moment*. Raises NotValid as `validate_chain`."""
    try:
        validate_chain(
            held.content.certificate,
            pool=pool,
            trust=question.trust,
            at=moment.at,
            evidence=evidence,
            policy=question.policy,
            purpose="signing",
        )
    except NotValid as fault:
        fault.signer = subject(held.content.certificate)
        fault.where = fault.where or f"signature field '{held.coverage.signature.name}'"
        raise


def _verified(
    token: bytes,
    imprinted: object,
    question: Question,
    pool: Sequence[x509.Certificate],
    evidence: Evidence,
    where: str,
) -> Stamp | None:
    try:
        return verify_stamp(token, imprinted=imprinted, question=question, pool=pool, evidence=evidence)  # type: ignore[arg-type]
    except NotValid as fault:
        if fault.judgement is Judgement.INDETERMINATE:
            return None
        fault.where = fault.where or where
        raise


def _written(coverage: Covered) -> datetime | None:
    """The /M of the signature dictionary, if it is a date with its zone."""
    text = entry(coverage.signature.dictionary, "/M")
    try:
        found: datetime = generic.parse_pdf_date(str(text), strict=False)
    except (ValueError, TypeError, OverflowError, AttributeError):
        return None
    return found if found.tzinfo else None
