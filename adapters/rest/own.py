"""Own traffic: the messages a system sent, or that one of its parties sent or receives. Nothing else is revealed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.errors import Refusal
from gateway.model.access import Caller
from gateway.model.message import Message
from gateway.ports import Records

SCAN_ROWS: Final = 200
SCAN_ROUNDS: Final = 10
"""A scan reads at most 2,000 messages per call, then says where to go on."""


@dataclass(frozen=True, slots=True)
class Page:
    """Messages, newest first; *next* is the id to page from, "" at the end."""

    messages: Sequence[Message]
    next: str


def sent(message: Message, caller: Caller) -> bool:
    """Whether *caller* handed the message over or acts for its sender."""
    return message.peer == caller.system or message.envelope.sender in caller.parties


def concerns(message: Message, caller: Caller) -> bool:
    """Whether *caller* may see the message at all."""
    return sent(message, caller) or any(party in caller.parties for party in message.envelope.recipients)


async def own_message(records: Records, caller: Caller, message_id: str) -> Message:
    """The message, or Refusal 'message.not_found': the same answer whether it is absent or somebody else's."""
    message = await records.message(message_id)
    if message is None or not concerns(message, caller):
        raise Refusal("message.not_found", where="path")
    return message


async def own_messages(records: Records, caller: Caller, party: str | None, text: str, before: str, limit: int) -> Page:
    """One page of *caller*'s traffic, only that of *party* (one of its own) if given.

    A single party is found by index. Several are scanned, because only the store knows the order of messages: pages
    merged here from several searches could skip what was committed out of the order of its id.
    """
    party = party or _only_party(caller)
    if party is None:
        return await _scanned(records, caller, text, before, limit)
    found = await records.messages(party=party, text=text, before=before, limit=limit)
    return Page(found, found[-1].id if len(found) == limit else "")


def _only_party(caller: Caller) -> str | None:
    """The one party a small system acts for. All it can ever hand in is from this party, so nothing is missed."""
    patterns = caller.parties.patterns
    return patterns[0] if len(patterns) == 1 and not patterns[0].endswith("*") else None


async def _scanned(records: Records, caller: Caller, text: str, before: str, limit: int) -> Page:
    page: list[Message] = []
    for _ in range(SCAN_ROUNDS):
        rows = await records.messages(text=text, before=before, limit=SCAN_ROWS)
        for message in rows:
            before = message.id
            if concerns(message, caller):
                page.append(message)
            if len(page) == limit:
                return Page(page, before)
        if len(rows) < SCAN_ROWS:
            return Page(page, "")
    return Page(page, before)
