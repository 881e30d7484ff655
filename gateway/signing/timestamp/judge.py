"""The verdict about a file that is a time stamp (`lienthong verify --kind tsr`)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography import x509

from gateway.model.verdict import Judgement, NotValid, Scope, SignedPart, Verdict
from gateway.signing import cms
from gateway.signing.cms import algorithms
from gateway.signing.question import Question
from gateway.signing.timestamp.response import token_of
from gateway.signing.timestamp.statement import Imprint, Statement, check_asked, read_request
from gateway.signing.timestamp.token import Stamp, believed, read_token
from gateway.signing.trust import describe
from gateway.signing.trust.judge import Detached, sniffed


@dataclass(frozen=True, slots=True)
class _Beside:
    """The detached files by what they are: *content* bears the imprint; what *strangers* are nobody can tell."""

    content: tuple[str, bytes] | None
    requests: tuple[Imprint, ...]
    strangers: tuple[str, ...]
    material: Detached


def judge(content: bytes, question: Question) -> Verdict:
    """The verdict about the time stamp in *content*: a TimeStampResp or a token, DER or PEM. May raise NotValid.

    Among ``question.detached``: a file that bears the imprint is the stamped content, and then *scope* is full. A
    TimeStampReq must be the one answered. Certificates, CRLs and OCSP responses are used. If there are other files and
    none bears the imprint, the content was changed (signature.digest). Without any, the stamp is judged for what it
    states: *scope* is partial, *signed* the TSTInfo alone.
    """
    token_der = token_of(content)
    pool = tuple(sniffed(tuple(question.detached.values())).certificates)
    token = read_token(token_der, question, pool=pool)
    try:
        beside = _sorted(token.statement, question.detached)
        _check_beside(token.statement, beside)
        evidence = beside.material.evidence()
        stamp = believed(token, question, pool=beside.material.certificates, evidence=evidence)
    except NotValid as fault:
        fault.signer = fault.signer or describe.subject(token.content.certificate)
        fault.signed_at = token.statement.at
        raise
    return _verdict(stamp, beside)


def certificates(content: bytes) -> tuple[x509.Certificate, ...]:
    """The certificates inside the token, as far as they can be read; raises nothing."""
    try:
        return cms.read(token_of(content)).certificates
    except NotValid:
        return ()


def _sorted(statement: Statement, detached: Mapping[str, bytes]) -> _Beside:
    content: tuple[str, bytes] | None = None
    requests: list[Imprint] = []
    strangers: list[str] = []
    material: list[bytes] = []
    for name, raw in detached.items():
        if algorithms.digested(statement.digest, raw) == statement.imprint:
            content = content or (name, raw)
        elif (asked := _request(raw)) is not None:
            requests.append(asked)
        elif _is_material(raw):
            material.append(raw)
        else:
            strangers.append(name)
            material.append(raw)
    return _Beside(content, tuple(requests), tuple(strangers), sniffed(material))


def _request(raw: bytes) -> Imprint | None:
    try:
        return read_request(raw)
    except NotValid:
        return None


def _is_material(raw: bytes) -> bool:
    """Whether *raw* is a certificate, CRL or OCSP response; `sniffed` takes anything else in DER for a spoilt CRL."""
    found = sniffed((raw,))
    if found.certificates or found.ocsp:
        return True
    return any(_is_crl(der) for der in found.crls)


def _is_crl(der: bytes) -> bool:
    try:
        x509.load_der_x509_crl(der)
    except ValueError:
        return False
    return True


def _check_beside(statement: Statement, beside: _Beside) -> None:
    if beside.content is None and beside.strangers:
        raise NotValid("signature.digest", "no file beside the time stamp bears its imprint")
    failure: NotValid | None = None
    for asked in beside.requests:
        try:
            check_asked(statement, asked)
            return
        except NotValid as fault:
            failure = failure or fault
    if failure is not None:
        raise failure


def _verdict(stamp: Stamp, beside: _Beside) -> Verdict:
    parts = [SignedPart("TSTInfo", hashlib.sha256(stamp.signed).hexdigest())]
    detail = "the stamped content was not at hand"
    if beside.content is not None:
        name, raw = beside.content
        parts.append(SignedPart(name, hashlib.sha256(raw).hexdigest()))
        detail = ""
    return Verdict(
        Judgement.VALID,
        "ok",
        detail,
        signer=describe.subject(stamp.certificate),
        signed_at=stamp.at,
        time_proven=True,
        scope=Scope.PARTIAL if beside.content is None else Scope.FULL,
        signed=tuple(parts),
        certificate=describe.fingerprint(stamp.certificate),
        signatures=1,
    )
