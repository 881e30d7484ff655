"""Signatures in one running gateway: whose are believed, who judges them, and which of ours are applied."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Final

import structlog
from cryptography import x509

from gateway.client import Client
from gateway.clock import Clock
from gateway.config import Config
from gateway.config.model import Platform, System
from gateway.config.signing import Demands as WrittenDemands
from gateway.config.signing import SigningKey, SigningProfile, Trust
from gateway.delivery.sealing import Profile, Sealing, SealingRoute
from gateway.errors import Refusal
from gateway.fetching import Fetching
from gateway.intake.signatures import Demands, SignaturePolicy, Signatures
from gateway.model.message import Kind
from gateway.model.verdict import Applied, Judgement, Verdict
from gateway.ports import Judge, KeyUnavailable, Seals, SealWish, Tending
from gateway.signing.desk import Desk
from gateway.signing.keys import FileKey, Keys, TokenKey
from gateway.signing.policy import POLICIES, Policy
from gateway.signing.timestamp.client import Stamper, StampSettings, TimeAuthority
from gateway.signing.trust.expiry import expiring
from gateway.signing.trust.gather import Gatherer
from gateway.signing.trust.model import TrustStore
from gateway.signing.trust.purposes import TrustFolder, TrustStores
from gateway.signing.trust.sources import GatherLimits
from gateway.signing.trust.store import sorted_out
from gateway.signing.worker import Workers

log = structlog.get_logger("notary")

LOOK_EVERY: Final = 5.0
"""Seconds between looks at the trust directory."""
WARN_EVERY: Final = timedelta(hours=6).total_seconds()
NOBODY: Final = TrustStores()


class RecordedSeals:
    """`gateway.ports.Seals` for whoever asks over an interface: nothing signed is handed out before it is on record.
    What a route signs is recorded with the bytes that are sent.
    """

    def __init__(self, seals: Seals, store: Tending) -> None:
        self._seals = seals
        self._store = store

    async def __call__(self, pdf: bytes, wish: SealWish) -> tuple[bytes, Applied]:
        """As the port says. Also raises StoreUnavailable."""
        signed, applied = await self._seals(pdf, wish)
        if applied.before != applied.after:
            fields = {
                "signing_key": applied.key,
                "certificate_sha256": applied.certificate,
                "file_sha256": applied.before,
                "signed_sha256": applied.after,
                "party": wish.party,
                "actor": wish.actor,
            }
            await self._store.record("signature.applied", fields)
        return signed, applied


async def no_seals(pdf: bytes, wish: SealWish) -> tuple[bytes, Applied]:
    """`gateway.ports.Seals` of a gateway that signs for nobody."""
    raise Refusal("sign.profile", wish.profile or wish.party)


class Notary:
    """Built by the composition root; `start` before listening, `close` after."""

    def __init__(self, config: Config, store: Tending, clock: Clock) -> None:
        """Raises TrustFault: the trust directory cannot be used."""
        self._config = config
        self._store = store
        self._clock = clock
        trust = config.trust
        self._policy = policy_of(trust)
        self._folder = TrustFolder(trust.directory) if trust.directory else None
        self._client = Client([*trust.fetch_from, *config.signing.stamps])
        self._workers = Workers()
        self._gatherer = Gatherer(
            Fetching(self._client),
            clock,
            trust=self._everyone,
            policy=self._policy,
            random=secrets.token_bytes,
            limits=GatherLimits(deadline=trust.fetch_deadline, nonce=trust.ocsp_nonce),
        )
        self.judge: Judge = Desk(self._workers, self._stores, self._gatherer, self._policy)
        self.signatures = Signatures(self.judge if self._folder else None, _policy(config))
        self.keys = Keys(
            [key_settings(one) for one in config.signing.keys],
            warn=self._warned,
            now=clock.now,
            pin_memory=config.gateway.data_dir / "pins.json",
        )
        self._seals = self._signing()
        self.seals = RecordedSeals(self._seals, store)
        self._warnings: set[tuple[str, str]] = set()

    def _signing(self) -> Seals:
        """What signs for the profiles; where there is none, nothing of PDF writing is loaded (40 MB, half a second)."""
        signing = self._config.signing
        if not signing.profiles:
            return no_seals
        from gateway.signing.pades.sign import SignPdf
        from gateway.signing.seals import OrganisationSeals, SealProfile

        stamper = Stamper(
            StampSettings(
                tuple(TimeAuthority(url) for url in signing.stamps),
                deadline=signing.stamp_deadline,
                policy=self._policy,
            ),
            Fetching(self._client),
            lambda: self._stores().timestamping,
            self._clock,
            nonce=lambda: secrets.randbits(96),
            evidence_for=self._gatherer.evidence_for,
        )
        sign = SignPdf(
            self._workers,
            self.judge,
            stamper if signing.stamps else None,
            self._gatherer.evidence_for,
            accepts=self._sound,
        )
        profiles = [
            SealProfile(one.id, one.key, one.parties, one.form, one.level, _image(one), one.agency)
            for one in signing.profiles
        ]
        return OrganisationSeals(profiles, self.keys, sign, self._workers, self._clock.now)

    def sealing(self, destination: str) -> Sealing:
        """What routes to *destination* sign."""
        known = {one.id: one for one in self._config.signing.profiles}
        routes = [
            SealingRoute(route.to, route.platform, tuple(_rule(known[id]) for id in route.sign))
            for route in self._config.effective_routes
            if route.platform == destination and route.sign
        ]
        return Sealing(self._seals, routes)

    def _sound(self, verdict: Verdict) -> bool:
        """Whether our own signature may leave: valid, or what only revocation data or an own anchor is missing for."""
        open_ends = {"revocation.unknown", "revocation.stale"} | ({"chain.unknown"} if not self._folder else set())
        return verdict.judgement is Judgement.VALID or verdict.reason in open_ends

    def _warned(self, code: str, detail: str) -> None:
        """Keys tell of trouble on the loop; the incident follows with the next look."""
        log.warning("key", code=code, detail=detail)
        self._warnings.add((code, detail))

    def _stores(self) -> TrustStores:
        return self._folder.stores if self._folder else NOBODY

    def _everyone(self) -> TrustStore:
        """The authorities of documents and of time stamps together: for finding paths, never for a verdict."""
        stores = self._stores()
        return sorted_out([one for _, _, one in stores.certificates()])

    async def start(self) -> None:
        """Have the judging processes up before the first document, and before sockets listen."""
        await self.keys.open()
        if self._folder:
            await self._workers.start()

    async def close(self) -> None:
        """End the processes and connections."""
        await self._gatherer.close()
        await self._workers.close()
        await self.keys.close()
        await self._client.close()

    def loops(self) -> list[Coroutine[None, None, None]]:
        """What goes on while the gateway runs."""
        loops = [self._warn()]
        return [*loops, self._watch(self._folder)] if self._folder else loops

    async def _watch(self, folder: TrustFolder) -> None:
        """Take over what changed in the trust directory; a change that cannot be used is an incident, not an outage."""
        while True:
            await self._clock.sleep(LOOK_EVERY)
            before = folder.fault
            if await asyncio.to_thread(folder.refresh):
                log.info("trust changed", directory=str(folder.root))
            fault = folder.fault
            if fault is not None and str(fault) != str(before):
                await self._store.raise_incident("trust.unusable", str(fault.file), fault.detail)

    async def _warn(self) -> None:
        """An incident for each certificate at 60, 30, 7 and 1 days before its end and after it, and for ailing keys."""
        due = self._clock.monotonic()
        while True:
            for code, detail in self._told():
                await self._store.raise_incident(code, f"signing {detail.partition(':')[0]}", detail)
            if self._clock.monotonic() >= due:
                due += WARN_EVERY
                for warning in expiring(await self._held(), self._clock.now()):
                    detail = f"{warning.subject}: {warning.ends:%Y-%m-%d}, {warning.days_left} days"
                    await self._store.raise_incident("certificate.expiring", warning.id, detail)
            await self._clock.sleep(LOOK_EVERY)

    def _told(self) -> list[tuple[str, str]]:
        told, self._warnings = sorted(self._warnings), set()
        return told

    async def _held(self) -> list[x509.Certificate]:
        """Every certificate that is believed, and those of our own keys."""
        held = [one for _, _, one in self._stores().certificates()]
        for id in self.keys.ids():
            with suppress(KeyUnavailable):
                held.append(x509.load_der_x509_certificate((await self.keys.key(id)).certificate))
        return held


def policy_of(trust: Trust) -> Policy:
    """The policy of the live path, with the key usage that the province asks of signers."""
    policy = POLICIES[trust.policy]
    wanted = _USAGES.get(trust.key_usage)
    return replace(policy, usages=frozenset({wanted})) if wanted else policy


_USAGES: Final = {"digitalSignature": "digital_signature", "nonRepudiation": "non_repudiation"}


def key_settings(item: SigningKey) -> FileKey | TokenKey:
    """One row of [[signing.keys]]; `check-config` saw to it that it is one or the other."""
    if item.file is not None:
        password = item.password.reveal() if item.password else None
        return FileKey(item.id, item.file, password, item.certificate, item.chain, item.scheme)
    if item.module is None or item.pin is None:
        raise LookupError(f"the key {item.id} names neither file nor token")
    return TokenKey(
        item.id,
        item.module,
        item.token,
        item.pin.reveal(),
        label=item.label,
        key_id=item.key_id,
        certificate=item.certificate,
        chain=item.chain,
        scheme=item.scheme,
        sessions=item.sessions,
    )


def _image(item: SigningProfile) -> bytes:
    return item.seal_image.read_bytes() if item.seal_image else b""


def _rule(item: SigningProfile) -> Profile:
    kinds = frozenset(Kind(kind) for kind in item.kinds)
    return Profile(item.id, item.parties, kinds, item.form, None if item.attachments == "off" else item.attachments)


def _policy(config: Config) -> SignaturePolicy:
    rows: list[System | Platform] = [*config.systems, *config.platforms]
    return SignaturePolicy(
        default=demands(config.trust.signatures),
        peers={row.id: demands(row.signatures) for row in rows if row.signatures},
    )


def demands(written: WrittenDemands) -> Demands:
    """What the configuration says, by the model's kinds."""
    return {Kind(kind): demand for kind, demand in written.items()}
