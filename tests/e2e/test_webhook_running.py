"""A system that is pushed to, over a running gateway. Signatures are verified from the standard's text."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from province import Province, document, running_gateway

from gateway.server.operations import Order
from sandbox.app import Running

KEY = bytes(range(32))
OLD_KEY = bytes(range(32, 64))
SYSTEM = """
adapter = "webhook"
url = "{url}"
secret = "file:snv.secret"
content = "{content}"
public_url = "https://lienthong.example.vn"
parties = ["H53.01", "H53.01.*"]
"""


@dataclass(frozen=True)
class Push:
    """One call the receiver got."""

    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> Any:
        return json.loads(self.body)

    def signed_with(self, key: bytes) -> bool:
        """Standard Webhooks 1.0.0: base64 HMAC-SHA256 of id.timestamp.body, one of the blank-separated v1 values."""
        signed = f"{self.id}.{self.headers['webhook-timestamp']}.".encode() + self.body
        expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        given = self.headers["webhook-signature"].split(" ")
        return f"v1,{expected}" in given


@dataclass
class Receiver:
    """Answers with `statuses` in turn, the last one for ever."""

    url: str = ""
    statuses: list[int] = field(default_factory=lambda: [204])
    pushes: list[Push] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        self.pushes.append(Push(dict(request.headers), await request.read()))
        return web.Response(status=self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0])


@asynccontextmanager
async def pushed(
    folder: Path, sandbox: Running, *, content: str = "link", delivery: str = ""
) -> AsyncIterator[tuple[Province, Receiver]]:
    """A gateway whose system snv (H53.01 and below) is pushed to, beside stc (REST, H53.02)."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hooks/in", receiver.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hooks/in?tenant=snv"
    words = " ".join("whsec_" + base64.b64encode(key).decode() for key in (KEY, OLD_KEY))
    (folder / "snv.secret").write_text(words, encoding="utf-8")
    system = SYSTEM.format(url=receiver.url, content=content)
    try:
        async with running_gateway(folder, sandbox, system=system, delivery=delivery) as province:
            yield province, receiver
    finally:
        await runner.cleanup()


async def sent_to_snv(province: Province, number: str) -> str:
    """Let stc send a document to the pushed system; its message id."""
    body = document(number, to="H53.01", sender="H53.02")
    code, answer = await province.call("POST", "/api/v1/documents", system="stc", json=body)
    assert code == 202, answer
    return str(answer["message_id"])


async def test_a_document_is_announced_signed_with_every_key_and_can_be_fetched(
    tmp_path: Path, sandbox: Running
) -> None:
    async with pushed(tmp_path, sandbox) as (province, receiver):
        message_id = await sent_to_snv(province, "1")
        await province.delivered(message_id)
        (push,) = receiver.pushes
        assert push.signed_with(KEY) and push.signed_with(OLD_KEY) and not push.signed_with(b"x" * 32)
        assert abs(int(push.headers["webhook-timestamp"]) - time.time()) < 300
        event = push.event
        assert (event["type"], event["data"]["message_id"]) == ("document.received", message_id)
        assert (event["data"]["party"], event["data"]["subject"]) == ("H53.01", "V/v kiểm tra")
        assert "content" not in event["data"]
        fetch = event["data"]["links"]["fetch"]
        assert fetch.startswith("https://lienthong.example.vn/api/v1/mailbox/")
        status, fetched = await province.call("GET", fetch.removeprefix("https://lienthong.example.vn"))
        assert status == 200
        (attachment,) = fetched["content"]["attachments"]
        assert base64.b64decode(attachment["content"]) == b"%PDF-1.7 1"


async def test_a_receiver_that_is_unwell_gets_the_same_id_and_bytes_again_with_a_valid_signature(
    tmp_path: Path, sandbox: Running
) -> None:
    async with pushed(tmp_path, sandbox, content="full") as (province, receiver):
        receiver.statuses = [503, 503, 200]
        await province.delivered(await sent_to_snv(province, "2"))
        assert len(receiver.pushes) == 3
        assert len({(push.id, push.body) for push in receiver.pushes}) == 1
        assert all(push.signed_with(KEY) for push in receiver.pushes)
        (attachment,) = receiver.pushes[0].event["data"]["content"]["attachments"]
        assert base64.b64decode(attachment["content"]) == b"%PDF-1.7 2"


async def test_the_sender_is_told_by_a_push_that_its_document_expired(tmp_path: Path, sandbox: Running) -> None:
    async with pushed(tmp_path, sandbox, delivery='expiry = "300ms"') as (province, receiver):
        await province.control("POST", "/outage", json={"on": True})
        code, answer = await province.call("POST", "/api/v1/documents", json=document("3"))
        assert code == 202

        async def told_after_looking() -> bool:
            await province.gateway.expiry.expire_due()
            return bool(receiver.pushes)

        await province.until(told_after_looking)
        (push,) = receiver.pushes
        assert push.signed_with(KEY)
        told = push.event["data"]["notice"]
        assert push.event["type"] == "notice"
        assert (told["notice"], told["message_id"]) == ("delivery.expired", answer["message_id"])
        assert told["recipients"] == ["000.00.00.G22"]


async def test_the_queue_of_a_pushed_system_can_be_paused_and_goes_on_when_resumed(
    tmp_path: Path, sandbox: Running
) -> None:
    async with pushed(tmp_path, sandbox) as (province, receiver):
        await province.gateway.operations.perform(Order("queue.pause", "lan", {"destination": "snv"}, "bảo trì"))
        message_id = await sent_to_snv(province, "4")
        (delivery,) = await province.gateway.store.deliveries_of(message_id)
        assert (delivery.state, receiver.pushes) == ("queued", [])
        await province.gateway.operations.perform(Order("queue.resume", "lan", {"destination": "snv"}, "xong"))
        await province.delivered(message_id)
        assert len(receiver.pushes) == 1
