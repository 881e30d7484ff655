"""The whole story of signing a PDF: a confined process, a key by reference, a TSA and OCSP over HTTP, our own judge."""

from __future__ import annotations

import asyncio
import functools
import io
import secrets
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from pades_sign_tools import AGENCY, LETTER, LocalKey, desk, needs, pdf, pdfsig
from pyhanko.keys import load_cert_from_pemder
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko.sign.validation.dss import DocumentSecurityStore

from gateway.client import Client
from gateway.clock import SystemClock
from gateway.errors import Refusal
from gateway.fetching import Fetching
from gateway.model.verdict import Judgement, NotValid, Verdict
from gateway.ports.signing import DigestName, FetchFault, KeyUnavailable
from gateway.signing.pades.appearance import Seal, attachment
from gateway.signing.pades.sign import Request, SignPdf
from gateway.signing.policy import PRODUCTION
from gateway.signing.question import Question
from gateway.signing.timestamp.client import Stamper, StampSettings, TimeAuthority
from gateway.signing.trust import Evidence, TrustStore, load
from gateway.signing.trust.gather import Gatherer
from gateway.signing.verify import judge
from gateway.signing.worker import Workers
from sandbox.pki.desk import AMOUNT, Desk
from sandbox.pki.faults import rule_from_json
from sandbox.pki.seal import seal_png
from sandbox.pki.service import PkiSettings, RunningPki, start
from sandbox.pki.typeface import default_typeface


@functools.cache
def paper() -> bytes:
    """A sealed letter with a sum of money for forgers."""
    return desk().signed(replace(LETTER, amount=AMOUNT, paragraphs=[f"Kinh phí {AMOUNT} đồng."]), sealed=True)


@dataclass
class Office:
    """A running PKI and everything a signature needs."""

    pki: RunningPki
    workers: Workers
    fetch: Fetching
    trust: TrustStore
    folder: Path

    @property
    def now(self) -> datetime:
        return self.pki.hierarchy.now()

    @functools.cached_property
    def key(self) -> LocalKey:
        return LocalKey(self.pki.hierarchy.organisation("Sở Công Thương"))

    @functools.cached_property
    def letter(self) -> bytes:
        return Desk(self.pki.hierarchy).signed(LETTER)

    @functools.cached_property
    def gatherer(self) -> Gatherer:
        clock = SystemClock()
        return Gatherer(self.fetch, clock, trust=lambda: self.trust, policy=PRODUCTION, random=secrets.token_bytes)

    @functools.cached_property
    def stamps(self) -> Stamper:
        settings = StampSettings((TimeAuthority(f"{self.pki.url}/tsa/government"),))
        nonce = functools.partial(secrets.randbits, 64)
        return Stamper(settings, self.fetch, lambda: self.trust, SystemClock(), nonce, self.gatherer.evidence_for)

    async def judged(self, kind: str, content: bytes, *, at: datetime, **_: Any) -> Verdict:
        found = await self.gatherer.evidence_for(await self.workers.certificates_of(kind, content))
        return await self.workers.judge(kind, content, Question(kind, self.trust, at, PRODUCTION, evidence=found))

    def signing(self, **wiring: Any) -> SignPdf:
        given = {"stamps": self.stamps, "evidence_for": self.gatherer.evidence_for, **wiring}
        return SignPdf(self.workers, self.judged, **given)

    def fault(self, operation: str, action: str, **more: Any) -> None:
        self.pki.service.script.add([rule_from_json({"operation": operation, "action": action, **more})])


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    """One process for all these tests: it takes a second to start."""
    ours = Workers(1)
    yield ours
    asyncio.run(ours.close())


@pytest.fixture
async def office(tmp_path: Path, workers: Workers) -> AsyncIterator[Office]:
    pki = await start(PkiSettings(), None)
    pki.hierarchy.write_trust(tmp_path)
    try:
        async with Client([pki.url]) as client:
            yield Office(pki, workers, Fetching(client), load(tmp_path), tmp_path)
    finally:
        await pki.stop()


def offline(content: bytes, office: Office) -> Verdict:
    """Our verdict on the file alone: no revocation data but what it carries."""
    return judge(content, Question("pdf", office.trust, office.now, PRODUCTION))


@needs("pdfsig")
async def test_a_long_term_signature_is_complete_in_itself(office: Office) -> None:
    seal = seal_png("Sở Công Thương", AGENCY, default_typeface())
    made = await office.signing()(office.letter, office.key, Request(office.now, Seal(seal), "B-LT"))
    assert made.content.startswith(office.letter)
    assert (made.level, made.page, made.verdict.judgement) == ("B-LT", 1, Judgement.VALID)
    assert made.verdict.time_proven
    assert pdfsig(office.folder, made.content) == ["Signature is Valid"] * 2
    alone = offline(made.content, office)
    assert (alone.judgement, alone.reason) == (Judgement.VALID, "ok"), alone
    reader = PdfFileReader(io.BytesIO(made.content))
    store = reader.root["/DSS"]
    held = [x509.load_der_x509_certificate(one.get_object().data).subject for one in store["/Certs"]]
    assert office.pki.hierarchy.stamping("government").certificate.subject in held
    assert store["/OCSPs"] or store["/CRLs"]
    root = load_cert_from_pemder(str(office.folder / "government-root.pem"))
    strict = {"trust_roots": [root], "allow_fetching": False, "revocation_mode": "hard-fail", "moment": office.now}
    kept = DocumentSecurityStore.read_dss(reader).as_validation_context(strict)
    status = await async_validate_pdf_signature(reader.embedded_signatures[-1], kept, kept)
    assert status.bottom_line


async def test_a_time_stamped_signature_carries_no_evidence_but_a_time(office: Office) -> None:
    made = await office.signing()(pdf(), office.key, Request(office.now, attachment("7/SCT", office.now)))
    assert (made.level, made.field, made.page) == ("B-T", "ChuKyCoQuan", 1)
    assert made.verdict.time_proven
    assert "/DSS" not in PdfFileReader(io.BytesIO(made.content)).root
    assert offline(made.content, office).reason.startswith("revocation.")


async def test_without_an_authority_a_stamp_is_missed_only_if_the_request_allows_it(office: Office) -> None:
    signing = office.signing(stamps=None)
    with pytest.raises(Refusal) as refused:
        await signing(pdf(), office.key, Request(office.now))
    assert refused.value.code == "sign.no_stamp"
    made = await signing(pdf(), office.key, Request(office.now, without_stamp=True))
    assert (made.level, made.verdict.time_proven) == ("B-B", False)


async def test_an_authority_that_fails_is_never_passed_over(office: Office) -> None:
    office.fault("tsa", "rejection")
    with pytest.raises(FetchFault):
        await office.signing()(pdf(), office.key, Request(office.now, without_stamp=True))


async def test_long_term_needs_a_source_of_evidence_that_answers(office: Office) -> None:
    async def nothing(_: Sequence[x509.Certificate]) -> Evidence:
        return Evidence()

    for source in (None, nothing):
        with pytest.raises(Refusal) as refused:
            await office.signing(evidence_for=source)(pdf(), office.key, Request(office.now, level="B-LT"))
        assert refused.value.code == "sign.authority"


async def test_the_gatherer_is_given_the_signer_and_the_stamping_authority_first(office: Office) -> None:
    asked: list[Sequence[x509.Certificate]] = []

    async def noted(certificates: Sequence[x509.Certificate]) -> Evidence:
        asked.append(certificates)
        return await office.gatherer.evidence_for(certificates)

    await office.signing(evidence_for=noted)(pdf(), office.key, Request(office.now, level="B-LT"))
    stamping = office.pki.hierarchy.stamping("government").certificate
    assert list(asked[0][:2]) == [office.key.identity.certificate, stamping]


async def test_a_revoked_certificate_signs_nothing_that_leaves(office: Office) -> None:
    office.pki.hierarchy.revoke(office.key.identity.serial)
    with pytest.raises(Refusal) as refused:
        await office.signing()(pdf(), office.key, Request(office.now))
    assert (refused.value.code, refused.value.where) == ("sign.unsound", "certificate.revoked")


async def test_a_certificate_of_an_unknown_authority_signs_nothing_that_leaves(office: Office) -> None:
    office.trust = TrustStore()
    with pytest.raises(Refusal) as refused:
        await office.signing(stamps=None)(pdf(), office.key, Request(office.now, without_stamp=True))
    assert refused.value.code == "sign.unsound"


@dataclass(frozen=True)
class Odd(LocalKey):
    """A key that does something else."""

    answer: str = "other"

    async def sign(self, content: bytes, digest: DigestName) -> bytes:
        if self.answer == "busy":
            raise KeyUnavailable("key.busy", "", temporary=True)
        return await super().sign(content + b".", digest)


async def test_what_a_key_does_wrong_is_told_and_nothing_leaves(office: Office) -> None:
    with pytest.raises(NotValid) as wrong:
        await office.signing()(pdf(), Odd(office.key.identity), Request(office.now))
    assert wrong.value.reason == "signature.wrong"
    with pytest.raises(KeyUnavailable):
        await office.signing()(pdf(), Odd(office.key.identity, answer="busy"), Request(office.now))


async def test_a_refusal_comes_back_from_the_process_as_it_is(office: Office) -> None:
    with pytest.raises(Refusal) as refused:
        await office.signing()(b"%PDF-1.7 nothing", office.key, Request(office.now))
    assert refused.value.code == "pdf.malformed"
    with pytest.raises(Refusal) as odd:
        await office.signing()(pdf(), office.key, Request(office.now, Seal(b"x")))
    assert odd.value.code == "sign.place" or odd.value.code == "sign.image"
