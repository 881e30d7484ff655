"""Organisations' signatures by profile: which key, which appearance, in whose name (`gateway.ports.Seals`)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding

from gateway.errors import Refusal
from gateway.model.party import Parties
from gateway.model.verdict import Applied, NotValid
from gateway.ports.signing import FetchFault, KeyProvider, KeyUnavailable, SealForm, SealWish, SigningKey
from gateway.signing.pades.appearance import Anchor, Appearance, Invisible, Seal, attachment, copy
from gateway.signing.pades.sign import Level, Request, SignPdf
from gateway.signing.worker import Workers

RETRY_AFTER: Final = 60.0


@dataclass(frozen=True, slots=True)
class SealProfile:
    """An organisation's signature as the configuration describes it; *image* is the seal's PNG."""

    id: str
    key: str
    parties: Parties
    form: SealForm
    level: Level = "B-T"
    image: bytes = field(default=b"", repr=False)
    agency: str = ""


class OrganisationSeals:
    """Signs for the parties of its profiles, and for nobody else."""

    def __init__(
        self,
        profiles: Sequence[SealProfile],
        keys: KeyProvider,
        sign: SignPdf,
        workers: Workers,
        now: Callable[[], datetime],
    ) -> None:
        self._profiles = tuple(profiles)
        self._keys = keys
        self._sign = sign
        self._workers = workers
        self._now = now

    async def __call__(self, pdf: bytes, wish: SealWish) -> tuple[bytes, Applied]:
        """As the port says."""
        profile = self._profile(wish)
        before = hashlib.sha256(pdf).hexdigest()
        try:
            key = await self._keys.key(profile.key)
            mark = hashlib.sha256(key.certificate).hexdigest()
            if await self._bears(pdf, key):
                return pdf, Applied(wish.name, key.id, mark, before, before)
            signed = await self._signed(pdf, key, profile, wish)
        except KeyUnavailable as fault:
            raise Refusal("sign.key", profile.key, f"{fault.code} {fault.detail}", retry_after=RETRY_AFTER) from fault
        except FetchFault as fault:
            raise Refusal("sign.authority", fault.url, fault.detail, retry_after=RETRY_AFTER) from fault
        except NotValid as reason:
            raise Refusal("pdf.malformed", wish.name, f"{reason.reason} {reason.detail}") from reason
        return signed, Applied(wish.name, key.id, mark, before, hashlib.sha256(signed).hexdigest())

    def _profile(self, wish: SealWish) -> SealProfile:
        for profile in self._profiles:
            if wish.party in profile.parties and wish.profile in ("", profile.id):
                return profile
        raise Refusal("sign.profile", wish.profile or wish.party)

    async def _bears(self, pdf: bytes, key: SigningKey) -> bool:
        """Whether a signature of this very key is on it: it was sealed before, by its own system or by us."""
        held = await self._workers.certificates_of("pdf", pdf)
        return any(one.public_bytes(Encoding.DER) == key.certificate for one in held)

    async def _signed(self, pdf: bytes, key: SigningKey, profile: SealProfile, wish: SealWish) -> bytes:
        at = self._now()
        request = Request(at=at, appearance=_appearance(profile, wish, at), level=profile.level)
        try:
            return (await self._sign(pdf, key, request)).content
        except Refusal as refusal:
            if refusal.code != "sign.place" or not wish.signer or not isinstance(request.appearance, Seal):
                raise
        over_name = replace(request.appearance, place=Anchor(wish.signer))
        return (await self._sign(pdf, key, replace(request, appearance=over_name))).content


def _appearance(profile: SealProfile, wish: SealWish, at: datetime) -> Appearance:
    form = wish.form or profile.form
    if wish.copy:
        return copy(wish.copy, wish.agency or profile.agency, at)
    if form == "corner":
        return attachment(wish.number, at)
    if form == "seal":
        if not profile.image:
            raise Refusal("sign.image", profile.id, "the profile has no seal image")
        return Seal(profile.image)
    return Invisible()
