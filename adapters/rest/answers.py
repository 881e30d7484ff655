"""What goes back: JSON, and refusals as problem+json (RFC 9457)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime

from adapters.rest.writing import dumps
from gateway.clock import VIETNAM
from gateway.errors import Refusal
from gateway.ports import Reply


def answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """*value* as JSON that no cache keeps."""
    return Reply(status, dumps(value), headers={"Cache-Control": "no-store", **(headers or {})})


def problem(refusal: Refusal, language: str, reference: str) -> Reply:
    """The refusal as application/problem+json: title and remedy in the caller's *language*, the remedy in both."""
    fault = refusal.fault
    vietnamese = language != "en"
    members = {
        "type": f"urn:lienthong:error:{refusal.code}",
        "title": fault.vi if vietnamese else fault.en,
        "status": fault.status,
        "detail": refusal.detail,
        "code": refusal.code,
        "where": refusal.where,
        "remedy": fault.remedy_vi if vietnamese else fault.remedy_en,
        "remedy_vi": fault.remedy_vi,
        "remedy_en": fault.remedy_en,
        "reference": reference,
    }
    headers = {"Cache-Control": "no-store", "Content-Language": "vi" if vietnamese else "en"}
    if refusal.retry_after is not None:
        headers["Retry-After"] = str(max(0, math.ceil(refusal.retry_after)))
    if fault.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    said = {name: value for name, value in members.items() if value != ""}
    return Reply(fault.status, dumps(said), "application/problem+json", headers)


def moment(at: datetime) -> str:
    """RFC 3339 with milliseconds, in Vietnamese time."""
    return at.astimezone(VIETNAM).isoformat(timespec="milliseconds")
