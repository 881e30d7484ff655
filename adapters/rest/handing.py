"""Handing a body to the accept story, and the answer to "accepted"."""

from __future__ import annotations

from adapters.rest import asking
from adapters.rest.answers import answer, moment
from adapters.rest.rows import MESSAGES
from gateway.model.message import Submission
from gateway.ports import Accept, Call, Reply


async def hand_over(accept: Accept, call: Call, dialect: str, raw: bytes) -> Reply:
    """202 once *raw* is durable, 200 with the first answer for a duplicate."""
    submission = Submission(
        peer=call.caller.system,
        dialect=dialect,
        raw=raw,
        received_at=call.received_at,
        reference=asking.idempotency_key(call),
    )
    accepted = await accept(submission)
    location = f"{MESSAGES}/{accepted.message_id}"
    members = {
        "message_id": accepted.message_id,
        "received_at": moment(accepted.received_at),
        "duplicate": accepted.duplicate,
        "deliveries": list(accepted.deliveries),
        "links": {"self": location},
    }
    return answer(members, 200 if accepted.duplicate else 202, {"Location": location})
