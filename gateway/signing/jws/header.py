"""What the headers of a signature ask for, read strictly (RFC 7515 §4.1, RFC 7797)."""

from __future__ import annotations

import base64
import binascii
from typing import Final

from cryptography import x509

from gateway.model.verdict import NotValid
from gateway.signing.jws import base64url
from gateway.signing.jws.form import Part
from gateway.signing.trust import armour

UNDERSTOOD: Final = frozenset({"b64"})
"""The extensions that may be marked critical."""
MAX_CERTIFICATES: Final = 32


def encoded_payload(part: Part) -> bool:
    """Whether the payload is signed as base64url: `b64` of RFC 7797, after `crit` was found to hold nothing unknown.

    Raises NotValid malformed (crit or b64 not as §4.1.11 and RFC 7797 §6 have them), algorithm.unsupported (an
    extension that is not understood).
    """
    critical = _critical(part)
    if "b64" in part.unprotected:
        raise NotValid("malformed", "b64 outside the protected header", part.where)
    b64 = part.protected.get("b64", True)
    if not isinstance(b64, bool):
        raise NotValid("malformed", "b64 is neither true nor false", part.where)
    if "b64" in part.protected and "b64" not in critical:
        raise NotValid("malformed", "b64 is not marked critical", part.where)
    return b64


def _critical(part: Part) -> frozenset[str]:
    if "crit" in part.unprotected:
        raise NotValid("malformed", "crit outside the protected header", part.where)
    if "crit" not in part.protected:
        return frozenset()
    found = part.protected["crit"]
    if not isinstance(found, list) or not found:
        raise NotValid("malformed", "crit is not a list of names", part.where)
    names = [one for one in found if isinstance(one, str)]
    if len(names) != len(found) or len(set(names)) != len(names):
        raise NotValid("malformed", "crit repeats a name or holds something else", part.where)
    if not set(names) <= UNDERSTOOD:
        raise NotValid("algorithm.unsupported", "a critical extension is not understood", part.where)
    if not set(names) <= part.protected.keys():
        raise NotValid("malformed", "crit names what is not in the header", part.where)
    return frozenset(names)


def chain(part: Part) -> tuple[x509.Certificate, ...]:
    """The certificates of `x5c`, the signer's first; none if there is no x5c. Raises NotValid malformed."""
    if "x5c" not in part.header:
        return ()
    found = part.header["x5c"]
    if not isinstance(found, list) or not found or len(found) > MAX_CERTIFICATES:
        raise NotValid("malformed", f"x5c is not a list of 1 to {MAX_CERTIFICATES} certificates", part.where)
    return tuple(_certificate(one, part.where) for one in found)


def _certificate(text: object, where: str) -> x509.Certificate:
    """§4.1.6: base64 of the DER, with padding, not base64url."""
    if not isinstance(text, str):
        raise NotValid("malformed", "a certificate of x5c is not a text", where)
    try:
        der = base64.b64decode(text.encode(), validate=True)
    except binascii.Error as fault:
        raise NotValid("malformed", "a certificate of x5c is not base64", where) from fault
    if armour.der_length(der) != len(der):
        raise NotValid("malformed", "a certificate of x5c is not exactly one DER value", where)
    return armour.certificate(der)


def thumbprints(part: Part) -> dict[str, bytes]:
    """Digest name to the thumbprint of the signer's certificate (`x5t`, `x5t#S256`), as far as given. Raises NotValid
    malformed.
    """
    found: dict[str, bytes] = {}
    for name, digest, size in (("x5t", "sha1", 20), ("x5t#S256", "sha256", 32)):
        if name not in part.header:
            continue
        text = part.header[name]
        value = base64url.decode(text.encode(), part.where or name) if isinstance(text, str) else b""
        if len(value) != size:
            raise NotValid("malformed", f"{name} is not a thumbprint", part.where)
        found[digest] = value
    return found


def key_id(part: Part) -> str | None:
    """`kid`, if there is one. Raises NotValid malformed."""
    found = part.header.get("kid")
    if "kid" in part.header and not isinstance(found, str):
        raise NotValid("malformed", "kid is not a text", part.where)
    return found if isinstance(found, str) else None
