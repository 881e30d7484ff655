"""Markings of state secrets are recognised where they stand, in any bytes; ordinary words like them are not."""

from __future__ import annotations

import base64
import io
import json
import unicodedata
import zipfile
from pathlib import Path
from typing import Any

import pytest

import adapters.rest
import adapters.vxp
from gateway.errors import Refusal
from gateway.intake import legible
from gateway.intake.secrecy import Secrecy, SecrecySettings, Secret
from gateway.model.document import Attachment, Document, Organization

VECTORS = Path(__file__).parents[1] / "vectors" / "edxml"
RULES = Secrecy()


def rule_of(raw: bytes, *, unreadable: bool = False, rules: Secrecy = RULES) -> str:
    """The rule *raw* meets, "" if none."""
    try:
        rules.examine(raw, unreadable=unreadable)
    except Secret as secret:
        return secret.rule
    return ""


def content_rule_of(document: Document) -> str:
    try:
        RULES.examine_content(document, b"raw")
    except Secret as secret:
        return secret.rule
    return ""


def made(**more: Any) -> Document:
    return Document(Organization("H53.01"), (Organization("G22"),), "1", **more)


def element(name: str, value: str) -> bytes:
    return f"<edXML:edXML><edXML:{name}>{value}</edXML:{name}></edXML:edXML>".encode()


def zipped(*names: str, content: bytes = b"x" * 100) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, content)
    return whole.getvalue()


MARKED_SUBJECTS = [
    "MẬT: Kế hoạch phòng thủ khu vực",
    "(TỐI MẬT) Phương án A2",
    "V/v phương án tác chiến - TUYỆT MẬT",
    "Công văn MẬT số 12",
    "Kế hoạch (Mật)",
    "Phương án [tối mật]",
    "Báo cáo. Độ mật: Tối mật",
    "M Ậ T - Báo cáo",
    "Quy chế BẢO MẬT, độ TỐI MẬT",
    "KẾ HOẠCH BẢO MẬT (MẬT)",
    "TÀI LIỆU MẬT",
    "TUYỆT\u00a0MẬT",
    "M\u200bẬT: phương án",
    unicodedata.normalize("NFD", "TỐI MẬT"),
]
OPEN_SUBJECTS = [
    "V/v phát triển nghề nuôi ong lấy mật ong",
    "SẢN PHẨM MẬT ONG RỪNG U MINH",
    "V/v tăng cường bảo mật hệ thống thông tin",
    "QUY CHẾ BẢO MẬT",
    "TẬP HUẤN BẢO VỆ BÍ MẬT NHÀ NƯỚC",
    "V/v đổi mật khẩu thư công vụ",
    "HƯỚNG DẪN ĐẶT MẬT KHẨU",
    "MẬT ĐỘ DÂN SỐ NĂM 2026",
    "V/v giải mật tài liệu lưu trữ",
    "V/v mật độ xây dựng khu đô thị",
    "HỘI NGHỊ NGOẠI KHOA GAN MẬT",
    "BAN CƠ YẾU: MẬT MÃ DÂN SỰ",
    "MẶT TRẬN TỔ QUỐC VIỆT NAM",
    "MẤT CON DẤU",
    "LỄ RA MẮT SÁCH",
    "Danh mục bí mật nhà nước độ Tối mật",
    "THÔNG BÁO",
]


@pytest.mark.parametrize("subject", MARKED_SUBJECTS)
def test_a_marking_in_the_subject_is_recognised_in_every_form_it_travels_in(subject: str) -> None:
    escaped = "".join(f"&#x{ord(letter):x};" for letter in subject)
    assert rule_of(element("Subject", subject)) in ("text:Subject", "label")
    assert rule_of(element("Subject", escaped)) in ("text:Subject", "label")
    assert rule_of(element("Subject", f"<![CDATA[{subject}]]>")) in ("text:Subject", "label")
    assert rule_of(element("Subject", subject).decode().encode("utf-16")) in ("text:Subject", "label")
    for ascii_only in (True, False):
        assert rule_of(json.dumps({"subject": subject}, ensure_ascii=ascii_only).encode()) in ("text:Subject", "label")
    assert content_rule_of(made(subject=unicodedata.normalize("NFC", subject))) in ("text:Subject", "label")


@pytest.mark.parametrize("subject", OPEN_SUBJECTS)
def test_ordinary_words_with_that_syllable_are_no_marking(subject: str) -> None:
    assert rule_of(element("Subject", subject)) == ""
    assert rule_of(json.dumps({"subject": subject}).encode()) == ""
    assert rule_of(element("Subject", subject), unreadable=True) == ""
    assert content_rule_of(made(subject=subject)) == ""


@pytest.mark.parametrize("value", ["MẬT", "Tối mật", "tuyệt mật", "Độ mật: Mật", "[TỐI MẬT]", "toi_mat", "TUYET MAT"])
@pytest.mark.parametrize("name", ["SphereOfPromulgation", "TypeName", "ToPlaces", "Appendix", "DoMat", "Format"])
def test_a_field_that_says_nothing_but_a_grade_is_a_marking_whatever_its_name(name: str, value: str) -> None:
    assert rule_of(element(name, value)) == "label"


@pytest.mark.parametrize("value", ["Mật độ", "bảo mật", "MAT", "Nguyễn Văn Mật", "Hỏa tốc", "Bí mật", "Mặt"])
def test_a_field_that_says_more_or_something_else_is_none(value: str) -> None:
    assert rule_of(element("FullName", value)) == ""
    assert rule_of(element("SphereOfPromulgation", value)) == ""


MARKED_NAMES = [
    "MẬT.pdf",
    "12-MẬT.pdf",
    "Công văn (MẬT).docx",
    "cong van (mật).docx",
    "KH_TỐI MẬT_2026.pdf",
    "phương án tuyệt mật.pdf",
    "MAT.pdf",
    "15-CV-MAT.pdf",
    "123_MAT_signed.pdf",
    "MAT-123.pdf",
    "TOIMAT.pdf",
    "KH-TOIMAT-2026.pdf",
    "PA TUYETMAT.pdf",
    "tuyet-mat.pdf",
    "phuong-an(MAT).pdf",
    "TOI-MAT-15.pdf",
    "MẬT/phuong-an.pdf",
    unicodedata.normalize("NFD", "12-MẬT.pdf"),
]
OPEN_NAMES = [
    "giai-phong-mat-bang.pdf",
    "GIAI-PHONG-MAT-BANG.pdf",
    "MAT-TRAN-TO-QUOC.pdf",
    "CHI-TIEN-MAT.pdf",
    "THU-MOI-GAP-MAT.pdf",
    "LE-RA-MAT.pdf",
    "BAO-MAT.pdf",
    "quy-che-bao-mat.pdf",
    "QUY CHẾ BẢO MẬT.pdf",
    "bao-ve-BI-MAT-nha-nuoc.pdf",
    "mật ong.pdf",
    "DANH SÁCH CÓ MẶT.xlsx",
    "FORMAT.docx",
    "MATRAN.pdf",
    "TOMTAT.pdf",
    "data.mat",
    "tieu-chuan-mat-do.pdf",
    "cong-van.pdf",
    "doi-mat-khau.pdf",
]


@pytest.mark.parametrize("name", MARKED_NAMES)
def test_a_marked_file_name_is_recognised_in_xml_json_a_form_a_zip_and_content(name: str) -> None:
    file = {"name": name, "content": "JVBERi0xLjQK"}
    form = f'--b\r\nContent-Disposition: form-data; name="edocFile"; filename="{name}"\r\n\r\n<edXML/>\r\n--b--'
    archive = base64.b64encode(zipped("a.pdf", name, content=bytes(range(256)) * 8))
    assert rule_of(element("AttachmentName", name)) == "file_name"
    assert rule_of(json.dumps({"attachments": [file]}).encode()) == "file_name"
    assert rule_of(form.encode()) == "file_name"
    assert content_rule_of(made(attachments=(Attachment(name, b"x"),))) == "file_name"
    assert content_rule_of(made(attachments=(Attachment("a.zip", zipped(name)),))) == "zip_entry_name"
    assert rule_of(b"<a>" + archive + b"</a>", unreadable=True) == "zip_entry_name"
    assert rule_of(zipped(name), unreadable=True) == "zip_entry_name"


@pytest.mark.parametrize("name", OPEN_NAMES)
def test_an_ordinary_file_name_is_none(name: str) -> None:
    assert rule_of(element("AttachmentName", name)) == ""
    assert rule_of(json.dumps({"attachments": [{"name": name, "content": ""}]}).encode()) == ""
    assert rule_of(zipped(name), unreadable=True) == ""


@pytest.mark.parametrize("value", ["mat", "toi_mat", "tuyet_mat", "MAT", "secret", "", 2, None, ["mat"], {"a": 1}])
def test_any_other_confidentiality_than_normal_is_a_marking(value: object) -> None:
    assert rule_of(json.dumps({"subject": "x", "confidentiality": value}).encode()) == "grade:confidentiality"
    spelled = json.dumps({"confidentiality": value}).replace("confid", "\\u0063onfid")
    assert rule_of(spelled.encode()) == "grade:confidentiality"


@pytest.mark.parametrize("more", [{}, {"confidentiality": "normal"}])
def test_a_document_of_normal_confidentiality_is_open(more: dict[str, str]) -> None:
    assert rule_of(json.dumps({"subject": "x", **more}).encode()) == ""


def test_the_json_codec_takes_the_four_grades_and_keeps_none_in_the_content() -> None:
    document = {"document_id": "1", "from": {"organ_id": "H53"}, "to": [{"organ_id": "G22"}], "subject": "x"}
    plain = adapters.rest.decode(json.dumps(document).encode()).content
    for grade in ("normal", "mat", "toi_mat", "tuyet_mat"):
        assert adapters.rest.decode(json.dumps({**document, "confidentiality": grade}).encode()).content == plain
    with pytest.raises(Refusal) as refused:
        adapters.rest.decode(json.dumps({**document, "confidentiality": "secret"}).encode())
    assert (refused.value.code, refused.value.where) == ("json.value", "/confidentiality")


@pytest.mark.parametrize("vector", sorted(VECTORS.glob("*.xml")), ids=lambda path: path.name)
def test_no_sample_of_the_axis_is_taken_for_a_secret(vector: Path) -> None:
    raw = vector.read_bytes()
    assert rule_of(raw) == ""
    assert rule_of(raw, unreadable=True) == ""


def package(subject: str = "V/v kiểm tra", name: str = "a.pdf", content: bytes = b"%PDF-1.7 x") -> bytes:
    sender, recipient = Organization("H53.01", "Sở"), Organization("G22", "Bộ")
    attachments = (Attachment(name, content),)
    return adapters.vxp.encode(Document(sender, (recipient,), "H53.01,1", subject=subject, attachments=attachments))


def damaged(raw: bytes) -> dict[str, bytes]:
    """What networks and bad software make of a package."""
    encoded = base64.b64encode(raw)
    return {
        "cut": raw[: len(raw) * 2 // 3],
        "without its root": raw[40:],
        "doctype": b"<!DOCTYPE a [<!ENTITY b 'c'>]>" + raw,
        "a zero byte": raw[:60] + b"\0" + raw[60:],
        "utf-16": raw.decode().encode("utf-16-le")[:-7],
        "base64": encoded,
        "base64, cut": encoded[:-3],
        "base64, one character lost": encoded[:50] + encoded[51:],
        "base64, one character wrong": encoded[:70] + b"*" + encoded[71:],
        "base64, folded": b"\r\n".join(encoded[i : i + 76] for i in range(0, len(encoded), 76)) + b"=",
        "base64 in json": json.dumps({"data": encoded.decode()}).replace("/", "\\/").encode()[:-1],
        "text in json": json.dumps({"edxml": raw.decode()}).encode()[:-1],
        "zipped": zipped("p.xml", content=raw),
        "zipped and cut": zipped("p.xml", content=raw)[:-30],
    }


@pytest.mark.parametrize("way", list(damaged(b"<edXML/>" * 20)))
def test_a_marked_package_is_recognised_however_it_is_damaged_and_an_open_one_is_not(way: str) -> None:
    assert rule_of(damaged(package("TỐI MẬT: phương án"))[way], unreadable=True)
    assert rule_of(damaged(package())[way], unreadable=True) == ""


def test_a_marked_name_inside_a_zip_that_the_axis_wrapped_again_is_recognised() -> None:
    inner = zipped("ke-hoach/12-MAT.pdf", content=bytes(range(256)))
    raw = package(name="ho-so.zip", content=inner)
    assert rule_of(raw) == "zip_entry_name"
    assert rule_of(raw[: len(raw) - 60], unreadable=True) == "zip_entry_name"


def test_text_in_an_old_code_page_is_read_where_nothing_else_can_be() -> None:
    marking = unicodedata.normalize("NFD", "MẬT").replace("A\u0302", "Â").replace("A\u0323\u0302", "Â\u0323")
    body = b"<Subject>\xff " + marking.encode("cp1258") + b"</Subject>"
    assert rule_of(body, unreadable=True)


def test_the_secret_names_rule_digest_size_and_sender_and_nothing_of_the_text() -> None:
    raw = package("TUYỆT MẬT xin chào")
    with pytest.raises(Secret) as caught:
        RULES.examine(raw)
    secret = caught.value
    assert (secret.code, secret.rule, secret.size, secret.sender) == (
        "message.secret",
        "text:Subject",
        len(raw),
        "H53.01",
    )
    assert "xin chào" not in f"{secret!s}{secret.where}{secret.detail}"


def test_a_huge_body_of_nothing_but_openings_takes_linear_time() -> None:
    for piece in (b"<a", b"<!--", b"<![CDATA[", b'"', b'{"a":', b"A" * 31 + b" ", b'filename="', b'"from":{', b"\\u00"):
        assert rule_of(piece * (300_000 // len(piece)), unreadable=True) == ""


def test_rules_are_replaced_by_configuration_and_have_their_own_fingerprint() -> None:
    mine = Secrecy(SecrecySettings(words=(r"RESTRICTED",), text_fields=("Subject",), grades={"DoMat": "0|thường"}))
    assert rule_of(element("Subject", "RESTRICTED"), rules=mine) == "text:Subject"
    assert rule_of(element("Subject", "xin MẬT xin"), rules=mine) == ""
    assert rule_of(element("DoMat", "2"), rules=mine) == "grade:domat"
    assert rule_of(element("DoMat", "thường"), rules=mine) == ""
    assert rule_of(element("Subject", "MẬT"), rules=Secrecy(SecrecySettings(enabled=False))) == ""
    assert mine.fingerprint != RULES.fingerprint == Secrecy().fingerprint


def test_archives_in_one_body_unfold_only_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(legible, "INFLATED", 5000)
    bomb = zipped("b.xml", content=b"<edXML>" + b" " * 1_000_000)
    shown = legible.read(zipped("a.zip", content=bomb), thorough=True)
    assert shown.zipped.count("a.zip") == 2
    assert sum(map(len, shown.texts)) < 20_000
