"""What the tables of the configuration become: platforms, systems that are pushed to, entrances. Only functions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Final

import adapters.lgsp
import adapters.rest
import adapters.vxp
import adapters.webhook
from gateway.client import Client
from gateway.clock import Clock
from gateway.config import Config
from gateway.config.model import Login, Platform, System
from gateway.intake.http import Entrance
from gateway.intake.identify import KeyRing
from gateway.model.access import Caller
from gateway.model.document import Content
from gateway.model.message import Message
from gateway.pace import Pace
from gateway.ports import Accept, Decode, Judge, Mailbox, Seals, Store

DIALECTS: Final[Mapping[str, Decode]] = {
    "edxml": adapters.vxp.decode,
    "rest-json": adapters.rest.decode,
    adapters.lgsp.FORM_DIALECT: adapters.lgsp.form_decoder(adapters.vxp.decode),
}
"""Every dialect whose bytes can lie in the store, and how it is read."""

Connected = adapters.vxp.VxpPlatform | adapters.lgsp.LgspPlatform
"""A platform as the gateway uses it: a destination that is polled too."""


# ---------------------------------------------------------------------------------------------------- destinations


def platform_of(item: Platform, client: Client, clock: Clock, random: Random) -> Connected:
    """The connection to one platform."""
    if item.adapter == "lgsp":
        return _lgsp_platform(item, client, clock, random)
    settings = adapters.vxp.VxpSettings(
        id=item.id,
        base_url=item.base_url,
        system_id=item.system_id,
        secret=adapters.vxp.Secret(item.secret.reveal()),
        requests_per_second=item.requests_per_second,
        hash_file=item.hash_file,
        to_header=item.to_header,
        wrap_attachments=item.wrap_attachments,
        rejected_codes=frozenset(item.rejected_codes or ()),
    )
    return adapters.vxp.VxpPlatform(settings, client, clock, random)


def _lgsp_platform(item: Platform, client: Client, clock: Clock, random: Random) -> adapters.lgsp.LgspPlatform:
    never = adapters.lgsp.NEVER if item.rejected_codes is None else frozenset(item.rejected_codes)
    settings = adapters.lgsp.LgspSettings(
        id=item.id,
        base_url=item.base_url,
        accounts=(adapters.lgsp.Account(item.system_id, adapters.lgsp.Secret(item.secret.reveal())),),
        login=_login(item.login) if item.login else None,
        rejected_codes=never,
        settled_codes=frozenset(item.settled_codes),
    )
    return adapters.lgsp.LgspPlatform(
        settings,
        client,
        clock,
        Pace(item.requests_per_second, clock, random),
        decode=adapters.vxp.decode,
        encode=adapters.vxp.encode,
        is_strict=adapters.vxp.is_strict,
    )


def _login(given: Login) -> adapters.lgsp.Login:
    return adapters.lgsp.Login(given.username, adapters.lgsp.Secret(given.password.reveal()), given.application_code)


def webhook_of(item: System, url: str, client: Client, clock: Clock) -> adapters.webhook.WebhookSystem:
    """The system *item*, pushed to at *url*. Its secret's words are keys: the current one first."""
    words = item.secret.reveal().split() if item.secret else []
    settings = adapters.webhook.WebhookSettings(
        id=item.id,
        url=url,
        secrets=tuple(adapters.webhook.SigningSecret(word) for word in words),
        content=item.content,
        public_url=item.public_url or "",
        timeout=item.deadline,
    )
    return adapters.webhook.WebhookSystem(settings, client, clock, adapters.rest.encode)


# ---------------------------------------------------------------------------------------------------- entrances


@dataclass(frozen=True, slots=True)
class Counter:
    """What every entrance hands things to, and asks."""

    accept: Accept
    mailbox: Mailbox
    store: Store
    content: Callable[[Message], Awaitable[Content]]
    clock: Clock
    judge: Judge
    seals: Seals


def entrances(config: Config, counter: Counter, platforms: Mapping[str, Connected]) -> list[Entrance]:
    """The interfaces offered to systems: JSON always, an axis' protocol where a system is configured for it."""
    systems = config.systems
    callers = {item.id: Caller(item.id, item.parties) for item in systems}
    rest = adapters.rest.RestEndpoints(
        counter.accept,
        counter.mailbox,
        counter.store,
        counter.content,
        counter.clock,
        counter.judge,
        counter.seals,
    )
    found = [Entrance(rest, KeyRing(counter.store, callers, counter.clock))]
    if seats := [seat for item in systems if (seat := _vxp_seat(item))]:
        found.append(_vxp_entrance(config, counter, platforms, seats))
    if credentials := dict(pair for item in systems if (pair := _lgsp_credential(item))):
        found.append(_lgsp_entrance(counter, credentials))
        if config.listen.intake.lgsp_login:
            found.append(Entrance(adapters.lgsp.LgspLogin(), adapters.lgsp.anyone))
    return found


def _vxp_entrance(
    config: Config, counter: Counter, platforms: Mapping[str, Connected], seats: list[adapters.vxp.VxpSeat]
) -> Entrance:
    national = (platform for platform in platforms.values() if isinstance(platform, adapters.vxp.VxpPlatform))
    parties = (item.parties for item in config.systems)
    agencies = adapters.vxp.PlatformAgencies(next(national, None), parties, counter.clock)
    served = adapters.vxp.VxpEndpoints(counter.accept, counter.mailbox, counter.store, counter.content, agencies)
    return Entrance(served, adapters.vxp.VxpIdentify(seats, counter.clock))


def _vxp_seat(item: System) -> adapters.vxp.VxpSeat | None:
    if item.adapter != "vxp" or item.system_id is None or item.secret is None:
        return None
    return adapters.vxp.VxpSeat(
        system=item.id,
        system_id=item.system_id,
        secret=adapters.vxp.Secret(item.secret.reveal()),
        parties=item.parties,
        timestamp_window=timedelta(seconds=item.timestamp_window),
        environment=item.environment,
    )


def _lgsp_entrance(counter: Counter, credentials: Mapping[str, adapters.lgsp.Credential]) -> Entrance:
    served = adapters.lgsp.LgspEndpoints(
        counter.accept, counter.mailbox, counter.store, counter.content, adapters.vxp.encode
    )
    return Entrance(served, adapters.lgsp.LgspIdentify(credentials))


def _lgsp_credential(item: System) -> tuple[str, adapters.lgsp.Credential] | None:
    if item.adapter != "lgsp" or item.system_id is None or item.secret is None:
        return None
    digest = adapters.lgsp.secret_digest(item.secret.reveal())
    return item.system_id, adapters.lgsp.Credential(Caller(item.id, item.parties), (digest,))
