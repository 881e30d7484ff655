"""Signed papers of the simulated systems: what poppler reads, shows and verifies, and what forgers make of them."""

from __future__ import annotations

import functools
import io
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from PIL import Image
from pki_tools import NOW, needs, run
from pyhanko.keys import load_cert_from_pemder
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko_certvalidator import ValidationContext

from sandbox.edxml import Organ
from sandbox.pki.desk import AMOUNT, Desk
from sandbox.pki.forgery import NoSum, forge
from sandbox.pki.hierarchy import Hierarchy
from sandbox.pki.paper import Letter, seal_box, typeset
from sandbox.pki.scribble import scribble
from sandbox.pki.seal import seal_png
from sandbox.pki.sheet import MM
from sandbox.pki.typeface import default_typeface
from sandbox.writing import Draft

FORGERIES = ("amount_changed", "page_added", "overlay", "byte_range", "copied_signature", "tampered")
FORGED = AMOUNT.replace("1", "5", 1)
DRAFT = Draft(
    sender=Organ("H53.02", "Sở Công Thương"),
    recipients=(Organ("000.00.00.G22", "Văn phòng Chính phủ"), Organ("000.00.00.G09", "Bộ Nội vụ")),
    number="1234",
    notation="SCT-VP",
    subject="V/v bố trí kinh phí kết nối Trục liên thông văn bản quốc gia",
    promulgated="2026/11/20",
    place="Tây Ninh",
    signer="Trần Thị Bích Ngọc",
    position="Giám đốc",
)
LETTER = Letter(
    "Sở Công Thương", "7", "SCT", "đường sắt", date(2026, 11, 2), ["Bộ Nội vụ"], ["Kính gửi quý cơ quan./."] * 3
)


@functools.cache
def hierarchy() -> Hierarchy:
    return Hierarchy("http://127.0.0.1:1", lambda: NOW)


@functools.cache
def desk() -> Desk:
    return Desk(hierarchy())


@functools.cache
def paper() -> bytes:
    return desk().files(DRAFT)[0].content


@functools.cache
def forgeries() -> dict[str, bytes]:
    return dict(forge(paper()))


async def text(folder: Path, pdf: bytes, *options: str) -> str:
    path = folder / "read.pdf"
    path.write_bytes(pdf)
    code, said = await run("pdftotext", *options, path, "-")
    assert code == 0, said
    return said


async def signatures(folder: Path, pdf: bytes) -> list[str]:
    """What poppler says of each signature's arithmetic, without the chain."""
    path = folder / "signed.pdf"
    path.write_bytes(pdf)
    _, said = await run("pdfsig", "-nocert", path)
    return re.findall(r"Signature Validation: (.*)\.", said)


async def picture(folder: Path, pdf: bytes, page: int = 1) -> Image.Image:
    path = folder / "shown.pdf"
    path.write_bytes(pdf)
    number = str(page)
    code, said = await run(
        "pdftoppm", "-r", "72", "-png", "-f", number, "-l", number, "-singlefile", path, folder / "x"
    )
    assert code == 0, said
    with Image.open(folder / "x.png") as image:
        return image.convert("RGB")


def ink(image: Image.Image, box: tuple[float, float, float, float], is_ink: Callable[[int, int, int], bool]) -> int:
    """How many pixels of one colour a box of the page (points from the lower left) holds."""
    left, bottom, right, top = (round(edge) for edge in box)
    area = image.crop((left, image.height - top, right, image.height - bottom))
    return sum(is_ink(*area.getpixel((x, y))) for x in range(area.width) for y in range(area.height))  # type: ignore[misc]


def red(r: int, g: int, b: int) -> bool:
    return r > 150 and g < 120 and b < 120


def blue(r: int, g: int, b: int) -> bool:
    return b > 120 and r < 120 and g < 130


@needs("pdftotext")
async def test_the_paper_reads_as_the_decree_lays_it_out(tmp_path: Path) -> None:
    said = await text(tmp_path, paper(), "-layout")
    lines = [re.sub(r"\s+", " ", line).strip() for line in said.splitlines()]
    assert lines[0] == "UBND TỈNH TÂY NINH CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"
    assert lines[1] == "SỞ CÔNG THƯƠNG Độc lập - Tự do - Hạnh phúc"
    assert "Số: 1234/SCT-VP Tây Ninh, ngày 20 tháng 11 năm 2026" in lines
    assert any(line.startswith("V/v bố trí kinh phí kết nối") for line in lines)
    assert "- Văn phòng Chính phủ;" in lines
    assert "- Bộ Nội vụ." in lines
    assert f"Kinh phí thực hiện là {AMOUNT} đồng" in " ".join(lines)
    assert "Trần Thị Bích Ngọc" in lines


@needs("pdfsig")
async def test_signer_and_organisation_have_signed_in_this_order(tmp_path: Path) -> None:
    assert await signatures(tmp_path, paper()) == ["Signature is Valid", "Signature is Valid"]
    found = PdfFileReader(io.BytesIO(paper())).embedded_signatures
    assert [each.signer_cert.subject.native["common_name"] for each in found] == [
        "Trần Thị Bích Ngọc",
        "Sở Công Thương",
    ]
    assert [str(each.sig_object["/SubFilter"]) for each in found] == ["/ETSI.CAdES.detached"] * 2


def test_pyhanko_finds_chain_and_time_stamp_sound_under_the_government_root_only(tmp_path: Path) -> None:
    pdf = desk().signed(replace(LETTER, amount=""))
    hierarchy().write_trust(tmp_path)
    for root, trusted in (("government-root", True), ("root", False)):
        anchor = load_cert_from_pemder(str(tmp_path / f"{root}.pem"))
        context = ValidationContext(trust_roots=[anchor], moment=NOW, revocation_mode="soft-fail")
        status = validate_pdf_signature(PdfFileReader(io.BytesIO(pdf)).embedded_signatures[0], context, context)
        assert status.intact
        assert status.valid
        assert status.trusted is trusted
        assert status.timestamp_validity is not None
        assert status.timestamp_validity.trusted is trusted
        assert status.timestamp_validity.timestamp == NOW


@needs("pdftoppm")
async def test_the_seal_is_red_over_the_left_third_of_a_blue_signature(tmp_path: Path) -> None:
    set_type = typeset(LETTER, default_typeface())
    box = set_type.signature
    assert ink(await picture(tmp_path, set_type.content), box, blue) == 0
    page = await picture(tmp_path, desk().signed(LETTER, sealed=True))
    third = box[0] + (box[2] - box[0]) / 3
    assert ink(page, box, blue) > 100
    assert ink(page, seal_box(box), red) > 300
    assert ink(page, (third - 6, box[1], third + 1, box[3]), red) > 20
    assert ink(page, (third + 2, box[1] - 20, box[2], box[3] + 20), red) == 0


@needs("pdftotext")
async def test_a_long_letter_turns_its_page_numbers_it_and_keeps_the_closing_together(tmp_path: Path) -> None:
    long = typeset(replace(LETTER, paragraphs=["Nội dung dài. " * 30] * 12), default_typeface())
    assert long.page == 2
    pages = (await text(tmp_path, long.content)).split("\f")
    assert [page.strip().splitlines()[0] for page in pages[1:3]] == ["2", "3"]
    assert "Nguyễn Văn A" in pages[2]
    assert "GIÁM ĐỐC" in pages[2]


@needs("pdftotext")
async def test_a_report_has_its_kind_for_a_title(tmp_path: Path) -> None:
    said = await text(tmp_path, typeset(replace(LETTER, kind="Báo cáo"), default_typeface()).content)
    assert "BÁO CÁO\n" in said
    assert "V/v" not in said


def test_a_paper_can_be_made_large() -> None:
    files = desk().files(DRAFT, count=2, size=300_000)
    assert [file.name for file in files] == ["van-ban-1.pdf", "van-ban-2.pdf"]
    assert all(len(file.content) > 300_000 for file in files)


def test_a_desk_leaves_a_draft_with_files_alone() -> None:
    attached = desk().attached(DRAFT)
    assert attached.files[0].content.startswith(b"%PDF-1.7")
    assert desk().attached(attached) is attached


@needs("pdftotext")
@pytest.mark.parametrize("name", ["amount_changed", "overlay", "byte_range", "copied_signature", "tampered"])
async def test_a_forgery_shows_another_sum(tmp_path: Path, name: str) -> None:
    assert FORGED not in await text(tmp_path, paper())
    assert FORGED in await text(tmp_path, forgeries()[name])


@needs("pdfsig")
async def test_the_forgeries_fool_arithmetic_as_far_as_they_claim(tmp_path: Path) -> None:
    valid, broken = "Signature is Valid", "Digest Mismatch"
    claimed = {
        "amount_changed": [valid, valid],
        "page_added": [valid, valid],
        "overlay": [valid, valid],
        "byte_range": [valid, valid],
        "copied_signature": [broken],
        "tampered": [broken, broken],
    }
    assert {name: await signatures(tmp_path, pdf) for name, pdf in forgeries().items()} == claimed


@pytest.mark.parametrize("name", ["amount_changed", "page_added", "overlay"])
def test_an_incremental_forgery_leaves_every_signed_byte_in_place(name: str) -> None:
    assert forgeries()[name].startswith(paper())


def test_an_added_page_is_there() -> None:
    count = [
        int(PdfFileReader(io.BytesIO(pdf)).root["/Pages"]["/Count"]) for pdf in (paper(), forgeries()["page_added"])
    ]
    assert count == [1, 2]


@needs("pdftoppm")
async def test_a_copied_signature_looks_like_the_real_one(tmp_path: Path) -> None:
    widget = PdfFileReader(io.BytesIO(paper())).embedded_signatures[0].sig_field
    left, bottom, right, top = (float(edge) for edge in widget["/Rect"])
    page = await picture(tmp_path, forgeries()["copied_signature"])
    assert ink(page, (left, bottom, right, top), blue) > 100


def test_there_is_nothing_to_forge_in_an_unsigned_paper_or_one_without_a_sum() -> None:
    for pdf in (typeset(replace(LETTER, amount=AMOUNT), default_typeface()).content, desk().signed(LETTER)):
        with pytest.raises(NoSum):
            forge(pdf)


@pytest.mark.parametrize("diameter", [36.0, 38.0])
def test_a_seal_is_a_red_picture_in_its_real_size_on_transparent_ground(diameter: float) -> None:
    png = seal_png("Sở Công Thương", "Ủy ban nhân dân tỉnh Tây Ninh", default_typeface(), diameter)
    with Image.open(io.BytesIO(png)) as image:
        assert image.mode == "RGBA"
        assert image.width == image.height == round(diameter / 25.4 * 300)
        assert round(image.info["dpi"][0]) == 300
        assert image.getpixel((2, 2))[3] == 0  # type: ignore[index]
        drawn = [pixel for pixel in image.get_flattened_data() if pixel[3] > 128]
        assert len(drawn) > 10_000
        assert {pixel[:3] for pixel in drawn} == {(206, 24, 32)}


@pytest.mark.parametrize("agency", ["Sở X", "Ban Quản lý các khu công nghiệp và khu kinh tế cửa khẩu quốc tế Mộc Bài"])
def test_a_name_of_any_length_stays_within_the_inner_circle(agency: str) -> None:
    with Image.open(io.BytesIO(seal_png(agency, "", default_typeface()))) as image:
        side, middle = image.width, image.width / 2
        ring = [
            image.getpixel((x, y))[3]  # type: ignore[index]
            for x in range(side)
            for y in range(side)
            if 0.315 * side < ((x - middle) ** 2 + (y - middle) ** 2) ** 0.5 < 0.325 * side
        ]
    assert max(ring) < 16  # nothing but the shadow of the circle itself


def test_a_scribble_is_a_persons_own_and_fits_its_box() -> None:
    first, again, other = scribble("Nguyễn Văn A"), scribble("Nguyễn Văn A"), scribble("Lê Thị B")
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()
    assert first.size[0] / 300 * 25.4 * MM == pytest.approx(46 * MM, rel=0.02)


@pytest.mark.parametrize("name", [None, *FORGERIES])
def test_pyhanko_accepts_the_paper_and_none_of_its_forgeries(tmp_path: Path, name: str | None) -> None:
    hierarchy().write_trust(tmp_path)
    anchor = load_cert_from_pemder(str(tmp_path / "government-root.pem"))
    context = ValidationContext(trust_roots=[anchor], moment=NOW, revocation_mode="soft-fail")
    pdf = forgeries()[name] if name else paper()
    last = PdfFileReader(io.BytesIO(pdf)).embedded_signatures[-1]
    try:
        accepted = validate_pdf_signature(last, context, context).bottom_line
    except SignatureValidationError:
        accepted = False
    assert accepted is (name is None)
