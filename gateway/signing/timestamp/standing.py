"""Whether a time stamping authority is believed: its chain at genTime, and what became known of its key later."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Final

from cryptography import x509

from gateway.model.verdict import NotValid
from gateway.signing.question import Question
from gateway.signing.trust import validate_chain
from gateway.signing.trust.armour import DECODING_FAULTS, decoding
from gateway.signing.trust.crl import RevocationList, entry_for, read_crl
from gateway.signing.trust.model import Chain, Evidence
from gateway.signing.trust.node import Node, node_of
from gateway.signing.trust.ocsp import is_about, read_response

_HARMLESS: Final = frozenset(
    {"unspecified", "affiliationChanged", "superseded", "cessationOfOperation"}
    | {"affiliation_changed", "cessation_of_operation"}
)
"""Reasons that leave earlier stamps as they are; any other, or none at all, takes them all away (RFC 3161 §4)."""


def chain_at(
    certificate: x509.Certificate,
    at: datetime,
    question: Question,
    *,
    pool: Sequence[x509.Certificate],
    evidence: Evidence,
    alone: bool,
) -> Chain:
    """The chain of a time stamping authority's *certificate* at *at*.

    *alone*: *evidence* was handed in for this certificate, so silence about it counts. Raises NotValid as
    :func:`gateway.signing.trust.validate_chain`.
    """
    asked = _Asked(certificate, question, pool)
    try:
        chain = asked.at(at, evidence)
    except NotValid as fault:
        if alone or fault.reason != "revocation.unknown" or question.policy.revocation != "offered":
            raise
        chain = asked.at(at, Evidence())
        if any(_concerns(evidence, chain)):
            raise
        return chain
    if evidence.ocsp or evidence.crls:
        _check_later(asked, chain, at, question.at, evidence)
    return chain


class _Asked:
    """One certificate, to be asked about at several moments."""

    def __init__(self, certificate: x509.Certificate, question: Question, pool: Sequence[x509.Certificate]) -> None:
        self._certificate = certificate
        self._question = question
        self._pool = pool

    def at(self, moment: datetime, evidence: Evidence) -> Chain:
        return validate_chain(
            self._certificate,
            pool=self._pool,
            trust=self._question.stamps,
            at=moment,
            evidence=evidence,
            policy=self._question.policy,
            purpose="timestamping",
        )


def _check_later(asked: _Asked, chain: Chain, at: datetime, until: datetime, evidence: Evidence) -> None:
    """Raise NotValid certificate.revoked where a key of *chain* was given up after *at* and may have been stolen."""
    last = min(until, *(one.not_valid_after_utc for one in chain.path))
    if last <= at:
        return
    try:
        asked.at(last, evidence)
    except NotValid as fault:
        if fault.reason != "certificate.revoked":
            return
        reasons = list(_reasons(evidence, chain))
        if not reasons or not _HARMLESS.issuperset(reasons):
            detail = "the authority's certificate was revoked later, for a reason that takes its earlier stamps away"
            raise NotValid("certificate.revoked", detail, signer=fault.signer) from fault


def _nodes(chain: Chain) -> list[tuple[Node, Node]]:
    """Each certificate below the anchor with its issuer."""
    nodes = [node_of(one) for one in chain.path]
    return list(pairwise(nodes))


def _concerns(evidence: Evidence, chain: Chain) -> Iterator[bool]:
    """For each piece of *evidence*, whether it is by or about an authority of *chain*."""
    pairs = _nodes(chain)
    issuers = {issuer.subject for _, issuer in pairs}
    for der in evidence.crls:
        try:
            yield read_crl(der).issuer in issuers
        except NotValid:
            yield True
    for der in evidence.ocsp:
        try:
            singles = read_response(der).singles
        except NotValid:
            yield True
            continue
        yield any(is_about(single, node, issuer) for single in singles for node, issuer in pairs)


def _reasons(evidence: Evidence, chain: Chain) -> Iterator[str]:
    """Why the certificates of *chain* were revoked, as far as *evidence* says; "" where no reason is given."""
    for node, issuer in _nodes(chain):
        for der in evidence.crls:
            try:
                yield from _listed(read_crl(der), node)
            except NotValid:
                continue
        for der in evidence.ocsp:
            yield from _told(der, node, issuer)


def _listed(crl: RevocationList, node: Node) -> Iterator[str]:
    entry = entry_for(crl, node)
    if entry is None:
        return
    with decoding("a CRL entry"):
        found = crl.loaded.get_revoked_certificate_by_serial_number(node.certificate.serial_number)
        said = found is not None and any(isinstance(one.value, x509.CRLReason) for one in found.extensions)
        yield entry.reason if said else ""


def _told(der: bytes, node: Node, issuer: Node) -> Iterator[str]:
    try:
        for single in read_response(der).singles:
            status = single["cert_status"]
            if is_about(single, node, issuer) and status.name == "revoked":
                yield str(status.chosen["revocation_reason"].native or "")
    except (NotValid, *DECODING_FAULTS):
        return
