"""Which bytes a signature covers, and that they are everything up to the end of its revision (ISO 32000-2 §12.8.1)."""

# mypy: allow-untyped-calls

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import Any, Final

from asn1crypto import parser
from pyhanko.pdf_utils import generic

from gateway.model.verdict import NotValid, SignedPart
from gateway.signing.pades.fields import Signature, fields, signatures
from gateway.signing.pades.revision import Revision, entry, reading
from gateway.signing.trust.armour import decoding, der_length

_END: Final = re.compile(rb"%%EOF[\r\n\t \0]*\Z")
_HEX: Final = re.compile(rb"<(?:[0-9A-Fa-f]{2})*>")
_TAIL: Final = 4096
"""Bytes at the end of a revision in which its end mark must be, white space included."""


@dataclass(frozen=True, slots=True)
class Covered:
    """The bytes of a signature: all before *gap*, and those from *resume* to *end*; *cms* stood between them."""

    signature: Signature
    gap: int
    resume: int
    end: int
    cms: bytes
    whole: bytes
    _known: dict[str, bytes] = field(default_factory=dict)

    def digest(self, name: str) -> bytes:
        """The digest of the covered bytes under the policy's name of an algorithm ("sha256", "sha3-256").

        Raises NotValid algorithm.unsupported."""
        if name not in self._known:
            content = memoryview(self.whole)
            with decoding("the digest algorithm", "algorithm.unsupported"):
                made = hashlib.new(name.replace("-", "_") if name.startswith("sha3") else name, usedforsecurity=False)
            made.update(content[: self.gap])
            made.update(content[self.resume : self.end])
            self._known[name] = made.digest()
        return self._known[name]

    @property
    def part(self) -> SignedPart:
        """The covered bytes as a verdict names them, ends exclusive."""
        return SignedPart(f"0-{self.gap},{self.resume}-{self.end}", self.digest("sha256").hex())


def covered(revision: Revision, signature: Signature) -> Covered:
    """What *signature* of the newest *revision* covers.

    Raises NotValid signature.place unless its /ByteRange is [0 a b c], the gap is exactly the hexadecimal string of its
    own /Contents, c ends at the end of a revision, and that revision by itself holds the same signature in the same
    field; malformed if it cannot be read.
    """
    where = f"signature field '{signature.name}'"
    if not isinstance(signature.dictionary, generic.DictionaryObject) or signature.reference is None:
        raise NotValid("signature.place", "the field's value is no signature dictionary of its own", where)
    gap, resume, end = _range(revision.content, revision.get(entry(signature.dictionary, "/ByteRange")), where)
    contents = entry(signature.dictionary, "/Contents")
    if not isinstance(contents, (generic.TextStringObject, generic.ByteStringObject)):
        raise NotValid("signature.place", "/Contents is no string", where)
    raw = bytes.fromhex(revision.content[gap + 1 : resume - 1].decode("ascii"))
    if raw != contents.original_bytes:
        raise NotValid("signature.place", "/ByteRange leaves out other bytes than /Contents", where)
    place = revision.where(*signature.reference)
    if place is None or len(place) != 1 or not place[0] < gap:
        raise NotValid("signature.place", "the signature does not stand in the bytes it covers", where)
    with reading("the signature dictionary"):
        start, stop = revision.extent(*signature.reference, place[0])
    if not start < gap < resume < stop <= end:
        raise NotValid("signature.place", "the signature does not stand in the bytes it covers", where)
    return Covered(signature, gap, resume, end, _message(raw, where), revision.content)


def signed_revision(coverage: Covered, newest: Revision) -> Revision:
    """The revision *coverage* ends with, read by itself; the same signature must be found in it, at the same place.

    Raises NotValid signature.place, malformed."""
    signature = coverage.signature
    where = f"signature field '{signature.name}'"
    if coverage.end == len(newest.content):
        return newest
    alone = Revision(coverage.whole[: coverage.end], newest)
    with reading("the signed revision"):
        same = [each for each in signatures(alone, fields(alone)) if each.reference == signature.reference]
        if not same or same[0].name != signature.name or signature.reference is None:
            raise NotValid("signature.place", "the signed revision does not hold this signature", where)
        if alone.where(*signature.reference) != newest.where(*signature.reference):
            raise NotValid("signature.place", "the signature dictionary was replaced", where)
    return alone


def _range(content: bytes, written: Any, where: str) -> tuple[int, int, int]:
    """Gap, resume and end of [0 gap resume length]."""
    numbers = list(written) if isinstance(written, generic.ArrayObject) else []
    if len(numbers) != 4 or not all(isinstance(each, generic.NumberObject) for each in numbers):
        raise NotValid("signature.place", "/ByteRange is not four numbers", where)
    start, gap, resume, length = (int(each) for each in numbers)
    end = resume + length
    if start != 0 or not 0 < gap < resume <= end <= len(content):
        raise NotValid("signature.place", "/ByteRange is not [0 a b c] within the file", where)
    if _HEX.fullmatch(content, gap, resume) is None:
        raise NotValid("signature.place", "/ByteRange leaves out more than one hexadecimal string", where)
    if _END.search(content, max(resume, end - _TAIL), end) is None:
        raise NotValid("signature.place", "the covered bytes do not end with a revision of the file", where)
    return gap, resume, end


def _message(raw: bytes, where: str) -> bytes:
    """The one BER value at the start of /Contents; only zeros may follow."""
    length = der_length(raw) if raw[1:2] != b"\x80" else _indefinite(raw)
    if not 2 < length <= len(raw):
        raise NotValid("signature.place", "/Contents holds no signature", where)
    if raw[length:].strip(b"\0"):
        raise NotValid("signature.place", "/Contents holds more than a signature", where)
    return raw[:length]


def _indefinite(raw: bytes) -> int:
    with decoding("the signature"):
        parts = parser.parse(raw)
        return sum(len(parts[place]) for place in (3, 4, 5))
