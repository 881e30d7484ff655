"""The values of trust: what is trusted, what evidence of revocation is at hand, and a chain that held."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.x509 import Certificate


@dataclass(frozen=True, slots=True)
class TrustStore:
    """A trust directory, read (DESIGN §5): self-signed certificates are *anchors*, other authorities *intermediates*,
    an end-entity certificate is *pinned* (trusted as it is). *public_keys* and *shared_keys* (file stem to key) count
    under a policy that allows them.
    """

    anchors: tuple[Certificate, ...] = ()
    intermediates: tuple[Certificate, ...] = ()
    pinned: tuple[Certificate, ...] = ()
    public_keys: tuple[tuple[str, PublicKeyTypes], ...] = ()
    shared_keys: tuple[tuple[str, bytes], ...] = ()
    unread: tuple[str, ...] = ()
    """Files of the directory that should hold some of this and could not be read."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Revocation data that was handed in or fetched before: DER of OCSP responses (RFC 6960) and CRLs (RFC 5280).

    *binding*: where there is any, every certificate of a path needs an answer. Without it (what was fetched from the
    sources that certificates name) a certificate that names no source needs none.
    """

    ocsp: tuple[bytes, ...] = ()
    crls: tuple[bytes, ...] = ()
    binding: bool = True


def joined(*every: Evidence) -> Evidence:
    """All of it, each piece once; binding if any part that holds something is."""
    return Evidence(
        ocsp=tuple(dict.fromkeys(raw for one in every for raw in one.ocsp)),
        crls=tuple(dict.fromkeys(raw for one in every for raw in one.crls)),
        binding=any(one.binding for one in every if one.ocsp or one.crls),
    )


Purpose = Literal["signing", "timestamping", "ocsp", "any"]
"""What a certificate must be good for: *signing* wants digitalSignature or nonRepudiation where KeyUsage is present."""

Standing = Literal["good", "not_published", "unchecked", "pinned"]


@dataclass(frozen=True, slots=True)
class Chain:
    """A path that held at *at*, the end entity first, the anchor last. *standing* is what is known of revocation."""

    path: tuple[Certificate, ...]
    at: datetime
    standing: Standing

    @property
    def leaf(self) -> Certificate:
        """The certificate the question was about."""
        return self.path[0]
