"""A provincial document system that speaks the gateway's REST interface, the way a careful vendor would write it.

Sending: one Idempotency-Key per document, tried again with the same bytes until the gateway says accepted.
Receiving: list the mailbox, fetch, store, and only then acknowledge; the same document twice is stored once.
Statuses: as JSON about the message they answer, or as an edXML file of its own. Its habits may be bad ones.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import aiohttp

from sandbox.caller import half_of
from sandbox.edxml import File, Organ
from sandbox.habits import CAREFUL, Habits
from sandbox.ledger import Ledger
from sandbox.patience import GaveUp as GaveUp
from sandbox.patience import Patience
from sandbox.wire import VIETNAM
from sandbox.writing import Draft

if TYPE_CHECKING:
    from sandbox.pki.desk import Desk

_log = logging.getLogger("sandbox.department")
DOCUMENTS = "/api/v1/documents"
_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})


class Refused(Exception):
    """The gateway refused the document for good; `status` and `problem` are its answer."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(f"HTTP {status}: {problem.get('code') or problem}")
        self.status = status
        self.problem = problem


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
    """One document system with one API key for all its parties. Use as an async context manager.

    `sent` holds what was heard accepted, by Idempotency-Key; `received` what came from the mailbox, by content and
    party. With a folder both are journals that survive a restart.
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
        habits: Habits = CAREFUL,
        now: Callable[[], datetime] = lambda: datetime.now(VIETNAM),
        desk: Desk | None = None,
    ) -> None:
        self.sent = Ledger(folder / f"{name}.sent.jsonl" if folder else None)
        self.received = Ledger(folder / f"{name}.received.jsonl" if folder else None)
        self.tries = 0
        self.habits = habits
        self._base_url = base_url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {api_key}"}
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._patience = Patience(pause, seed)
        self._now = habits.wrong(now)
        self._desk = desk
        self._torn = 0
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> DepartmentSystem:
        self._session = aiohttp.ClientSession(timeout=self._timeout, headers=self._headers)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def send(self, document: Mapping[str, Any], key: str, tries: int = 100) -> Acknowledged:
        """Send until accepted. Raises Refused for a final no, GaveUp after `tries`.

        A system that sends twice does so under a second key, as a clerk does who fills the form in again.
        With a desk a document without attachments gets its letter, signed and sealed.
        """
        if self._desk is not None and not document.get("attachments"):
            letters = await asyncio.to_thread(self._desk.files, _draft(document))
            document = {**document, "attachments": _attachments(letters)}
        body = json.dumps(document, ensure_ascii=False).encode()
        accepted = await self._hand_in(DOCUMENTS, body, "application/json", key, tries)
        if self.habits.sends_twice:
            await self._hand_in(DOCUMENTS, body, "application/json", f"{key}-again", tries)
        return accepted

    async def send_edxml(self, file: bytes, key: str, tries: int = 100) -> Acknowledged:
        """Send an edXML file, document or status, as it is; otherwise like `send`."""
        return await self._hand_in(DOCUMENTS, file, "application/xml", key, tries)

    async def report(
        self,
        message_id: str,
        status: int,
        description: str = "",
        party: str = "",
        to: str = "",
        key: str | None = None,
        tries: int = 100,
    ) -> Acknowledged:
        """Report a status (1…6, 13, 15, 16) about a message until accepted; raises as `send` does.

        `party` is who reports, needed when this system acts for several of the recipients; `to` the receiver that a
        13 asks. The time is fixed before the first try, so that all tries say the same.
        """
        said = {
            "status": status,
            "description": description,
            "at": self._now().isoformat(timespec="seconds"),
            **({"from": party} if party else {}),
            **({"to": to} if to else {}),
        }
        path = f"{DOCUMENTS}/{quote(message_id, safe='')}/status"
        body = json.dumps(said, ensure_ascii=False).encode()
        own_key = key or f"status-{message_id}-{party}-{to}-{status}-{said['at']}"
        return await self._hand_in(path, body, "application/json", own_key, tries)

    async def pull_once(self, result: str = "", reason: str = "", party: str | None = None) -> int:
        """Take what the mailbox lists (for one party) and acknowledge it with `result` (`fail` wants a reason), by
        default as the habits are; returns how many.

        A delivery that cannot be fetched or acknowledged just now stays for the next pull. Raises Refused.
        """
        taken = 0
        verdicts = ((result, reason),) if result else self.habits.verdicts()
        narrowed = f"?party={quote(party, safe='')}" if party else ""
        try:
            listed = (await self._ask("GET", f"/api/v1/mailbox{narrowed}"))["deliveries"]
        except Unclear:
            return 0
        for row in listed:
            path = f"/api/v1/mailbox/{quote(str(row['delivery']), safe='')}"
            try:
                self.keep(await self._ask("GET", path))
                for verdict in verdicts:
                    await self._acknowledge(path, *verdict)
            except Unclear as unclear:
                _log.debug("Chưa nhận được %s (delivery failed): %s", row["delivery"], unclear)
                continue
            taken += 1
        return taken

    def received_by(self, party: str) -> list[Mapping[str, Any]]:
        """Return what one party received, oldest first."""
        return [record for record in self.received.records.values() if record["party"] == party]

    def keep(self, fetched: Mapping[str, Any]) -> bool:
        """Store one fetched delivery (its row with the content as `content`); False if it is here already."""
        content = fetched.get("content")
        content = content if isinstance(content, dict) else {}
        files = [file for file in content.get("attachments", []) if isinstance(file, dict)]
        return self.received.add(
            f"{content_key(content, str(fetched.get('message_id')))}|{fetched.get('party') or ''}",
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

    async def _hand_in(self, path: str, body: bytes, content_type: str, key: str, tries: int) -> Acknowledged:
        """Post until accepted, the same bytes under the same key each time."""
        headers = {"Idempotency-Key": key, "Content-Type": content_type}
        for attempt in range(1, tries + 1):
            self.tries += 1
            torn = self._torn < self.habits.torn_sends
            self._torn += torn
            try:
                answer = await self._ask("POST", path, body, headers, torn)
            except Unclear as unclear:
                _log.debug("Chưa được nhận, sẽ gửi lại (not accepted yet): %s", unclear)
                await self._patience.wait(attempt, unclear.wait)
                continue
            accepted = Acknowledged(str(answer["message_id"]), bool(answer.get("duplicate")), attempt)
            self.sent.add(key, message_id=accepted.message_id, document_id=str(answer.get("document_id", "")))
            return accepted
        raise GaveUp(key)

    async def _acknowledge(self, path: str, result: str, reason: str) -> None:
        verdict = json.dumps({"result": result, **({"reason": reason} if reason else {})}).encode()
        await self._ask("POST", f"{path}/ack", verdict, {"Content-Type": "application/json"})

    async def _ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        torn: bool = False,
    ) -> Any:
        """One request; the decoded answer, Refused for a final no, Unclear for anything worth another try.

        With `torn` the connection breaks in the middle of the body.
        """
        if self._session is None:
            raise RuntimeError("use 'async with'")
        payload: Any = body
        if torn and body is not None:
            payload, headers = half_of(body), {**(headers or {}), "Content-Length": str(len(body))}
        try:
            async with self._session.request(method, self._base_url + path, data=payload, headers=headers) as response:
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
        "attachments": _attachments(files),
        **more,
    }


def _attachments(files: Iterable[File]) -> list[dict[str, str]]:
    return [
        {
            "name": file.name,
            "media_type": file.content_type,
            "description": file.name,
            "content": base64.b64encode(file.content).decode(),
        }
        for file in files
    ]


def _draft(document: Mapping[str, Any]) -> Draft:
    """Return what a document in JSON says as a draft, for its letter."""
    code, promulgation, signer = document["code"], document["promulgation"], document.get("signer", {})
    return Draft(
        sender=Organ(document["from"]["organ_id"], document["from"].get("name", "")),
        recipients=tuple(Organ(to["organ_id"], to.get("name", "")) for to in document["to"]),
        number=code["number"],
        notation=code["notation"],
        subject=document["subject"],
        promulgated=promulgation["on"].replace("-", "/"),
        place=promulgation.get("place", "Tây Ninh"),
        signer=signer.get("full_name", "Nguyễn Văn A"),
        position=signer.get("position", "Giám đốc"),
    )


def content_key(content: Mapping[str, Any], message_id: str) -> str:
    """Return the key by which the same document or status is recognised, whatever delivery brought it.

    Notices and unreadable content have no identity of their own and go by the message id.
    """
    sender = (content.get("from") or {}).get("organ_id")
    if "status" in content:
        identity = ["status", sender, content.get("about"), content["status"], content.get("at")]
    elif content.get("document_id"):
        digests = sorted(_sha256(file) for file in content.get("attachments", []))
        identity = ["edoc", sender, content["document_id"], (content.get("business") or {}).get("type", 0)]
        identity += [content.get("subject"), digests]
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
