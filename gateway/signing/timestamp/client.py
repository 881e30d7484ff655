"""New time stamps: asked of several authorities in turn, and believed only after full verification (RFC 3161 §2.2)."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import rfc3161_client
from asn1crypto import tsp
from cryptography import x509

from gateway.clock import Clock
from gateway.model.verdict import NotValid
from gateway.ports.signing import DigestName, Fetch, FetchFault
from gateway.signing import cms
from gateway.signing.policy import PRODUCTION, Policy
from gateway.signing.question import Question
from gateway.signing.timestamp.response import token_of
from gateway.signing.timestamp.statement import Imprint, check_asked
from gateway.signing.timestamp.token import Stamp, believed, read_token
from gateway.signing.trust.model import Evidence, TrustStore

MAX_ANSWER: Final = 1 << 20
MAX_SKEW: Final = timedelta(minutes=5)
"""How far an authority's clock may be from ours."""
_QUERY: Final = "application/timestamp-query"


EvidenceFor = Callable[[Sequence[x509.Certificate]], Awaitable[Evidence]]
"""Revocation data about the certificates of an authority, fetched or kept; empty where there is none to be had."""


@dataclass(frozen=True, slots=True)
class TimeAuthority:
    """Where one time stamping authority is asked. *policy*: the OID to ask for, "" for its own choice."""

    url: str
    policy: str = ""


@dataclass(frozen=True, slots=True)
class StampSettings:
    """*deadline*: seconds for one authority. *cool_down*: seconds for which one that failed is asked last."""

    authorities: tuple[TimeAuthority, ...]
    digest: DigestName = "sha256"
    deadline: float = 10.0
    cool_down: float = 60.0
    policy: Policy = field(default=PRODUCTION)


class Stamper:
    """Time stamps over content, from the first of several authorities that gives a good one.

    Satisfies :class:`gateway.ports.signing.Stamps`. *nonce* gives a fresh unpredictable number of at least 64 bits for
    each request. *trust* gives the authorities believed now. *evidence_for* is asked for revocation data where the
    chain needs it.
    """

    def __init__(
        self,
        settings: StampSettings,
        fetch: Fetch,
        trust: Callable[[], TrustStore],
        clock: Clock,
        nonce: Callable[[], int],
        evidence_for: EvidenceFor | None = None,
    ) -> None:
        self._settings = settings
        self._fetch = fetch
        self._trust = trust
        self._clock = clock
        self._nonce = nonce
        self._evidence_for = evidence_for
        self._failed_until: dict[str, float] = {}

    async def __call__(self, content: bytes) -> bytes:
        """The DER of a verified TimeStampToken over *content*. Raises FetchFault after every authority has failed."""
        return (await self.stamped(content))[0]

    async def stamped(self, content: bytes) -> tuple[bytes, Stamp]:
        """The token and what it was verified to say. Raises FetchFault."""
        fault = FetchFault("", "no time stamping authority is configured")
        for authority in self._in_order():
            try:
                answer = await self._asked(authority, content)
            except FetchFault as failure:
                self._failed_until[authority.url] = self._clock.monotonic() + self._settings.cool_down
                fault = failure
            else:
                self._failed_until.pop(authority.url, None)
                return answer
        raise fault

    def _in_order(self) -> list[TimeAuthority]:
        """As configured, but those that failed lately last: a stamp late is better than none."""
        now = self._clock.monotonic()
        return sorted(self._settings.authorities, key=lambda one: self._failed_until.get(one.url, now) > now)

    async def _asked(self, authority: TimeAuthority, content: bytes) -> tuple[bytes, Stamp]:
        name = self._settings.digest
        asked = Imprint(name, hashlib.new(name, content).digest(), authority.policy, self._nonce())
        raw = await self._fetch(
            authority.url,
            body=request(asked),
            content_type=_QUERY,
            deadline=self._settings.deadline,
            limit=MAX_ANSWER,
        )
        try:
            return await self._verified(raw, asked)
        except NotValid as reason:
            raise FetchFault(authority.url, f"{reason.reason} {reason.detail}".strip()) from reason

    async def _verified(self, raw: bytes, asked: Imprint) -> tuple[bytes, Stamp]:
        token_der = token_of(raw)
        question = Question("tsr", self._trust(), self._clock.now(), self._settings.policy)
        token = read_token(token_der, question)
        check_asked(token.statement, asked)
        _check_clock(token.statement.at, question.at)
        _check_second_reading(raw, asked)
        try:
            stamp = believed(token, question)
        except NotValid as fault:
            if self._evidence_for is None or not fault.reason.startswith("revocation."):
                raise
            found = await self._evidence_for(self._authorities(token_der))
            stamp = believed(token, question, evidence=found)
        return token_der, stamp

    def _authorities(self, token_der: bytes) -> tuple[x509.Certificate, ...]:
        return (*cms.read(token_der).certificates, *self._trust().intermediates, *self._trust().anchors)


def request(asked: Imprint) -> bytes:
    """The DER of a TimeStampReq for *asked* that wants the certificates with the answer."""
    wanted: dict[str, object] = {
        "version": 1,
        "message_imprint": {"hash_algorithm": {"algorithm": asked.digest}, "hashed_message": asked.imprint},
        "cert_req": True,
    }
    if asked.policy:
        wanted["req_policy"] = asked.policy
    if asked.nonce is not None:
        wanted["nonce"] = asked.nonce
    encoded: bytes = tsp.TimeStampReq(wanted).dump()
    return encoded


def _check_clock(said: datetime, now: datetime) -> None:
    if abs(said - now) > MAX_SKEW:
        raise NotValid("timestamp.invalid", "the authority's clock differs from ours by more than five minutes")


def _check_second_reading(raw: bytes, asked: Imprint) -> None:
    """A reader that shares no code with ours must find the same imprint and nonce in the answer."""
    try:
        said = rfc3161_client.decode_timestamp_response(raw).tst_info
        same = (said.message_imprint.message, said.nonce) == (asked.imprint, asked.nonce)
    except ValueError as fault:
        raise NotValid("timestamp.invalid", "the answer is not as RFC 3161 writes it") from fault
    if not same:
        raise NotValid("timestamp.invalid", "two readers find different statements in the time stamp")
