"""The process that opens a PKCS#12 for `unpack`: one question, one answer, and it is gone."""

from __future__ import annotations

import io
import os
import resource
import socket
import struct
from collections.abc import Sequence
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12

SECONDS: Final = 20
"""A file that takes longer has an iteration count nobody chose in good faith."""
ABSENT: Final = b"-"
PRESENT: Final = b"+"
"""Stands before a password, which may be empty."""
_MEMORY: Final = 1 << 30
_LARGEST: Final = 4 << 20
_LENGTH: Final = struct.Struct(">I")

Line = io.BufferedRWPair


def put(line: Line, parts: Sequence[bytes]) -> None:
    """Send a message: how many parts, then each with its length."""
    line.write(_LENGTH.pack(len(parts)) + b"".join(_LENGTH.pack(len(part)) + part for part in parts))
    line.flush()


def take(line: Line) -> list[bytes]:
    """The parts of a message; [] if the other side is gone."""
    parts = []
    for _ in range(_number(line)):
        length = _number(line)
        part = line.read(length) if length <= _LARGEST else b""
        if len(part) != length:
            return []
        parts.append(part)
    return parts


def _number(line: Line) -> int:
    raw = line.read(_LENGTH.size)
    return int(_LENGTH.unpack(raw)[0]) if len(raw) == _LENGTH.size else 0


def _opened(raw: bytes, password: bytes | None) -> list[bytes]:
    try:
        found = pkcs12.load_pkcs12(raw, password)
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        return [b"password"] if "password" in str(error).casefold() else [b"undecodable"]
    if found.key is None:
        return [b"undecodable"]
    key = found.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    own = found.cert.certificate.public_bytes(Encoding.DER) if found.cert else b""
    return [b"key", key, own, *(one.certificate.public_bytes(Encoding.DER) for one in found.additional_certs)]


def main() -> None:
    """Answer one question and end."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    with socket.socket(fileno=os.dup(0)) as ours, ours.makefile("rwb") as line:
        raw, password = take(line)
        put(line, _opened(raw, None if password == ABSENT else password[1:]))
