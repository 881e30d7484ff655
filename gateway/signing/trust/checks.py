"""Whether a fetched body is worth keeping: it is what was asked for, signed by who may, and fresh now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from asn1crypto import keys

from gateway.model.verdict import NotValid
from gateway.signing.policy import Policy
from gateway.signing.trust import algorithms, ask
from gateway.signing.trust.armour import blocks, decoding
from gateway.signing.trust.build import Links
from gateway.signing.trust.crl import RevocationList, faults, read_crl, signature_parts
from gateway.signing.trust.limits import Budget
from gateway.signing.trust.model import TrustStore
from gateway.signing.trust.node import Node, node_of
from gateway.signing.trust.ocsp import OcspAnswer, verify_ocsp
from gateway.signing.trust.sources import Check, Checked

Now = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class OcspCheck:
    """An OCSP response about *node* that says good or revoked. A responder that does not know it gave no answer."""

    node: Node
    issuer: Node
    nonce: bytes | None
    trust: TrustStore
    policy: Policy
    now: Now

    def read(self, body: bytes) -> Checked:
        """Raises NotValid."""
        answer = self._answer(body, ask.nonce_value(self.nonce))
        if answer.status == "unknown":
            raise NotValid("revocation.unknown", "the responder does not know the certificate")
        return Checked(body, answer.next_update)

    def responder(self, body: bytes) -> Node | None:
        """Whose answer *body* is; None where it no longer holds."""
        try:
            return node_of(self._answer(body, None).responder)
        except NotValid:
            return None

    def _answer(self, body: bytes, nonce: bytes | None) -> OcspAnswer:
        with decoding("the OCSP response"):
            return verify_ocsp(
                body,
                self.node.certificate,
                self.issuer.certificate,
                trust=self.trust,
                at=self.now(),
                policy=self.policy,
                nonce=nonce,
            )


def list_check(signers: Sequence[Node], *, policy: Policy, now: Now) -> Check:
    """A complete CRL in DER or PEM, signed by one of *signers* under its name, not past its nextUpdate."""

    def check(body: bytes) -> Checked:
        crl = read_crl(_der(body))
        if crl.is_delta:
            raise NotValid("revocation.unknown", "a delta instead of a complete CRL")
        if crl.next_update is None or crl.next_update < now():
            raise NotValid("revocation.stale", "the CRL is stale")
        problem = faults(crl, conformance=False)
        if problem:
            raise NotValid("revocation.unknown", problem)
        if not any(_is_signed(crl, one, policy) for one in signers if one.subject == crl.issuer):
            raise NotValid("signature.wrong", "the CRL was not signed by its issuer")
        return Checked(crl.der, crl.next_update)

    return check


def issuer_check(child: Node, policy: Policy) -> Check:
    """Certificates, one of which made the signature of *child*."""

    def check(body: bytes) -> Checked:
        links = Links(policy, Budget(64))
        fault = NotValid("chain.unknown", "not the issuer's certificate")
        for one in ask.published_certificates(body):
            try:
                node = node_of(one)
                if node.subject == child.issuer:
                    links.check(child, node)
                    return Checked(body, None)
            except NotValid as found:
                fault = found
        raise fault

    return check


def _der(body: bytes) -> bytes:
    """Some authorities publish in PEM although §4.2.1.13 says DER."""
    if body[:1] == b"\x30":
        return body
    found = blocks(body)
    if len(found) != 1 or found[0].label != "X509 CRL":
        raise NotValid("malformed", "not one CRL")
    return found[0].der


def _is_signed(crl: RevocationList, signer: Node, policy: Policy) -> bool:
    algorithm, signature, signed = signature_parts(crl)
    with decoding("the key of a CRL issuer", "algorithm.unsupported"):
        spki = keys.PublicKeyInfo.load(signer.spki)
    return algorithms.verify(spki, algorithm, signature, signed, policy)
