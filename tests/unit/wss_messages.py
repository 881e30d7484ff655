"""Signed SOAP messages made on the spot, for the tests of WS-Security."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from lxml import etree

from gateway.formats import safexml, soap
from gateway.formats.safexml import Element
from gateway.formats.soap import NAMESPACES, SoapEnvelope, Version
from gateway.signing import wssecurity, xmldsig
from gateway.signing.policy import COMPAT, PRODUCTION, Policy
from gateway.signing.question import Question
from gateway.signing.trust import TrustStore
from gateway.signing.wssecurity import Rules, VerifiedMessage, token_forms
from gateway.signing.xmldsig import NewReference, Transform
from tests.unit.trust_pki import AT, Holder, make

SEED = bytes(range(16))
WSA = "http://www.w3.org/2005/08/addressing"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
DS = "http://www.w3.org/2000/09/xmldsig#"
MARK = b"Genuine"
"""A word of the payload that a forger wants changed."""
RULES = Rules()


def people(kind: str = "ec") -> tuple[Holder, Holder, Holder, Holder]:
    """Root, issuing authority, an organisation, and another one of the same authority. *kind*: "ec" or "rsa"."""
    return _people(kind)


@functools.cache
def _people(kind: str) -> tuple[Holder, Holder, Holder, Holder]:
    root = make("CN=Root,O=Test,C=VN", ca=True)
    issuing = root.authority("CN=Issuing,O=Test\\, Ltd,C=VN", path=0)
    label = "rsa" if kind == "rsa" else None
    own = issuing.issue("CN=Sở Công Thương,O=Test,C=VN", key_label=label)
    return root, issuing, own, issuing.issue("CN=Other,O=Test,C=VN")


def trust(kind: str = "ec", *, pinned: bool = False) -> TrustStore:
    root, issuing, own, _ = people(kind)
    return TrustStore(anchors=(root.cert,), intermediates=(issuing.cert,), pinned=(own.cert,) if pinned else ())


def question(
    policy: Policy = PRODUCTION, *, kind: str = "ec", pinned: bool = False, at: datetime = AT, **more: Any
) -> Question:
    return Question("wsse", more.pop("trust", trust(kind, pinned=pinned)), at, policy, **more)


def envelope(version: Version = "1.1", *, payload: str = "", headers: str = "") -> bytes:
    """An envelope with WS-Addressing and a payload of ids of its own."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<s:Envelope xmlns:s="{NAMESPACES[version]}" xmlns:a="{WSA}" '
        'xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f'<s:Header><a:MessageID>urn:uuid:1</a:MessageID><a:Action s:mustUnderstand="1">urn:pay</a:Action>'
        f"{headers}</s:Header>"
        f'<s:Body><p:Order xmlns:p="urn:shop"><p:To id="1">{MARK.decode()} payee</p:To>'
        f'<p:Sum xsi:type="xs:decimal">10</p:Sum>{payload}</p:Order></s:Body></s:Envelope>'
    ).encode()


def signature(holder: Holder, to_sign: bytes, scheme: str, digest: str = "sha256") -> bytes:
    chosen = {"sha256": hashes.SHA256, "sha384": hashes.SHA384, "sha512": hashes.SHA512}[digest]()
    if scheme == "ecdsa":
        return holder.key.sign(to_sign, ec.ECDSA(chosen))
    if scheme == "rsa-pss":
        pss = padding.PSS(mgf=padding.MGF1(chosen), salt_length=chosen.digest_size)
        return holder.key.sign(to_sign, pss, chosen)
    return holder.key.sign(to_sign, padding.PKCS1v15(), chosen)


def signed(
    raw: bytes | None = None, *, version: Version = "1.1", kind: str = "ec", scheme: str = "", **wishes: Any
) -> bytes:
    """A signed envelope; *wishes* go to `prepare`."""
    _, issuing, own, _ = people(kind)
    holder = wishes.pop("holder", own)
    scheme = scheme or ("ecdsa" if kind == "ec" else "rsa-pkcs1v15")
    prepared = wssecurity.prepare(
        raw if raw is not None else envelope(version),
        certificate=holder.cert,
        chain=wishes.pop("chain", (issuing.cert,)),
        scheme=scheme,  # type: ignore[arg-type]
        created=wishes.pop("created", AT),
        seed=wishes.pop("seed", SEED),
        **wishes,
    )
    return prepared.complete(signature(holder, prepared.to_sign, scheme, wishes.get("digest", "sha256")))


def by_hand(
    references: Callable[[SoapEnvelope, Element], Sequence[NewReference]],
    raw: bytes | None = None,
    form: Any = "direct",
) -> bytes:
    """A message whose signature covers what *references* says, given the envelope and its Security header.

    Body and Timestamp have the ids "body" and "stamp"; the token reference has "str".
    """
    _, issuing, own, _ = people()
    found = soap.parse(raw if raw is not None else envelope())
    security = etree.SubElement(found.root[0], f"{{{WSSE}}}Security", nsmap={"wsse": WSSE, "wsu": WSU})
    stamp = etree.SubElement(security, f"{{{WSU}}}Timestamp")
    etree.SubElement(stamp, f"{{{WSU}}}Created").text = AT.isoformat()
    named = token_forms.add(security, form, own.cert, (issuing.cert,), "token")
    for element, name in ((stamp, "stamp"), (found.body_element, "body"), (named.key_info[0], "str")):
        element.set(f"{{{WSU}}}Id", name)
    prepared = xmldsig.prepare(
        references(found, security), scheme="ecdsa", certificate=own.cert, place=security, key_info=named.key_info
    )
    return prepared.complete(signature(own, prepared.to_sign, "ecdsa"))


EXCLUSIVE = (Transform("http://www.w3.org/2001/10/xml-exc-c14n#"),)
USUAL = (NewReference("#body", EXCLUSIVE), NewReference("#stamp", EXCLUSIVE))
"""Body and Timestamp as `by_hand` names them."""


def verified(message: Any, *, now: datetime = AT, rules: Rules = RULES, **more: Any) -> VerifiedMessage:
    asked = {name: more.pop(name) for name in ("actor", "replays") if name in more}
    return wssecurity.verify_message(message, question=question(**more), now=now, rules=rules, **asked)


def tree(raw: bytes) -> Element:
    return safexml.parse(raw).root


def raw(root: Element) -> bytes:
    return etree.tostring(root.getroottree(), encoding="UTF-8", xml_declaration=True)


def mime(root: bytes, parts: Sequence[tuple[str, str, bytes]], *, kind: str = "text/xml") -> bytes:
    """A file of MIME headers and a multipart/related; *parts*: Content-ID, media type, content."""
    pieces = [f"Content-Type: {kind}\r\nContent-ID: <root>\r\n\r\n".encode() + root]
    pieces += [
        f"Content-Type: {media}\r\nContent-ID: <{name}>\r\nContent-Transfer-Encoding: binary\r\n\r\n".encode() + content
        for name, media, content in parts
    ]
    name = kind.partition(";")[0]
    head = f'Content-Type: multipart/related; type="{name}"; boundary="b0"; start="<root>"\r\n\r\n'.encode()
    return head + b"".join(b"--b0\r\n" + piece + b"\r\n" for piece in pieces) + b"--b0--\r\n"


MINUTE = timedelta(minutes=1)
__all__ = ["AT", "COMPAT", "MINUTE", "PRODUCTION", "RULES", "SEED", "WSA", "WSSE", "WSU"]
