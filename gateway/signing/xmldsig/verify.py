"""Core validation of one ds:Signature (XMLDSig §3.2): structure, SignatureValue, then every Reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateway.formats.safexml import Element
from gateway.model.verdict import NotValid
from gateway.signing.question import Question
from gateway.signing.trust import describe
from gateway.signing.xmldsig import uris
from gateway.signing.xmldsig.algorithms import Method, fits, holds, read_method
from gateway.signing.xmldsig.c14n import canonical
from gateway.signing.xmldsig.ids import Ids
from gateway.signing.xmldsig.keys import Keys, read_keys
from gateway.signing.xmldsig.limits import MAX_KEYS, MAX_REFERENCES, Budget
from gateway.signing.xmldsig.model import Candidate, NodeSet, Rules, VerifiedReference, VerifiedSignature
from gateway.signing.xmldsig.references import Here, form_of, verify_reference
from gateway.signing.xmldsig.shape import base64_of, children

_SIGNATURE: Final = uris.ds("Signature")
_PROVEN: Final = frozenset({"signature.digest", "signature.ambiguous", "malformed", "limit.exceeded"})


def signatures_in(root: Element) -> tuple[Element, ...]:
    """The ds:Signature elements at or below *root* that are inside no other one, in document order."""
    found = []
    for one in root.iter(_SIGNATURE):
        if not any(up.tag == _SIGNATURE for up in one.iterancestors()):
            found.append(one)
    return tuple(found)


def verify_signature(
    signature: Element, *, question: Question, rules: Rules | None = None, budget: Budget | None = None
) -> VerifiedSignature:
    """What *signature* (a ds:Signature in its document's tree) proves, or NotValid.

    The tree is not changed. *budget* is what several signatures of one document share. Only algorithms of the
    question's policy; at most 64 references of at most 6 transforms.
    Keys come from KeyInfo as far as certificates, from `rules.keys`, and from the trust store; a bare key counts only
    if the store holds it. Certificates are not judged here: `trusted_signer`.

    Raises NotValid malformed, signature.wrong, signature.digest, signature.reference (INDETERMINATE: outside content is
    not at hand), signature.ambiguous, algorithm.forbidden, algorithm.unsupported, key.untrusted, chain.unknown (the
    certificate that KeyInfo points to is not at hand) or limit.exceeded.
    """
    parts = _read(signature)
    method = read_method(parts.method, question.policy)
    here = _here(signature, question, rules or Rules(), budget or Budget())
    signed_info = canonical(NodeSet(parts.signed_info, comments=True), form_of(parts.form))
    value = base64_of(parts.value)
    keys = read_keys(parts.key_info, here, question)
    signer = _signer(keys, method, signed_info, value, question)
    try:
        references = tuple(verify_reference(one, here) for one in parts.references)
        manifest = _manifested(references, here) if here.rules.manifests else ()
    except NotValid as fault:
        fault.signer = fault.signer or _name(signer)
        raise
    return VerifiedSignature(
        element=signature,
        algorithm=method.uri,
        signer=signer,
        references=references,
        signed_info=signed_info,
        signature_value=value,
        signature_value_element=parts.value,
        key_info=parts.key_info,
        objects=parts.objects,
        embedded=keys.embedded,
        manifest=manifest,
    )


def _here(signature: Element, question: Question, rules: Rules, budget: Budget) -> Here:
    ids = Ids(signature, rules.id_attributes)
    if rules.every_id_unique:
        ids.check_unique()
    return Here(signature, rules, question.policy, ids, budget)


@dataclass(frozen=True, slots=True)
class _Parts:
    """A ds:Signature by its schema (XMLDSig §4.2)."""

    signed_info: Element
    form: Element
    method: Element
    references: tuple[Element, ...]
    value: Element
    key_info: Element | None
    objects: tuple[Element, ...]


def _read(signature: Element) -> _Parts:
    if signature.tag != _SIGNATURE:
        raise NotValid("signature.absent", "not a ds:Signature")
    found = children(signature)
    if [one.tag for one in found[:2]] != [uris.ds("SignedInfo"), uris.ds("SignatureValue")]:
        raise NotValid("malformed", "no SignedInfo and SignatureValue", "ds:Signature")
    rest = found[2:]
    key_info = rest.pop(0) if rest and rest[0].tag == uris.ds("KeyInfo") else None
    if any(one.tag != uris.ds("Object") for one in rest):
        raise NotValid("malformed", "an element that does not belong here", "ds:Signature")
    inside = children(found[0])
    if [one.tag for one in inside[:2]] != [uris.ds("CanonicalizationMethod"), uris.ds("SignatureMethod")]:
        raise NotValid("malformed", "no CanonicalizationMethod and SignatureMethod", "ds:SignedInfo")
    references = inside[2:]
    if not references or any(one.tag != uris.ds("Reference") for one in references):
        raise NotValid("malformed", "no references, or something else", "ds:SignedInfo")
    if len(references) > MAX_REFERENCES:
        raise NotValid("limit.exceeded", f"more than {MAX_REFERENCES} references", "ds:SignedInfo")
    return _Parts(found[0], inside[0], inside[1], tuple(references), found[1], key_info, tuple(rest))


def _signer(keys: Keys, method: Method, signed_info: bytes, value: bytes, question: Question) -> Candidate:
    """The first key under which the signature holds. Raises NotValid."""
    fitting = [one for one in keys.candidates if fits(method, one.key)]
    forbidden: NotValid | None = None
    for one in fitting[:MAX_KEYS]:
        try:
            if holds(method, one.key, signed_info, value, question.policy):
                return one
        except NotValid as fault:
            fault.signer = _name(one)
            forbidden = forbidden or fault
    if forbidden is not None:
        raise forbidden
    if keys.named and keys.candidates:
        raise NotValid("signature.wrong", "it does not hold under the key named", signer=_name(keys.candidates[0]))
    if keys.bare or method.kind == "hmac":
        raise NotValid("key.untrusted", "the key is not in the trust store")
    raise NotValid("chain.unknown", "the signing certificate is not at hand", "ds:KeyInfo")


def _name(signer: Candidate) -> str:
    return describe.subject(signer.certificates[0]) if signer.certificates else signer.name


def _manifested(references: tuple[VerifiedReference, ...], here: Here) -> tuple[VerifiedReference, ...]:
    """The references of ds:Manifest elements that *references* cover (XMLDSig §5.1)."""
    return tuple(verify_reference(each, here) for one in references for each in _listed(one, 0))


def _listed(covered: VerifiedReference, already: int) -> list[Element]:
    """The ds:Reference elements of the manifests that *covered* holds unchanged. Raises NotValid."""
    found: list[Element] = []
    if covered.element is None or not covered.whole or covered.left_out:
        return found
    for manifest in covered.element.iter(uris.ds("Manifest")):
        listed = children(manifest)
        if any(each.tag != uris.ds("Reference") for each in listed):
            raise NotValid("malformed", "something else than references", "ds:Manifest")
        found += listed
        if already + len(found) > MAX_REFERENCES:
            raise NotValid("limit.exceeded", f"more than {MAX_REFERENCES} references", "ds:Manifest")
    return found


def check_manifests(
    verified: VerifiedSignature, *, question: Question, rules: Rules | None = None, budget: Budget | None = None
) -> int:
    """How many references of the manifests that *verified* covers could not be checked (content not at hand, a
    transform that is not done); the Recommendation leaves them to the application (XMLDSig §2.3, §5.1).

    Raises NotValid for one that is proven wrong: signature.digest, signature.ambiguous, malformed; limit.exceeded.
    """
    here = _here(verified.element, question, rules or Rules(), budget or Budget())
    left = list(verified.references)
    seen: set[Element] = set()
    unchecked = 0
    while left:
        for each in _listed(left.pop(), len(seen)):
            if each in seen:
                continue
            seen.add(each)
            try:
                left.append(verify_reference(each, here))
            except NotValid as fault:
                if fault.reason in _PROVEN:
                    fault.where = f"ds:Manifest, {fault.where}"
                    raise
                unchecked += 1
    return unchecked
