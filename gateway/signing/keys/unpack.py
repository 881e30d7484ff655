"""PKCS#12 in a process of its own: opening one keeps the interpreter to itself for 50 ms and more.

The derivation from the password takes its time (RFC 7292 appendix B), and OpenSSL checks an RSA key while it loads it.
What comes back is the key as PKCS#8 and the certificates; neither touches a disk.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from gateway.signing.keys import fault
from gateway.signing.keys.child import spawn
from gateway.signing.keys.unpack_process import ABSENT, PRESENT, SECONDS, put, take

PROCESS: Final = "gateway.signing.keys.unpack_process"


@dataclass(frozen=True, slots=True)
class Unpacked:
    """The key in PKCS#8 and the certificates in DER; *certificate* is the key's own, b"" if it has none."""

    key: bytes = field(repr=False)
    certificate: bytes
    others: tuple[bytes, ...]


def unpack(raw: bytes, password: str | None, name: str) -> Unpacked:
    """What is in a PKCS#12. Blocks for about 300 ms. Raises key.pin (wrong password), key.unusable, key.offline."""
    process, ours = spawn(PROCESS, password or "")
    try:
        with ours, ours.makefile("rwb") as line:
            ours.settimeout(SECONDS)
            put(line, [raw, ABSENT if password is None else PRESENT + password.encode()])
            answer = take(line)
    except OSError as error:
        raise fault.offline(f"{name}: {type(error).__name__} while it was opened") from None
    finally:
        process.kill()
        process.wait()
    match answer:
        case [b"key", key, certificate, *others]:
            return Unpacked(key, certificate, tuple(others))
        case [b"password"]:
            raise fault.pin(f"{name}: the password is wrong, or the file is damaged")
        case _:
            raise fault.unusable(f"{name}: not a PKCS#12 file with a private key")
