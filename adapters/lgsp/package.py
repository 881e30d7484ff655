"""An edXML package as this API carries it: text in JSON, base64 in JSON, or a file in a form.

The axis was first described as answering getEdoc with the XML as text, later seen answering with base64 of the whole
file. Base64 is the safe one: its bytes never went through a text. Text is turned back into the bytes it declares.
"""

from __future__ import annotations

import asyncio
import binascii
import re
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

from adapters.lgsp.form import boundary_in, parse
from gateway.errors import Refusal
from gateway.model.document import Content
from gateway.model.message import Decoded
from gateway.ports import Decode

P = ParamSpec("P")
T = TypeVar("T")

Encode = Callable[[Content], bytes]
"""Canonical content as a package: the same bytes each time. Raises Refusal edxml.strict."""

EDXML: Final = "edxml"
FORM_DIALECT: Final = "lgsp-form"
"""What a refused sendEdoc is quarantined as: the whole form, as it came."""
FILE_FIELD: Final = "edocFile"

THREAD_ABOVE: Final = 16 * 1024
"""Bytes above which work leaves the event loop."""

_BLANKS: Final = b" \t\r\n"
_UTF16: Final = re.compile(r"""\s*+<\?xml[^>]*?\sencoding\s*=\s*["']utf-?16(?:le|be)?["']""", re.IGNORECASE)


async def off_loop(size: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """*work* on something of *size* bytes: in a thread if that would hold the event loop up."""
    if size > THREAD_ABOVE:
        return await asyncio.to_thread(work, *args, **kwargs)
    return work(*args, **kwargs)


def form_decoder(decode: Decode) -> Decode:
    """The Decode of :data:`FORM_DIALECT`: the package inside a stored form, read by *decode*."""

    def decode_form(raw: bytes) -> Decoded:
        return decode(file_in(raw, boundary_in(raw)))

    return decode_form


def file_in(form: bytes, boundary: bytes) -> bytes:
    """The bytes of the one file field of a form. Refusal http.request."""
    return _only_file(form, boundary)[0]


def sent_form(form: bytes, boundary: bytes) -> tuple[bytes, str]:
    """The file's bytes, and the message type beside it ("" if absent). Refusal http.request."""
    return _only_file(form, boundary)


def _only_file(form: bytes, boundary: bytes) -> tuple[bytes, str]:
    parts = parse(form, boundary)
    files = [part for part in parts if part.name.casefold() == FILE_FIELD.casefold()]
    if len(files) != 1:
        raise Refusal("http.request", FILE_FIELD, f"exactly one file field is expected, {len(files)} found")
    if not files[0].content.nbytes:
        raise Refusal("http.request", FILE_FIELD, "the file is empty")
    types = [bytes(part.content[:40]) for part in parts if part.name.casefold() == "messagetype"]
    if len(types) > 1:
        raise Refusal("http.request", "messageType", "the field is repeated")
    return bytes(files[0].content), types[0].decode("utf-8", "replace").strip() if types else ""


def unbase64(text: str) -> bytes:
    """Standard base64 (RFC 4648 §4), padding required; blanks and line ends are ignored. Raises ValueError."""
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error:
        return binascii.a2b_base64(text.encode("ascii").translate(None, _BLANKS), strict_mode=True)


def bytes_of(text: str) -> bytes:
    """A package given as text or as base64. Raises ValueError if it is neither.

    Text that declares UTF-16, as .NET writes into every string, becomes UTF-16, so that bytes and declaration agree.
    """
    if not text.lstrip("\ufeff \t\r\n").startswith("<"):
        return unbase64(text)
    if _UTF16.match(text.lstrip("\ufeff")):
        return b"\xff\xfe" + text.lstrip("\ufeff").encode("utf-16-le", "surrogatepass")
    return text.encode("utf-8", "surrogatepass")
