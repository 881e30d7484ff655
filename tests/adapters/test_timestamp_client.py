"""Time stamps from a real authority over HTTP: fetched, checked by openssl, and never believed when it misbehaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import rfc3161_client
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pki_tools import Bench, bench, needs, run

from gateway.model.verdict import Judgement, Scope
from gateway.ports.signing import FetchFault
from gateway.signing import timestamp
from gateway.signing.policy import COMPAT, PRODUCTION
from gateway.signing.question import Question
from gateway.signing.timestamp.client import EvidenceFor, Stamper, StampSettings, TimeAuthority
from gateway.signing.trust import Evidence, TrustStore, sorted_out
from sandbox.pki.stamping import POLICY

CONTENT = b"noi dung cong van"
NONCE = 0x1234567890ABCDEF1234


@dataclass
class Web:
    """`Fetch` over a real connection; *asked* are the addresses in their order."""

    asked: list[str] = field(default_factory=list)

    async def __call__(
        self, url: str, *, body: bytes | None = None, content_type: str = "", deadline: float, limit: int
    ) -> bytes:
        self.asked.append(url)
        headers = {"Content-Type": content_type}
        try:
            async with (
                asyncio.timeout(deadline),
                aiohttp.ClientSession() as session,
                session.post(url, data=body, headers=headers) as response,
            ):
                answer = await response.content.read(limit + 1)
                while len(answer) <= limit and (more := await response.content.read(limit)):
                    answer += more
        except (TimeoutError, aiohttp.ClientError) as error:
            raise FetchFault(url, type(error).__name__) from error
        if response.status != 200 or len(answer) > limit:
            raise FetchFault(url, f"status {response.status}, {len(answer)} bytes")
        return answer


class HandClock:
    """Real time, but its monotonic part is moved by hand."""

    def __init__(self, ahead: timedelta = timedelta(0)) -> None:
        self.seconds = 0.0
        self.ahead = ahead

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def trusted(pki: Bench) -> TrustStore:
    return sorted_out([pki.hierarchy.root("public").certificate])


def stamper(pki: Bench, web: Web | None = None, evidence_for: EvidenceFor | None = None, **more: Any) -> Stamper:
    urls = more.pop("urls", (f"{pki.pki.url}/tsa",))
    clock = more.pop("clock", HandClock())
    asked_policy = more.pop("asked_policy", "")
    authorities = tuple(TimeAuthority(url, asked_policy) for url in urls)
    settings = StampSettings(authorities, **{"policy": COMPAT, "deadline": 5.0, **more})
    return Stamper(settings, web or Web(), lambda: trusted(pki), clock, lambda: NONCE, evidence_for)


async def lists(pki: Bench) -> Evidence:
    return Evidence(crls=tuple([(await pki.get(f"/crl/{slug}.crl"))[1] for slug in ("root", "issuing")]))


@asynccontextmanager
async def started(folder: Path) -> AsyncIterator[Bench]:
    async with bench(folder) as pki:
        yield pki


@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
@needs("openssl")
async def test_openssl_verifies_the_stamp_that_was_fetched(tmp_path: Path, digest: Any) -> None:
    async with started(tmp_path) as pki:
        token, stamp = await stamper(pki, digest=digest).stamped(CONTENT)
        assert stamp.digest[0] == digest
        assert stamp.nonce == NONCE
        assert stamp.accuracy == timedelta(seconds=1)
        file, content = pki.file("token.der", token), pki.file("content", CONTENT)
        said = ("openssl", "ts", "-verify", "-token_in", "-in", file, "-CAfile", tmp_path / "root.pem")
        assert "Verification: OK" in (await run(*said, "-data", content))[1]
        other = pki.file("other", CONTENT + b"!")
        assert "Verification: OK" not in (await run(*said, "-data", other))[1]


async def test_what_was_fetched_is_verified_again_from_its_bytes_alone(tmp_path: Path) -> None:
    async with started(tmp_path) as pki:
        token = await stamper(pki)(CONTENT)
        question = Question("tsr", trusted(pki), datetime.now(UTC), COMPAT)
        stamp = timestamp.verify_stamp(token, imprinted=CONTENT, question=question)
        assert abs(stamp.at - datetime.now(UTC)) < timedelta(minutes=1)
        assert stamp.certificate == pki.hierarchy.stamping().certificate


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("wrong_imprint", "another digest"),
        ("wrong_nonce", "nonce"),
        ("wrong_eku", "chain.usage"),
        ("expired", "certificate.expired"),
        ("clock", "clock"),
        ("rejection", "rejection"),
        ("bad_signature", "signature.wrong"),
        ("garbage", "malformed"),
        ("500", "status 500"),
        ("oversize", "bytes"),
        ("refuse", "Client"),
    ],
)
async def test_no_false_stamp_is_believed(tmp_path: Path, action: str, words: str) -> None:
    async with started(tmp_path) as pki:
        pki.fault("tsa", action)
        with pytest.raises(FetchFault) as caught:
            await stamper(pki)(CONTENT)
        assert words in caught.value.detail
        pki.pki.service.script.clear()
        await stamper(pki)(CONTENT)


async def test_an_authority_that_is_slow_ends_with_its_deadline(tmp_path: Path) -> None:
    async with started(tmp_path) as pki:
        pki.fault("tsa", "slow", seconds=3600)
        with pytest.raises(FetchFault, match="TimeoutError"):
            await stamper(pki, deadline=0.1)(CONTENT)


async def test_an_authority_nobody_here_trusts_is_refused(tmp_path: Path) -> None:
    async with started(tmp_path) as pki:
        stranger = Stamper(
            StampSettings((TimeAuthority(f"{pki.pki.url}/tsa"),), policy=COMPAT),
            Web(),
            lambda: sorted_out([pki.hierarchy.root("government").certificate]),
            HandClock(),
            lambda: NONCE,
        )
        with pytest.raises(FetchFault, match=r"chain\.unknown"):
            await stranger(CONTENT)


async def test_our_own_wrong_clock_is_noticed(tmp_path: Path) -> None:
    async with started(tmp_path) as pki:
        for ahead in (timedelta(minutes=6), timedelta(minutes=-6)):
            with pytest.raises(FetchFault, match="clock"):
                await stamper(pki, clock=HandClock(ahead))(CONTENT)


async def test_the_policy_asked_for_is_the_one_got(tmp_path: Path) -> None:
    async with started(tmp_path) as pki:
        _, stamp = await stamper(pki, asked_policy=POLICY).stamped(CONTENT)
        assert stamp.policy == POLICY
        with pytest.raises(FetchFault, match="rejection"):
            await stamper(pki, asked_policy="1.2.3.4")(CONTENT)


async def test_the_next_authority_is_asked_and_one_that_failed_comes_last_for_a_while(tmp_path: Path) -> None:
    async with started(tmp_path) as pki:
        web, clock = Web(), HandClock()
        good, dead = f"{pki.pki.url}/tsa", f"{pki.pki.url}/nowhere"
        ours = stamper(pki, web, urls=(dead, good), clock=clock, cool_down=60)
        for seconds, expected in ((0, [dead, good]), (59, [good]), (2, [dead, good])):
            web.asked.clear()
            clock.seconds += seconds
            await ours(CONTENT)
            assert web.asked == expected


async def test_an_authority_that_failed_is_still_better_than_none(tmp_path: Path) -> None:
    async with started(tmp_path) as pki:
        ours = stamper(pki, urls=(f"{pki.pki.url}/nowhere", f"{pki.pki.url}/tsa"))
        pki.fault("tsa", "500")
        with pytest.raises(FetchFault):
            await ours(CONTENT)
        pki.pki.service.script.clear()
        await ours(CONTENT)


async def test_without_an_authority_there_is_no_stamp(tmp_path: Path) -> None:
    async with started(tmp_path) as pki:
        with pytest.raises(FetchFault, match="configured"):
            await stamper(pki, urls=())(CONTENT)


async def test_revocation_of_the_authority_is_asked_about_and_counts(tmp_path: Path) -> None:
    async with started(tmp_path) as pki:
        seen: list[x509.Certificate] = []

        async def evidence_for(certificates: Sequence[x509.Certificate]) -> Evidence:
            seen.extend(certificates)
            return await lists(pki)

        with pytest.raises(FetchFault, match=r"revocation\.unknown"):
            await stamper(pki, policy=PRODUCTION)(CONTENT)
        _, stamp = await stamper(pki, evidence_for=evidence_for, policy=PRODUCTION).stamped(CONTENT)
        assert stamp.chain.standing == "good"
        assert pki.hierarchy.stamping().certificate in seen
        pki.hierarchy.revoke(pki.hierarchy.stamping().serial, reason="keyCompromise")
        with pytest.raises(FetchFault, match=r"certificate\.revoked"):
            await stamper(pki, evidence_for=evidence_for, policy=PRODUCTION)(CONTENT)


@needs("openssl")
async def test_an_answer_openssl_asked_for_is_judged_with_its_request_and_content(tmp_path: Path) -> None:
    async with started(tmp_path) as pki:
        query, reply = await pki.stamp(CONTENT, "-sha256", "-cert")
        beside = {"a.txt": CONTENT, "q.tsq": query.read_bytes()}
        question = Question("tsr", trusted(pki), datetime.now(UTC), COMPAT, beside)
        verdict = timestamp.judge(reply.read_bytes(), question)
        assert (verdict.judgement, verdict.scope) == (Judgement.VALID, Scope.FULL)
        assert [part.path for part in verdict.signed] == ["TSTInfo", "a.txt"]
        assert pki.hierarchy.stamping().certificate in timestamp.certificates(reply.read_bytes())


async def test_a_verifier_that_shares_no_code_with_ours_agrees(tmp_path: Path) -> None:
    async with started(tmp_path) as pki:
        asked = rfc3161_client.TimestampRequestBuilder().data(CONTENT).nonce(nonce=True).build()
        _, raw = await pki.post("/tsa", asked.as_bytes(), "application/timestamp-query")
        theirs = rfc3161_client.VerifierBuilder.from_request(asked)
        theirs = theirs.add_root_certificate(pki.hierarchy.root("public").certificate)
        assert theirs.build().verify_message(rfc3161_client.decode_timestamp_response(raw), CONTENT)
        question = Question("tsr", trusted(pki), datetime.now(UTC), COMPAT, {"content": CONTENT})
        assert timestamp.judge(raw, question).judgement is Judgement.VALID


@needs("openssl")
async def test_a_token_made_by_openssls_own_authority_is_accepted(tmp_path: Path) -> None:
    async with started(tmp_path) as pki:
        own = pki.hierarchy.stamping()
        pki.file("own.pem", own.certificate.public_bytes(Encoding.PEM))
        pki.file("own.key", own.key_pem())
        pki.file("chain.pem", own.pem())
        pki.file("serial", b"01")
        pki.file("content", CONTENT)
        pki.file(
            "tsa.cnf",
            b"[tsa]\ndefault_tsa=t\n[t]\nserial=serial\nsigner_cert=own.pem\ncerts=chain.pem\nsigner_key=own.key\n"
            b"signer_digest=sha384\ndefault_policy=1.2.3\ndigests=sha256\naccuracy=secs:1,millisecs:500,microsecs:100\n"
            b"clock_precision_digits=3\nordering=yes\ntsa_name=yes\ness_cert_id_chain=yes\ness_cert_id_alg=sha256\n",
        )
        await run("openssl", "ts", "-query", "-data", "content", "-cert", "-out", "q.tsq", folder=tmp_path)
        reply = ("openssl", "ts", "-reply", "-config", "tsa.cnf", "-queryfile", "q.tsq")
        for name, options in (("a.tsr", ()), ("a.tok", ("-token_out",))):
            code, said = await run(*reply, *options, "-out", name, folder=tmp_path)
            assert code == 0, said
            question = Question("tsr", trusted(pki), datetime.now(UTC), COMPAT, {"content": CONTENT})
            verdict = timestamp.judge((tmp_path / name).read_bytes(), question)
            assert verdict.judgement is Judgement.VALID
            assert verdict.signed_at is not None
