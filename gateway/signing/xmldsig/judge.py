"""The verdict about an XML file by its XML signatures (kind `xmldsig`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import unquote, urlsplit

from cryptography import x509

from gateway.errors import Refusal
from gateway.formats import safexml
from gateway.formats.safexml import Element
from gateway.model.verdict import Judgement, NotValid, Scope, SignedPart, Verdict
from gateway.signing.question import Question
from gateway.signing.trust import armour, describe
from gateway.signing.trust.judge import sniffed
from gateway.signing.xmldsig import uris
from gateway.signing.xmldsig.limits import MAX_KEYS, MAX_SIGNATURES, Budget
from gateway.signing.xmldsig.model import Resolve, Rules, Signer, VerifiedReference, VerifiedSignature
from gateway.signing.xmldsig.shape import base64_of, local
from gateway.signing.xmldsig.signer import trusted_signer
from gateway.signing.xmldsig.verify import check_manifests, signatures_in, verify_signature

_REFUSED: Final[Mapping[str, str]] = {
    "limit.body": "limit.exceeded",
    "xml.limit": "limit.exceeded",
    "xml.doctype": "algorithm.unsupported",
}
"""What a refusal to read the document says of it; a document with a DTD may be sound, but none is read here."""
_PROPERTIES: Final = "QualifyingProperties"
"""XAdES: partly unsigned by design, and no content."""


@dataclass(frozen=True, slots=True)
class _Held:
    """A signature that holds, by a signer who is believed."""

    verified: VerifiedSignature
    signer: Signer
    scope: Scope
    unchecked: int = 0
    """References of signed manifests that could not be checked."""


def judge(content: bytes, question: Question) -> Verdict:
    """The verdict about the signatures in the XML document *content*: every one must hold. Raises NotValid.

    So must the references of the manifests they cover, as far as these can be checked; otherwise *scope* is partial.
    It is full if the whole document without its signatures is covered, or all objects and outside content of a document
    that is a signature itself. *signed* lists what the signer told of has signed.
    """
    root = _parsed(content)
    found = signatures_in(root)
    if not found:
        raise NotValid("signature.absent", "no ds:Signature")
    if len(found) > MAX_SIGNATURES:
        raise NotValid("limit.exceeded", f"more than {MAX_SIGNATURES} signatures")
    budget = Budget()
    held = []
    for number, one in enumerate(found, 1):
        try:
            held.append(_one(one, question, budget))
        except NotValid as fault:
            if len(found) > 1:
                fault.where = f"Signature {number} of {len(found)}, {fault.where}".rstrip(", ")
            raise
    return _verdict(held)


def certificates(content: bytes) -> tuple[x509.Certificate, ...]:
    """The certificates in the KeyInfo of *content*, as far as they can be read. Raises nothing."""
    found = []
    try:
        root = _parsed(content)
    except NotValid:
        return ()
    for element in root.iter(uris.ds("X509Certificate")):
        try:
            found.append(armour.certificate(base64_of(element)))
        except NotValid:
            continue
        if len(found) >= MAX_KEYS:
            break
    return tuple(found)


def _parsed(content: bytes) -> Element:
    try:
        return safexml.parse(content).root
    except Refusal as refusal:
        raise NotValid(_REFUSED.get(refusal.code, "malformed"), refusal.code, refusal.where) from refusal


def _one(signature: Element, question: Question, budget: Budget) -> _Held:
    beside = sniffed(tuple(question.detached.values()))
    rules = Rules(
        resolve=_beside(question.detached),
        pool=beside.certificates,
        every_id_unique=question.policy.name == "production",
    )
    verified = verify_signature(signature, question=question, rules=rules, budget=budget)
    outside = {one.content for one in verified.references if one.element is None}
    more = sniffed([raw for raw in question.detached.values() if raw not in outside])
    signer = trusted_signer(verified, question=question, pool=more.certificates, evidence=more.evidence())
    unchecked = check_manifests(verified, question=question, rules=rules, budget=budget)
    return _Held(verified, signer, Scope.PARTIAL if unchecked else _scope(signature, verified), unchecked)


def _beside(detached: Mapping[str, bytes]) -> Resolve:
    """Outside content by the last part of its URI; a Reference without URI means the only detached file."""

    def resolve(uri: str | None) -> bytes:
        if uri is None:
            name = next(iter(detached), "") if len(detached) == 1 else ""
        else:
            try:
                parts = urlsplit(uri)
            except ValueError as fault:
                raise NotValid("signature.reference", "not a URI", uri[:120]) from fault
            written = parts.path.rpartition("/")[2]
            name = unquote(parts.path).rpartition("/")[2]
            if name not in detached:
                name = written  # a file that was saved under the name as it stands in the URI
        if not name or name not in detached:
            raise NotValid(
                "signature.reference", "the signed content is not at hand", judgement=Judgement.INDETERMINATE
            )
        return detached[name]

    return resolve


def _scope(signature: Element, verified: VerifiedSignature) -> Scope:
    whole = [one for one in verified.references if one.whole]
    if signature.getparent() is not None:
        root = signature.getroottree().getroot()
        return Scope.FULL if any(one.element is root for one in whole) else Scope.PARTIAL
    outside_whole = all(one.whole for one in verified.references if one.element is None)
    covered = all(_is_covered(one, whole) for one in verified.objects)
    return Scope.FULL if outside_whole and covered else Scope.PARTIAL


def _is_covered(holder: Element, whole: list[VerifiedReference]) -> bool:
    """Whether a ds:Object is signed, as itself or by all it holds."""
    elements = [one.element for one in whole if not one.left_out]
    if any(one is holder for one in elements):
        return True
    inside = [one for one in holder if isinstance(one.tag, str)]
    texts = (holder.text or "") + "".join(one.tail or "" for one in holder)
    return not texts.strip() and all(
        local(one) == _PROPERTIES or any(each is one for each in elements) for one in inside
    )


def _verdict(held: list[_Held]) -> Verdict:
    """The signature that covers most is told of, with all that the same signer has signed."""
    first = next((one for one in held if one.scope is Scope.FULL), held[0])
    same = [one for one in held if _who(one.signer) == _who(first.signer)]
    parts = dict.fromkeys(_parts(same))
    certificate = first.signer.certificate
    verdict = Verdict(
        Judgement.VALID,
        "ok",
        signer=first.signer.name,
        scope=first.scope,
        signed=tuple(parts),
        certificate="" if certificate is None else describe.fingerprint(certificate),
        signatures=len(held),
    )
    others = sorted({one.signer.name for one in held if _who(one.signer) != _who(first.signer)})
    notes = [f"also signed by {'; '.join(others)}"] if others else []
    if unchecked := sum(one.unchecked for one in held):
        notes.append(f"{unchecked} references of signed manifests could not be checked")
    return replace(verdict, detail="; ".join(notes))


def _who(signer: Signer) -> tuple[str, str]:
    return signer.name, "" if signer.certificate is None else describe.fingerprint(signer.certificate)


def _parts(held: list[_Held]) -> Iterable[SignedPart]:
    for one in held:
        for reference in one.verified.references:
            yield SignedPart(reference.path, reference.sha256)
