"""Who signed: a certificate that leads to an anchor, or a key the trust directory holds; never one the message brings.

`jwk`, `jku` and `x5u` are passed over (RFC 7515 §4.1.2, 4.1.3, 4.1.5). `kid` is a hint (§4.1.4): where it names a
trusted key, that key alone counts; where it names none, every trusted key that fits is tried.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.model.verdict import NotValid
from gateway.signing.jws import base64url, header
from gateway.signing.jws.algorithms import Algorithm, fits, holds, mac_holds
from gateway.signing.jws.form import Part
from gateway.signing.question import Question
from gateway.signing.trust import describe, validate_chain
from gateway.signing.trust.algorithms import load_key
from gateway.signing.trust.judge import sniffed
from gateway.signing.trust.model import joined
from gateway.signing.trust.node import node_of

MAX_TRIED: Final = 32
"""Trusted keys tried for one signature."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Whose key made a signature: *name* is a certificate's subject (RFC 4514), or the stem of a trusted key's file."""

    name: str
    certificate: x509.Certificate | None = None


@dataclass(frozen=True, slots=True)
class _Key:
    """A public key that may have signed, and the certificate it comes from."""

    key: PublicKeyTypes
    name: str
    certificate: x509.Certificate | None = None


def signer(part: Part, algorithm: Algorithm, signed: bytes, question: Question) -> Signer:
    """Who made the signature of *part* over *signed*.

    Raises NotValid key.untrusted, signature.wrong, signature.properties (a thumbprint that is not the certificate's),
    algorithm.forbidden, malformed, and what validate_chain raises.
    """
    if algorithm.family == "hmac":
        return _mac_signer(part, algorithm, signed, question)
    brought = header.chain(part)
    if brought:
        return _with_chain(part, algorithm, signed, question, brought)
    return _with_trusted(part, algorithm, signed, question)


def _mac_signer(part: Part, algorithm: Algorithm, signed: bytes, question: Question) -> Signer:
    shared = question.trust.shared_keys
    hint = header.key_id(part)
    named = [one for one in shared if one[0] == hint]
    tried = (named or shared)[:MAX_TRIED]
    for name, key in tried:
        if mac_holds(algorithm, key, part.signature, signed):
            return Signer(name)
    raise _not_found(part, tried=len(tried), named=bool(named) or hint is None)


def _with_chain(
    part: Part, algorithm: Algorithm, signed: bytes, question: Question, brought: tuple[x509.Certificate, ...]
) -> Signer:
    leaf = brought[0]
    der = leaf.public_bytes(Encoding.DER)
    for digest, value in header.thumbprints(part).items():
        if hashlib.new(digest, der, usedforsecurity=False).digest() != value:
            raise NotValid("signature.properties", "a thumbprint is not that of the certificate in x5c", part.where)
    if not holds(algorithm, load_key(node_of(leaf).spki), part.signature, signed, question.policy):
        raise NotValid("signature.wrong", "not made by the key of the certificate in x5c", part.where)
    return _chained(leaf, brought[1:], question, part.where)


def _chained(leaf: x509.Certificate, pool: Sequence[x509.Certificate], question: Question, where: str) -> Signer:
    extra = sniffed(tuple(question.detached.values()))
    evidence = joined(question.evidence, extra.evidence())
    try:
        validate_chain(
            leaf,
            pool=(*pool, *extra.certificates),
            trust=question.trust,
            at=question.at,
            evidence=evidence,
            policy=question.policy,
            purpose="signing",
        )
    except NotValid as fault:
        fault.where = fault.where or where
        raise
    return Signer(describe.subject(leaf), leaf)


def _with_trusted(part: Part, algorithm: Algorithm, signed: bytes, question: Question) -> Signer:
    every = tuple(_trusted(part, question))
    name = header.key_id(part)
    named = [one for one in every if name is not None and _is_named(one, name)]
    tried = [one for one in (named or every) if fits(algorithm, one.key)][:MAX_TRIED]
    refused: NotValid | None = None
    for one in tried:
        try:
            found = holds(algorithm, one.key, part.signature, signed, question.policy)
        except NotValid as fault:
            refused = fault
            continue
        if found and one.certificate is not None:
            return _chained(one.certificate, (), question, part.where)
        if found:
            return Signer(one.name)
    raise refused or _not_found(part, tried=len(tried), named=bool(named) or name is None)


def _trusted(part: Part, question: Question) -> Iterator[_Key]:
    """The keys the trust directory holds itself: pinned certificates, roots, and bare keys where the policy has them.

    A thumbprint in the header leaves only the certificate it belongs to.
    """
    prints = header.thumbprints(part)
    for one in (*question.trust.pinned, *question.trust.anchors):
        der = one.public_bytes(Encoding.DER)
        if all(hashlib.new(name, der, usedforsecurity=False).digest() == value for name, value in prints.items()):
            try:
                yield _Key(load_key(node_of(one).spki), describe.subject(one), one)
            except NotValid:
                continue
    if question.policy.raw_keys:
        yield from (_Key(key, stem) for stem, key in question.trust.public_keys)


def _is_named(one: _Key, name: str) -> bool:
    """Whether `kid` means this key: the stem of its file, or the SHA-256 of its certificate, hex or base64url."""
    if one.certificate is None:
        return one.name == name
    digest = describe.fingerprint(one.certificate)
    return name in (digest, base64url.encode(bytes.fromhex(digest)).decode())


def _not_found(part: Part, *, tried: int, named: bool) -> NotValid:
    if tried and named:
        return NotValid("signature.wrong", "no trusted key made it", part.where)
    return NotValid("key.untrusted", "no trusted key is the one it names or fits it", part.where)
