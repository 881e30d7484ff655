"""The three forms of a JWS (RFC 7515 §7) taken apart, before anything in them is believed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeGuard

from gateway.errors import Refusal
from gateway.formats import strictjson
from gateway.formats.strictjson import Json
from gateway.model.verdict import NotValid
from gateway.signing.jws import base64url

MAX_BYTES: Final = 32 << 20
"""Bytes of one JWS; a payload beyond that is detached."""
MAX_SIGNATURES: Final = 16
MAX_HEADER: Final = 256 << 10
"""Bytes of one header; a chain of certificates is the longest thing in it."""


@dataclass(frozen=True, slots=True)
class Part:
    """One signature: the protected header as it was signed (base64url), both headers read, and the signature's bytes.

    *where* names it in a verdict; "" in forms that hold one only.
    """

    protected_text: bytes
    protected: dict[str, Json]
    unprotected: dict[str, Json]
    signature: bytes
    where: str = ""

    @property
    def header(self) -> dict[str, Json]:
        """Both headers as one (RFC 7515 §4); no name is in both."""
        return {**self.unprotected, **self.protected}


@dataclass(frozen=True, slots=True)
class Jws:
    """A JWS as it was sent. *payload* is its text there, not decoded; None where it is detached (appendix F)."""

    payload: bytes | None
    parts: tuple[Part, ...]
    compact: bool


def read(content: bytes) -> Jws:
    """Read the compact form (§7.1), or general and flattened JSON (§7.2). Raises NotValid malformed, limit.exceeded,
    signature.absent (an empty list of signatures).
    """
    if len(content) > MAX_BYTES:
        raise NotValid("limit.exceeded", f"a JWS of more than {MAX_BYTES >> 20} MiB")
    if content[:64].lstrip(b" \t\r\n").startswith(b"{"):
        return _json(content)
    return _compact(content)


def _compact(content: bytes) -> Jws:
    pieces = content.split(b".", 3)
    if len(pieces) != 3 or not pieces[0]:
        raise NotValid("malformed", "neither three parts between dots nor a JSON object")
    header, payload, signature = pieces
    part = Part(header, _protected(header, ""), {}, base64url.decode(signature, "signature"))
    return Jws(payload or None, (part,), compact=True)


def _json(content: bytes) -> Jws:
    whole = _object(content, "the document")
    payload = whole.get("payload")
    if payload is not None and not isinstance(payload, str):
        raise NotValid("malformed", "the payload is not a text")
    if "signatures" in whole:
        if "signature" in whole or "protected" in whole or "header" in whole:
            raise NotValid("malformed", "general and flattened form at once")
        parts = _several(whole["signatures"])
    else:
        parts = (_part(whole, ""),)
    return Jws(payload.encode() if payload is not None else None, parts, compact=False)


def _several(found: Json) -> tuple[Part, ...]:
    if not isinstance(found, list):
        raise NotValid("malformed", "signatures is not a list")
    if not found:
        raise NotValid("signature.absent", "the list of signatures is empty")
    if len(found) > MAX_SIGNATURES:
        raise NotValid("limit.exceeded", f"more than {MAX_SIGNATURES} signatures")
    return tuple(_part(one, f"signatures[{place}]") for place, one in enumerate(found))


def _part(found: Json, where: str) -> Part:
    if not _is_object(found):
        raise NotValid("malformed", "a signature is not an object", where)
    protected_text, signature = found.get("protected", ""), found.get("signature")
    unprotected = found.get("header", {})
    if not isinstance(protected_text, str) or not isinstance(signature, str) or not _is_object(unprotected):
        raise NotValid("malformed", "protected, header or signature is missing or of another type", where)
    text = protected_text.encode()
    protected = _protected(text, where) if text else {}
    if protected.keys() & unprotected.keys():
        raise NotValid("malformed", "a name is in both headers", where)
    return Part(text, protected, unprotected, base64url.decode(signature.encode(), where or "signature"), where)


def _protected(text: bytes, where: str) -> dict[str, Json]:
    if len(text) > MAX_HEADER:
        raise NotValid("limit.exceeded", f"a header of more than {MAX_HEADER} bytes", where)
    return _object(base64url.decode(text, where or "header"), where or "header")


def _object(raw: bytes, where: str) -> dict[str, Json]:
    try:
        found = strictjson.loads(raw)
    except Refusal as fault:
        raise NotValid("malformed", f"{fault.code} {fault.detail}", where) from fault
    if not _is_object(found):
        raise NotValid("malformed", "not a JSON object", where)
    return found


def _is_object(found: Json) -> TypeGuard[dict[str, Json]]:
    return isinstance(found, dict)
