"""The transforms of WS-Security itself: STR-Transform (WSS 1.1.1 §8.3) and attachment content (SwA Profile §5.4.2)."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from gateway.formats.safexml import Element
from gateway.model.verdict import NotValid
from gateway.signing.wssecurity.attachments import Attachments
from gateway.signing.wssecurity.keys import Keys
from gateway.signing.wssecurity.names import (
    ATTACHMENT_CONTENT,
    DS,
    EXCLUSIVE,
    STR_TRANSFORM,
    TOKEN,
    TOKEN_REFERENCE,
    WSSE,
    X509_V3,
)
from gateway.signing.wssecurity.tokens import Token
from gateway.signing.xmldsig import Canonical, NodeSet, canonical
from gateway.signing.xmldsig.model import Content, TransformRule

_METHOD: Final = f"{{{WSSE}}}TransformationParameters/{{{DS}}}CanonicalizationMethod"
_FORMS: Final = frozenset({EXCLUSIVE, f"{EXCLUSIVE}WithComments"})
_APEX: Final = re.compile(rb"<[^\s/>]+")


def transform_rules(attachments: Attachments, keys: Keys) -> Mapping[str, TransformRule]:
    """What the core is given beside its own transforms, for one message."""

    def content(transform: Element, _: Content) -> Content:
        # The input is the part's bytes; how they are made canonical hangs on its media type, so it is found by the URI.
        return attachments.by_uri(transform.getparent().getparent().get("URI")).canonical()

    def token(transform: Element, found: Content) -> Content:
        if not isinstance(found, NodeSet) or found.document or found.apex.tag != TOKEN_REFERENCE:
            raise NotValid("signature.reference", "STR-Transform on something else than a token reference")
        return token_octets(keys.token(found.apex), found.apex, canonical_form(transform))

    return {ATTACHMENT_CONTENT: content, STR_TRANSFORM: token}


def canonical_form(transform: Element) -> Canonical:
    """The canonical form an STR-Transform names. Raises NotValid algorithm.unsupported but for exclusive ones."""
    method = transform.find(_METHOD)
    uri = "" if method is None else method.get("Algorithm", "")
    if uri not in _FORMS:
        raise NotValid("algorithm.unsupported", "STR-Transform without exclusive canonicalization", "STR-Transform")
    return Canonical(uri)


def token_octets(token: Token, reference: Element, form: Canonical) -> bytes:
    """The token behind *reference*, canonical; one that is not in the message is written as the specification says.

    Its apex carries `xmlns=""` where it declares no default namespace (§8.3).
    """
    element = token.element if token.element is not None else _written(token, reference)
    octets = canonical(NodeSet(element), form)
    end = octets.index(b">")
    if b' xmlns="' in octets[:end]:
        return octets
    return _APEX.sub(lambda name: name[0] + b' xmlns=""', octets, count=1)


def _written(token: Token, reference: Element) -> Element:
    """A BinarySecurityToken for a certificate found by its name."""
    element = etree.Element(TOKEN, nsmap={reference.prefix or "wsse": WSSE})
    element.set("ValueType", X509_V3)
    element.text = base64.b64encode(token.candidates[0].public_bytes(Encoding.DER)).decode("ascii")
    return element
