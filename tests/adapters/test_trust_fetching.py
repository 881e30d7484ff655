"""Revocation data fetched over HTTP from the sandbox's PKI: OCSP, then the list; what misbehaves is not believed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from pki_tools import Bench, bench

from gateway.client import Client
from gateway.fetching import Fetching
from gateway.model.verdict import NotValid
from gateway.ports.signing import FetchFault
from gateway.signing.policy import PRODUCTION
from gateway.signing.trust import Chain, Evidence, Gathered, Gatherer, GatherLimits, TrustStore, load, validate_chain
from sandbox.pki.faults import rule_from_json

DAY = timedelta(days=1)
LIMITS = GatherLimits(deadline=5, request=2, rest=60)


class Watch:
    """The machine's time, moved forward at will."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def monotonic(self) -> float:
        return self.now().timestamp()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@dataclass
class Table:
    """A gatherer beside a running PKI whose services follow the same watch."""

    pki: Bench
    watch: Watch
    fetching: Fetching
    trust: TrustStore

    def gatherer(self, limits: GatherLimits = LIMITS, trust: TrustStore | None = None) -> Gatherer:
        return Gatherer(
            self.fetching,
            self.watch,
            trust=lambda: trust or self.trust,
            policy=PRODUCTION,
            random=lambda count: bytes(range(count)),
            limits=limits,
        )

    def asked(self, *operations: str) -> list[int]:
        return [self.pki.pki.service.requests[operation] for operation in operations]

    def judged(self, certificate: x509.Certificate, gathered: Gathered, at: datetime | None = None) -> Chain:
        return validate_chain(
            certificate,
            pool=(),
            trust=gathered.with_issuers(self.trust),
            at=at or self.watch.now(),
            evidence=gathered.evidence,
            policy=PRODUCTION,
            purpose="signing",
        )

    def refused(self, certificate: x509.Certificate, gathered: Gathered) -> str:
        with pytest.raises(NotValid) as caught:
            self.judged(certificate, gathered)
        return caught.value.reason


@asynccontextmanager
async def table(folder: Path) -> AsyncIterator[Table]:
    watch = Watch()
    async with bench(folder, now=watch.now) as pki, Client([pki.pki.url]) as client:
        yield Table(pki, watch, Fetching(client), load(folder))


async def test_a_certificate_is_good_by_ocsp_and_no_list_is_fetched(tmp_path: Path) -> None:
    async with table(tmp_path) as own:
        certificate = own.pki.organisation().certificate
        gathered = await own.gatherer().gather([certificate])
        assert gathered.faults == ()
        assert own.judged(certificate, gathered).standing == "good"
        assert own.asked("ocsp", "crl", "ca") == [2, 0, 0]


async def test_an_answer_is_kept_and_asked_for_again_when_it_is_old(tmp_path: Path) -> None:
    async with table(tmp_path) as own:
        certificate = own.pki.organisation().certificate
        gatherer = own.gatherer(replace(LIMITS, max_age=timedelta(hours=1)))
        for _ in range(3):
            assert (await gatherer.evidence_for([certificate])).ocsp
        assert own.asked("ocsp") == [2]
        own.watch.ahead = timedelta(hours=1, seconds=1)
        assert (await gatherer.evidence_for([certificate])).ocsp
        assert own.asked("ocsp") == [4]


async def test_nextupdate_ends_an_answer_before_the_maximum_age(tmp_path: Path) -> None:
    async with table(tmp_path) as own:
        certificate = own.pki.organisation().certificate
        gatherer = own.gatherer(replace(LIMITS, max_age=timedelta(days=30)))
        await gatherer.gather([certificate])
        own.watch.ahead = timedelta(hours=12, seconds=5)
        gathered = await gatherer.gather([certificate])
        assert own.asked("ocsp") == [4]
        assert own.judged(certificate, gathered).standing == "good"


async def test_many_who_ask_at_once_make_one_request(tmp_path: Path) -> None:
    async with table(tmp_path) as own:
        certificate = own.pki.organisation().certificate
        own.pki.fault("ocsp", "slow", seconds=0.1)
        gatherer = own.gatherer()
        every = await asyncio.gather(*(gatherer.gather([certificate]) for _ in range(20)))
        assert own.asked("ocsp") == [2]
        assert all(own.judged(certificate, gathered).standing == "good" for gathered in every)


async def test_one_who_gives_up_does_not_end_it_for_the_others(tmp_path: Path) -> None:
    async with table(tmp_path) as own:
        certificate = own.pki.organisation().certificate
        own.pki.fault("ocsp", "slow", seconds=0.2)
        gatherer = own.gatherer()
        first = asyncio.create_task(gatherer.gather([certificate]))
        second = asyncio.create_task(gatherer.gather([certificate]))
        while own.asked("ocsp") < [2]:
            await asyncio.sleep(0.01)
        first.cancel()
        assert own.judged(certificate, await second).standing == "good"
        assert own.asked("ocsp") == [2]


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("wrong_signer", "chain.unknown"),
        ("bad_signature", "signature.wrong"),
        ("stale", "revocation.stale"),
        ("unknown", "does not know the certificate"),
        ("wrong_id", "about other certificates"),
        ("try_later", "try_later"),
        ("garbage", "malformed"),
        ("500", "HTTP 500"),
        ("refuse", "client.reset"),
        ("oversize", "client.too_large"),
    ],
)
async def test_the_list_stands_in_for_a_responder_that_misbehaves(tmp_path: Path, action: str, words: str) -> None:
    async with table(tmp_path) as own:
        certificate = own.pki.organisation().certificate
        own.pki.fault("ocsp", action)
        gathered = await own.gatherer().gather([certificate])
        assert gathered.evidence.ocsp == ()
        assert all(fault.kind == "ocsp" and words in fault.detail for fault in gathered.faults)
        assert own.judged(certificate, gathered).standing == "good"
        assert own.asked("crl") == [2]


@pytest.mark.parametrize("action", ["stale", "wrong_signature", "missing", "garbage", "500", "refuse"])
async def test_without_either_the_verdict_is_open_and_names_the_sources(tmp_path: Path, action: str) -> None:
    async with table(tmp_path) as own:
        certificate = own.pki.organisation().certificate
        own.pki.pki.service.script.add(_rules(("ocsp", "500"), ("crl", action)))
        gathered = await own.gatherer().gather([certificate])
        assert gathered.evidence == Evidence(binding=False)
        assert own.refused(certificate, gathered) == "revocation.unknown"
        with pytest.raises(NotValid) as caught:
            own.judged(certificate, gathered)
        detail = gathered.explained(caught.value.verdict()).detail
        assert f"the OCSP responder {own.pki.pki.url}/ocsp: HTTP 500" in detail
        assert f"the CRL at {own.pki.pki.url}/crl/government-issuing.crl" in detail


async def test_a_slow_responder_costs_its_own_time_only_and_is_left_alone_for_a_while(tmp_path: Path) -> None:
    async with table(tmp_path) as own:
        certificate = own.pki.organisation().certificate
        own.pki.fault("ocsp", "slow", seconds=3600)
        gatherer = own.gatherer(replace(LIMITS, request=1))
        gathered = await gatherer.gather([certificate])
        assert "client.timeout" in gathered.faults[0].detail
        assert own.judged(certificate, gathered).standing == "good"
        before = own.asked("ocsp")
        again = await gatherer.gather([certificate, own.pki.organisation().certificate])
        assert own.asked("ocsp") == before
        assert "a moment ago" in again.faults[0].detail
        own.pki.pki.service.script.clear()
        own.watch.ahead = timedelta(seconds=61)
        assert (await gatherer.gather([certificate])).evidence.ocsp


async def test_the_deadline_ends_everything_and_says_who_was_awaited(tmp_path: Path) -> None:
    async with table(tmp_path) as own:
        certificate = own.pki.organisation().certificate
        own.pki.fault("ocsp", "slow", seconds=3600)
        gatherer = own.gatherer(replace(LIMITS, deadline=0.5))
        gathered = await asyncio.wait_for(gatherer.gather([certificate]), 5)
        assert [fault.detail for fault in gathered.faults] == ["no answer within 0.5 s"]
        assert own.refused(certificate, gathered) == "revocation.unknown"
        await gatherer.close()


async def test_a_revoked_certificate_is_refused_from_the_date_on(tmp_path: Path) -> None:
    async with table(tmp_path) as own:
        identity = own.pki.organisation()
        since = own.watch.now() - timedelta(days=3)
        own.pki.hierarchy.revoke(identity.serial, since, "keyCompromise")
        for action in ("none", "500"):
            own.pki.pki.service.script.clear()
            if action != "none":
                own.pki.fault("ocsp", action)
            gathered = await own.gatherer().gather([identity.certificate])
            assert own.refused(identity.certificate, gathered) == "certificate.revoked"
            before = own.judged(identity.certificate, gathered, since - timedelta(days=1))
            assert before.standing == "good"


async def test_a_missing_authority_is_fetched_and_not_trusted_by_that(tmp_path: Path) -> None:
    async with table(tmp_path) as own:
        certificate = own.pki.organisation().certificate
        roots = replace(own.trust, intermediates=())
        gathered = await own.gatherer(trust=roots).gather([certificate])
        assert [one.subject for one in gathered.issuers] == [certificate.issuer]
        own.trust = roots
        assert own.judged(certificate, gathered).standing == "good"
        nobody = await own.gatherer(trust=TrustStore()).gather([certificate])
        assert nobody.evidence == Evidence(binding=False)
        alone = await own.gatherer(replace(LIMITS, follow_issuers=False), trust=roots).gather([certificate])
        assert alone == Gathered()


@pytest.mark.parametrize("action", ["missing", "garbage", "oversize"])
async def test_an_authority_that_cannot_be_fetched_is_named(tmp_path: Path, action: str) -> None:
    async with table(tmp_path) as own:
        certificate = own.pki.organisation().certificate
        own.trust = replace(own.trust, intermediates=())
        own.pki.fault("ca", action)
        gathered = await own.gatherer().gather([certificate])
        assert [fault.kind for fault in gathered.faults] == ["issuer"]
        assert own.refused(certificate, gathered) == "chain.unknown"


async def test_a_strangers_certificate_makes_nobody_call(tmp_path: Path) -> None:
    async with table(tmp_path / "own") as own, table(tmp_path / "other") as other:
        stranger = other.pki.organisation().certificate
        gathered = await own.gatherer().gather([stranger])
        assert gathered.evidence == Evidence(binding=False)
        assert [fault.detail.split()[0] for fault in gathered.faults] == ["client.host"]
        assert own.asked("ocsp", "crl", "ca") == other.asked("ocsp", "crl", "ca") == [0, 0, 0]


@pytest.mark.parametrize(("action", "answered"), [("none", True), ("no_nonce", True), ("wrong_nonce", False)])
async def test_the_answer_to_another_nonce_is_refused(tmp_path: Path, action: str, answered: bool) -> None:
    async with table(tmp_path) as own:
        certificate = own.pki.organisation().certificate
        if action != "none":
            own.pki.fault("ocsp", action)
        gathered = await own.gatherer(replace(LIMITS, nonce=True)).gather([certificate])
        assert bool(gathered.evidence.ocsp) is answered


async def test_an_expired_certificate_is_asked_about_too(tmp_path: Path) -> None:
    async with table(tmp_path) as own:
        certificate = own.pki.organisation(validity=own.pki.hierarchy.expired()).certificate
        gathered = await own.gatherer().gather([certificate])
        assert gathered.evidence.ocsp
        assert own.refused(certificate, gathered) == "certificate.expired"


async def test_a_fetch_ends_with_the_body_of_a_good_answer_or_a_fault(tmp_path: Path) -> None:
    async with table(tmp_path) as own:
        url = own.pki.pki.url
        assert await own.fetching(f"{url}/ca/issuing.cer", deadline=5, limit=65536) == (
            own.pki.hierarchy.issuing().identity.der()
        )
        for address, limits, words in (
            (f"{url}/ca/nobody.cer", {"deadline": 5, "limit": 65536}, "HTTP 404"),
            (f"{url}/ca/issuing.cer", {"deadline": 5, "limit": 100}, "client.too_large"),
            (f"{url}/ca/issuing.cer", {"deadline": 0.01, "limit": 65536}, "no time is left"),
            ("http://169.254.169.254/latest", {"deadline": 5, "limit": 65536}, "client.host"),
            ("file:///etc/hostname", {"deadline": 5, "limit": 65536}, "client.host"),
        ):
            with pytest.raises(FetchFault, match=words):
                await own.fetching(address, **limits)
        assert own.asked("ca") == [3]


async def test_a_restart_knows_nothing(tmp_path: Path) -> None:
    async with table(tmp_path) as own:
        certificate = own.pki.organisation().certificate
        await own.gatherer().gather([certificate])
        own.pki.pki.service.script.add(_rules(("ocsp", "500"), ("crl", "500")))
        assert own.refused(certificate, await own.gatherer().gather([certificate])) == "revocation.unknown"


async def test_the_loop_goes_on_while_a_large_list_is_read(tmp_path: Path) -> None:
    async with table(tmp_path) as own:
        identity = own.pki.organisation()
        body = _large_list(own.pki, 250_000)

        async def fetch(url: str, **_: Any) -> bytes:
            if url.endswith("government-issuing.crl"):
                return body
            raise FetchFault(url, "away")

        gatherer = Gatherer(fetch, own.watch, trust=lambda: own.trust, policy=PRODUCTION, random=bytes, limits=LIMITS)
        turns = 0
        gathering = asyncio.create_task(gatherer.gather([identity.certificate]))
        while not gathering.done():
            await asyncio.sleep(0)
            turns += 1
        assert body in gathering.result().evidence.crls
        assert turns > 20


def _large_list(pki: Bench, count: int) -> bytes:
    """A list of random serial numbers, among which the bytes of a critical extension's mark occur by chance."""
    issuing, now = pki.hierarchy.issuing("government"), datetime.now(UTC)
    draw = random.Random(5)
    entries = [
        x509.RevokedCertificateBuilder().serial_number(draw.getrandbits(120)).revocation_date(now - DAY).build()
        for _ in range(count)
    ]
    marked = x509.RevokedCertificateBuilder().serial_number(0x010101FF05).revocation_date(now - DAY).build()
    builder = x509.CertificateRevocationListBuilder(
        issuing.certificate.subject, now - timedelta(hours=1), now + DAY, [], [*entries, marked]
    )
    return builder.sign(issuing.identity.key, hashes.SHA256()).public_bytes(Encoding.DER)


def _rules(*pairs: tuple[str, str]) -> list[Any]:
    return [rule_from_json({"operation": operation, "action": action}) for operation, action in pairs]
