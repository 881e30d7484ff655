"""Calling the axis as a simulated document system does: own header signing, own answer reading."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import aiohttp

from sandbox.wire import PREFIX, VIETNAM

VERSION = "3.0.201608"
AGENT = "JAVASDKAgent/1.0.0 XRoad/VPCP"


class AxisFailure(Exception):
    """The axis answered, but not with success: FAIL, an HTTP error, or nothing that can be read."""


class Caller:
    """One system's connection to the axis. Use as an async context manager."""

    def __init__(self, base_url: str, system_id: str, secret: str, timeout: float = 10.0) -> None:
        self._base_url = base_url.rstrip("/")
        self._system_id = system_id
        self._secret = secret
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Caller:
        self._session = aiohttp.ClientSession(timeout=self._timeout)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def send(self, sender: str, message_type: str, file: bytes, to: list[str] | None = None) -> str:
        """Send a package and return the axis' DocId. Raises AxisFailure, aiohttp.ClientError or TimeoutError."""
        digest = "".join(f"{byte:x}" for byte in hashlib.sha256(file).digest())
        params = {"servicetype": "eDoc", "messagetype": message_type, "hash-file": digest, "from": sender}
        if to is not None:
            params["to"] = json.dumps(to)
        answer = await self.call("sendEdoc", params, file + b"\r\n", "application/octet-stream")
        return str(answer.get("DocId", ""))

    async def pending(self, message_type: str) -> list[Mapping[str, str]]:
        """Return the rows of what this system has not acknowledged."""
        answer = await self.call("getReceivedEdocList", {"servicetype": "eDoc", "messagetype": message_type})
        return list(answer.get("data") or [])

    async def fetch(self, doc_id: str) -> bytes:
        """Return the file of a received package."""
        answer = await self.call("getEdoc", {"docId": doc_id}, b"{}")
        try:
            return base64.b64decode(str(answer.get("data")), validate=True)
        except binascii.Error as error:
            raise AxisFailure(f"getEdoc: damaged base64 for {doc_id}") from error

    async def acknowledge(self, doc_id: str, state: str) -> None:
        """Tell the axis that a package is done, failed or in processing."""
        await self.call("updateStatus", {"docId": doc_id, "status": state}, b"{}")

    async def call(
        self, operation: str, params: Mapping[str, str], body: bytes = b"", content_type: str = "application/json"
    ) -> dict[str, Any]:
        """Sign and send one request; return the decoded answer if it says OK."""
        if self._session is None:
            raise RuntimeError("use 'async with'")
        headers = signed_headers(self._system_id, self._secret, params, content_type, datetime.now(VIETNAM))
        async with self._session.post(f"{self._base_url}/{operation}", data=body, headers=headers) as response:
            raw = await response.read()
            if response.status != 200:
                raise AxisFailure(f"{operation}: HTTP {response.status}")
        try:
            answer = json.loads(raw)
        except ValueError as error:
            raise AxisFailure(f"{operation}: unreadable answer") from error
        if not isinstance(answer, dict) or answer.get("status") != "OK":
            raise AxisFailure(f"{operation}: {answer}")
        return answer


def signed_headers(
    system_id: str, secret: str, params: Mapping[str, str], content_type: str, now: datetime
) -> dict[str, str]:
    """Return all headers of a call with their signature (reference §6.2). `now` is Vietnamese local time."""
    stamp = f"{now:%d%m%YT%H%M%S}+{now.microsecond // 1000:04d}"
    values = {"systemid": system_id, **params, "timestamp": stamp, "Content-Type": content_type}
    signed = json.dumps(
        {PREFIX + name: value for name, value in values.items()}, separators=(",", ":"), ensure_ascii=False
    )
    return {
        **{PREFIX + name: value for name, value in values.items()},
        "Content-Type": content_type,
        PREFIX + "sign-header-key": ";".join(values),
        PREFIX + "sign-header": signed,
        PREFIX + "hash-header": hmac.new(secret.encode(), signed.encode(), hashlib.sha256).hexdigest(),
        PREFIX + "version": VERSION,
        "User-Agent": AGENT,
    }
