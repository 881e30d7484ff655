"""A receiver of webhooks as the gateway uses it: a destination."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from adapters.webhook.answers import outcome_of, outcome_of_fault
from adapters.webhook.payload import Render, payload
from adapters.webhook.settings import WebhookSettings
from adapters.webhook.signature import signature
from gateway.client import CallFault, Client
from gateway.clock import Clock
from gateway.model.delivery import Delivery, Outcome, Purpose, Rejected
from gateway.model.document import Content
from gateway.model.message import Message
from gateway.ports import Outbound, Parcel, Repeat

AGENT: Final = "LienThong-Webhook/1"
MAX_ANSWER: Final = 1 << 20
THREAD_ABOVE: Final = 256 * 1024
"""Bytes above which signing leaves the event loop."""


class WebhookSystem(Outbound):
    """One system that is pushed to. The webhook-id is the delivery's id, the same for every try, so repeat is safe.

    *client* must know the url's origin; it follows no redirect. *render* gives the content as JSON where the settings
    ask for it.
    """

    dialect = "webhook"
    repeat = Repeat.SAFE

    def __init__(self, settings: WebhookSettings, client: Client, clock: Clock, render: Render) -> None:
        self._settings = settings
        self._client = client
        self._clock = clock
        self._render = render
        self._log = structlog.get_logger("adapters.webhook").bind(system=settings.id)

    def examine(self, content: Content, dialect: str) -> None:
        """Whatever was accepted can be announced; with full content it must also be expressible as JSON."""
        if self._settings.content == "full":
            self._render(content)

    def encode(self, parcel: Parcel) -> bytes:
        """The JSON body, the same for every try. The signature covers the time of a try, so `send` makes it."""
        if parcel.message is None or parcel.delivery.purpose is Purpose.ACKNOWLEDGEMENT:
            return b"{}"
        return payload(parcel, parcel.message, self._settings, self._render)

    async def send(self, delivery: Delivery, message: Message | None, wire: bytes, deadline: float) -> Outcome:
        """One signed POST. Codes: see `answers`."""
        if message is None or delivery.purpose is Purpose.ACKNOWLEDGEMENT:
            return Rejected("webhook.nothing", "there is no message to announce")
        started = self._clock.monotonic()
        try:
            outcome = await self._post(delivery.id, wire, min(deadline, self._settings.timeout))
        except CallFault as fault:
            outcome = outcome_of_fault(fault)
        ms = round((self._clock.monotonic() - started) * 1000)
        self._log.info("webhook.call", delivery=delivery.id, ms=ms, result=outcome.code)
        return outcome

    async def _post(self, delivery_id: str, body: bytes, deadline: float) -> Outcome:
        timestamp = int(self._clock.now().timestamp())
        if len(body) > THREAD_ABOVE:
            headers = await asyncio.to_thread(self._headers, delivery_id, timestamp, body)
        else:
            headers = self._headers(delivery_id, timestamp, body)
        url = self._settings.url
        answer = await self._client.call("POST", url, headers, body, deadline=deadline, max_answer=MAX_ANSWER)
        return outcome_of(answer, self._clock.now())

    def _headers(self, delivery_id: str, timestamp: int, body: bytes) -> dict[str, str]:
        return {
            "Content-Type": "application/json",
            "User-Agent": AGENT,
            "webhook-id": delivery_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(self._settings.secrets, delivery_id, timestamp, body),
        }
