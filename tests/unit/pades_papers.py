"""PDFs made on the spot for the tests of their verification: plain ones by hand, signed ones, and updates by hand."""

from __future__ import annotations

import asyncio
import functools
import io
import re
import zlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from typing import Any

from asn1crypto import crl as asn1_crl
from asn1crypto import keys, tsp
from asn1crypto import x509 as asn1
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import fields, signers
from pyhanko.sign.signers.cms_embedder import PdfCMSEmbedder, SigIOSetup, SigObjSetup
from pyhanko.sign.signers.pdf_byterange import SignatureObject
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko.stamp import TextStampStyle
from pyhanko_certvalidator.registry import SimpleCertificateStore

from gateway.model.verdict import Verdict
from gateway.signing.pades import judge
from gateway.signing.policy import COMPAT, Policy
from gateway.signing.question import Question
from gateway.signing.trust.model import Evidence, TrustStore
from sandbox.pki.desk import AMOUNT, Desk
from sandbox.pki.hierarchy import Hierarchy
from sandbox.pki.identity import Identity
from sandbox.pki.paper import Letter
from sandbox.pki.revocation import revocation_list
from sandbox.pki.stamping import Stamping
from sandbox.wire import VIETNAM

NOW = datetime.now(VIETNAM).replace(microsecond=0)
LATER = NOW + timedelta(minutes=2)
LETTER = Letter(
    "SỞ CÔNG THƯƠNG",
    "12",
    "SCT-VP",
    "bố trí kinh phí",
    date(2026, 11, 20),
    ["UBND tỉnh"],
    [f"Kinh phí thực hiện là {AMOUNT} đồng (bằng chữ: một tỷ hai trăm năm mươi triệu đồng)."],
    amount=AMOUNT,
)


@functools.cache
def hierarchy() -> Hierarchy:
    return Hierarchy("http://127.0.0.1:1", lambda: NOW)


@functools.cache
def desk() -> Desk:
    return Desk(hierarchy())


@functools.cache
def trust() -> TrustStore:
    pki = hierarchy()
    return TrustStore(
        anchors=(pki.root("government").certificate, pki.root("public").certificate),
        intermediates=(pki.issuing("government").certificate, pki.issuing("public").certificate),
    )


def question(
    at: datetime = LATER, policy: Policy = COMPAT, detached: Mapping[str, bytes] | None = None, **more: Any
) -> Question:
    return Question("pdf", more.pop("trust", trust()), at, policy, detached or {}, more.pop("evidence", Evidence()))


def judged(pdf: bytes, **asked: Any) -> Verdict:
    return judge(pdf, question(**asked))


@functools.cache
def letter() -> bytes:
    """Signed by a person, with a time stamp."""
    return desk().signed(LETTER)


@functools.cache
def sealed() -> bytes:
    """Signed by a person, then by the organisation, both with time stamps."""
    return desk().signed(LETTER, sealed=True)


@functools.cache
def clerk(name: str = "Trần Văn Bình") -> Identity:
    return hierarchy().person(name, "Chánh Văn phòng", "SỞ CÔNG THƯƠNG")


@functools.cache
def stranger() -> Identity:
    """A certificate of the same name under authorities nobody trusts."""
    return Hierarchy("http://127.0.0.1:2", lambda: NOW).person("Trần Văn Bình", "Chánh Văn phòng", "SỞ CÔNG THƯƠNG")


def simple_signer(identity: Identity) -> signers.SimpleSigner:
    key = identity.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    above = [asn1.Certificate.load(each.public_bytes(Encoding.DER)) for each in identity.chain]
    return signers.SimpleSigner(
        asn1.Certificate.load(identity.der()),
        keys.PrivateKeyInfo.load(key),
        SimpleCertificateStore.from_certs(above),
    )


class Neighbour(TimeStamper):
    """The sandbox's time stamping authority, asked without a network."""

    def __init__(self, pki: Hierarchy | None = None) -> None:
        super().__init__()
        self._stamping = Stamping(pki or hierarchy(), "government")

    async def async_request_tsa_response(self, req: tsp.TimeStampReq) -> tsp.TimeStampResp:
        return tsp.TimeStampResp.load(self._stamping.answer(req.dump()))


def signed(
    pdf: bytes,
    field: str = "Ky",
    identity: Identity | None = None,
    *,
    box: tuple[int, int, int, int] | None = None,
    stamped: bool = False,
    **metadata: Any,
) -> bytes:
    """*pdf* with one more signature by pyHanko; *metadata* as of PdfSignatureMetadata."""
    metadata.setdefault("subfilter", fields.SigSeedSubFilter.PADES)
    metadata.setdefault("md_algorithm", "sha256")
    new_field = fields.SigFieldSpec(field, on_page=0, box=box) if box else None
    signer = signers.PdfSigner(
        signers.PdfSignatureMetadata(field_name=field, **metadata),
        simple_signer(identity or clerk()),
        timestamper=Neighbour() if stamped else None,
        new_field_spec=new_field,
        stamp_style=TextStampStyle(stamp_text="Da ky") if box else None,
    )
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf), strict=False)
    return finished(signer.async_sign_pdf(writer)).getvalue()


def document_stamp(pdf: bytes, field: str = "DauThoiGian", pki: Hierarchy | None = None) -> bytes:
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    stamper = signers.PdfTimeStamper(Neighbour(pki), field_name=field)
    return finished(stamper.async_timestamp_pdf(writer, "sha256")).getvalue()


def finished(coroutine: Any) -> Any:
    """Run a coroutine to its end, also from within an event loop."""
    with ThreadPoolExecutor(max_workers=1) as aside:
        return aside.submit(asyncio.run, coroutine).result()


PAGE = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 300] /Contents %d 0 R /Resources 7 0 R /Annots %s >>"


def stream(content: bytes, more: bytes = b"") -> bytes:
    return b"<< %s /Length %d >>\nstream\n%s\nendstream" % (more, len(content), content)


BASE: Mapping[int, bytes] = {
    1: b"<< /Type /Catalog /Pages 2 0 R /AcroForm 10 0 R /Outlines 16 0 R /Names << /Dests 20 0 R >> >>",
    2: b"<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 >>",
    3: PAGE % (5, b"[11 0 R 12 0 R 14 0 R]"),
    4: PAGE % (6, b"[]"),
    5: stream(b"BT /F1 12 Tf 20 200 Td (Kinh phi 1000 dong) Tj ET /X1 Do"),
    6: stream(b"BT /F1 12 Tf 20 200 Td (Trang hai) Tj ET"),
    7: b"<< /Font << /F1 8 0 R >> /XObject << /X1 9 0 R >> >>",
    8: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    9: stream(b"0 0 10 10 re f", b"/Type /XObject /Subtype /Form /BBox [0 0 10 10]"),
    10: b"<< /Fields [11 0 R 12 0 R] /SigFlags 3 /DA (/F1 10 Tf 0 g) >>",
    11: b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (SoTien) /V (1000) /F 4 /P 3 0 R /Rect [20 100 120 120] "
    b"/AP << /N 13 0 R >> >>",
    12: b"<< /Type /Annot /Subtype /Widget /FT /Sig /T (Cho) /F 4 /P 3 0 R /Rect [150 20 250 60] >>",
    13: stream(b"BT /F1 10 Tf (1000) Tj ET", b"/Type /XObject /Subtype /Form /BBox [0 0 100 20] /Resources 7 0 R"),
    14: b"<< /Type /Annot /Subtype /FreeText /Contents (Ghi chu) /DA (/F1 8 Tf) /Rect [20 20 80 40] >>",
    15: b"<< /Title (Bao cao) /Author (VP) >>",
    16: b"<< /Type /Outlines /First 17 0 R /Last 17 0 R /Count 1 >>",
    17: b"<< /Title (Muc 1) /Parent 16 0 R /Dest [3 0 R /Fit] >>",
    18: b"(kept in reserve)",
    19: stream(b"BT /F1 12 Tf 20 200 Td (Kinh phi 9000 dong) Tj ET"),
    20: b"<< /Names [(a) [4 0 R /Fit]] >>",
}
"""Two pages, a text field, an empty signature field "Cho", a comment; 19 is content prepared for a swap."""


def document(objects: Mapping[int, bytes] = BASE, info: int | None = 15) -> bytes:
    """A whole file of *objects*; 1 is the catalog."""
    more = b"/Info %d 0 R " % info if info in objects else b""
    return _body(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", objects, (), b"/Root 1 0 R " + more, None)


def update(
    pdf: bytes,
    objects: Mapping[int, bytes] | None = None,
    *,
    free: Sequence[int] = (),
    places: Mapping[int, int] | None = None,
    trailer: bytes = b"",
) -> bytes:
    """*pdf* with an incremental update by hand; *places*: numbers to offsets of bytes that are there already."""
    reader = PdfFileReader(io.BytesIO(pdf), strict=False)
    known = reader.trailer_view
    info = b"/Info %d 0 R " % known.raw_get("/Info").idnum if "/Info" in known else b""
    root = b"/Root %d 0 R " % known.raw_get("/Root").idnum if b"/Root" not in trailer else b""
    size = max([int(known["/Size"]), *(number + 1 for number in {**(objects or {}), **(places or {})})])
    return _body(pdf, objects or {}, free, root + info + trailer, reader.last_startxref, size, places or {})


def _body(
    start: bytes,
    objects: Mapping[int, bytes],
    free: Sequence[int],
    trailer: bytes,
    previous: int | None,
    size: int = 0,
    places: Mapping[int, int] | None = None,
) -> bytes:
    out = bytearray(start if start.endswith(b"\n") else start + b"\n")
    entries: dict[int, bytes] = {0: b"0000000000 65535 f \n"} if previous is None else {}
    for number, text in objects.items():
        entries[number] = b"%010d 00000 n \n" % len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, text)
    entries.update(dict.fromkeys(free, b"0000000000 00001 f \n"))
    entries.update({number: b"%010d 00000 n \n" % place for number, place in (places or {}).items()})
    section = len(out)
    out += b"xref\n"
    for number in sorted(entries):
        out += b"%d 1\n%s" % (number, entries[number])
    chain = b"/Prev %d " % previous if previous is not None else b""
    out += b"trailer\n<< /Size %d %s%s>>\nstartxref\n%d\n%%%%EOF\n" % (
        size or max(entries) + 1,
        chain,
        trailer,
        section,
    )
    return bytes(out)


def offset(pdf: bytes, number: int, last: bool = True) -> int:
    """Where object *number* begins."""
    found = [each.start() for each in re.finditer(rb"(?<![0-9])%d 0 obj" % number, pdf)]
    return found[-1 if last else 0]


def text(pdf: bytes, number: int) -> bytes:
    """The newest text of object *number*, between `obj` and `endobj`."""
    at = offset(pdf, number)
    return pdf[pdf.index(b"obj", at) + 3 : pdf.index(b"endobj", at)].strip()


def number_with(pdf: bytes, mark: bytes) -> int:
    """The number of the last object that contains *mark*."""
    at = pdf.rindex(b" 0 obj", 0, pdf.rindex(mark))
    return int(re.search(rb"(\d+)$", pdf[:at])[1])  # type: ignore[index]


@functools.cache
def approved() -> bytes:
    """The plain document with an approval signature in a new invisible field "Ky"."""
    return signed(document())


@functools.cache
def certified(level: int) -> bytes:
    return signed(document(), "ChungThuc", certify=True, docmdp_permissions=fields.MDPPerm(level))


def revocation_lists() -> tuple[bytes, ...]:
    """The lists of the government's authorities as they are now."""
    pki = hierarchy()
    return tuple(revocation_list(pki, authority) for authority in (pki.issuing("government"), pki.root("government")))


def with_store(pdf: bytes, lists: Sequence[bytes]) -> bytes:
    """*pdf* with a DSS that holds the authorities' certificates and *lists*, with VRI for the last signature."""
    reader = PdfFileReader(io.BytesIO(pdf))
    last = reader.embedded_signatures[-1].pkcs7_content.hex().encode()
    pki = hierarchy()
    certs = [pki.issuing("government").certificate, pki.root("government").certificate]
    target = io.BytesIO(pdf)
    DocumentSecurityStore.add_dss(
        target,
        last,
        certs=[asn1.Certificate.load(each.public_bytes(Encoding.DER)) for each in certs],
        crls=[asn1_crl.CertificateList.load(each) for each in lists],
        ocsps=[],
    )
    return target.getvalue()


def packed() -> bytes:
    """The plain document with an object stream (30) and a cross-reference stream (31)."""
    out = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    places: dict[int, tuple[int, int, int]] = {0: (0, 0, 65535)}
    inner = {number: value for number, value in BASE.items() if b"endstream" not in value}
    heads, body = [], b""
    for index, (number, value) in enumerate(inner.items()):
        heads.append(b"%d %d" % (number, len(body)))
        body += value + b"\n"
        places[number] = (2, 30, index)
    head = b" ".join(heads) + b"\n"
    more = b"/Type /ObjStm /N %d /First %d /Filter /FlateDecode" % (len(inner), len(head))
    outer = {number: value for number, value in BASE.items() if number not in inner}
    for number, value in {**outer, 30: stream(zlib.compress(head + body), more)}.items():
        places[number] = (1, len(out), 0)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, value)
    places[31] = (1, section := len(out), 0)
    rows = (places.get(number, (0, 0, 0)) for number in range(32))
    table = b"".join(kind.to_bytes(1) + place.to_bytes(4) + extra.to_bytes(2) for kind, place, extra in rows)
    wanted = b"/Type /XRef /Size 32 /W [1 4 2] /Root 1 0 R /Info 15 0 R"
    out += b"31 0 obj\n%s\nendobj\nstartxref\n%d\n%%%%EOF\n" % (stream(table, wanted), section)
    return bytes(out)


def hybrid(pdf: bytes = b"", inner: Sequence[int] = (16, 17, 20)) -> bytes:
    """The plain document with a table and, for objects in an object stream, a stream beside it (ISO 32000-2 §7.5.8.4);
    as an update of *pdf* where there is one."""
    out = bytearray(pdf or b"%PDF-1.7\n")
    places: dict[int, int] = {}
    heads, body = b"", b""
    for number in inner:
        heads += b"%d %d " % (number, len(body))
        body += BASE[number] + b"\n"
    packing = b"/Type /ObjStm /N %d /First %d" % (len(inner), len(heads))
    whole = {} if pdf else {number: value for number, value in BASE.items() if number not in inner}
    for number, value in {**whole, 40: stream(heads + body, packing)}.items():
        places[number] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, value)
    side = len(out)
    rows = b"".join(b"\x02" + (40).to_bytes(4) + index.to_bytes(2) for index in range(len(inner)))
    index = b"".join(b"%d 1 " % number for number in inner)
    told = b"/Type /XRef /Size 42 /W [1 4 2] /Index [%s] /Root 1 0 R" % index
    out += b"41 0 obj\n%s\nendobj\n" % stream(rows, told)
    section = len(out)
    out += b"xref\n" + (b"" if pdf else b"0 1\n0000000000 65535 f \n")
    for number, place in sorted(places.items()):
        out += b"%d 1\n%010d 00000 n \n" % (number, place)
    chain = b"/Prev %d" % PdfFileReader(io.BytesIO(pdf)).last_startxref if pdf else b""
    out += b"trailer\n<< /Size 42 /Root 1 0 R /Info 15 0 R /XRefStm %d %s >>\n" % (side, chain)
    return bytes(out + b"startxref\n%d\n%%%%EOF\n" % section)


def old_sha1(pdf: bytes, form: str = "/adbe.pkcs7.sha1") -> bytes:
    """*pdf* with a message that contains the SHA-1 of the covered bytes, as was done before PDF 2.0."""
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    steps = PdfCMSEmbedder(fields.SigFieldSpec("Ky")).write_cms("Ky", writer)
    next(steps)
    placeholder = SignatureObject(NOW, bytes_reserved=16384)
    placeholder["/SubFilter"] = generic.NameObject(form)
    steps.send(SigObjSetup(placeholder))
    prepared, output = steps.send(SigIOSetup("sha1"))
    signer = simple_signer(clerk())
    message = finished(signer.async_sign_general_data(prepared.document_digest, "sha256", detached=False))
    steps.send(message.dump())
    return output.getvalue()
