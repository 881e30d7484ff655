"""multipart/form-data on bytes (RFC 7578 over RFC 2046 §5.1.1): strict, bounded, binary safe.

A body is already in memory within its budget when it gets here, so parts are views of it and nothing is copied. Line
ends are CRLF; a transfer encoding other than the identity ones is refused, as RFC 7578 §4.7 deprecates it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NoReturn

from gateway.errors import Refusal

MAX_PARTS: Final = 32
MAX_HEAD: Final = 8 * 1024
"""Bytes of one part's headers."""
MAX_LOOKALIKES: Final = 1000
"""Delimiters in a file that turn out to be none; a writer chooses a boundary that does not occur."""

_BOUNDARY: Final = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")
_PARAMETER: Final = re.compile(
    r""";[ \t]*+([!#$%&'*+\-.^_`|~0-9A-Za-z]++)[ \t]*+=[ \t]*+("(?:[^"\\]|\\.)*+"|[^;"\s]*+)[ \t]*+"""
)
_MEDIA_TYPE: Final = re.compile(r"[ \t]*+([!#$%&'*+\-.^_`|~0-9A-Za-z/]++)[ \t]*+")
_HEADER: Final = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]++):([^\x00\r\n]*+)")
_FIRST_LINE: Final = re.compile(rb"--([^\r\n]{1,70})\r\n")
_PADDING: Final = re.compile(rb"[ \t]{0,64}+")
_IDENTITY: Final = frozenset({"", "7bit", "8bit", "binary"})
_ESCAPES: Final = {"%22": '"', "%0D": "\r", "%0A": "\n"}
"""What browsers and most libraries escape in names (WHATWG HTML, multipart form data)."""


@dataclass(frozen=True, slots=True)
class Part:
    """One field: *filename* is "" if none was given; *content* is a view of the body."""

    name: str
    filename: str
    media_type: str
    content: memoryview


def boundary_of(content_type: str) -> bytes:
    """The boundary a Content-Type header names. Refusal http.media_type or http.request."""
    kind, parameters = _parameters(content_type, "Content-Type")
    if kind.lower() != "multipart/form-data":
        raise Refusal("http.media_type", "Content-Type", "multipart/form-data is expected")
    boundary = parameters.get("boundary", "")
    if not _BOUNDARY.fullmatch(boundary):
        _wrong("Content-Type", "the boundary is missing or has characters RFC 2046 does not allow")
    return boundary.encode("ascii")


def boundary_in(body: bytes) -> bytes:
    """The boundary a stored form begins with, for reading it again without its header."""
    first = _FIRST_LINE.match(body)
    if first is None:
        _wrong("body", "it does not begin with a boundary line")
    return first[1].rstrip(b" \t")


def parse(body: bytes, boundary: bytes) -> tuple[Part, ...]:
    """All parts, in order. Refusal http.request naming what is wrong; never anything else."""
    found: list[Part] = []
    for start, end in _sections(body, boundary):
        if len(found) == MAX_PARTS:
            _wrong("body", f"more than {MAX_PARTS} parts")
        found.append(_part(body, start, end, len(found) + 1))
    return tuple(found)


def compose(file: bytes, name: str, filename: str, fields: Mapping[str, str]) -> tuple[str, tuple[bytes, ...]]:
    """The content type and the body's pieces of a form with *fields* and then one XML *file*, the same each time.

    Names and values are ours: ASCII without quotes or line ends. The boundary is the file's SHA-256, which no file can
    hold.
    """
    boundary = f"lienthong-{hashlib.sha256(file).hexdigest()}"[:70]
    head = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'
        for field, value in fields.items()
    )
    head += (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
        "Content-Type: application/xml\r\n\r\n"
    )
    return f"multipart/form-data; boundary={boundary}", (head.encode(), file, f"\r\n--{boundary}--\r\n".encode())


def _sections(body: bytes, boundary: bytes) -> Iterator[tuple[int, int]]:
    """Where each part lies, headers included; the preamble and what follows the last boundary are no parts."""
    delimiter = b"\r\n--" + boundary
    at = 0 if body.startswith(delimiter[2:]) else body.find(delimiter)
    if at < 0:
        _wrong("body", "the boundary of Content-Type does not occur")
    after = at + len(delimiter) - (2 if at == 0 and body.startswith(b"--") else 0)
    start, last = _line_end(body, after)
    if start < 0:
        _wrong("body", "the first boundary does not end its line")
    while not last:
        end, following, last = _next_delimiter(body, delimiter, start - 2)
        yield start, max(end, start)
        start = following


def _next_delimiter(body: bytes, delimiter: bytes, at: int) -> tuple[int, int, bool]:
    """Where the next delimiter begins, where the line after it does, and whether it was the closing one."""
    for _ in range(MAX_LOOKALIKES):
        at = body.find(delimiter, at)
        if at < 0:
            _wrong("body", "the closing boundary is missing: the body was cut off")
        following, last = _line_end(body, at + len(delimiter))
        if following >= 0:
            return at, following, last
        at += 1
    _wrong("body", "the boundary occurs in the content")


def _line_end(body: bytes, at: int) -> tuple[int, bool]:
    """(where the line after a delimiter that ends at *at* begins, whether it was the closing one); -1 if the bytes
    there only look like a delimiter."""
    last = body.startswith(b"--", at)
    padding = _PADDING.match(body, at + 2 if last else at)
    end = padding.end() if padding else at
    if body.startswith(b"\r\n", end) or (last and end == len(body)):
        return end + 2, last
    return -1, False


def _part(body: bytes, start: int, end: int, number: int) -> Part:
    where = f"part {number}"
    if body.startswith(b"\r\n", start):
        _wrong(where, "Content-Disposition is missing")
    head_end = body.find(b"\r\n\r\n", start, min(end, start + MAX_HEAD))
    if head_end < 0:
        _wrong(where, f"its headers do not end within {MAX_HEAD} bytes")
    headers = _headers(body[start:head_end], where)
    disposition, parameters = _parameters(headers.get("content-disposition", ""), where)
    if disposition.lower() != "form-data" or "name" not in parameters:
        _wrong(where, "Content-Disposition: form-data with a name is expected")
    if headers.get("content-transfer-encoding", "").lower() not in _IDENTITY:
        _wrong(where, "a Content-Transfer-Encoding is not supported (RFC 7578 §4.7)")
    return Part(
        name=_plain(parameters["name"]),
        filename=_plain(parameters.get("filename", "")),
        media_type=headers.get("content-type", "").partition(";")[0].strip().lower(),
        content=memoryview(body)[head_end + 4 : end],
    )


def _headers(head: bytes, where: str) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in head.split(b"\r\n"):
        match = _HEADER.fullmatch(line)
        if match is None:
            _wrong(where, "a header line is malformed")
        name = match[1].decode("ascii").lower()
        if name in headers:
            _wrong(where, f"{name} is repeated")
        headers[name] = match[2].decode("utf-8", "replace").strip(" \t")
    return headers


def _parameters(value: str, where: str) -> tuple[str, dict[str, str]]:
    """A header's leading word and its parameters; names are lower case, quoted values are unquoted."""
    match = _MEDIA_TYPE.match(value)
    if match is None:
        return "", {}
    found: dict[str, str] = {}
    at, end = match.end(), len(value.rstrip(" \t;"))
    while at < end:
        parameter = _PARAMETER.match(value, at)
        if parameter is None or parameter[1].lower() in found:
            _wrong(where, "its parameters are malformed or repeated")
        found[parameter[1].lower()] = _unquoted(parameter[2])
        at = parameter.end()
    return match[1], found


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text


def _plain(name: str) -> str:
    return re.sub("%22|%0D|%0A", lambda match: _ESCAPES[match[0]], name)


def _wrong(where: str, detail: str) -> NoReturn:
    raise Refusal("http.request", where, detail)
