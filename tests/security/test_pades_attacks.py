"""Published attacks on PDF signatures, each made on the spot, each refused for the reason it should be.

Sources: "1 Trillion Dollar Refund" (CCS 2019: USF, ISA, SWA), "Shadow Attacks" (NDSS 2021: hide, replace,
hide-and-replace), "Breaking the Specification: PDF Certification" (S&P 2021: EAA, SSA); ISO 32000-2 §7.5, §12.8.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping

import pytest
from pades_papers import (
    BASE,
    PAGE,
    approved,
    certified,
    clerk,
    document,
    document_stamp,
    hierarchy,
    hybrid,
    judged,
    letter,
    number_with,
    offset,
    sealed,
    signed,
    stranger,
    stream,
    text,
    update,
)
from PIL import Image

from gateway.model.verdict import Judgement
from sandbox.pki import signing
from sandbox.pki.forgery import forge

Attack = tuple[bytes, str, str]
"""The file, the reason, and words of the detail or of a line about what was changed."""
CHANGED, PLACE = "signature.changed_later", "signature.place"
SIGNATURE = re.compile(rb"/ByteRange\s*\[\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s*\]")


def replaced(number: int, old: bytes, new: bytes, pdf: bytes | None = None) -> bytes:
    """An update in which object *number* says *new* where it said *old*."""
    pdf = approved() if pdf is None else pdf
    content = text(pdf, number)
    assert old in content, content
    return update(pdf, {number: content.replace(old, new, 1)})


def in_place(old: bytes, new: bytes, pdf: bytes | None = None) -> bytes:
    pdf = approved() if pdf is None else pdf
    assert len(old) == len(new), "no offset moves"
    assert pdf.count(old) == 1
    return pdf.replace(old, new)


def byte_range(pdf: bytes | None = None) -> tuple[int, ...]:
    return tuple(int(each) for each in SIGNATURE.findall(pdf or approved())[-1])


def contents(pdf: bytes | None = None) -> bytes:
    pdf = pdf or approved()
    _, gap, resume, _ = byte_range(pdf)
    return pdf[gap:resume]


def with_signature(**entries: bytes | None) -> bytes:
    """An update with another signature dictionary in place of the signed one, and other content."""
    pdf = approved()
    whole = {
        "ByteRange": b"[%d %d %d %d]" % byte_range(),
        "Contents": contents(),
        "Filter": b"/Adobe.PPKLite",
        "SubFilter": b"/ETSI.CAdES.detached",
        "Type": b"/Sig",
        **entries,
    }
    dictionary = b" ".join(b"/%s %s" % (key.encode(), value) for key, value in whole.items() if value is not None)
    return update(pdf, {number_with(pdf, b"/ByteRange"): b"<< " + dictionary + b" >>", 5: BASE[19]})


def forgeries_of_the_sandbox() -> Mapping[str, Attack]:
    reasons = {
        "amount_changed": (CHANGED, "the content of page 1 was changed"),
        "page_added": (CHANGED, "page 2 was added"),
        "overlay": (CHANGED, "an annotation (Stamp) was added on page 1"),
        "byte_range": (PLACE, ""),
        "copied_signature": ("signature.digest", ""),
        "tampered": ("signature.digest", ""),
    }
    papers = {"letter": letter(), "sealed": sealed()}
    return {
        f"{paper}: {name}": (forged, *reasons[name])
        for paper, pdf in papers.items()
        for name, forged in forge(pdf).items()
    }


def universal_forgeries() -> Mapping[str, Attack]:
    """USF: a signature whose parts are missing or make no sense."""
    _, gap, resume, length = byte_range()
    ranges = {
        "missing": None,
        "null": b"null",
        "a number": b"7",
        "empty": b"[]",
        "three numbers": b"[0 %d %d]" % (gap, resume),
        "zeros": b"[0 0 0 0]",
        "negative": b"[0 -%d %d %d]" % (gap, resume, length),
        "beyond the end": b"[0 %d %d %d]" % (gap, resume, length + 10_000_000),
        "six numbers": b"[0 %d %d %d %d 0]" % (gap, resume, length, resume),
        "not from zero": b"[1 %d %d %d]" % (gap - 1, resume, length),
        "with an overlap": b"[0 %d %d %d]" % (resume, gap, length),
        "not numbers": b"[/a /b /c /d]",
        "fractions": b"[0.0 %d.5 %d.0 %d.0]" % (gap, resume, length),
    }
    values = {
        "missing": None,
        "null": b"null",
        "empty": b"<>",
        "one zero": b"<00>",
        "a number": b"0",
        "zeros": b"<" + b"0" * 2000 + b">",
        "in another object": b"18 0 R",
    }
    found = {f"/ByteRange {name}": (with_signature(ByteRange=value), PLACE, "") for name, value in ranges.items()}
    found |= {f"/Contents {name}": (with_signature(Contents=value), PLACE, "") for name, value in values.items()}
    number = number_with(approved(), b"/ByteRange")
    return {
        **found,
        "the signature is null": (update(approved(), {number: b"null"}), "signature.absent", ""),
        "the signature is text": (update(approved(), {number: b"(signed)"}), PLACE, ""),
        "the signature is freed": (update(approved(), free=[number]), "signature.absent", ""),
        "the signature is an array": (update(approved(), {number: b"[]"}), PLACE, ""),
    }


def incremental_savings() -> Mapping[str, Attack]:
    """ISA: updates that viewers read and verifiers pass over."""
    pdf = approved()
    whole = update(pdf, {5: BASE[19]})
    table, end = whole.rindex(b"\nxref"), whole.rindex(b"startxref")
    trailer = whole.rindex(b"trailer")
    body = b"5 0 obj\n" + BASE[19] + b"\nendobj\n"
    stamped = document_stamp(pdf)
    new_root = b"1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n"
    last = int(pdf[pdf.rindex(b"startxref") + 9 :].split()[0])
    mark = b"startxref\n%d\n%%%%EOF\n" % last
    return {
        "an update": (whole, CHANGED, "the content of page 1 was changed"),
        "without cross-reference and trailer": (whole[:table] + b"\n" + mark, CHANGED, "bytes that belong to no part"),
        "without a trailer": (whole[:trailer] + mark, CHANGED, "bytes that belong to no part"),
        "without an end": (whole[:end], CHANGED, "bytes that belong to no part"),
        "an object and nothing else": (pdf + body, CHANGED, "bytes that belong to no part"),
        "an object and the old end": (pdf + body + mark, CHANGED, "bytes that belong to no part"),
        "a trailer without a table": (
            pdf + body + b"trailer << /Size 30 /Root 1 0 R >>\n" + mark,
            CHANGED,
            "bytes that belong to no part",
        ),
        "in a comment": (pdf + b"%" + body.replace(b"\n", b" ") + b"\n" + mark, CHANGED, "belong to no part"),
        "before a time stamp": (
            pdf + body + stamped[len(pdf) :],
            "malformed",
            "",
        ),
        "behind a time stamp": (stamped + new_root + mark, CHANGED, ""),
        "text behind the end": (pdf + b"hello", CHANGED, "bytes that belong to no part"),
        "text between two ends": (pdf + b"hello\n" + mark, CHANGED, "bytes that belong to no part"),
        "a second file behind": (pdf + document(), "signature.absent", ""),
        "the same number twice in an update": (
            update(pdf + body, {5: BASE[5]}),
            CHANGED,
            "bytes that belong to no part",
        ),
        "prepended bytes": (b"junk\n" + pdf, "malformed", ""),
        "a table that points at itself": (
            re.sub(rb"/Prev \d+", lambda m: m[0][:6] + b"%d" % (table + 1), whole, count=0),
            "malformed",
            "",
        ),
        "hybrid cross-references that lead nowhere": (
            update(pdf, {5: BASE[19]}, trailer=b"/XRefStm %d " % offset(pdf, 5)),
            "malformed",
            "",
        ),
        "hybrid cross-references": (hybrid(pdf), CHANGED, "belong to no part"),
        "an encryption dictionary": (
            update(pdf, {30: b"<< /Filter /Standard /V 1 /R 2 >>"}, trailer=b"/Encrypt 30 0 R "),
            "algorithm.unsupported",
            "encrypted",
        ),
    }


def wrappings() -> Mapping[str, Attack]:
    """SWA: the second part of the covered bytes is moved, and others stand between."""
    pdf = approved()
    _, gap, resume, length = byte_range()
    start = int(pdf[pdf.rindex(b"startxref") + 9 :].split()[0])
    previous = int(re.findall(rb"/Prev (\d+)", pdf)[-1])
    root = b"/Root 1 0 R /Size 60 /Prev %d" % previous
    numbers = [number for number in range(1, 40) if (b"\n%d 0 obj" % number) in pdf[previous:gap]]

    def moved(between: bytes, told: bytes = b"") -> bytes:
        """The first part, other bytes with a table where the end of the second part looks for it, the second part."""
        between += told.ljust(70) + b">>\nendobj\n"
        evil = gap + len(between)
        table = between + b"5 0 obj\n" + BASE[19] + b"\nendobj\n"
        table = table.ljust(start - gap) + b"xref\n5 1\n%010d 00000 n \n" % evil
        for number in numbers:
            table += b"%d 1\n%010d 00000 n \n" % (number, offset(pdf[:gap], number))
        table += b"trailer\n<< " + root + b" >>\n"
        assert gap + len(table) > start
        right = b"/ByteRange [0 %d %d %d]" % (gap, gap + len(table), length)
        return pdf[:gap] + table + pdf[resume : resume + length] if told else moved(between[: -70 - 10], right)

    def ranged(*numbers: int) -> bytes:
        return with_signature(ByteRange=b"[0 %d %d %d]" % numbers)

    own = contents()
    return {
        "bytes behind /Contents": (moved(own), PLACE, "more than one hexadecimal string"),
        "bytes before /Contents": (moved(b"<00> /Before " + own), PLACE, "more than one hexadecimal string"),
        "another /Contents": (moved(own + b" /Other <00>"), PLACE, "more than one hexadecimal string"),
        "a range moved into the gap": (
            with_signature(ByteRange=b"[0 %d %d %d]" % (gap + 2, resume, length)),
            PLACE,
            "",
        ),
        "a range around nothing": (with_signature(ByteRange=b"[0 %d %d %d]" % (gap, gap, length)), PLACE, ""),
        "a gap too large": (with_signature(ByteRange=b"[0 %d %d %d]" % (gap - 1, resume, length)), PLACE, ""),
        "an end within": (ranged(gap, resume, length - 20), PLACE, "do not end with a revision"),
        "a covered copy of the signature": (with_signature(), PLACE, "does not stand in the bytes it covers"),
        "padding that is not zero": (
            pdf[: resume - 9] + b"deadbeef" + pdf[resume - 1 :],
            PLACE,
            "more than a signature",
        ),
        "white space in the string": (pdf[: resume - 9] + b"        " + pdf[resume - 1 :], PLACE, ""),
        "no digits in the string": (pdf[: resume - 3] + b"xx" + pdf[resume - 1 :], "malformed", ""),
        "another form of signature": (with_signature(SubFilter=b"/adbe.x509.rsa_sha1"), PLACE, ""),
        "somebody else's signature": (signed(document(), identity=stranger()), "chain.unknown", ""),
    }


def shadows() -> Mapping[str, Attack]:
    """Content that was prepared before the signature and is hidden, shown or swapped afterwards."""
    pdf = approved()
    hole = dict(BASE)
    hole[3] = BASE[3].replace(b"5 0 R", b"[5 0 R 30 0 R]", 1)
    dangling = signed(document(hole))
    length = dict(BASE)
    length[5] = b"<< /Length 18 0 R >>\nstream\n" + b"BT ET % a long rest" + b"\nendstream"
    length[18] = b"19"
    redirected = signed(document(length))
    inner = dict(BASE)
    inner[18] = stream(b"\n5 0 obj\n" + BASE[19] + b"\nendobj\n")
    twofold = signed(document(inner))
    return {
        "hide: the covering drawing is freed": (update(pdf, free=[9]), CHANGED, "an image or drawing of page 1"),
        "hide: the covering drawing is empty": (
            update(pdf, {9: stream(b"", b"/Type /XObject /Subtype /Form /BBox [0 0 0 0]")}),
            CHANGED,
            "an image or drawing of page 1",
        ),
        "hide: the covering drawing is null": (update(pdf, {9: b"null"}), CHANGED, "an image or drawing of page 1"),
        "replace: another font": (replaced(8, b"Helvetica", b"Evil"), CHANGED, "a font of page 1 was changed"),
        "replace: a field's value": (
            replaced(11, b"(1000)", b"(9000)"),
            CHANGED,
            "the value of form field 'SoTien' was changed",
        ),
        "replace: a field's appearance": (
            update(pdf, {13: text(pdf, 13).replace(b"1000", b"9000")}),
            CHANGED,
            "the appearance of form field 'SoTien'",
        ),
        "hide and replace: the content's number points elsewhere": (
            update(pdf, places={5: offset(pdf, 19)}),
            "malformed",
            "",
        ),
        "hide and replace: the content's number points into a stream": (
            update(twofold, places={5: twofold.index(b"\n5 0 obj\n" + BASE[19]) + 1}),
            CHANGED,
            "the content of page 1 was changed",
        ),
        "hide and replace: the page takes prepared content": (
            replaced(3, b"/Contents 5 0 R", b"/Contents 19 0 R"),
            CHANGED,
            "the content of page 1 was changed",
        ),
        "hide and replace: another catalog": (
            update(
                pdf,
                {40: b"<< /Type /Catalog /Pages 41 0 R /AcroForm %s >>" % _form(pdf),
                 41: b"<< /Type /Pages /Kids [4 0 R] /Count 1 >>"},
                trailer=b"/Root 40 0 R ",
            ),
            CHANGED,
            "page 1 was removed",
        ),
        "a reference to nothing gets something": (
            update(dangling, {30: BASE[19]}),
            CHANGED,
            "the content of page 1 was changed",
        ),
        "the length of the content": (update(redirected, {18: b"5"}), CHANGED, "the content of page 1 was changed"),
        "an old revision shown again": (
            update(pdf, places={1: offset(pdf, 1, last=False)}),
            CHANGED,
            "the extensions of the document were changed",
        ),
    }  # fmt: skip


def _form(pdf: bytes) -> bytes:
    found = re.search(rb"/AcroForm (\d+ 0 R)", text(pdf, 1))
    assert found is not None
    return found[1]


def listings() -> Mapping[str, Attack]:
    """Cross-references that readers understand in different ways."""
    inner = dict(BASE)
    inner[18] = stream(b"\n5 0 obj\n" + BASE[19] + b"\nendobj\n")
    pdf = signed(document(inner))
    evil = pdf.index(b"\n5 0 obj\n" + BASE[19]) + 1
    good = offset(pdf, 5, last=False)
    use, last = b"%010d %05d n \n", int(pdf[pdf.rindex(b"startxref") + 9 :].split()[0])

    def listed(*lines: tuple[int, bytes], body: bytes = b"", previous: int | None = last) -> bytes:
        table = b"xref\n" + b"".join(b"%d 1\n%s" % line for line in lines)
        chain = b"/Prev %d" % previous if previous else b""
        whole = pdf + body + table + b"trailer\n<< /Size 40 /Root 1 0 R /Info 15 0 R %s >>\n" % chain
        return whole + b"startxref\n%d\n%%%%EOF\n" % (len(pdf) + len(body))

    own = sorted({int(each) for each in re.findall(rb"\n(\d+) 0 obj", pdf)})
    every = [(number, use % (offset(pdf, number, last=number != 5), 0)) for number in own]
    higher = b"5 1 obj\n" + BASE[19] + b"\nendobj\n"
    return {
        "nothing new": (listed((5, use % (good, 0))), "ok", ""),
        "twice in one table, the prepared one first": (
            listed((5, use % (evil, 0)), (5, use % (good, 0))),
            CHANGED,
            "an object was listed twice",
        ),
        "twice in one table, the prepared one last": (
            listed((5, use % (good, 0)), (5, use % (evil, 0))),
            CHANGED,
            "the content of page 1 was changed",
        ),
        "free and in use": (listed((5, b"0000000000 00001 f \n"), (5, use % (good, 0))), CHANGED, "twice"),
        "free under another generation": (listed((5, b"0000000000 00007 f \n")), CHANGED, "was declared free"),
        "another generation": (listed((5, use % (len(pdf), 1)), body=higher), "malformed", ""),
        "freed": (
            listed((5, b"0000000000 00001 f \n")),
            CHANGED,
            "the content of page 1",
        ),
        "everything listed anew": (listed(*every, previous=None), CHANGED, "listed anew"),
        "the signed list left out": (
            listed(*every, previous=int(re.findall(rb"/Prev (\d+)", pdf)[-1])),
            CHANGED,
            "listed anew",
        ),
    }


def certifications() -> Mapping[str, Attack]:
    """EAA and SSA: what a certification's level allows is not what may be shown over it; and overlays by approval."""
    comment = {3: text(certified(3), 3).replace(b"14 0 R", b"14 0 R 50 0 R"), 50: BASE[14]}
    field = (
        b"<< /Type /Annot /Subtype /Widget /FT /Sig /T (Phu) /F 4 /P 3 0 R /Rect [20 190 200 220] /AP << /N 9 0 R >> >>"
    )
    return {
        "EAA at level 2": (update(certified(2), comment), CHANGED, "an annotation (FreeText) was added on page 1"),
        "EAA at level 3": (update(certified(3), comment), CHANGED, "an annotation (FreeText) was added on page 1"),
        "SSA: a visible field of one's own": (
            signed(certified(2), "Phu", clerk("Lê Văn C"), box=(20, 190, 200, 220)),
            CHANGED,
            "visible signature field 'Phu' was added to a certified document",
        ),
        "SSA: a field nobody signed in": (
            _with_field(certified(2), field),
            CHANGED,
            "signature field 'Phu' was added, but nobody signed in it",
        ),
        "overlay: a field nobody signed in": (
            _with_field(approved(), field),
            CHANGED,
            "signature field 'Phu' was added, but nobody signed in it",
        ),
        "overlay: a time stamp with a picture": (
            _visible_stamp(approved()),
            CHANGED,
            "time stamp 'DauThoiGian' was added with a picture on a page",
        ),
        "a signature where none may come": (_embedded(certified(1)), CHANGED, "the certification allows no change"),
        "a text field filled at level 2": (
            replaced(11, b"(1000)", b"(9000)", certified(2)),
            CHANGED,
            "the value of form field 'SoTien' was changed",
        ),
        "the certification is taken out of the catalog": (
            update(
                certified(2), {1: re.sub(rb"/Perms <<.*?>>|/Perms \d+ 0 R", b"", text(certified(2), 1), flags=re.S)}
            ),
            CHANGED,
            "the permissions of the document",
        ),
    }


def _with_field(pdf: bytes, field: bytes) -> bytes:
    form = int(_form(pdf).split()[0])
    listed = re.sub(rb"/Fields\s*\[", b"/Fields [60 0 R ", text(pdf, form))
    page = text(pdf, 3).replace(b"14 0 R", b"14 0 R 60 0 R")
    return update(pdf, {60: field, form: listed, 3: page})


def _visible_stamp(pdf: bytes) -> bytes:
    return document_stamp(_with_field(pdf, BASE[12].replace(b"(Cho)", b"(DauThoiGian) /AP << /N 9 0 R >>")))


def _embedded(pdf: bytes) -> bytes:
    field = signing.Field("Them", 0, (10, 10, 60, 40), Image.new("RGB", (4, 4)))
    return signing.sign(pdf, clerk("Lê Văn C"), field, hierarchy().now())


def structures() -> Mapping[str, Attack]:
    """Every other part of a document, changed by an update."""
    pdf = approved()
    root = text(pdf, 1)
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">%s</r:RDF></x:xmpmeta>'
    title = b'<r:Description xmlns:d="http://purl.org/dc/elements/1.1/" d:title="%s"/>'
    described = dict(BASE)
    described[1] = BASE[1].replace(b"/Pages 2 0 R", b"/Pages 2 0 R /Metadata 21 0 R")
    described[21] = stream(xmp % (title % b"A"), b"/Type /Metadata /Subtype /XML")
    titled = signed(document(described))

    def catalog(more: bytes) -> bytes:
        kept = re.sub(rb"/Extensions\s*<<.*>>\s*/Version\s*/[\d.]+", b"", root, flags=re.S)
        return update(pdf, {1: kept[: kept.rindex(b">>")] + more + b" >>"})

    signature, form = number_with(pdf, b"/T (Ky)"), text(pdf, 10)
    return {
        "a page removed": (replaced(2, b"[3 0 R 4 0 R] /Count 2", b"[3 0 R] /Count 1"), CHANGED, "page 2 was removed"),
        "pages swapped": (replaced(2, b"[3 0 R 4 0 R]", b"[4 0 R 3 0 R]"), CHANGED, "another page of the document"),
        "a page replaced": (
            update(pdf, {2: BASE[2].replace(b"4 0 R", b"44 0 R"), 44: PAGE % (19, b"[]")}),
            CHANGED,
            "the content of page 2 was changed",
        ),
        "a page twice": (replaced(2, b"[3 0 R 4 0 R]", b"[3 0 R 3 0 R]"), CHANGED, "page 2"),
        "a page turned": (replaced(4, b"/MediaBox", b"/Rotate 180 /MediaBox"), CHANGED, "the rotation of page 2"),
        "a page resized": (replaced(4, b"[0 0 300 300]", b"[0 0 300 150]"), CHANGED, "the size of page 2 was changed"),
        "a rotation inherited": (replaced(2, b"/Count", b"/Rotate 90 /Count"), CHANGED, "the rotation of page 1"),
        "content in place": (update(pdf, {6: BASE[5]}), CHANGED, "the content of page 2 was changed"),
        "an action on a page": (replaced(4, b"/MediaBox", b"/AA << >> /MediaBox"), CHANGED, "an action of page 2"),
        "other resources": (replaced(7, b"/X1 9 0 R", b"/X1 13 0 R"), CHANGED, "an image or drawing of page 1"),
        "a graphics state": (replaced(7, b"/Font", b"/ExtGState << >> /Font"), CHANGED, "a graphics state of page 1"),
        "an annotation changed": (replaced(14, b"(Ghi chu)", b"(Khac)"), CHANGED, "an annotation (FreeText) on page 1"),
        "an annotation removed": (replaced(3, b"14 0 R", b""), CHANGED, "an annotation (FreeText) was removed"),
        "annotations in another order": (replaced(3, b"11 0 R 12 0 R", b"12 0 R 11 0 R"), CHANGED, "page 1"),
        "a script on opening": (catalog(b"/OpenAction << /S /JavaScript >>"), CHANGED, "when the document is opened"),
        "a script by name": (
            catalog(b"/Names << /Dests 20 0 R /JavaScript << /Names [] >> >>".replace(b"/Names <<", b"/AA <<", 1)),
            CHANGED,
            "an action of the document was added",
        ),
        "a script in the name tree": (
            replaced(1, b"/Dests 20 0 R", b"/Dests 20 0 R /JavaScript << /Names [(x) 14 0 R] >>"),
            CHANGED,
            "a script was added",
        ),
        "an embedded file": (
            replaced(1, b"/Dests 20 0 R", b"/Dests 20 0 R /EmbeddedFiles << /Names [] >>"),
            CHANGED,
            "an embedded file was added",
        ),
        "a link target": (replaced(20, b"[4 0 R", b"[3 0 R"), CHANGED, "a link target was changed"),
        "layers": (catalog(b"/OCProperties << /D << >> >>"), CHANGED, "the visibility of layers was added"),
        "bookmarks": (replaced(17, b"(Muc 1)", b"(Muc 9)"), CHANGED, "the bookmarks were changed"),
        "page numbers": (catalog(b"/PageLabels << /Nums [] >>"), CHANGED, "the page numbers were added"),
        "a portfolio": (catalog(b"/Collection << >>"), CHANGED, "the portfolio was added"),
        "an unknown entry": (catalog(b"/Foo 1"), CHANGED, "the entry Foo of the document was added"),
        "the title": (replaced(15, b"(Bao cao)", b"(To trinh)"), CHANGED, "document property Title was changed"),
        "the title in XMP": (
            update(titled, {21: stream(xmp % (title % b"B"), b"/Type /Metadata /Subtype /XML")}),
            CHANGED,
            "the metadata entry title was changed",
        ),
        "XMP that is none": (
            update(titled, {21: stream(b"<!DOCTYPE x><x/>", b"/Type /Metadata /Subtype /XML")}),
            CHANGED,
            "cannot be read",
        ),
        "an entry of the trailer": (update(pdf, {30: b"1"}, trailer=b"/Foo 30 0 R "), CHANGED, "entry Foo of"),
        "the form is gone": (update(pdf, {1: re.sub(rb"/AcroForm \d+ 0 R", b"", root)}), "signature.absent", ""),
        "a field is gone": (replaced(10, b"11 0 R", b""), CHANGED, "form field 'SoTien' was removed"),
        "a text field added": (
            update(pdf, {10: form.replace(b"12 0 R", b"12 0 R 70 0 R"), 70: BASE[11].replace(b"SoTien", b"Khac")}),
            CHANGED,
            "form field 'Khac' was added",
        ),
        "the form's default appearance": (replaced(10, b"F1 10 Tf", b"F1 90 Tf"), CHANGED, "the entry DA of the form"),
        "viewers draw fields anew": (
            replaced(10, b"/SigFlags", b"/NeedAppearances true /SigFlags"),
            "algorithm.unsupported",
            "draw the form's fields anew",
        ),
        "an XFA form": (replaced(10, b"/SigFlags", b"/XFA [] /SigFlags"), "algorithm.unsupported", "XFA"),
        "the form no longer signed": (replaced(10, b"/SigFlags 3", b"/SigFlags 0"), CHANGED, "no longer says"),
        "the signature's field moved": (
            update(pdf, {signature: re.sub(rb"/Rect\s*\[[^\]]*\]", b"/Rect [0 0 99 99]", text(pdf, signature))}),
            CHANGED,
            "signature field 'Ky' was changed",
        ),
        "the signature's field acts": (
            update(pdf, {signature: text(pdf, signature)[:-2] + b"/A << /S /JavaScript >> >>"}),
            CHANGED,
            "signature field 'Ky' was changed",
        ),
        "the signature's picture": (
            update(pdf, {signature: text(pdf, signature)[:-2] + b"/AP << /N 9 0 R >> >>"}),
            CHANGED,
            "the appearance of signature field 'Ky'",
        ),
        "a second field for the same signature": (
            _with_field(pdf, BASE[12].replace(b"(Cho)", b"(Nhai) /V %d 0 R" % number_with(pdf, b"/ByteRange"))),
            "signature.ambiguous",
            "",
        ),
        "a second field of the same name": (_with_field(pdf, BASE[12].replace(b"(Cho)", b"(Ky)")), CHANGED, "'Ky' was"),
        "an empty field filled with another's signature": (
            replaced(12, b"/FT /Sig", b"/FT /Sig /V %d 0 R" % number_with(pdf, b"/ByteRange")),
            "signature.ambiguous",
            "",
        ),
        "validation data that is none": (catalog(b"/DSS << /Certs [] /Foo 1 >>"), CHANGED, "no validation data"),
        "validation data in no streams": (catalog(b"/DSS << /Certs [(a)] >>"), CHANGED, "no validation data"),
        "extensions that are none": (catalog(b"/Extensions << /X << /JS (x) >> >>"), CHANGED, "the extensions"),
        "a version that is none": (catalog(b"/Version (x)"), CHANGED, "the PDF version"),
        "changed between two signatures": (
            signed(update(pdf, {5: BASE[19]}), "Ky2", clerk("Lê Văn C")),
            CHANGED,
            "the content of page 1 was changed",
        ),
        "changed and changed back": (
            update(signed(update(pdf, {5: BASE[19]}), "Ky2", clerk("Lê Văn C")), {5: BASE[5]}),
            CHANGED,
            "the content of page 1 was changed",
        ),
        "a signature nothing leads to": (
            update(document(), {30: text(pdf, number_with(pdf, b"/ByteRange"))}),
            "signature.absent",
            "",
        ),
        "a signature only a page leads to": (
            update(
                pdf,
                {10: form.replace(b" %d 0 R" % signature, b"")},
            ),
            "signature.absent",
            "",
        ),
        "pages in a circle": (update(pdf, {4: b"<< /Type /Pages /Kids [2 0 R] >>"}), "malformed", "circle"),
        "fields in a circle": (replaced(11, b"/FT /Tx", b"/FT /Tx /Kids [11 0 R]"), "malformed", ""),
        "references in a circle": (update(pdf, {10: b"10 0 R"}), "malformed", ""),
    }  # fmt: skip


HIDING = stream(b"\n5 0 obj\n" + BASE[19] + b"\nendobj\n")
"""Other content for page 1 where only a program that searches a damaged file for objects finds it."""


def differences() -> Mapping[str, Attack]:
    """What the parser here and those of viewers read in different ways: each shows another page 1 in some viewer."""
    loose = "viewers may read it in different ways"
    direct = dict(BASE)
    direct[3] = BASE[3].replace(b"7 0 R", BASE[7])
    pdf = signed(document(direct))
    page = text(pdf, 3)
    hidden = signed(document({**BASE, 18: HIDING}))
    nothing = update(hidden, {77: b"1"})
    table = nothing.rindex(b"\nxref")

    def listed(old: bytes, new: bytes) -> bytes:
        assert old in nothing[table:]
        return nothing[:table] + nothing[table:].replace(old, new)

    def rewritten(old: bytes, new: bytes) -> bytes:
        assert page.count(old) == 1, page
        return update(pdf, {3: page.replace(old, new)})

    ends = page[: page.index(b"/Annots")].rindex(b">>")
    return {
        "a page with another parent": (
            update(
                approved(),
                {
                    3: text(approved(), 3).replace(b"/Parent 2 0 R", b"/Parent 60 0 R"),
                    60: BASE[2].replace(b"/Count", b"/Rotate 180 /CropBox [0 0 50 50] /Count"),
                },
            ),
            CHANGED,
            "the place in the tree of page 1 was changed",
        ),
        "a bracket that is missing": (update(pdf, {3: page[:ends] + b">x" + page[ends + 2 :]}), CHANGED, loose),
        "a space that is none": (rewritten(b"5 0 R", b"5\x0b0\x0bR"), CHANGED, loose),
        "a comment in an object": (rewritten(b"/Contents", b"/Contents %\r"), CHANGED, loose),
        "a table with words in it": (listed(b"00000 n", b"00000 nx"), CHANGED, loose),
        "a table with short lines": (listed(b" \n", b"\n"), CHANGED, loose),
        "a trailer without a catalog": (listed(b"/Root", b"/Ro"), CHANGED, loose),
        "a row of an unknown kind": (_listed_in_rows(hidden, b"\x01", b"0"), CHANGED, loose),
        "rows of known kinds": (_listed_in_rows(hidden, b"\x01", b"\x01"), "ok", ""),
        "a number too large": (update(hidden, {2**31: b"1"}), CHANGED, "a number viewers do not take"),
        "a size too large": (
            nothing[:table] + re.sub(rb"/Size \d+", b"/Size 99999999999", nothing[table:]),
            CHANGED,
            "a number viewers do not take",
        ),
        "a place where nothing is": (update(hidden, places={90: 33}), CHANGED, "where it was not"),
        "the place of the list in a comment": (_commented(), CHANGED, "bytes that belong to no part"),
        "so much space that no list is found": (hidden + b" " * 1005 + b"\n", CHANGED, "belong to no part"),
        "linearized once it is long enough": (_linearized(), CHANGED, "the mark of a linearized file"),
        **{
            f"a reference written {written!r}": (update(_content_by(written), {5: BASE[19]}), "malformed", "")
            for written in (b"+5 0 R", b"5 0R", b"00000000000000005 0 R")
        },
    }


def _commented() -> bytes:
    """The number of a list that was hidden in a signed stream stands in a comment behind the newest end."""
    evil = b"\n5 0 obj\n" + BASE[19] + b"\nendobj\nxref\n5 1\n%010d 00000 n \n"
    evil += b"trailer\n<< /Size 40 /Root 1 0 R /Prev %010d >>\n"
    start = last = 0
    for _ in range(2):
        plain = document({**BASE, 21: stream(evil % (start, last))})
        start = plain.rindex(b"\n5 0 obj") + 1
        last = int(plain[plain.rindex(b"startxref") + 9 :].split()[0])
    return update(signed(plain), {77: b"1"}) + b"%%startxref %d \n" % (plain.index(b"\nxref\n5 1") + 1)


def _listed_in_rows(pdf: bytes, *kinds: bytes) -> bytes:
    """An update that says nothing new, with a cross-reference stream whose rows are of *kinds*."""
    places = (len(pdf), len(pdf) + len(b"77 0 obj\n1\nendobj\n"))
    rows = b"".join(kind + place.to_bytes(4) + b"\0\0" for kind, place in zip(kinds, places, strict=True))
    told = b"/Type /XRef /Size 201 /W [1 4 2] /Index [77 1 200 1] /Root 1 0 R /Info 15 0 R /Prev %d"
    last = int(pdf[pdf.rindex(b"startxref") + 9 :].split()[0])
    listed = b"200 0 obj\n%s\nendobj\nstartxref\n%d\n%%%%EOF\n" % (stream(rows, told % last), places[1])
    return pdf + b"77 0 obj\n1\nendobj\n" + listed


def _linearized() -> bytes:
    """A file that says it is linearized and 60 bytes longer than when it was signed; then it is."""

    def made(length: int) -> bytes:
        return signed(document({90: b"<< /Linearized 1 /L %010d /O 3 /N 2 >>" % length, **BASE}))

    length = len(made(0)) + 60
    pdf = made(length)
    return pdf + b" " * (length - len(pdf) - 1) + b"\n"


def _content_by(reference: bytes) -> bytes:
    page = BASE[3].replace(b"/Contents 5 0 R", b"/Contents 50 0 R")
    return signed(document({**BASE, 3: page, 50: b"[" + reference + b"]"}))


FAMILIES: Mapping[str, Callable[[], Mapping[str, Attack]]] = {
    "forgery": forgeries_of_the_sandbox,
    "USF": universal_forgeries,
    "ISA": incremental_savings,
    "SWA": wrappings,
    "shadow": shadows,
    "listing": listings,
    "certification": certifications,
    "difference": differences,
    "structure": structures,
}
family = functools.cache(lambda name: FAMILIES[name]())


@pytest.mark.parametrize("name", FAMILIES)
def test_every_attack_is_refused_for_its_reason(name: str) -> None:
    wrong = []
    for attack, (pdf, reason, words) in family(name).items():
        verdict = judged(pdf)
        said = " | ".join((verdict.detail, *verdict.later_changes))
        if (verdict.judgement is Judgement.VALID) != (reason == "ok") or verdict.reason != reason or words not in said:
            wrong.append(f"{attack}: {verdict.judgement} {verdict.reason} ({said})")
    assert not wrong, "\n".join(wrong)
