"""Signatures at their rim: keys by reference, time stamps, and what is fetched from certification authorities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from gateway.errors import GatewayError
from gateway.model.verdict import Applied, Verdict

Scheme = Literal["rsa-pkcs1v15", "rsa-pss", "ecdsa"]
"""How a key signs: RSASSA-PKCS1-v1_5, RSASSA-PSS (MGF1 and salt of the digest's own length) or ECDSA."""

DigestName = Literal["sha256", "sha384", "sha512"]
"""The digests we sign with."""


class KeyUnavailable(GatewayError):
    """A key cannot sign now. *code*: key.unknown, key.unusable (its file, its certificate, its strength), key.pin
    (wrong, not tried again), key.busy, key.offline, key.expired.

    *temporary* tells whether trying again later can help.
    """

    def __init__(self, code: str, detail: str, *, temporary: bool) -> None:
        self.code = code
        self.detail = detail
        self.temporary = temporary
        super().__init__(f"{code} {detail}".strip())


class SigningKey(Protocol):
    """A private key by reference, with the certificate that belongs to it; the key itself is never seen."""

    @property
    def id(self) -> str: ...

    @property
    def certificate(self) -> bytes:
        """DER."""
        ...

    @property
    def chain(self) -> tuple[bytes, ...]:
        """DER of the authorities above it, issuer first; without the root or with it."""
        ...

    @property
    def scheme(self) -> Scheme: ...

    async def sign(self, content: bytes, digest: DigestName) -> bytes:
        """The signature over *content*; ECDSA as DER (RFC 3279 §2.2.3). Within a deadline of its own. Raises
        KeyUnavailable."""
        ...


class KeyProvider(Protocol):
    """The keys the configuration names."""

    async def key(self, key_id: str) -> SigningKey:
        """The current key of that name; one that was rotated is the new one from then on. Raises KeyUnavailable."""
        ...

    def ids(self) -> Sequence[str]:
        """The names, sorted."""
        ...


class FetchFault(GatewayError):
    """Nothing usable came back; *detail* says why, without content."""

    def __init__(self, url: str, detail: str) -> None:
        self.url = url
        self.detail = detail
        super().__init__(f"{url}: {detail}")


class Fetch(Protocol):
    """One request to a certification or time stamping authority: hosts of the configuration only, no redirect."""

    async def __call__(
        self, url: str, *, body: bytes | None = None, content_type: str = "", deadline: float, limit: int
    ) -> bytes:
        """The body of a 200 answer to GET, or to POST if there is a *body*; at most *limit* bytes within *deadline*
        seconds. Raises FetchFault."""
        ...


class Stamps(Protocol):
    """Where time stamps come from (RFC 3161)."""

    async def __call__(self, content: bytes) -> bytes:
        """The DER of a verified TimeStampToken (CMS ContentInfo) over *content*. Raises FetchFault."""
        ...


class Judge(Protocol):
    """What a file's signature is worth, judged beside the event loop with what the authorities say today."""

    async def __call__(
        self,
        kind: str,
        content: bytes,
        *,
        at: datetime,
        party: str = "",
        detached: Mapping[str, bytes] | None = None,
    ) -> Verdict:
        """The verdict about *content* (*kind* is one of DESIGN §5's) at *at*, where no time is proven. With *party* the
        signer must be one who may speak for it. Never raises for what a file holds."""
        ...


SealForm = Literal["seal", "corner", "none"]
"""How an organisation's signature looks (NĐ 30/2020 Phụ lục I): the seal over a third of the signer's signature, text
at the top right of page 1 (attachments in files of their own, copies), or nothing."""


@dataclass(frozen=True, slots=True)
class SealWish:
    """A signature wanted on one PDF, in the name of *party*. *profile* is the configuration's name of it, "" the first
    that fits the party; *form* "" is the profile's. *number* and *agency* are what a corner says; *copy* ("SAO Y",
    "SAO LỤC", "TRÍCH SAO") makes it a copy's. *signer* is the full name under which a seal may be put, *actor* the
    system that asked."""

    party: str
    name: str = ""
    profile: str = ""
    form: SealForm | Literal[""] = ""
    number: str = ""
    agency: str = ""
    copy: str = ""
    signer: str = ""
    actor: str = ""


class Seals(Protocol):
    """Applies organisations' signatures to PDFs."""

    async def __call__(self, pdf: bytes, wish: SealWish) -> tuple[bytes, Applied]:
        """The signed PDF, verified, and the record of it; one that bears a signature of this key already comes back as
        it was. Refusal: sign.profile (none for this party), sign.key and sign.authority (503: key or time stamp not to
        be had now), pdf.… and other sign.… (it cannot be signed)."""
        ...
