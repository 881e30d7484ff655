"""KeyInfo: which keys may have made the signature (XMLDSig 1.1 §4.5). It is a hint, never a reason to trust."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from gateway.formats.safexml import Element
from gateway.model.verdict import NotValid
from gateway.signing.question import Question
from gateway.signing.trust import armour
from gateway.signing.xmldsig import uris
from gateway.signing.xmldsig.algorithms import DIGESTS
from gateway.signing.xmldsig.key_values import KEY_VALUE_TAGS, read_key_value
from gateway.signing.xmldsig.limits import MAX_KEYS
from gateway.signing.xmldsig.model import Candidate
from gateway.signing.xmldsig.references import Here, followed
from gateway.signing.xmldsig.shape import base64_of, children, text_of

_X509_DIGEST: Final = f"{{{uris.DS11}}}X509Digest"
_X509_TYPES: Final = frozenset({uris.X509_RAW, f"{uris.DS}X509Data"})


@dataclass(frozen=True, slots=True)
class Keys:
    """The *candidates*, the likeliest first. *named*: KeyInfo identifies them, so that one must fit. *bare*: KeyInfo
    holds a key and no certificate. *embedded*: its certificates.
    """

    candidates: tuple[Candidate, ...]
    named: bool
    bare: bool
    embedded: tuple[x509.Certificate, ...]


@dataclass(slots=True)
class Hints:
    """What KeyInfo says."""

    certificates: list[x509.Certificate] = field(default_factory=list)
    keys: list[PublicKeyTypes] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    serials: set[int] = field(default_factory=set)
    identifiers: set[bytes] = field(default_factory=set)
    subjects: set[frozenset[str]] = field(default_factory=set)
    digests: set[tuple[str, bytes]] = field(default_factory=set)

    def fit(self, one: x509.Certificate) -> bool:
        """Whether they point to *one*. Issuer names are left aside: the key and the chain decide."""
        return (
            one.serial_number in self.serials
            or (bool(self.identifiers) and _identifier(one) in self.identifiers)
            or (bool(self.subjects | self.names) and self._fit_name(one))
            or any(hashlib.new(name, _der(one)).digest() == wanted for name, wanted in self.digests)
        )

    def _fit_name(self, one: x509.Certificate) -> bool:
        try:
            values = _values(one.subject.rfc4514_string())
            common = {str(each.value) for each in one.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)}
        except armour.DECODING_FAULTS:
            return False
        return values in self.subjects or not common.isdisjoint(self.names)


def read_keys(key_info: Element | None, here: Here, question: Question) -> Keys:
    """The keys that *key_info* and the trust store offer. Raises NotValid malformed, algorithm.unsupported."""
    if key_info is not None and here.rules.keys is not None:
        own = here.rules.keys(key_info)
        if own is not None:
            return Keys(tuple(own), named=True, bare=False, embedded=())
    hints = Hints()
    if key_info is not None:
        _read_key_info(key_info, here, hints)
    embedded = tuple(hints.certificates)
    if embedded:
        return Keys(tuple(_grouped_and_known(embedded, question)), named=True, bare=False, embedded=embedded)
    known = (*question.trust.pinned, *here.rules.pool, *question.trust.intermediates, *question.trust.anchors)
    raw = tuple(_raw_keys(question))
    if hints.keys:
        wanted = {_spki(key) for key in hints.keys}
        offered = (*raw, *_grouped(known))
        fitting = [one for one in offered if not isinstance(one.key, bytes) and _spki(one.key) in wanted]
        return Keys(tuple(fitting), named=True, bare=not fitting, embedded=())
    pointed = [one for one in known if hints.fit(one)]
    named = [one for one in raw if one.name in hints.names]
    candidates = (*named, *_grouped(pointed), *raw, *_grouped(known))
    return Keys(_distinct(candidates), named=bool(named or pointed), bare=False, embedded=())


def _raw_keys(question: Question) -> Iterator[Candidate]:
    """The bare keys of the trust store, as far as the policy takes any."""
    if question.policy.raw_keys:
        for name, key in question.trust.public_keys:
            yield Candidate(key, name=name, trusted=True)
    if question.policy.hmac:
        for name, secret in question.trust.shared_keys:
            yield Candidate(secret, name=name, trusted=True)


def _grouped(certificates: Iterable[x509.Certificate]) -> Iterator[Candidate]:
    """One candidate for each key; those that cannot be decoded are passed over."""
    found: dict[bytes, tuple[PublicKeyTypes, list[x509.Certificate]]] = {}
    for one in certificates:
        try:
            key: PublicKeyTypes = one.public_key()
            spki = _spki(key)
        except armour.DECODING_FAULTS:
            continue
        same = found.setdefault(spki, (key, []))[1]
        if one not in same:
            same.append(one)
    for key, same in found.values():
        yield Candidate(key, tuple(same))


def _grouped_and_known(embedded: Sequence[x509.Certificate], question: Question) -> Iterator[Candidate]:
    """One candidate for each key of *embedded*; a key that the trust store holds itself is trusted as that."""
    bare = {_spki(one.key): one.name for one in _raw_keys(question) if not isinstance(one.key, bytes)}
    for one in _grouped(embedded):
        name = None if isinstance(one.key, bytes) else bare.get(_spki(one.key))
        yield one if name is None else replace(one, name=name, trusted=True)


def _distinct(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    unique: dict[tuple[bytes, bool], Candidate] = {}
    for one in candidates:
        octets = one.key if isinstance(one.key, bytes) else _spki(one.key)
        unique.setdefault((octets, bool(one.certificates)), one)
    return tuple(unique.values())


def _spki(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _der(one: x509.Certificate) -> bytes:
    return one.public_bytes(serialization.Encoding.DER)


def _identifier(one: x509.Certificate) -> bytes | None:
    try:
        return one.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except (x509.ExtensionNotFound, *armour.DECODING_FAULTS):
        return None


def _values(name: str) -> frozenset[str]:
    """The parts of a distinguished name without order and types: two writers rarely spell it alike."""
    parts = name.replace("\\,", "\x00").replace("+", ",").split(",")
    return frozenset(part.partition("=")[2].strip().replace("\x00", ",") for part in parts)


def _read_key_info(key_info: Element, here: Here, hints: Hints) -> None:
    for child in children(key_info):
        if child.tag == uris.ds("X509Data"):
            _read_x509(child, hints)
        elif child.tag == uris.ds("KeyName"):
            hints.names.add(text_of(child).strip())
        elif child.tag in KEY_VALUE_TAGS:
            hints.keys.append(read_key_value(child))
        elif child.tag == uris.ds("RetrievalMethod"):
            _read_elsewhere(child, here, hints)
        if len(hints.certificates) + len(hints.keys) > MAX_KEYS:
            raise NotValid("limit.exceeded", f"more than {MAX_KEYS} keys", "ds:KeyInfo")


def _read_x509(element: Element, hints: Hints) -> None:
    """X509Data: certificates, or what points to them; CRLs and forms of others are passed over."""
    for child in children(element):
        if child.tag == uris.ds("X509Certificate"):
            hints.certificates.append(armour.certificate(base64_of(child)))
        elif child.tag == uris.ds("X509SKI"):
            hints.identifiers.add(base64_of(child))
        elif child.tag == uris.ds("X509SubjectName"):
            hints.subjects.add(_values(text_of(child)))
        elif child.tag == uris.ds("X509IssuerSerial"):
            hints.serials.update(_serials(child))
        elif child.tag == _X509_DIGEST and (name := DIGESTS.get(child.get("Algorithm", ""))) in _COMMON:
            hints.digests.add((str(name), base64_of(child)))
        if len(hints.certificates) > MAX_KEYS:
            raise NotValid("limit.exceeded", f"more than {MAX_KEYS} certificates", "ds:X509Data")


_COMMON: Final = frozenset({"sha1", "sha256", "sha384", "sha512"})


def _serials(element: Element) -> Iterator[int]:
    for child in children(element):
        if child.tag == uris.ds("X509SerialNumber"):
            text = text_of(child).strip()
            if not (text.isascii() and text.removeprefix("-").isdigit()) or len(text) > 64:
                raise NotValid("malformed", "not a serial number", "ds:X509SerialNumber")
            yield int(text)


def _read_elsewhere(element: Element, here: Here, hints: Hints) -> None:
    """RetrievalMethod (§4.5.3): X509Data in this document, or a certificate outside; one step, no transforms."""
    uri, kind = element.get("URI", ""), element.get("Type", "")
    if children(element) or kind not in _X509_TYPES:
        raise NotValid("algorithm.unsupported", "this RetrievalMethod", "ds:KeyInfo")
    if kind == uris.X509_RAW and not uri.startswith("#"):
        hints.certificates.append(armour.certificate(followed(uri, [], here).content))
        return
    target = here.ids.element(uri[1:]) if uri.startswith("#") else None
    if target is None or target.tag != uris.ds("X509Data"):
        raise NotValid("signature.reference", "RetrievalMethod points to no X509Data", "ds:KeyInfo")
    _read_x509(target, hints)
