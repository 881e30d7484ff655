"""A provincial document system that speaks the gateway's REST interface, the way a careful vendor would write it.

Sending: one Idempotency-Key per document, tried again with the same bytes until the gateway says accepted.
Receiving: list the mailbox, fetch, store, and only then acknowledge; the same document twice is stored once.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

import aiohttp

from sandbox.edxml import File, Organ
from sandbox.ledger import Ledger

_log = logging.getLogger("sandbox.department")
_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})


class Refused(Exception):
    """The gateway refused the document for good; `status` and `problem` are its answer."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(f"HTTP {status}: {problem.get('code') or problem}")
        self.status = status
        self.problem = problem


class GaveUp(Exception):
    """Nobody said accepted within the number of tries; the document may or may not have arrived."""


class Unclear(Exception):
    """The gateway could not be reached or did not answer usefully; try again after `wait` seconds if given."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The gateway's "accepted"."""

    message_id: str
    duplicate: bool
    tries: int


class DepartmentSystem:
    """One document system with one API key. Use as an async context manager.

    `sent` holds what was heard accepted, by Idempotency-Key; `received` what came from the mailbox, by content.
    With a folder both are journals that survive a restart.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        folder: Path | None = None,
        name: str = "department",
        timeout: float = 10.0,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        seed: int = 1,
    ) -> None:
        self.sent = Ledger(folder / f"{name}.sent.jsonl" if folder else None)
        self.received = Ledger(folder / f"{name}.received.jsonl" if folder else None)
        self.tries = 0
        self._base_url = base_url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {api_key}"}
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._pause = pause
        self._dice = Random(seed)  # noqa: S311 (jitter)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> DepartmentSystem:
        self._session = aiohttp.ClientSession(timeout=self._timeout, headers=self._headers)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def send(self, document: Mapping[str, Any], key: str, tries: int = 100) -> Acknowledged:
        """Send until accepted. Raises Refused for a final no, GaveUp after `tries`."""
        body = json.dumps(document, ensure_ascii=False).encode()
        headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
        for attempt in range(1, tries + 1):
            self.tries += 1
            try:
                answer = await self._ask("POST", "/api/v1/documents", body, headers)
            except Unclear as unclear:
                _log.debug("Chưa được nhận, sẽ gửi lại (not accepted yet): %s", unclear)
                await self._pause(self._wait(attempt, unclear.wait))
                continue
            accepted = Acknowledged(str(answer["message_id"]), bool(answer.get("duplicate")), attempt)
            self.sent.add(key, message_id=accepted.message_id, document_id=str(answer.get("document_id", "")))
            return accepted
        raise GaveUp(key)

    async def pull_once(self, result: str = "done", reason: str = "") -> int:
        """Take what the mailbox lists and acknowledge it with `result` (`fail` wants a reason); returns how many.

        A delivery that cannot be fetched or acknowledged just now stays for the next pull. Raises Refused.
        """
        taken = 0
        verdict = json.dumps({"result": result, **({"reason": reason} if reason else {})}).encode()
        try:
            listed = (await self._ask("GET", "/api/v1/mailbox"))["deliveries"]
        except Unclear:
            return 0
        for row in listed:
            path = f"/api/v1/mailbox/{quote(str(row['delivery']), safe='')}"
            try:
                self.keep(await self._ask("GET", path))
                await self._ask("POST", f"{path}/ack", verdict, {"Content-Type": "application/json"})
            except Unclear as unclear:
                _log.debug("Chưa nhận được %s (delivery failed): %s", row["delivery"], unclear)
                continue
            taken += 1
        return taken

    def keep(self, fetched: Mapping[str, Any]) -> bool:
        """Store one fetched delivery (its row with the content as `content`); False if it is here already."""
        content = fetched.get("content")
        content = content if isinstance(content, dict) else {}
        files = [file for file in content.get("attachments", []) if isinstance(file, dict)]
        return self.received.add(
            content_key(content, str(fetched.get("message_id"))),
            message_id=fetched.get("message_id"),
            kind=fetched.get("kind"),
            party=fetched.get("party"),
            urgent=fetched.get("urgent"),
            sender=(content.get("from") or {}).get("organ_id"),
            subject=content.get("subject"),
            document_id=content.get("document_id"),
            status=content.get("status"),
            files=[{"name": file.get("name"), "sha256": _sha256(file)} for file in files],
        )

    async def _ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        """One request; the decoded answer, Refused for a final no, Unclear for anything worth another try."""
        if self._session is None:
            raise RuntimeError("use 'async with'")
        try:
            async with self._session.request(method, self._base_url + path, data=body, headers=headers) as response:
                raw = await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unclear(f"{type(error).__name__}: {error}") from error
        if response.status in _TRANSIENT:
            after = response.headers.get("Retry-After", "")
            raise Unclear(f"HTTP {response.status}", float(after) if after.isdecimal() else None)
        if response.status >= 400:
            raise Refused(response.status, _problem(raw))
        try:
            return json.loads(raw) if raw else {}
        except ValueError as error:
            raise Unclear("answer is not JSON") from error

    def _wait(self, attempt: int, told: float | None) -> float:
        """Seconds before the next try: as told, else exponential from 0.1 to 5 with full jitter."""
        return told if told is not None else self._dice.uniform(0.02, min(5.0, 0.1 * 2 ** min(attempt, 10)))


def compose(
    sender: Organ,
    recipients: Iterable[Organ],
    number: str,
    notation: str,
    subject: str,
    on: str,
    files: Iterable[File] = (),
    priority: int = 0,
    **more: Any,
) -> dict[str, Any]:
    """Return a document in the REST interface's JSON; `on` is the date as YYYY-MM-DD, `more` goes over the rest."""
    return {
        "from": {"organ_id": sender.code, "name": sender.name},
        "to": [{"organ_id": organ.code, "name": organ.name} for organ in recipients],
        "code": {"number": number, "notation": notation},
        "promulgation": {"place": "Tây Ninh", "on": on},
        "type": {"type": 1, "detail": 0, "name": "Công văn"},
        "subject": subject,
        "content": subject,
        "signer": {"competence": "TL. CHỦ TỊCH", "position": "Giám đốc", "full_name": "Nguyễn Văn A"},
        "other": {"priority": priority, "copies": 1, "pages": 1},
        "business": {"type": 0, "reason": "Văn bản điện tử mới"},
        "attachments": [
            {
                "name": file.name,
                "media_type": file.content_type,
                "description": file.name,
                "content": base64.b64encode(file.content).decode(),
            }
            for file in files
        ],
        **more,
    }


def content_key(content: Mapping[str, Any], message_id: str) -> str:
    """Return the key by which the same document or status is recognised, whatever delivery brought it.

    Notices and unreadable content have no identity of their own and go by the message id.
    """
    sender = (content.get("from") or {}).get("organ_id")
    if "status" in content:
        identity = ["status", sender, content.get("about"), content["status"], content.get("at")]
    elif content.get("document_id"):
        digests = sorted(_sha256(file) for file in content.get("attachments", []))
        identity = ["edoc", sender, content["document_id"], (content.get("business") or {}).get("type", 0), digests]
    else:
        identity = ["message", message_id]
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


def _sha256(file: Mapping[str, Any]) -> str:
    return hashlib.sha256(base64.b64decode(str(file.get("content", "")))).hexdigest()


def _problem(raw: bytes) -> Mapping[str, Any]:
    try:
        problem = json.loads(raw)
    except ValueError:
        return {"detail": raw[:200].decode("utf-8", "replace")}
    return problem if isinstance(problem, dict) else {"detail": problem}
