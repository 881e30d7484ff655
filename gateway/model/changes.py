"""What was changed in a signed file, for an officer: the English lines of a verdict said in Vietnamese."""

from __future__ import annotations

import re
from typing import Final

_LINE: Final = re.compile(
    r"(?P<what>.+?)(?: (?:of|on) page (?P<page>\d+))? (?:was|were) (?P<verb>added|removed|changed)"
    r"(?: (?:on|of) page (?P<later>\d+))?(?P<rest>(?:,| to | with | although ).*)?"
)
_PAGE: Final = re.compile(r"page (\d+)")
_COUNTED: Final = re.compile(r"the document had (\d+) pages when it was signed and has (\d+) now")
_VERBS: Final = {"added": "được thêm vào", "removed": "bị xóa", "changed": "bị sửa"}
_NAMED: Final = re.compile(r"(?P<part>the value of |the appearance of )?(?P<kind>\w+(?: field| stamp)?) '(?P<name>.*)'")
_ANNOTATION: Final = re.compile(r"an annotation \((?P<kind>\w+)\)")
_PARTS: Final = {None: "", "the value of ": "giá trị ", "the appearance of ": "hình thức "}
_KINDS: Final = {
    "form field": "trường biểu mẫu",
    "signature field": "ô chữ ký",
    "signature": "chữ ký",
    "time stamp": "dấu thời gian",
}
_WHAT: Final = {
    "the content": "nội dung",
    "the size": "kích thước",
    "the visible part": "phần nhìn thấy",
    "the rotation": "hướng xoay",
    "the scale": "tỷ lệ",
    "the blending": "cách trộn hình",
    "an action": "một hành động",
    "a font": "phông chữ",
    "an image or drawing": "hình ảnh",
    "a graphics state": "trạng thái đồ họa",
    "a layer": "một lớp",
    "an annotation": "một chú thích",
    "a form field": "một trường biểu mẫu",
    "a script": "một đoạn mã",
    "an embedded file": "một tệp nhúng",
    "a link target": "một đích liên kết",
    "what happens when the document is opened": "việc thực hiện khi mở tài liệu",
    "the visibility of layers": "việc ẩn hiện các lớp",
    "the bookmarks": "dấu trang",
    "how viewers show the document": "cách hiển thị tài liệu",
    "the page numbers": "số trang",
    "the permissions of the document": "quyền đối với tài liệu",
    "the order or tree of pages": "thứ tự trang",
    "the PDF version of the document": "phiên bản PDF",
    "the identifier of the document": "mã định danh tài liệu",
    "a field of the form": "một trường của biểu mẫu",
}


def vietnamese(line: str) -> str:
    """*line* of `Verdict.later_changes` in Vietnamese; what is not known by heart stays as it is."""
    if counted := _COUNTED.fullmatch(line):
        return f"tài liệu có {counted[1]} trang khi ký, nay có {counted[2]} trang"
    found = _LINE.fullmatch(line)
    if found is None or found["rest"]:
        return line
    what = _what(found["what"])
    if not what:
        return line
    page = found["page"] or found["later"]
    return f"{what}{f' ở trang {page}' if page else ''} {_VERBS[found['verb']]}"


def _what(english: str) -> str:
    if page := _PAGE.fullmatch(english):
        return f"trang {page[1]}"
    if annotation := _ANNOTATION.fullmatch(english):
        return f"một chú thích ({annotation['kind']})"
    if (named := _NAMED.fullmatch(english)) and named["kind"] in _KINDS:
        return f"{_PARTS[named['part']]}{_KINDS[named['kind']]} '{named['name']}'"
    return _WHAT.get(english, "")
