"""Whether a signer of a SignedData signed the content (RFC 5652 §5.4 to §5.6, §11; RFC 5035; RFC 6211)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from gateway.model.verdict import NotValid
from gateway.signing.cms import algorithms, attributes, revocation
from gateway.signing.cms.model import ID_DATA, Rules, SignedCms, SignedContent, Signer
from gateway.signing.policy import Policy
from gateway.signing.trust import describe
from gateway.signing.trust.armour import DECODING_FAULTS
from gateway.signing.trust.model import joined
from gateway.signing.trust.node import name_key

MAX_CANDIDATES: Final = 8
"""Certificates with the identifier of one signer; more are not tried."""
_ANY: Final = Rules()

Content = bytes | Callable[[str], bytes]


def verify(
    signed: SignedCms,
    *,
    policy: Policy,
    content: Content | None = None,
    pool: Sequence[x509.Certificate] = (),
    rules: Rules = _ANY,
) -> SignedContent:
    """What one signer of *signed* signed. No chain is decided here.

    *content*: the detached content, or a function from a digest's name ("sha256") to the digest of it; None if the
    message holds its content, and only then. *pool*: certificates beside those inside among which the signer's may be.

    Raises NotValid signature.wrong, signature.digest, signature.properties (attributes missing, double, or of another
    certificate), signature.reference (content absent, or of another type), algorithm.forbidden, algorithm.unsupported,
    chain.unknown (no certificate of the signer at hand), signature.absent (no signer), malformed, limit.exceeded.
    """
    signer = _chosen(signed, rules)
    if rules.content_type is not None and signed.content_type != rules.content_type:
        raise NotValid("signature.reference", f"the content is of type {signed.content_type}")
    algorithms.check_digest(signer.digest, policy)
    inner, digest = _content(signed, content, signer)
    messages = _messages(signed, signer, inner, digest, rules)
    attributes.check_protection(signer)
    certificate, bound = _certificate(signed, signer, messages, pool, policy)
    if rules.bound and not bound:
        raise NotValid("signature.properties", "the signed attributes do not name the signer's certificate")
    return _verified(signed, signer, certificate, inner, digest, bound=bound)


def _chosen(signed: SignedCms, rules: Rules) -> Signer:
    if not signed.signers:
        raise NotValid("signature.absent", "a CMS message without a signer")
    if rules.signer is not None:
        return signed.signers[rules.signer]
    if len(signed.signers) != 1:
        raise NotValid("signature.place", "several signers where one is expected")
    return signed.signers[0]


def _content(signed: SignedCms, content: Content | None, signer: Signer) -> tuple[bytes | None, bytes]:
    """The content, as far as it is at hand, and its digest."""
    if signed.content is not None:
        if content is not None:
            raise NotValid("signature.reference", "content inside the message and beside it")
        content = signed.content
    if content is None:
        raise NotValid("signature.reference", "the signed content is not at hand")
    if isinstance(content, bytes):
        return content, algorithms.digested(signer.digest, content)
    return None, content(signer.digest)


def _messages(signed: SignedCms, signer: Signer, inner: bytes | None, digest: bytes, rules: Rules) -> tuple[bytes, ...]:
    """The forms of what the signature is over, after the signed attributes have been held against the content."""
    if signer.signed_forms:
        if attributes.content_type(signer.signed) != signed.content_type:
            raise NotValid("signature.properties", "the signed attributes name another type of content")
        if attributes.message_digest(signer.signed) != digest:
            raise NotValid("signature.digest", "the digest of the content is another than the signed one")
        return signer.signed_forms
    if rules.signed_attributes or rules.bound or signed.content_type != ID_DATA:
        raise NotValid("signature.properties", "there are no signed attributes")
    if inner is None:
        raise NotValid("algorithm.unsupported", "a signature without attributes over content of which only a digest is")
    if attributes.looks_like_attributes(inner):
        raise NotValid("signature.properties", "the content is the signed attributes of a signature")
    return (inner,)


def _certificate(
    signed: SignedCms, signer: Signer, messages: Sequence[bytes], pool: Sequence[x509.Certificate], policy: Policy
) -> tuple[x509.Certificate, bool]:
    """The certificate whose key made the signature, and whether the attributes name it."""
    candidates = _candidates(signer, (*signed.certificates, *pool))
    if not candidates:
        raise NotValid("chain.unknown", "the signer's certificate is not at hand")
    failure: NotValid | None = None
    for certificate in candidates:
        try:
            bound = attributes.names_certificate(signer.signed, _der(certificate))
            if any(algorithms.holds(certificate, signer, message, policy) for message in messages):
                return certificate, bound
            failure = failure or NotValid("signature.wrong", "the signature does not hold", signer=_name(certificate))
        except NotValid as fault:
            fault.signer = fault.signer or _name(certificate)
            failure = failure or fault
    raise failure or NotValid("signature.wrong")


def _candidates(signer: Signer, certificates: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """The certificates the signer may mean by issuer and serial number or by key identifier, doubles left out."""
    issuer = None if signer.issuer is None else _issuer_key(signer.issuer)
    found: dict[bytes, x509.Certificate] = {}
    for certificate in certificates:
        if signer.serial is not None and certificate.serial_number != signer.serial:
            continue
        try:
            parsed = asn1.Certificate.load(_der(certificate))
            if issuer is None:
                fits = signer.key_id is not None and parsed.key_identifier == signer.key_id
            else:
                fits = name_key(parsed.issuer) == issuer
        except DECODING_FAULTS:
            continue
        if fits:
            found.setdefault(_der(certificate), certificate)
    if len(found) > MAX_CANDIDATES:
        raise NotValid("limit.exceeded", "too many certificates with the signer's identifier")
    return list(found.values())


def _issuer_key(issuer: bytes) -> str:
    try:
        return name_key(asn1.Name.load(issuer, strict=True))
    except DECODING_FAULTS as fault:
        raise NotValid("malformed", "the name of the signer's issuer cannot be decoded") from fault


def _verified(
    signed: SignedCms,
    signer: Signer,
    certificate: x509.Certificate,
    inner: bytes | None,
    digest: bytes,
    *,
    bound: bool,
) -> SignedContent:
    more = revocation.certificate_values(signer.unsigned)
    others = {_der(one): one for one in (certificate, *signed.certificates, *more)}
    inside, own = signed.evidence, revocation.of_attributes(signer.signed, signer.unsigned)
    return SignedContent(
        content_type=signed.content_type,
        content=inner,
        certificate=certificate,
        certificates=tuple(others.values()),
        evidence=joined(inside, own),
        signing_time=attributes.signing_time(signer.signed),
        signature=signer.signature,
        stamps=signer.unsigned.get(attributes.SIGNATURE_TIME_STAMP, ()),
        digest=signer.digest,
        digest_value=digest,
        attributes=signer.signed,
        unsigned=signer.unsigned,
        bound=bound,
    )


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


def _name(certificate: x509.Certificate) -> str:
    return describe.subject(certificate)
