"""What a verified message hands on: signed bytes, and nothing else of it."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.formats import safexml
from gateway.formats.safexml import Element
from gateway.model.verdict import Scope, SignedPart
from gateway.signing.wssecurity.stamp import Timestamp
from gateway.signing.xmldsig import Signer


@dataclass(frozen=True, slots=True)
class SignedElement:
    """A signed element: its *name* (`{namespace}local`) and the canonical bytes that were digested."""

    name: str
    content: bytes

    def tree(self) -> Element:
        """The element, parsed from the signed bytes. Prefixes in its text are declared only if signed."""
        return safexml.parse(self.content).root


@dataclass(frozen=True, slots=True)
class SignedAttachment:
    """A signed attachment. *content* is what was digested: for XML canonical, for text with CRLF as line end."""

    content_id: str
    content: bytes


@dataclass(frozen=True, slots=True)
class VerifiedMessage:
    """Only this may be used of the message; the envelope it came in holds what nobody signed.

    *body* is the Body of the envelope itself. *headers* are the signed header blocks. *timestamp* is None only where
    the rules let a message come without one. *signatures* counts those that were verified; *signer* made the one that
    covers what the rules ask for. *message_id* is the signed wsa:MessageID, "" without it.
    """

    body: SignedElement
    headers: tuple[SignedElement, ...]
    attachments: tuple[SignedAttachment, ...]
    signer: Signer
    timestamp: Timestamp | None
    message_id: str
    signed: tuple[SignedPart, ...]
    scope: Scope
    signatures: int

    def header(self, name: str) -> SignedElement | None:
        """The signed header block of that name, None without one or with several."""
        found = [one for one in self.headers if one.name == name]
        return found[0] if len(found) == 1 else None
