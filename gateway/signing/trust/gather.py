"""Revocation data for a verification, fetched beforehand: OCSP first, the CRL where that fails (RFC 5280, RFC 6960).

Nothing here says that a certificate is good. What was gathered is evidence for
:func:`~gateway.signing.trust.validate_chain`, which judges it anew; where nothing could be gathered the verdict is
*indeterminate*, and :meth:`Gathered.explained` says which source did not answer.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice, pairwise
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from gateway.clock import Clock
from gateway.model.verdict import NotValid, Verdict
from gateway.ports.signing import Fetch, FetchFault
from gateway.signing.policy import Policy
from gateway.signing.trust import ask, checks
from gateway.signing.trust.build import Links, Pool, Search
from gateway.signing.trust.limits import MAX_DEPTH, Budget
from gateway.signing.trust.model import Evidence, TrustStore, joined
from gateway.signing.trust.node import OCSP_NO_CHECK, Node, node_of
from gateway.signing.trust.ocsp import MAX_RESPONSE
from gateway.signing.trust.sources import Check, GatherLimits, Request, Sources

_EXPLAINED: Final = ("revocation.unknown", "revocation.stale", "chain.unknown")
_PATHS: Final = 4
"""Paths of one certificate that are asked about."""
_TOLD: Final = 4
"""Sources that are named in a verdict's detail."""


@dataclass(frozen=True, slots=True)
class SourceFault:
    """A source that gave nothing usable. *kind*: "ocsp", "crl" or "issuer"."""

    kind: str
    url: str
    detail: str

    def __str__(self) -> str:
        named = {"ocsp": "the OCSP responder", "crl": "the CRL at", "issuer": "the issuer's certificate at"}
        return f"{named[self.kind]} {self.url}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Gathered:
    """What one gathering brought. *issuers* are authorities that were fetched; they are not trusted by that."""

    evidence: Evidence = field(default_factory=lambda: Evidence(binding=False))
    issuers: tuple[x509.Certificate, ...] = ()
    faults: tuple[SourceFault, ...] = ()

    def with_issuers(self, trust: TrustStore) -> TrustStore:
        """*trust* with the fetched authorities as further intermediates."""
        return replace(trust, intermediates=(*trust.intermediates, *self.issuers)) if self.issuers else trust

    def joined(self, evidence: Evidence) -> Evidence:
        """*evidence* that came with the file, and what was fetched."""
        return joined(evidence, self.evidence)

    def explained(self, verdict: Verdict) -> Verdict:
        """*verdict*, its detail naming the sources that failed where that is the reason."""
        if verdict.reason not in _EXPLAINED or not self.faults:
            return verdict
        told = "; ".join(str(fault) for fault in self.faults[:_TOLD])
        return replace(verdict, detail=f"{verdict.detail}; {told}" if verdict.detail else told)


@dataclass(frozen=True, slots=True)
class Step:
    """A certificate to be asked about, and its issuer."""

    node: Node
    issuer: Node


class Gatherer:
    """Asks the sources that certificates name. *random* gives that many random bytes, for nonces."""

    def __init__(
        self,
        fetch: Fetch,
        clock: Clock,
        *,
        trust: Callable[[], TrustStore],
        policy: Policy,
        random: Callable[[int], bytes],
        limits: GatherLimits | None = None,
    ) -> None:
        self._clock = clock
        self._trust = trust
        self._policy = policy
        self._random = random
        self._limits = limits or GatherLimits()
        self._sources = Sources(fetch, clock, self._limits)

    async def close(self) -> None:
        """End what is still being asked."""
        await self._sources.close()

    async def evidence_for(self, certificates: Sequence[x509.Certificate]) -> Evidence:
        """As :meth:`gather`, the evidence alone."""
        return (await self.gather(certificates)).evidence

    async def gather(self, certificates: Sequence[x509.Certificate]) -> Gathered:
        """What is to be had about *certificates* and the authorities above them, within the limits; never raises.

        Only certificates whose path to an anchor is at hand, or can be fetched, are asked about: a stranger's
        certificate makes nobody call anywhere but for its issuers, and the port calls configured hosts alone.
        """
        gathering = _Gathering(self._sources, self._clock, self._trust(), self._policy, self._random, self._limits)
        return await gathering.run(certificates)


class _Gathering:
    """One call of :meth:`Gatherer.gather`, step by step: paths, then everybody on them at once."""

    def __init__(
        self,
        sources: Sources,
        clock: Clock,
        trust: TrustStore,
        policy: Policy,
        random: Callable[[int], bytes],
        limits: GatherLimits,
    ) -> None:
        self._sources = sources
        self._clock = clock
        self._trust = trust
        self._policy = policy
        self._random = random
        self._limits = limits
        self._budget = Budget()
        self._links = Links(policy, self._budget)
        self._anchors = {_mark(one) for one in (*trust.anchors, *trust.pinned)}
        self._known: dict[bytes, Node] = {}
        self._entitled: list[Node] = []
        """Who may sign a CRL that is kept: authorities below an anchor, and those of the store."""
        self._fetched: list[x509.Certificate] = []
        self._ocsp: dict[bytes, bytes] = {}
        self._crls: dict[bytes, bytes] = {}
        self._faults: dict[tuple[str, str], SourceFault] = {}

    async def run(self, certificates: Sequence[x509.Certificate]) -> Gathered:
        asked = await asyncio.to_thread(self._read, certificates)
        try:
            async with asyncio.timeout(self._limits.deadline):
                steps = await self._steps(asked)
                below = await asyncio.to_thread(_nodes, self._trust.intermediates)
                self._entitled = [step.issuer for step in steps] + below
                async with asyncio.TaskGroup() as group:
                    for step in steps:
                        group.create_task(self._about(step))
        except TimeoutError:
            pass  # Each source that was still awaited is noted.
        except NotValid as fault:
            self._fault("issuer", "", fault.detail)
        return Gathered(
            Evidence(tuple(self._ocsp.values()), tuple(self._crls.values()), binding=False),
            tuple(self._fetched),
            tuple(self._faults.values()),
        )

    def _read(self, certificates: Sequence[x509.Certificate]) -> list[Node]:
        """Take apart those in question, and those of the store. In a thread: it takes about a ms for each."""
        asked = _nodes(certificates[: self._limits.certificates])
        for node in (*asked, *_nodes((*self._trust.intermediates, *self._trust.anchors))):
            self._known.setdefault(_mark(node.certificate), node)
        return asked

    async def _steps(self, asked: Sequence[Node]) -> list[Step]:
        """Each certificate below an anchor on the likeliest paths of *asked*, with its issuer."""
        steps: dict[bytes, Step] = {}
        for node in asked:
            if _mark(node.certificate) in self._anchors:
                continue
            paths = await asyncio.to_thread(self._paths, node)
            if not paths and await self._climb(node):
                paths = await asyncio.to_thread(self._paths, node)
            for path in paths:
                for below, issuer in pairwise(path):
                    steps.setdefault(_mark(below.certificate), Step(below, issuer))
        return list(steps.values())[: self._limits.certificates]

    def _paths(self, node: Node) -> list[tuple[Node, ...]]:
        pool = Pool([one.certificate for mark, one in self._known.items() if mark not in self._anchors])
        search = Search(self._trust, pool, self._links, self._budget)
        return list(islice(search.paths(node), _PATHS))

    async def _climb(self, node: Node) -> bool:
        """Fetch what is missing above *node*; whether anything was."""
        before = len(self._known)
        for _ in range(MAX_DEPTH):
            issuer = self._issuer(node) or await self._fetch_issuer(node)
            if issuer is None or issuer.self_issued:
                break
            node = issuer
        return len(self._known) > before

    def _issuer(self, node: Node) -> Node | None:
        """Whose key made the signature of *node*; an anchor rather than another."""
        named = [one for one in self._known.values() if one.subject == node.issuer]
        for candidate in sorted(named, key=lambda one: _mark(one.certificate) not in self._anchors):
            if self._is_issued(node, candidate):
                return candidate
        return None

    def _is_issued(self, node: Node, candidate: Node) -> bool:
        try:
            self._links.check(node, candidate)
        except NotValid as fault:
            if fault.reason == "limit.exceeded":
                raise
            return False
        return True

    async def _fetch_issuer(self, node: Node) -> Node | None:
        if not self._limits.follow_issuers:
            return None
        for url in ask.issuers(node):
            request = Request(url, _mark(node.certificate), ask.MAX_ISSUERS)
            body = await self._ask("issuer", request, checks.issuer_check(node, self._policy))
            for one in _nodes(ask.published_certificates(body)) if body is not None else ():
                if one.subject == node.issuer and self._is_issued(node, one):
                    self._known.setdefault(_mark(one.certificate), one)
                    if _mark(one.certificate) not in self._anchors:
                        self._fetched.append(one.certificate)
                    return one
        return None

    async def _about(self, step: Step) -> None:
        """OCSP, else the lists; and the lists for a responder whose own standing is open."""
        responder = await self._ask_responders(step)
        if responder is None:
            await self._ask_lists(step)
        elif responder.der != step.issuer.der and OCSP_NO_CHECK not in responder.extensions:
            await self._ask_lists(Step(responder, step.issuer))

    async def _ask_responders(self, step: Step) -> Node | None:
        """Who answered about *step*; None if nobody did."""
        for url in ask.responders(step.node):
            nonce = self._random(32) if self._limits.nonce else None
            check = checks.OcspCheck(step.node, step.issuer, nonce, self._trust, self._policy, self._clock.now)
            about = hashlib.sha256(step.node.der + step.issuer.der).digest()
            body = await asyncio.to_thread(ask.ocsp_request, step.node, step.issuer, nonce)
            request = Request(url, about, MAX_RESPONSE, body, ask.OCSP_QUERY)
            answer = await self._ask("ocsp", request, check.read)
            if answer is not None:
                self._ocsp[answer] = answer
                return await asyncio.to_thread(check.responder, answer)  # a signature: some ms
        return None

    async def _ask_lists(self, step: Step) -> None:
        """One address of each distribution point."""
        for urls in ask.lists(step.node):
            for url in urls:
                check = checks.list_check(self._entitled, policy=self._policy, now=self._clock.now)
                found = await self._ask("crl", Request(url, "crl", self._limits.max_list), check)
                if found is not None:
                    self._crls[hashlib.sha256(found).digest()] = found
                    break

    async def _ask(self, kind: str, request: Request, check: Check) -> bytes | None:
        try:
            return await self._sources.ask(request, check)
        except FetchFault as fault:
            self._fault(kind, request.url, fault.detail)
            return None
        except asyncio.CancelledError:
            self._fault(kind, request.url, f"no answer within {self._limits.deadline:g} s")
            raise

    def _fault(self, kind: str, url: str, detail: str) -> None:
        self._faults.setdefault((kind, url), SourceFault(kind, url, detail))


def _nodes(certificates: Sequence[x509.Certificate]) -> list[Node]:
    """Those that can be taken apart at all."""
    found = []
    for one in certificates:
        try:
            found.append(node_of(one))
        except NotValid:
            continue
    return found


def _mark(one: x509.Certificate) -> bytes:
    return hashlib.sha256(one.public_bytes(serialization.Encoding.DER)).digest()
