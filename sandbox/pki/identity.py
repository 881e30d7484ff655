"""A certificate with its private key and the authorities above it."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)

KeyKind = Literal["ec", "rsa"]
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class Identity:
    """Who can sign: the key is left out of every representation. `chain` is issuer first, without the root."""

    certificate: x509.Certificate
    key: PrivateKey = field(repr=False)
    chain: tuple[x509.Certificate, ...] = ()

    @property
    def serial(self) -> str:
        """The serial number in lower-case hexadecimal, as the control interface writes it."""
        return f"{self.certificate.serial_number:x}"

    @property
    def common_name(self) -> str:
        """The subject's CN, "" if there is none."""
        found = self.certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        return str(found[0].value) if found else ""

    def der(self) -> bytes:
        """Return the certificate in DER."""
        return self.certificate.public_bytes(Encoding.DER)

    def pem(self) -> bytes:
        """Return the certificate and its chain in PEM, the end entity first."""
        return b"".join(each.public_bytes(Encoding.PEM) for each in (self.certificate, *self.chain))

    def key_pem(self) -> bytes:
        """Return the private key in PEM (PKCS#8, not encrypted)."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def pkcs12(self, password: str) -> bytes:
        """Return key, certificate and chain in one PKCS#12 file."""
        name = self.common_name.encode()
        encryption = BestAvailableEncryption(password.encode())
        return pkcs12.serialize_key_and_certificates(name, self.key, self.certificate, self.chain, encryption)


def from_pem(certificates: bytes, key: bytes) -> Identity:
    """Read what `pem` and `key_pem` wrote. Raises ValueError for another kind of key."""
    own, *chain = x509.load_pem_x509_certificates(certificates)
    private = load_pem_private_key(key, None)
    if not isinstance(private, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise ValueError("neither an EC nor an RSA key")
    return Identity(own, private, tuple(chain))


def make_key(kind: KeyKind = "ec") -> PrivateKey:
    """Make a P-256 key, or give out the RSA-2048 key of this run: making one takes a noticeable part of a second."""
    return ec.generate_private_key(ec.SECP256R1()) if kind == "ec" else _rsa_key()


@functools.cache
def _rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)
