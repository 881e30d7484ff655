"""What a call asks for: query parameters and headers, checked."""

from __future__ import annotations

import re
from typing import Final

from gateway.errors import Refusal
from gateway.ports import Call

DEFAULT_LIMIT: Final = 50
LARGEST_LIMIT: Final = 200

XML_TYPES: Final = frozenset({"application/xml", "text/xml", "application/edxml+xml"})
_VISIBLE = re.compile(r"[\x21-\x7e]{1,255}")
_MESSAGE_ID = re.compile(r"[0-9a-f]{32}")
_LIMIT = re.compile(r"[0-9]{1,4}")
_LONGEST_SEARCH = 200


def known_only(call: Call, *names: str) -> None:
    """Refuse a query parameter that would otherwise be silently ignored."""
    for name in call.query:
        if name not in names:
            raise Refusal("http.request", where="query", detail=f"known parameters: {', '.join(names) or 'none'}")


def limit(call: Call) -> int:
    """`limit`, 1 to 200, 50 if absent."""
    given = call.query.get("limit", str(DEFAULT_LIMIT))
    if not _LIMIT.fullmatch(given) or not 1 <= int(given) <= LARGEST_LIMIT:
        raise Refusal("http.request", where="query limit", detail=f"a number from 1 to {LARGEST_LIMIT}")
    return int(given)


def before(call: Call) -> str:
    """`before`: the message id to page from, "" for the newest."""
    given = call.query.get("before", "")
    if given and not _MESSAGE_ID.fullmatch(given):
        raise Refusal("http.request", where="query before", detail="a message id: 32 hexadecimal digits")
    return given


def search(call: Call) -> str:
    """`q`: what to look for, "" for everything."""
    given = call.query.get("q", "").strip()
    if len(given) > _LONGEST_SEARCH:
        raise Refusal("http.request", where="query q", detail=f"at most {_LONGEST_SEARCH} characters")
    return given


def own_party(call: Call) -> str | None:
    """`party`: one of the caller's own, None if absent. Refusal 'auth.forbidden' for any other."""
    given = call.query.get("party")
    if given is not None and given not in call.caller.parties:
        raise Refusal("auth.forbidden", where="query party", detail="this party does not belong to the calling system")
    return given


def media_type(call: Call) -> str:
    """The content type without its parameters, in lower case."""
    return call.headers.get("content-type", "").partition(";")[0].strip().lower()


def idempotency_key(call: Call) -> str:
    """`Idempotency-Key`: 1 to 255 visible ASCII characters, "" if absent."""
    given = call.headers.get("idempotency-key")
    if given is None:
        return ""
    if not _VISIBLE.fullmatch(given):
        raise Refusal("http.request", where="Idempotency-Key", detail="1 to 255 visible ASCII characters")
    return given


def prefers_xml(call: Call) -> bool:
    """Whether `Accept` (RFC 9110 §12.5.1) names an XML type and ranks it above JSON."""
    weights = dict(_weighed(part) for part in call.headers.get("accept", "").split(","))
    return max(weights.get(name, 0.0) for name in XML_TYPES) > weights.get("application/json", 0.0)


def _weighed(part: str) -> tuple[str, float]:
    name, *parameters = (piece.strip().lower() for piece in part.split(";"))
    for parameter in parameters:
        if match := re.fullmatch(r"q=([01](?:\.[0-9]{0,3})?)", parameter):
            return name, float(match[1])
    return name, 1.0
