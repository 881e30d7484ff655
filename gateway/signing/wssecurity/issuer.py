"""Finding a certificate by issuer and serial number (X.509 Token Profile 1.1.1 §3.2.3, XMLDSig §4.5.4.1).

Programs write issuer names in many ways: in either order, with names of attributes of their own. Since a name only
finds a certificate and proves nothing, values are compared without order, case and the names of their attributes.
"""

from __future__ import annotations

import re
from typing import Final

from cryptography import x509

from gateway.model.verdict import NotValid
from gateway.signing.trust.armour import DECODING_FAULTS

MAX_NAME: Final = 4096
_VALUE: Final = re.compile(
    r'\s*+[A-Za-z0-9.\-]++\s*+=\s*+("(?:[^"\\]|\\.)*+"|(?:[^"\\,;+]|\\.)*+)\s*+(?:[,;+]|\Z)', re.DOTALL
)
_ESCAPED: Final = re.compile(r"((?:\\[0-9A-Fa-f]{2})++)|\\(.)", re.DOTALL)

Key = tuple[tuple[str, ...], int]


def key_of_text(issuer: str, serial: str) -> Key:
    """The comparable form of X509IssuerName and X509SerialNumber. Raises NotValid malformed."""
    if len(issuer) > MAX_NAME or not re.fullmatch(r"\s*-?[0-9]{1,60}\s*", serial):
        raise NotValid("malformed", "not an issuer and a decimal serial number", "ds:X509IssuerSerial")
    values, at = [], 0
    while at < len(issuer):
        found = _VALUE.match(issuer, at)
        if found is None:
            raise NotValid("malformed", "not a distinguished name", "ds:X509IssuerName")
        values.append(_plain(found[1]))
        at = found.end()
    return tuple(sorted(values)), int(serial)


def key_of(certificate: x509.Certificate) -> Key | None:
    """The comparable form of a certificate's issuer and serial number; None if they cannot be read."""
    try:
        values = [_folded(str(one.value)) for one in certificate.issuer if isinstance(one.value, str)]
        return tuple(sorted(values)), certificate.serial_number
    except DECODING_FAULTS:
        return None


def _plain(value: str) -> str:
    quoted = value.strip()
    if quoted[:1] == quoted[-1:] == '"' and len(quoted) > 1:
        quoted = quoted[1:-1]
    if re.fullmatch(r"#(?:[0-9A-Fa-f]{2}){3,127}", quoted):
        # DER of a string of less than 128 bytes; anything else finds nothing.
        return _folded(bytes.fromhex(quoted[5:]).decode("utf-8", "replace"))
    return _folded(_ESCAPED.sub(_unescaped, quoted))


def _unescaped(found: re.Match[str]) -> str:
    return bytes.fromhex(found[1].replace("\\", "")).decode("utf-8", "replace") if found[1] else found[2]


def _folded(value: str) -> str:
    return " ".join(value.split()).casefold()
