"""Who is calling `/vxp`, told from the headers alone: the signature, what it covers, and when it was made.

Source: reference vxp-edxml §6.2, recorded from the vendor's SDK 2.0.1. The signature covers the exact text of
``XroadVnpt-sign-header``; only what stands there counts. The SDK leaks stale parameters into later calls and signs
them too: they are harmless, because an operation asks for its own parameters by name and never for others. Headers
that were not signed are not looked at.

The SDK takes its timestamp once and uses it for hours, so the window is wide and a call can be repeated by whoever
recorded it inside the window: TLS keeps recorders out, and a repeated sendEdoc or updateStatus changes nothing (P3).
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from adapters.vxp.wire import PREFIX, Secret
from gateway.clock import VIETNAM, Clock
from gateway.errors import Refusal
from gateway.formats import strictjson
from gateway.model.access import Caller
from gateway.model.party import Parties
from gateway.ports import Knock

_PREFIX: Final = PREFIX.lower()
_STAMP: Final = re.compile(r"(\d{8}T\d{6})(?:\+\d{1,4})?", re.ASCII)
_NOBODY: Final = Secret("nobody")
"""Signs for unknown system ids, so that they take as long to refuse as known ones."""


@dataclass(frozen=True, slots=True)
class VxpSeat:
    """A document system that speaks VXP to us. *system* is our id of it, *system_id* and *secret* its credentials."""

    system: str
    system_id: str
    secret: Secret = field(repr=False)
    parties: Parties
    timestamp_window: timedelta = timedelta(hours=24)
    environment: str = "production"


class VxpIdentify:
    """`gateway.ports.Identify` for the header protocol 3.0.201608."""

    def __init__(self, seats: Iterable[VxpSeat], clock: Clock) -> None:
        self._seats = {seat.system_id: seat for seat in seats}
        self._clock = clock

    async def __call__(self, knock: Knock) -> Caller:
        """Raises Refusal vxp.credentials (one answer for an unknown system and a wrong signature, so that ids cannot
        be probed), vxp.headers or vxp.timestamp."""
        seat = self._authentic(knock.headers)
        asked = parameters(knock.headers)
        if asked.need("systemid") != seat.system_id:
            raise Refusal("vxp.headers", f"{PREFIX}systemid", "another system id was signed")
        self._check_time(asked.need("timestamp"), seat.timestamp_window)
        return Caller(seat.system, seat.parties, seat.environment)

    def _authentic(self, headers: Mapping[str, str]) -> VxpSeat:
        for name in ("systemid", "sign-header", "hash-header"):
            if not headers.get(_PREFIX + name):
                raise Refusal("vxp.credentials", PREFIX + name, "the header is missing")
        seat = self._seats.get(headers[f"{_PREFIX}systemid"])
        secret = seat.secret if seat else _NOBODY
        claimed = _raw(headers[f"{_PREFIX}hash-header"]).lower()
        expected = secret.sign(_signed_text(headers)).encode()
        if not hmac.compare_digest(expected, claimed) or seat is None:
            raise Refusal("vxp.credentials", f"{PREFIX}hash-header")
        return seat

    def _check_time(self, text: str, window: timedelta) -> None:
        at = _moment(text)
        if at is None:
            raise Refusal("vxp.timestamp", f"{PREFIX}timestamp", "not ddMMyyyy'T'HHmmss+SSSS")
        apart = abs(self._clock.now() - at)
        if apart > window:
            raise Refusal("vxp.timestamp", f"{PREFIX}timestamp", f"{apart.total_seconds():.0f} s away from our time")


@dataclass(frozen=True, slots=True)
class Asked:
    """The signed parameters of one call, by un-prefixed lower-case name."""

    values: Mapping[str, str]

    def text(self, name: str) -> str:
        """The parameter; "" if it was not signed."""
        return self.values.get(name.lower(), "")

    def need(self, name: str) -> str:
        """The parameter. Refusal http.request if it is absent or empty."""
        value = self.text(name)
        if not value:
            raise Refusal("http.request", PREFIX + name, "the parameter is missing or not signed")
        return value


def parameters(headers: Mapping[str, str]) -> Asked:
    """What the caller signed. *headers* by lower-case name, their signature already checked.

    Refusal vxp.headers if the signed text is no JSON object of prefixed names and texts, if a signed value did not
    travel as a header of its own or differs from it, or if sign-header-key names others.
    """
    signed = _members(_signed_text(headers))
    for name, value in signed.items():
        sent = headers.get(_PREFIX + name)
        if sent is None or _text(sent) != value.strip(" \t"):
            raise Refusal("vxp.headers", PREFIX + name, "the header differs from its signed value")
    listed = headers.get(f"{_PREFIX}sign-header-key")
    if listed is not None and {name.strip().lower() for name in listed.split(";")} != signed.keys():
        raise Refusal("vxp.headers", f"{PREFIX}sign-header-key", "it does not list the signed names")
    return Asked({name: value.strip(" \t") for name, value in signed.items()})


def recipients_named(value: str) -> str:
    """The ``to`` parameter as compact JSON array text. A bare code stands for an array of one; "" stays "".
    Refusal http.request for anything else."""
    if not value:
        return ""
    try:
        codes = strictjson.loads(value.encode()) if value.startswith("[") else [value]
    except Refusal as refusal:
        raise Refusal("http.request", f"{PREFIX}to", f"not a JSON array: {refusal.detail}") from refusal
    if not isinstance(codes, list) or not all(isinstance(code, str) and code.strip() for code in codes):
        raise Refusal("http.request", f"{PREFIX}to", "not a JSON array of codes")
    return json.dumps(codes, ensure_ascii=False, separators=(",", ":"))


def _members(text: bytes) -> dict[str, str]:
    try:
        found = strictjson.loads(text)
    except Refusal as refusal:
        raise Refusal("vxp.headers", f"{PREFIX}sign-header", f"{refusal.code} {refusal.where}") from refusal
    signed: dict[str, str] = {}
    for name, value in found.items() if isinstance(found, dict) else ():
        folded = name.lower()
        if not folded.startswith(_PREFIX) or not isinstance(value, str):
            raise Refusal("vxp.headers", f"{PREFIX}sign-header", "a name without prefix, or a value that is no text")
        if signed.setdefault(folded.removeprefix(_PREFIX), value) != value:
            raise Refusal("vxp.headers", f"{PREFIX}sign-header", "one header is signed with two values")
    if not signed:
        raise Refusal("vxp.headers", f"{PREFIX}sign-header", "not a JSON object of headers")
    return signed


def _signed_text(headers: Mapping[str, str]) -> bytes:
    """The text that was signed, as UTF-8. Some HTTP stacks write a header's text as Latin-1; bytes that are no UTF-8
    are read so, which is what a servlet container at the axis does with them."""
    raw = _raw(headers[f"{_PREFIX}sign-header"])
    try:
        raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1").encode()
    return raw


def _text(value: str) -> str:
    raw = _raw(value)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _raw(value: str) -> bytes:
    """The exact bytes of a header's value, which the HTTP server reads as UTF-8 with surrogates for other bytes."""
    return value.encode("utf-8", "surrogateescape")


def _moment(text: str) -> datetime | None:
    """``ddMMyyyy'T'HHmmss+SSSS`` in local time; what follows the plus sign is milliseconds, not a zone."""
    shape = _STAMP.fullmatch(text)
    try:
        return datetime.strptime(shape[1], "%d%m%YT%H%M%S").replace(tzinfo=VIETNAM) if shape else None
    except ValueError:
        return None
