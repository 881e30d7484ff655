"""Header protocol of the axis, receiving side: who calls, with which parameters, and is the file the announced one.

Reference vxp-edxml §6.1-6.2. The signature covers the exact bytes of the sign-header value; nothing is re-serialised
before it is checked. A parameter that was not signed does not exist for the operations.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from sandbox import refusals
from sandbox.refusals import Refusal

PREFIX = "XroadVnpt-"
VIETNAM = timezone(timedelta(hours=7), "+07")
_TIMESTAMP = re.compile(r"(\d{8}T\d{6})\+(\d{4})", re.ASCII)
_REQUIRED = ("systemid", "timestamp", "sign-header", "sign-header-key", "hash-header")


@dataclass(frozen=True, slots=True)
class Call:
    """A verified request: the calling system and its signed parameters by un-prefixed lower-case name."""

    system_id: str
    params: Mapping[str, str]

    def need(self, name: str) -> str:
        """Return a parameter that the operation cannot do without. Raises Refusal (30) when absent or empty."""
        value = self.params.get(name.lower(), "")
        if not value:
            raise Refusal(refusals.MISSING_PARAMETER, f"Missing parameter: {name}")
        return value


def verify(
    raw_headers: Iterable[tuple[bytes, bytes]], secrets: Mapping[str, str], now: datetime, window: timedelta
) -> Call:
    """Check the signed headers of one request against the caller's secret. Raises Refusal."""
    sent = _prefixed(raw_headers)
    for name in _REQUIRED:
        if name not in sent:
            raise Refusal(refusals.MISSING_PARAMETER, f"Missing header: {PREFIX}{name}")
    system_id = _text(sent["systemid"])
    _check_hmac(secrets.get(system_id), sent["sign-header"], sent["hash-header"])
    signed = _signed_values(sent["sign-header"], _text(sent["sign-header-key"]))
    for name, value in signed.items():
        if name not in sent or _text(sent[name]) != value:
            raise Refusal(refusals.HEADERS_DISAGREE, f"Header differs from its signed value: {name}")
    for name in ("systemid", "timestamp"):
        if name not in signed:
            raise Refusal(refusals.HEADERS_DISAGREE, f"Header is not signed: {name}")
    _check_timestamp(signed["timestamp"], now, window)
    return Call(system_id, signed)


def announced_file(body: bytes, announced: str | None) -> bytes:
    """Return the file inside a sendEdoc body: without the SDK's trailing CRLF if that is what was announced.

    The hash is accepted as plain hex (64 characters) and as the SDK writes it, each byte without zero padding.
    Raises Refusal (34) if neither reading matches; with `announced` None nothing is checked.
    """
    trimmed = body[:-2] if body.endswith(b"\r\n") else body
    if announced is None:
        return trimmed
    for candidate in (trimmed, body):
        digest = hashlib.sha256(candidate).digest()
        if announced.lower() in (digest.hex(), "".join(f"{byte:x}" for byte in digest)):
            return candidate
    raise Refusal(refusals.HASH_FILE, "hash-file does not match the body")


def _prefixed(raw_headers: Iterable[tuple[bytes, bytes]]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for raw_name, value in raw_headers:
        name = raw_name.decode("latin-1").lower()
        if not name.startswith(PREFIX.lower()):
            continue
        name = name.removeprefix(PREFIX.lower())
        if name in found and found[name] != value:
            raise Refusal(refusals.HEADERS_DISAGREE, f"Header sent twice with different values: {name}")
        found[name] = value
    return found


def _check_hmac(secret: str | None, signed_text: bytes, claimed: bytes) -> None:
    """One refusal for an unknown system and for a wrong signature, so that ids cannot be probed."""
    expected = hmac.new((secret or "\0").encode(), signed_text, hashlib.sha256).hexdigest().encode()
    if not hmac.compare_digest(expected, claimed) or secret is None:
        raise Refusal(refusals.BAD_CREDENTIALS, "Unknown system id or wrong hash-header")


def _signed_values(sign_header: bytes, key_list: str) -> dict[str, str]:
    try:
        pairs = json.loads(sign_header, object_pairs_hook=list)
    except (ValueError, RecursionError) as error:
        raise Refusal(refusals.HEADERS_DISAGREE, "sign-header is not JSON") from error
    if not isinstance(pairs, list) or not all(isinstance(pair, tuple) and isinstance(pair[1], str) for pair in pairs):
        raise Refusal(refusals.HEADERS_DISAGREE, "sign-header is not an object of strings")
    names = [name.removeprefix(PREFIX) for name, _ in pairs]
    if names != key_list.split(";"):
        raise Refusal(refusals.HEADERS_DISAGREE, "sign-header-key does not list the names of sign-header")
    signed = {name.lower(): value for name, (_, value) in zip(names, pairs, strict=True)}
    if len(signed) != len(pairs) or any(not name.startswith(PREFIX) for name, _ in pairs):
        raise Refusal(refusals.HEADERS_DISAGREE, "sign-header names a header twice or without prefix")
    return signed


def _check_timestamp(text: str, now: datetime, window: timedelta) -> None:
    """`ddMMyyyy'T'HHmmss+SSSS`, local time; the part after the plus sign is milliseconds, not a zone."""
    shape = _TIMESTAMP.fullmatch(text)
    try:
        moment = datetime.strptime(shape[1], "%d%m%YT%H%M%S").replace(tzinfo=VIETNAM) if shape else None
    except ValueError:
        moment = None
    if moment is None:
        raise Refusal(refusals.TIMESTAMP, "timestamp is not ddMMyyyy'T'HHmmss+SSSS")
    if abs(now - moment) > window:
        raise Refusal(refusals.TIMESTAMP, "timestamp is outside the accepted window")


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")
