"""The verdict about a container (`lienthong verify --kind asic`): every signature holds, and what all of them cover."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from cryptography import x509

from gateway.model.verdict import Judgement, NotValid, Scope, Verdict
from gateway.signing import cms, timestamp
from gateway.signing.asic import cades
from gateway.signing.asic.cades import Beside
from gateway.signing.asic.layout import Layout, open_layout
from gateway.signing.asic.manifest import Manifest, read_manifest
from gateway.signing.asic.proof import Proof
from gateway.signing.question import Question
from gateway.signing.trust import describe
from gateway.signing.trust.judge import sniffed

MAX_SIGNATURES: Final = 32
MAX_NAMED: Final = 20
"""Files named in one sentence of a verdict."""


def judge(content: bytes, question: Question) -> Verdict:
    """The verdict about the container *content*. May raise NotValid.

    Valid only if every signature and every time stamp in it holds. *signed*: the files that all signatures cover
    (all time stamps, where there is no signature); *scope* is full if these are all the files, and *later_changes*
    names those that are not. *signer* and *signed_at* are of the first signature. `question.detached`: certificates,
    CRLs and OCSP responses.
    """
    layout = open_layout(content)
    extra = sniffed(tuple(question.detached.values()))
    container = _Container(layout, question, Beside(tuple(extra.certificates), extra.evidence()))
    return container.verdict()


def certificates(content: bytes) -> tuple[x509.Certificate, ...]:
    """The certificates in all signatures and time stamps, as far as they can be read; raises nothing."""
    try:
        layout = open_layout(content)
    except NotValid:
        return ()
    return tuple(dict.fromkeys(_certificates(layout)))


def _certificates(layout: Layout) -> Iterator[x509.Certificate]:
    for name in (*layout.cades, *layout.tokens):
        try:
            message = cms.read(layout.files[name])
        except NotValid:
            continue
        yield from message.certificates
        for signer in message.signers:
            for token in signer.unsigned.get(cms.SIGNATURE_TIME_STAMP, ()):
                yield from timestamp.certificates(token)
    if layout.xades:
        from gateway.signing import xades

        for name in layout.xades:
            yield from xades.certificates(layout.files[name])


class _Container:
    """One container and the question about it."""

    def __init__(self, layout: Layout, question: Question, beside: Beside) -> None:
        self._layout = layout
        self._question = question
        self._beside = beside
        self._manifests = self._read_manifests()

    def verdict(self) -> Verdict:
        stamps, existed = self._stamps()
        signatures: list[Proof] = []
        for name in self._layout.cades:
            signatures += self._cades(name, existed)
            _check_number(signatures)
        for name in self._layout.xades:
            signatures += self._xades(name, existed)
            _check_number(signatures)
        return _verdict(self._layout, signatures or stamps, len(signatures) or len(stamps))

    def _read_manifests(self) -> Mapping[str, Manifest]:
        """The manifests by the member that signs them."""
        found: dict[str, Manifest] = {}
        for name in self._layout.manifests:
            manifest = read_manifest(name, self._layout, self._question.policy)
            if manifest.signature in found:
                raise NotValid("signature.ambiguous", "two manifests of one signature", name)
            if manifest.signature not in (*self._layout.cades, *self._layout.tokens):
                raise NotValid("signature.reference", "a manifest of something that is no signature", name)
            found[manifest.signature] = manifest
        return found

    def _covered(self, place: str) -> tuple[str, ...]:
        """What the CMS message in *place* is over, and the further members that speaks for (§4.3.3.2, §4.4.4)."""
        manifest = self._manifests.get(place)
        if manifest is not None:
            return (manifest.name, *manifest.members)
        if self._layout.form == "S":
            return self._layout.objects
        raise NotValid("signature.place", "no manifest says what this is about", place)

    def _stamps(self) -> tuple[list[Proof], Mapping[str, datetime]]:
        """What the container's time stamps prove, and by when each member existed at the latest."""
        proofs: list[Proof] = []
        existed: dict[str, datetime] = {}
        for place in self._layout.tokens:
            members = self._covered(place)
            proof, stamp = cades.token_proof(place, members, self._layout, self._question, self._beside)
            proofs.append(proof)
            for member in members:
                existed[member] = min(existed.get(member, stamp.latest), stamp.latest)
        return proofs, existed

    def _at(self, place: str, existed: Mapping[str, datetime]) -> Question:
        """The question for the signature in *place*, at the time by which it is known to have existed."""
        at = min(self._question.at, existed.get(place, self._question.at))
        return replace(self._question, at=at)

    def _cades(self, place: str, existed: Mapping[str, datetime]) -> list[Proof]:
        question = self._at(place, existed)
        return cades.signatures_in(place, self._covered(place), self._layout, question, self._beside)

    def _xades(self, place: str, existed: Mapping[str, datetime]) -> list[Proof]:
        from gateway.signing.asic import xml

        return xml.signatures_in(place, self._layout, self._at(place, existed))


def _check_number(signatures: Sequence[Proof]) -> None:
    if len(signatures) > MAX_SIGNATURES:
        raise NotValid("limit.exceeded", f"more than {MAX_SIGNATURES} signatures")


def _verdict(layout: Layout, proofs: Sequence[Proof], count: int) -> Verdict:
    first = proofs[0]
    for proof in proofs:
        if not proof.parts.keys() & set(layout.objects):
            raise NotValid("signature.place", "it covers no file of the container whole", proof.place)
    shared = set(first.parts).intersection(*(proof.parts for proof in proofs))
    notes = [note for proof in proofs for note in proof.notes]
    if not shared & set(layout.objects):
        notes.insert(0, "the signatures are of different files; told are those of the first")
        shared = set(first.parts)
    rest = [name for name in (*layout.objects, *layout.unread) if name not in shared]
    certificate = first.certificate
    return Verdict(
        Judgement.VALID,
        "ok",
        "; ".join(notes),
        signer=first.signer,
        signed_at=first.signed_at,
        time_proven=first.proven,
        scope=Scope.PARTIAL if rest else Scope.FULL,
        signed=tuple(part for name, part in first.parts.items() if name in shared),
        later_changes=_unsigned(rest),
        certificate="" if certificate is None else describe.fingerprint(certificate),
        signatures=count,
    )


def _unsigned(names: Sequence[str]) -> tuple[str, ...]:
    if len(names) > MAX_NAMED:
        return (*_unsigned(names[:MAX_NAMED]), f"and {len(names) - MAX_NAMED} more files that are not signed")
    return tuple(f"not signed: {name}" for name in names)
