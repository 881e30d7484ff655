"""Certificates, CRLs and OCSP responses made on the spot for the tests of trust."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from asn1crypto import ocsp as asn1_ocsp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

AT = datetime.now(UTC).replace(microsecond=0)
"""The moment of all questions; real time, because a response always says when it was really produced."""
DAY = timedelta(days=1)
Extension = tuple[x509.ExtensionType, bool]


@functools.cache
def key(label: str) -> Any:
    """One key for each label and run: "rsa…" is RSA-2048, "rsa1024" weak, anything else P-256."""
    if label.startswith("rsa1024"):
        return rsa.generate_private_key(65537, 1024)
    if label.startswith("rsa"):
        return rsa.generate_private_key(65537, 2048)
    if label.startswith("k1"):
        return ec.generate_private_key(ec.SECP256K1())
    return ec.generate_private_key(ec.SECP256R1())


def name(text: str) -> x509.Name:
    """ "CN=…" (RFC 4514), or a bare common name; "" is the empty name."""
    if not text:
        return x509.Name([])
    return x509.Name.from_rfc4514_string(text if "=" in text else f"CN={text}")


def usage(*bits: str) -> x509.KeyUsage:
    every = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{bit: bit in bits for bit in every})


CA_USAGE = usage("key_cert_sign", "crl_sign")
SIGNER_USAGE = usage("digital_signature", "content_commitment")


@dataclass
class Holder:
    """A certificate with its key, able to issue."""

    cert: x509.Certificate
    key: Any

    @property
    def der(self) -> bytes:
        return self.cert.public_bytes(Encoding.DER)

    def issue(self, subject: str, **wishes: Any) -> Holder:
        return make(subject, issuer=self, **wishes)

    def authority(self, subject: str, **wishes: Any) -> Holder:
        return make(subject, issuer=self, ca=True, **wishes)


def make(
    subject: str,
    *,
    issuer: Holder | None = None,
    ca: bool = False,
    path: int | None = None,
    constraints: Extension | str | None = "by kind",
    ku: Extension | x509.KeyUsage | str | None = "by kind",
    aki: bool = True,
    ski: bool = True,
    extensions: Sequence[Extension] = (),
    serial: int | None = None,
    begins: datetime = AT - 365 * DAY,
    ends: datetime = AT + 365 * DAY,
    key_label: str | None = None,
    issuer_name: str | None = None,
    signed_by: Any = None,
) -> Holder:
    """A certificate; without *issuer* a self-signed one."""
    own = key(key_label or subject)
    issuer_key = signed_by or (issuer.key if issuer else own)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(
            name(issuer_name) if issuer_name is not None else (issuer.cert.subject if issuer else name(subject))
        )
        .public_key(own.public_key())
        .serial_number(serial if serial is not None else x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
    )
    if constraints == "by kind":
        constraints = (x509.BasicConstraints(ca, path), True) if ca else None
    if ku == "by kind":
        ku = CA_USAGE if ca else SIGNER_USAGE
    if isinstance(ku, x509.KeyUsage):
        ku = (ku, True)
    every: list[Any] = [one for one in (constraints, ku) if one is not None]
    if ski:
        every.append((x509.SubjectKeyIdentifier.from_public_key(own.public_key()), False))
    if aki:
        authority = issuer.key if issuer else own
        every.append((x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), False))
    for extension, critical in (*every, *extensions):
        builder = builder.add_extension(extension, critical)
    return Holder(builder.sign(issuer_key, hashes.SHA256()), own)


def crl(
    signer: Holder,
    revoked: Sequence[tuple[int, datetime]] = (),
    *,
    entries: Sequence[x509.RevokedCertificate] = (),
    begins: datetime = AT - DAY,
    ends: datetime = AT + 7 * DAY,
    number: int | None = 5,
    extensions: Sequence[Extension] = (),
    issuer: str | None = None,
    signed_by: Any = None,
) -> bytes:
    """A CRL in DER."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(name(issuer) if issuer else signer.cert.subject)
        .last_update(begins)
        .next_update(ends)
    )
    if number is not None:
        builder = builder.add_extension(x509.CRLNumber(number), False)
    builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key()), False)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    for serial, since in revoked:
        builder = builder.add_revoked_certificate(entry(serial, since))
    for one in entries:
        builder = builder.add_revoked_certificate(one)
    return builder.sign(signed_by or signer.key, hashes.SHA256()).public_bytes(Encoding.DER)


def relabelled(der: bytes, kind: type, tbs: str, algorithm: str = "sha1_ecdsa") -> bytes:
    """*der* naming another signature algorithm in both places; its signature then fits nothing."""
    parsed = kind.load(der)
    for place in (parsed[tbs]["signature"], parsed["signature_algorithm"]):
        place["algorithm"] = algorithm
    return parsed.dump(force=True)


def entry(serial: int, since: datetime, *extensions: Extension) -> x509.RevokedCertificate:
    builder = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(since)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.build()


def idp(**fields: Any) -> Extension:
    """issuingDistributionPoint, critical; *url* for a full name."""
    url = fields.pop("url", None)
    values = {
        "full_name": [x509.UniformResourceIdentifier(url)] if url else None,
        "relative_name": None,
        "only_contains_user_certs": False,
        "only_contains_ca_certs": False,
        "only_some_reasons": None,
        "indirect_crl": False,
        "only_contains_attribute_certs": False,
    }
    return x509.IssuingDistributionPoint(**{**values, **fields}), True


def point(
    url: str | None = None, *, issuer: str | None = None, reasons: frozenset[x509.ReasonFlags] | None = None
) -> x509.DistributionPoint:
    return x509.DistributionPoint(
        full_name=[x509.UniformResourceIdentifier(url)] if url else None,
        relative_name=None,
        reasons=reasons,
        crl_issuer=[x509.DirectoryName(name(issuer))] if issuer else None,
    )


def points(*found: x509.DistributionPoint) -> Extension:
    return x509.CRLDistributionPoints(found), False


def access(ocsp_url: str | None = None, issuer_url: str | None = None) -> Extension:
    described = []
    if ocsp_url:
        described.append((x509.oid.AuthorityInformationAccessOID.OCSP, ocsp_url))
    if issuer_url:
        described.append((x509.oid.AuthorityInformationAccessOID.CA_ISSUERS, issuer_url))
    return (
        x509.AuthorityInformationAccess(
            [x509.AccessDescription(oid, x509.UniformResourceIdentifier(url)) for oid, url in described]
        ),
        False,
    )


@dataclass
class Say:
    """What an OCSP response is to say."""

    status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD
    begins: datetime = AT - timedelta(hours=1)
    ends: datetime | None = AT + DAY
    revoked_at: datetime | None = None
    reason: x509.ReasonFlags | None = None
    by_key: bool = False
    digest: Any = field(default_factory=hashes.SHA1)
    certs: Sequence[x509.Certificate] = ()
    extensions: Sequence[Extension] = ()
    forged: bool = False


def answer(subject: Holder, issuer: Holder, responder: Holder, say: Say | None = None) -> bytes:
    """An OCSP response in DER."""
    say = say or Say()
    builder = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            cert=subject.cert,
            issuer=issuer.cert,
            algorithm=say.digest,
            cert_status=say.status,
            this_update=say.begins,
            next_update=say.ends,
            revocation_time=say.revoked_at,
            revocation_reason=say.reason,
        )
        .responder_id(
            ocsp.OCSPResponderEncoding.HASH if say.by_key else ocsp.OCSPResponderEncoding.NAME, responder.cert
        )
    )
    if say.certs:
        builder = builder.certificates(list(say.certs))
    for extension, critical in say.extensions:
        builder = builder.add_extension(extension, critical)
    der = builder.sign(responder.key, hashes.SHA256()).public_bytes(Encoding.DER)
    return forged(der) if say.forged else der


def forged(der: bytes) -> bytes:
    """The OCSP response with another signature of the right form."""
    parsed = asn1_ocsp.OCSPResponse.load(der)
    basic = parsed["response_bytes"]["response"].parsed
    signed = basic["tbs_response_data"].dump()
    basic["signature"] = key("stranger").sign(signed, ec.ECDSA(hashes.SHA256()))
    kind = asn1_ocsp.ResponseBytes({"response_type": "basic_ocsp_response", "response": basic})
    return asn1_ocsp.OCSPResponse({"response_status": "successful", "response_bytes": kind}).dump()


OCSP_SIGNING: Extension = (x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.OCSP_SIGNING]), False)
NO_CHECK: Extension = (x509.OCSPNoCheck(), False)


def policies(*oids: str) -> Extension:
    return (
        x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier(oid), None) for oid in oids]),
        False,
    )


def san(*names: x509.GeneralName, critical: bool = False) -> Extension:
    return x509.SubjectAlternativeName(names), critical


def name_constraints(
    permitted: Sequence[x509.GeneralName] = (), excluded: Sequence[x509.GeneralName] = (), *, critical: bool = True
) -> Extension:
    return x509.NameConstraints(list(permitted) or None, list(excluded) or None), critical


@functools.cache
def world() -> tuple[Holder, Holder, Holder]:
    """Root, issuing authority and an organisation's certificate, without revocation sources."""
    root = make("CN=Root,O=Test,C=VN", ca=True)
    issuing = root.authority("CN=Issuing,O=Test,C=VN", path=0)
    return root, issuing, issuing.issue("CN=UBND,O=Test,C=VN")
