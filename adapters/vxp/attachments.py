"""Attachments of an edXML package: from base64 inside XML to the bytes somebody attached (reference §3.7, §3.8)."""

from __future__ import annotations

import binascii
from collections import deque
from dataclasses import dataclass
from typing import Final

from adapters.vxp.codes import ZIP_FAMILY, media_type_of
from adapters.vxp.fields import SPACE
from adapters.vxp.findings import Findings
from adapters.vxp.node import Node
from adapters.vxp.shape import ATTACHMENT, MANIFEST, REFERENCE, XLINK
from gateway.errors import Refusal
from gateway.formats import zipsafe
from gateway.model.document import Attachment, Wrapping

_ZIP_TYPES: Final = frozenset({"application/zip", "application/x-zip-compressed", "application/x-zip", ""})
_NO_SPACE: Final = dict.fromkeys(map(ord, SPACE))


@dataclass(frozen=True, slots=True)
class Listed:
    """A Reference of the manifest: what it says about the attachment of the same id."""

    content_id: str
    name: str
    description: str
    content_type: str
    xpath: str
    line: int


def read_manifest(body: Node | None, findings: Findings) -> list[Listed]:
    """The References, in order; an absent body or manifest lists nothing."""
    manifest = body.one("edXMLManifest", MANIFEST) if body else None
    return [_listed(node, findings) for node in manifest.many("Reference", REFERENCE)] if manifest else []


def _listed(node: Node, findings: Findings) -> Listed:
    if any(name.startswith(f"{{{XLINK}}}") for name in node.element.attrib):
        findings.once("element.dotnet", node.xpath, node.line)
    return Listed(
        content_id=_content_id(node, findings),
        name=node.text("AttachmentName"),
        description=node.text("Description"),
        content_type=node.text("ContentType"),
        xpath=node.xpath,
        line=node.line,
    )


class AttachmentReader:
    """Reads Attachment elements one by one, emptying the tree behind itself: a package may hold 60 MB of base64."""

    def __init__(self, listed: list[Listed], findings: Findings) -> None:
        self._findings = findings
        self._budget = zipsafe.MAX_SIZE
        self._listed: dict[str, deque[Listed]] = {}
        for one in listed:
            self._listed.setdefault(one.content_id, deque()).append(one)

    def read(self, encoded: Node | None) -> tuple[Attachment, ...]:
        """All attachments, in order, and a finding for each Reference left over."""
        nodes = encoded.many("Attachment", ATTACHMENT, keep_empty=True) if encoded else ()
        found = tuple(self._attachment(node) for node in nodes)
        for left in self._listed.values():
            for one in left:
                self._findings.add("attachment.absent", one.xpath, one.line)
        return found

    def _attachment(self, node: Node) -> Attachment:
        content_id = _content_id(node, self._findings)
        listed = self._listed_as(content_id, node)
        name = node.text("AttachmentName") or (listed.name if listed else "")
        declared = node.text("ContentType") or (listed.content_type if listed else "")
        media_type = node.text("MimeType")
        raw = self._payload(node)
        content, wrapping = self._unwrap(node, name, raw)
        self._compare(node, name, declared, content, wrapping)
        if not media_type:
            plain = declared if wrapping is None or declared.lower() not in _ZIP_TYPES else ""
            media_type = plain or media_type_of(zipsafe.extension(name))
        description = node.text("Description") or (listed.description if listed else "")
        return Attachment(name, content, media_type, description, content_id, wrapping)

    def _listed_as(self, content_id: str, node: Node) -> Listed | None:
        waiting = self._listed.get(content_id)
        if waiting:
            return waiting.popleft()
        self._findings.add("attachment.unlisted", node.xpath, node.line)
        return None

    def _payload(self, node: Node) -> bytes:
        where = node.path("ContentTransferEncoded")
        elements = node.raw("ContentTransferEncoded")
        if not elements:
            raise Refusal("edxml.missing", where, "an attachment without content")
        element = elements[0]
        text: str = element.text or ""
        element.text = None
        element.tail = None
        if len(element):
            raise Refusal("edxml.base64", where, "markup inside base64")
        if any(blank in text for blank in SPACE):
            text = text.translate(_NO_SPACE)
            self._findings.add("attachment.spaces", where, node.line_of("ContentTransferEncoded"))
        if not text:
            self._findings.add("attachment.empty", where, node.line_of("ContentTransferEncoded"))
        if len(text) % 4 or text.endswith("==="):
            raise Refusal("edxml.base64", where, f"{len(text)} characters do not make whole bytes")
        try:
            return binascii.a2b_base64(text, strict_mode=True)
        except ValueError as error:
            raise Refusal("edxml.base64", where, str(error)) from None

    def _unwrap(self, node: Node, name: str, raw: bytes) -> tuple[bytes, Wrapping | None]:
        try:
            content, wrapping = zipsafe.undo_wrapping(name, raw, max_size=self._budget)
        except Refusal as refusal:
            raise Refusal(refusal.code, node.path("ContentTransferEncoded"), refusal.detail) from None
        if wrapping is not None:
            self._budget -= len(content)
        return content, wrapping

    def _compare(self, node: Node, name: str, declared: str, content: bytes, wrapping: Wrapping | None) -> None:
        """Report a ContentType that lies about a ZIP, and a ZIP that looks like a wrapping gone wrong."""
        if wrapping is not None and declared.lower() not in _ZIP_TYPES:
            self._findings.add("attachment.type", node.path("ContentType"), node.line_of("ContentType"))
        if wrapping is None and zipsafe.looks_zipped(content) and zipsafe.extension(name) not in ZIP_FAMILY:
            where = "ContentTransferEncoded"
            self._findings.add("attachment.zip_kept", node.path(where), node.line_of(where))


def _content_id(node: Node, findings: Findings) -> str:
    """The id without `cid:`, which the .NET library leaves out."""
    text = node.text("ContentId")
    if text and not text.lower().startswith("cid:"):
        findings.once("attachment.id", node.path("ContentId"), node.line_of("ContentId"))
    return text[4:] if text.lower().startswith("cid:") else text
