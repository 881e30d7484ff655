"""The verdict about an XML file by its XAdES signatures (kind `xades`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import unquote

from cryptography import x509

from gateway.errors import Refusal
from gateway.formats import safexml
from gateway.formats.safexml import Element
from gateway.model.verdict import Judgement, NotValid, Scope, SignedPart, Verdict
from gateway.signing.question import Question
from gateway.signing.trust import armour, describe
from gateway.signing.xades.kept import kept_certificates
from gateway.signing.xades.names import FORMS, local, space
from gateway.signing.xades.verify import VerifiedXades, verify_xades
from gateway.signing.xmldsig import Rules, signatures_in
from gateway.signing.xmldsig.limits import MAX_SIGNATURES, Budget
from gateway.signing.xmldsig.model import Resolve


def judge(content: bytes, question: Question) -> Verdict:
    """The verdict about the XAdES signatures in the XML document *content*; all of them must hold.

    The one that covers most gives signer and time. Raises NotValid; signature.properties for a signature without
    qualifying properties.
    """
    root = _parsed(content)
    found = signatures_in(root)
    if not found:
        raise NotValid("signature.absent")
    if len(found) > MAX_SIGNATURES:
        raise NotValid("limit.exceeded", f"more than {MAX_SIGNATURES} signatures")
    rules = Rules(resolve=beside(question.detached), every_id_unique=question.policy.name == "production")
    budget = Budget()
    verified = [_one(place, one, question, rules, budget) for place, one in enumerate(found, 1)]
    return _verdict(verified)


def _parsed(content: bytes) -> Element:
    try:
        return safexml.parse(content).root
    except Refusal as fault:
        reason = "limit.exceeded" if fault.code in ("limit.body", "xml.limit") else "malformed"
        raise NotValid(reason, f"{fault.code} {fault.detail}".strip(), fault.where) from fault


def _one(place: int, signature: Element, question: Question, rules: Rules, budget: Budget) -> VerifiedXades:
    try:
        return verify_xades(signature, question=question, rules=rules, budget=budget)
    except NotValid as fault:
        if place > 1:
            fault.where = f"Signature {place}, {fault.where}".rstrip(", ")
        raise


def _verdict(verified: Sequence[VerifiedXades]) -> Verdict:
    """The signature that covers most is told of, with all that the same signer has signed."""
    scopes = [_scope(one) for one in verified]
    first = verified[scopes.index(Scope.FULL)] if Scope.FULL in scopes else verified[0]
    same = [one for one in verified if one.signer.certificate == first.signer.certificate]
    others = sorted({one.signer.name for one in verified if one not in same})
    notes = [note for one in verified for note in one.notes]
    certificate = first.signer.certificate
    return Verdict(
        Judgement.VALID,
        "ok",
        "; ".join([*([f"also signed by {'; '.join(others)}"] if others else []), *dict.fromkeys(notes)]),
        signer=first.signer.name,
        signed_at=first.signed_at,
        time_proven=first.stamp is not None,
        scope=Scope.FULL if Scope.FULL in scopes else Scope.PARTIAL,
        signed=tuple(dict.fromkeys(SignedPart(one.path, one.sha256) for each in same for one in each.references)),
        certificate=describe.fingerprint(certificate) if certificate is not None else "",
        signatures=sum(one.signatures for one in verified),
    )


def _scope(one: VerifiedXades) -> Scope:
    """FULL where the whole document without its signatures is covered; of a document that is a signature itself, all
    its objects and all content outside. Never where a signed manifest could not be followed.
    """
    signature, references = one.signature.element, one.references
    if one.unchecked:
        return Scope.PARTIAL
    whole = [each for each in references if each.whole]
    if signature.getparent() is not None:
        root = signature.getroottree().getroot()
        return Scope.FULL if any(each.element is root for each in whole) else Scope.PARTIAL
    covered = [each.element for each in whole if each.element is not None and not each.left_out]
    outside = all(each.whole for each in references if each.element is None)
    inside = all(_is_covered(holder, covered) for holder in one.signature.objects)
    return Scope.FULL if outside and inside else Scope.PARTIAL


def _is_covered(holder: Element, covered: Sequence[Element]) -> bool:
    """Whether a ds:Object is signed, as itself or by all it holds; the properties are no content."""
    if any(one is holder for one in covered):
        return True
    inside = list(holder.iterchildren("*"))
    beside_them = (holder.text or "") + "".join(one.tail or "" for one in holder)
    own = [one for one in inside if local(one) == "QualifyingProperties" and space(one) in FORMS]
    return not beside_them.strip() and all(one in own or any(each is one for each in covered) for one in inside)


def beside(detached: Mapping[str, bytes]) -> Resolve:
    """Find content among *detached* files by the last part of a relative URI; a Reference without URI means the only
    file that is no certificate, CRL or OCSP response.
    """

    def resolve(uri: str | None) -> bytes:
        if uri is None:
            others = [raw for raw in detached.values() if not armour.looks_encoded(raw)]
            if len(others) == 1:
                return others[0]
        elif ":" not in uri.split("/", 1)[0] and not uri.startswith("/"):
            for name in (uri, unquote(uri), unquote(uri).rpartition("/")[2]):
                if name in detached:
                    return detached[name]
        where = "a Reference without URI" if uri is None else uri[:120]
        raise NotValid(
            "signature.reference", "the signed content is not at hand", where, judgement=Judgement.INDETERMINATE
        )

    return resolve


def certificates(content: bytes) -> tuple[x509.Certificate, ...]:
    """The certificates in *content*: of KeyInfo, kept values and time stamps, as far as they can be read."""
    try:
        return kept_certificates(_parsed(content))
    except NotValid:
        return ()
