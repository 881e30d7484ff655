"""XAdES signatures for tests, written apart from the product's own writer, so that every part can be bent."""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from asn1crypto import tsp
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from lxml import etree

from gateway.model.verdict import NotValid, Verdict
from gateway.signing.policy import PRODUCTION, Policy
from gateway.signing.question import Question
from gateway.signing.trust import TrustStore, sorted_out
from gateway.signing.xades import judge
from gateway.signing.xmldsig import NewReference, Transform, prepare
from gateway.signing.xmldsig.uris import C14N, DS, ENVELOPED, EXC_C14N
from sandbox.pki.authority import Validity
from sandbox.pki.hierarchy import Hierarchy, Tree
from sandbox.pki.identity import Identity
from sandbox.pki.stamping import Stamping
from tests.unit.trust_pki import AT

XADES = "http://uri.etsi.org/01903/v1.3.2#"
XADES_141 = "http://uri.etsi.org/01903/v1.4.1#"
SIGNED_PROPERTIES = "http://uri.etsi.org/01903#SignedProperties"
COUNTERSIGNED = "http://uri.etsi.org/01903#CountersignedSignature"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
SHA1 = "http://www.w3.org/2000/09/xmldsig#sha1"
OFFERED = replace(PRODUCTION, revocation="offered")
DAY = timedelta(days=1)
DOCUMENT = '<hồSơ xmlns="urn:x"><số>15/UBND</số><nơiNhận Id="to">Sở Công Thương</nơiNhận></hồSơ>'


class World:
    """Both trees of the sandbox's PKI with a clock that can be set."""

    def __init__(self) -> None:
        self.moment = AT - 30 * DAY
        self.hierarchy = Hierarchy("http://pki.example", lambda: self.moment)
        self.signer = self.hierarchy.organisation("UBND tỉnh")
        self.other = self.hierarchy.organisation("Sở khác")
        self.rsa_signer = self.hierarchy.organisation("Sở RSA", kind="rsa")
        self.stranger = World._stranger()

    @staticmethod
    def _stranger() -> Identity:
        return Hierarchy("http://elsewhere.example", lambda: AT).organisation("Kẻ lạ")

    def trust(self, *trees: Tree) -> TrustStore:
        found = trees or ("public", "government")
        return sorted_out(
            [one.certificate for tree in found for one in (self.hierarchy.root(tree), self.hierarchy.issuing(tree))]
        )

    def stamp(self, content: bytes, at: datetime = AT - DAY, tree: Tree = "public", rule: Any = None) -> bytes:
        """A TimeStampToken over *content*, issued at *at*."""
        asked = tsp.TimeStampReq(
            {
                "version": "v1",
                "message_imprint": {
                    "hash_algorithm": {"algorithm": "sha256"},
                    "hashed_message": hashlib.sha256(content).digest(),
                },
                "cert_req": True,
            }
        )
        before, self.moment = self.moment, at
        try:
            answer = tsp.TimeStampResp.load(Stamping(self.hierarchy, tree).answer(asked.dump(), rule))
        finally:
            self.moment = before
        return bytes(answer["time_stamp_token"].dump())

    def expired_signer(self) -> Identity:
        """Valid from 20 to 10 days before AT."""
        return self.hierarchy.organisation("Hết hạn", validity=Validity(AT - 20 * DAY, AT - 10 * DAY))


@functools.cache
def world() -> World:
    return World()


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def v1(identity: Identity, *, digest: str = "sha256", serial: int | None = None, issuer: str | None = None) -> str:
    cert = identity.certificate
    value = b64(hashlib.new(digest, identity.der()).digest())
    uri = SHA1 if digest == "sha1" else SHA256
    return (
        f"<x:SigningCertificate><x:Cert><x:CertDigest><ds:DigestMethod Algorithm='{uri}'/>"
        f"<ds:DigestValue>{value}</ds:DigestValue></x:CertDigest><x:IssuerSerial>"
        f"<ds:X509IssuerName>{issuer if issuer is not None else cert.issuer.rfc4514_string()}</ds:X509IssuerName>"
        f"<ds:X509SerialNumber>{serial or cert.serial_number}</ds:X509SerialNumber>"
        f"</x:IssuerSerial></x:Cert></x:SigningCertificate>"
    )


def v2(identity: Identity, issuer_serial: bytes | None = None) -> str:
    value = b64(hashlib.sha256(identity.der()).digest())
    more = f"<x:IssuerSerialV2>{b64(issuer_serial)}</x:IssuerSerialV2>" if issuer_serial else ""
    return (
        f"<x:SigningCertificateV2><x:Cert><x:CertDigest><ds:DigestMethod Algorithm='{SHA256}'/>"
        f"<ds:DigestValue>{value}</ds:DigestValue></x:CertDigest>{more}</x:Cert></x:SigningCertificateV2>"
    )


@dataclass
class Shape:
    """How the signature is to look; the default is a good level B."""

    identity: Identity = field(default_factory=lambda: world().signer)
    certificate: str | None = None
    time: str | None = "2026-11-20T08:00:00+07:00"
    more: str = ""
    content_properties: str = ""
    unsigned: str = ""
    target: str | None = "#S"
    form: str = XADES
    type: str = SIGNED_PROPERTIES
    properties_id: str = "P"
    properties_uri: str | None = None
    wrap: str = "{}"
    """Around QualifyingProperties, inside ds:Object."""
    second_object: str = ""
    references: Sequence[NewReference] = (NewReference("", (Transform(ENVELOPED), Transform(EXC_C14N)), id="R1"),)
    more_references: Sequence[NewReference] = ()
    cover_properties: bool = True
    transforms: Sequence[str] = (EXC_C14N,)
    chain: bool = True
    key_info: str | None = None
    signature_id: str = "S"

    def qualifying(self) -> str:
        certificate = v2(self.identity) if self.certificate is None else self.certificate
        moment = f"<x:SigningTime>{self.time}</x:SigningTime>" if self.time else ""
        content = (
            f"<x:SignedDataObjectProperties>{self.content_properties}</x:SignedDataObjectProperties>"
            if self.content_properties
            else ""
        )
        target = f" Target='{self.target}'" if self.target is not None else ""
        return (
            f"<x:QualifyingProperties xmlns:x='{self.form}' xmlns:ds='{DS}'{target}>"
            f"<x:SignedProperties Id='{self.properties_id}'><x:SignedSignatureProperties>"
            f"{moment}{certificate}{self.more}</x:SignedSignatureProperties>{content}"
            f"</x:SignedProperties>{self.unsigned}</x:QualifyingProperties>"
        )


def unsigned(inner: str) -> str:
    return (
        f"<x:UnsignedProperties><x:UnsignedSignatureProperties>{inner}"
        "</x:UnsignedSignatureProperties></x:UnsignedProperties>"
    )


def sign_bytes(identity: Identity, content: bytes) -> bytes:
    key = identity.key
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(content, padding.PKCS1v15(), hashes.SHA256())
    return key.sign(content, ec.ECDSA(hashes.SHA256()))


def scheme(identity: Identity) -> Any:
    return "rsa-pkcs1v15" if isinstance(identity.key, rsa.RSAPrivateKey) else "ecdsa"


def signed(shape: Shape | None = None, document: str | None = DOCUMENT) -> Any:
    """The ds:Signature in its tree; *document* None makes it the root."""
    shape = shape or Shape()
    root = etree.fromstring(document) if document is not None else None
    own = NewReference(
        shape.properties_uri or f"#{shape.properties_id}", tuple(map(Transform, shape.transforms)), type=shape.type
    )
    objects = [
        etree.fromstring(f"<ds:Object xmlns:ds='{DS}'>{one}</ds:Object>")
        for one in (shape.wrap.format(shape.qualifying()), shape.second_object)
        if one
    ]
    prepared = prepare(
        [*shape.references, *([own] if shape.cover_properties else []), *shape.more_references],
        scheme=scheme(shape.identity),
        certificate=shape.identity.certificate,
        chain=shape.identity.chain if shape.chain else (),
        key_info=etree.fromstring(shape.key_info) if shape.key_info else None,
        place=root,
        objects=objects,
        signature_id=shape.signature_id,
        value_id=f"{shape.signature_id}V",
    )
    return prepared.insert(sign_bytes(shape.identity, prepared.to_sign))


def written(signature: Any) -> bytes:
    return bytes(etree.tostring(signature.getroottree(), encoding="UTF-8", xml_declaration=True))


def made(document: str | None = DOCUMENT, **wishes: Any) -> bytes:
    return written(signed(Shape(**wishes), document))


def stamp_element(token: bytes, method: str | None = EXC_C14N, *, extra: str = "", form: str = XADES) -> str:
    chosen = f"<ds:CanonicalizationMethod xmlns:ds='{DS}' Algorithm='{method}'/>" if method else ""
    return (
        f"<x:SignatureTimeStamp xmlns:x='{form}'>{extra}{chosen}"
        f"<x:EncapsulatedTimeStamp>{b64(token)}</x:EncapsulatedTimeStamp></x:SignatureTimeStamp>"
    )


def value_octets(signature: Any, method: str = EXC_C14N) -> bytes:
    """ds:SignatureValue as libxml2 canonicalizes it, from a document of its own where that makes no difference."""
    value = signature.find(f"{{{DS}}}SignatureValue")
    return bytes(
        etree.tostring(value, method="c14n", exclusive=method == EXC_C14N, with_comments=False, with_tail=False)
    )


def add_unsigned(signature: Any, *inner: str, form: str = XADES) -> None:
    """Append elements (XML text) to UnsignedSignatureProperties, made if missing."""
    holder = signature.find(f".//{{{form}}}QualifyingProperties")
    for name in ("UnsignedProperties", "UnsignedSignatureProperties"):
        found = holder.find(f"{{{form}}}{name}")
        holder = etree.SubElement(holder, f"{{{form}}}{name}") if found is None else found
    for one in inner:
        holder.append(etree.fromstring(one))


def stamped(
    token_of: Callable[[bytes], bytes] | None = None, shape: Shape | None = None, method: str | None = EXC_C14N
) -> bytes:
    """A signature with a time stamp over its value, by *token_of* (the public TSA a day ago)."""
    signature = signed(shape)
    octets = value_octets(signature, method or C14N)
    add_unsigned(signature, stamp_element((token_of or world().stamp)(octets), method))
    return written(signature)


def question(policy: Policy = OFFERED, trust: TrustStore | None = None, at: datetime = AT, **more: Any) -> Question:
    return Question("xades", trust or world().trust(), at, policy, **more)


def verdict(content: bytes, **asked: Any) -> Verdict:
    return judge(content, question(**asked))


def refused(content: bytes, **asked: Any) -> NotValid:
    with pytest.raises(NotValid) as caught:
        verdict(content, **asked)
    return caught.value
