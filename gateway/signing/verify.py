"""What a file's signature is worth: one question, one verdict, whatever the form (DESIGN §5).

The one door for the command line and every listener; each form is judged by its own module, loaded when first asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from gateway.model.verdict import Judgement, NotValid, Verdict
from gateway.signing.policy import Policy
from gateway.signing.trust.model import TrustStore

KINDS: Final = ("xmldsig", "wsse", "xades", "asic", "jws", "pdf", "x509", "ocsp", "tsr")
MAX_DETACHED_FILES: Final = 1000
MAX_DETACHED: Final = 64 << 20
"""Bytes of all detached files together."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: *kind* is one of KINDS; *at* the time to judge for where none is proven."""

    kind: str
    trust: Path
    at: datetime
    policy: Policy
    detached: Path | None = None


def judge(content: bytes, question: Question) -> Verdict:
    """The verdict about *content*. Never raises for what files hold; a directory that cannot be used is answered with
    `question`."""
    from gateway.signing.trust import TrustFault, load

    judging = _JUDGES.get(question.kind)
    if judging is None:
        return Verdict(Judgement.UNSUPPORTED, "algorithm.unsupported", f"{question.kind} is not judged by this release")
    try:
        return judging(content, question, load(question.trust), tuple(_files(question.detached).values()))
    except TrustFault as fault:
        return Verdict(Judgement.UNSUPPORTED, "question", f"{fault.file.name}: {fault.detail}")
    except NotValid as reason:
        return reason.verdict()


def _files(directory: Path | None) -> Mapping[str, bytes]:
    """Name to bytes of the regular files in *directory*; no link is followed. Raises NotValid."""
    if directory is None:
        return {}
    found: dict[str, bytes] = {}
    left = MAX_DETACHED
    try:
        for path in sorted(directory.iterdir()):
            if path.is_symlink() or not path.is_file():
                continue
            with path.open("rb") as opened:
                found[path.name] = opened.read(left + 1)
            left -= len(found[path.name])
            if left < 0 or len(found) > MAX_DETACHED_FILES:
                raise NotValid("limit.exceeded", "the detached files are too many or too large")
    except OSError as fault:
        raise NotValid("question", f"{directory.name}: {fault.strerror}") from fault
    return found


_Judging = Callable[[bytes, Question, TrustStore, Sequence[bytes]], Verdict]


def _x509(content: bytes, question: Question, trust: TrustStore, detached: Sequence[bytes]) -> Verdict:
    from gateway.signing.trust.judge import judge_x509

    return judge_x509(content, trust=trust, detached=detached, at=question.at, policy=question.policy)


def _ocsp(content: bytes, question: Question, trust: TrustStore, detached: Sequence[bytes]) -> Verdict:
    from gateway.signing.trust.judge import judge_ocsp

    return judge_ocsp(content, trust=trust, detached=detached, at=question.at, policy=question.policy)


_JUDGES: Final[Mapping[str, _Judging]] = {"x509": _x509, "ocsp": _ocsp}
