"""The values of XML Signature: what may be followed, what was verified, and who signed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from gateway.formats.safexml import Element
from gateway.model.verdict import Judgement, NotValid
from gateway.signing.trust.model import Chain
from gateway.signing.xmldsig import uris


@dataclass(frozen=True, slots=True)
class Canonical:
    """A canonical form: its algorithm URI and, for exclusive ones, the PrefixList ("" is #default)."""

    uri: str = uris.EXC_C14N
    prefixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NodeSet:
    """A subtree: *apex* and what is below it, or the whole document of *apex* (a root) if *document*.

    *comments*: whether comments belong to it. *without*: elements left out with all they hold.
    """

    apex: Element
    document: bool = False
    comments: bool = False
    without: tuple[Element, ...] = ()
    texts_only: bool = False
    """Whether only text nodes are in the set (`self::text()`)."""


Octets: TypeAlias = bytes
Content: TypeAlias = "NodeSet | Octets"
"""What goes in and out of a transform (XMLDSig §4.4.3.2)."""

Resolve: TypeAlias = Callable[[str | None], bytes]
"""The octets behind a URI that points out of the document (None: the Reference has no URI). Raises NotValid."""

TransformRule: TypeAlias = Callable[[Element, "Content"], "Content"]
"""A transform of a form of its own (e.g. WS-Security STR-Transform): the ds:Transform element and its input. Raises
NotValid."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A key that may have signed. *trusted*: it is in the trust store itself, as a raw key of that *name* (file stem).

    *certificates* hold the key, the likeliest first; empty for raw keys. A shared key is bytes, and the two kinds never
    stand in for each other.
    """

    key: PublicKeyTypes | bytes
    certificates: tuple[x509.Certificate, ...] = ()
    name: str = ""
    trusted: bool = False


KeyRule: TypeAlias = Callable[[Element], "Sequence[Candidate] | None"]
"""Asked with ds:KeyInfo before it is read; None leaves it to the common reading. Raises NotValid."""


def _nowhere(uri: str | None) -> bytes:
    where = "a Reference without URI" if uri is None else uri[:120]
    raise NotValid("signature.reference", "the signed content is not at hand", where, judgement=Judgement.INDETERMINATE)


@dataclass(frozen=True, slots=True)
class Rules:
    """What a verification may follow, and how much of it.

    *resolve*: content outside the document. *transforms*: further transforms by URI. *keys*: further forms of KeyInfo.
    *pool*: certificates at hand that KeyInfo may point to. *id_attributes*: names (Clark notation) that make an id.
    *every_id_unique*: refuse any id that occurs twice; otherwise only one that is referred to. *manifests*: also verify
    the references inside ds:Manifest that are covered; they are returned apart.
    """

    resolve: Resolve = _nowhere
    transforms: Mapping[str, TransformRule] = field(default_factory=dict)
    keys: KeyRule | None = None
    pool: Sequence[x509.Certificate] = ()
    id_attributes: frozenset[str] = uris.ID_ATTRIBUTES
    every_id_unique: bool = True
    manifests: bool = False


@dataclass(frozen=True, slots=True)
class VerifiedReference:
    """A Reference whose digest holds over *content*, the exact octets; use only those.

    *element* tells where in the tree they came from (the root for the whole document), None for outside content; it is
    for finding the place, not for reading. *whole*: nothing but ds:Signature elements was left out of *element*
    or of the outside content. *path* is an XPath, or the URI of outside content.
    """

    uri: str | None
    type: str
    id: str
    digest: str
    content: bytes
    sha256: str
    path: str
    element: Element | None
    whole: bool
    left_out: tuple[Element, ...] = ()


@dataclass(frozen=True, slots=True)
class VerifiedSignature:
    """A ds:Signature of which SignatureValue and all references hold. Nothing is said of trust in *signer*.

    *algorithm* is the SignatureMethod's URI, *signed_info* the canonical octets that were signed, *signature_value* the
    signature. *manifest* holds the references of covered ds:Manifest elements where asked for.
    """

    element: Element
    algorithm: str
    signer: Candidate
    references: tuple[VerifiedReference, ...]
    signed_info: bytes
    signature_value: bytes
    signature_value_element: Element
    key_info: Element | None
    objects: tuple[Element, ...]
    embedded: tuple[x509.Certificate, ...]
    """The certificates in KeyInfo, in order; untrusted."""
    manifest: tuple[VerifiedReference, ...] = ()


@dataclass(frozen=True, slots=True)
class Signer:
    """Who is believed to have signed: a *certificate* with the *chain* that held, or a raw key of the trust store."""

    name: str
    certificate: x509.Certificate | None = None
    chain: Chain | None = None


Kind: TypeAlias = Literal["rsa", "rsa-pss", "ecdsa", "dsa", "hmac", "eddsa"]
