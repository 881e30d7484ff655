"""Keys in files: loaded off the loop, kept in memory, followed when they change."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from gateway.model.verdict import NotValid
from gateway.ports.signing import DigestName, KeyUnavailable, Scheme
from gateway.signing.keys import fault
from gateway.signing.keys.holder import Holder, certificates_in, decoded, holder
from gateway.signing.keys.reading import Mark, mark, read
from gateway.signing.keys.scheme import digest_of, holds, sign
from gateway.signing.keys.settings import FileKey, Terms, Warn, opened
from gateway.signing.keys.unpack import unpack
from gateway.signing.trust.armour import DECODING_FAULTS
from gateway.signing.trust.armour import certificate as parsed

INLINE: Final = 0.002
"""Seconds a signature may take on the loop; a longer one (RSA beyond 2048 bits) is made in a thread, which lets the
loop go on, for cryptography gives the interpreter free while it signs.
"""
_TRIALS: Final = 3
_PROBE: Final = b"lienthong"
_PRIVATE: Final = re.compile(rb"-----BEGIN ([A-Z ]{0,20}PRIVATE KEY)-----.*?-----END \1-----", re.DOTALL)
_PKCS12: Final = re.compile(rb"\x30(?:[\x00-\x80]|\x81.|\x82..|\x83...|\x84....)\x02\x01\x03", re.DOTALL)
"""How a PFX begins (RFC 7292 §4): a sequence, of definite length or not, with version 3."""


@dataclass(slots=True)
class FileSigningKey:
    """A key in memory with the certificate it was loaded with."""

    id: str
    certificate: bytes
    chain: tuple[bytes, ...]
    scheme: Scheme
    holder: Holder = field(repr=False)
    key: PrivateKeyTypes = field(repr=False)
    inline: bool
    """Whether a signature is quick enough to be made on the loop."""
    now: Callable[[], datetime] = field(repr=False)
    turn: asyncio.Lock = field(repr=False)
    """Signatures on the loop take turns, so that of many at once each lets the loop go on after it."""

    async def sign(self, content: bytes, digest: DigestName) -> bytes:
        """As in the port; the signature is checked before it is handed out."""
        if reason := self.holder.refusal(self.now()):
            raise reason
        digested = await digest_of(content, digest)
        if not self.inline:
            signature = await asyncio.to_thread(sign, self.key, self.scheme, digest, digested)
            return self._checked(digest, digested, signature)
        async with self.turn:
            signature = self._checked(digest, digested, sign(self.key, self.scheme, digest, digested))
            await asyncio.sleep(0)
            return signature

    def _checked(self, digest: DigestName, digested: bytes, signature: bytes) -> bytes:
        if not holds(self.holder.public, self.scheme, digest, digested, signature):
            raise fault.offline(f"{self.id}: a signature was made wrongly")
        return signature


class FileKeys:
    """One configured file and the key that is in it now."""

    def __init__(
        self, settings: FileKey, *, terms: Terms, warn: Warn, now: Callable[[], datetime], turn: asyncio.Lock
    ) -> None:
        self._settings = settings
        self._signing = turn
        self._terms = terms
        self._warn = warn
        self._now = now
        self._seen: tuple[str | None, tuple[Mark, ...]] | None = None
        self._looked = float("-inf")
        self._turn = asyncio.Lock()
        self._key: FileSigningKey | None = None
        self._fault: KeyUnavailable | None = None

    async def key(self) -> FileSigningKey:
        """The current key; at most `look` seconds behind the files. Raises KeyUnavailable."""
        if self._key is None or not self._turn.locked():  # else somebody looks already, and there is a key meanwhile
            await self._follow()
        if self._key is None:
            raise self._fault or fault.offline(self._settings.id)
        if reason := self._key.holder.refusal(self._now()):
            raise reason
        return self._key

    async def _follow(self) -> None:
        async with self._turn:
            if asyncio.get_running_loop().time() - self._looked >= self._terms.look:
                await self._look()
                self._looked = asyncio.get_running_loop().time()

    def known(self) -> tuple[Holder | None, KeyUnavailable | None]:
        """What is known of the key, and what is wrong with the files as they are now."""
        return self._key.holder if self._key else None, self._fault

    async def _look(self) -> None:
        try:
            password, marks = await asyncio.to_thread(self._state)
        except (OSError, LookupError, ValueError) as error:
            self._failed(fault.pin(f"the password cannot be read, {type(error).__name__}"))
            return
        if (password, marks) == self._seen:
            return
        try:
            fresh = await asyncio.to_thread(load, self._settings, password, self._now, self._signing)
            if self._key and not self._key.holder.refusal(self._now()) and (gone := fresh.holder.refusal(self._now())):
                raise gone
        except KeyUnavailable as reason:
            self._failed(reason)
        else:
            self._key, self._fault = fresh, None
        self._seen = password, marks

    def _state(self) -> tuple[str | None, tuple[Mark, ...]]:
        """The password and the marks of the files; taken before they are read, so that no change goes unseen."""
        every = (self._settings.path, self._settings.certificate, self._settings.chain)
        return opened(self._settings.password), tuple(mark(path) for path in every if path)

    def _failed(self, reason: KeyUnavailable) -> None:
        if str(reason) != str(self._fault):
            kept = "; the key from before is used" if self._key else ""
            self._warn(reason.code, f"{self._settings.id}: {reason.detail}{kept}")
        self._fault = reason


def load(settings: FileKey, password: str | None, now: Callable[[], datetime], turn: asyncio.Lock) -> FileSigningKey:
    """Read, decode, and try out a key. Blocks. Raises KeyUnavailable: key.unusable, key.pin, key.offline."""
    raw = read(settings.path, private=not settings.shared)
    key, enclosed = _decoded(raw, password, settings.path.name)
    given = certificates_in(settings.certificate)
    leaves = given or enclosed
    if not leaves:
        raise fault.unusable(f"{settings.path.name}: no certificate is with the key, and none is configured")
    own = holder(leaves[0], (*given[1:], *enclosed, *certificates_in(settings.chain)), settings.scheme)
    seconds = _tried(key, own)
    return FileSigningKey(
        settings.id, own.certificate, own.chain, own.scheme, own, key, inline=seconds < INLINE, now=now, turn=turn
    )


def _tried(key: PrivateKeyTypes, own: Holder) -> float:
    """Seconds of a signature. Raises key.unusable if it does not hold under the certificate.

    This is the check of the key as well: OpenSSL's own, while loading, would block every thread for 50 ms.
    """
    digested = b"\x5a" * 32
    took = []
    for _ in range(_TRIALS):
        begun = time.perf_counter()
        try:
            signature = sign(key, own.scheme, "sha256", digested)
        except DECODING_FAULTS as error:
            raise fault.unusable(f"the key cannot sign, {type(error).__name__}") from error
        took.append(time.perf_counter() - begun)
        if not holds(own.public, own.scheme, "sha256", digested, signature):
            raise fault.unusable("the certificate does not belong to the key")
    return min(took)


def _decoded(raw: bytes, password: str | None, name: str) -> tuple[PrivateKeyTypes, tuple[x509.Certificate, ...]]:
    """The private key, and the certificates that are in the file with it, the key's own first."""
    if _PKCS12.match(raw):
        found = unpack(raw, password, name)
        try:
            enclosed = tuple(parsed(one) for one in (found.certificate, *found.others) if one)
        except NotValid as refusal:
            raise fault.unusable(f"{name}: {refusal.detail}") from refusal
        return _private(found.key, None, name), enclosed if found.certificate else ()
    secret = None if password is None else password.encode()
    if b"-----BEGIN " not in raw:
        return _private(raw, secret, name), ()
    blocks = [match[0] for match in _PRIVATE.finditer(raw)]
    if len(blocks) != 1:
        raise fault.unusable(f"{name}: {len(blocks)} private keys in it")
    rest = _PRIVATE.sub(b"", raw)
    return _private(blocks[0], secret, name), decoded(rest, name) if b"-----BEGIN CERTIFICATE" in rest else ()


def _private(raw: bytes, password: bytes | None, name: str) -> PrivateKeyTypes:
    """One private key in PEM or DER. A password that is not needed is not minded."""
    read_key = serialization.load_pem_private_key if raw.startswith(b"-----") else serialization.load_der_private_key
    try:
        return read_key(raw, password, unsafe_skip_rsa_key_validation=True)
    except TypeError as error:  # cryptography: a password is missing, or given for a key that is not encrypted
        if password is None:
            raise fault.pin(f"{name}: the key is encrypted and no password is configured") from error
        return _private(raw, None, name)
    except DECODING_FAULTS as error:
        if password is not None and "password" in str(error).casefold():
            raise fault.pin(f"{name}: the password is wrong") from error
        raise fault.unusable(f"{name}: the key cannot be decoded") from error
