"""The published table of ErrorCode: what document systems read in a FAIL answer of `/vxp` (docs/vxp-codes.md).

Numbers 10 to 23 are those the regional axes publish (reference vxp-edxml §5.4). Numbers from 101 are ours. "0" means
success and "100" is the SDK's own local failure; neither is ever the code of a refusal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SUCCESS: Final = "0"
SYSTEM_FAULT: Final = "20"


@dataclass(frozen=True, slots=True)
class Meaning:
    """One ErrorCode: its meaning, and which of our refusals it stands for, as codes or families ("xml.")."""

    code: str
    vi: str
    en: str
    stands_for: tuple[str, ...]


TABLE: Final = (
    Meaning("10", "Tệp không hợp lệ", "Invalid file", ("vxp.hash_file", "limit.body", "http.media_type")),
    Meaning("15", "Sai SystemId hoặc SecretKey", "Wrong SystemId or SecretKey", ("vxp.credentials", "auth.")),
    Meaning("18", "Đơn vị nhận không tồn tại", "No such recipient", ("message.no_recipient", "peer.unknown")),
    Meaning("19", "Đơn vị gửi không thuộc hệ thống", "The sender is not of this system", ("auth.forbidden",)),
    Meaning(
        "20",
        "Lỗi hệ thống, gửi lại sau",
        "System fault, send again later",
        ("store.", "limit.busy", "limit.disk", "vxp.agencies", "internal", "signature.unproven"),
    ),
    Meaning(
        "21", "Lỗi xử lý tệp đính kèm", "An attachment cannot be read", ("edxml.base64", "edxml.attachment", "zip.")
    ),
    Meaning("22", "edXML sai chuẩn", "The edXML does not conform", ("edxml.", "xml.", "vxp.message_type")),
    Meaning("23", "Đơn vị nhận đã khóa", "The recipient is locked", ()),
    Meaning("101", "Tham số thiếu hoặc sai", "A parameter is missing or wrong", ("http.request", "json.")),
    Meaning("102", "Tiêu đề không khớp phần đã ký", "Headers do not match the signature", ("vxp.headers",)),
    Meaning("103", "Thời gian ký ngoài khoảng cho phép", "Signed outside the time window", ("vxp.timestamp",)),
    Meaning("104", "Không có thao tác này", "No such operation", ("vxp.operation", "http.not_found")),
    Meaning("105", "Không tìm thấy văn bản", "No such document", ("delivery.not_found", "message.not_found")),
    Meaning("106", "Gói đã kết thúc xử lý", "The package has already ended", ("delivery.", "state.")),
    Meaning("107", "Mã văn bản đã dùng cho nội dung khác", "The id was used for other content", ("message.conflict",)),
    Meaning("108", "Vượt giới hạn, gửi lại sau", "Over a limit, send again later", ("limit.",)),
    Meaning("109", "Trục không nhận thay đổi đơn vị", "The axis refused to change an agency", ("vxp.agency",)),
    Meaning("110", "Trạng thái nghiệp vụ không hợp lệ", "The business status is not acceptable", ("status.",)),
    Meaning("111", "Văn bản mang dấu mật, không được gửi", "Marked as a state secret, not sent", ("message.secret",)),
    Meaning("112", "Chữ ký số không đạt yêu cầu", "The digital signature does not suffice", ("signature.",)),
)
"""In the order of the numbers. An exact code goes before a family."""


def error_code(code: str) -> str:
    """The ErrorCode that stands for our refusal *code*; "20" for what the table does not name."""
    meaning = _meaning(code)
    return meaning.code if meaning else SYSTEM_FAULT


def is_named(code: str) -> bool:
    """Whether the table names our refusal *code* or its family."""
    return _meaning(code) is not None


def _meaning(code: str) -> Meaning | None:
    family = code.partition(".")[0] + "."
    for wanted in (code, family):
        for meaning in TABLE:
            if wanted in meaning.stands_for:
                return meaning
    return None
