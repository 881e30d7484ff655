"""Signatures made on the spot for the tests of XML Signature."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding

from gateway.formats import safexml
from gateway.model.verdict import NotValid, Verdict
from gateway.signing.policy import COMPAT, PRODUCTION, Policy
from gateway.signing.question import Question
from gateway.signing.trust.model import TrustStore
from gateway.signing.xmldsig import NewReference, Transform, judge, prepare, uris
from gateway.signing.xmldsig.sign import ENVELOPED
from tests.unit.trust_pki import AT, Holder, make, world

__all__ = ["COMPAT", "ENVELOPED", "EXCLUSIVE", "PRODUCTION", "ask", "enveloped", "made", "question", "raw", "reason"]

EXCLUSIVE = (Transform(uris.EXC_C14N),)
_HASHES = {"sha256": hashes.SHA256, "sha384": hashes.SHA384, "sha512": hashes.SHA512}


@functools.cache
def rsa_signer() -> Holder:
    """An organisation with an RSA key, under the root of `world`."""
    _, issuing, _ = world()
    return issuing.issue("CN=So Cong Thuong,O=Test,C=VN", key_label="rsa xmldsig")


def raw(signer: Holder, scheme: str, digest: str, content: bytes) -> bytes:
    """What a SigningKey gives."""
    chosen = _HASHES[digest]()
    if scheme == "rsa-pkcs1v15":
        return signer.key.sign(content, padding.PKCS1v15(), chosen)
    if scheme == "rsa-pss":
        return signer.key.sign(content, padding.PSS(padding.MGF1(chosen), chosen.digest_size), chosen)
    return signer.key.sign(content, ec.ECDSA(chosen))


def made(
    document: bytes | None,
    references: Sequence[NewReference],
    *,
    signer: Holder | None = None,
    scheme: Any = "ecdsa",
    digest: Any = "sha256",
    at: str | None = None,
    **more: Any,
) -> bytes:
    """*document* (None: none) signed; the signature goes into its root, or into the first element named *at*."""
    _, issuing, organisation = world()
    signer = signer or organisation
    place = None
    if document is not None:
        root = safexml.parse(document).root
        place = root if at is None else next(root.iter(at))
    prepared = prepare(
        references,
        scheme=scheme,
        digest=digest,
        certificate=signer.cert,
        chain=(issuing.cert,),
        place=place,
        **more,
    )
    return prepared.complete(raw(signer, scheme, digest, prepared.to_sign))


def enveloped(document: bytes, **more: Any) -> bytes:
    """*document* with a signature over the whole of it."""
    return made(document, [NewReference("", ENVELOPED)], **more)


def store(*holders: Holder, **more: Any) -> TrustStore:
    return TrustStore(anchors=tuple(one.cert for one in holders or world()[:1]), **more)


def question(
    *, trust: TrustStore | None = None, policy: Policy = COMPAT, detached: Mapping[str, bytes] | None = None
) -> Question:
    return Question("xmldsig", trust or store(), AT, policy, detached or {})


def ask(content: bytes, **more: Any) -> Verdict:
    """The verdict, as the one door gives it."""
    try:
        return judge(content, question(**more))
    except NotValid as fault:
        return fault.verdict()


def reason(content: bytes, **more: Any) -> str:
    return ask(content, **more).reason


@functools.cache
def stranger() -> Holder:
    """An organisation under an authority nobody trusts."""
    return make("CN=UBND,O=Test,C=VN", issuer=make("CN=Other root,O=Test,C=VN", ca=True), key_label="stranger")
