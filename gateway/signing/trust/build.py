"""Finding paths from a certificate to an anchor through a pool that strangers filled (RFC 4158), within bounds."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence

from asn1crypto import keys
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from gateway.model.verdict import NotValid
from gateway.signing.policy import Policy
from gateway.signing.trust import algorithms
from gateway.signing.trust.armour import DECODING_FAULTS
from gateway.signing.trust.limits import MAX_DEPTH, MAX_PATHS, MAX_POOL, Budget
from gateway.signing.trust.model import TrustStore
from gateway.signing.trust.node import Node, name_key, node_of


class Pool:
    """Certificates by their subject; each is taken apart only when a path reaches it."""

    def __init__(self, certificates: Sequence[x509.Certificate]) -> None:
        """Raises NotValid limit.exceeded for more than MAX_POOL certificates."""
        if len(certificates) > MAX_POOL:
            raise NotValid("limit.exceeded", f"more than {MAX_POOL} certificates")
        self._by_subject: dict[str, list[Node | x509.Certificate]] = defaultdict(list)
        seen: set[bytes] = set()
        for one in certificates:
            der = one.public_bytes(serialization.Encoding.DER)
            if der not in seen:
                seen.add(der)
                self._add(one)

    def _add(self, one: x509.Certificate) -> None:
        try:
            self._by_subject[name_key(asn1.Name.load(one.subject.public_bytes()))].append(one)
        except DECODING_FAULTS:
            return  # A certificate whose subject cannot be read is nobody's issuer.

    def named(self, subject: str) -> list[Node]:
        """The certificates of that subject that can be taken apart at all."""
        entries = self._by_subject.get(subject, [])
        found: list[Node] = []
        for place, entry in enumerate(entries):
            try:
                node = entry if isinstance(entry, Node) else node_of(entry)
            except NotValid:
                continue
            entries[place] = node
            found.append(node)
        return found


class Links:
    """Signature checks between certificates, each made once."""

    def __init__(self, policy: Policy, budget: Budget) -> None:
        self._policy = policy
        self._budget = budget
        self._known: dict[bytes, NotValid | None] = {}

    def spend(self) -> None:
        """Pay for a signature check that is made elsewhere. Raises NotValid limit.exceeded."""
        self._budget.check()

    def check(self, child: Node, issuer: Node) -> None:
        """Raise NotValid chain.invalid (signature), algorithm.forbidden or .unsupported, limit.exceeded."""
        mark = hashlib.sha256(hashlib.sha256(child.der).digest() + issuer.spki).digest()
        if mark not in self._known:
            self._budget.check()
            self._known[mark] = self._fault(child, issuer)
        fault = self._known[mark]
        if fault is not None:
            raise fault

    def _fault(self, child: Node, issuer: Node) -> NotValid | None:
        try:
            spki = keys.PublicKeyInfo.load(issuer.spki)
            if algorithms.verify(spki, child.algorithm, child.signature, child.tbs_bytes, self._policy):
                return None
        except NotValid as fault:
            return fault
        except DECODING_FAULTS:
            return NotValid("algorithm.unsupported", "the key or signature of a certificate cannot be read")
        return NotValid("chain.invalid", "the signature of a certificate does not hold")


class Search:
    """The paths of one certificate, the likeliest first; what stood in the way of others is kept in *obstacles*."""

    def __init__(self, trust: TrustStore, pool: Pool, links: Links, budget: Budget) -> None:
        self._anchors = Pool(trust.anchors)
        self._pool = pool
        self._links = links
        self._budget = budget
        self.obstacles: list[NotValid] = []

    def paths(self, leaf: Node) -> Iterator[tuple[Node, ...]]:
        """Paths (end entity first, anchor last) whose signatures hold; at most MAX_PATHS."""
        for count, path in enumerate(self._extend((leaf,)), start=1):
            yield path
            if count >= MAX_PATHS:
                return

    def _extend(self, path: tuple[Node, ...]) -> Iterator[tuple[Node, ...]]:
        if len(path) >= MAX_DEPTH:
            self.obstacles.append(NotValid("chain.unknown", "the path is too long"))
            return
        last = path[-1]
        for anchor in self._ordered(self._anchors.named(last.issuer), last):
            if self._holds(last, anchor):
                yield (*path, anchor)
        for issuer in self._ordered(self._pool.named(last.issuer), last):
            if self._repeats(path, issuer):
                continue
            if not issuer.is_ca:
                self.obstacles.append(NotValid("chain.invalid", "a certificate of the path is not an authority"))
            elif self._holds(last, issuer):
                yield from self._extend((*path, issuer))

    def _ordered(self, candidates: list[Node], child: Node) -> list[Node]:
        """Those whose key identifier fits first (RFC 4158 §3.5.12); the signature decides."""
        wanted = child.authority_key_id
        return sorted(candidates, key=lambda one: (wanted is not None and one.key_id != wanted, -one.not_after.year))

    def _repeats(self, path: tuple[Node, ...], issuer: Node) -> bool:
        """A path visits no authority (name and key) twice; that is what keeps loops out (RFC 4158 §5.2)."""
        self._budget.compare(len(path))
        return any(one.spki == issuer.spki and one.subject == issuer.subject for one in path)

    def _holds(self, child: Node, issuer: Node) -> bool:
        try:
            self._links.check(child, issuer)
        except NotValid as fault:
            if fault.reason == "limit.exceeded":
                raise
            wanted = child.authority_key_id
            if wanted is None or issuer.key_id is None or wanted == issuer.key_id:
                self.obstacles.append(fault)  # With another key identifier it was a namesake, not the issuer.
            return False
        return True
