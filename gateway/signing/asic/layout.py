"""What the members of a container are: data, signatures, manifests, time stamps (ETSI EN 319 162-1 §4, §5, annex A)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import unquote

from gateway.formats.zipcontainer import ContainerFault, open_container
from gateway.model.verdict import NotValid
from gateway.signing.cms.algorithms import digested

Form = Literal["S", "E"]

MAX_SIGNATURE_FILES: Final = 64
MAX_RESOLVED: Final = 256 << 20
"""Bytes of all members that XML signatures of one container refer to, each time counted."""
MIMETYPE: Final = "mimetype"
FOLDER: Final = "META-INF/"
SIMPLE: Final = "application/vnd.etsi.asic-s+zip"
EXTENDED: Final = "application/vnd.etsi.asic-e+zip"

_COMMENT: Final = "mimetype="
_XADES: Final = re.compile(r"META-INF/[^/]*signatures[^/]*\.xml", re.IGNORECASE)
_CADES: Final = re.compile(r"META-INF/[^/]*signature[^/]*\.p7s", re.IGNORECASE)
_TOKEN: Final = re.compile(r"META-INF/[^/]*timestamp[^/]*\.tst", re.IGNORECASE)
_MANIFEST: Final = re.compile(r"META-INF/[^/]*ASiC(?:Archive)?Manifest[^/]*\.xml", re.IGNORECASE)
_INDEX: Final = frozenset({"META-INF/manifest.xml", "META-INF/container.xml", "META-INF/metadata.xml"})
"""Lists for other readers; nothing here is read from them."""
_REASONS: Final = {"malformed": "malformed", "limit": "limit.exceeded", "unsupported": "algorithm.unsupported"}


@dataclass(frozen=True, slots=True)
class Layout:
    """A container taken apart; all names are keys of *files*. *unread*: members of META-INF that nobody here reads."""

    form: Form
    files: Mapping[str, bytes]
    objects: tuple[str, ...]
    xades: tuple[str, ...]
    cades: tuple[str, ...]
    tokens: tuple[str, ...]
    manifests: tuple[str, ...]
    unread: tuple[str, ...]
    _digests: dict[tuple[str, str], bytes] = field(default_factory=dict)
    _resolved: list[int] = field(default_factory=lambda: [0])

    def digest(self, name: str, algorithm: str) -> bytes:
        """The digest of a member under an *algorithm* of the policy ("sha256"), computed once."""
        mark = (name, algorithm)
        if mark not in self._digests:
            self._digests[mark] = digested(algorithm, self.files[name])
        return self._digests[mark]

    def resolved(self, uri: str) -> bytes:
        """The member that *uri* means, for a reader that digests it himself. Raises NotValid as `member`, and
        limit.exceeded where the same files are asked for again and again.
        """
        content = self.files[self.member(uri, uri[:120])]
        self._resolved[0] += len(content)
        if self._resolved[0] > MAX_RESOLVED:
            raise NotValid("limit.exceeded", "too many signatures over too much content")
        return content

    def member(self, uri: str, where: str) -> str:
        """The member that *uri* means, relative to the root of the container (§A.6, RFC 3986 §4.2).

        Raises NotValid signature.reference (absent, or points elsewhere), signature.ambiguous.
        """
        names = {name for name in (uri, _path(uri)) if name in self.files}
        if len(names) > 1:
            raise NotValid("signature.ambiguous", "a reference that means two files", where)
        if not names:
            raise NotValid("signature.reference", f"no file {uri[:120]} in the container", where)
        return names.pop()


def open_layout(raw: bytes) -> Layout:
    """Open a container. Raises NotValid malformed, limit.exceeded, algorithm.unsupported (no ASiC), signature.place (a
    simple container with more or less than one file), signature.absent.
    """
    try:
        container = open_container(raw)
    except ContainerFault as fault:
        raise NotValid(_REASONS[fault.kind], fault.detail, "ZIP") from fault
    files = container.files
    stated = _stated(files, container.comment)
    objects, inner = _sorted(files)
    xades, cades, tokens, manifests = (
        tuple(name for name in inner if form.fullmatch(name)) for form in (_XADES, _CADES, _TOKEN, _MANIFEST)
    )
    if not (xades or cades or tokens):
        raise NotValid("signature.absent", "no signature and no time stamp in the container")
    if len(inner) > MAX_SIGNATURE_FILES:
        raise NotValid("limit.exceeded", f"more than {MAX_SIGNATURE_FILES} signature files")
    known = {*xades, *cades, *tokens, *manifests, *_INDEX}
    layout = Layout(
        form=stated or _guessed(objects, manifests, xades),
        files=files,
        objects=objects,
        xades=xades,
        cades=cades,
        tokens=tokens,
        manifests=manifests,
        unread=tuple(name for name in inner if name not in known),
    )
    _check_form(layout)
    return layout


def _stated(files: Mapping[str, bytes], comment: bytes) -> Form | None:
    """The form by the member `mimetype` and the archive's comment, which must not contradict each other (§A.1)."""
    said = set()
    if MIMETYPE in files:
        said.add(files[MIMETYPE][:200].decode("ascii", "replace").strip())
    text = comment[:200].decode("ascii", "replace").strip()
    if text.startswith(_COMMENT):
        said.add(text[len(_COMMENT) :].strip())
    if len(said) > 1:
        raise NotValid("malformed", "the container states two types", MIMETYPE)
    if not said:
        return None
    name = said.pop()
    if name == SIMPLE:
        return "S"
    if name == EXTENDED or name.startswith("application/vnd.oasis.opendocument."):
        return "E"
    raise NotValid("algorithm.unsupported", "not the type of an associated signature container", MIMETYPE)


def _sorted(files: Mapping[str, bytes]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The data objects, and the members of META-INF."""
    inner = tuple(name for name in files if name.startswith(FOLDER))
    return tuple(name for name in files if not name.startswith(FOLDER) and name != MIMETYPE), inner


def _guessed(objects: tuple[str, ...], manifests: tuple[str, ...], xades: tuple[str, ...]) -> Form:
    """A container that does not say what it is."""
    return "S" if len(objects) == 1 and not manifests and len(xades) <= 1 else "E"


def _check_form(layout: Layout) -> None:
    """A simple container holds one data object (§4.3.3.2): any other would be mistaken for signed."""
    if layout.form == "S" and len(layout.objects) != 1:
        raise NotValid("signature.place", "a simple container with more or less than one file")
    if not layout.objects:
        raise NotValid("signature.place", "a container without content")


def _path(uri: str) -> str:
    """The member's name in a relative reference; "" if it points out of the container."""
    if any(sign in uri for sign in "?#\\") or ":" in uri.split("/")[0] or uri.startswith("//"):
        return ""
    name = unquote(uri.removeprefix("/"), errors="replace")
    return "" if any(part in ("", ".", "..") for part in name.split("/")) else name
