"""Which PDFs can be signed: those whose signature would mean what it seems to mean."""

# mypy: allow-untyped-calls
# pyHanko annotates only a part of its functions.

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.rw_common import PdfHandler
from pyhanko.pdf_utils.xref import XRefSectionType
from pyhanko.sign.general import CMSExtractionError, SigningError
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.generic_cms import validate_sig_integrity
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import SignatureCoverageLevel

from gateway.errors import Refusal
from gateway.model.verdict import NotValid
from gateway.signing.pades.sign_objects import items, value
from gateway.signing.trust.armour import DECODING_FAULTS

_FAULTS: Final = (
    *DECODING_FAULTS,
    PdfError,
    SigningError,
    CMSExtractionError,
    SignatureValidationError,
    UnsupportedAlgorithm,
    AssertionError,
    EOFError,
)
"""What pyHanko raises for files that are not what they claim to be."""


@contextmanager
def reading(code: str = "pdf.malformed") -> Iterator[None]:
    """Turn a reader's complaint about a stranger's file into a Refusal."""
    try:
        yield
    except NotValid as fault:
        raise Refusal(code, fault.where, fault.detail or fault.reason) from fault
    except _FAULTS as fault:
        raise Refusal(code, "", f"{type(fault).__name__}: {str(fault)[:200]}") from fault


def require_fit(reader: PdfFileReader, *, new_visible: bool) -> None:
    """That a signature may be added; *new_visible*: in a field of its own that shows something.

    Raises Refusal: pdf.malformed, pdf.xfa, pdf.certified (nothing, or no further visible signature, may be added),
    pdf.signature_broken.
    """
    with reading():
        _refuse_forms_of_code(reader)
        _refuse_certified(reader, new_visible=new_visible)
    with reading("pdf.signature_broken"):
        for signature in reader.embedded_signatures:
            _refuse_broken(signature)


def opened(pdf: bytes) -> PdfFileReader:
    """*pdf* with its cross references read. Raises Refusal pdf.malformed, pdf.encrypted, pdf.hybrid."""
    with reading():
        reader = PdfFileReader(io.BytesIO(pdf), strict=True)
        if reader.encrypt_dict is not None:
            raise Refusal("pdf.encrypted")
        if reader.xrefs.hybrid_xrefs_present:
            _refuse_hidden_revisions(reader)
            reader.strict = False  # it was read strictly; what is lifted is only the ban on hybrid files
        if not isinstance(reader.root, generic.DictionaryObject):
            raise Refusal("pdf.malformed", "/Root")
        return reader


def docmdp(handler: PdfHandler) -> int:
    """What a certified document allows (ISO 32000-2 §12.8.2.2): 1 nothing, 2 forms and signatures, 3 notes as well;
    0 where it is not certified."""
    certification = value(value(handler.root, "/Perms"), "/DocMDP")
    if not isinstance(certification, generic.DictionaryObject):
        return 0
    for reference in items(value(certification, "/Reference")):
        if value(reference, "/TransformMethod") == "/DocMDP":
            level = value(value(reference, "/TransformParams"), "/P", 2)
            return int(level) if level in (1, 2, 3) else 1
    return 1


def _refuse_hidden_revisions(reader: PdfFileReader) -> None:
    """A hybrid file shows old and new readers different objects (§7.5.8.4). Word writes them; there both are covered by
    the first signature. One that was added behind a signature is refused."""
    sections = [reader.xrefs.get_xref_container_info(at) for at in range(reader.total_revisions)]
    hybrid = [at for at, one in enumerate(sections) if one.xref_section_type == XRefSectionType.HYBRID_MAIN]
    reader.strict = False
    signed = [one.signed_revision for one in reader.embedded_signatures]
    reader.strict = True
    if signed and max(hybrid) > min(signed):
        raise Refusal("pdf.hybrid")


def _refuse_forms_of_code(reader: PdfFileReader) -> None:
    form = value(reader.root, "/AcroForm")
    if value(reader.root, "/NeedsRendering") or (isinstance(form, generic.DictionaryObject) and "/XFA" in form):
        raise Refusal("pdf.xfa")
    if form is not None and not isinstance(form, generic.DictionaryObject):
        raise Refusal("pdf.malformed", "/AcroForm")


def _refuse_certified(reader: PdfFileReader, *, new_visible: bool) -> None:
    level = docmdp(reader)
    if level == 1:
        raise Refusal("pdf.certified", "", "its author allows no change at all")
    if level and new_visible:
        raise Refusal("pdf.certified", "", "a signature that shows something needs a field its author prepared")


def _refuse_broken(signature: EmbeddedPdfSignature) -> None:
    """Bytes were changed, its certificate did not make it, or it leaves out part of its revision."""
    stamp = signature.sig_object_type == "/DocTimeStamp"
    digest = signature.compute_digest()
    signer: Any = signature.signer_info
    if stamp:
        imprint = signature.signed_data["encap_content_info"]["content"].parsed["message_imprint"]
        intact, sound = imprint["hashed_message"].native == digest, True
    else:
        intact, sound = validate_sig_integrity(signer, signature.signer_cert, "data", digest)
    covered = signature.evaluate_signature_coverage() >= SignatureCoverageLevel.ENTIRE_REVISION
    if not (intact and sound and covered):
        raise Refusal("pdf.signature_broken", signature.field_name, "its arithmetic or its byte range does not hold")
