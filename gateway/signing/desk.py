"""What the live path asks about signatures: judged in a process of its own, with what the authorities say today.

Two questions at most. The first is put with what the file brings along; where revocation stayed open, the authorities
that its certificates name are asked (one place, cached), and the second is put with their answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from cryptography import x509

from gateway.model.verdict import Judgement, NotValid, Verdict
from gateway.signing import verify
from gateway.signing.policy import PRODUCTION, Policy
from gateway.signing.question import Question
from gateway.signing.trust import fingerprint
from gateway.signing.trust.gather import Gatherer
from gateway.signing.trust.purposes import TrustStores
from gateway.signing.worker import Workers


@dataclass(frozen=True, slots=True)
class Desk:
    """`gateway.ports.Judge`. *trust* gives what counts now; it may change while the gateway runs."""

    workers: Workers
    trust: Callable[[], TrustStores]
    gatherer: Gatherer | None = None
    policy: Policy = field(default=PRODUCTION)

    async def __call__(
        self,
        kind: str,
        content: bytes,
        *,
        at: datetime,
        party: str = "",
        detached: Mapping[str, bytes] | None = None,
    ) -> Verdict:
        """The verdict; with *party* also whether its signer may speak for it. Raises nothing for what files hold."""
        trust = self.trust()
        question = Question(kind, trust.signing, at, self.policy, detached or {}, stamping=trust.timestamping)
        verdict = await self.workers.judge(kind, content, question)
        if self.gatherer is not None and verify.unanswered(kind, verdict):
            gathered = await self.gatherer.gather(await self.workers.certificates_of(kind, content))
            asked = replace(
                question,
                trust=gathered.with_issuers(question.trust),
                evidence=gathered.joined(question.evidence),
            )
            verdict = gathered.explained(await self.workers.judge(kind, content, asked))
        if (
            verdict.judgement is Judgement.VALID
            and party
            and (trust.speakers.entries or trust.speakers.unlisted != "pass")
        ):
            known = (*await self.workers.certificates_of(kind, content), *trust.signing.pinned)
            return _spoken_for(verdict, known, trust, party, at)
        return verdict


def _spoken_for(
    verdict: Verdict, known: Sequence[x509.Certificate], trust: TrustStores, party: str, at: datetime
) -> Verdict:
    """*verdict*, unless its signer is none of those who may speak for *party*."""
    signer = next((one for one in known if fingerprint(one) == verdict.certificate), None)
    try:
        if signer is None:
            raise NotValid("certificate.speaker", "the signer's certificate was not found again")
        trust.speakers.require_speaker(signer, party, verdict.signed_at or at)
    except NotValid as reason:
        return replace(verdict, judgement=reason.judgement, reason=reason.reason, detail=reason.detail)
    return verdict
