"""DER and PEM as files hold them: what a file contains is said exactly, or not at all."""

from __future__ import annotations

import base64
import binascii
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.utils import CryptographyDeprecationWarning

from gateway.model.verdict import NotValid

MAX_BYTES = 64 * 1024 * 1024
"""A file of trust material beyond this is not read."""

_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----\s*([A-Za-z0-9+/=\s]*?)-----END \1-----")
_MARK = b"-----BEGIN "

DECODING_FAULTS = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OverflowError,
    RecursionError,
    NotImplementedError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""What asn1crypto and cryptography raise for bytes that are not what they claim to be."""


# What a stranger put into a certificate is said in the verdict; it is no matter for standard error.
warnings.filterwarnings("ignore", category=CryptographyDeprecationWarning)
warnings.filterwarnings("ignore", message="Attribute's length must be", category=UserWarning)


@dataclass(frozen=True, slots=True)
class Block:
    """One object of a file: its PEM label ("" for bare DER) and its DER."""

    label: str
    der: bytes


@contextmanager
def decoding(what: str, reason: str = "malformed") -> Iterator[None]:
    """Turn a decoder's complaint about a stranger's bytes into NotValid *reason*."""
    try:
        yield
    except DECODING_FAULTS as fault:
        raise NotValid(reason, f"{what} cannot be decoded: {type(fault).__name__}") from fault


def blocks(raw: bytes) -> tuple[Block, ...]:
    """The objects in *raw*: one DER value without anything after it, or PEM blocks with only text around them.

    Raises NotValid malformed: neither, broken base64, or trailing bytes.
    """
    if len(raw) > MAX_BYTES:
        raise NotValid("malformed", "the file is larger than 64 MiB")
    if _MARK in raw[:65536] and raw[:1] != b"\x30":
        return _pem(raw)
    if len(raw) < 2 or der_length(raw) != len(raw):
        raise NotValid("malformed", "neither PEM nor exactly one DER value")
    return (Block("", raw),)


def looks_encoded(raw: bytes) -> bool:
    """Whether *raw* begins like a DER sequence or holds a PEM mark, sound or not."""
    return raw[:1] == b"\x30" or _MARK in raw


def _pem(raw: bytes) -> tuple[Block, ...]:
    found = tuple(_blocks(raw))
    if len(found) != raw.count(_MARK):
        raise NotValid("malformed", "a PEM block is broken")
    if not found:
        raise NotValid("malformed", "no PEM block")
    return found


def _blocks(raw: bytes) -> Iterator[Block]:
    for match in _BLOCK.finditer(raw):
        try:
            der = base64.b64decode(b"".join(match[2].split()), validate=True)
        except binascii.Error as fault:
            raise NotValid("malformed", "a PEM block is not base64") from fault
        if len(der) < 2 or der_length(der) != len(der):
            raise NotValid("malformed", "a PEM block is not exactly one DER value")
        yield Block(match[1].decode("ascii"), der)


def der_length(raw: bytes) -> int:
    """How many bytes the DER value at the start of *raw* takes, header included; -1 if it has no definite length."""
    if len(raw) < 2 or raw[0] & 0x1F == 0x1F:
        return -1
    first = raw[1]
    if first < 0x80:
        return 2 + first
    count = first & 0x7F
    if not 1 <= count <= 8 or len(raw) < 2 + count:
        return -1
    return 2 + count + int.from_bytes(raw[2 : 2 + count])


def certificate(der: bytes) -> x509.Certificate:
    """One certificate from its DER. Raises NotValid malformed."""
    with decoding("the certificate"):
        return x509.load_der_x509_certificate(der)


def certificates(found: Sequence[Block]) -> tuple[x509.Certificate, ...]:
    """The certificates among *found*; other objects are passed over. Raises NotValid malformed."""
    return tuple(certificate(block.der) for block in found if block.label in CERTIFICATE_LABELS)


CERTIFICATE_LABELS = ("", "CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE")
"""The PEM labels a certificate comes under; "" is bare DER."""
