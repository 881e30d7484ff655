"""Time stamps over a signature (EN 319 132-1 §5.3): the value of ds:SignatureValue existed at their time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography import x509

from gateway.formats.safexml import Element
from gateway.model.verdict import NotValid
from gateway.signing.question import Question
from gateway.signing.timestamp import Stamp, verify_stamp
from gateway.signing.trust import Evidence
from gateway.signing.xades.encoding import base64_bytes
from gateway.signing.xades.names import XADES_141, children, local, only, space, text
from gateway.signing.xmldsig import Canonical, NodeSet, VerifiedSignature, canonical
from gateway.signing.xmldsig.uris import C14N, CANONICAL_FORMS, DS, EXC_C14N

MAX_STAMPS: Final = 8
_WHERE: Final = "SignatureTimeStamp"
_UNREAD: Final = ("SigAndRefsTimeStamp", "SigAndRefsTimeStampV2", "RefsOnlyTimeStamp", "RefsOnlyTimeStampV2")
_ARCHIVE: Final = "ArchiveTimeStamp"


@dataclass(frozen=True, slots=True)
class Stamps:
    """*held*: the stamps that held, earliest first. *unknown*: why others could not be judged. *unread*: names of time
    stamps of other kinds, which are not examined and count for nothing.
    """

    held: tuple[Stamp, ...] = ()
    unknown: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


def read_stamps(
    verified: VerifiedSignature,
    unsigned: Element | None,
    form: str,
    *,
    question: Question,
    pool: Sequence[x509.Certificate],
    evidence: Evidence,
) -> Stamps:
    """The time stamps over the signature value of *verified*.

    Raises NotValid timestamp.invalid: one that is forged or about something else; revocation.unknown or .stale: none
    holds, and revocation data from outside could help; limit.exceeded; malformed.
    """
    groups = children(unsigned, "UnsignedSignatureProperties", form) if unsigned is not None else []
    elements = [one for group in groups for one in children(group, _WHERE, form)]
    tokens = [(one, token) for one in elements for token in _tokens(one)]
    if len(tokens) > MAX_STAMPS:
        raise NotValid("limit.exceeded", f"more than {MAX_STAMPS} time stamps", _WHERE)
    held: list[Stamp] = []
    unknown: list[str] = []
    unanswered: NotValid | None = None
    for element, token in tokens:
        try:
            imprinted = _imprinted(verified, element)
            held.append(
                verify_stamp(token, imprinted=imprinted, question=question, pool=tuple(pool), evidence=evidence)
            )
        except NotValid as fault:
            fault.where = fault.where or _WHERE
            if fault.reason.startswith("revocation."):
                unanswered = unanswered or fault
            elif fault.reason not in ("timestamp.unknown", "algorithm.unsupported"):
                raise
            unknown.append(fault.detail or fault.reason)
    if unanswered is not None and not held:
        raise unanswered
    return Stamps(tuple(sorted(held, key=lambda one: one.latest)), tuple(unknown), _unread(groups, form))


def _tokens(element: Element) -> list[bytes]:
    encapsulated = children(element, "EncapsulatedTimeStamp", space(element))
    if not encapsulated and not any(local(one) == "XMLTimeStamp" for one in element):
        raise NotValid("timestamp.invalid", "an empty time stamp", _WHERE)
    return [base64_bytes(text(one), "EncapsulatedTimeStamp") for one in encapsulated]


def _imprinted(verified: VerifiedSignature, element: Element) -> bytes:
    """§5.3: ds:SignatureValue in the stamp's own canonical form (C14N 1.0 where it names none)."""
    _check_included(verified, element)
    method = only(element, "CanonicalizationMethod", DS)
    uri = method.get("Algorithm", "") if method is not None else C14N
    if uri not in CANONICAL_FORMS:
        raise NotValid("algorithm.unsupported", f"canonical form {uri[:80]}", _WHERE)
    prefixes = only(method, "InclusiveNamespaces", EXC_C14N) if method is not None else None
    listed = tuple(prefixes.get("PrefixList", "").split()) if prefixes is not None else ()
    return canonical(NodeSet(verified.signature_value_element, comments=True), Canonical(uri, listed))


def _check_included(verified: VerifiedSignature, element: Element) -> None:
    """Where a stamp lists what it is about (Include, HashDataInfo of v1.1.1), it is the signature value alone."""
    name = verified.signature_value_element.get("Id")
    for one in element:
        if local(one) not in ("Include", "HashDataInfo"):
            continue
        said = one.get("URI") or one.get("uri") or ""
        if not name or said != f"#{name}":
            raise NotValid("timestamp.invalid", "it is about something else than the signature value", _WHERE)
        if len(one):
            raise NotValid("timestamp.unknown", "it was made over a transformed signature value", _WHERE)


def _unread(groups: Sequence[Element], form: str) -> tuple[str, ...]:
    names = {local(one) for group in groups for one in group if space(one) in (form, XADES_141)}
    return tuple(name for name in (*_UNREAD, _ARCHIVE) if name in names)
