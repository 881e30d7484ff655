"""What signed PDFs show (Decree 30/2020/NĐ-CP, Annex I), measured on the pages as poppler renders them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from pades_sign_tools import (
    AGENCY,
    LETTER,
    NOW,
    Box,
    desk,
    ink,
    needs,
    pdf,
    pdfsig,
    picture,
    program,
    seal,
    signed,
    signed_letter,
    text,
    words,
)
from PIL import Image
from pyhanko.pdf_utils.reader import PdfFileReader

from gateway.errors import Refusal
from gateway.signing.pades.appearance import MM, Anchor, At, Corner, OverSigner, Personal, Seal, attachment, copy
from sandbox.pki.paper import typeset
from sandbox.pki.scribble import scribble
from sandbox.pki.typeface import default_typeface

A4 = "/MediaBox [0 0 595.28 841.89]"
SHEETS = {
    "a4": A4,
    "a3 landscape": "/MediaBox [0 0 1190.55 841.89]",
    "turned 90": "/MediaBox [0 0 841.89 595.28]/Rotate 90",
    "turned 180": A4 + "/Rotate 180",
    "turned -90": "/MediaBox [0 0 841.89 595.28]/Rotate -90",
    "cropped": "/MediaBox [-100 -50 700 900]/CropBox [-20 30 575.28 871.89]",
    "cropped and turned": "/MediaBox [-100 -50 900 700]/CropBox [-20 30 821.89 625.28]/Rotate 270",
    "upside-down box": "/MediaBox [595.28 841.89 0 0]",
}
LONG = "Ban Quản lý các khu công nghiệp và khu kinh tế cửa khẩu quốc tế Mộc Bài tỉnh Tây Ninh"


def seal_box(content: bytes, field: int = -1) -> Box:
    """The rectangle of a signature field, in the page's own coordinates."""
    reader = PdfFileReader(io.BytesIO(content))
    left, bottom, right, top = (float(edge) for edge in reader.embedded_signatures[field].sig_field["/Rect"])
    return left, bottom, right, top


def png(
    mode: str = "RGBA", size: tuple[int, int] = (300, 300), fill: object = (200, 0, 0, 0), **saved: object
) -> bytes:
    image = Image.new(mode, size, fill)  # type: ignore[arg-type]
    if mode == "RGBA" and size[0] > 100:
        image.paste((200, 0, 0, 255), (20, 20, 90, 90))
    target = io.BytesIO()
    image.save(target, "PNG", **saved)  # type: ignore[arg-type]
    return target.getvalue()


def test_the_seal_covers_the_left_third_of_the_signers_signature_at_its_height() -> None:
    content = signed(signed_letter(), appearance=Seal(seal()))
    signer, own = seal_box(content, 0), seal_box(content)
    assert own[2] == pytest.approx(signer[0] + (signer[2] - signer[0]) / 3, abs=0.1)
    assert (own[1] + own[3]) / 2 == pytest.approx((signer[1] + signer[3]) / 2, abs=0.1)
    assert own[2] - own[0] == pytest.approx(36 * MM, abs=0.2)
    assert own[3] - own[1] == pytest.approx(36 * MM, abs=0.2)


@needs("pdftoppm")
def test_the_seal_is_seen_in_its_real_size_and_leaves_two_thirds_of_the_signature_free(tmp_path: Path) -> None:
    page = picture(tmp_path, signed(signed_letter(), appearance=Seal(seal())), dpi=144)
    red, blue = ink(page, "red"), ink(page, "blue")
    assert (red[2] - red[0]) / 144 * 25.4 == pytest.approx(36, abs=0.8)
    assert (red[3] - red[1]) / 144 * 25.4 == pytest.approx(36, abs=0.8)
    assert blue[0] < red[2] < blue[0] + (blue[2] - blue[0]) / 2


@needs("pdftoppm")
@pytest.mark.parametrize("name", SHEETS)
def test_a_seal_stands_where_it_is_asked_for_whatever_the_page(tmp_path: Path, name: str) -> None:
    page = picture(tmp_path, signed(pdf(SHEETS[name]), appearance=Seal(seal(), At(1, 60, 100))), dpi=100)
    left, top, right, bottom = (edge / 100 * 25.4 for edge in ink(page, "red"))
    assert ((left + right) / 2, (top + bottom) / 2) == (pytest.approx(60, abs=0.5), pytest.approx(100, abs=0.5))
    assert (right - left, bottom - top) == (pytest.approx(35.6, abs=0.6), pytest.approx(36.4, abs=0.8))


@needs("pdftotext")
@pytest.mark.parametrize("name", SHEETS)
def test_the_corner_is_at_the_upper_right_of_the_page_as_it_is_shown(tmp_path: Path, name: str) -> None:
    content = signed(pdf(SHEETS[name]), appearance=copy("sao y", LONG, NOW))
    found, _, _ = words(tmp_path, content)
    shown = picture(tmp_path, content)
    assert [word.text for word in found][:2] == ["SAO", "Y"]
    black = ink(shown, "black")
    assert 20 < shown.width - black[2] < 40
    assert black[0] > shown.width * 0.3
    assert 10 < black[1] < 20
    assert black[3] < 20 * MM, "it stays above the document's own heading"


@needs("pdftotext")
def test_a_copy_says_its_form_the_agency_and_the_time_by_iso_8601(tmp_path: Path) -> None:
    said = text(tmp_path, signed(pdf(), appearance=copy("trích sao", AGENCY, NOW)))
    assert said.split("\n")[:3] == ["TRÍCH SAO", AGENCY, "Thời gian ký: 22/11/2026 08:00:05 +07:00"]


@needs("pdftotext")
def test_an_attachment_says_the_number_of_its_document_and_the_time(tmp_path: Path) -> None:
    said = text(tmp_path, signed(pdf(A4, A4), appearance=attachment("1234/UBND-KSTT", NOW)))
    assert said.split("\n")[:2] == ["Số: 1234/UBND-KSTT", "Thời gian ký: 22/11/2026 08:00:05 +07:00"]
    assert "UBND" not in said.split("\f")[1]


@needs("pdftotext")
def test_every_vietnamese_letter_is_read_back(tmp_path: Path) -> None:
    vowels = "aàáảãạăằắẳẵặâầấẩẫậeèéẻẽẹêềếểễệiìíỉĩịoòóỏõọôồốổỗộơờớởỡợuùúủũụưừứửữựyỳýỷỹỵđ"
    every = [vowels[at : at + 12] for at in range(0, len(vowels), 12)]
    lines = (*every, *(line.upper() for line in every))
    assert text(tmp_path, signed(pdf(), appearance=Corner(lines))).split() == list(lines)


@needs("pdftotext")
def test_text_that_comes_decomposed_is_composed(tmp_path: Path) -> None:
    import unicodedata

    said = text(tmp_path, signed(pdf(), appearance=copy("SAO Y", unicodedata.normalize("NFD", AGENCY), NOW)))
    assert AGENCY in said


@needs("pdftotext")
def test_letters_have_the_width_of_times_new_roman_at_size_10(tmp_path: Path) -> None:
    found, _, _ = words(tmp_path, signed(pdf(), appearance=Corner(("HHHHHHHHHH",))))
    assert found[0].right - found[0].left == pytest.approx(10 * 10 * 1479 / 2048, abs=0.1)


@needs("pdffonts")
def test_the_font_is_embedded_as_a_subset_with_its_unicode_map(tmp_path: Path) -> None:
    path = tmp_path / "fonts.pdf"
    path.write_bytes(signed(pdf(), appearance=attachment("1/A", NOW)))
    line = program("pdffonts", path).splitlines()[2].split()
    assert line[0].endswith("+LiberationSerif-Identity-H"[:-11]) or "LiberationSerif" in line[0]
    assert line[-5:-2] == ["yes", "yes", "yes"]


@needs("pdftotext")
@pytest.mark.parametrize("agency", [LONG, LONG * 4, "Ủybannhândân" * 40])
def test_a_long_name_wraps_and_nothing_leaves_the_page(tmp_path: Path, agency: str) -> None:
    content = signed(pdf("/MediaBox [0 0 420 595]"), appearance=copy("SAO LỤC", agency, NOW))
    found, width, height = words(tmp_path, content)
    assert "".join(word.text for word in found) == "".join(
        f"SAO LỤC {agency} Thời gian ký: 22/11/2026 08:00:05 +07:00".split()
    )
    assert min(word.left for word in found) >= 0
    assert max(word.right for word in found) <= width
    assert max(word.bottom for word in found) <= height
    left, bottom, right, _ = seal_box(content)
    assert all(left <= word.left and word.right <= right for word in found), "no viewer cuts a letter"
    assert height - bottom >= max(word.bottom for word in found) - 3


def test_a_page_too_small_for_the_text_is_refused() -> None:
    with pytest.raises(Refusal) as refused:
        signed(pdf("/MediaBox [0 0 20 20]"), appearance=copy("SAO Y", LONG, NOW))
    assert refused.value.code == "sign.place"


@pytest.mark.parametrize("line", ["", "  ", "机构"])
def test_text_without_letters_of_ours_is_refused(line: str) -> None:
    with pytest.raises(Refusal) as refused:
        signed(pdf(), appearance=Corner((line,)))
    assert refused.value.code == "sign.text"


def test_a_second_corner_does_not_cover_the_first() -> None:
    once = signed(pdf(), appearance=attachment("12/UBND-VP", NOW))
    twice = signed(once, appearance=copy("SAO Y", "Sở Công Thương", NOW))
    first, second = seal_box(twice, 0), seal_box(twice, 1)
    assert second[2] <= first[0] or second[3] <= first[1]
    assert second[0] > 0


@needs("pdftoppm")
def test_a_persons_signature_stands_between_title_and_name(tmp_path: Path) -> None:
    paper = typeset(LETTER, default_typeface())
    target = io.BytesIO()
    scribble(LETTER.signer).save(target, "PNG", dpi=(305, 305))
    content = signed(paper.content, appearance=Personal(target.getvalue(), Anchor("nguyễn văn a")))
    found, _, _ = words(tmp_path, content)
    title = next(word for word in found if word.text == "GIÁM")
    name = [word for word in found if word.text in ("Nguyễn", "A")]
    left, _, right, bottom = ink(picture(tmp_path, content), "blue")
    assert title.bottom < bottom < name[0].top + 3
    assert (left + right) / 2 == pytest.approx((name[0].left + name[-1].right) / 2, abs=8)


def test_without_a_signed_field_the_seal_goes_by_the_printed_name_of_the_signer() -> None:
    paper = typeset(LETTER, default_typeface())
    by_name = seal_box(signed(paper.content, appearance=Seal(seal(), Anchor(LETTER.signer))))
    by_field = seal_box(signed(signed_letter(), appearance=Seal(seal())))
    assert by_name == pytest.approx(by_field, abs=12)


def test_of_several_pages_the_last_one_with_the_name_is_taken() -> None:
    from dataclasses import replace

    long = typeset(replace(LETTER, paragraphs=["Đồng chí Nguyễn Văn A chủ trì. " * 25] * 12), default_typeface())
    reader = PdfFileReader(io.BytesIO(signed(long.content, appearance=Seal(seal(), Anchor("Nguyễn Văn A")))))
    field = reader.embedded_signatures[0].sig_field
    pages = reader.root["/Pages"]["/Kids"]
    assert field.raw_get("/P").reference == pages.raw_get(long.page).reference


@pytest.mark.parametrize("place", [OverSigner(), OverSigner("KhongCo"), Anchor("Lê Thị B"), At(9, 50, 50), At(1, 2, 2)])
def test_without_a_place_nothing_is_signed(place: OverSigner | Anchor | At) -> None:
    with pytest.raises(Refusal) as refused:
        signed(desk() and typeset(LETTER, default_typeface()).content, appearance=Seal(seal(), place))
    assert refused.value.code == "sign.place"


@pytest.mark.parametrize(
    "image",
    [
        b"",
        b"not a picture",
        seal()[: len(seal()) // 2],
        png("RGB", fill=(200, 0, 0), dpi=(300, 300)),
        png(fill=(200, 0, 0, 255), dpi=(300, 300)),
        png(),
        png(dpi=(20, 20)),
        png(size=(9000, 20), dpi=(300, 300)),
        png(size=(20, 20), dpi=(300, 300)),
    ],
    ids=["empty", "garbage", "cut", "no alpha", "opaque", "no size", "far too large", "too many pixels", "invisible"],
)
def test_an_image_that_cannot_be_a_seal_is_refused(image: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        signed(pdf(), appearance=Seal(image, At(1, 50, 50)))
    assert refused.value.code == "sign.image"


def test_a_given_width_counts_where_the_png_states_none() -> None:
    left, _, right, _ = seal_box(signed(pdf(), appearance=Seal(png(), At(1, 50, 50), millimetres=38)))
    assert right - left == pytest.approx(38 * MM, abs=0.01)


@needs("pdfsig")
def test_an_invisible_signature_shows_nothing(tmp_path: Path) -> None:
    before = picture(tmp_path, signed_letter()).tobytes()
    content = signed(signed_letter())
    assert picture(tmp_path, content).tobytes() == before
    assert pdfsig(tmp_path, content) == ["Signature is Valid"] * 2
