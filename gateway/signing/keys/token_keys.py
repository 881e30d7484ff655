"""The keys of one token: which certificate belongs to which, and signing with them."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509

from gateway.model.verdict import NotValid
from gateway.ports.signing import DigestName, KeyUnavailable, Scheme
from gateway.signing.keys import fault
from gateway.signing.keys.holder import Holder, certificates_in, holder
from gateway.signing.keys.pin_memory import PinMemory
from gateway.signing.keys.scheme import digest_of, from_token, holds, to_token
from gateway.signing.keys.settings import Terms, TokenKey, Warn
from gateway.signing.keys.signer import Objects, Signer, Token
from gateway.signing.trust.armour import certificate as parsed

_PROBE = b"lienthong"


@dataclass(slots=True)
class TokenSigningKey:
    """A key of a token with the certificate it had when it was asked for."""

    id: str
    certificate: bytes
    chain: tuple[bytes, ...]
    scheme: Scheme
    name: str
    holder: Holder = field(repr=False)
    signer: Signer = field(repr=False)
    now: Callable[[], datetime] = field(repr=False)

    async def sign(self, content: bytes, digest: DigestName) -> bytes:
        """As in the port. A signature that does not hold under the certificate is not handed out: key.offline."""
        if reason := self.holder.refusal(self.now()):
            raise reason
        digested = await digest_of(content, digest)
        mechanism, handed = to_token(self.holder.public, self.scheme, digest, digested)
        signature = from_token(self.holder.public, await self.signer.sign(mechanism, self.name, handed))
        if not holds(self.holder.public, self.scheme, digest, digested, signature):
            self.signer.look_again()
            raise fault.offline(f"{self.id}: the signature is not of the certificate's key")
        return signature


class TokenKeys:
    """The configured keys of one token, kept current while its signing process runs."""

    def __init__(
        self,
        settings: Sequence[TokenKey],
        *,
        memory: PinMemory,
        terms: Terms,
        warn: Warn,
        now: Callable[[], datetime],
    ) -> None:
        first = settings[0]
        token = Token(first.module, first.token, max(1, *(one.sessions for one in settings)))
        self._settings = {one.id: one for one in settings}
        self._terms = terms
        self._warn = warn
        self._now = now
        self._keys: dict[str, TokenSigningKey] = {}
        self._faults: dict[str, KeyUnavailable | None] = {}
        self._said: dict[str, str] = {}
        self.signer = Signer(token, first.pin, self._listed, memory, terms, warn)

    async def key(self, key_id: str) -> TokenSigningKey:
        """The current key. Raises KeyUnavailable."""
        await self.signer.ready(self._terms.deadline)
        if key_id not in self._keys:
            raise self._faults.get(key_id) or fault.offline(f"{key_id}: not on the token")
        found = self._keys[key_id]
        if reason := found.holder.refusal(self._now()):
            raise reason
        return found

    def known(self, key_id: str) -> tuple[Holder | None, KeyUnavailable | None]:
        """What is known of a key without asking the token."""
        found = self._keys.get(key_id)
        own = found.holder if found else None
        return own, self.signer.fault or self._faults.get(key_id)

    async def _listed(self, objects: Objects) -> None:
        for key_id, settings in self._settings.items():
            try:
                self._faults[key_id] = await self._choose(settings, objects)
            except KeyUnavailable as reason:
                self._faults[key_id] = reason
            self._say(key_id, self._faults[key_id])

    async def _choose(self, settings: TokenKey, objects: Objects) -> KeyUnavailable | None:
        """Use the best pair of key and certificate that belong together; why a better one was passed over, if one was.
        Raises KeyUnavailable: there is none, so it stays as it was.
        """
        pairs, reason = await asyncio.to_thread(_pairs, settings, objects)
        now = self._now()
        pairs.sort(key=lambda pair: (pair[1].refusal(now) is None, pair[1].leaf.not_valid_before_utc), reverse=True)
        for name, own in pairs:
            fresh = TokenSigningKey(
                settings.id, own.certificate, own.chain, own.scheme, name, own, self.signer, self._now
            )
            if not await self._mismatch(fresh):
                self._keys[settings.id] = fresh
                return reason
            reason = fault.unusable("the certificate does not belong to the key")
        raise reason or fault.offline("no key with that name is on the token, or no certificate for it")

    def _say(self, key_id: str, reason: KeyUnavailable | None) -> None:
        """Warn once for each new reason."""
        if reason and str(reason) != self._said.get(key_id):
            self._warn(reason.code, f"{key_id}: {reason.detail}")
        self._said[key_id] = str(reason)

    async def _mismatch(self, key: TokenSigningKey) -> bool:
        """Whether a signature to try it by fails."""
        digested = await digest_of(_PROBE, "sha256")
        mechanism, handed = to_token(key.holder.public, key.scheme, "sha256", digested)
        raw = await self.signer.try_out(mechanism, key.name, handed)
        return not holds(key.holder.public, key.scheme, "sha256", digested, from_token(key.holder.public, raw))


def _pairs(settings: TokenKey, objects: Objects) -> tuple[list[tuple[str, Holder]], KeyUnavailable | None]:
    """Every key that answers to the name with every certificate that may be its own; and why others may not."""
    pool = certificates_in(settings.chain)
    given = certificates_in(settings.certificate)
    found: list[tuple[str, Holder]] = []
    reason: KeyUnavailable | None = None
    for name, kind, key_id, label in objects["keys"]:
        of_other_kind = settings.scheme is not None and (kind == "ec") != (settings.scheme == "ecdsa")
        if of_other_kind or not _is_named(settings, key_id, label):
            continue
        leaves = given[:1] or _on_token(objects, key_id, label)
        for leaf in leaves:
            try:
                found.append((name, holder(leaf, (*pool, *given[1:]), settings.scheme)))
            except KeyUnavailable as refusal:
                reason = refusal
    return found, reason


def _is_named(settings: TokenKey, key_id: str, label: str) -> bool:
    if settings.key_id is None and settings.label is None:
        return False
    by_id = settings.key_id is None or settings.key_id.casefold().replace(":", "") == key_id
    return by_id and (settings.label is None or settings.label == label)


def _on_token(objects: Objects, key_id: str, label: str) -> list[x509.Certificate]:
    """The certificates on the token that have the key's CKA_ID, or, if none has, its label."""
    every = objects["certificates"]
    own = [one for one in every if key_id and one[0] == key_id] or [one for one in every if label and one[1] == label]
    found = []
    for _, _, encoded in own:
        try:
            found.append(parsed(base64.b64decode(encoded, validate=True)))
        except (NotValid, binascii.Error):
            continue  # not a certificate we could ever use
    return found
