"""Calling the axis as a simulated document system does: own header signing, own answer reading."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import aiohttp

from sandbox.wire import PREFIX, VIETNAM

VERSION = "3.0.201608"
AGENT = "JAVASDKAgent/1.0.0 XRoad/VPCP"
FILE_TYPE = "application/octet-stream"
_STORE_PATH = "xml"
"""The client's own folder, which the SDK discloses in every getEdoc."""


class AxisFailure(Exception):
    """The axis answered, but not with success: FAIL, an HTTP error, or nothing that can be read.

    `wait` is Retry-After in seconds where it was told.
    """

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class AxisRefusal(AxisFailure):
    """The axis said FAIL: `code` and `description` are its ErrorCode and ErrorDesc."""

    def __init__(self, operation: str, answer: Mapping[str, Any]) -> None:
        super().__init__(f"{operation}: {answer}")
        self.code = str(answer.get("ErrorCode", ""))
        self.description = str(answer.get("ErrorDesc", ""))


class Caller:
    """One system's connection to the axis, or to whatever speaks its protocol. Use as an async context manager.

    `stamp` is the clock of the signed timestamp (Vietnamese time). `leaked` holds the parameters of earlier calls of
    a program whose SDK signs them again with later ones; None keeps calls apart.
    """

    def __init__(
        self,
        base_url: str,
        system_id: str,
        secret: str,
        timeout: float = 10.0,
        stamp: Callable[[], datetime] = lambda: datetime.now(VIETNAM),
        leaked: dict[str, str] | None = None,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._system_id = system_id
        self._secret = secret
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._stamp = stamp
        self._leaked = leaked
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Caller:
        self._session = aiohttp.ClientSession(timeout=self._timeout)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def send(
        self, sender: str, message_type: str, file: bytes, to: Sequence[str] | None = None, torn: bool = False
    ) -> str:
        """Send a package and return the axis' DocId. Raises AxisFailure, aiohttp.ClientError or TimeoutError.

        With `torn` the connection breaks in the middle of the body.
        """
        digest = "".join(f"{byte:x}" for byte in hashlib.sha256(file).digest())
        params = {"servicetype": "eDoc", "messagetype": message_type, "hash-file": digest, "from": sender}
        if to is not None:
            params["to"] = json.dumps(to)
        elif self._leaked is not None:
            self._leaked.pop("to", None)  # its addressees would otherwise be those of another document
        answer = await self.call("sendEdoc", params, file + b"\r\n", FILE_TYPE, torn)
        return str(answer.get("DocId", ""))

    async def pending(self, message_type: str, party: str | None = None) -> list[Mapping[str, str]]:
        """Return the rows of what this system has not acknowledged; with `party` those of one of its parties.

        A gateway narrows its list by the `to` parameter, the axis lists everything: rows of others are left out here.
        """
        params = {"servicetype": "eDoc", "messagetype": message_type}
        if party is not None and self._leaked is None:
            params["to"] = party
        answer = await self.call("getReceivedEdocList", params)
        rows: list[Mapping[str, str]] = list(answer.get("data") or [])
        return [row for row in rows if party is None or party in codes_of(str(row.get("to", "")))]

    async def sent(self, message_type: str = "edoc", doc_id: str | None = None) -> list[Mapping[str, str]]:
        """Return what became of this system's packages, one row per recipient."""
        params = {"servicetype": "eDoc", "messagetype": message_type}
        answer = await self.call("getSentEdocList", params if doc_id is None else {**params, "docId": doc_id})
        return list(answer.get("data") or [])

    async def fetch(self, doc_id: str) -> bytes:
        """Return the file of a received package."""
        folder = {} if self._leaked is None else {"filePath": _STORE_PATH}
        answer = await self.call("getEdoc", {"docId": doc_id, **folder}, b"{}")
        try:
            return base64.b64decode(str(answer.get("data")), validate=True)
        except binascii.Error as error:
            raise AxisFailure(f"getEdoc: damaged base64 for {doc_id}") from error

    async def acknowledge(self, doc_id: str, state: str, reason: str = "") -> None:
        """Tell the axis that a package is done, failed (a gateway keeps the reason) or in processing."""
        params = {"docId": doc_id, "status": state, **({"reason": reason} if reason else {})}
        await self.call("updateStatus", params, b"{}")

    async def call(
        self,
        operation: str,
        params: Mapping[str, str],
        body: bytes = b"",
        content_type: str = "application/json",
        torn: bool = False,
    ) -> dict[str, Any]:
        """Sign and send one request; return the decoded answer if it says OK."""
        if self._session is None:
            raise RuntimeError("use 'async with'")
        if self._leaked is not None:
            self._leaked.update(params)
            params = dict(self._leaked)
        headers = signed_headers(self._system_id, self._secret, params, content_type, self._stamp())
        if torn:
            headers["Content-Length"] = str(len(body))
        sent = half_of(body) if torn else body
        async with self._session.post(f"{self._base_url}/{operation}", data=sent, headers=headers) as response:
            raw = await response.read()
            if response.status != 200:
                after = response.headers.get("Retry-After", "")
                raise AxisFailure(f"{operation}: HTTP {response.status}", float(after) if after.isdecimal() else None)
        try:
            answer = json.loads(raw)
        except ValueError as error:
            raise AxisFailure(f"{operation}: unreadable answer") from error
        if not isinstance(answer, dict):
            raise AxisFailure(f"{operation}: {answer}")
        if answer.get("status") != "OK":
            raise AxisRefusal(operation, answer)
        return answer


async def half_of(body: bytes) -> AsyncIterator[bytes]:
    """Yield the first half of a body, then break the connection."""
    yield body[: len(body) // 2]
    raise ConnectionResetError("broken off in the middle of the body")


def codes_of(to: str) -> tuple[str, ...]:
    """Return the codes in a row's `to`: one plainly, or several as JSON array text."""
    if not to.startswith("["):
        return (to,) if to else ()
    try:
        return tuple(str(code) for code in json.loads(to))
    except ValueError:
        return (to,)


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
