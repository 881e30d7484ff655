"""The composition root: builds everything from one frozen configuration, runs it, takes it down in order."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from random import SystemRandom

import structlog

import adapters.vxp
from adapters.webhook import WebhookSystem
from gateway import __version__
from gateway.assembly import DIALECTS, Connected, Counter, entrances, platform_of, webhook_of
from gateway.client import Client
from gateway.clock import SystemClock
from gateway.config import Config
from gateway.config.model import Platform, System
from gateway.delivery.attempt import AttemptStory
from gateway.delivery.gate import Breaker
from gateway.delivery.notice import Notices
from gateway.delivery.rescue import Expiry, rescue
from gateway.delivery.retry import RetryPolicy
from gateway.delivery.worker import Worker
from gateway.errors import Refusal
from gateway.intake.accept import AcceptStory
from gateway.intake.arrival import Arrivals
from gateway.intake.http import Entrance, IntakeHttp
from gateway.intake.limits import DiskGate, IntakeLimits, Strangers
from gateway.intake.poller import PollLoop, PollSettings
from gateway.intake.routing import Lifetimes, Route, Routing, Seat
from gateway.intake.secrecy import Secrecy, SecrecySettings
from gateway.intake.settle import Settling
from gateway.intake.validation import Peer
from gateway.model.document import Content
from gateway.model.message import Message
from gateway.model.party import Parties
from gateway.notary import Notary, demands
from gateway.ports import Outbound
from gateway.proof.sealer import Sealer
from gateway.server.control import ControlSocket
from gateway.server.listeners import Address, Listener
from gateway.server.management import management_application
from gateway.server.operations import Directory, Operations
from gateway.storage import SqliteStore, StoreSettings, open_store
from gateway.telemetry import CrashPoint, Metrics

log = structlog.get_logger("gateway")


class Gateway:
    """One running gateway. Built whole by the constructor, started by `run`; nothing is looked up later."""

    def __init__(self, config: Config, store: SqliteStore, reach: CrashPoint) -> None:
        self.config = config
        self.store = store
        self.clock = SystemClock()
        self.metrics = Metrics()
        self._random = SystemRandom()
        self._reach = reach
        self._routing = _routing(config)
        self._gate = DiskGate(store.free_bytes, config.store.reserve, self.clock)
        self._secrecy = Secrecy(SecrecySettings(**config.secrecy.model_dump()))
        self.notary = Notary(config, store, self.clock)
        self._strangers = Strangers(config.listen.intake.stranger_calls_per_minute, self.clock)
        self._clients: list[Client] = []
        self.platforms = {item.id: self._platform(item) for item in config.platforms}
        self.webhooks = {item.id: self._webhook(item, item.url) for item in config.systems if item.url}
        self._notices = Notices(self._mailbox_of, self.clock)
        self.accept = self._accept_story()
        self.workers = {item.id: self._worker(item, self.platforms[item.id]) for item in config.platforms}
        self.workers |= {item.id: self._worker(item, self.webhooks[item.id]) for item in config.systems if item.url}
        self.settling = Settling(store, self.accept, self.platforms, self.clock, self.wake)
        self.expiry = Expiry(store, self._notices, self.clock, self.wake)
        self.operations = Operations(store, self.settling, self.clock, _directory(config), self.wake)

    # -- what is built -------------------------------------------------------------------------------------------

    def _client(self, url: str, ca_file: Path | None) -> Client:
        client = Client([url], ca_file=ca_file)
        self._clients.append(client)
        return client

    def _platform(self, item: Platform) -> Connected:
        return platform_of(item, self._client(item.base_url, item.ca_file), self.clock, self._random)

    def _webhook(self, item: System, url: str) -> WebhookSystem:
        return webhook_of(item, url, self._client(url, item.ca_file), self.clock)

    def _accept_story(self) -> AcceptStory:
        peers = {item.id: Peer(item.id, False, item.parties, item.status_order) for item in self.config.systems}
        peers |= {item.id: Peer(item.id, True, Parties(())) for item in self.config.platforms}
        return AcceptStory(
            store=self.store,
            dialects=DIALECTS,
            peers=peers,
            routing=self._routing,
            platforms={**self.platforms, **self.webhooks},
            gate=self._gate,
            clock=self.clock,
            metrics=self.metrics,
            wake=self.wake,
            secrecy=self._secrecy,
            signatures=self.notary.signatures,
        )

    def _worker(self, item: Platform | System, outbound: Outbound) -> Worker:
        delivery = self.config.delivery
        attempt = AttemptStory(
            store=self.store,
            outbound=outbound,
            dialects=DIALECTS,
            tell=self._notices,
            retry=RetryPolicy(first=delivery.retry_first, cap=delivery.retry_max),
            deadline=item.deadline,
            clock=self.clock,
            random=self._random,
            reach=self._reach,
            sealing=self.notary.sealing(item.id),
        )
        return Worker(
            destination=item.id,
            store=self.store,
            attempt=attempt,
            breaker=Breaker(self.clock, self._random),
            slots=item.slots,
            clock=self.clock,
            metrics=self.metrics,
            wake=self.wake,
        )

    def poll_loops(self) -> list[PollLoop]:
        """One loop per polled platform and message type."""
        return [
            PollLoop(
                platform=item.id,
                type=type,
                poller=self.platforms[item.id],
                story=self.accept,
                store=self.store,
                settings=PollSettings(interval=item.poll_interval),
                clock=self.clock,
                random=self._random,
                metrics=self.metrics,
                wake=self.wake,
                reach=self._reach,
                secrecy=self._secrecy,
            )
            for item in self.config.platforms
            if item.poll
            for type in self.platforms[item.id].types
        ]

    def intake_listener(self) -> Listener:
        """The province's side: TLS, and plain HTTP only where the configuration names an address for it."""
        intake = self.config.listen.intake
        limits = IntakeLimits(
            body=intake.max_body,
            in_flight=intake.max_in_flight,
            body_timeout=intake.body_timeout,
            disk_reserve=self.config.store.reserve,
        )
        http = IntakeHttp(
            store=self.store,
            limits=limits,
            strangers=self._strangers,
            clock=self.clock,
            metrics=self.metrics,
            secrecy=self._secrecy,
        )
        addresses = []
        if intake.tls and intake.address:
            addresses.append(Address(intake.address.host, intake.address.port, intake.tls_certificate, intake.tls_key))
        if intake.plain_http:
            addresses.append(Address(intake.plain_http.host, intake.plain_http.port))
        app = http.application(self._entrances())
        return Listener(app, addresses, header_limit=intake.header_limit, max_connections=intake.max_connections)

    def _entrances(self) -> list[Entrance]:
        notary = self.notary
        counter = Counter(
            self.accept, self._arrivals(), self.store, self._content, self.clock, notary.judge, notary.seals
        )
        return entrances(self.config, counter, self.platforms)

    def _arrivals(self) -> Arrivals:
        """The mailbox with the automatic 01 for the parties that delegated it."""
        delegated = {item.id: item.automatic_arrival for item in self.config.systems if item.automatic_arrival}
        return Arrivals(self.store, delegated, self._routing, adapters.vxp.encode, self.clock, self.wake)

    def console_listener(self) -> Listener:
        """The management side."""
        app = management_application(self.require_ready, self.metrics)
        address = self.config.listen.console.address
        return Listener(app, [Address(address.host, address.port)] if address else [], max_connections=100)

    # -- what the parts ask for ----------------------------------------------------------------------------------

    def wake(self, destinations: tuple[str, ...]) -> None:
        """Tell the workers of *destinations* that there is something to do; mailboxes are pulled and need none."""
        for destination in destinations:
            if worker := self.workers.get(destination):
                worker.wake()

    async def require_ready(self) -> None:
        """Return if a message would be accepted now; else Refusal or StoreUnavailable."""
        await self._gate.require_open()
        await self.store.require_writable()

    def _mailbox_of(self, peer: str) -> str | None:
        return peer if any(item.id == peer for item in self.config.systems) else None

    async def _content(self, message: Message) -> Content:
        raw = await self.store.body(message.body.id)
        decode = DIALECTS.get(message.dialect)
        if decode is None:
            raise Refusal("http.media_type", detail=f"{message.dialect} has no content of its own")
        return (await asyncio.to_thread(decode, raw)).content

    # -- running -------------------------------------------------------------------------------------------------

    async def run(self, ready: Callable[[list[int], list[int]], None] = lambda intake, console: None) -> None:
        """Serve until cancelled or until a part fails; then stop accepting first and let attempts finish. *ready* is
        told the ports that were bound.
        """
        await self.store.record("server.started", {"start": self.store.start, "version": __version__})
        await rescue(self.store)
        await self.notary.start()
        intake, console = self.intake_listener(), self.console_listener()
        control = ControlSocket(self.config.gateway.data_dir / "control.sock", self.operations)
        try:
            async with asyncio.TaskGroup() as group:
                await intake.start()
                await console.start()
                await control.start()
                for loop in self._loops():
                    group.create_task(loop)
                ready(intake.ports, console.ports)
        finally:
            await control.stop()
            await intake.stop()
            await console.stop()
            await self.notary.close()
            for client in self._clients:
                await client.close()

    def _loops(self) -> list[Coroutine[None, None, None]]:
        sealer = Sealer(self.store, self.clock, interval=self.config.audit.seal_interval, reach=self._reach)
        loops = [worker.run() for worker in self.workers.values()]
        loops += [loop.run() for loop in self.poll_loops()]
        return [
            *loops,
            *self.notary.loops(),
            self.expiry.run(),
            sealer.run(),
            self._count_strangers(),
            self._watch_loop(),
            self._watch_store(),
        ]

    async def _count_strangers(self) -> None:
        """One entry per source network and minute; strangers leave nothing else (P7)."""
        while True:
            await self.clock.sleep(60)
            for network, count in self._strangers.settle().items():
                await self.store.record("strangers.refused", {"network": network, "count": count})

    async def _watch_loop(self) -> None:
        """Measure how late the event loop wakes."""
        while True:
            due = self.clock.monotonic() + 0.1
            await self.clock.sleep(0.1)
            self.metrics.loop_lag_seconds.observe(max(0.0, self.clock.monotonic() - due))

    async def _watch_store(self) -> None:
        """End the program when durability can no longer be promised: the next commit may falsely succeed (P6), and
        only a new process that re-reads the disk may go on. The supervisor starts it."""
        while True:
            await self.store.require_writable()
            await self.clock.sleep(1.0)


def _routing(config: Config) -> Routing:
    delivery = config.delivery
    return Routing(
        seats=tuple(Seat(item.id, item.parties) for item in config.systems),
        routes=tuple(Route(item.to, item.platform, demands(item.signatures)) for item in config.effective_routes),
        via_platform=frozenset(item.id for item in config.platforms if item.local == "via_axis"),
        lifetimes=Lifetimes(
            platform=timedelta(seconds=delivery.expiry),
            platform_urgent=timedelta(seconds=delivery.urgent_expiry),
            mailbox=timedelta(seconds=delivery.mailbox_expiry),
        ),
    )


def _directory(config: Config) -> Directory:
    systems = {item.id: item.parties for item in config.systems}
    pushed = frozenset(item.id for item in config.systems if item.url)
    return Directory(systems, frozenset(item.id for item in config.platforms), pushed)


def store_settings(config: Config) -> StoreSettings:
    """What the store needs to know of the configuration."""
    return StoreSettings(
        data_dir=config.gateway.data_dir,
        inline_limit=config.store.inline_limit,
        quarantine_quota_bytes=config.store.quarantine_quota,
    )


@asynccontextmanager
async def open_gateway(config: Config) -> AsyncIterator[Gateway]:
    """The gateway with its store open and its data directory locked; nothing runs yet."""
    reach = CrashPoint(os.environ)
    store = await open_store(
        store_settings(config),
        SystemClock(),
        reach,
        mailboxes=frozenset(item.id for item in config.systems if not item.url),
        platforms=frozenset(item.id for item in config.platforms),
    )
    try:
        yield Gateway(config, store, reach)
    finally:
        await store.close()


@asynccontextmanager
async def open_offline(config: Config) -> AsyncIterator[Operations]:
    """The operations that change state, while no server runs."""
    async with open_gateway(config) as gateway:
        yield gateway.operations


def _leave_no_core() -> None:
    """A core file would hold what is never stored: secrets, and documents that were withheld (DESIGN §7). Where a
    sandbox forbids the call, the service manager sets the limit."""
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


async def serve(config: Config, ready: Callable[[list[int], list[int]], None] = lambda intake, console: None) -> int:
    """Run until SIGTERM or SIGINT. 0 after an orderly end, 1 if a part failed."""
    _leave_no_core()
    loop = asyncio.get_running_loop()
    async with open_gateway(config) as gateway:
        running = asyncio.create_task(gateway.run(ready))
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, running.cancel)
        loop.add_signal_handler(signal.SIGHUP, log.warning, "SIGHUP: a changed configuration needs a restart")
        try:
            await running
        except asyncio.CancelledError:
            log.info("stopped")
            return 0
        except ExceptionGroup as failures:
            for failure in failures.exceptions:
                log.error("a part failed; stopping", error=repr(failure))
            return 1
    return 0
