"""Applying an organisation's signature to a PDF: PAdES baseline B-B, B-T, B-LT (ETSI EN 319 142-1 §6).

The file is read and written in a confined process, the private key stays behind its port, and nothing leaves that our
own judge does not find sound.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.errors import Refusal
from gateway.model.verdict import Judgement, NotValid, Verdict
from gateway.ports.signing import Judge, SigningKey, Stamps
from gateway.signing import cms
from gateway.signing.pades.sign_evidence import add_evidence
from gateway.signing.pades.sign_prepare import Prepared, prepare
from gateway.signing.pades.sign_request import LEVELS, Level, Request, Signer
from gateway.signing.trust import armour
from gateway.signing.trust.model import Evidence
from gateway.signing.worker import Workers

__all__ = ["LEVELS", "Level", "Prepared", "Request", "SignPdf", "Signed", "Signer", "add_evidence", "prepare"]

EvidenceFor = Callable[[Sequence[x509.Certificate]], Awaitable[Evidence]]
"""Revocation data about certificates and those above them, whoever is asked first named first."""

SECONDS: Final = 10.0
"""CPU time for reading and writing one file: ours are large sometimes, and come from people we know."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed PDF, its level, its field, the page (from 1; 0: nothing is seen), and what our judge says of it."""

    content: bytes
    level: Level
    field: str
    page: int
    verdict: Verdict


class SignPdf:
    """Signs PDFs. Without *stamps* only B-B can be made, without *evidence_for* no B-LT.

    *accepts* says which verdicts of *judge* about the result will do; *valid* alone by default.
    """

    def __init__(
        self,
        workers: Workers,
        judge: Judge,
        stamps: Stamps | None = None,
        evidence_for: EvidenceFor | None = None,
        *,
        accepts: Callable[[Verdict], bool] = lambda verdict: verdict.judgement is Judgement.VALID,
    ) -> None:
        self._workers = workers
        self._judge = judge
        self._stamps = stamps
        self._evidence_for = evidence_for
        self._accepts = accepts

    async def __call__(self, pdf: bytes, key: SigningKey, request: Request) -> Signed:
        """The file with one more signature; what was there stays byte for byte.

        Raises Refusal (pdf.*: not to be signed; sign.*: cannot be made so; sign.unsound: our judge does not accept the
        result), NotValid, KeyUnavailable, FetchFault (no time stamp). Nothing is left behind by any of them.
        """
        level = self._level(request)
        signer = Signer.of(key)
        # 1. Everything but the signature, in a process of its own.
        prepared = await self._workers.run_for(SECONDS, prepare, pdf, signer, replace(request, level=level))
        # 2. The key, wherever it is, signs the attributes.
        signature = await key.sign(prepared.to_sign, prepared.digest)
        # 3. An authority states when the signature's value existed.
        token = await self._stamps(signature) if prepared.stamped and self._stamps else None
        # 4. Both go into the room kept for them.
        signed = await asyncio.to_thread(prepared.complete, signature, token)
        # 5. What proves the certificates good is kept in the file itself.
        if level == "B-LT":
            signed = await self._with_evidence(signed, signer, token)
        # 6. Nothing is handed out that we would not accept from others.
        verdict = await self._judge("pdf", signed, at=request.at)
        if not self._accepts(verdict):
            raise Refusal("sign.unsound", verdict.reason, verdict.detail)
        return Signed(signed, level, prepared.field, prepared.page, verdict)

    def _level(self, request: Request) -> Level:
        if request.level != "B-B" and self._stamps is None:
            if not request.without_stamp:
                raise Refusal("sign.no_stamp", "", "no time stamping authority is configured")
            return "B-B"
        if request.level == "B-LT" and self._evidence_for is None:
            raise Refusal("sign.authority", "", "no source of revocation data is configured")
        return request.level

    async def _with_evidence(self, signed: bytes, signer: Signer, token: bytes | None) -> bytes:
        """The time stamping authority's certificate is handed to the gatherer at the front, next to the signer's: often
        it is nowhere but in the token."""
        own = tuple(armour.certificate(one) for one in (signer.certificate, *signer.chain))
        stamping = _certificates(token) if token is not None else ()
        others = await self._workers.certificates_of("pdf", signed)
        known = tuple({_der(one): one for one in (own[0], *stamping[:1], *own[1:], *stamping[1:], *others)}.values())
        evidence = await self._gathered(known)
        if not (evidence.ocsp or evidence.crls):
            raise Refusal("sign.authority", "", "nobody gave revocation data")
        return await self._workers.run_for(SECONDS, add_evidence, signed, tuple(map(_der, known)), evidence)

    async def _gathered(self, known: Sequence[x509.Certificate]) -> Evidence:
        if self._evidence_for is None:
            return Evidence()
        return await self._evidence_for(known)


def _der(one: x509.Certificate) -> bytes:
    return one.public_bytes(Encoding.DER)


def _certificates(token: bytes) -> tuple[x509.Certificate, ...]:
    """The certificates in a time stamp, its signer's first."""
    read = cms.read(token)
    if len(read.signers) != 1:
        raise NotValid("timestamp.invalid", "a time stamp has one signer")
    signer = read.signers[0]
    own = [one for one in read.certificates if _is_of(signer, one)]
    return (*own, *(one for one in read.certificates if one not in own))


def _is_of(signer: cms.Signer, one: x509.Certificate) -> bool:
    if signer.serial is not None:
        return one.serial_number == signer.serial and one.issuer.public_bytes() == signer.issuer
    try:
        held = one.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except (x509.ExtensionNotFound, *armour.DECODING_FAULTS):
        return False
    return held == signer.key_id
