"""Questions and answers between processes: values written as JSON, and byte strings as they are beside it.

Nothing that is received can run anything: of classes only data classes, enumerations and errors of ours are made, and
functions are named by the asking side only.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from importlib import import_module
from multiprocessing.connection import Connection
from types import FunctionType
from typing import Any, Final
from zoneinfo import ZoneInfo

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa, x448, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from gateway.errors import GatewayError, Refusal
from gateway.formats import strictjson

_MAX_PARTS: Final = 100_000
_MAX_PART: Final = 1 << 30
_CHUNK: Final = 1 << 20
_OURS: Final = ("gateway", "schemas")
_KEYS: Final = (
    rsa.RSAPublicKey,
    ec.EllipticCurvePublicKey,
    dsa.DSAPublicKey,
    ed25519.Ed25519PublicKey,
    ed448.Ed448PublicKey,
    x25519.X25519PublicKey,
    x448.X448PublicKey,
)
_GROUPS: Final[tuple[tuple[type[Any], str], ...]] = (
    (tuple, "tuple"),
    (list, "list"),
    (frozenset, "frozenset"),
    (set, "set"),
)


def pack(value: Any, pipe: Connection) -> None:
    """Send *value*: plain values, bytes, times, certificates, public keys, module-level functions, and data classes,
    enumerations and errors of ours. Raises OSError, TypeError for anything else."""
    parts: list[bytes] = []
    written = json.dumps(_written(value, parts)).encode("ascii")
    _send(pipe, len(parts).to_bytes(4))
    for part in (*parts, written):
        _send(pipe, part)


def unpack(pipe: Connection, *, values_only: bool = False) -> Any:
    """Receive what was packed; with *values_only* no functions. Raises EOFError, OSError for what is not understood."""
    count = int.from_bytes(_receive(pipe))
    if count > _MAX_PARTS:
        raise OSError("too many parts")
    parts = [_receive(pipe) for _ in range(count)]
    try:
        return _Reading(parts, functions=not values_only).value(strictjson.loads(_receive(pipe)))
    except (Refusal, ImportError, AttributeError, TypeError, ValueError, IndexError, KeyError) as fault:
        raise OSError("not understood") from fault


def _send(pipe: Connection, part: bytes) -> None:
    pipe.send_bytes(len(part).to_bytes(8))
    rest = memoryview(part)
    while rest:
        rest = rest[os.write(pipe.fileno(), rest[:_CHUNK]) :]


def _receive(pipe: Connection) -> bytes:
    """A byte string read into its own memory: `Connection.recv_bytes` takes twice as much."""
    size = int.from_bytes(pipe.recv_bytes(8))
    if size > _MAX_PART:
        raise OSError("a part is too large")
    if not size:
        return b""
    target = io.BytesIO()
    target.seek(size - 1)
    target.write(b"\0")
    with target.getbuffer() as room:
        at = 0
        while at < size:
            read = os.readv(pipe.fileno(), [room[at : at + _CHUNK]])
            if not read:
                raise EOFError
            at += read
    return target.getvalue()


def _written(value: Any, parts: list[bytes]) -> Any:
    """*value* as JSON has it: plain values as they are, everything else as {kind: …}."""
    if type(value) is int and value.bit_length() > 62:
        return {"number": f"{value:x}"}
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, (bytes, bytearray)):
        return {"bytes": _part(bytes(value), parts)}
    if isinstance(value, Enum):
        return {"member": [*_named(type(value)), _written(value.value, parts)]}
    for kind, name in _GROUPS:
        if isinstance(value, kind):
            return {name: [_written(each, parts) for each in value]}
    if isinstance(value, Mapping):
        return {"mapping": [[_written(key, parts), _written(each, parts)] for key, each in value.items()]}
    return _object(value, parts)


def _object(value: Any, parts: list[bytes]) -> Any:
    if isinstance(value, datetime):
        zone = value.tzinfo.key if isinstance(value.tzinfo, ZoneInfo) else None
        return {"moment": [value.isoformat(), zone]}
    if isinstance(value, date):
        return {"day": value.isoformat()}
    if isinstance(value, timedelta):
        return {"span": [value.days, value.seconds, value.microseconds]}
    if isinstance(value, x509.Certificate):
        return {"certificate": _part(value.public_bytes(Encoding.DER), parts)}
    if isinstance(value, _KEYS):
        return {"key": _part(value.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo), parts)}
    if isinstance(value, GatewayError):
        return {"error": [*_named(type(value)), _written(value.args, parts), _written(value.__dict__, parts)]}
    if is_dataclass(value) and not isinstance(value, type):
        held = {each.name: getattr(value, each.name) for each in fields(value)}
        return {"data": [*_named(type(value)), _written(held, parts)]}
    if isinstance(value, FunctionType):
        return {"function": _named(value)}
    raise TypeError(f"{type(value).__name__} does not go from process to process")


def _part(value: bytes, parts: list[bytes]) -> int:
    parts.append(value)
    return len(parts) - 1


def _named(value: Callable[..., Any] | type) -> list[str]:
    return [value.__module__, value.__qualname__]


class _Reading:
    """Makes values of JSON again. Raises what a stranger's JSON makes Python raise."""

    def __init__(self, parts: list[bytes], *, functions: bool) -> None:
        self._parts = parts
        self._functions = functions

    def value(self, written: Any) -> Any:
        """The value of one piece of JSON."""
        if not isinstance(written, Mapping):
            return written
        ((kind, held),) = written.items()
        for group, name in _GROUPS:
            if kind == name:
                return group(self.value(each) for each in held)
        made: Any = getattr(self, f"_{kind}")(held)
        return made

    def _bytes(self, place: int) -> bytes:
        return self._parts[place]

    def _mapping(self, pairs: Any) -> dict[Any, Any]:
        return {self.value(key): self.value(each) for key, each in pairs}

    def _number(self, text: str) -> int:
        return int(text, 16)

    def _moment(self, held: Any) -> datetime:
        moment = datetime.fromisoformat(held[0])
        return moment if held[1] is None else moment.replace(tzinfo=None).replace(tzinfo=ZoneInfo(held[1]))

    def _day(self, text: str) -> date:
        return date.fromisoformat(text)

    def _span(self, held: Any) -> timedelta:
        return timedelta(*held)

    def _certificate(self, place: int) -> x509.Certificate:
        return x509.load_der_x509_certificate(self._parts[place])

    def _key(self, place: int) -> Any:
        return load_der_public_key(self._parts[place])

    def _member(self, held: Any) -> Any:
        return self._class(held, Enum)(self.value(held[2]))

    def _data(self, held: Any) -> Any:
        kind: type[Any] = self._class(held, object)
        if not is_dataclass(kind):
            raise TypeError("no data class")
        made: Any = object.__new__(kind)
        for name, value in self.value(held[2]).items():
            object.__setattr__(made, name, value)
        return made

    def _error(self, held: Any) -> GatewayError:
        kind = self._class(held, GatewayError)
        error: GatewayError = kind.__new__(kind)
        error.args = self.value(held[2])
        error.__dict__.update(self.value(held[3]))
        return error

    def _function(self, held: Any) -> Any:
        if not self._functions:
            raise TypeError("no function is expected")
        return getattr(import_module(held[0]), held[1])

    def _class(self, held: Any, above: type) -> Any:
        """The class of that name: one of ours, or of whoever asks."""
        if not self._functions and held[0].partition(".")[0] not in _OURS:
            raise TypeError("not a class of ours")
        found: Any = import_module(held[0]) if self._functions else sys.modules[held[0]]  # an answer imports nothing
        for name in held[1].split("."):
            found = getattr(found, name)
        if not isinstance(found, type) or not issubclass(found, above):
            raise TypeError("another kind of class")
        return found
