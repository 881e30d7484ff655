"""What `lienthong sign-pdf` signs with: a key by reference, time stamps, revocation data, and our own judge."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

from cryptography import x509

from gateway.client import Client
from gateway.clock import SystemClock
from gateway.fetching import Fetching
from gateway.model.verdict import Judgement, NotValid, Verdict
from gateway.ports.signing import Judge, Scheme, SigningKey
from gateway.signing.desk import Desk
from gateway.signing.keys import FileKey, Keys, TokenKey
from gateway.signing.pades.sign import SignPdf
from gateway.signing.policy import Policy
from gateway.signing.question import Question
from gateway.signing.timestamp.client import Stamper, StampSettings, TimeAuthority
from gateway.signing.trust import ask
from gateway.signing.trust.armour import certificate
from gateway.signing.trust.gather import Gatherer
from gateway.signing.trust.model import TrustStore
from gateway.signing.trust.node import node_of
from gateway.signing.trust.purposes import TrustStores
from gateway.signing.trust.store import is_authority
from gateway.signing.worker import Workers

_UNJUDGED: Final = "nobody said whom to trust, so no chain was judged"


@dataclass(frozen=True, slots=True)
class Terms:
    """How one file is signed. *key* is where it is; *scheme* "" is found out. *trust* None: chains are not judged.

    *allowed*: further origins that may be asked for revocation data, beside those our own certificates name.
    """

    key: FileKey | TokenKey
    scheme: Scheme | None
    policy: Policy
    trust: TrustStore | None = None
    authorities: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ground:
    """Everything open and ready."""

    key: SigningKey
    workers: Workers
    signing: SignPdf


@asynccontextmanager
async def ground(terms: Terms) -> AsyncIterator[Ground]:
    """Open what *terms* need, and close it again. Raises KeyUnavailable, ValueError (an address that is none)."""
    clock = SystemClock()
    workers = Workers(1)
    keys: list[Keys] = []
    try:
        key = await _opened(terms, clock, keys)
        trust = terms.trust or TrustStore()
        async with Client(_origins(terms, key)) as client:
            fetch = Fetching(client)
            gatherer = Gatherer(fetch, clock, trust=lambda: trust, policy=terms.policy, random=secrets.token_bytes)
            stores = TrustStores(signing=trust, timestamping=trust)
            desk = Desk(workers, lambda: stores, gatherer, terms.policy)
            judge: Judge = desk if terms.trust else _Unanchored(workers, terms.policy)
            stamps = _stamps(terms, fetch, trust, clock, gatherer)
            evidence_for = gatherer.evidence_for if terms.trust else None
            accepts = _sound if terms.trust else _sound_but_for_chains
            try:
                yield Ground(key, workers, SignPdf(workers, judge, stamps, evidence_for, accepts=accepts))
            finally:
                await gatherer.close()
    finally:
        for one in keys:
            await one.close()
        await workers.close()


async def _opened(terms: Terms, clock: SystemClock, keys: list[Keys]) -> SigningKey:
    """The key; *keys* takes what has to be closed."""
    opened = Keys([replace(terms.key, scheme=terms.scheme)], warn=_unheard, now=clock.now)
    keys.append(opened)
    return await opened.key(terms.key.id)


def _unheard(code: str, detail: str) -> None:
    """What a key is unfit for is told by KeyUnavailable."""


def _stamps(terms: Terms, fetch: Fetching, trust: TrustStore, clock: SystemClock, gatherer: Gatherer) -> Stamper | None:
    if not terms.authorities:
        return None
    settings = StampSettings(tuple(map(TimeAuthority, terms.authorities)), policy=terms.policy)
    return Stamper(settings, fetch, lambda: trust, clock, partial(secrets.randbits, 64), gatherer.evidence_for)


def _sound(verdict: Verdict) -> bool:
    return verdict.judgement is Judgement.VALID


def _sound_but_for_chains(verdict: Verdict) -> bool:
    return verdict.judgement is Judgement.INDETERMINATE and verdict.detail == _UNJUDGED


@dataclass(frozen=True, slots=True)
class _Unanchored:
    """A Judge where nobody said whom to trust: everything but the chains is judged, and *valid* is never said."""

    workers: Workers
    policy: Policy

    async def __call__(
        self,
        kind: str,
        content: bytes,
        *,
        at: datetime,
        party: str = "",
        detached: Mapping[str, bytes] | None = None,
    ) -> Verdict:
        found = await self.workers.certificates_of(kind, content)
        taken = TrustStore(pinned=tuple(one for one in found if not is_authority(one)))
        question = Question(kind, taken, at, replace(self.policy, revocation="offered"), detached or {})
        verdict = await self.workers.judge(kind, content, question)
        if verdict.judgement is not Judgement.VALID:
            return verdict
        return replace(verdict, judgement=Judgement.INDETERMINATE, reason="chain.unknown", detail=_UNJUDGED)


def _origins(terms: Terms, key: SigningKey) -> set[str]:
    """The TSAs, and the authorities that our own certificates and the trusted ones name: nobody a stranger names."""
    trust = terms.trust or TrustStore()
    own = [certificate(one) for one in (key.certificate, *key.chain)]
    named = _named((*own, *trust.anchors, *trust.intermediates, *trust.pinned)) if terms.trust else ()
    return {_origin(url) for url in (*terms.authorities, *terms.allowed, *named)}


def _named(certificates: Iterable[x509.Certificate]) -> list[str]:
    urls: list[str] = []
    for one in certificates:
        try:
            node = node_of(one)
        except NotValid:
            continue
        urls += [*ask.responders(node), *ask.issuers(node), *(url for urls in ask.lists(node) for url in urls)]
    return urls


def _origin(url: str) -> str:
    scheme, mark, rest = url.partition("://")
    return f"{scheme}{mark}{rest.partition('/')[0]}"


def password_in(file: Path | None) -> partial[str] | None:
    """What opens a password or PIN anew whenever it is needed: the first line of *file*."""
    return partial(_first_line, file) if file else None


def _first_line(file: Path) -> str:
    return file.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
