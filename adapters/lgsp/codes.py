"""The regional axis' error codes and message types (reference §5.4, §7.1; one source, so receivers may differ)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gateway.errors import Refusal
from gateway.model.message import Kind, Message

DONE: Final = "0"
INVALID_FILE: Final = "10"
CREDENTIALS: Final = "15"
UNKNOWN_RECEIVER: Final = "18"
UNKNOWN_SENDER: Final = "19"
SYSTEM_ERROR: Final = "20"
PROCESSING_ERROR: Final = "21"
NOT_CONFORMANT: Final = "22"
LOCKED_RECEIVER: Final = "23"

MEANINGS: Final[Mapping[str, str]] = {
    DONE: "Thành công",
    INVALID_FILE: "File không hợp lệ",
    CREDENTIALS: "Sai SystemId hoặc SecretKey",
    UNKNOWN_RECEIVER: "Đơn vị nhận không tồn tại",
    UNKNOWN_SENDER: "Đơn vị gửi không đăng ký",
    SYSTEM_ERROR: "Lỗi hệ thống LGSP",
    PROCESSING_ERROR: "Lỗi xử lý file",
    NOT_CONFORMANT: "edXML sai chuẩn",
    LOCKED_RECEIVER: "Đơn vị nhận đã khóa",
}
"""What each code means, in the axis' own words."""

ACKNOWLEDGEMENTS: Final = ("done", "processing", "fail")
"""The transport states of updateStatus; business states are numbers and another layer (reference §1.1)."""

EDOC: Final = "edoc"
STATUS: Final = "status"
MESSAGE_TYPES: Final = (EDOC, STATUS)

_OF_REFUSAL: Final[Mapping[str, str]] = {
    "auth.forbidden": UNKNOWN_SENDER,
    "message.no_recipient": UNKNOWN_RECEIVER,
    "message.conflict": PROCESSING_ERROR,
    "edxml.base64": PROCESSING_ERROR,
    "edxml.attachment": PROCESSING_ERROR,
}
_OF_FAMILY: Final[Mapping[str, str]] = {
    "auth": CREDENTIALS,
    "xml": NOT_CONFORMANT,
    "edxml": NOT_CONFORMANT,
    "zip": PROCESSING_ERROR,
}


def code_of(refusal: Refusal) -> str:
    """The axis' code that says what *refusal* says. What may pass later is 20, the only one worth a retry."""
    if refusal.fault.status >= 500 or refusal.fault.status == 429:
        return SYSTEM_ERROR
    family = refusal.code.partition(".")[0]
    return _OF_REFUSAL.get(refusal.code) or _OF_FAMILY.get(family, INVALID_FILE)


def type_of(message: Message) -> str:
    """The message type under which *message* is listed and sent."""
    return STATUS if message.envelope.kind is Kind.STATUS else EDOC
