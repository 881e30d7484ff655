"""The composition root: builds everything from one frozen configuration, runs it, takes it down in order."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from random import SystemRandom

import structlog

import adapters.rest
import adapters.vxp
from gateway import __version__
from gateway.client import Client
from gateway.clock import SystemClock
from gateway.config import Config
from gateway.config.model import Platform
from gateway.delivery.attempt import AttemptStory
from gateway.delivery.gate import Breaker
from gateway.delivery.notice import Notices
from gateway.delivery.rescue import Expiry, rescue
from gateway.delivery.retry import RetryPolicy
from gateway.delivery.worker import Worker
from gateway.errors import Refusal
from gateway.intake.accept import AcceptStory
from gateway.intake.http import Entrance, IntakeHttp
from gateway.intake.identify import KeyRing
from gateway.intake.limits import DiskGate, IntakeLimits, Strangers
from gateway.intake.poller import PollLoop, PollSettings
from gateway.intake.routing import Lifetimes, Route, Routing, Seat
from gateway.intake.settle import Settling
from gateway.intake.validation import Peer
from gateway.model.access import Caller
from gateway.model.document import Content
from gateway.model.message import Message
from gateway.model.party import Parties
from gateway.ports import Decode
from gateway.proof.sealer import Sealer
from gateway.server.control import ControlSocket
from gateway.server.listeners import Address, Listener
from gateway.server.management import management_application
from gateway.server.operations import Directory, Operations
from gateway.storage import SqliteStore, StoreSettings, open_store
from gateway.telemetry import CrashPoint, Metrics

log = structlog.get_logger("gateway")

DIALECTS: dict[str, Decode] = {"edxml": adapters.vxp.decode, "rest-json": adapters.rest.decode}
"""Every dialect whose bytes can lie in the store, and how it is read."""


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
        self._strangers = Strangers(config.listen.intake.stranger_calls_per_minute, self.clock)
        self._clients: list[Client] = []
        self.platforms = {item.id: self._platform(item) for item in config.platforms}
        self._notices = Notices(self._mailbox_of, self.clock)
        self.accept = self._accept_story()
        self.workers = {item.id: self._worker(item) for item in config.platforms}
        self.settling = Settling(store, self.accept, self.platforms, self.clock, self.wake)
        self.expiry = Expiry(store, self._notices, self.clock, self.wake)
        self.operations = Operations(store, self.settling, self.clock, _directory(config), self.wake)

    # -- what is built -------------------------------------------------------------------------------------------

    def _platform(self, item: Platform) -> adapters.vxp.VxpPlatform:
        settings = adapters.vxp.VxpSettings(
            id=item.id,
            base_url=item.base_url,
            system_id=item.system_id,
            secret=adapters.vxp.Secret(item.secret.reveal()),
            requests_per_second=item.requests_per_second,
            hash_file=item.hash_file,
            to_header=item.to_header,
            wrap_attachments=item.wrap_attachments,
            rejected_codes=frozenset(item.rejected_codes),
        )
        client = Client([item.base_url], ca_file=item.ca_file)
        self._clients.append(client)
        return adapters.vxp.VxpPlatform(settings, client, self.clock, self._random)

    def _accept_story(self) -> AcceptStory:
        peers = {item.id: Peer(item.id, False, item.parties) for item in self.config.systems}
        peers |= {item.id: Peer(item.id, True, Parties(())) for item in self.config.platforms}
        return AcceptStory(
            store=self.store,
            dialects=DIALECTS,
            peers=peers,
            routing=self._routing,
            platforms=self.platforms,
            gate=self._gate,
            clock=self.clock,
            metrics=self.metrics,
            wake=self.wake,
        )

    def _worker(self, item: Platform) -> Worker:
        delivery = self.config.delivery
        attempt = AttemptStory(
            store=self.store,
            outbound=self.platforms[item.id],
            dialects=DIALECTS,
            tell=self._notices,
            retry=RetryPolicy(first=delivery.retry_first, cap=delivery.retry_max),
            deadline=item.deadline,
            clock=self.clock,
            random=self._random,
            reach=self._reach,
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
        callers = {item.id: Caller(item.id, item.parties) for item in self.config.systems}
        http = IntakeHttp(
            store=self.store,
            limits=limits,
            strangers=self._strangers,
            clock=self.clock,
            metrics=self.metrics,
        )
        rest = adapters.rest.RestEndpoints(self.accept, self.store, self.store, self._content, self.clock)
        addresses = []
        if intake.tls and intake.address:
            addresses.append(Address(intake.address.host, intake.address.port, intake.tls_certificate, intake.tls_key))
        if intake.plain_http:
            addresses.append(Address(intake.plain_http.host, intake.plain_http.port))
        app = http.application([Entrance(rest, KeyRing(self.store, callers, self.clock))])
        return Listener(app, addresses, header_limit=intake.header_limit, max_connections=intake.max_connections)

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
            for client in self._clients:
                await client.close()

    def _loops(self) -> list[Coroutine[None, None, None]]:
        sealer = Sealer(self.store, self.clock, interval=self.config.audit.seal_interval, reach=self._reach)
        loops = [worker.run() for worker in self.workers.values()]
        loops += [loop.run() for loop in self.poll_loops()]
        return [
            *loops,
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
        routes=tuple(Route(item.to, item.platform) for item in config.effective_routes),
        lifetimes=Lifetimes(
            platform=timedelta(seconds=delivery.expiry),
            platform_urgent=timedelta(seconds=delivery.urgent_expiry),
            mailbox=timedelta(seconds=delivery.mailbox_expiry),
        ),
    )


def _directory(config: Config) -> Directory:
    systems = {item.id: item.parties for item in config.systems}
    return Directory(systems, frozenset(item.id for item in config.platforms))


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
        mailboxes=frozenset(item.id for item in config.systems),
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


async def serve(config: Config, ready: Callable[[list[int], list[int]], None] = lambda intake, console: None) -> int:
    """Run until SIGTERM or SIGINT. 0 after an orderly end, 1 if a part failed."""
    loop = asyncio.get_running_loop()
    async with open_gateway(config) as gateway:
        running = asyncio.create_task(gateway.run(ready))
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, running.cancel)
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
