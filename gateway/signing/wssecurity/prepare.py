"""Signing a SOAP message in two steps: `prepare` builds the Security header, `complete` puts the signature in."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from lxml import etree

from gateway.errors import Refusal
from gateway.formats import soap
from gateway.formats.safexml import Element
from gateway.formats.soap import SoapEnvelope
from gateway.model.verdict import NotValid
from gateway.ports.signing import DigestName, Scheme
from gateway.signing import xmldsig
from gateway.signing.wssecurity import token_forms
from gateway.signing.wssecurity.attachments import Attachment
from gateway.signing.wssecurity.names import (
    ADDRESSING,
    ATTACHMENT_CONTENT,
    EXCLUSIVE,
    SECURITY,
    TIMESTAMP,
    WSSE,
    WSU,
    WSU_ID,
)
from gateway.signing.wssecurity.token_forms import TokenForm
from gateway.signing.xmldsig import NewReference, PreparedSignature, Transform

MIN_SEED: Final = 16
_PREFIXED: Final = re.compile(r"(?:\A|(?<=[\s('\"]))([A-Za-z_][\w.\-]*):[A-Za-z_*]")


@dataclass(frozen=True, slots=True)
class PreparedMessage:
    """A message that only lacks the signature's value."""

    _signature: PreparedSignature

    @property
    def to_sign(self) -> bytes:
        """What the key signs, with the scheme and digest given to `prepare`."""
        return self._signature.to_sign

    def complete(self, signature: bytes) -> bytes:
        """The signed envelope in UTF-8 with its declaration. *signature*: ECDSA as DER. Raises NotValid."""
        return self._signature.complete(signature)


def prepare(
    message: SoapEnvelope | bytes,
    *,
    certificate: x509.Certificate,
    chain: Sequence[x509.Certificate] = (),
    scheme: Scheme,
    digest: DigestName = "sha256",
    created: datetime,
    lifetime: timedelta = timedelta(minutes=5),
    seed: bytes,
    headers: Collection[str] = (),
    addressing: bool = True,
    actor: str = "",
    must_understand: bool = True,
    token: TokenForm = "direct",  # noqa: S107
    attachments: Sequence[Attachment] = (),
) -> PreparedMessage:
    """The envelope *message* with a Security header for *actor*: a Timestamp, a token, and a signature over Body,
    Timestamp, token, the header blocks named in *headers* (`{namespace}local`), all of WS-Addressing if *addressing*,
    and *attachments*.

    *created* is aware; the message expires *lifetime* later. *seed*: at least 16 random bytes, from which ids are made.
    With MTOM the envelope holds the Base64 text, which is what is signed (XOP §3); packaging comes afterwards.
    *message* itself is not changed. Raises NotValid malformed, signature.place (a header named is absent),
    signature.ambiguous (there is a Security header for *actor* already), ValueError for a short seed or a naive time.
    """
    if len(seed) < MIN_SEED or created.tzinfo is None:
        raise ValueError("a seed of at least 16 bytes and a time with zone are needed")
    envelope = _own(message)
    ids = _names(seed)
    security = _security(envelope, actor, must_understand=must_understand)
    stamp = _stamp(security, created, created + lifetime)
    found = token_forms.add(security, token, certificate, chain, next(ids))
    signed = [envelope.body_element, stamp, *([found.element] if found.element is not None else [])]
    signed += _blocks(envelope, headers, addressing=addressing)
    references = [_reference(one, ids) for one in signed] + [_attached(one) for one in attachments]
    return PreparedMessage(
        xmldsig.prepare(
            references,
            scheme=scheme,
            digest=digest,
            certificate=certificate,
            place=security,
            key_info=found.key_info,
            signature_id=next(ids),
        )
    )


def _own(message: SoapEnvelope | bytes) -> SoapEnvelope:
    """An envelope that may be changed."""
    if isinstance(message, SoapEnvelope):
        return soap.read_envelope(deepcopy(message.root.getroottree()).getroot())
    try:
        return soap.parse(message)
    except Refusal as refused:
        raise NotValid("malformed", refused.detail or refused.code, refused.where) from None


def _names(seed: bytes) -> Iterator[str]:
    """Ids that occur nowhere else, because they were drawn."""
    return (f"id-{seed.hex()}-{count}" for count in range(1, 10_000))


def _security(envelope: SoapEnvelope, actor: str, *, must_understand: bool) -> Element:
    if any(block.name == SECURITY and block.role == actor for block in envelope.blocks):
        raise NotValid("signature.ambiguous", "there is a Security header for this receiver", "/Envelope/Header")
    space = f"{{{soap.NAMESPACES[envelope.version]}}}"
    header = envelope.root.find(f"{space}Header")
    if header is None:
        header = etree.Element(f"{space}Header")
        envelope.root.insert(0, header)
    security = etree.SubElement(header, SECURITY, nsmap={"wsse": WSSE, "wsu": WSU})
    if must_understand:
        security.set(f"{space}mustUnderstand", "1" if envelope.version == "1.1" else "true")
    if actor:
        security.set(f"{space}{'actor' if envelope.version == '1.1' else 'role'}", actor)
    return security


def _stamp(security: Element, created: datetime, expires: datetime) -> Element:
    stamp = etree.SubElement(security, TIMESTAMP)
    for name, moment in (("Created", created), ("Expires", expires)):
        text = moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        etree.SubElement(stamp, f"{{{WSU}}}{name}").text = text
    return stamp


def _blocks(envelope: SoapEnvelope, names: Collection[str], *, addressing: bool) -> list[Element]:
    for name in names:
        if not any(block.name == name for block in envelope.blocks):
            raise NotValid("signature.place", "there is no such header block", name[:120])
    spaces = ADDRESSING if addressing else frozenset()
    return [
        block.element
        for block in envelope.blocks
        if block.name in names or etree.QName(block.element).namespace in spaces
    ]


def _reference(element: Element, ids: Iterator[str]) -> NewReference:
    own = element.get(WSU_ID)
    if own is None:
        own = next(ids)
        element.set(WSU_ID, own)
    return NewReference(f"#{own}", (Transform(EXCLUSIVE, prefixes_in_text(element)),))


def prefixes_in_text(element: Element) -> tuple[str, ...]:
    """Prefixes that attribute values and texts of *element* may use (xsi:type and the like), declared outside it.

    Exclusive canonicalization passes over them; listed, their meaning is signed too (Exclusive C14N §1.3).
    """
    known = {prefix for prefix in element.nsmap if prefix}
    found: set[str] = set()
    for one in element.iter(etree.Element):
        for text in (one.text or "", *one.attrib.values()):
            if len(text) < 256:
                found.update(_PREFIXED.findall(text))
    return tuple(sorted(found & known))


def _attached(attachment: Attachment) -> NewReference:
    """A reference to an attachment's content (SwA Profile §5.2)."""
    return NewReference(_cid(attachment.content_id), (Transform(ATTACHMENT_CONTENT),), octets=attachment.canonical())


def _cid(content_id: str) -> str:
    """The `cid:` URL of a Content-ID (RFC 2392 §2)."""
    return "cid:" + re.sub(r"[^A-Za-z0-9@._~!$&'()*,;=+\-]", lambda found: _escaped(found[0]), content_id)


def _escaped(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode())
