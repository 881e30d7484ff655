"""Answers in the axis' shape, both generations of it at once.

The vendor's collection shows ``success``, ``message``, ``docId`` and ``data``; what runs answers ``code`` 200 and
``errorDetail``. Clients of either find what they look at.
"""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Mapping
from typing import NoReturn

from adapters.lgsp.codes import DONE, code_of
from gateway.errors import Refusal
from gateway.ports import Reply

_PRIVATE: Mapping[str, str] = {"Cache-Control": "no-store"}


def success(data: object, **beside: object) -> Reply:
    """A plain success; *beside* are members next to ``data``."""
    return Reply(200, dumps({**_HEAD, **beside, "data": data, "errorDetail": []}), headers=_PRIVATE)


def acknowledged(doc_id: str) -> Reply:
    """Success of an operation that changes something."""
    return success({"docId": doc_id, "status": "OK", "errorCode": DONE, "errorDesc": ""}, docId=doc_id)


def spliced(members: Mapping[str, object], pieces: Mapping[str, bytes]) -> Reply:
    """Success whose data has further members that are JSON already (large ones are joined only once)."""
    head = dumps({**_HEAD, "data": dict(members)})
    extra = b"".join(b',"%s":%s' % (name.encode(), value) for name, value in pieces.items())
    return Reply(200, b"".join((head[:-2], extra, b'},"errorDetail":[]}')), headers=_PRIVATE)


def refused(refusal: Refusal, language: str, reference: str, *, soft: bool) -> Reply:
    """No, in this dialect: title, place, remedy and our reference as one sentence beside the axis' code.

    *soft* answers refusals of content with HTTP 200, for clients that read nothing of any other answer.
    """
    fault = refusal.fault
    title, remedy = (fault.en, fault.remedy_en) if language == "en" else (fault.vi, fault.remedy_vi)
    place = f" ({refusal.where})" if refusal.where else ""
    sentence = f"{title}{place}. {remedy}. [{refusal.code} {reference}]"
    status = 200 if soft and fault.status < 500 and fault.status not in (401, 429) else fault.status
    members = {
        "success": False,
        "code": fault.status,
        "message": title,
        "data": {"docId": None, "status": "error", "errorCode": code_of(refusal), "errorDesc": sentence},
        "errorDetail": [{"exception": sentence}],
    }
    headers = dict(_PRIVATE)
    if refusal.retry_after is not None:
        headers["Retry-After"] = str(max(0, math.ceil(refusal.retry_after)))
    if status == 401:
        headers["WWW-Authenticate"] = "LGSP"
    return Reply(status, dumps(members), headers=headers)


def dashed(identifier: str) -> str:
    """One of our ids as this API writes docIds: a UUID with dashes."""
    return str(uuid.UUID(identifier))


def undashed(doc_id: object) -> str:
    """A docId of ours as we keep ids. Refusal delivery.not_found for what was never one of ours."""
    text = doc_id.strip() if isinstance(doc_id, str) else ""
    try:
        return uuid.UUID(text).hex if len(text) in (32, 36) else _never()
    except ValueError:
        _never()


def dumps(value: object) -> bytes:
    """Compact UTF-8 JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _never() -> NoReturn:
    raise Refusal("delivery.not_found", "docId")


_HEAD: Mapping[str, object] = {"success": True, "code": 200, "message": "OK"}
