"""The verdict about a PDF's signatures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from cryptography import x509

from gateway.model.verdict import Judgement, NotValid, Scope, Verdict
from gateway.signing import cms
from gateway.signing.cms.attributes import SIGNATURE_TIME_STAMP
from gateway.signing.pades.allowed import Allowed, allowed_after
from gateway.signing.pades.coverage import Covered, covered, signed_revision
from gateway.signing.pades.difference import later_changes
from gateway.signing.pades.evidence import security_store
from gateway.signing.pades.fields import FormField, Signature, fields, form_of, other_fields, signatures
from gateway.signing.pades.proof import Moment, Proof, believe, proof, signed_at, stamped
from gateway.signing.pades.revision import Revision, entry, is_null, reading
from gateway.signing.pades.tail import stray
from gateway.signing.question import Question
from gateway.signing.trust import fingerprint, subject
from gateway.signing.trust.judge import sniffed
from gateway.signing.trust.model import Evidence, joined

MAX_SIGNATURES: Final = 64


def judge(content: bytes, question: Question) -> Verdict:
    """The verdict about all signatures of a PDF as it is shown: *valid* only if every one holds and nothing but further
    signatures, validation data (DSS) and document time stamps came after any of them.

    *signed* is the covered byte range "0-a,b-c" (ends exclusive) of the last signature, whose signer and time are told.
    Pure; raises nothing for what files hold.
    """
    try:
        with reading("the file"):
            return _File(content, question).verdict()
    except NotValid as reason:
        return reason.verdict()


def certificates(content: bytes) -> tuple[x509.Certificate, ...]:
    """Every certificate in the file: of its signatures, their time stamps and its DSS. Raises nothing."""
    found: list[x509.Certificate] = []
    try:
        with reading("the file"):
            revision = Revision(content)
            for signature in signatures(revision, fields(revision))[:MAX_SIGNATURES]:
                found.extend(_inside(revision, signature))
            found.extend(security_store(revision).certificates)
    except NotValid:
        pass
    return tuple(dict.fromkeys(found))


def _inside(revision: Revision, signature: Signature) -> Sequence[x509.Certificate]:
    try:
        message = cms.read(covered(revision, signature).cms)
        stamps = [
            cms.read(token) for signer in message.signers for token in signer.unsigned.get(SIGNATURE_TIME_STAMP, ())
        ]
    except NotValid:
        return ()
    return [one for each in (message, *stamps) for one in each.certificates]


@dataclass(frozen=True, slots=True)
class _Signed:
    """A signature that holds, with its revision read by itself and the moment by which it existed."""

    held: Proof
    moment: Moment


class _File:
    """One file under one question."""

    def __init__(self, content: bytes, question: Question) -> None:
        self._content = content
        self._question = question
        self._known = Verdict(Judgement.INVALID, "signature.absent")
        extra = sniffed(tuple(question.detached.values()))
        self._pool: tuple[x509.Certificate, ...] = tuple(extra.certificates)
        self._evidence = joined(question.evidence, extra.evidence())

    def verdict(self) -> Verdict:
        """Places, cryptography, changes, then time and trust: the gravest fault is told first."""
        revision = Revision(self._content)
        found = self._found(revision)
        try:
            ranges = sorted((covered(revision, each) for each in found), key=lambda each: each.end)
            proofs = [proof(each, self._question, self._pool) for each in ranges if not each.signature.is_stamp]
            self._tell(proofs)
            self._unchanged(revision, ranges)
            return self._in_time(revision, ranges, {held.coverage.end: held for held in proofs})
        except NotValid as reason:
            return self._refused(reason)

    def _found(self, revision: Revision) -> tuple[Signature, ...]:
        with reading("the form"):
            nodes = fields(revision)
            found = signatures(revision, nodes)
            count = sum(not each.is_stamp for each in found)
            if not count:
                detail = "only a time stamp" if found else "the form of the document holds no signature"
                raise NotValid("signature.absent", detail)
            if len(found) > MAX_SIGNATURES:
                raise NotValid("limit.exceeded", f"more than {MAX_SIGNATURES} signatures")
            self._known = replace(self._known, signatures=count)
            _refuse_what_viewers_draw(revision, nodes)
        return found

    def _tell(self, proofs: Sequence[Proof]) -> None:
        """What is known of the last signature, whatever the verdict will be."""
        last = proofs[-1]
        certificate = last.content.certificate
        self._known = replace(
            self._known,
            signer=subject(certificate),
            certificate=fingerprint(certificate),
            signed_at=last.claimed,
            signed=(last.coverage.part,),
            scope=Scope.PARTIAL,
        )

    def _unchanged(self, newest: Revision, ranges: Sequence[Covered]) -> None:
        """From each signature to the next, and from the last to the end of the file, only what is allowed came.

        Raises NotValid signature.changed_later, with the changes noted."""
        numbers: dict[bool, set[int]] = {True: set(), False: set()}
        for each in ranges:
            numbers[each.signature.is_stamp].update(each.signature.widgets)
        allowed = Allowed(frozenset(numbers[False]), frozenset(numbers[True]))
        changes: list[str] = []
        older = signed_revision(ranges[0], newest)
        line = stray(newest, older)
        for place, coverage in enumerate(ranges):
            allowed = allowed_after(allowed, older, coverage.signature)
            newer = signed_revision(ranges[place + 1], newest) if place + 1 < len(ranges) else newest
            if newer is not older:
                changes.extend(later_changes(older, newer, allowed))
            if older is not newest and older is not newer:
                older.release()
            older = newer
        if line:
            changes.append(line)
        if changes:
            self._known = replace(self._known, later_changes=tuple(dict.fromkeys(changes)))
            raise NotValid("signature.changed_later", changes[0])

    def _in_time(self, revision: Revision, ranges: Sequence[Covered], proofs: dict[int, Proof]) -> Verdict:
        """From the end of the file to its beginning: each document time stamp proves what came before it."""
        store = security_store(revision)
        pool = (*self._pool, *store.certificates)
        evidence = joined(self._evidence, Evidence(tuple(store.ocsp), tuple(store.crls), binding=False))
        latest = Moment(self._question.at)
        first_fault: NotValid | None = None
        for coverage in reversed(ranges):
            held = proofs.get(coverage.end)
            if held is None:
                stamp = stamped(coverage, self._question, latest.at, pool, evidence)
                latest = Moment(stamp.at, True) if stamp else latest
                continue
            try:
                self._one(held, latest, pool, evidence)
            except NotValid as fault:
                first_fault = fault
        if first_fault is not None:
            raise first_fault
        return replace(self._known, judgement=Judgement.VALID, reason="ok", scope=Scope.FULL)

    def _one(self, held: Proof, latest: Moment, pool: Sequence[x509.Certificate], evidence: Evidence) -> None:
        pool = (*pool, *held.content.certificates)
        evidence = joined(evidence, held.content.evidence)
        moment = signed_at(held, self._question, latest, pool, evidence)
        if moment.proven and self._known.signed == (held.coverage.part,):
            self._known = replace(self._known, signed_at=moment.at, time_proven=True)
        believe(held, self._question, moment, pool, evidence)

    def _refused(self, reason: NotValid) -> Verdict:
        told = reason.verdict()
        return replace(
            self._known,
            judgement=told.judgement,
            reason=told.reason,
            detail=told.detail,
            signer=told.signer or self._known.signer,
            signed_at=self._known.signed_at or told.signed_at,
        )


def _refuse_what_viewers_draw(revision: Revision, nodes: tuple[FormField, ...]) -> None:
    """Forms whose pages viewers make up themselves were not signed as they are shown (XFA, NeedAppearances)."""
    form = form_of(revision)
    if not is_null(entry(form, "/XFA")):
        raise NotValid("algorithm.unsupported", "the document is an XFA form")
    if getattr(revision.get(entry(form, "/NeedAppearances")), "value", False) and any(other_fields(nodes)):
        raise NotValid("algorithm.unsupported", "viewers are told to draw the form's fields anew")
