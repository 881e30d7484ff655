"""A vendor's PKCS#11 module, opened for several threads; used inside the signing process only."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pkcs11
from pkcs11 import _pkcs11
from pkcs11 import exceptions as faults
from pkcs11.constants import Attribute, ObjectClass

_OS_LOCKING: Final = 2
_CANT_LOCK: Final = 8
_CODES: Final[dict[type[Exception], str]] = {
    faults.PinIncorrect: "pin.wrong",
    faults.PinInvalid: "pin.wrong",
    faults.PinLenRange: "pin.wrong",
    faults.PinLocked: "pin.locked",
    faults.PinExpired: "pin.expired",
    faults.UserPinNotInitialized: "pin.unset",
    faults.KeyHandleInvalid: "stale",
    faults.ObjectHandleInvalid: "stale",
    faults.NoSuchKey: "stale",
    faults.MechanismInvalid: "refused",
    faults.MechanismParamInvalid: "refused",
    faults.KeyTypeInconsistent: "refused",
    faults.KeySizeRange: "refused",
    faults.DataLenRange: "refused",
    faults.FunctionRejected: "refused",
    **dict.fromkeys(
        (
            faults.DeviceError,
            faults.DeviceMemory,
            faults.DeviceRemoved,
            faults.GeneralError,
            faults.HostMemory,
            faults.OperationActive,
            faults.SessionClosed,
            faults.SessionHandleInvalid,
            faults.TokenNotPresent,
            faults.TokenNotRecognised,
            faults.UserNotLoggedIn,
        ),
        "lost",
    ),
}


class Refused(Exception):
    """The token said no: *code* is pin.wrong, .locked, .expired, .unset, stale (no such object any more), refused (the
    key does not do that), lost (only a fresh process may help) or failed (anything else).
    """

    def __init__(self, code: str, detail: str) -> None:
        self.code = code
        self.detail = detail
        super().__init__(f"{code} {detail}")


def refused(error: Exception) -> Refused:
    """A module's return value as one of the codes."""
    if isinstance(error, Refused):
        return error
    code = next((code for kind, code in _CODES.items() if isinstance(error, kind)), "failed")
    return Refused(code, f"{type(error).__name__} {error}".strip())


class _Arguments(ctypes.Structure):
    """CK_C_INITIALIZE_ARGS (PKCS#11 v2.40 §5.4)."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("create", "destroy", "lock", "unlock")),
        ("flags", ctypes.c_ulong),
        ("reserved", ctypes.c_void_p),
    )


class Library(_pkcs11.lib):
    """The module; python-pkcs11 alone would open it for one thread, and two at once would corrupt its memory."""

    threads = True
    """Whether the module can lock; if not, one session is all there may be."""

    def initialize(self) -> None:
        """C_Initialize with CKF_OS_LOCKING_OK, else without."""
        library = ctypes.CDLL(self.so)
        functions = ctypes.POINTER(ctypes.c_void_p)()
        if library.C_GetFunctionList(ctypes.byref(functions)):
            raise Refused("lost", "C_GetFunctionList")
        call = ctypes.CFUNCTYPE(ctypes.c_ulong, ctypes.c_void_p)(functions[1] or 0)  # [0] is the version
        arguments = _Arguments(flags=_OS_LOCKING)
        answer = call(ctypes.addressof(arguments))
        if answer == _CANT_LOCK:
            self.threads = False
            answer = call(None)
        if answer:
            raise Refused("lost", f"C_Initialize returned {answer:#x}")


@dataclass(frozen=True, slots=True)
class Found:
    """A private key of the token. *name* is what it is called between us: kind, CKA_ID, CKA_LABEL."""

    name: str
    key_id: str
    label: str
    kind: str
    object: Any
    asks_pin: bool


def private_keys(session: Any) -> Iterator[Found]:
    """Every private key the session sees that can sign for us."""
    for one in session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY}):
        kind = _kind(one)
        if kind:
            key_id, label = _bytes(one, Attribute.ID).hex(), _text(one, Attribute.LABEL)
            asks = bool(_attribute(one, Attribute.ALWAYS_AUTHENTICATE, False))
            yield Found(f"{kind}:{key_id}:{label}", key_id, label, kind, one, asks)


def certificates(session: Any) -> Iterator[tuple[str, str, bytes]]:
    """CKA_ID in hex, CKA_LABEL and DER of every certificate."""
    for one in session.get_objects({Attribute.CLASS: ObjectClass.CERTIFICATE}):
        content = _bytes(one, Attribute.VALUE)
        if content:
            yield _bytes(one, Attribute.ID).hex(), _text(one, Attribute.LABEL), content


def _kind(one: Any) -> str:
    kind = _attribute(one, Attribute.KEY_TYPE, None)
    return {pkcs11.KeyType.RSA: "rsa", pkcs11.KeyType.EC: "ec"}.get(kind, "")


def _attribute(one: Any, name: Attribute, otherwise: Any) -> Any:
    try:
        return one[name]
    except (
        faults.AttributeTypeInvalid,
        faults.AttributeSensitive,
        faults.FunctionFailed,
        KeyError,
        NotImplementedError,
    ):
        return otherwise


def _bytes(one: Any, name: Attribute) -> bytes:
    return bytes(_attribute(one, name, b"") or b"")


def _text(one: Any, name: Attribute) -> str:
    return str(_attribute(one, name, "") or "")
