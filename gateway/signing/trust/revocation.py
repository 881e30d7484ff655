"""Whether the certificates of a path were revoked at a moment, by the evidence at hand (RFC 5280 §6.3, RFC 6960).

Evidence that was handed in is binding: then silence about a certificate is *unknown*, never good. A revocation counts
from its date (or the earlier invalidity date); a date after the moment leaves the certificate good at that moment.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from asn1crypto import keys

from gateway.model.verdict import NotValid
from gateway.signing.policy import Policy
from gateway.signing.trust import algorithms
from gateway.signing.trust.armour import decoding
from gateway.signing.trust.build import Links, Pool
from gateway.signing.trust.crl import Entry, RevocationList, entry_for, faults, read_crl, signature_parts
from gateway.signing.trust.limits import Budget, Rigour
from gateway.signing.trust.model import Evidence, Standing, TrustStore
from gateway.signing.trust.node import OCSP_NO_CHECK, Node
from gateway.signing.trust.ocsp import OcspAnswer, Response, Session, knows_expired, read_response
from gateway.signing.trust.path import check_window, walk
from gateway.signing.trust.profile import OCSP_SIGNING
from gateway.signing.trust.scope import ALL_REASONS, covered

MAX_ITEMS: Final = 2048
"""CRLs and OCSP responses handed in with one question."""
MAX_NESTED: Final = 4
"""CRL issuers whose own standing hangs on further CRL issuers."""


@dataclass(slots=True)
class _Account:
    """What the evidence came to for one certificate."""

    covered: frozenset[str] = frozenset()
    stale: bool = False
    good: bool = False
    detail: str = ""


class Revocation:
    """The evidence of one question, each piece decoded once and each signature checked once."""

    def __init__(
        self,
        evidence: Evidence,
        *,
        pool: Pool,
        links: Links,
        at: datetime,
        policy: Policy,
        rigour: Rigour,
        budget: Budget,
        trust: TrustStore,
    ) -> None:
        """Raises NotValid limit.exceeded for more than MAX_ITEMS pieces."""
        if len(evidence.ocsp) + len(evidence.crls) > MAX_ITEMS:
            raise NotValid("limit.exceeded", f"more than {MAX_ITEMS} pieces of revocation data")
        self._evidence = evidence
        self._pool = pool
        self._links = links
        self._at = at
        self._policy = policy
        self._rigour = rigour
        self._budget = budget
        self._trust = trust
        self._crls: list[RevocationList] | None = None
        self._responses: list[Response] | None = None
        self._signatures: dict[tuple[int, bytes], bool] = {}
        self._asked: list[bytes] = []

    def standing(self, path: Sequence[Node]) -> Standing:
        """What is known of every certificate of *path* below the anchor.

        Raises NotValid certificate.revoked, revocation.unknown, revocation.stale.
        """
        below = path[:-1]
        if self._evidence.ocsp or self._evidence.crls:
            asked = [place for place, node in enumerate(below) if self._is_asked(place, node)]
            for place in asked:
                self.check(below[place], path[place + 1 :])
            return "good" if asked or self._evidence.binding else "not_published"
        if self._policy.revocation == "offered":
            return "unchecked"
        if any(node.names_revocation_source for place, node in enumerate(below) if not _is_exempt(place, node)):
            raise NotValid(
                "revocation.unknown", "the certificate names a source of revocation data, but none is at hand"
            )
        return "not_published"

    def _is_asked(self, place: int, node: Node) -> bool:
        if _is_exempt(place, node):
            return False
        return self._evidence.binding or node.names_revocation_source

    def check(self, node: Node, authorities: Sequence[Node]) -> None:
        """Whether *node* was good; *authorities* is its path onwards. Raises as :meth:`standing`."""
        account = _Account()
        self._ask_responders(node, authorities, account)
        self._ask_lists(node, authorities, account)
        if account.good or account.covered >= ALL_REASONS:
            return
        if account.stale:
            raise NotValid("revocation.stale", "the revocation information is older than the time in question")
        raise NotValid(
            "revocation.unknown", account.detail or "no revocation information about a certificate of the path"
        )

    def _ask_responders(self, node: Node, authorities: Sequence[Node], account: _Account) -> None:
        session = Session(
            self._links,
            self._policy,
            self._trust,
            self._at,
            self._rigour,
            check_responder=lambda delegate: self._check_delegate(delegate, authorities),
        )
        for response in self._read_responses(account):
            try:
                answer = session.answer(response, node, authorities[0])
            except NotValid as fault:
                _note(account, fault)
                continue
            self._weigh(answer, account)

    def _weigh(self, answer: OcspAnswer, account: _Account) -> None:
        if answer.status == "revoked" and answer.revoked_at is not None:
            self._refuse_if_revoked(Entry(answer.revoked_at, answer.reason), answer.this_update)
        account.good = account.good or answer.status != "unknown"
        if answer.status == "unknown":
            account.detail = "the OCSP responder does not know the certificate"

    def _check_delegate(self, delegate: Node, authorities: Sequence[Node]) -> None:
        """A responder's certificate without ocsp-nocheck: by CRL if there is one, else as the policy says.

        One that names no source leaves the choice to us (RFC 6960 §4.2.2.2.1); only binding evidence must speak of it.
        """
        if not self._evidence.binding and not delegate.names_revocation_source:
            return
        if self._evidence.crls:
            self._check_nested(delegate, authorities)
        elif self._policy.revocation == "required" and delegate.names_revocation_source:
            raise NotValid("revocation.unknown", "the standing of the OCSP responder is unknown")

    def _ask_lists(self, node: Node, authorities: Sequence[Node], account: _Account) -> None:
        for crl in self._read_crls(account):
            if crl.is_delta:
                continue
            reasons = covered(node, crl.issuer_name, crl.scope)
            if not reasons:
                continue
            try:
                signer = self._signer(crl, node, authorities)
                if self._decide(crl, signer, node, account):
                    account.covered |= reasons
            except NotValid as fault:
                if fault.reason in ("certificate.revoked", "limit.exceeded"):
                    raise
                _note(account, fault)

    def _decide(self, crl: RevocationList, signer: Node, node: Node, account: _Account) -> bool:
        """Whether *crl* (with its delta) leaves *node* unrevoked for the moment in question."""
        problem = faults(crl, conformance=self._rigour.conformance)
        if problem:
            raise NotValid("revocation.unknown", problem)
        entry, since = entry_for(crl, node), crl.this_update
        for delta in self._deltas(crl, signer):
            newer = entry_for(delta, node)
            if newer is not None:
                entry, since = (None if newer.reason == "removeFromCRL" else newer), delta.this_update
        if entry is not None and entry.reason != "removeFromCRL":
            self._refuse_if_revoked(entry, since)
        return self._is_timely(crl, node, account)

    def _refuse_if_revoked(self, entry: Entry, stated: datetime) -> None:
        """A date after both the moment and the statement itself is no excuse: the statement names it as revoked."""
        if entry.since <= self._at or entry.since > stated:
            raise NotValid(
                "certificate.revoked", f"a certificate of the path was revoked ({entry.reason or 'unspecified'})"
            )

    def _is_timely(self, crl: RevocationList, node: Node, account: _Account) -> bool:
        if crl.this_update > self._at:
            if not self._rigour.later_answers:
                account.detail = "the CRL is from after the time in question"
                return False
            if not knows_expired(crl.this_update, crl.keeps_expired_since, node):
                account.detail = "the CRL is from after the certificate's end"
                return False
            return True
        if crl.next_update is None or crl.next_update + self._rigour.grace < self._at:
            account.stale = True
            return False
        return True

    def _deltas(self, base: RevocationList, signer: Node) -> Iterator[RevocationList]:
        """Current deltas to *base*, oldest first (§5.2.4, §6.3.3 c)."""
        found = []
        for delta in self._read_crls(_Account()):
            if delta.base is None or base.number is None or delta.issuer != base.issuer:
                continue
            fits = delta.scope.der == base.scope.der and delta.authority_key == base.authority_key
            reaches = delta.base <= base.number < (delta.number or 0)
            if fits and reaches and self._is_usable_delta(delta, signer):
                found.append(delta)
        yield from sorted(found, key=lambda one: one.this_update)

    def _is_usable_delta(self, delta: RevocationList, signer: Node) -> bool:
        timely = self._rigour.later_answers or delta.this_update <= self._at
        return timely and not faults(delta, conformance=self._rigour.conformance) and self._is_signed(delta, signer)

    def _signer(self, crl: RevocationList, node: Node, authorities: Sequence[Node]) -> Node:
        """The certificate whose key signed *crl* and may (§6.3.3 f, g): of the path, or issued by one of it."""
        detail = "the issuer of the CRL is not known"
        for authority in authorities:
            if authority.subject == crl.issuer and self._is_signed(crl, authority):
                _check_may_sign(authority)
                return authority
        for candidate in self._pool.named(crl.issuer):
            itself = candidate.der == node.der and node.der not in self._asked
            if itself or not self._is_signed(crl, candidate):
                continue
            for place, authority in enumerate(authorities):
                if candidate.issuer == authority.subject:
                    detail = self._entitled(crl, candidate, authorities[place:]) or ""
                    if not detail:
                        return candidate
        raise NotValid("revocation.unknown", detail)

    def _entitled(self, crl: RevocationList, candidate: Node, authorities: Sequence[Node]) -> str:
        """Why *candidate* may not speak for the CRLs it signed; "" if it may."""
        try:
            _check_may_sign(candidate)
            self._links.check(candidate, authorities[0])
            walk((candidate, *authorities), budget=self._budget, rigour=Rigour())
            check_window(candidate, max(self._at, crl.this_update) if self._rigour.later_answers else self._at)
            self._check_nested(candidate, authorities)
        except NotValid as fault:
            if fault.reason == "limit.exceeded":
                raise
            return f"the issuer of the CRL: {fault.reason}"
        return ""

    def _check_nested(self, node: Node, authorities: Sequence[Node]) -> None:
        """The standing of a CRL issuer or responder; one that is already being asked about stands for itself."""
        if node.der in self._asked:
            return
        if len(self._asked) >= MAX_NESTED:
            raise NotValid("revocation.unknown", "CRL issuers hang on one another too deeply")
        self._asked.append(node.der)
        try:
            self.check(node, authorities)
        except NotValid as fault:
            if fault.reason == "limit.exceeded":
                raise
            raise NotValid("revocation.unknown", f"the issuer of revocation data: {fault.reason}") from fault
        finally:
            self._asked.pop()

    def _is_signed(self, crl: RevocationList, signer: Node) -> bool:
        mark = (id(crl), signer.spki)
        if mark not in self._signatures:
            self._budget.check()
            algorithm, signature, signed = signature_parts(crl)
            with decoding("the key of a CRL issuer", "algorithm.unsupported"):
                spki = keys.PublicKeyInfo.load(signer.spki)
            self._signatures[mark] = algorithms.verify(spki, algorithm, signature, signed, self._policy)
        return self._signatures[mark]

    def _read_crls(self, account: _Account) -> list[RevocationList]:
        if self._crls is None:
            self._crls = []
            for der in self._evidence.crls:
                try:
                    self._crls.append(read_crl(der))
                except NotValid as fault:
                    _note(account, fault)
        return self._crls

    def _read_responses(self, account: _Account) -> list[Response]:
        if self._responses is None:
            self._responses = []
            for der in self._evidence.ocsp:
                try:
                    self._responses.append(read_response(der))
                except NotValid as fault:
                    _note(account, fault)
        return self._responses


def _is_exempt(place: int, node: Node) -> bool:
    """ocsp-nocheck frees an OCSP responder's own certificate (RFC 6960 §4.2.2.2.1), and nothing else."""
    return place == 0 and OCSP_NO_CHECK in node.extensions and OCSP_SIGNING in (node.purposes or ())


def _check_may_sign(node: Node) -> None:
    if node.key_usage is not None and "crl_sign" not in node.key_usage:
        raise NotValid("revocation.unknown", "the issuer of the CRL may not sign CRLs")


def _note(account: _Account, fault: NotValid) -> None:
    """Keep what was wrong with a piece of evidence; other pieces may still answer."""
    if fault.reason == "limit.exceeded":
        raise fault
    account.stale = account.stale or fault.reason == "revocation.stale"
    account.detail = account.detail or fault.detail
