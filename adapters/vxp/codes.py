"""Code lists of the document exchange, with the words people see (reference §5)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gateway.model.document import BusinessType


@dataclass(frozen=True, slots=True)
class Label:
    """A code's keyword (as the vendor names it) and its words."""

    keyword: str
    vi: str
    en: str


STATUSES: Final[Mapping[int, Label]] = {
    1: Label("inbox", "Đã đến", "Arrived"),
    2: Label("rejection", "Từ chối tiếp nhận", "Refused"),
    3: Label("acceptance", "Đã tiếp nhận, vào sổ văn bản đến", "Accepted and registered"),
    4: Label("assignment", "Đã phân công xử lý", "Assigned"),
    5: Label("processing", "Đang xử lý", "In progress"),
    6: Label("finish", "Hoàn thành", "Finished"),
    13: Label("cancellation", "Yêu cầu lấy lại", "Asked to give back"),
    15: Label("change-acceptance", "Đồng ý cập nhật hoặc lấy lại", "Update or recall agreed"),
    16: Label("change-rejection", "Từ chối cập nhật hoặc lấy lại", "Update or recall refused"),
}
"""Business statuses ever seen on the wire (§5.1); 07…12 and 14 never were."""

BUSINESS: Final[Mapping[BusinessType, Label]] = {
    BusinessType.NEW: Label("new", "Văn bản mới", "New document"),
    BusinessType.RECALL: Label("revocation", "Thu hồi", "Recall"),
    BusinessType.UPDATE: Label("update", "Cập nhật", "Update"),
    BusinessType.REPLACEMENT: Label("replacement", "Thay thế", "Replacement"),
}

PRIORITIES: Final[Mapping[int, Label]] = {
    0: Label("normal", "Thường", "Normal"),
    1: Label("urgent", "Khẩn", "Urgent"),
    2: Label("very-urgent", "Thượng khẩn", "Very urgent"),
    3: Label("express", "Hoả tốc", "Express"),
    4: Label("timed-express", "Hoả tốc hẹn giờ", "Express with a set hour"),
}

STEERING: Final[Mapping[int, Label]] = {
    0: Label("none", "Không chỉ đạo", "No steering"),
    1: Label("steering", "Chỉ đạo", "Steering"),
    2: Label("steering-report", "Chỉ đạo có báo cáo", "Steering, report due"),
}


class OrganIdForm(StrEnum):
    """How an organisation's code is built (§8); opaque codes are as good as any."""

    QCVN102 = "qcvn102"
    QD20 = "qd20"
    OPAQUE = "opaque"


_QCVN102: Final = re.compile(r"\d{3}\.\d{2}\.\d{2}\.[A-Z]\d{2}", re.ASCII)
_QD20: Final = re.compile(r"[A-Z]\d{2}(?:\.[A-Z0-9]{2,3}){0,3}", re.ASCII)
_MEDIA_TYPES: Final[Mapping[str, str]] = {
    "pdf": "application/pdf",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ppt": "application/vnd.ms-powerpoint",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "zip": "application/zip",
    "rar": "application/vnd.rar",
    "7z": "application/x-7z-compressed",
    "xml": "application/xml",
    "json": "application/json",
    "txt": "text/plain",
    "csv": "text/csv",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "tif": "image/tiff",
    "tiff": "image/tiff",
}
ZIP_FAMILY: Final = frozenset(
    {"zip", "docx", "xlsx", "pptx", "docm", "xlsm", "pptm", "odt", "ods", "odp", "jar", "epub", "kmz", "apk", "asice"}
)
"""Extensions of files that are ZIP archives by themselves."""


def organ_id_form(organ_id: str) -> OrganIdForm:
    """Which of the two official forms *organ_id* has, if any."""
    if _QCVN102.fullmatch(organ_id):
        return OrganIdForm.QCVN102
    return OrganIdForm.QD20 if _QD20.fullmatch(organ_id) else OrganIdForm.OPAQUE


def media_type_of(extension: str) -> str:
    """The usual media type of a file extension; a label for people, never a decision."""
    return _MEDIA_TYPES.get(extension, "application/octet-stream")
