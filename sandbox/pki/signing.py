"""PAdES signatures on simulated papers (EN 319 142-1, B-B and B-T), by pyHanko in an incremental update each."""

# mypy: allow-untyped-calls
# pyHanko annotates only a part of its functions.

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from asn1crypto import keys, tsp, x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from PIL import Image
from pyhanko.pdf_utils.images import PdfImage
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.layout import AxisAlignment, Margins, SimpleBoxLayoutRule
from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.signers.cms_embedder import PdfCMSEmbedder, SigAppearanceSetup, SigIOSetup, SigObjSetup
from pyhanko.sign.signers.pdf_byterange import SignatureObject
from pyhanko.sign.signers.pdf_cms import SimpleSigner
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.stamp import StaticStampStyle
from pyhanko_certvalidator.registry import SimpleCertificateStore

from sandbox.pki.identity import Identity
from sandbox.pki.paper import Box
from sandbox.pki.stamping import Stamping

RESERVED = 32 * 1024
"""Room for the signature, in hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class Field:
    """Where a signature goes and what is seen of it; `box` on `page` (from 0)."""

    name: str
    page: int
    box: Box
    image: Image.Image
    reason: str = ""
    place: str = ""


def sign(pdf: bytes, signer: Identity, field: Field, at: datetime, stamping: Stamping | None = None) -> bytes:
    """Return the PDF with one more signature, time-stamped if there is a `stamping`."""

    def signed(digest: bytes) -> bytes:
        stamper = _Neighbour(stamping) if stamping else None
        own = _signer(signer)
        content = _finished(own.async_sign(digest, "sha256", use_pades=True, timestamper=stamper))
        whole: bytes = content.dump()
        return whole

    return embed(pdf, field, signed, at, signer.common_name)


def embed(pdf: bytes, field: Field, signature: Callable[[bytes], bytes], at: datetime, name: str) -> bytes:
    """Return the PDF with a signature field holding whatever `signature` makes of the SHA-256 of the rest."""
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    box = tuple(round(edge) for edge in field.box)
    specification = SigFieldSpec(field.name, on_page=field.page, box=(box[0], box[1], box[2], box[3]))
    style = StaticStampStyle(
        background=PdfImage(field.image),
        background_layout=SimpleBoxLayoutRule(AxisAlignment.ALIGN_MID, AxisAlignment.ALIGN_MID, Margins(0, 0, 0, 0)),
        border_width=0,
    )
    placeholder = SignatureObject(
        at, SigSeedSubFilter.PADES, name, field.place or None, field.reason or None, bytes_reserved=RESERVED
    )
    steps = PdfCMSEmbedder(specification).write_cms(field.name, writer)
    next(steps)
    steps.send(SigObjSetup(placeholder, appearance_setup=SigAppearanceSetup(style, at, name)))
    prepared, output = steps.send(SigIOSetup("sha256"))
    steps.send(signature(prepared.document_digest))
    content: bytes = output.getvalue()
    return content


def _finished(signing: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine to its end in a thread and loop of its own, so that one may sign within an event loop too."""
    with ThreadPoolExecutor(max_workers=1) as aside:
        return aside.submit(asyncio.run, signing).result()


class _Neighbour(TimeStamper):
    """The PKI's own time stamping authority, asked without a network."""

    def __init__(self, stamping: Stamping) -> None:
        super().__init__()
        self._stamping = stamping

    async def async_request_tsa_response(self, req: tsp.TimeStampReq) -> tsp.TimeStampResp:
        """Answer pyHanko's request."""
        return tsp.TimeStampResp.load(self._stamping.answer(req.dump()))


def _signer(identity: Identity) -> SimpleSigner:
    key = identity.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    above = [x509.Certificate.load(each.public_bytes(Encoding.DER)) for each in identity.chain]
    return SimpleSigner(
        x509.Certificate.load(identity.der()),
        keys.PrivateKeyInfo.load(key),
        SimpleCertificateStore.from_certs(above),
    )
