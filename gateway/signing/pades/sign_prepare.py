"""A PDF with everything of a signature but the signature: the step before the key is asked, and the one after."""

# mypy: allow-untyped-calls
# pyHanko annotates only a part of its functions.

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter, enumerate_sig_fields
from pyhanko.sign.signers.cms_embedder import PdfCMSEmbedder, SigIOSetup, SigObjSetup
from pyhanko.sign.signers.constants import ESIC_EXTENSION_1
from pyhanko.sign.signers.pdf_byterange import SignatureObject

from gateway.clock import VIETNAM
from gateway.errors import Refusal
from gateway.ports.signing import DigestName
from gateway.signing.pades.appearance import Invisible
from gateway.signing.pades.appearance_draw import Drawing, drawing
from gateway.signing.pades.appearance_place import Spot, field_spot
from gateway.signing.pades.appearance_sheet import pages
from gateway.signing.pades.sign_cms import Draft, digest_for, draft
from gateway.signing.pades.sign_fitness import opened, reading, require_fit
from gateway.signing.pades.sign_objects import value
from gateway.signing.pades.sign_request import Request, Signer
from gateway.signing.pades.sign_update import Update

FIELD: Final = "ChuKyCoQuan"
"""Name of the organisation's signature field; further ones are numbered."""
_SPARE: Final = 32


@dataclass(frozen=True, slots=True)
class Prepared:
    """A file that lacks its signature only. *to_sign* goes to the key, to be signed with *digest*; *stamped*: a time
    stamp over the signature's value belongs in as well. *field* is the signature field's name, *page* (from 1) where it
    shows something, 0 where nothing is seen.
    """

    to_sign: bytes
    digest: DigestName
    stamped: bool
    field: str
    page: int
    _pdf: bytes = dataclasses.field(repr=False)
    _cms: Draft = dataclasses.field(repr=False)
    _reserved: tuple[int, int] = dataclasses.field(repr=False)
    """Offsets of the placeholder with its angle brackets."""

    def complete(self, signature: bytes, token: bytes | None = None) -> bytes:
        """The signed PDF, its bytes before the update unchanged. *token*: DER of the time stamp over *signature*.

        Raises Refusal sign.no_stamp (it is missing), sign.room (it takes more than was kept free), NotValid
        signature.wrong (not made by the certificate's key), timestamp.invalid (no token).
        """
        if self.stamped != (token is not None):
            raise Refusal("sign.no_stamp", "", "a time stamp is missing" if self.stamped else "none was asked for")
        content = self._cms.sealed(signature, token)
        start, end = self._reserved[0] + 1, self._reserved[1] - 1
        if 2 * len(content) > end - start:
            needed = len(content) - (end - start) // 2
            raise Refusal("sign.room", "", f"{needed} bytes more than were kept for signature and time stamp")
        digits = content.hex().encode("ascii").ljust(end - start, b"0")
        return b"".join((self._pdf[:start], digits, self._pdf[end:]))


def prepare(pdf: bytes, signer: Signer, request: Request) -> Prepared:
    """Add the signature's field, appearance and dictionary to *pdf*, in an incremental update, and say what to sign.

    Pure: the same arguments give the same bytes. Raises Refusal: pdf.* (the file must not be signed), sign.* (the
    appearance cannot be made), NotValid (the certificate does not fit the scheme).
    """
    digest = request.digest or digest_for(signer)
    reader = opened(pdf)
    with reading():
        taken = _field(reader, request.field)
    require_fit(reader, new_visible=taken.made and not isinstance(request.appearance, Invisible))
    with reading():
        update = Update(reader, b"|".join((digest.encode(), request.at.isoformat().encode(), signer.certificate, pdf)))
        given = _given_spot(update, taken)
        seen = drawing(request.appearance, update, given)
        return _written(update, signer, request, digest, taken, seen)


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    made: bool
    """It is not in the file yet."""


def _field(reader: PdfFileReader, wanted: str) -> _Field:
    filled = {name: value is not None for name, value, _ in enumerate_sig_fields(reader)}
    if wanted:
        if filled.get(wanted):
            raise Refusal("sign.field", wanted)
        return _Field(wanted, wanted not in filled)
    names = (f"{FIELD}{number}" if number > 1 else FIELD for number in range(1, len(filled) + 2))
    return _Field(next(name for name in names if name not in filled), True)


def _given_spot(update: Update, taken: _Field) -> Spot | None:
    if taken.made:
        return None
    _, _, ref = next(enumerate_sig_fields(update, with_name=taken.name))
    return field_spot(ref.get_object(), update)


def _written(
    update: Update, signer: Signer, request: Request, digest: DigestName, taken: _Field, seen: Drawing | None
) -> Prepared:
    stamped = request.level != "B-B"
    blank = draft(signer, digest, bytes(64)).room(request.token_room if stamped else 0) + _SPARE
    specification = _specification(update, taken, seen)
    steps = PdfCMSEmbedder(specification).write_cms(taken.name, update, existing_fields_only=not taken.made)
    field_ref = next(steps)
    if seen is not None:
        _show(update, field_ref.get_object(), seen)
    update.ensure_output_version((1, 7))
    if update.output_version < (2, 0):
        update.register_extension(ESIC_EXTENSION_1)
    placeholder = SignatureObject(
        request.at.astimezone(VIETNAM).replace(microsecond=0),
        SigSeedSubFilter.PADES,
        location=request.location or None,
        reason=request.reason or None,
        bytes_reserved=2 * blank,
    )
    steps.send(SigObjSetup(placeholder))
    ranged, output = steps.send(SigIOSetup(digest))
    made = draft(signer, digest, ranged.document_digest)
    return Prepared(
        to_sign=made.attributes,
        digest=digest,
        stamped=stamped,
        field=taken.name,
        page=seen.page + 1 if seen else 0,
        _pdf=output.getvalue(),
        _cms=made,
        _reserved=(ranged.reserved_region_start, ranged.reserved_region_end),
    )


def _specification(update: Update, taken: _Field, seen: Drawing | None) -> SigFieldSpec | None:
    if not taken.made:
        return None
    page = seen.page if seen else 0
    ref = next((ref for at, ref in enumerate(pages(update.root)) if at == page), None)
    if ref is None or update.find_page_for_modification(page)[0].reference != ref.reference:
        raise Refusal("pdf.malformed", "/Pages", "the pages are miscounted")
    box = seen.box if seen else None
    return SigFieldSpec(taken.name, on_page=page, box=box)  # type: ignore[arg-type]  # fractions of a point are fine


def _show(update: Update, signature_field: generic.DictionaryObject, seen: Drawing) -> None:
    kids = value(signature_field, "/Kids")
    widget = kids[0] if kids else signature_field
    looks = generic.DictionaryObject({pdf_name("/N"): update.add_object(seen.stream)})
    widget[pdf_name("/AP")] = looks
    if seen.sheet.turn:
        widget[pdf_name("/MK")] = generic.DictionaryObject({pdf_name("/R"): generic.NumberObject(seen.sheet.turn)})
    update.update_container(widget)
