"""ASiCManifest and ASiCArchiveManifest: which members a CAdES signature or a time stamp speaks for (§A.4, §A.7)."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Final

from gateway.errors import Refusal
from gateway.formats import safexml
from gateway.formats.safexml import Element
from gateway.model.verdict import NotValid
from gateway.signing.asic.layout import Layout
from gateway.signing.policy import Policy
from gateway.signing.xmldsig import algorithms
from gateway.signing.xmldsig.uris import ds

SPACES: Final = (
    "http://uri.etsi.org/02918/v1.2.1#",
    "http://uri.etsi.org/2918/v1.2.1#",
    "http://uri.etsi.org/2918/v1.1.1#",
)
MAX_MANIFEST: Final = 1 << 20
MAX_REFERENCES: Final = 1000


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest all of whose digests hold. *signature*: the member that signs it; *members*: those it speaks for."""

    name: str
    signature: str
    members: tuple[str, ...]


def read_manifest(name: str, layout: Layout, policy: Policy) -> Manifest:
    """The manifest in the member *name*, its digests held against the members.

    Raises NotValid malformed, signature.digest, signature.reference, signature.ambiguous, algorithm.forbidden,
    algorithm.unsupported.
    """
    root = _parsed(layout.files[name], name)
    space = next((one for one in SPACES if root.tag == f"{{{one}}}ASiCManifest"), None)
    if space is None:
        raise NotValid("malformed", "not an ASiCManifest", name)
    signers = root.findall(f"{{{space}}}SigReference")
    references = root.findall(f"{{{space}}}DataObjectReference")
    if len(signers) != 1 or not references or len(references) > MAX_REFERENCES:
        raise NotValid("malformed", "a manifest without exactly one signature and some content", name)
    _check_extensions(root, space, name)
    members = tuple(_checked(one, layout, policy, name) for one in references)
    if len(set(members)) != len(members):
        raise NotValid("signature.ambiguous", "a manifest that names a file twice", name)
    if name in members:
        raise NotValid("signature.reference", "a manifest that names itself", name)
    return Manifest(name, layout.member(_attribute(signers[0], "URI", name), name), members)


def _parsed(raw: bytes, name: str) -> Element:
    try:
        return safexml.parse(raw, max_bytes=MAX_MANIFEST).root
    except Refusal as refusal:
        reason = "limit.exceeded" if refusal.code in ("limit.body", "xml.limit") else "malformed"
        raise NotValid(reason, refusal.detail or refusal.code, name) from refusal


def _check_extensions(root: Element, space: str, name: str) -> None:
    for extension in root.iter(f"{{{space}}}Extension"):
        if (extension.get("Critical") or "true").strip() in ("true", "1"):
            raise NotValid("algorithm.unsupported", "a critical extension of the manifest", name)


def _checked(reference: Element, layout: Layout, policy: Policy, name: str) -> str:
    """The member a DataObjectReference means, its digest compared."""
    member = layout.member(_attribute(reference, "URI", name), name)
    method, value = reference.findall(ds("DigestMethod")), reference.findall(ds("DigestValue"))
    if len(method) != 1 or len(value) != 1 or len(value[0]):
        raise NotValid("malformed", "a reference without exactly one digest", name)
    digest = algorithms.digest_name(_attribute(method[0], "Algorithm", name), policy)
    if layout.digest(member, digest) != _decoded(value[0].text or "", name):
        raise NotValid("signature.digest", "the file is not the one that was signed", member)
    return member


def _decoded(text: str, name: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as fault:
        raise NotValid("malformed", "a digest that is not base64", name) from fault


def _attribute(element: Element, attribute: str, name: str) -> str:
    value = element.get(attribute)
    if value is None:
        raise NotValid("malformed", f"an attribute {attribute} is missing", name)
    return str(value)
