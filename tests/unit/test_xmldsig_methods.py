"""Signature methods and forms of KeyInfo that our own signer does not write, signed here by other code."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree

from gateway.signing.trust.model import TrustStore
from gateway.signing.xmldsig import uris
from tests.unit.trust_pki import key, make, world
from tests.unit.xmldsig_tools import PRODUCTION, ask, reason, stranger

Sign = Callable[[bytes], bytes]
_OBJECT = f'<Object xmlns="{uris.DS}" Id="o">nội dung</Object>'
_PSS = uris.MORE_07


def signed(method: str, sign: Sign, *, inside: str = "", key_info: str = "", digest: str = "sha256") -> bytes:
    """A signature over an object of its own, canonical forms by libxml2 alone. *inside* the SignatureMethod."""
    names = {"sha256": f"{uris.ENC}sha256", **{f"sha3_{n}": f"{uris.MORE_07}sha3-{n}" for n in (256, 384, 512)}}
    value = base64.b64encode(hashlib.new(digest, etree.tostring(etree.fromstring(_OBJECT), method="c14n")).digest())
    info = (
        f'<SignedInfo xmlns="{uris.DS}"><CanonicalizationMethod Algorithm="{uris.C14N}"/>'
        f'<SignatureMethod Algorithm="{method}">{inside}</SignatureMethod><Reference URI="#o">'
        f'<DigestMethod Algorithm="{names[digest]}"/><DigestValue>{value.decode()}</DigestValue>'
        "</Reference></SignedInfo>"
    )
    octets = base64.b64encode(sign(etree.tostring(etree.fromstring(info), method="c14n"))).decode()
    about = f"<KeyInfo>{key_info}</KeyInfo>" if key_info else ""
    return (
        f'<Signature xmlns="{uris.DS}">{info}<SignatureValue>{octets}</SignatureValue>{about}{_OBJECT}</Signature>'
    ).encode()


def bare(public: Any) -> TrustStore:
    return TrustStore(public_keys=(("doi-tac", public),))


def ecdsa(secret: Any, digest: Any) -> Sign:
    def sign(octets: bytes) -> bytes:
        r, s = decode_dss_signature(secret.sign(octets, ec.ECDSA(digest)))
        return r.to_bytes(32) + s.to_bytes(32)

    return sign


def pss(secret: Any, digest: Any, mask: Any, salt: int) -> Sign:
    return lambda octets: secret.sign(octets, padding.PSS(padding.MGF1(mask), salt), digest)


@pytest.mark.parametrize(
    ("secret", "name"),
    [(ed25519.Ed25519PrivateKey.generate(), "ed25519"), (ed448.Ed448PrivateKey.generate(), "ed448")],
)
def test_eddsa_holds_under_compat_with_the_curve_it_names(secret: Any, name: str) -> None:
    method = f"{uris.MORE_21}eddsa-{name}"
    content = signed(method, secret.sign)
    trust = bare(secret.public_key())
    assert reason(content, trust=trust) == "ok"
    assert reason(content, trust=trust, policy=PRODUCTION) == "algorithm.forbidden"
    assert reason(content.replace(b"n\xe1\xbb\x99i dung", b"other"), trust=trust) == "signature.digest"
    other = "ed448" if name == "ed25519" else "ed25519"
    assert reason(signed(f"{uris.MORE_21}eddsa-{other}", secret.sign), trust=trust) != "ok"
    assert reason(signed(method, lambda octets: b""), trust=trust) != "ok"


@pytest.mark.parametrize(
    ("bits", "digest"), [(256, hashes.SHA3_256()), (384, hashes.SHA3_384()), (512, hashes.SHA3_512())]
)
def test_sha_3_holds_in_references_and_signatures(bits: int, digest: Any) -> None:
    rsa, curve = key("rsa sha3"), key("ec sha3")
    content = signed(f"{uris.MORE_21}ecdsa-sha3-{bits}", ecdsa(curve, digest), digest=f"sha3_{bits}")
    assert reason(content, trust=bare(curve.public_key())) == "ok"
    content = signed(f"{_PSS}sha3-{bits}-rsa-MGF1", pss(rsa, digest, digest, bits // 8), digest=f"sha3_{bits}")
    assert reason(content, trust=bare(rsa.public_key())) == "ok"
    assert reason(content.replace(b'#sha3-%d"' % bits, b'#sha256"'), trust=bare(rsa.public_key())) != "ok"


def parameters(inside: str) -> str:
    return f'<p:RSAPSSParams xmlns:p="{_PSS}">{inside}</p:RSAPSSParams>'


_512 = f'<DigestMethod Algorithm="{uris.ENC}sha512"/>'
_256 = f'<DigestMethod Algorithm="{uris.ENC}sha256"/>'
SHA256, SHA512 = hashes.SHA256(), hashes.SHA512()


@pytest.mark.parametrize(
    ("inside", "digest", "mask", "salt"),
    [
        ("", SHA256, SHA256, 32),
        (parameters(""), SHA256, SHA256, 32),
        (parameters("<p:SaltLength>0</p:SaltLength>"), SHA256, SHA256, 0),
        (parameters("<p:SaltLength>24</p:SaltLength><p:TrailerField>1</p:TrailerField>"), SHA256, SHA256, 24),
        (parameters(_512), SHA512, SHA512, 64),
        (
            parameters(
                f'{_512}<p:MaskGenerationFunction Algorithm="{_PSS}MGF1">{_256}</p:MaskGenerationFunction>'
                "<p:SaltLength>64</p:SaltLength>"
            ),
            SHA512,
            SHA256,
            64,
        ),
    ],
)
def test_rsassa_pss_is_by_its_parameters_and_no_others(inside: str, digest: Any, mask: Any, salt: int) -> None:
    secret = key("rsa pss")
    trust = bare(secret.public_key())
    method = f"{_PSS}rsa-pss"
    assert reason(signed(method, pss(secret, digest, mask, salt), inside=inside), trust=trust) == "ok"
    for wrong in (pss(secret, digest, mask, salt + 1), pss(secret, digest, hashes.SHA384(), salt)):
        assert reason(signed(method, wrong, inside=inside), trust=trust) != "ok"


@pytest.mark.parametrize(
    "inside",
    [
        parameters("<p:TrailerField>2</p:TrailerField>"),
        parameters('<p:MaskGenerationFunction Algorithm="urn:x"/>'),
        parameters("<p:SaltLength>-1</p:SaltLength>"),
        parameters("<p:SaltLength>999999</p:SaltLength>"),
        parameters("<p:Unknown/>"),
        parameters("") * 2,
    ],
)
def test_odd_parameters_of_rsassa_pss_are_refused(inside: str) -> None:
    secret = key("rsa pss")
    content = signed(f"{_PSS}rsa-pss", pss(secret, SHA256, SHA256, 32), inside=inside)
    assert reason(content, trust=bare(secret.public_key())) in ("algorithm.unsupported", "malformed")


def der_value(public: Any) -> str:
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f'<e:DEREncodedKeyValue xmlns:e="{uris.DS11}">{base64.b64encode(der).decode()}</e:DEREncodedKeyValue>'


def test_a_key_in_der_is_a_bare_key() -> None:
    signer = world()[2]
    content = signed(f"{uris.MORE}ecdsa-sha256", ecdsa(signer.key, SHA256), key_info=der_value(signer.key.public_key()))
    assert reason(content) == "key.untrusted"
    assert reason(content, trust=bare(signer.key.public_key())) == "ok"
    assert reason(content, trust=TrustStore(pinned=(signer.cert,)), policy=PRODUCTION) == "ok"
    assert reason(content.replace(b"KeyValue xmlns:e", b"KeyValue  xmlns:e").replace(b">MF", b">AA"), trust=bare(
        signer.key.public_key())) == "malformed"  # fmt: skip


def x509_data(*certificates: Any) -> str:
    held = "".join(
        f"<X509Certificate>{base64.b64encode(one.public_bytes(Encoding.DER)).decode()}</X509Certificate>"
        for one in certificates
    )
    return f'<X509Data Id="x">{held}</X509Data>'


def test_retrieval_method_leads_to_certificates_and_nowhere_else() -> None:
    _, issuing, signer = world()
    method, sign = f"{uris.MORE}ecdsa-sha256", ecdsa(signer.key, SHA256)
    raw = f'<RetrievalMethod URI="certs/c.der" Type="{uris.X509_RAW}"/>'
    content = signed(method, sign, key_info=raw)
    beside = {"c.der": signer.der, "i.der": issuing.der}
    assert reason(content, detached=beside) == "ok"
    assert reason(content) == "signature.reference"
    assert reason(content, detached={"c.der": stranger().der}) == "signature.wrong"
    inside = f'<RetrievalMethod URI="#x" Type="{uris.DS}X509Data"/>'
    elsewhere = f"<Object>{x509_data(signer.cert, issuing.cert)}</Object></Signature>".encode()
    content = signed(method, sign, key_info=inside).replace(b"</Signature>", elsewhere)
    assert reason(content) == "ok"
    for wrong in (
        f'<RetrievalMethod URI="#o" Type="{uris.DS}X509Data"/>',
        f'<RetrievalMethod URI="#none" Type="{uris.DS}X509Data"/>',
        f'<RetrievalMethod URI="#x" Type="{uris.DS}KeyValue"/>',
        f'<RetrievalMethod Id="x" URI="#x" Type="{uris.DS}X509Data"/>',
        '<RetrievalMethod URI="#x"/>',
    ):
        assert reason(signed(method, sign, key_info=wrong)) not in ("ok", "internal"), wrong


def test_a_key_of_the_trust_store_counts_also_where_a_certificate_leads_nowhere() -> None:
    other = stranger()
    method = f"{uris.MORE}ecdsa-sha256"
    content = signed(method, ecdsa(other.key, SHA256), key_info=x509_data(other.cert))
    assert reason(content) == "chain.unknown"
    held = ask(content, trust=bare(other.key.public_key()))
    assert (held.reason, held.signer, held.certificate) == ("ok", "doi-tac", "")
    assert reason(content, trust=bare(other.key.public_key()), policy=PRODUCTION) == "chain.unknown"
    assert reason(content, trust=bare(world()[2].key.public_key())) == "chain.unknown"


def test_a_certificate_of_a_key_says_nothing_for_another_key() -> None:
    """KeyInfo names a certificate that is trusted and holds the key of a stranger beside it."""
    trusted, other = world()[2], stranger()
    sign = ecdsa(other.key, SHA256)
    for key_info in (
        x509_data(trusted.cert) + der_value(other.key.public_key()),
        der_value(other.key.public_key()) + x509_data(trusted.cert, other.cert),
        f"<KeyName>UBND</KeyName>{x509_data(other.cert)}",
    ):
        content = signed(f"{uris.MORE}ecdsa-sha256", sign, key_info=key_info)
        assert reason(content) in ("signature.wrong", "chain.unknown"), key_info[:60]


@pytest.mark.parametrize("value", [b"\0" * 64, b"\0" * 31 + b"\1" + b"\0" * 32, b"\xff" * 64, b"\0" * 63 + b"\1"])
def test_numbers_that_no_signer_writes_do_not_hold(value: bytes) -> None:
    signer = make("CN=Zero")
    trust = bare(signer.key.public_key())
    assert reason(signed(f"{uris.MORE}ecdsa-sha256", lambda octets: value), trust=trust) in (
        "key.untrusted", "signature.wrong", "chain.unknown"
    )  # fmt: skip
