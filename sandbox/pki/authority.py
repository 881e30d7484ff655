"""Certification authorities and the certificates they issue (RFC 5280), root first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from sandbox.pki.identity import Identity, KeyKind, PrivateKey, make_key

Purpose = Literal["signing", "stamping", "responding", "issuing"]
"""What a certificate is for: signatures of organisations and persons, time stamps, OCSP answers, other certificates."""

YEAR: Final = timedelta(days=365)
CERTIFICATE_POLICY: Final = x509.ObjectIdentifier("2.999.84.1")
"""Under the arc for examples (Rec. ITU-T X.660), so that nobody takes these certificates for real ones."""


@dataclass(frozen=True, slots=True)
class Validity:
    """From when to when a certificate is valid."""

    begins: datetime
    ends: datetime

    @classmethod
    def around(cls, now: datetime, past: timedelta, future: timedelta) -> Validity:
        """Return the time from `past` before to `future` after `now`."""
        return cls(now - past, now + future)


@dataclass(frozen=True, slots=True)
class Authority:
    """One authority. `slug` names it in addresses and files, `base_url` is where its OCSP, CRL and certificate are.

    `responder` is the identity its OCSP answers are signed with (delegated, RFC 6960 §4.2.2.2).
    """

    slug: str
    identity: Identity
    base_url: str
    responder: Identity | None = None

    @property
    def certificate(self) -> x509.Certificate:
        """The authority's own certificate."""
        return self.identity.certificate

    @property
    def is_root(self) -> bool:
        """Tell whether it vouches for itself."""
        return self.certificate.issuer == self.certificate.subject

    def issue(
        self, subject: x509.Name, purpose: Purpose, validity: Validity, kind: KeyKind = "ec", eku: bool = True
    ) -> Identity:
        """Issue a certificate over a new key; `eku=False` leaves out the extended key usage the purpose wants."""
        key = make_key(kind)
        extensions = [*_purpose(purpose, eku), *self._addresses(purpose), *_identifiers(key, self.identity.key)]
        certificate = _signed(subject, self.certificate.subject, key, self.identity.key, validity, extensions)
        above = () if self.is_root else (self.certificate, *self.identity.chain)
        return Identity(certificate, key, above)

    def _addresses(self, purpose: Purpose) -> list[Extension]:
        """Where to ask whether a certificate of this authority still holds; nobody asks about a responder."""
        if purpose == "responding":
            return [(x509.OCSPNoCheck(), False)]
        access = [
            x509.AccessDescription(method, x509.UniformResourceIdentifier(self.base_url + path))
            for method, path in (
                (AuthorityInformationAccessOID.OCSP, "/ocsp"),
                (AuthorityInformationAccessOID.CA_ISSUERS, f"/ca/{self.slug}.cer"),
            )
        ]
        point = x509.UniformResourceIdentifier(f"{self.base_url}/crl/{self.slug}.crl")
        distribution = x509.CRLDistributionPoints([x509.DistributionPoint([point], None, None, None)])
        return [(x509.AuthorityInformationAccess(access), False), (distribution, False)]


Extension = tuple[x509.ExtensionType, bool]


def found_root(slug: str, subject: x509.Name, base_url: str, validity: Validity) -> Authority:
    """Make a self-signed authority."""
    key = make_key()
    extensions = [*_purpose("issuing", root=True), *_identifiers(key, key)]
    return Authority(slug, Identity(_signed(subject, subject, key, key, validity, extensions), key), base_url)


def name(
    common_name: str, organisation: str = "", tax_code: str = "", title: str = "", place: str = "", country: str = "VN"
) -> x509.Name:
    """Return a subject as Vietnamese certificates have it: C, L, O, organizationIdentifier, UID `MST:…`, title, CN."""
    parts = (
        (NameOID.COUNTRY_NAME, country),
        (NameOID.LOCALITY_NAME, place),
        (NameOID.ORGANIZATION_NAME, organisation),
        (NameOID.ORGANIZATION_IDENTIFIER, f"VATVN-{tax_code}" if tax_code else ""),
        (NameOID.USER_ID, f"MST:{tax_code}" if tax_code else ""),
        (NameOID.TITLE, title),
        (NameOID.COMMON_NAME, common_name),
    )
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts if value])


def _purpose(purpose: Purpose, eku: bool = True, root: bool = False) -> list[Extension]:
    """Return basic constraints, key usage and, for services, the one extended key usage."""
    issues = purpose == "issuing"
    policy = x509.PolicyInformation(CERTIFICATE_POLICY, None)
    extensions: list[Extension] = [
        (x509.BasicConstraints(ca=issues, path_length=0 if issues and not root else None), True),
        (_key_usage(issues, content_commitment=purpose == "signing"), True),
    ]
    if not root:
        extensions.append((x509.CertificatePolicies([policy]), False))
    if eku and purpose == "stamping":  # critical and alone: RFC 3161 §2.3
        extensions.append((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True))
    if eku and purpose == "responding":
        extensions.append((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), False))
    return extensions


def _key_usage(issues: bool, content_commitment: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not issues,
        content_commitment=content_commitment,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=issues,
        crl_sign=issues,
        encipher_only=False,
        decipher_only=False,
    )


def _identifiers(own: PrivateKey, issuer: PrivateKey) -> list[Extension]:
    return [
        (x509.SubjectKeyIdentifier.from_public_key(own.public_key()), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()), False),
    ]


def _signed(
    subject: x509.Name,
    issuer: x509.Name,
    key: PrivateKey,
    issuer_key: PrivateKey,
    validity: Validity,
    extensions: Sequence[Extension],
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(validity.begins)
        .not_valid_after(validity.ends)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(issuer_key, hashes.SHA256())
