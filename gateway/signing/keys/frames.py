"""What goes between the gateway and its signing process: frames, not pickles, since a vendor's code is at one end.

A frame is the length of its body (4 bytes), the number of the request (4) and its kind (1), then the body.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

HEADER: Final = struct.Struct(">IIB")
LARGEST: Final = 4 << 20
_SIGN: Final = struct.Struct(">IBH")


class Kind(IntEnum):
    """OPEN, LIST: JSON. LOGIN: the PIN. SIGN: a Request. DONE: the answer. FAILED: a code, a blank, the detail."""

    OPEN = 1
    LOGIN = 2
    LIST = 3
    SIGN = 4
    DONE = 5
    FAILED = 6


@dataclass(frozen=True, slots=True)
class Request:
    """One signature: with which mechanism and key, and for how many ms somebody waits for it."""

    patience: int
    mechanism: str
    key: str
    content: bytes

    def packed(self) -> bytes:
        """As the body of a frame."""
        mechanism, key = self.mechanism.encode(), self.key.encode()
        return _SIGN.pack(self.patience, len(mechanism), len(key)) + mechanism + key + self.content


def request(body: bytes) -> Request:
    """The inverse of Request.packed."""
    patience, mechanism, key = _SIGN.unpack_from(body)
    at, end = _SIGN.size + mechanism, _SIGN.size + mechanism + key
    return Request(patience, body[_SIGN.size : at].decode(), body[at:end].decode(), body[end:])


def frame(number: int, kind: Kind, body: bytes) -> bytes:
    """A whole frame."""
    return HEADER.pack(len(body), number, kind) + body


def failure(body: bytes) -> tuple[str, str]:
    """Code and detail of a FAILED frame."""
    code, _, detail = body.decode("utf-8", "replace").partition(" ")
    return code, detail
