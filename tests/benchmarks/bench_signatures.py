"""What signatures cost on one core: verified and made per second, and as a multiple of the bare RSA-2048 operation.

Everything is signed with RSA-2048 under the sandbox's authorities and judged by policy production, with the
authorities' lists at hand, through the one door that the live path uses too (gateway.signing.verify), without its
process. What is made is made with a key from a PKCS#12 file, which checks each signature before it hands it out.
Each round measures everything once, so that what slows this machine for a while slows all of it; the ratios are
formed within a round. Processor time, median of the rounds; nothing is asserted.

    python tests/benchmarks/bench_signatures.py [--rounds N] [--seconds S]
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median

from asn1crypto import tsp
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.formats import safexml
from gateway.model.verdict import Judgement
from gateway.ports.signing import SigningKey
from gateway.signing import verify, wssecurity, xmldsig
from gateway.signing.jws.sign import prepare as prepare_jws
from gateway.signing.keys import FileKey, Keys
from gateway.signing.pades.sign_prepare import prepare as prepare_pdf
from gateway.signing.pades.sign_request import Request, Signer
from gateway.signing.policy import PRODUCTION
from gateway.signing.question import Question
from gateway.signing.trust import sorted_out
from gateway.signing.trust.model import Evidence
from gateway.signing.xades.augment import add_stamp, bytes_to_stamp, document_bytes
from gateway.signing.xades.sign import SignedContent
from gateway.signing.xades.sign import prepare as prepare_xades
from gateway.signing.xmldsig import NewReference, Transform
from gateway.signing.xmldsig.sign import ENVELOPED
from gateway.signing.xmldsig.uris import EXC_C14N
from sandbox.pki.hierarchy import TREES, Hierarchy
from sandbox.pki.identity import Identity
from sandbox.pki.paper import Letter, typeset
from sandbox.pki.revocation import revocation_list
from sandbox.pki.stamping import Stamping
from sandbox.pki.typeface import default_typeface

KB, MB = 1000, 1_000_000
AT_LEAST = 0.1
"""Processor seconds that an operation is repeated for in a round."""
LONGEST = 70.0
"""Seconds by the clock after which no round begins."""
RAW_VERIFY, RAW_SIGN = "RSA-2048: kiểm / verify", "RSA-2048: ký / sign"


@dataclass(frozen=True)
class Work:
    """One operation; *bare* is the RSA operation it is compared with."""

    name: str
    run: Callable[[], object]
    bare: str


class Office:
    """An organisation with an RSA key in a file, its authorities, and what is signed."""

    def __init__(self, folder: Path) -> None:
        self.now = datetime.now(UTC).replace(microsecond=0)
        self.hierarchy = Hierarchy("http://127.0.0.1:1", lambda: self.now)
        self.own: Identity = self.hierarchy.organisation("Sở Công Thương", kind="rsa")
        self._loop = asyncio.new_event_loop()
        file = folder / "key.p12"
        file.write_bytes(self.own.pkcs12("bench"))
        file.chmod(0o600)
        self._keys = Keys([FileKey("bench", file, "bench")], warn=lambda *_: None, now=lambda: datetime.now(UTC))
        self.key: SigningKey = self._loop.run_until_complete(self._keys.key("bench"))
        authorities = [one for tree in TREES for one in (self.hierarchy.root(tree), self.hierarchy.issuing(tree))]
        self._trust = sorted_out([one.certificate for one in authorities])
        self._evidence = Evidence(crls=tuple(revocation_list(self.hierarchy, one) for one in authorities))

    def close(self) -> None:
        """End what the keys hold."""
        self._loop.run_until_complete(self._keys.close())
        self._loop.close()

    def signature(self, to_sign: bytes) -> bytes:
        """What the key makes of *to_sign*, as on the live path."""
        return self._loop.run_until_complete(self.key.sign(to_sign, "sha256"))

    def judging(self, name: str, kind: str, content: bytes) -> Work:
        """The verdict on *content*, which is valid."""
        asked = Question(kind, self._trust, self.now + timedelta(minutes=1), PRODUCTION, evidence=self._evidence)
        verdict = verify.judge(content, asked)
        if verdict.judgement is not Judgement.VALID:
            raise SystemExit(f"{name}: {verdict}")
        size = f"{len(content) / KB:.0f} KB"
        return Work(f"kiểm / verify {name} ({size})", lambda: verify.judge(content, asked), RAW_VERIFY)

    def xmldsig(self, document: bytes) -> bytes:
        """*document* with an enveloped signature."""
        prepared = xmldsig.prepare(
            [NewReference("", ENVELOPED)],
            scheme=self.key.scheme,
            certificate=self.own.certificate,
            chain=self.own.chain,
            place=safexml.parse(document).root,
        )
        return prepared.complete(self.signature(prepared.to_sign))

    def xades_t(self, document: bytes) -> bytes:
        """*document* with a XAdES-B-T signature, stamped by the sandbox's authority."""
        content = SignedContent(NewReference("", (*ENVELOPED, Transform(EXC_C14N))), "text/xml")
        prepared = prepare_xades(
            [content],
            scheme=self.key.scheme,
            certificate=self.own.certificate,
            chain=self.own.chain,
            signed_at=self.now,
            signature_id="S",
            place=safexml.parse(document).root,
        )
        signature = prepared.insert(self.signature(prepared.to_sign))
        add_stamp(signature, self._stamp(bytes_to_stamp(signature)))
        return document_bytes(signature)

    def _stamp(self, content: bytes) -> bytes:
        imprint = {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": hashlib.sha256(content).digest()}
        asked = tsp.TimeStampReq({"version": "v1", "message_imprint": imprint, "cert_req": True})
        answer = tsp.TimeStampResp.load(Stamping(self.hierarchy, "government").answer(asked.dump()))
        token: bytes = answer["time_stamp_token"].dump()
        return token

    def wsse(self, size: int) -> bytes:
        """A SOAP 1.1 message of about *size* bytes before it is signed."""
        soap = "http://schemas.xmlsoap.org/soap/envelope/"
        message = f'<s:Envelope xmlns:s="{soap}"><s:Body>{filled("o", size).decode()}</s:Body></s:Envelope>'.encode()
        prepared = wssecurity.prepare(
            message,
            certificate=self.own.certificate,
            chain=self.own.chain,
            scheme=self.key.scheme,
            created=self.now,
            seed=secrets.token_bytes(16),
        )
        return prepared.complete(self.signature(prepared.to_sign))

    def jws(self, size: int) -> bytes:
        """A compact JWS over JSON of *size* bytes."""
        payload = json.dumps({"số": "15/UBND", "nội dung": "x" * size}).encode()
        chain = [self.own.der(), *(one.public_bytes(Encoding.DER) for one in self.own.chain)]
        prepared = prepare_jws(payload, chain=chain, scheme=self.key.scheme)
        return prepared.complete(self.signature(prepared.to_sign))

    def paper(self, size: int) -> bytes:
        """A letter of about *size* bytes, not signed."""
        letter = Letter("Sở Công Thương", "7", "SCT", "đường sắt", date(2026, 11, 2), ["Bộ Nội vụ"], ["Kính gửi./."])
        bare = typeset(letter, default_typeface()).content
        return typeset(letter, default_typeface(), secrets.token_bytes(max(1, size - len(bare)))).content

    def pdf(self, paper: bytes) -> bytes:
        """*paper* with a B-B signature that is not seen."""
        prepared = prepare_pdf(paper, Signer.of(self.key), Request(self.now, level="B-B"))
        return prepared.complete(self.signature(prepared.to_sign))


def filled(name: str, size: int) -> bytes:
    """An XML document of about *size* bytes with text and elements in the proportion of a form."""
    line = "<dòng số='1'><tên>Nguyễn Văn An</tên><ghiChú>Kính gửi Ủy ban nhân dân tỉnh</ghiChú></dòng>"
    return f"<{name}>{line * (size // len(line.encode()))}</{name}>".encode()


def works(office: Office) -> list[Work]:
    """Everything that is measured, the two bare operations first."""
    own = office.own.key
    if not isinstance(own, rsa.RSAPrivateKey):
        raise SystemExit("no RSA key")
    text, public, scheme = secrets.token_bytes(500), own.public_key(), padding.PKCS1v15()
    value = own.sign(text, scheme, hashes.SHA256())
    small, large = filled("hồSơ", 5 * KB), filled("hồSơ", MB)
    paper, thick = office.paper(95 * KB), office.paper(2 * MB)
    once, thick_once = office.pdf(paper), office.pdf(thick)
    return [
        Work(RAW_VERIFY, lambda: public.verify(value, text, scheme, hashes.SHA256()), RAW_VERIFY),
        Work(RAW_SIGN, lambda: own.sign(text, scheme, hashes.SHA256()), RAW_SIGN),
        office.judging("XML-DSig", "xmldsig", office.xmldsig(filled("h", KB))),
        office.judging("XML-DSig", "xmldsig", office.xmldsig(large)),
        office.judging("XAdES-T", "xades", office.xades_t(filled("h", KB))),
        office.judging("WS-Security", "wsse", office.wsse(KB)),
        office.judging("JWS", "jws", office.jws(KB)),
        office.judging("PDF, 1 chữ ký / signature", "pdf", once),
        office.judging("PDF, 2 chữ ký / signatures", "pdf", office.pdf(once)),
        office.judging("PDF, 1 chữ ký / signature", "pdf", thick_once),
        Work(f"ký / sign XML-DSig ({len(small) / KB:.0f} KB)", lambda: office.xmldsig(small), RAW_SIGN),
        Work(f"ký / sign XML-DSig ({len(large) / KB:.0f} KB)", lambda: office.xmldsig(large), RAW_SIGN),
        Work(f"ký / sign PDF B-B ({len(paper) / KB:.0f} KB)", lambda: office.pdf(paper), RAW_SIGN),
        Work(f"ký / sign PDF B-B ({len(thick) / KB:.0f} KB)", lambda: office.pdf(thick), RAW_SIGN),
    ]


def cost(work: Work) -> float:
    """Processor seconds of one operation, repeated for AT_LEAST."""
    count, spent = 0, 0.0
    while spent < AT_LEAST:
        started = time.process_time()
        work.run()
        spent += time.process_time() - started
        count += 1
    return spent / count


def table(every: list[Work], rounds: list[Mapping[str, float]]) -> None:
    """Print the medians."""
    width = max(len(one.name) for one in every)
    print(f"{'':{width}}  {'/s':>9}  {'ms':>9}  {'× RSA':>9}")
    for one in every:
        seconds = median(found[one.name] for found in rounds)
        times = median(found[one.name] / found[one.bare] for found in rounds)
        print(f"{one.name:{width}}  {1 / seconds:>9.1f}  {seconds * 1000:>9.3f}  {times:>9.1f}")
    print(
        f"Trung vị của {len(rounds)} lượt, thời gian CPU, một nhân; × RSA: gấp mấy lần phép RSA-2048 cùng loại\n"
        f"Median of {len(rounds)} rounds, processor time, one core; × RSA: times the bare RSA-2048 operation"
    )


def main() -> int:
    """Always 0: figures of a machine, no verdict on it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=LONGEST)
    given = parser.parse_args()
    started, rounds = time.monotonic(), list[Mapping[str, float]]()
    with tempfile.TemporaryDirectory() as folder:
        office = Office(Path(folder))
        try:
            every = works(office)
            while (len(rounds) < given.rounds and time.monotonic() - started < given.seconds) or not rounds:
                rounds.append({one.name: cost(one) for one in every})
        finally:
            office.close()
    table(every, rounds)
    return 0


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main())
