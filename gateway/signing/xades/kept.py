"""Every certificate in a signed document, wherever it is kept: those whose authorities may be asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cryptography import x509

from gateway.formats.safexml import Element
from gateway.model.verdict import NotValid
from gateway.signing import timestamp
from gateway.signing.trust import armour
from gateway.signing.xades.encoding import base64_bytes
from gateway.signing.xades.names import local, text

MAX_KEPT: Final = 256
_CERTIFICATES: Final = frozenset({"X509Certificate", "EncapsulatedX509Certificate"})
_STAMP: Final = "EncapsulatedTimeStamp"


def kept_certificates(root: Element) -> tuple[x509.Certificate, ...]:
    """The certificates of KeyInfo, CertificateValues and time stamps in document order, each once; at most MAX_KEPT."""
    found: dict[x509.Certificate, None] = {}
    for one in _found(root):
        found[one] = None
        if len(found) >= MAX_KEPT:
            break
    return tuple(found)


def _found(root: Element) -> Iterator[x509.Certificate]:
    for element in root.iter("*"):
        name = local(element)
        if name not in _CERTIFICATES and name != _STAMP:
            continue
        try:
            der = base64_bytes(text(element), name)
            if name == _STAMP:
                yield from timestamp.certificates(der)
            else:
                yield armour.certificate(der)
        except NotValid:
            continue
