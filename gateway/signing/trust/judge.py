"""Verdicts on files that are certificates or OCSP responses (`lienthong verify --kind x509|ocsp`); nothing raises."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from cryptography import x509

from gateway.model.verdict import Judgement, NotValid, Scope, SignedPart, Verdict
from gateway.signing.policy import Policy
from gateway.signing.trust import armour, describe
from gateway.signing.trust.armour import Block, blocks, decoding
from gateway.signing.trust.build import Links
from gateway.signing.trust.chain import validate_chain
from gateway.signing.trust.crl import read_crl
from gateway.signing.trust.limits import CONFORMANCE, Budget, Rigour
from gateway.signing.trust.model import Evidence, TrustStore
from gateway.signing.trust.node import Node, node_of
from gateway.signing.trust.ocsp import Session, is_about, is_issuer, read_response
from gateway.signing.trust.profile import OCSP_SIGNING

_CRL_LABEL = "X509 CRL"


@dataclass(slots=True)
class Detached:
    """What came with a file, by kind."""

    certificates: list[x509.Certificate] = field(default_factory=list)
    crls: list[bytes] = field(default_factory=list)
    ocsp: list[bytes] = field(default_factory=list)

    def evidence(self) -> Evidence:
        return Evidence(ocsp=tuple(self.ocsp), crls=tuple(self.crls))


def sniffed(files: Sequence[bytes]) -> Detached:
    """Sort *files* (DER or PEM) into certificates, CRLs and OCSP responses.

    What does not look like DER or PEM is passed over. What does and is none of the three counts as a CRL that will not
    decode: a spoilt list must not look like the absence of one.
    """
    found = Detached()
    for raw in files:
        try:
            parts = blocks(raw)
        except NotValid:
            if armour.looks_encoded(raw):
                found.crls.append(raw)
            continue
        for part in parts:
            _sniff(part, found)
    return found


def _sniff(part: Block, found: Detached) -> None:
    if part.label in armour.CERTIFICATE_LABELS and (one := _certificate(part.der)) is not None:
        found.certificates.append(one)
    elif part.label == "OCSP RESPONSE" or (not part.label and not _is_crl(part.der) and _is_ocsp(part.der)):
        found.ocsp.append(part.der)
    elif part.label in ("", _CRL_LABEL):
        found.crls.append(part.der)


def _certificate(der: bytes) -> x509.Certificate | None:
    try:
        return armour.certificate(der)
    except NotValid:
        return None


def _is_crl(der: bytes) -> bool:
    try:
        read_crl(der)
    except NotValid:
        return False
    return True


def _is_ocsp(der: bytes) -> bool:
    try:
        read_response(der)
    except NotValid as fault:
        return fault.reason != "malformed"
    return True


def judge_x509(raw: bytes, *, trust: TrustStore, detached: Sequence[bytes], at: datetime, policy: Policy) -> Verdict:
    """Whether the certificate in *raw* (the first, if there are several; the others join the pool) holds at *at*.

    Judged by all of RFC 5280, the MUSTs for issuers included, as of *at*. *signed* is its tbsCertificate.
    """
    try:
        found = armour.certificates(blocks(raw))
        if not found:
            raise NotValid("malformed", "no certificate")
    except NotValid as fault:
        return fault.verdict()
    leaf, extra = found[0], sniffed(detached)
    try:
        with decoding("the certificate"):
            validate_chain(
                leaf,
                pool=(*found[1:], *extra.certificates),
                trust=trust,
                at=at,
                evidence=extra.evidence(),
                policy=policy,
                purpose="any",
                rigour=CONFORMANCE,
            )
    except NotValid as fault:
        return _about(fault.verdict(), leaf)
    part = SignedPart("tbsCertificate", hashlib.sha256(leaf.tbs_certificate_bytes).hexdigest())
    return _about(Verdict(Judgement.VALID, "ok", scope=Scope.FULL, signed=(part,)), leaf)


def _about(verdict: Verdict, certificate: x509.Certificate) -> Verdict:
    return replace(
        verdict,
        signer=describe.subject(certificate),
        certificate=describe.fingerprint(certificate),
        signatures=1,
    )


def judge_ocsp(raw: bytes, *, trust: TrustStore, detached: Sequence[bytes], at: datetime, policy: Policy) -> Verdict:
    """Whether the response in *raw* is authentic, fresh at *at*, and calls the certificate in *detached* good.

    The issuer comes from *detached* or *trust* and must lead to an anchor. Where *detached* holds authorities only,
    the response is judged for every certificate it speaks of. *signed* is its tbsResponseData; a certificate that
    was revoked is `certificate.revoked` although the response itself holds.
    """
    try:
        found = blocks(raw)
        if len(found) != 1 or found[0].label not in ("", "OCSP RESPONSE"):
            raise NotValid("malformed", "not one OCSP response")
        with decoding("the time in question", "question"):
            moment = at.astimezone(UTC)
        with decoding("the OCSP response"):
            return _OcspFile(found[0].der, trust, sniffed(detached), moment, policy).verdict()
    except NotValid as fault:
        return fault.verdict()


class _OcspFile:
    """One response and what came with it."""

    def __init__(self, der: bytes, trust: TrustStore, extra: Detached, at: datetime, policy: Policy) -> None:
        self._response = read_response(der)
        self._trust = trust
        self._extra = extra
        self._at = at.replace(microsecond=0)
        self._policy = policy
        known = (*extra.certificates, *trust.intermediates, *trust.anchors)
        self._known = tuple(node for one in known if (node := _node(one)) is not None)
        self._asked = tuple(node for one in extra.certificates if (node := _node(one)) is not None)

    def verdict(self) -> Verdict:
        session = Session(
            Links(self._policy, Budget()),
            self._policy,
            self._trust,
            self._at,
            Rigour(later_answers=False),
            pool=tuple(self._extra.certificates),
        )
        questions = [self._question(single) for single in self._response.singles]
        asked = [(node, issuer) for node, issuer in questions if node is not None and issuer is not None]
        if not asked:
            return self._for_authorities(session, questions)
        signer: x509.Certificate | None = None
        for node, issuer in asked:
            self._check_issuer(issuer)
            answer = session.answer(self._response, node, issuer)
            signer = answer.responder
            if answer.status != "good":
                return _about(_not_good(answer.status).verdict(), signer)
        return self._valid(signer, "")

    def _question(self, single: object) -> tuple[Node | None, Node | None]:
        """The certificate of *detached* that *single* is about, and its issuer, as far as they are known."""
        for issuer in self._known:
            if is_issuer(single, issuer):
                asked = next((node for node in self._asked if is_about(single, node, issuer)), None)
                return asked, issuer
        return None, None

    def _for_authorities(self, session: Session, questions: list[tuple[Node | None, Node | None]]) -> Verdict:
        """No certificate is asked about: the response itself, for the issuers it names."""
        if any(not node.is_ca and OCSP_SIGNING not in (node.purposes or ()) for node in self._asked):
            raise NotValid("revocation.unknown", "the OCSP response is about other certificates")
        signer: x509.Certificate | None = None
        for (_, issuer), single in zip(questions, self._response.singles, strict=True):
            if issuer is None:
                raise NotValid("revocation.unknown", "the OCSP response is about an issuer that is not known")
            self._check_issuer(issuer)
            answer = session.answer_single(self._response, single, issuer)
            signer = answer.responder
            if answer.status != "good":
                return _about(_not_good(answer.status).verdict(), signer)
        return self._valid(signer, "the certificate asked about was not at hand")

    def _check_issuer(self, issuer: Node) -> None:
        """The issuer leads to an anchor; revocation data for it counts where there is any."""
        validate_chain(
            issuer.certificate,
            pool=self._extra.certificates,
            trust=self._trust,
            at=self._at,
            evidence=Evidence(crls=tuple(self._extra.crls)),
            policy=replace(self._policy, revocation="offered"),
            purpose="any",
        )

    def _valid(self, signer: x509.Certificate | None, detail: str) -> Verdict:
        part = SignedPart("tbsResponseData", hashlib.sha256(self._response.signed).hexdigest())
        verdict = Verdict(
            Judgement.VALID, "ok", detail, signed_at=self._response.produced_at, scope=Scope.FULL, signed=(part,)
        )
        return verdict if signer is None else _about(verdict, signer)


def _not_good(status: str) -> NotValid:
    if status == "revoked":
        return NotValid("certificate.revoked", "the response holds and says that the certificate was revoked")
    return NotValid("revocation.unknown", "the response holds, but its responder does not know the certificate")


def _node(one: x509.Certificate) -> Node | None:
    try:
        return node_of(one)
    except NotValid:
        return None
