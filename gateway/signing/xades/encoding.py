"""Base64 in XML, as xs:base64Binary has it: blanks anywhere, nothing else beside the alphabet."""

from __future__ import annotations

from gateway.model.verdict import NotValid
from gateway.signing.xmldsig.shape import decoded


def base64_bytes(text: str, where: str) -> bytes:
    """The bytes of *text*. Raises NotValid malformed: not base64, or nothing."""
    found = decoded(text, where)
    if not found:
        raise NotValid("malformed", "empty", where)
    return found
