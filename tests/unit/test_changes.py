"""What was changed is said in the officer's own language, and nothing is made up where a line is not known."""

from __future__ import annotations

import pytest

from gateway.model.changes import vietnamese
from gateway.model.verdict import Judgement, Verdict, members
from gateway.signing.pades import words


@pytest.mark.parametrize(
    ("english", "said"),
    [
        ("page 2 was added", "trang 2 được thêm vào"),
        ("page 3 was removed", "trang 3 bị xóa"),
        ("the content of page 1 was changed", "nội dung ở trang 1 bị sửa"),
        ("a font of page 4 was changed", "phông chữ ở trang 4 bị sửa"),
        ("an annotation (FreeText) was added on page 1", "một chú thích (FreeText) ở trang 1 được thêm vào"),
        ("an annotation (Stamp) on page 1 was changed", "một chú thích (Stamp) ở trang 1 bị sửa"),
        ("form field 'so tien' was added", "trường biểu mẫu 'so tien' được thêm vào"),
        ("the value of form field 'so tien' was changed", "giá trị trường biểu mẫu 'so tien' bị sửa"),
        ("the bookmarks were changed", "dấu trang bị sửa"),
        ("a script was added", "một đoạn mã được thêm vào"),
        (
            "the document had 1 pages when it was signed and has 2 now",
            "tài liệu có 1 trang khi ký, nay có 2 trang",
        ),
    ],
)
def test_a_change_is_said_in_vietnamese(english: str, said: str) -> None:
    assert vietnamese(english) == said


@pytest.mark.parametrize("line", ["something nobody has seen before", "", "page x was added", "'a' was changed"])
def test_what_is_not_known_stays_as_it_is(line: str) -> None:
    assert vietnamese(line) == line


def test_every_line_about_the_catalogue_and_pages_that_matters_most_is_known() -> None:
    lines = [words.of_catalog(key, None, 1) for key in ("/OpenAction", "/Outlines", "/OCProperties", "/Pages")]
    lines += [words.of_page(1, key, 1, 2) for key in ("/Contents", "/MediaBox", "/CropBox", "/Rotate")]
    lines += [words.of_resource(1, key, 1, 2) for key in ("/Font", "/XObject")]
    assert all(vietnamese(line) != line for line in lines)


def test_the_explanation_names_the_changes_in_both_languages() -> None:
    said = members(Verdict(Judgement.INVALID, "signature.changed_later", later_changes=("page 2 was added",)))
    assert said["explanation"] == {
        "vi": "Tệp bị sửa sau chữ ký ngoài mức cho phép: trang 2 được thêm vào",
        "en": "The file was changed after the signature beyond what is allowed: page 2 was added",
    }
