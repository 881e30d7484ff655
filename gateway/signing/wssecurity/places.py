"""Which elements of a message a signature may speak of, and what each Reference is expected to point at.

A Reference is followed by position as much as by id: what it names must be the Body, a header block, or something in
our Security header. Anything else in the tree is no place a receiver looks at, and a signature over it means nothing.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from lxml import etree

from gateway.formats.mime import content_id_of
from gateway.formats.safexml import Element
from gateway.formats.soap import SoapEnvelope
from gateway.model.verdict import NotValid
from gateway.signing.wssecurity.header import SecurityHeader
from gateway.signing.wssecurity.ids import MessageIds
from gateway.signing.wssecurity.names import (
    ATTACHMENT_CONTENT,
    DS,
    SECURITY,
    SIGNATURE,
    STR_TRANSFORM,
    TOKEN_REFERENCE,
)
from gateway.signing.xmldsig.uris import CANONICAL_FORMS

Part: TypeAlias = Hashable
"""An element of the tree, or the Content-ID of an attachment."""
Kind: TypeAlias = Literal["body", "header", "security", "token", "attachment"]

MAX_REFERENCES: Final = 64
_INSIDE: Final = frozenset({*CANONICAL_FORMS, STR_TRANSFORM})
_SIGNATURE_PARTS: Final = frozenset({f"{{{DS}}}KeyInfo", f"{{{DS}}}Object"})


@dataclass(frozen=True, slots=True)
class Expected:
    """What a Reference points at: its *kind* and, inside the message, the *element*."""

    uri: str
    kind: Kind
    element: Element | None = None

    @property
    def part(self) -> Part:
        """What is named: the element, or the attachment's Content-ID."""
        part: Part = content_id_of(self.uri) if self.element is None else self.element
        return part


class Places:
    """The places of one message."""

    def __init__(self, envelope: SoapEnvelope, security: SecurityHeader, ids: MessageIds) -> None:
        self.body: Element = envelope.body_element
        self.blocks: tuple[Element, ...] = tuple(one.element for one in envelope.blocks if one.name != SECURITY)
        self._security = security
        self._ids = ids
        self._kinds: dict[Element, Kind] = {self.body: "body", **dict.fromkeys(self.blocks, "header")}
        self._kinds |= dict.fromkeys(_inside(security.block), "security")

    def expected(self, signature: Element) -> tuple[Expected, ...]:
        """What each Reference of *signature* points at, in order, each place at most once.

        Raises NotValid signature.place, signature.reference, signature.ambiguous, algorithm.unsupported,
        limit.exceeded.
        """
        elements = list(signature.iterfind(f"{{{DS}}}SignedInfo/{{{DS}}}Reference"))
        if len(elements) > MAX_REFERENCES:
            raise NotValid("limit.exceeded", "too many references", "ds:SignedInfo")
        found = tuple(self._expected(one, signature) for one in elements)
        if len({one.part for one in found}) != len(found):
            raise NotValid("signature.ambiguous", "two references to one part", "ds:SignedInfo")
        return found

    def _expected(self, reference: Element, signature: Element) -> Expected:
        uri = reference.get("URI", "")
        transforms = [one.get("Algorithm", "") for one in reference.iterfind(f"{{{DS}}}Transforms/{{{DS}}}Transform")]
        if not uri.startswith("#"):
            if not content_id_of(uri):
                raise NotValid("signature.reference", "neither in the message nor an attachment", uri[:120])
            _only(transforms, frozenset({ATTACHMENT_CONTENT}), uri)
            return Expected(uri, "attachment")
        _only(transforms, _INSIDE, uri)
        element = self._ids.element(uri[1:])
        if STR_TRANSFORM in transforms:
            return Expected(uri, "token", self._token_reference(element, transforms, uri))
        kind = self._kinds.get(element)
        if kind is None or element is signature:
            raise NotValid("signature.place", "a reference to where nobody looks", uri[:120])
        return Expected(uri, kind, element)

    def _token_reference(self, element: Element, transforms: list[str], uri: str) -> Element:
        ours = any(one is self._security.block for one in element.iterancestors())
        if element.tag != TOKEN_REFERENCE or transforms != [STR_TRANSFORM] or not ours:
            raise NotValid("signature.place", "STR-Transform on something else than a token reference", uri[:120])
        return element


def _inside(block: Element) -> Iterator[Element]:
    """The children of the Security header, and the parts of a Signature that can be signed by another or itself."""
    for child in block.iterchildren(etree.Element):
        yield child
        if child.tag == SIGNATURE:
            yield from (part for part in child.iterchildren(etree.Element) if part.tag in _SIGNATURE_PARTS)


def _only(transforms: list[str], allowed: frozenset[str], uri: str) -> None:
    """Only what keeps the element whole: a path or a style sheet could sign less than it seems to."""
    for one in transforms:
        if one not in allowed:
            raise NotValid("algorithm.unsupported", f"transform {one[-80:]}", uri[:120])
