"""Files that are certificates or OCSP responses themselves, as `gateway.signing.verify` asks about them."""

from __future__ import annotations

from cryptography import x509

from gateway.model.verdict import Verdict
from gateway.signing.question import Question
from gateway.signing.trust.judge import judge_ocsp, judge_x509


def judge(content: bytes, question: Question) -> Verdict:
    """The verdict about the certificate (kind x509) or the response (ocsp) in *content*."""
    judging = judge_x509 if question.kind == "x509" else judge_ocsp
    detached = tuple(question.detached.values())
    return judging(content, trust=question.trust, detached=detached, at=question.at, policy=question.policy)


def certificates(content: bytes) -> tuple[x509.Certificate, ...]:
    """None: what such a file rests on is handed in beside it."""
    return ()
