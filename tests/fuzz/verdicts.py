"""Signed files of every kind, made anew for each run, and what no change of their bytes may lead to.

What `make fuzz` (fuzz.py) and tests/security/test_any_bytes.py share. Everything is signed under the one small root
of `trust_pki.world`, without sources of revocation data, so that both policies can come to *valid*.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "unit"))

from gateway.model.verdict import Judgement, SignedPart, Verdict
from gateway.signing import verify
from gateway.signing.policy import COMPAT, PRODUCTION
from gateway.signing.question import Question
from gateway.signing.trust.model import TrustStore
from sandbox.pki.identity import Identity
from tests.unit import (
    asic_maker,
    cms_maker,
    jws_tools,
    pades_sign_tools,
    wss_messages,
    xades_tools,
    xmldsig_tools,
)
from tests.unit.trust_pki import AT, Holder, answer, world

LETTER = '<hồSơ xmlns="urn:x"><!-- c --><số>15/UBND</số><nơiNhận Id="to">Sở Công Thương</nơiNhận></hồSơ>'.encode()
CONTENT = "Văn bản điện tử".encode()


@dataclass(frozen=True)
class Kind:
    """Files of one kind, all of them valid, and what is laid beside them when they are judged."""

    name: str
    seeds: tuple[bytes, ...]
    detached: Mapping[str, bytes] = field(default_factory=dict)

    def judged(self, content: bytes) -> tuple[Verdict, ...]:
        """The verdict by each policy, at a fixed time. An exception is a finding."""
        root, issuing, _ = world()
        trust = TrustStore(anchors=(root.cert,), intermediates=(issuing.cert,))
        return tuple(
            verify.judge(content, Question(self.name, trust, AT, policy, self.detached))
            for policy in (PRODUCTION, COMPAT)
        )

    @functools.cached_property
    def genuine(self) -> frozenset[tuple[SignedPart, ...]]:
        """What the seeds' signatures stand for: the only things that may ever be called signed."""
        return frozenset(verdict.signed for seed in self.seeds for verdict in self.judged(seed))

    def findings(self, content: bytes) -> list[str]:
        """What is wrong with the verdicts on *content*: anything but a Verdict, or signed bytes nobody signed."""
        wrong = []
        for verdict in self.judged(content):
            if not isinstance(verdict, Verdict):
                wrong.append(f"not a verdict: {verdict!r}")
            elif verdict.judgement is Judgement.VALID and verdict.signed not in self.genuine:
                wrong.append(f"valid, but nobody signed {verdict.signed}")
            elif verdict.judgement is not Judgement.VALID and verdict.signed:
                wrong.append(f"{verdict.reason}, and yet {verdict.signed} is handed on")
        return wrong

    def keep(self, folder: Path) -> None:
        """Write down what `lienthong verify` needs beside a file that was found: keys differ from run to run."""
        for place, names in (
            ("trust", {"root.cer": world()[0].der, "issuing.cer": world()[1].der}),
            ("detached", self.detached),
            ("seeds", {str(number): seed for number, seed in enumerate(self.seeds)}),
        ):
            (folder / place).mkdir(parents=True, exist_ok=True)
            for name, content in names.items():
                (folder / place / name).write_bytes(content)


def _xmldsig() -> Kind:
    of_part = xmldsig_tools.made(LETTER, [xmldsig_tools.NewReference("#to", xmldsig_tools.EXCLUSIVE)])
    return Kind("xmldsig", (xmldsig_tools.enveloped(LETTER), of_part))


def _xades() -> Kind:
    stamped = xades_tools.stamped(lambda octets: cms_maker.token(octets, _authority()), xades_tools.Shape(_identity()))
    return Kind("xades", (xades_tools.made(identity=_identity()), stamped))


def _wsse() -> Kind:
    _, issuing, own = world()
    seeds = [wss_messages.signed(version=one, holder=own, chain=(issuing.cert,)) for one in ("1.1", "1.2")]
    return Kind("wsse", tuple(seeds))


def _jws() -> Kind:
    _, issuing, own = world()
    header = {"x5c": jws_tools.x5c(own, issuing)}
    part = jws_tools.json_part("ES256", own.key, {"alg": "ES256", **header})
    return Kind("jws", (jws_tools.compact("ES256", own.key, header=header), jws_tools.general(part)))


def _asic() -> Kind:
    own, files = world()[2], {"van-ban.txt": CONTENT, "phu-luc.txt": b"1"}
    by_xades = {"mimetype": asic_maker.EXTENDED, **files, "META-INF/signatures.xml": asic_maker.xades(files, own)}
    forms = (asic_maker.simple(CONTENT, own), asic_maker.extended(files, own), by_xades)
    return Kind("asic", tuple(asic_maker.container(members) for members in forms))


def _pdf() -> Kind:
    own = pades_sign_tools.LocalKey(_identity())
    once = pades_sign_tools.signed(pades_sign_tools.pdf(), by=own, at=AT)
    return Kind("pdf", (once, pades_sign_tools.signed(once, by=own, at=AT)))


def _tsr() -> Kind:
    token = cms_maker.token(CONTENT, _authority())
    return Kind("tsr", (cms_maker.response(token), token), {"van-ban.txt": CONTENT})


def _x509() -> Kind:
    _, issuing, own = world()
    return Kind("x509", (own.der, xmldsig_tools.rsa_signer().der, issuing.der))


def _ocsp() -> Kind:
    _, issuing, own = world()
    return Kind("ocsp", (answer(own, issuing, issuing),), {"own.cer": own.der, "issuing.cer": issuing.der})


@functools.cache
def _authority() -> Holder:
    return cms_maker.authority(world()[1])


def _identity() -> Identity:
    _, issuing, own = world()
    return Identity(own.cert, own.key, (issuing.cert,))


MAKERS: Mapping[str, Callable[[], Kind]] = {
    "xmldsig": _xmldsig,
    "xades": _xades,
    "wsse": _wsse,
    "jws": _jws,
    "asic": _asic,
    "pdf": _pdf,
    "tsr": _tsr,
    "x509": _x509,
    "ocsp": _ocsp,
}


@functools.cache
def kind(name: str) -> Kind:
    """The kind of this name; its seeds are checked to be valid by both policies."""
    made = MAKERS[name]()
    for seed in made.seeds:
        for verdict in made.judged(seed):
            if verdict.judgement is not Judgement.VALID or not verdict.signed:
                raise AssertionError(f"a seed of {name} is {verdict}")
    return made
