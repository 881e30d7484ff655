"""Raising a XAdES signature: a time stamp makes level T, kept certificates and answers LT (EN 319 132-1 §5.3, §5.4).

All work on the ds:Signature in its tree and change unsigned properties only, so that no digest is touched.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from gateway.formats.safexml import Element
from gateway.model.verdict import NotValid
from gateway.signing.trust import Evidence
from gateway.signing.xades.names import children, only, space
from gateway.signing.xades.properties import qualifying
from gateway.signing.xmldsig import Canonical, NodeSet, canonical
from gateway.signing.xmldsig.uris import DS, EXC_C14N

_FORM: Final = Canonical(EXC_C14N)


def bytes_to_stamp(signature: Element) -> bytes:
    """What a time stamp is to be asked over: ds:SignatureValue in exclusive canonical form.

    Raises NotValid malformed: no SignatureValue.
    """
    value = only(signature, "SignatureValue", DS)
    if value is None:
        raise NotValid("malformed", "a signature without value", "SignatureValue")
    return canonical(NodeSet(value), _FORM)


def add_stamp(signature: Element, token: bytes) -> None:
    """Add *token* (DER of a ContentInfo over `bytes_to_stamp`) as SignatureTimeStamp.

    Raises NotValid signature.properties: a signature without qualifying properties.
    """
    about, form = _unsigned(signature)
    stamp = etree.SubElement(about, f"{form}SignatureTimeStamp")
    method = etree.SubElement(stamp, f"{{{DS}}}CanonicalizationMethod", nsmap={"ds": DS})
    method.set("Algorithm", EXC_C14N)
    _value(stamp, f"{form}EncapsulatedTimeStamp", token)


def add_values(signature: Element, certificates: Sequence[x509.Certificate], evidence: Evidence) -> None:
    """Add *certificates* as CertificateValues and *evidence* as RevocationValues; each once for a signature.

    Raises NotValid signature.properties: no qualifying properties, or such values are already there.
    """
    about, form = _unsigned(signature)
    if any(children(about, name, form[1:-1]) for name in ("CertificateValues", "RevocationValues")):
        raise NotValid("signature.properties", "values are already kept", "UnsignedProperties")
    if certificates:
        holder = etree.SubElement(about, f"{form}CertificateValues")
        for one in certificates:
            _value(holder, f"{form}EncapsulatedX509Certificate", one.public_bytes(Encoding.DER))
    if evidence.crls or evidence.ocsp:
        answers = etree.SubElement(about, f"{form}RevocationValues")
        _values(answers, f"{form}CRLValues", f"{form}EncapsulatedCRLValue", evidence.crls)
        _values(answers, f"{form}OCSPValues", f"{form}EncapsulatedOCSPValue", evidence.ocsp)


def document_bytes(signature: Element) -> bytes:
    """The whole document of *signature* in UTF-8 with its declaration."""
    tree = signature.getroottree()
    written: bytes = etree.tostring(tree, xml_declaration=True, encoding="UTF-8")
    return written


def _unsigned(signature: Element) -> tuple[Element, str]:
    """UnsignedSignatureProperties, made if missing, and the prefix of names (Clark) in it."""
    properties = qualifying(signature, tuple(children(signature, "Object", DS)))
    if properties is None:
        raise NotValid("signature.properties", "the signature has no qualifying properties", "QualifyingProperties")
    form = f"{{{space(properties)}}}"
    about = properties
    for name in ("UnsignedProperties", "UnsignedSignatureProperties"):
        found = only(about, name, space(properties))
        about = etree.SubElement(about, f"{form}{name}") if found is None else found
    return about, form


def _values(parent: Element, group: str, name: str, found: Sequence[bytes]) -> None:
    if found:
        holder = etree.SubElement(parent, group)
        for raw in found:
            _value(holder, name, raw)


def _value(parent: Element, name: str, raw: bytes) -> None:
    etree.SubElement(parent, name).text = base64.b64encode(raw).decode()
