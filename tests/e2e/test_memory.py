"""P7: a message of 20 MB needs less than six times its size of memory, on its way out and on its way in, and while its
signatures are judged."""

from __future__ import annotations

import asyncio
import io
import json
import os
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
from province import CONFIG, document
from signed_province import SENDER, trust_directory

import adapters.rest
import adapters.vxp.codec
from gateway.config import load
from gateway.intake.identify import issue_key
from gateway.wiring import open_gateway
from sandbox.app import Running, start
from sandbox.edxml import File, Organ
from sandbox.pki.desk import Desk
from sandbox.settings import PROVINCE_SYSTEM, SandboxSettings
from sandbox.writing import Draft

ATTACHMENT = 20 * 1024 * 1024
"""Bytes of the attachment, incompressible."""
TIMES = 6
"""The promised bound: peak growth over the idle process, as a multiple of the body."""


@dataclass(frozen=True)
class Server:
    """A gateway in a process of its own, and how to call it as the system snv."""

    pid: int
    base_url: str
    session: aiohttp.ClientSession

    async def call(self, method: str, path: str, **options: Any) -> Any:
        """The decoded answer of one call, which must succeed."""
        async with self.session.request(method, self.base_url + path, **options) as response:
            answer = await response.json(content_type=None)
            assert response.status < 300, answer
            return answer

    def resident(self) -> int:
        """Bytes resident now."""
        return self._status("VmRSS")

    def peak(self) -> int:
        """The most bytes that were ever resident since `forget_peak`."""
        return self._status("VmHWM")

    def forget_peak(self) -> None:
        """Let the peak begin anew at what is resident now (proc(5), clear_refs)."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def _status(self, name: str) -> int:
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        (line,) = [line for line in lines if line.startswith(f"{name}:")]
        return int(line.split()[1]) * 1024


@asynccontextmanager
async def served_apart(folder: Path, sandbox: Running, more: str = "") -> AsyncIterator[Server]:
    """The command `serve` on a configuration below *folder*, *more* at its end."""
    secret = sandbox.systems[PROVINCE_SYSTEM].secret
    file = folder / "lienthong.toml"
    file.write_text(
        CONFIG.format(
            data_dir=folder / "state",
            axis_url=sandbox.axis_url,
            system_id=PROVINCE_SYSTEM,
            intake="",
            delivery="",
            platform="",
            receiver="",
            system='parties = ["H53.01", "H53.01.*"]',
        ).replace('deadline = "5s"', 'deadline = "60s"')
        + more,
        encoding="utf-8",
    )
    async with open_gateway(load(file, {"VXP_SECRET": secret})) as gateway:
        issued = issue_key("snv", datetime.now(UTC))
        await gateway.store.add_key(issued.key, "test")
    with (folder / "gateway.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway.cli", "serve", "--json", "-c", str(file),
            env={**os.environ, "VXP_SECRET": secret}, stdout=asyncio.subprocess.PIPE, stderr=log,
        )  # fmt: skip
    try:
        assert process.stdout
        ready = await process.stdout.readline()
        assert ready, (folder / "gateway.log").read_text()
        base_url = f"http://127.0.0.1:{json.loads(ready)['intake'][0]}"
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {issued.text}"}) as session:
            yield Server(process.pid, base_url, session)
    finally:
        process.terminate()
        await process.wait()


def written(number: str, content: bytes) -> bytes:
    """A document with one attachment as the body of a request."""
    files = [File("ban-ve.pdf", "application/pdf", content)]
    return json.dumps(document(number, to="000.00.00.G22", files=files), ensure_ascii=False).encode()


async def send(server: Server, body: bytes, media_type: str = "application/json") -> Any:
    """POST a document and wait until the axis has it; what is shown of it then."""
    headers = {"Content-Type": media_type}
    accepted = await server.call("POST", "/api/v1/documents", data=io.BytesIO(body), headers=headers)
    while True:
        shown = await server.call("GET", f"/api/v1/messages/{accepted['message_id']}")
        if all(row["state"] == "delivered" for row in shown["timeline"]):
            return shown
        await asyncio.sleep(0.05)


async def inject(sandbox: Running, number: str, size: int) -> int:
    """Put a package with one attachment of *size* bytes on the axis; the package's size."""
    query = f"/packages?from=000.00.00.G22&to=H53.01&number={number}&size={size}"
    async with aiohttp.ClientSession() as session:
        async with session.post(sandbox.control_url + query) as response:
            answer = await response.json()
            assert response.status == 201, answer
        async with session.get(f"{sandbox.control_url}/packages/{answer['docId']}/content") as response:
            return len(await response.read())


async def pull(server: Server) -> int:
    """Wait for a delivery in the mailbox, fetch its content, acknowledge it; the attachment's size in base64."""
    while not (waiting := (await server.call("GET", "/api/v1/mailbox"))["deliveries"]):
        await asyncio.sleep(0.05)
    path = f"/api/v1/mailbox/{waiting[0]['delivery']}"
    fetched = await server.call("GET", path)
    await server.call("POST", f"{path}/ack", json={"result": "done"})
    return len(fetched["content"]["attachments"][0]["content"])


def growth(server: Server, idle: int, size: int, what: str) -> float:
    """The peak since it was last forgotten, over *idle*, as a multiple of *size*; said aloud for the record."""
    times = (server.peak() - idle) / size
    print(f"{what}: body {size / 1e6:.1f} MB, peak {times:.2f} times the body over {idle / 1e6:.0f} MB idle")
    return times


async def test_a_large_document_needs_less_than_six_times_its_size_in_both_directions(
    tmp_path: Path, sandbox: Running
) -> None:
    noise = random.Random(7).randbytes(ATTACHMENT)
    as_json = written("2", noise)
    as_xml = adapters.vxp.codec.encode(adapters.rest.decode(written("3", noise)).content)
    async with asyncio.timeout(120), served_apart(tmp_path, sandbox) as server:
        await send(server, written("1", b"%PDF-1.7 warm"))
        await inject(sandbox, "1", 2000)
        await pull(server)
        idle = server.resident()

        server.forget_peak()
        await send(server, as_json)
        outbound = growth(server, idle, len(as_json), "out, JSON to axis")

        server.forget_peak()
        await send(server, as_xml, "application/xml")
        relayed = growth(server, idle, len(as_xml), "out, edXML to axis")

        package = await inject(sandbox, "2", ATTACHMENT)
        server.forget_peak()
        await pull(server)
        inbound = growth(server, idle, package, "in, axis to mailbox")
    assert outbound < TIMES
    assert relayed < TIMES
    assert inbound < TIMES


async def test_a_large_signed_document_needs_no_more_while_it_is_judged(tmp_path: Path) -> None:
    sandbox = await start(SandboxSettings(ministries_poll=False, pki_port=0))
    try:
        assert sandbox.pki is not None
        hierarchy = sandbox.pki.hierarchy
        trust_directory(hierarchy, tmp_path / "trust")
        trust = f'[trust]\ndirectory = "{tmp_path}/trust"\nfetch_from = ["{hierarchy.base_url}"]\n'
        small, large = await asyncio.to_thread(signed_pdfs, Desk(hierarchy))
        async with asyncio.timeout(120), served_apart(tmp_path, sandbox, trust) as server:
            await send(server, written("1", small))
            body, idle = written("2", large), server.resident()
            server.forget_peak()
            shown = await send(server, body)
            judged = growth(server, idle, len(body), "out, signed PDF")
    finally:
        await sandbox.stop()
    assert [(row["verdict"], row["signatures"]) for row in shown["signatures"]] == [("valid", 2)]
    assert judged < TIMES


def signed_pdfs(desk: Desk) -> tuple[bytes, bytes]:
    """A signed and sealed letter, and one that fills the attachment."""
    draft = Draft(SENDER, (Organ("000.00.00.G22", "Văn phòng Chính phủ"),), "12", "SNV-VP", "V/v ký số", "2026/11/20")
    small, large = (desk.files(draft, size=size)[0].content for size in (0, ATTACHMENT))
    return small, large
