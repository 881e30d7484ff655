"""XAdES signatures in a container: one member may hold several (§4.4.3.2, OpenDocument 1.2 part 3 §5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gateway.errors import Refusal
from gateway.formats import safexml
from gateway.formats.safexml import Element
from gateway.model.verdict import NotValid, SignedPart
from gateway.signing.asic.layout import Layout
from gateway.signing.asic.manifest import SPACES
from gateway.signing.asic.proof import Proof
from gateway.signing.question import Question
from gateway.signing.trust import describe
from gateway.signing.xades import VerifiedXades, verify_xades
from gateway.signing.xmldsig import Rules
from gateway.signing.xmldsig.uris import ds

MAX_SIGNATURES: Final = 32
_ROOTS: Final = frozenset(
    {
        *(f"{{{space}}}XAdESSignatures" for space in SPACES),
        "{urn:oasis:names:tc:opendocument:xmlns:digitalsignature:1.0}document-signatures",
        "{urn:oasis:names:tc:opendocument:xmlns:container}signatures",
        ds("Signature"),
    }
)


def signatures_in(place: str, layout: Layout, question: Question) -> list[Proof]:
    """What each XAdES signature of the member *place* proves. Raises NotValid as `verify_xades`."""
    try:
        return [_signature(place, one, layout, question) for one in _signatures(layout.files[place])]
    except NotValid as fault:
        fault.where = f"{place} {fault.where}".strip()
        raise


def _signatures(raw: bytes) -> Sequence[Element]:
    try:
        root = safexml.parse(raw).root
    except Refusal as refusal:
        reason = "limit.exceeded" if refusal.code in ("limit.body", "xml.limit") else "malformed"
        raise NotValid(reason, refusal.detail or refusal.code) from refusal
    if root.tag not in _ROOTS:
        raise NotValid("signature.place", "not a file of signatures")
    found = [root] if root.tag == ds("Signature") else [one for one in root if one.tag == ds("Signature")]
    if not found:
        raise NotValid("signature.absent", "a file of signatures without any")
    if len(found) > MAX_SIGNATURES:
        raise NotValid("limit.exceeded", f"more than {MAX_SIGNATURES} signatures")
    return found


def _signature(place: str, element: Element, layout: Layout, question: Question) -> Proof:
    def resolve(uri: str | None) -> bytes:
        if uri is None:
            raise NotValid("signature.reference", "a reference without URI")
        return layout.resolved(uri)

    verified = verify_xades(element, question=question, rules=Rules(resolve=resolve))
    certificate = verified.signer.certificate
    return Proof(
        place=place,
        signer=verified.signer.name if certificate is None else describe.subject(certificate),
        certificate=certificate,
        signed_at=verified.signed_at,
        proven=verified.stamp is not None,
        parts=_covered(verified, layout),
        notes=verified.notes,
    )


def _covered(verified: VerifiedXades, layout: Layout) -> dict[str, SignedPart]:
    """The members that are covered whole; parts of one, and elements of the signature itself, count for nothing."""
    parts: dict[str, SignedPart] = {}
    for reference in verified.references:
        if reference.element is None and reference.uri and reference.whole:
            member = layout.member(reference.uri, reference.path)
            parts[member] = SignedPart(member, reference.sha256)
    return parts
