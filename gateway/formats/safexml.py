"""The one XML entry point: bytes of a stranger in, a tree or a Refusal out.

What is dangerous is found before libxml2 sees a byte: encodings, DOCTYPE (and with it entities), floods of elements,
attributes, comments, depth. libxml2 then reads UTF-8 only, without network, DTD or entities. Sources: XML 1.0 (5th ed.)
§2.8, §4.3.3, appendix F; OWASP XXE prevention.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from lxml import etree

from gateway.errors import Refusal
from gateway.formats.position import line_column

Element: TypeAlias = Any
"""An lxml element; lxml publishes no types."""

MAX_BYTES: Final = 64 << 20
MAX_DEPTH: Final = 100
MAX_ELEMENTS: Final = 200_000
MAX_ATTRIBUTES: Final = 200_000
MAX_ATTRIBUTES_OF_ONE: Final = 256
MAX_ASIDES: Final = 10_000
"""Comments and processing instructions together."""
MAX_TAG: Final = 64 << 10
"""Bytes from `<` to `>` of one tag."""

_CHUNK: Final = 64 << 10
_JUNK: Final = 1 << 10
_REPAIRS: Final = 8
_DECLARATION: Final = re.compile(
    rb"""<\?xml(?:\s+version\s*=\s*(?:"1\.\d+"|'1\.\d+'))(?:\s+encoding\s*=\s*["']([A-Za-z][A-Za-z0-9._\-]*)["'])?"""
    rb"""(?:\s+standalone\s*=\s*["'](?:yes|no)["'])?\s*\?>"""
)
_TAG: Final = re.compile(rb"""<[^!?"'<>](?:[^"'<>]++|"[^"<]*+"|'[^'<]*+')*+>""")
_VALUE: Final = re.compile(rb"""=\s*+(?:"[^"]*+"|'[^']*+')""")
_UNDECLARED: Final = re.compile(r"Namespace prefix (\S+) ")
_UTF16_STARTS: Final = (
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)
_UTF8_LABELS: Final = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})
_UTF16_LABELS: Final = frozenset({"utf-16", "utf16", "utf-16le", "utf-16be"})


@dataclass(frozen=True, slots=True)
class Deviation:
    """Something tolerated while reading: *kind* is bom, junk, label, utf16, crlf or prefix."""

    kind: str
    line: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Tree:
    """A parsed document and what had to be tolerated to parse it."""

    root: Element
    deviations: tuple[Deviation, ...] = ()


def parse(
    raw: bytes, *, max_bytes: int = MAX_BYTES, lenient: bool = False, prefixes: Mapping[str, str] | None = None
) -> Tree:
    """Read one XML document.

    *lenient* tolerates and reports: junk before the declaration, a declaration that names the wrong Unicode form,
    and prefixes nobody declared (bound to *prefixes*, or to `urn:undeclared:<prefix>`).
    Raises Refusal: limit.body, xml.encoding, xml.doctype, xml.limit, xml.malformed; never anything else.
    """
    if len(raw) > max_bytes:
        raise Refusal("limit.body", detail=f"{len(raw)} bytes, at most {max_bytes}")
    text, deviations = _as_utf8(raw)
    start, found = _prolog(text, wide=text is not raw, lenient=lenient)
    deviations += found
    flaw = _survey(text, start)
    root, undeclared = _build(text, start, _Repair(prefixes or {}) if lenient else None)
    if flaw is not None:
        raise Refusal("xml.malformed", line_column(text, flaw), "a tag does not end")
    if text.find(b"\r") >= 0:
        deviations.append(Deviation("crlf", 1))
    return Tree(root, tuple(deviations + undeclared))


def _as_utf8(raw: bytes) -> tuple[bytes, list[Deviation]]:
    """The document as UTF-8; UTF-16 is told by its byte order mark or its first `<` (appendix F)."""
    if raw.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, b"\0\0\0<", b"<\0\0\0")):
        raise Refusal("xml.encoding", "1:1", "UTF-32")
    for mark, name in _UTF16_STARTS:
        if raw.startswith(mark):
            try:
                return raw.decode(name).removeprefix("\ufeff").encode(), [Deviation("utf16", 1)]
            except UnicodeError:
                raise Refusal("xml.encoding", "1:1", "damaged UTF-16") from None
    nul = raw.find(b"\0")
    if nul >= 0:
        raise Refusal("xml.malformed", line_column(raw, nul), "a NUL byte")
    return raw, []


def _prolog(text: bytes, *, wide: bool, lenient: bool) -> tuple[int, list[Deviation]]:
    """The offset after byte order mark, junk and XML declaration. *wide*: the bytes came as UTF-16."""
    deviations = []
    at = 0
    if text.startswith(codecs.BOM_UTF8):
        at = 3
        deviations.append(Deviation("bom", 1))
    begin = text.find(b"<", at, at + _JUNK)
    if begin < 0:
        raise Refusal("xml.malformed", line_column(text, at), "no markup at the start")
    declared = text.startswith(b"<?xml", begin) and text[begin + 5 : begin + 6].isspace()
    if text[at:begin].strip() or (declared and begin > at):
        if not (lenient and declared):
            raise Refusal("xml.malformed", line_column(text, at), "text before the document")
        deviations.append(Deviation("junk", 1, f"{begin - at} bytes"))
        at = begin
    if not declared:
        return at, deviations
    declaration = _DECLARATION.match(text, at)
    if declaration is None:
        raise Refusal("xml.malformed", line_column(text, at), "the XML declaration is not valid")
    return declaration.end(), deviations + _label(declaration, wide=wide, lenient=lenient)


def _label(declaration: re.Match[bytes], *, wide: bool, lenient: bool) -> list[Deviation]:
    """Compare the declared encoding with the bytes, which tell the truth (.NET often writes the wrong one)."""
    label = (declaration[1] or (b"utf-16" if wide else b"utf-8")).decode().lower()
    if label in (_UTF16_LABELS if wide else _UTF8_LABELS):
        return []
    if lenient and label in _UTF16_LABELS | _UTF8_LABELS:
        return [Deviation("label", 1, label)]
    raise Refusal("xml.encoding", "1:1", label[:40])


def _survey(text: bytes, start: int) -> int | None:
    """Count everything that can flood a parser, and refuse DOCTYPE. The offset of a tag without end, if any.

    XML allows no `<` inside a tag, so one pass from `<` to `<` sees exactly the tags libxml2 would see.
    """
    depth = elements = attributes = asides = 0
    at = text.find(b"<", start)
    while at >= 0:
        if text[at + 1 : at + 2] in (b"!", b"?"):
            asides += 1
            end = _aside_end(text, at)
            if end < 0:
                return at
        else:
            tag = _tag(text, at)
            if tag is None:
                return at
            end = at + len(tag)
            if tag.startswith(b"</"):
                depth -= 1
            else:
                elements += 1
                depth += 0 if tag.endswith(b"/>") else 1
                attributes += _attributes(text, at, tag)
        if depth > MAX_DEPTH or elements > MAX_ELEMENTS or attributes > MAX_ATTRIBUTES or asides > MAX_ASIDES:
            raise Refusal("xml.limit", line_column(text, at), "too deep or too many parts")
        at = text.find(b"<", end)
    return None


def _aside_end(text: bytes, at: int) -> int:
    """The end of the comment, CDATA section or processing instruction at *at*; -1 if it has none."""
    for opening, closing in ((b"<!--", b"-->"), (b"<![CDATA[", b"]]>"), (b"<?", b"?>")):
        if text.startswith(opening, at):
            end = text.find(closing, at + len(opening))
            return end + len(closing) if end >= 0 else -1
    if text[at : at + 9].upper() == b"<!DOCTYPE":
        raise Refusal("xml.doctype", line_column(text, at))
    return -1


def _tag(text: bytes, at: int) -> bytes | None:
    match = _TAG.match(text, at)
    end = match.end() if match else text.find(b"<", at + 1)
    if (end if end >= 0 else len(text)) - at > MAX_TAG:
        raise Refusal("xml.limit", line_column(text, at), f"a tag of more than {MAX_TAG} bytes")
    return match[0] if match else None


def _attributes(text: bytes, at: int, tag: bytes) -> int:
    if b"=" not in tag:
        return 0
    count = len(_VALUE.findall(tag))
    if count > MAX_ATTRIBUTES_OF_ONE:
        raise Refusal("xml.limit", line_column(text, at), f"more than {MAX_ATTRIBUTES_OF_ONE} attributes")
    return count


@dataclass(slots=True)
class _Repair:
    """Declarations to add to the root element for prefixes that nobody declared."""

    known: Mapping[str, str]

    def declaration(self, prefix: str) -> bytes:
        uri = self.known.get(prefix, f"urn:undeclared:{prefix}")
        return f' xmlns:{prefix}="{uri}"'.encode()


class _Undeclared(Exception):
    """libxml2 met prefixes that nobody declared."""

    def __init__(self, found: Mapping[str, int]) -> None:
        self.found = found
        super().__init__(*found)


def _build(text: bytes, start: int, repair: _Repair | None) -> tuple[Element, list[Deviation]]:
    """The tree, built again with added declarations as often as a new undeclared prefix is met."""
    added: dict[str, int] = {}
    for _ in range(_REPAIRS):
        extra = b"".join(repair.declaration(prefix) for prefix in added) if repair else b""
        try:
            root = _feed(text, start, extra)
        except _Undeclared as found:
            prefix, line = next(iter(found.found.items()))
            if repair is None or set(found.found) <= set(added):
                raise Refusal("xml.malformed", f"{line}:1", f"undeclared prefix {prefix[:40]}") from None
            added = {**added, **found.found}
        else:
            return root, [Deviation("prefix", line, prefix) for prefix, line in added.items()]
    raise Refusal("xml.malformed", "1:1", "too many undeclared prefixes")


def _feed(text: bytes, start: int, extra: bytes) -> Element:
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=True,
        remove_comments=False,
        remove_pis=False,
        collect_ids=False,
    )
    at = _root_name_end(text, start) if extra else start
    try:
        parser.feed(re.sub(rb"[^\n]", b" ", text[:start]) + text[start:at] + extra)
        _feed_rest(parser, text, at)
        root = parser.close()
    except etree.LxmlError as error:
        raise _refusal(parser, error) from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise Refusal("xml.doctype")
    return root


def _feed_rest(parser: Any, text: bytes, at: int) -> None:
    """Feed in pieces, so that libxml2 never holds a second copy of the whole, and check that it is UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    while at < len(text):
        piece = text[at : at + _CHUNK]
        held = len(decoder.getstate()[0])
        try:
            decoder.decode(piece, final=at + _CHUNK >= len(text))
        except UnicodeDecodeError as error:
            where = line_column(text, max(0, at - held + error.start))
            raise Refusal("xml.encoding", where, "bytes that are not UTF-8") from None
        parser.feed(piece)
        _raise_logged(parser)
        at += _CHUNK


def _raise_logged(parser: Any) -> None:
    """Namespace faults do not stop libxml2: stop at the first piece that has one."""
    errors = [entry for entry in parser.feed_error_log if entry.level > etree.ErrorLevels.WARNING]
    undeclared: dict[str, int] = {}
    for entry in errors:
        prefix = _UNDECLARED.match(entry.message)
        if entry.type == etree.ErrorTypes.NS_ERR_UNDEFINED_NAMESPACE and prefix:
            undeclared.setdefault(prefix[1], entry.line)
    if undeclared:
        raise _Undeclared(undeclared)
    if errors:
        raise _entry_refusal(errors[0])


def _refusal(parser: Any, error: Exception) -> Exception:
    try:
        _raise_logged(parser)
    except (_Undeclared, Refusal) as logged:
        return logged
    return Refusal("xml.malformed", "1:1", str(error)[:120])


def _entry_refusal(entry: Any) -> Refusal:
    code = "xml.limit" if entry.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT else "xml.malformed"
    return Refusal(code, f"{entry.line}:{entry.column}", " ".join(entry.message.split())[:120])


def _root_name_end(text: bytes, start: int) -> int:
    """The offset just after the root element's name, where declarations can be added."""
    at = text.find(b"<", start)
    while text[at + 1 : at + 2] in (b"!", b"?"):
        at = text.find(b"<", _aside_end(text, at))
    match = re.compile(rb"<[^\s/>]+").match(text, at)
    return match.end() if match else start
