"""Making XML signatures in two steps: `prepare` builds everything but the signature, `complete` puts it in."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from lxml import etree

from gateway.formats.safexml import Element
from gateway.model.verdict import NotValid
from gateway.ports.signing import DigestName, Scheme
from gateway.signing.policy import COMPAT
from gateway.signing.trust.armour import decoding
from gateway.signing.xmldsig import uris
from gateway.signing.xmldsig.algorithms import digest_of
from gateway.signing.xmldsig.c14n import canonical
from gateway.signing.xmldsig.ids import Ids
from gateway.signing.xmldsig.limits import Budget
from gateway.signing.xmldsig.model import Canonical, NodeSet, Rules
from gateway.signing.xmldsig.references import Here, followed

_DIGESTS: Final[dict[DigestName, str]] = {
    "sha256": f"{uris.ENC}sha256",
    "sha384": f"{uris.MORE}sha384",
    "sha512": f"{uris.ENC}sha512",
}
_METHODS: Final[dict[Scheme, str]] = {
    "rsa-pkcs1v15": uris.MORE + "rsa-{}",
    "rsa-pss": uris.MORE_07 + "{}-rsa-MGF1",
    "ecdsa": uris.MORE + "ecdsa-{}",
}
_INCLUSIVE: Final = f"{{{uris.EXC_C14N}}}InclusiveNamespaces"


@dataclass(frozen=True, slots=True)
class Transform:
    """A ds:Transform: its algorithm URI and, for exclusive canonicalization, the PrefixList ("" is #default)."""

    uri: str
    prefixes: tuple[str, ...] = ()
    content: Element | None = None
    """A child of another vocabulary (copied into the ds:Transform), e.g. wsse:TransformationParameters. What its
    texts name by a prefix must be declared with that prefix at the place of the signature."""


ENVELOPED: Final = (Transform(uris.ENVELOPED), Transform(uris.EXC_C14N))


@dataclass(frozen=True, slots=True)
class NewReference:
    """A ds:Reference to make. *uri*: "" for the whole document, "#id", or an outside name with its *content*.

    *octets*: the exact octets to digest where *transforms* contain one that is not known here (they are then written
    but not run).
    """

    uri: str
    transforms: tuple[Transform, ...] = ()
    type: str = ""
    id: str = ""
    content: bytes | None = None
    octets: bytes | None = None


class PreparedSignature:
    """A signature in place that only lacks its value.

    *to_sign* is the canonical SignedInfo: what the key signs, with the scheme and digest given. *signature* is the
    ds:Signature, in its tree.
    """

    def __init__(self, signature: Element, to_sign: bytes, width: int | None) -> None:
        self.signature = signature
        self.to_sign = to_sign
        self._width = width

    def insert(self, signature: bytes) -> Element:
        """Put the value in (ECDSA as DER) and return the ds:Signature. Raises NotValid signature.wrong: no such DER."""
        octets = signature if self._width is None else _side_by_side(signature, self._width)
        self.signature.find(uris.ds("SignatureValue")).text = base64.b64encode(octets).decode()
        return self.signature

    def complete(self, signature: bytes) -> bytes:
        """As `insert`; the whole document in UTF-8 with its declaration."""
        tree = self.insert(signature).getroottree()
        return bytes(etree.tostring(tree, encoding="UTF-8", xml_declaration=True))


def prepare(
    references: Sequence[NewReference],
    *,
    scheme: Scheme,
    digest: DigestName = "sha256",
    certificate: x509.Certificate | None = None,
    chain: Sequence[x509.Certificate] = (),
    place: Element | None = None,
    index: int | None = None,
    objects: Sequence[Element] = (),
    key_info: Element | None = None,
    signature_id: str = "",
    value_id: str = "",
    form: Canonical | None = None,
    prefix: str = "ds",
    id_attributes: frozenset[str] = uris.ID_ATTRIBUTES,
) -> PreparedSignature:
    """A ds:Signature over *references*, appended to *place* (or at *index* among its children), else a root of its own.

    KeyInfo is X509Data with *certificate* and *chain*, or *key_info* as it is (*certificate* still tells the key, which
    ECDSA needs). *objects* are put in ds:Object each (a ds:Object is taken as it is). *form* is the
    CanonicalizationMethod (exclusive if not given). *place*'s tree is changed.
    Raises NotValid signature.reference, signature.ambiguous, algorithm.unsupported.
    """
    if not references:
        raise NotValid("signature.reference", "nothing to sign")
    width = _width(certificate) if scheme == "ecdsa" else None
    signature = _standing(place, index, prefix, signature_id)
    form = form or Canonical()
    signed_info = _signed_info(signature, form, _METHODS[scheme].format(digest))
    value = etree.SubElement(signature, uris.ds("SignatureValue"))
    if value_id:
        value.set("Id", value_id)
    if key_info is not None:
        signature.append(key_info)
    elif certificate is not None:
        _write_certificates(signature, (certificate, *chain))
    _write_objects(signature, objects)
    _write_references(signature, signed_info, references, digest, id_attributes)
    return PreparedSignature(signature, canonical(NodeSet(signed_info, comments=True), form), width)


def _write_objects(signature: Element, objects: Sequence[Element]) -> None:
    for one in objects:
        holder = one if one.tag == uris.ds("Object") else etree.Element(uris.ds("Object"))
        if holder is not one:
            holder.append(one)
        signature.append(holder)


def _standing(place: Element | None, index: int | None, prefix: str, signature_id: str) -> Element:
    names = {prefix or None: uris.DS}
    named = {"Id": signature_id} if signature_id else {}
    if place is None:
        return etree.Element(uris.ds("Signature"), named, nsmap=names)
    signature = etree.SubElement(place, uris.ds("Signature"), named, nsmap=names)
    if index is not None:
        place.insert(index, signature)
    return signature


def _signed_info(signature: Element, form: Canonical, method: str) -> Element:
    signed_info = etree.SubElement(signature, uris.ds("SignedInfo"))
    chosen = etree.SubElement(signed_info, uris.ds("CanonicalizationMethod"), Algorithm=form.uri)
    _write_prefixes(chosen, form.prefixes)
    etree.SubElement(signed_info, uris.ds("SignatureMethod"), Algorithm=method)
    return signed_info


def _write_prefixes(element: Element, prefixes: tuple[str, ...]) -> None:
    if prefixes:
        listed = " ".join(one or "#default" for one in prefixes)
        etree.SubElement(element, _INCLUSIVE, nsmap={"ec": uris.EXC_C14N}, PrefixList=listed)


def _write_certificates(signature: Element, certificates: Sequence[x509.Certificate]) -> None:
    key_info = etree.SubElement(signature, uris.ds("KeyInfo"))
    holder = etree.SubElement(key_info, uris.ds("X509Data"))
    for one in certificates:
        der = one.public_bytes(serialization.Encoding.DER)
        etree.SubElement(holder, uris.ds("X509Certificate")).text = base64.b64encode(der).decode()


def _write_references(
    signature: Element,
    signed_info: Element,
    references: Sequence[NewReference],
    digest: DigestName,
    id_attributes: frozenset[str],
) -> None:
    """The references with their digests, taken only when everything else stands."""
    written = [(one, _reference(signed_info, one, digest)) for one in references]
    ids = Ids(signature, id_attributes)
    for one, element in written:
        octets = one.octets if one.octets is not None else _followed(signature, one, element, ids, id_attributes)
        element.find(uris.ds("DigestValue")).text = base64.b64encode(digest_of(digest, octets)).decode()


def _reference(signed_info: Element, one: NewReference, digest: DigestName) -> Element:
    element = etree.SubElement(signed_info, uris.ds("Reference"))
    for name, value in (("Id", one.id), ("Type", one.type)):
        if value:
            element.set(name, value)
    element.set("URI", one.uri)
    if one.transforms:
        holder = etree.SubElement(element, uris.ds("Transforms"))
        for each in one.transforms:
            transform = etree.SubElement(holder, uris.ds("Transform"), Algorithm=each.uri)
            _write_prefixes(transform, each.prefixes)
            if each.content is not None:
                transform.append(deepcopy(each.content))
    etree.SubElement(element, uris.ds("DigestMethod"), Algorithm=_DIGESTS[digest])
    etree.SubElement(element, uris.ds("DigestValue"))
    return element


def _followed(
    signature: Element, one: NewReference, element: Element, ids: Ids, id_attributes: frozenset[str]
) -> bytes:
    """The octets a verifier will digest, by the verifier's own code."""
    rules = Rules(id_attributes=id_attributes)
    if one.content is not None:
        content = one.content
        rules = Rules(resolve=lambda uri: content, id_attributes=id_attributes)
    transforms = element.find(uris.ds("Transforms"))
    here = Here(signature, rules, COMPAT, ids, Budget())
    return followed(one.uri, [] if transforms is None else list(transforms), here).content


def _width(certificate: x509.Certificate | None) -> int:
    """Octets of r and of s: the length of the curve's order."""
    key = certificate.public_key() if certificate is not None else None
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise NotValid("algorithm.unsupported", "ECDSA needs the certificate of an elliptic-curve key")
    return (key.curve.key_size + 7) // 8


def _side_by_side(der: bytes, width: int) -> bytes:
    with decoding("the ECDSA signature", "signature.wrong"):
        r, s = decode_dss_signature(der)
        return r.to_bytes(width) + s.to_bytes(width)
