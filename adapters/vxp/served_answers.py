"""What goes back to a document system: JSON of which three names are always present, or the SDK fails (§6.1).

The JSON is ASCII (``\\uXXXX`` escapes): an old HTTP client reads a body without a charset as Latin-1, and Vietnamese
would reach its users mangled.

HTTP status. The SDK reads JSON from a 200, so every refusal that repeating cannot heal is a 200 with FAIL: a wrong
signature and a body too large included. What passes by itself (overload, disk, store, a flood) is the status of the
fault itself, 429 or 5xx, with the same JSON: software that takes FAIL for final would lose the document, while it
repeats what HTTP says failed.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping, Sequence
from typing import Final

from adapters.vxp.served_codes import SUCCESS, error_code
from gateway.errors import Refusal
from gateway.ports import Reply

ROWS_INLINE: Final = 200


def ok(**members: object) -> Reply:
    """Success, with the operation's own *members* after the three that are always there."""
    return Reply(200, _json({"status": "OK", "ErrorCode": SUCCESS, "ErrorDesc": "Thành công", **members}))


def fail(refusal: Refusal, reference: str) -> Reply:
    """The refusal as FAIL. ErrorDesc is Vietnamese: what is wrong, where, the remedy, our code and request id."""
    passing = refusal.fault.status == 429 or refusal.fault.status >= 500
    headers = {} if refusal.retry_after is None else {"Retry-After": str(max(0, math.ceil(refusal.retry_after)))}
    return Reply(refusal.fault.status if passing else 200, _failure(refusal, reference), headers=headers)


def fail_in_place_of_a_file(refusal: Refusal) -> Reply:
    """The refusal where the caller would save a 200 as the file it asked for: with the fault's own HTTP status."""
    return Reply(refusal.fault.status, _failure(refusal, ""))


async def listing(rows: Sequence[Mapping[str, object]]) -> Reply:
    """Success with *rows* as `data`; long lists become JSON in a thread, so that the event loop stays free."""
    if len(rows) <= ROWS_INLINE:
        return ok(data=rows)
    return await asyncio.to_thread(lambda: ok(data=rows))


def with_file(base64_text: bytes) -> Reply:
    """Success with a large `data` that is base64 already: joined as bytes, because JSON need not escape it."""
    return Reply(200, b"".join((ok().body[:-1], b',"data":"', base64_text, b'"}')))


def _failure(refusal: Refusal, reference: str) -> bytes:
    fault = refusal.fault
    place = f" ({refusal.where})" if refusal.where else ""
    trace = f", yêu cầu {reference}" if reference else ""
    described = f"{fault.vi}{place}. {fault.remedy_vi} [{refusal.code}{trace}]"
    return _json({"status": "FAIL", "ErrorCode": error_code(refusal.code), "ErrorDesc": described})


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
