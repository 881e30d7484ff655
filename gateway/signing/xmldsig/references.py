"""References: what a URI points to, what the transforms make of it, and whether the digest holds (XMLDSig §4.4.3)."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, replace
from typing import Final

from gateway.errors import Refusal
from gateway.formats import safexml
from gateway.formats.safexml import Element
from gateway.model.verdict import NotValid
from gateway.signing.policy import Policy
from gateway.signing.xmldsig import filters, uris
from gateway.signing.xmldsig.algorithms import digest_name, digest_of
from gateway.signing.xmldsig.c14n import canonical
from gateway.signing.xmldsig.c14n_writer import texts
from gateway.signing.xmldsig.ids import Ids
from gateway.signing.xmldsig.limits import MAX_TRANSFORMS, Budget
from gateway.signing.xmldsig.model import Canonical, Content, NodeSet, Rules, VerifiedReference
from gateway.signing.xmldsig.shape import base64_of, children, decoded, path_of

_BY_ID: Final = re.compile(r"""#xpointer\(id\((["'])([^"']+)\1\)\)""")
_INCLUSIVE: Final = f"{{{uris.EXC_C14N}}}InclusiveNamespaces"


@dataclass(frozen=True, slots=True)
class Here:
    """Where references are followed from: a signature in its document, and what is allowed."""

    signature: Element
    rules: Rules
    policy: Policy
    ids: Ids
    budget: Budget

    @property
    def root(self) -> Element:
        """The root of the document."""
        return self.signature.getroottree().getroot()


@dataclass(frozen=True, slots=True)
class Result:
    """The octets of a reference and how they came about."""

    content: bytes
    element: Element | None
    whole: bool
    left_out: tuple[Element, ...]


def verify_reference(reference: Element, here: Here) -> VerifiedReference:
    """The ds:Reference with the octets its digest holds over. Raises NotValid, with the URI as the place."""
    uri = reference.get("URI")
    try:
        transforms, method, value = _parts(reference)
        digest = digest_name(method.get("Algorithm", ""), here.policy)
        wanted = base64_of(value)
        result = followed(uri, transforms, here)
        if not hmac.compare_digest(digest_of(digest, result.content), wanted):
            raise NotValid("signature.digest", "the digest does not hold")
    except NotValid as fault:
        fault.where = fault.where or f"Reference {uri if uri is None else uri[:120]!r}"
        raise
    return VerifiedReference(
        uri=uri,
        type=reference.get("Type", ""),
        id=reference.get("Id", ""),
        digest=digest,
        content=result.content,
        sha256=hashlib.sha256(result.content).hexdigest(),
        path=_path(uri, result),
        element=result.element,
        whole=result.whole,
        left_out=result.left_out,
    )


def _parts(reference: Element) -> tuple[list[Element], Element, Element]:
    """The transforms, DigestMethod and DigestValue. Raises NotValid malformed, limit.exceeded."""
    found = children(reference)
    transforms: list[Element] = []
    if found and found[0].tag == uris.ds("Transforms"):
        transforms = children(found.pop(0))
        if not transforms or any(one.tag != uris.ds("Transform") for one in transforms):
            raise NotValid("malformed", "Transforms hold something else than transforms")
    if [one.tag for one in found] != [uris.ds("DigestMethod"), uris.ds("DigestValue")]:
        raise NotValid("malformed", "not the parts of a Reference")
    if len(transforms) > MAX_TRANSFORMS:
        raise NotValid("limit.exceeded", f"more than {MAX_TRANSFORMS} transforms")
    return transforms, found[0], found[1]


def _path(uri: str | None, result: Result) -> str:
    if result.element is None:
        return uri or ""
    return path_of(result.element)


def followed(uri: str | None, transforms: list[Element], here: Here) -> Result:
    """The octets that *uri* and *transforms* give. Raises NotValid."""
    content = dereferenced(uri, here)
    result = _seen(content, Result(b"", None, True, ()), here)
    for transform in transforms:
        before = content
        content = _transformed(transform, content, here)
        if isinstance(before, NodeSet) and _takes_texts(transform, content):
            result = replace(result, whole=False)
        result = _seen(content, result, here)
    _check_filled(content)
    octets = _canonical(content, Canonical(uris.C14N), here) if isinstance(content, NodeSet) else content
    here.budget.digest(octets)
    return replace(result, content=octets)


def _check_filled(content: Content) -> None:
    """Raise NotValid signature.reference for a node-set without nodes: its digest is the same whatever it points to."""
    if isinstance(content, NodeSet) and any(one is content.apex for one in content.without):
        raise NotValid("signature.reference", "the transforms leave nothing of it")


def _takes_texts(transform: Element, content: Content) -> bool:
    """Whether a transform gave octets that are not simply the canonical form of what went in."""
    return isinstance(content, bytes) and transform.get("Algorithm") not in uris.CANONICAL_FORMS


def _seen(content: Content, result: Result, here: Here) -> Result:
    """*result* by what is known after a step: which part of the document it is, and what was left out of it."""
    if not isinstance(content, NodeSet):
        return result
    own = content.apex.getroottree().getroot() is here.root
    inside = tuple(one for one in content.without if one is content.apex or _is_below(one, content.apex))
    whole = not content.texts_only and all(one.tag == uris.ds("Signature") for one in inside)
    whole = whole and content.apex not in inside and (own or result.whole)
    return Result(b"", content.apex if own else None, whole, inside)


def _is_below(one: Element, apex: Element) -> bool:
    return any(up is apex for up in one.iterancestors())


def dereferenced(uri: str | None, here: Here) -> Content:
    """What *uri* points to (XMLDSig §4.4.3.3): the document or an element of it, or octets from outside."""
    if uri == "":
        return NodeSet(here.root, document=True)
    if uri is None or not uri.startswith("#"):
        if uri is not None and "#" in uri:
            raise NotValid("algorithm.unsupported", "a part of outside content")
        return here.rules.resolve(uri)
    if uri == "#xpointer(/)":
        return NodeSet(here.root, document=True, comments=True)
    if by_id := _BY_ID.fullmatch(uri):
        return NodeSet(here.ids.element(by_id[2]), comments=True)
    if "(" in uri:
        raise NotValid("algorithm.unsupported", "this XPointer is not evaluated")
    return NodeSet(here.ids.element(uri[1:]))


def _transformed(transform: Element, content: Content, here: Here) -> Content:
    uri = transform.get("Algorithm", "")
    if uri in uris.CANONICAL_FORMS:
        return _canonical(_nodes(content), form_of(transform), here)
    if uri == uris.ENVELOPED:
        return _enveloped(transform, content, here)
    if uri == uris.BASE64:
        return _decoded(transform, content, here)
    few = here.policy.name == "production"
    if uri in (uris.XPATH, uris.XPATH_FILTER):
        nodes = _nodes(content)
        here.budget.walk(nodes.apex)
        if uri == uris.XPATH:
            return filters.xpath(transform, nodes, here.signature, signatures_only=few)
        return filters.filter_2(transform, nodes, here.signature, here.ids, signatures_only=few)
    if uri in here.rules.transforms:
        return here.rules.transforms[uri](transform, content)
    raise NotValid("algorithm.unsupported", f"transform {uri[:120]}")


def form_of(element: Element) -> Canonical:
    """The canonical form a ds:Transform or ds:CanonicalizationMethod asks for. Raises NotValid."""
    uri = element.get("Algorithm", "")
    if uri not in uris.CANONICAL_FORMS:
        raise NotValid("algorithm.unsupported", f"canonicalization {uri[:120]}")
    parameters = children(element)
    if not parameters:
        return Canonical(uri)
    if len(parameters) > 1 or parameters[0].tag != _INCLUSIVE or not uri.startswith(uris.EXC_C14N):
        raise NotValid("algorithm.unsupported", "a parameter of canonicalization")
    listed = parameters[0].get("PrefixList", "").split()
    return Canonical(uri, tuple("" if one == "#default" else one for one in listed))


def _canonical(nodes: NodeSet, form: Canonical, here: Here) -> bytes:
    here.budget.walk(nodes.apex.getroottree().getroot() if nodes.without else nodes.apex)
    return canonical(nodes, form)


def _nodes(content: Content) -> NodeSet:
    """Octets as a document of their own (XMLDSig §4.4.3.2). Raises NotValid malformed."""
    if isinstance(content, NodeSet):
        return content
    try:
        return NodeSet(safexml.parse(content).root, document=True, comments=True)
    except Refusal as refusal:
        raise NotValid("malformed", f"the signed content is no XML that is read: {refusal.code}") from refusal


def _enveloped(transform: Element, content: Content, here: Here) -> NodeSet:
    if children(transform):
        raise NotValid("malformed", "enveloped-signature with a parameter")
    if not isinstance(content, NodeSet) or not _is_below(here.signature, content.apex):
        raise NotValid("signature.reference", "enveloped-signature on something that does not hold the signature")
    return filters.without(content, (here.signature,))


def _decoded(transform: Element, content: Content, here: Here) -> bytes:
    """The base64 transform (XMLDSig §6.6.2): of a node-set, the texts in it."""
    if children(transform):
        raise NotValid("malformed", "base64 with a parameter")
    if isinstance(content, NodeSet):
        here.budget.walk(content.apex)
        return decoded("".join(texts(content)), "base64 transform")
    try:
        return decoded(content.decode("ascii"), "base64 transform")
    except UnicodeDecodeError as fault:
        raise NotValid("malformed", "base64 transform on something else") from fault
