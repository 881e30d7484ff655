"""Whether a certificate leads to an anchor and holds at a moment: RFC 5280 §6 as one pure question."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from gateway.model.verdict import NotValid
from gateway.signing.policy import Policy
from gateway.signing.trust import algorithms, describe, profile
from gateway.signing.trust.armour import decoding
from gateway.signing.trust.build import Links, Pool, Search
from gateway.signing.trust.limits import SIGNATURE, Budget, Rigour
from gateway.signing.trust.model import Chain, Evidence, Purpose, TrustStore
from gateway.signing.trust.node import Node, node_of
from gateway.signing.trust.path import check_window, walk
from gateway.signing.trust.revocation import Revocation

_WEIGHT: Final = (
    "certificate.revoked",
    "revocation.stale",
    "revocation.unknown",
    "certificate.expired",
    "certificate.not_yet",
    "algorithm.forbidden",
    "algorithm.unsupported",
    "chain.usage",
    "chain.invalid",
    "chain.unknown",
)
"""Of several paths that failed, the one that came furthest gives the reason."""


def validate_chain(
    certificate: x509.Certificate,
    *,
    pool: Sequence[x509.Certificate],
    trust: TrustStore,
    at: datetime,
    evidence: Evidence,
    policy: Policy,
    purpose: Purpose,
    rigour: Rigour = SIGNATURE,
) -> Chain:
    """A path from *certificate* to an anchor of *trust* that holds at *at* (aware), through *pool* and the store.

    A pinned certificate is taken as it is, an anchor for what it may be used for; both only within their validity and
    the key policy. *evidence* is binding: where there is any, every certificate below the anchor needs a good answer.
    Synchronous and pure; ends within a bounded number of steps for any pool.

    Raises NotValid chain.unknown, chain.invalid, chain.usage, certificate.expired, certificate.not_yet,
    certificate.revoked, revocation.unknown, revocation.stale, algorithm.forbidden, algorithm.unsupported or
    limit.exceeded, with the subject as *signer*.
    """
    try:
        with decoding("the time in question", "question"):
            moment = at.astimezone(UTC).replace(microsecond=0)
        question = _Question(trust, pool, moment, evidence, policy, rigour)
        with decoding("a certificate", "chain.invalid"):
            return question.answer(certificate, purpose)
    except NotValid as fault:
        fault.signer = fault.signer or describe.subject(certificate)
        raise


class _Question:
    """What is the same for every path that is tried."""

    def __init__(
        self,
        trust: TrustStore,
        pool: Sequence[x509.Certificate],
        at: datetime,
        evidence: Evidence,
        policy: Policy,
        rigour: Rigour,
    ) -> None:
        self.trust = trust
        self.at = at
        self.policy = policy
        self.rigour = rigour
        self.budget = Budget()
        self.pool = Pool((*trust.intermediates, *pool))
        self.links = Links(policy, self.budget)
        self.revocation = Revocation(
            evidence,
            trust=trust,
            pool=self.pool,
            links=self.links,
            at=at,
            policy=policy,
            rigour=rigour,
            budget=self.budget,
        )

    def answer(self, certificate: x509.Certificate, purpose: Purpose) -> Chain:
        der = certificate.public_bytes(serialization.Encoding.DER)
        leaf = node_of(certificate)
        algorithms.check_key(algorithms.load_key(leaf.spki), self.policy)
        if _holds(self.trust.pinned, der):
            check_window(leaf, self.at)
            return Chain((certificate,), self.at, "pinned")
        profile.check_purpose(leaf, purpose, self.policy.usages)
        if _holds(self.trust.anchors, der):
            return self._anchor(leaf)
        return self._found(leaf, purpose)

    def _anchor(self, leaf: Node) -> Chain:
        profile.check_sound(leaf)
        if self.rigour.conformance:
            profile.check_conformance(leaf, anchor=leaf.is_ca, self_signed=True)
        check_window(leaf, self.at)
        return Chain((leaf.certificate,), self.at, "pinned")

    def _found(self, leaf: Node, purpose: Purpose) -> Chain:
        profile.check_sound(leaf)
        search = Search(self.trust, self.pool, self.links, self.budget)
        failures: list[NotValid] = []
        for path in search.paths(leaf):
            try:
                return self._held(path, purpose)
            except NotValid as fault:
                if fault.reason == "limit.exceeded":
                    raise
                failures.append(fault)
        raise _foremost(failures or search.obstacles)

    def _held(self, path: tuple[Node, ...], purpose: Purpose) -> Chain:
        walk(path, budget=self.budget, rigour=self.rigour)
        for authority in path[1:-1]:
            profile.check_passes_on(authority, purpose)
        for node in path:
            check_window(node, self.at)
        standing = self.revocation.standing(path)
        return Chain(tuple(node.certificate for node in path), self.at, standing)


def _holds(certificates: Sequence[x509.Certificate], der: bytes) -> bool:
    return any(one.public_bytes(serialization.Encoding.DER) == der for one in certificates)


def _foremost(failures: Sequence[NotValid]) -> NotValid:
    if not failures:
        return NotValid("chain.unknown", "no path to a trusted root")
    return min(failures, key=lambda fault: _WEIGHT.index(fault.reason) if fault.reason in _WEIGHT else len(_WEIGHT))
