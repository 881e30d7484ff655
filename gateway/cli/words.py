"""Words for states and kinds, Vietnamese first."""

from __future__ import annotations

from gateway.cli.screen import Words
from gateway.model.delivery import State
from gateway.model.message import Kind, QuarantineState
from gateway.model.verdict import Judgement

STATES: dict[State, Words] = {
    State.QUEUED: ("chờ gửi", "queued"),
    State.WAITING: ("chờ lượt trước", "waiting"),
    State.LEASED: ("đang gửi", "leased"),
    State.DEFERRED: ("sẽ gửi lại", "deferred"),
    State.HELD: ("đang giữ", "held"),
    State.DELIVERED: ("đã giao", "delivered"),
    State.REJECTED: ("bị từ chối", "rejected"),
    State.EXPIRED: ("hết hạn", "expired"),
    State.CANCELLED: ("đã hủy", "cancelled"),
}
KINDS: dict[Kind, Words] = {
    Kind.DOCUMENT: ("văn bản", "document"),
    Kind.RECALL: ("thu hồi", "recall"),
    Kind.UPDATE: ("cập nhật", "update"),
    Kind.REPLACEMENT: ("thay thế", "replacement"),
    Kind.STATUS: ("trạng thái", "status"),
    Kind.NOTICE: ("thông báo", "notice"),
    Kind.OPAQUE: ("chưa đọc được", "opaque"),
}
QUARANTINE: dict[QuarantineState, Words] = {
    QuarantineState.OPEN: ("chờ xử lý", "open"),
    QuarantineState.ACCEPTED: ("đã nhận", "accepted"),
    QuarantineState.REJECTED: ("đã từ chối", "rejected"),
}
JUDGEMENTS: dict[Judgement, Words] = {
    Judgement.VALID: ("hợp lệ", "valid"),
    Judgement.INVALID: ("không hợp lệ", "invalid"),
    Judgement.INDETERMINATE: ("chưa xác định", "indeterminate"),
    Judgement.UNSUPPORTED: ("không hỗ trợ", "unsupported"),
    Judgement.MALFORMED: ("tệp hỏng", "malformed"),
}
