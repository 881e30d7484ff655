"""Attachments under a signature (SwA Profile 1.1.1 §5): found by `cid:`, made canonical by media type, digested."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gateway.errors import Refusal
from gateway.formats import safexml
from gateway.formats.mime import content_id_of
from gateway.formats.safexml import Element
from gateway.formats.soap import SoapMessage
from gateway.model.verdict import Judgement, NotValid
from gateway.signing.xmldsig import Canonical, NodeSet, canonical

_XML: Final = re.compile(r"text/xml|application/xml|(?:application|image)/.*\+xml")
_INCLUDE: Final = "{http://www.w3.org/2004/08/xop/include}Include"
_XOP: Final = "application/xop+xml"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A part beside the envelope: *media* is its type without parameters, in lower case, "" if nobody says."""

    content_id: str
    media: str
    content: bytes

    def canonical(self) -> bytes:
        """The content as it is digested (§5.4.2): XML by exclusive canonicalization without comments, text with CRLF,
        anything else as it is. Raises NotValid malformed: not the XML it says it is."""
        if _XML.fullmatch(self.media):
            return canonical(NodeSet(self._tree(), document=True), Canonical())
        if self.media.startswith("text/"):
            return re.sub(rb"\r\n|\r|\n", b"\r\n", self.content)
        return self.content

    def _tree(self) -> Element:
        try:
            return safexml.parse(self.content).root
        except Refusal as refused:
            raise NotValid(
                "malformed", f"the attachment is no usable XML: {refused.code}", self.content_id
            ) from refused


class Attachments:
    """The attachments of one message, by Content-ID."""

    def __init__(self, message: SoapMessage, detached: Mapping[str, bytes]) -> None:
        """Parts of the MIME message; for a bare envelope the *detached* files, their names as Content-IDs."""
        if message.related is not None:
            found = [Attachment(part.content_id, part.media.name, part.content) for part in message.attachments]
        else:
            found = [Attachment(name, _media(name), content) for name, content in detached.items()]
        self._found = {one.content_id: one for one in found}
        self._mime = message.related is not None
        self.beside = frozenset(one.content_id for one in found if self._mime) - _inlined(message)
        """The Content-IDs of the parts the Body does not hold already; "" is a part without one."""

    def by_uri(self, uri: str | None) -> Attachment:
        """The attachment of a `cid:` URL. Raises NotValid signature.reference."""
        wanted = content_id_of(uri or "")
        if not wanted:
            raise NotValid("signature.reference", "neither in the message nor an attachment", (uri or "")[:120])
        if wanted not in self._found:
            judgement = None if self._mime else Judgement.INDETERMINATE
            raise NotValid("signature.reference", "no such attachment", wanted[:120], judgement=judgement)
        return self._found[wanted]


def _inlined(message: SoapMessage) -> frozenset[str]:
    """The parts of an MTOM message that stand in the envelope as Base64 now (XOP §3.2)."""
    related = message.related
    if related is None or related.root.media.name != _XOP:
        return frozenset()
    root = safexml.parse(related.root.content).root
    return frozenset(content_id_of(one.get("href", "")) for one in root.iter(_INCLUDE))


def _media(name: str) -> str:
    return "text/xml" if name.lower().endswith(".xml") else ""
