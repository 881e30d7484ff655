"""What a file's signature is worth: one question, one verdict, whatever the form (DESIGN §5).

The one door for the command line and every listener; each form is judged by its own module, loaded when first asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Final

from cryptography import x509

from gateway.model.verdict import Judgement, NotValid, Scope, Verdict
from gateway.signing.question import Question

MAX_DETACHED_FILES: Final = 1000
MAX_DETACHED: Final = 64 << 20
"""Bytes of all detached files together."""

_FORMS: Final[Mapping[str, str]] = {
    "xmldsig": "gateway.signing.xmldsig",
    "xades": "gateway.signing.xades",
    "wsse": "gateway.signing.wssecurity",
    "asic": "gateway.signing.asic",
    "jws": "gateway.signing.jws",
    "pdf": "gateway.signing.pades",
    "tsr": "gateway.signing.timestamp",
    "x509": "gateway.signing.trust.files",
    "ocsp": "gateway.signing.trust.files",
}
"""The module of each kind. It offers ``judge(content, question) -> Verdict``, which may raise NotValid, and
``certificates(content) -> tuple of Certificate``, what the file carries, which raises nothing."""


def judge(content: bytes, question: Question) -> Verdict:
    """The verdict about *content*. Never raises for what files hold."""
    judging: Callable[[bytes, Question], Verdict] = import_module(_FORMS[question.kind]).judge
    try:
        verdict = judging(content, question)
    except NotValid as reason:
        verdict = reason.verdict()
    if verdict.judgement is Judgement.VALID:
        return verdict
    return replace(verdict, scope=Scope.NONE, signed=())  # nothing that is not proven is handed on


def unanswered(kind: str, verdict: Verdict) -> bool:
    """Whether revocation data from outside could turn *verdict* into a better one."""
    return (
        kind not in ("x509", "ocsp")
        and verdict.judgement is Judgement.INDETERMINATE
        and (verdict.reason.startswith("revocation."))
    )


def certificates(content: bytes, kind: str) -> tuple[x509.Certificate, ...]:
    """The certificates in a file, as far as they can be read: those to ask the authorities about."""
    found: tuple[x509.Certificate, ...] = import_module(_FORMS[kind]).certificates(content)
    return found


def detached_files(directory: Path | None) -> Mapping[str, bytes]:
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
