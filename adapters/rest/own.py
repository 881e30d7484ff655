"""Own traffic: the messages a system sent, or that one of its parties sent or receives. Nothing else is revealed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.errors import Refusal
from gateway.model.access import Caller
from gateway.model.message import Message
from gateway.ports import Records


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
    """One page of *caller*'s traffic, only that of *party* (one of its own) if given."""
    if party is None:
        found = await records.messages(own=caller, text=text, before=before, limit=limit)
    else:
        found = await records.messages(party=party, text=text, before=before, limit=limit)
    return Page(found, found[-1].id if len(found) == limit else "")
