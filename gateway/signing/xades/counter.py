"""Counter-signatures (EN 319 132-1 §5.2.7): signatures of others over the value of this one, kept inside it."""

from __future__ import annotations

from typing import Final

from gateway.formats.safexml import Element
from gateway.model.verdict import NotValid
from gateway.signing.xades.names import COUNTERSIGNED, children
from gateway.signing.xmldsig import VerifiedSignature
from gateway.signing.xmldsig.uris import DS

MAX_COUNTER_SIGNATURES: Final = 8
"""Inside one signature, those of counter-signatures included."""
_WHERE: Final = "CounterSignature"


def counter_signatures(unsigned: Element | None, form: str) -> list[Element]:
    """The ds:Signature of every CounterSignature. Raises NotValid malformed, limit.exceeded."""
    if unsigned is None:
        return []
    holders = [
        one
        for group in children(unsigned, "UnsignedSignatureProperties", form)
        for one in children(group, _WHERE, form)
    ]
    if sum(1 for _ in unsigned.iter(f"{{{form}}}{_WHERE}")) > MAX_COUNTER_SIGNATURES:
        raise NotValid("limit.exceeded", f"more than {MAX_COUNTER_SIGNATURES} counter-signatures", _WHERE)
    found = [children(one, "Signature", DS) for one in holders]
    if any(len(one) != 1 for one in found):
        raise NotValid("malformed", "not exactly one signature", _WHERE)
    return [one[0] for one in found]


def check_about(counter: VerifiedSignature, signed: VerifiedSignature) -> None:
    """A counter-signature of that place covers the whole ds:SignatureValue of the signature around it.

    Raises NotValid signature.place.
    """
    about = [one for one in counter.references if one.element is signed.signature_value_element]
    if not any(one.whole and not one.left_out for one in about):
        raise NotValid("signature.place", "it does not cover the signature it stands in", _WHERE)
    if any(one.type == COUNTERSIGNED for one in counter.references if one not in about):
        raise NotValid("signature.place", "it calls something else the countersigned signature", _WHERE)
