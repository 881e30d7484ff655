"""Whatever bytes come, a verdict comes back soon, and never a wrong "valid"."""

from __future__ import annotations

import functools
import random
import time
import zlib
from collections.abc import Callable, Mapping

import pytest
from pades_papers import BASE, approved, document, judged, packed, sealed, signed, stream, text, update

from gateway.model.verdict import Judgement
from gateway.signing.pades import certificates
from gateway.signing.pades.revision import Revision
from gateway.signing.pades.tail import stray

SECONDS = 4.0
"""Twice what the promise is, for a machine that does other things too."""


def deep(kind: bytes, end: bytes) -> bytes:
    return update(approved(), {30: kind * 20_000 + end * 20_000})


def chain_of_updates(count: int) -> bytes:
    pdf = approved()
    for _ in range(count):
        pdf = update(pdf, {18: b"(kept in reserve)"})
    return pdf


def bombed() -> bytes:
    """A signed document whose catalog is in an object stream that unpacks to a thousand times its size."""
    packer = zlib.compressobj(9)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(100)) + packer.flush()
    return update(approved(), {9: stream(bomb, b"/Type /ObjStm /N 1 /First 4 /Filter /FlateDecode")})


HOSTILE: Mapping[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "one byte": lambda: b"%",
    "a header": lambda: b"%PDF-1.7\n",
    "another file": lambda: b"PK\3\4" + bytes(2000),
    "zeros": lambda: bytes(100_000),
    "a header and zeros": lambda: b"%PDF-1.7\n" + bytes(100_000) + b"\nstartxref\n9\n%%EOF\n",
    "percent signs": lambda: b"%PDF-1.7\n" + b"%" * 200_000,
    "starts of objects": lambda: b"%PDF-1.7\n" + b"1 0 obj <<" * 20_000 + b"\nstartxref\n9\n%%EOF\n",
    "a table of nothing": lambda: b"%PDF-1.7\nxref\n0 999999999\ntrailer\n<<>>\nstartxref\n9\n%%EOF\n",
    "a table that leads to itself": lambda: (
        b"%PDF-1.7\nxref\n0 1\n0000000000 65535 f \ntrailer\n<< /Size 1 /Root 1 0 R /Prev 9 >>\nstartxref\n9\n%%EOF\n"
    ),
    "nested arrays": lambda: deep(b"[", b"]"),
    "nested dictionaries": lambda: deep(b"<</A", b">>"),
    "nested arrays in the form": lambda: update(approved(), {10: b"<< /Fields " + b"[" * 5000 + b"]" * 5000 + b" >>"}),
    "an endless comment": lambda: update(approved(), {10: b"%" + b"a" * 100_000}),
    "a comment at the end": lambda: approved() + b"7 0 obj %",
    "many updates": lambda: chain_of_updates(60),
    "a bomb": bombed,
    "kids of themselves": lambda: update(approved(), {2: b"<< /Type /Pages /Kids [2 0 R 2 0 R] >>"}),
    "very many pages": lambda: update(approved(), {2: b"<< /Type /Pages /Kids [" + b"3 0 R " * 60_000 + b"] >>"}),
    "very many fields": lambda: update(
        approved(), {10: b"<< /Fields [" + b"".join(b"<< /T (%d) >>" % each for each in range(20_500)) + b"] >>"}
    ),
    "a huge number": lambda: update(approved(), {18: b"9" * 50_000}),
    "a number with two points": lambda: update(approved(), {10: b"1.2.3"}),
    "a form that is no dictionary": lambda: update(approved(), {10: b"[1 2 3]"}),
    "pages that are none": lambda: update(approved(), {2: b"(pages)"}),
    "annotations that are none": lambda: update(
        approved(), {3: text(approved(), 3).replace(b"/Annots", b"/Annots (x) /Ignored")}
    ),
    "an identifier that is none": lambda: update(approved(), {}, trailer=b"/ID [] "),
    "information that is none": lambda: update(approved(), {15: b"[1]"}),
    "an unknown filter": lambda: update(approved(), {9: stream(b"x", b"/Type /ObjStm /N 1 /First 0 /Filter /Foo")}),
    "a negative length": lambda: update(approved(), {9: b"<< /Length -5 >>\nstream\nabc\nendstream"}),
    "an object stream of itself": lambda: packed().replace(b"/Type /ObjStm", b"/Type /ObjStX"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bytes_get_a_verdict_in_time(name: str) -> None:
    pdf = HOSTILE[name]()
    started = time.process_time()
    verdict = judged(pdf)
    certificates(pdf)
    assert time.process_time() - started < SECONDS
    if name != "many updates":
        assert verdict.judgement is not Judgement.VALID


@pytest.mark.parametrize("length", [0.01, 0.2, 0.4, 0.6, 0.8, 0.9, 0.97, 0.99, 0.999])
def test_a_file_that_was_cut_off_is_not_valid(length: float) -> None:
    for pdf in (approved(), sealed(), signed(packed())):
        verdict = judged(pdf[: int(len(pdf) * length)])
        assert verdict.judgement in (Judgement.MALFORMED, Judgement.INVALID), verdict


signed_packed = functools.cache(lambda: signed(packed()))


@pytest.mark.parametrize("seed", range(4))
def test_no_changed_byte_is_signed(seed: int) -> None:
    """One byte of the covered ones is another: whatever is said, it is not valid, and nothing is raised."""
    chance = random.Random(seed)
    for _ in range(60):
        pdf = bytearray(chance.choice((approved(), signed_packed())))
        gap = pdf.rindex(b"/Contents")
        place = chance.randrange(len(pdf))
        if pdf[place : place + 1] in b"0123456789abcdefABCDEF" and gap < place < gap + 16_000:
            continue  # a digit of the signature may be another letter case; its value is the next test's
        pdf[place] ^= 1 << chance.randrange(8)
        assert judged(bytes(pdf)).judgement is not Judgement.VALID, place


def test_no_changed_digit_of_the_signature_signs_other_bytes() -> None:
    """Certificates beside the signer's may change; what was signed, and by whom, may not."""
    pdf = approved()
    right = judged(pdf)
    begin = pdf.rindex(b"/Contents <") + len("/Contents <")
    for place in range(begin, begin + 4000, 97):
        verdict = judged(pdf[:place] + (b"0" if pdf[place : place + 1] != b"0" else b"1") + pdf[place + 1 :])
        assert verdict.judgement is not Judgement.VALID or verdict == right, place


def test_an_object_on_the_line_of_the_end_mark_is_seen() -> None:
    """`%%EOF` opens a comment for those who look for comments; for those who look for objects it does not."""
    first = document().rstrip()
    grown = first + b"5 0 obj\n" + BASE[19] + b"\nendobj\n" + first[first.rindex(b"startxref") :] + b"\n"
    assert "belong to no part" in stray(Revision(grown), Revision(first))
    assert stray(Revision(update(document(), {5: BASE[19]})), Revision(document())) == ""
