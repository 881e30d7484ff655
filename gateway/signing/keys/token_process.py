"""The signing process: the only one that loads a vendor's module and knows the PIN; run by `child.spawn`.

It answers frames on its standard input until that ends, and then is gone at once, whatever the module does. Signatures
are made by one thread per session.
"""

from __future__ import annotations

import base64
import os
import queue
import resource
import socket
import threading
import time
from typing import Any, Final

from pkcs11.constants import TokenFlag
from pkcs11.exceptions import SessionCount
from pkcs11.mechanisms import MGF, Mechanism

from gateway.formats import strictjson
from gateway.signing.keys import cryptoki
from gateway.signing.keys.cryptoki import Found, Library, Refused, refused
from gateway.signing.keys.frames import HEADER, LARGEST, Kind, Request, frame, request

_MECHANISMS: Final[dict[str, tuple[Mechanism, Any]]] = {
    "rsa-pkcs": (Mechanism.RSA_PKCS, None),
    "rsa-pss-sha256": (Mechanism.RSA_PKCS_PSS, (Mechanism.SHA256, MGF.SHA256, 32)),
    "rsa-pss-sha384": (Mechanism.RSA_PKCS_PSS, (Mechanism.SHA384, MGF.SHA384, 48)),
    "rsa-pss-sha512": (Mechanism.RSA_PKCS_PSS, (Mechanism.SHA512, MGF.SHA512, 64)),
    "ecdsa": (Mechanism.ECDSA, None),
}

_FLAGS: Final = {
    "count_low": TokenFlag.USER_PIN_COUNT_LOW,
    "final_try": TokenFlag.USER_PIN_FINAL_TRY,
    "locked": TokenFlag.USER_PIN_LOCKED,
    "initialized": TokenFlag.USER_PIN_INITIALIZED,
}


class Pool:
    """The token and its sessions; login holds for all of them (PKCS#11 §5.6)."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._waiting: queue.SimpleQueue[tuple[int, float, Request]] = queue.SimpleQueue()
        self._library: Any = None
        self._label = ""
        self._sessions = 1
        self._token: Any = None
        self._first: Any = None
        self._pin = ""
        self._generation = 0

    def open(self, module: str, label: str, sessions: int) -> dict[str, Any]:
        """Load the module and find the token: its serial number and what it says of its PIN. No login yet."""
        self._library = Library(module)
        self._label = label
        self._sessions = sessions if self._library.threads else 1
        self._token = self._library.get_token(token_label=label)
        flags = self._token.flags
        serial = self._token.serial.decode("latin-1")
        return {"serial": serial} | {name: bool(flags & flag) for name, flag in _FLAGS.items()}

    def login(self, pin: str) -> None:
        """One try of the PIN, then the threads begin."""
        if self._library.get_token(token_label=self._label).flags & TokenFlag.USER_PIN_LOCKED:
            raise Refused("pin.locked", "the token says so")
        self._first = self._token.open(user_pin=pin)
        self._pin = pin
        for _ in range(self._sessions):
            try:
                session = self._token.open()
            except SessionCount:
                session = self._first  # python-pkcs11 lets threads take turns with it
            threading.Thread(target=self._work, args=(session,), daemon=True).start()

    def list(self) -> dict[str, Any]:
        """Every private key and certificate, as they are now."""
        self._generation += 1
        found = [(one.name, one.kind, one.key_id, one.label) for one in cryptoki.private_keys(self._first)]
        papers = [
            (key_id, label, base64.b64encode(content).decode())
            for key_id, label, content in cryptoki.certificates(self._first)
        ]
        return {"keys": found, "certificates": papers}

    def put(self, number: int, wanted: Request) -> None:
        """Have it signed by whichever session is free first."""
        self._waiting.put((number, time.monotonic() + wanted.patience / 1000, wanted))

    def _work(self, session: Any) -> None:
        known: dict[str, Found] = {}
        generation = 0
        while True:
            number, until, wanted = self._waiting.get()
            if generation != self._generation:
                generation = self._generation
                known.clear()
            try:
                if time.monotonic() > until:
                    raise Refused("busy", "nobody waits for it any more")
                self._answers.done(number, self._signed(session, known, wanted))
            except Exception as error:  # noqa: BLE001 - a vendor's code: whatever it raises is an answer
                known.clear()
                self._answers.failed(number, error)

    def _signed(self, session: Any, known: dict[str, Found], wanted: Request) -> bytes:
        mechanism, parameters = _MECHANISMS[wanted.mechanism]
        if wanted.key not in known:
            known[wanted.key] = _only(session, wanted.key)
        found = known[wanted.key]
        pin = self._pin if found.asks_pin else None
        return bytes(found.object.sign(wanted.content, mechanism=mechanism, mechanism_param=parameters, pin=pin))


class Answers:
    """The way back; threads take turns."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._turn = threading.Lock()

    def done(self, number: int, body: bytes) -> None:
        """Say that it worked."""
        self._say(frame(number, Kind.DONE, body))

    def failed(self, number: int, error: Exception) -> None:
        """Say why not."""
        reason = refused(error)
        self._say(frame(number, Kind.FAILED, f"{reason.code} {reason.detail}".encode()))

    def _say(self, whole: bytes) -> None:
        with self._turn:
            self._line.sendall(whole)


def _only(session: Any, name: str) -> Found:
    found = [one for one in cryptoki.private_keys(session) if one.name == name]
    if len(found) != 1:
        raise Refused("stale", "no such key" if not found else "several keys of one CKA_ID and label")
    return found[0]


def _serve(line: socket.socket) -> None:
    answers = Answers(line)
    pool = Pool(answers)
    with line.makefile("rb") as incoming:
        while header := incoming.read(HEADER.size):
            length, number, kind = HEADER.unpack(header)
            if length > LARGEST:
                return
            body = incoming.read(length)
            try:
                if kind == Kind.SIGN:
                    pool.put(number, request(body))
                else:
                    answers.done(number, _answer(pool, kind, body))
            except Exception as error:  # noqa: BLE001 - a vendor's code: whatever it raises is an answer
                answers.failed(number, error)


def _answer(pool: Pool, kind: int, body: bytes) -> bytes:
    if kind == Kind.OPEN:
        wanted: Any = strictjson.loads(body)
        return strictjson.dumps(pool.open(wanted["module"], wanted["token"], wanted["sessions"]))
    if kind == Kind.LOGIN:
        pool.login(body.decode())
        return b""
    return strictjson.dumps(pool.list())


def main() -> None:
    """Serve until the gateway goes away."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold the PIN
    line = socket.socket(fileno=os.dup(0))
    os.set_inheritable(line.fileno(), False)
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123
        os.dup2(nothing.fileno(), 0)
    try:
        _serve(line)
    except OSError:
        pass
    finally:
        os._exit(0)  # a module's threads and handlers are not waited for
