"""The VXP header protocol, version 3.0.201608: signed parameters as HTTP headers (vendor SDK 2.0.1, recorded).

Every parameter of a call is a header ``XroadVnpt-<name>``. All of them together, as one compact JSON object, are the
header ``XroadVnpt-sign-header``; ``XroadVnpt-hash-header`` is the HMAC-SHA256 of exactly that text. The body is not
signed.

Values must be printable ASCII. The vendor's SDK (Gson) would put "Đ" unescaped into a header, where each hop may read
the bytes as UTF-8 or as Latin-1 and the signature then fails or covers another text. Nothing the axis knows needs
it: identifiers, ids and states are ASCII, and ``to`` is JSON, whose ``\\uXXXX`` escapes are ASCII for any code.
So another value is refused here, before it is signed, rather than mangled there.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, NoReturn

from gateway.clock import VIETNAM

PREFIX: Final = "XroadVnpt-"
AGENT: Final = "JAVASDKAgent/1.0.0 XRoad/VPCP"
VERSION: Final = "3.0.201608"
JSON_TYPE: Final = "application/json"
FILE_TYPE: Final = "application/octet-stream"

_SAFE = re.compile(r"[!-~](?:[ -~]*[!-~])?", re.ASCII)


class UnsafeValue(ValueError):
    """A parameter that cannot travel as a header unchanged; *name* is the parameter. The value is not repeated."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"the value of '{name}' cannot be sent as a header")


class Secret:
    """A shared secret. It can sign and nothing else: no representation, copy or pickle gives its text away."""

    __slots__ = ("__key",)

    def __init__(self, text: str) -> None:
        if not text:
            raise ValueError("an empty secret signs nothing")
        self.__key = text.encode()

    def sign(self, message: bytes) -> str:
        """HMAC-SHA256 of *message* as 64 lower-case hex digits; the key is the secret's text as UTF-8."""
        return hmac.new(self.__key, message, hashlib.sha256).hexdigest()

    def __repr__(self) -> str:
        return "Secret(***)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not copied or stored")


def signed_headers(
    system_id: str,
    secret: Secret,
    params: Mapping[str, str],
    content_type: str,
    now: datetime,
    order: Sequence[str] | None = None,
) -> dict[str, str]:
    """All headers of one call. *params* are the call's own, by un-prefixed name, in order.

    *order* names every signed parameter in the order to sign them; the SDK's is that of a Java HashMap, any is valid.
    Without it: systemid, *params*, timestamp, Content-Type. Raises UnsafeValue.
    """
    values = {"systemid": system_id, **params, "timestamp": timestamp(now), "Content-Type": content_type}
    for name, value in values.items():
        if not is_safe(value):
            raise UnsafeValue(name)
    names = list(values) if order is None else list(order)
    if sorted(names) != sorted(values):
        raise ValueError("the order must name each signed parameter once")
    prefixed = {PREFIX + name: values[name] for name in names}
    text = json_text(prefixed)
    return {
        "Content-Type": content_type,
        **prefixed,
        PREFIX + "sign-header-key": ";".join(names),
        PREFIX + "sign-header": text,
        PREFIX + "hash-header": secret.sign(text.encode()),
        "User-Agent": AGENT,
        PREFIX + "version": VERSION,
    }


def is_safe(value: str) -> bool:
    """Whether *value* travels as a header unchanged: printable ASCII, not empty, no blank at either end."""
    return _SAFE.fullmatch(value) is not None


def timestamp(now: datetime) -> str:
    """``ddMMyyyy'T'HHmmss+SSSS`` in local time; what follows the plus sign is milliseconds, not a zone."""
    local = now.astimezone(VIETNAM)
    return f"{local:%d%m%YT%H%M%S}+{local.microsecond // 1000:04d}"


def hash_file(content: bytes, *, padded: bool = False) -> str:
    """SHA-256 of the file in hex. The SDK prints each byte without zero padding, so usually fewer than 64 digits."""
    digest = hashlib.sha256(content).digest()
    return digest.hex() if padded else "".join(f"{byte:x}" for byte in digest)


def recipients(codes: Iterable[str]) -> str:
    """The value of the ``to`` parameter: JSON array text."""
    return json_text(list(codes))


def json_text(value: object) -> str:
    """Compact JSON; ``=``, ``<``, ``>``, ``&`` and ``'`` stay as they are, like the SDK's."""
    return json.dumps(value, separators=(",", ":"))
