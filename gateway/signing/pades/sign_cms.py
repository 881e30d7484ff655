"""The CMS of a PAdES signature (ETSI EN 319 142-1 §6.3, EN 319 122-1): built around a signature somebody else makes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from asn1crypto import algos, cms, core, parser, tsp
from asn1crypto import x509 as asn1_x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from gateway.model.verdict import NotValid
from gateway.ports.signing import DigestName
from gateway.signing.pades.sign_request import Signer
from gateway.signing.trust import armour

_HASHES: Final[Mapping[str, hashes.HashAlgorithm]] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_STAMP_SPARE: Final = 96
"""What the attribute around a time stamp and longer length octets take at most."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A SignedData that lacks only its signature. *attributes* is the DER SET OF that is signed (RFC 5652 §5.4)."""

    signer: Signer
    digest: DigestName
    attributes: bytes

    def sealed(self, signature: bytes, token: bytes | None = None) -> bytes:
        """The DER of the ContentInfo; *token* (DER) becomes the signature time stamp, an unsigned attribute.

        Raises NotValid signature.wrong where *signature* was not made by the certificate's key, timestamp.invalid for a
        token that is no CMS.
        """
        _check(self, signature)
        return self._content(signature, token)

    def room(self, token_room: int) -> int:
        """Bytes the ContentInfo takes at most, with a token of *token_room* bytes (0: none)."""
        longest = bytes(_longest_signature(self.signer))
        return len(self._content(longest, None)) + (token_room + _STAMP_SPARE if token_room else 0)

    def _content(self, signature: bytes, token: bytes | None) -> bytes:
        own = asn1_x509.Certificate.load(self.signer.certificate)
        info: dict[str, Any] = {
            "version": "v1",
            "sid": cms.SignerIdentifier(
                "issuer_and_serial_number",
                cms.IssuerAndSerialNumber({"issuer": own.issuer, "serial_number": own.serial_number}),
            ),
            "digest_algorithm": {"algorithm": self.digest},
            "signed_attrs": cms.CMSAttributes.load(self.attributes),
            "signature_algorithm": _algorithm(self.signer, self.digest),
            "signature": signature,
        }
        if token is not None:
            info["unsigned_attrs"] = [{"type": "signature_time_stamp_token", "values": [_token(token)]}]
        signed = cms.SignedData(
            {
                "version": "v1",
                "digest_algorithms": [{"algorithm": self.digest}],
                "encap_content_info": {"content_type": "data"},
                "certificates": [cms.CertificateChoices("certificate", one) for one in _path(self.signer)],
                "signer_infos": [info],
            }
        )
        whole: bytes = cms.ContentInfo({"content_type": "signed_data", "content": signed}).dump()
        return whole


def draft(signer: Signer, digest: DigestName, content_digest: bytes) -> Draft:
    """What is to be signed for a content of *content_digest*: content type, message digest, the signer's certificate
    (RFC 5035) and the algorithms (RFC 6211); no signing time, which PAdES keeps in the dictionary (§6.3).
    """
    own = asn1_x509.Certificate.load(signer.certificate)
    named: dict[str, Any] = {
        "cert_hash": hashlib.new(digest, signer.certificate).digest(),
        "issuer_serial": {
            "issuer": [asn1_x509.GeneralName("directory_name", own.issuer)],
            "serial_number": own.serial_number,
        },
    }
    if digest != "sha256":  # the default, which DER leaves out
        named["hash_algorithm"] = {"algorithm": digest}
    values: list[tuple[str, Any]] = [
        ("content_type", "data"),
        ("message_digest", content_digest),
        ("signing_certificate_v2", tsp.SigningCertificateV2({"certs": [named]})),
        (
            "cms_algorithm_protection",
            cms.CMSAlgorithmProtection(
                {
                    "digest_algorithm": algos.DigestAlgorithm({"algorithm": digest}),
                    "signature_algorithm": _algorithm(signer, digest),
                }
            ),
        ),
    ]
    return Draft(signer, digest, _set_of(cms.CMSAttribute({"type": kind, "values": [value]}) for kind, value in values))


def _set_of(members: Iterable[Any]) -> bytes:
    """The DER of SET OF *members* (X.690 §11.6); asn1crypto's own sorting encodes each a hundred times."""
    encoded: bytes = parser.emit(0, 1, 17, b"".join(sorted(member.dump() for member in members)))
    return encoded


def digest_for(signer: Signer) -> DigestName:
    """The digest that suits the key: as strong as its curve, SHA-256 for RSA. Raises NotValid."""
    key = armour.certificate(signer.certificate).public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey if signer.scheme == "ecdsa" else rsa.RSAPublicKey):
        raise NotValid("algorithm.unsupported", "the certificate's key does not sign by this scheme")
    bits = key.key_size if isinstance(key, ec.EllipticCurvePublicKey) else 0
    return "sha512" if bits > 384 else "sha384" if bits > 256 else "sha256"


def _algorithm(signer: Signer, digest: DigestName) -> algos.SignedDigestAlgorithm:
    if signer.scheme != "rsa-pss":
        kind = "ecdsa" if signer.scheme == "ecdsa" else "rsa"
        return algos.SignedDigestAlgorithm({"algorithm": f"{digest}_{kind}"})
    parameters = algos.RSASSAPSSParams(
        {
            "hash_algorithm": {"algorithm": digest},
            "mask_gen_algorithm": {"algorithm": "mgf1", "parameters": {"algorithm": digest}},
            "salt_length": hashlib.new(digest).digest_size,
        }
    )
    return algos.SignedDigestAlgorithm({"algorithm": "rsassa_pss", "parameters": parameters})


def _path(signer: Signer) -> list[asn1_x509.Certificate]:
    """The signer's certificate and those above it without the root, which whoever verifies has."""
    above = [asn1_x509.Certificate.load(one) for one in signer.chain]
    return [asn1_x509.Certificate.load(signer.certificate), *(one for one in above if one.self_issued is not True)]


def _token(der: bytes) -> cms.ContentInfo:
    with armour.decoding("the time stamp", "timestamp.invalid"):
        token = cms.ContentInfo.load(der, strict=True)
        if token["content_type"].native != "signed_data":
            raise NotValid("timestamp.invalid", "the time stamp is no SignedData")
        return token


def _longest_signature(signer: Signer) -> int:
    key = armour.certificate(signer.certificate).public_key()
    if isinstance(key, ec.EllipticCurvePublicKey):
        integer = len(core.Integer((1 << key.key_size) - 1).dump()) + 2
        return 2 * integer + 4
    return (key.key_size + 7) // 8 if isinstance(key, rsa.RSAPublicKey) else 0


def _check(one: Draft, signature: bytes) -> None:
    """Whether the key that signed is the certificate's: a mistaken slot or label must not leave the house."""
    key, algorithm = armour.certificate(one.signer.certificate).public_key(), _HASHES[one.digest]
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, one.attributes, ec.ECDSA(algorithm))
        elif isinstance(key, rsa.RSAPublicKey):
            pss = padding.PSS(padding.MGF1(algorithm), algorithm.digest_size)
            key.verify(
                signature, one.attributes, pss if one.signer.scheme == "rsa-pss" else padding.PKCS1v15(), algorithm
            )
        else:
            raise NotValid("algorithm.unsupported", "the certificate's key does not sign by this scheme")
    except InvalidSignature as fault:
        raise NotValid("signature.wrong", "the key that signed is not the certificate's") from fault
