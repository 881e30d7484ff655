"""What the tests of the sandbox's PKI share: running it, asking it, and openssl as the judge that shares no code."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sandbox.pki.faults import rule_from_json
from sandbox.pki.hierarchy import Hierarchy, Tree
from sandbox.pki.identity import Identity
from sandbox.pki.service import STAMP_QUERY, PkiSettings, RunningPki, start
from sandbox.wire import VIETNAM

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=VIETNAM)


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


async def run(*words: object, folder: Path | None = None) -> tuple[int, str]:
    """The exit code and everything a program said."""
    process = await asyncio.create_subprocess_exec(
        *map(str, words), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=folder
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode("utf-8", "replace")


@dataclass(frozen=True)
class Bench:
    """A running PKI, a folder with its trust, and the ways to ask it."""

    pki: RunningPki
    folder: Path

    @property
    def hierarchy(self) -> Hierarchy:
        return self.pki.hierarchy

    def fault(self, operation: str, action: str, **more: Any) -> None:
        self.pki.service.script.clear()
        self.pki.service.script.add([rule_from_json({"operation": operation, "action": action, **more})])

    def file(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path

    def organisation(self, **options: Any) -> Identity:
        return self.hierarchy.organisation("Sở Công Thương", **options)

    async def get(self, path: str, timeout: float = 10) -> tuple[int, bytes]:
        limit = aiohttp.ClientTimeout(total=timeout)
        async with aiohttp.ClientSession(timeout=limit) as session, session.get(self.pki.url + path) as response:
            return response.status, await response.read()

    async def post(self, path: str, body: bytes, media_type: str) -> tuple[int, bytes]:
        headers = {"Content-Type": media_type}
        async with (
            aiohttp.ClientSession() as session,
            session.post(self.pki.url + path, data=body, headers=headers) as response,
        ):
            return response.status, await response.read()

    async def ocsp(self, identity: Identity, *options: object, tree: Tree = "government") -> tuple[int, str]:
        """Ask with `openssl ocsp`."""
        issuer = self.folder / f"{self.hierarchy.issuing(tree).slug}.pem"
        root = self.folder / f"{self.hierarchy.root(tree).slug}.pem"
        certificate = self.file("asked.pem", identity.pem())
        asked = ("-issuer", issuer, "-cert", certificate, "-CAfile", root, "-url", f"{self.pki.url}/ocsp")
        return await run("openssl", "ocsp", *asked, *options)

    async def stamp(self, content: bytes, *options: object) -> tuple[Path, Path]:
        """Have `content` stamped; the files of the query and of the reply."""
        subject = self.file("stamped", content)
        query, reply = self.folder / "query.tsq", self.folder / "reply.tsr"
        code, said = await run("openssl", "ts", "-query", "-data", subject, *options, "-out", query)
        assert code == 0, said
        status, body = await self.post("/tsa", query.read_bytes(), STAMP_QUERY)
        assert status == 200
        reply.write_bytes(body)
        return query, reply

    async def verify_stamp(self, query: Path, reply: Path, *options: object) -> tuple[int, str]:
        root = self.folder / "root.pem"
        return await run("openssl", "ts", "-verify", "-in", reply, "-queryfile", query, "-CAfile", root, *options)


@asynccontextmanager
async def bench(folder: Path, now: Callable[[], datetime] | None = None, **settings: Any) -> AsyncIterator[Bench]:
    pki = await start(PkiSettings(**settings), now)
    try:
        pki.hierarchy.write_trust(folder)
        yield Bench(pki, folder)
    finally:
        await pki.stop()
