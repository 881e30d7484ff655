"""multipart/related as SOAP messages use it (RFC 2387, RFC 2045, RFC 2046 §5.1): strict, bounded, bytes to bytes.

What two readers could cut differently is refused: a header given twice, a delimiter with other line ends than the
first, text before or behind the parts, two parts of one Content-ID.
"""

from __future__ import annotations

import base64
import binascii
import quopri
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Final
from urllib.parse import unquote

from gateway.errors import Refusal

MAX_BYTES: Final = 128 << 20
MAX_PARTS: Final = 200
MAX_HEADERS: Final = 32
MAX_HEAD: Final = 16 << 10
"""Bytes of all header lines of one part."""

_WORD: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_TYPE: Final = re.compile(rf"\s*({_WORD}/{_WORD})\s*")
_PARAMETER: Final = re.compile(rf';\s*({_WORD})\s*=\s*(?:"((?:[^"\\\r\n]|\\[\x20-\x7e])*)"|({_WORD}))\s*')
_BOUNDARY: Final = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")
_HEADER: Final = re.compile(r"([!-9;-~]+)[ \t]*:[ \t]*(.*)", re.DOTALL)
_CONTENT_ID: Final = re.compile(r"<([^<>\s]+)>")
_IDENTITY: Final = frozenset({"7bit", "8bit", "binary"})


@dataclass(frozen=True, slots=True)
class MediaType:
    """A Content-Type: *name* and parameter names in lower case, parameter values as written."""

    name: str
    parameters: tuple[tuple[str, str], ...] = ()

    def parameter(self, name: str) -> str:
        """The value of a parameter, "" without it."""
        return dict(self.parameters).get(name, "")


@dataclass(frozen=True, slots=True)
class Part:
    """One body part: *content* with its transfer encoding undone, *headers* as they came (unfolded), in order."""

    content_id: str
    media: MediaType
    headers: tuple[tuple[str, str], ...]
    content: bytes

    def header(self, name: str) -> str:
        """The value of a header, "" without it; a name that counts occurs once."""
        return next((value for own, value in self.headers if own.lower() == name.lower()), "")


@dataclass(frozen=True, slots=True)
class Related:
    """A multipart/related message: the *root* part (parameter `start`, else the first) and the others in order."""

    root: Part
    parts: tuple[Part, ...]

    def by_cid(self, uri: str) -> Part | None:
        """The part that a `cid:` URL (RFC 2392) names, the root excluded."""
        wanted = content_id_of(uri)
        return next((part for part in self.parts if wanted and part.content_id == wanted), None)


def content_id_of(uri: str) -> str:
    """The Content-ID inside a `cid:` URL, unescaped (RFC 2392 §2); "" if it is none."""
    return unquote(uri[4:]) if uri[:4].lower() == "cid:" else ""


def media_type(text: str) -> MediaType:
    """Read a Content-Type value. Raises Refusal soap.mime."""
    kind = _TYPE.match(text)
    if kind is None or len(text) > MAX_HEAD:
        raise Refusal("soap.mime", "Content-Type", "not a media type")
    at, parameters = kind.end(), {}
    while at < len(text):
        found = _PARAMETER.match(text, at)
        if found is None:
            if text[at:].strip() in ("", ";"):
                break
            raise Refusal("soap.mime", "Content-Type", "a damaged parameter")
        name = found[1].lower()
        if name in parameters:
            raise Refusal("soap.mime", "Content-Type", f"parameter {name[:40]} twice")
        parameters[name] = re.sub(r"\\(.)", r"\1", found[2]) if found[2] is not None else found[3]
        at = found.end()
    return MediaType(kind[1].lower(), tuple(parameters.items()))


def parse_related(content_type: str, body: bytes, *, max_bytes: int = MAX_BYTES, max_parts: int = MAX_PARTS) -> Related:
    """Cut a multipart/related body. Raises Refusal soap.mime or limit.body; never anything else."""
    if len(body) > max_bytes:
        raise Refusal("limit.body", detail=f"{len(body)} bytes, at most {max_bytes}")
    media = media_type(content_type)
    if media.name != "multipart/related":
        raise Refusal("soap.mime", "Content-Type", "not multipart/related")
    boundary = media.parameter("boundary")
    if not _BOUNDARY.fullmatch(boundary):
        raise Refusal("soap.mime", "Content-Type", "no usable boundary")
    parts = [_part(piece, newline) for piece, newline in _pieces(body, boundary.encode(), max_parts)]
    named = [part.content_id for part in parts if part.content_id]
    if len(named) != len(set(named)):
        raise Refusal("soap.mime", "Content-ID", "two parts of one Content-ID")
    return _rooted(media, parts)


def split_file(raw: bytes) -> tuple[str, bytes] | None:
    """Content-Type and body of a message kept in a file with its MIME headers on top; None if it has none."""
    if not re.match(rb"(?:content-type|mime-version|content-[a-z-]+)[ \t]*:", raw[:40], re.IGNORECASE):
        return None
    newline = b"\r\n" if b"\r\n" in raw[: raw.find(b"\n") + 1] else b"\n"
    head, gap, body = raw.partition(newline + newline)
    if not gap:
        raise Refusal("soap.mime", "headers", "they do not end")
    headers = {name.lower(): value for name, value in _headers(head, newline)}
    return headers.get("content-type", ""), body


def _pieces(body: bytes, boundary: bytes, max_parts: int) -> list[tuple[bytes, bytes]]:
    """The bytes between the delimiters, with the line end the first delimiter uses."""
    delimiter = re.compile(rb"(?:\A|(?<=\n))--" + re.escape(boundary) + rb"(--)?[ \t]*(\r?\n|\Z)")
    found: list[re.Match[bytes]] = []
    for match in delimiter.finditer(body):
        found.append(match)
        if match[1] or len(found) > max_parts:
            break
    if len(found) > max_parts:
        raise Refusal("soap.mime", "body", f"more than {max_parts} parts")
    if len(found) < 2 or not found[-1][1]:
        raise Refusal("soap.mime", "body", "the parts do not begin or do not end")
    if body[: found[0].start()].strip() or body[found[-1].end() :].strip():
        raise Refusal("soap.mime", "body", "text outside the parts")
    newline = found[0][2]
    pieces = []
    for before, after in pairwise(found):
        piece = body[before.end() : after.start()]
        if before[2] != newline or not piece.endswith(newline):
            raise Refusal("soap.mime", "body", "delimiters with different line ends")
        pieces.append((piece[: -len(newline)], newline))
    return pieces


def _part(piece: bytes, newline: bytes) -> Part:
    if piece.startswith(newline):
        head, content = b"", piece[len(newline) :]
    else:
        head, gap, content = piece.partition(newline + newline)
        if not gap:
            raise Refusal("soap.mime", "body", "a part without an empty line behind its headers")
    headers = _headers(head, newline)
    values = {name.lower(): value for name, value in headers}
    named = _CONTENT_ID.fullmatch(values.get("content-id", ""))
    if "content-id" in values and named is None:
        raise Refusal("soap.mime", "Content-ID", "not of the form <id>")
    encoding = values.get("content-transfer-encoding", "binary").strip().lower()
    media = media_type(values.get("content-type", "text/plain"))
    return Part(named[1] if named else "", media, headers, _decoded(content, encoding))


def _headers(head: bytes, newline: bytes) -> tuple[tuple[str, str], ...]:
    if len(head) > MAX_HEAD:
        raise Refusal("soap.mime", "headers", f"more than {MAX_HEAD} bytes")
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError:
        raise Refusal("soap.mime", "headers", "not UTF-8") from None
    lines = re.sub(r"\r?\n[ \t]+", " ", text).split(newline.decode()) if text else []
    if len(lines) > MAX_HEADERS:
        raise Refusal("soap.mime", "headers", f"more than {MAX_HEADERS}")
    headers = []
    for line in lines:
        found = _HEADER.fullmatch(line)
        if found is None or "\r" in line or "\n" in line or "\0" in line:
            raise Refusal("soap.mime", "headers", "a damaged header line")
        headers.append((found[1], found[2].strip()))
    names = [name.lower() for name, _ in headers if name.lower().startswith("content-")]
    if len(names) != len(set(names)):
        raise Refusal("soap.mime", "headers", "a Content header twice")
    return tuple(headers)


def _decoded(content: bytes, encoding: str) -> bytes:
    if encoding in _IDENTITY:
        return content
    if encoding == "base64":
        try:
            return base64.b64decode(re.sub(rb"[ \t\r\n]+", b"", content), validate=True)
        except (binascii.Error, ValueError):
            raise Refusal("soap.mime", "Content-Transfer-Encoding", "damaged base64") from None
    if encoding == "quoted-printable":
        return quopri.decodestring(content)
    raise Refusal("soap.mime", "Content-Transfer-Encoding", "not a known encoding")


def _rooted(media: MediaType, parts: list[Part]) -> Related:
    start = media.parameter("start")
    wanted = start[1:-1] if start.startswith("<") and start.endswith(">") else start
    root = next((part for part in parts if part.content_id == wanted), None) if wanted else parts[0]
    if root is None:
        raise Refusal("soap.mime", "Content-Type", "`start` names no part")
    declared = media.parameter("type").lower()
    if declared and declared != root.media.name:
        raise Refusal("soap.mime", "Content-Type", "`type` is not the root part's type")
    return Related(root, tuple(part for part in parts if part is not root))
