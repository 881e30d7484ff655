"""One XAdES signature: the XML signature, its properties, its time, and the signer believed at that time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.formats.safexml import Element
from gateway.model.verdict import NotValid
from gateway.signing.question import Question
from gateway.signing.timestamp import Stamp
from gateway.signing.trust import Evidence, describe, validate_chain
from gateway.signing.trust.armour import DECODING_FAULTS
from gateway.signing.trust.judge import sniffed
from gateway.signing.trust.model import joined
from gateway.signing.xades import counter, signed, stamps, values
from gateway.signing.xades.binding import bound_certificate
from gateway.signing.xades.names import children, only, space
from gateway.signing.xades.properties import Properties, qualifying, read_properties
from gateway.signing.xades.signed import Statement
from gateway.signing.xmldsig import (
    Rules,
    Signer,
    VerifiedReference,
    VerifiedSignature,
    check_manifests,
    trusted_signer,
    verify_signature,
)
from gateway.signing.xmldsig.limits import Budget
from gateway.signing.xmldsig.uris import DS


@dataclass(frozen=True, slots=True)
class VerifiedXades:
    """A XAdES signature that holds, by a signer believed at *judged_at*.

    *references* are those to content (the signed properties are not among them). *stamp*: the earliest time stamp that
    held. *notes*: sentences about what was found and not counted. *counter*: its counter-signatures, all of which hold;
    those that are plain XML signatures have no *statement*.
    """

    signature: VerifiedSignature
    signer: Signer
    judged_at: datetime
    references: tuple[VerifiedReference, ...]
    statement: Statement | None = None
    stamp: Stamp | None = None
    counter: tuple[VerifiedXades, ...] = ()
    notes: tuple[str, ...] = ()
    unchecked: int = 0
    """References of signed manifests that could not be checked; those that could all hold."""

    @property
    def signed_at(self) -> datetime | None:
        """The time of the earliest stamp, else the time the signer claims."""
        if self.stamp is not None:
            return self.stamp.at
        return self.statement.claimed_at if self.statement is not None else None

    @property
    def signatures(self) -> int:
        """This signature and all counter-signatures inside it."""
        return 1 + sum(one.signatures for one in self.counter)


def verify_xades(
    signature: Element,
    *,
    question: Question,
    rules: Rules | None = None,
    pool: Sequence[x509.Certificate] = (),
    evidence: Evidence = Evidence(),  # noqa: B008 (frozen)
    budget: Budget | None = None,
) -> VerifiedXades:
    """What the ds:Signature element *signature* proves as a XAdES signature, at the time of its stamp or, without one
    that holds, at `question.at`.

    `rules.resolve` finds content outside the document (a container's members). *pool* and *evidence* come beside what
    the signature and `question.detached` hold; *budget* is shared with other signatures of a file.

    Raises NotValid: as `verify_signature` and `validate_chain`, and signature.properties, signature.place,
    timestamp.invalid, timestamp.unknown; of a counter-signature that does not hold, with that as *where*.
    """
    beside = sniffed(tuple(question.detached.values()))
    here = _Here(
        question,
        rules or Rules(),
        (*pool, *beside.certificates),
        joined(question.evidence, evidence),
        budget or Budget(),
    )
    return here.verified(signature)


@dataclass(frozen=True, slots=True)
class _Here:
    """What is the same for a signature and its counter-signatures."""

    question: Question
    rules: Rules
    pool: tuple[x509.Certificate, ...]
    evidence: Evidence
    budget: Budget

    def verified(self, signature: Element) -> VerifiedXades:
        core = self._core(signature)
        properties = read_properties(core)
        if all(one is properties.reference for one in core.references):
            raise NotValid("signature.place", "it covers nothing but its own properties", "SignedInfo")
        unchecked = check_manifests(core, question=self.question, rules=self.rules, budget=self.budget)
        found = self._about(core)._judged(core, properties)
        if not unchecked:
            return found
        note = f"{unchecked} references of signed manifests could not be checked"
        return replace(found, unchecked=unchecked, notes=(*found.notes, note))

    def _about(self, core: VerifiedSignature) -> _Here:
        """The same, with the revocation data among the detached files; signed content is none, however it begins."""
        content = {one.content for one in core.references if one.element is None}
        files = {name: raw for name, raw in self.question.detached.items() if raw not in content}
        evidence = joined(self.evidence, sniffed(tuple(files.values())).evidence())
        return replace(self, question=replace(self.question, detached=files), evidence=evidence)

    def _core(self, signature: Element) -> VerifiedSignature:
        """The XML signature; certificates kept in its unsigned properties may be what KeyInfo points to."""
        kept: tuple[x509.Certificate, ...] = ()
        properties = qualifying(signature, tuple(children(signature, "Object", DS)))
        if properties is not None:
            form = space(properties)
            kept = tuple(values.read_values(only(properties, "UnsignedProperties", form), form).certificates)
        rules = replace(self.rules, pool=(*self.rules.pool, *self.pool, *kept))
        return verify_signature(signature, question=self.question, rules=rules, budget=self.budget)

    def _judged(
        self,
        core: VerifiedSignature,
        properties: Properties,
    ) -> VerifiedXades:
        statement = signed.read_statement(
            properties, core.references, policy=self.question.policy, detached=self.question.detached
        )
        kept = values.read_values(properties.unsigned, properties.form)
        pool = (*self.pool, *core.embedded, *kept.certificates)
        evidence = joined(self.evidence, kept.evidence())
        certificate = self._bound(core, properties, pool)
        found = stamps.read_stamps(
            core, properties.unsigned, properties.form, question=self.question, pool=pool, evidence=evidence
        )
        stamp = found.held[0] if found.held else None
        at = min(stamp.latest, self.question.at) if stamp is not None else self.question.at
        try:
            chain = validate_chain(
                certificate,
                pool=pool,
                trust=self.question.trust,
                at=at,
                evidence=evidence,
                policy=self.question.policy,
                purpose="signing",
            )
        except NotValid as fault:
            fault.signed_at = fault.signed_at or (stamp.at if stamp is not None else statement.claimed_at)
            if stamp is None and found.unknown and fault.reason == "certificate.expired":
                raise NotValid("timestamp.unknown", found.unknown[0], signer=fault.signer) from fault
            raise
        return VerifiedXades(
            core,
            Signer(describe.subject(certificate), certificate, chain),
            at,
            tuple(one for one in core.references if one is not properties.reference),
            statement,
            stamp,
            self._counter(core, properties),
            _notes(found, statement, properties),
        )

    def _bound(
        self, core: VerifiedSignature, properties: Properties, pool: Sequence[x509.Certificate]
    ) -> x509.Certificate:
        """The one certificate with the key of *core* that the signed properties name."""
        known = (*core.signer.certificates, *pool, *self.question.trust.pinned, *self.question.trust.anchors)
        return bound_certificate(
            core,
            properties,
            candidates=[one for one in dict.fromkeys(known) if _has_key(one, core.signer.key)],
            policy=self.question.policy,
        )

    def _counter(self, core: VerifiedSignature, properties: Properties) -> tuple[VerifiedXades, ...]:
        inside = counter.counter_signatures(properties.unsigned, properties.form)
        return tuple(self._one_counter(one, core) for one in inside)

    def _one_counter(self, element: Element, around: VerifiedSignature) -> VerifiedXades:
        try:
            core = self._core(element)
            counter.check_about(core, around)
            if qualifying(element, core.objects) is None:
                signer = trusted_signer(core, question=self.question, pool=self.pool, evidence=self.evidence)
                return VerifiedXades(core, signer, self.question.at, core.references)
            return self._judged(core, read_properties(core))
        except NotValid as fault:
            fault.where = f"CounterSignature {fault.where}".strip()
            raise


def _has_key(certificate: x509.Certificate, key: PublicKeyTypes | bytes) -> bool:
    if isinstance(key, bytes):
        return False
    try:
        return _spki(certificate.public_key()) == _spki(key)
    except DECODING_FAULTS:
        return False


def _spki(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _notes(found: stamps.Stamps, statement: Statement, properties: Properties) -> tuple[str, ...]:
    notes = [f"a time stamp could not be verified and does not count: {one}" for one in found.unknown]
    unread = (*signed.unread(properties), *found.unread)
    if unread:
        notes.append(f"not examined: {', '.join(unread)}")
    if statement.policy:
        state = "its document checked" if statement.policy_checked else "its document not at hand"
        notes.append(f"signature policy {statement.policy[:120]}, {state}")
    return tuple(notes)
