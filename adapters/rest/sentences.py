"""A delivery's state as a sentence for people, in Vietnamese and English."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.clock import VIETNAM
from gateway.model.delivery import UNASSIGNED, Delivery, State


@dataclass(frozen=True, slots=True)
class Sentence:
    """The same statement in both languages."""

    vi: str
    en: str

    def of(self, language: str) -> str:
        return self.en if language == "en" else self.vi


_TO_PLATFORM: Final[Mapping[State, Sentence]] = {
    State.QUEUED: Sentence("Đang chờ chuyển đến trục {to}", "Waiting to be sent to the axis {to}"),
    State.WAITING: Sentence(
        "Chờ văn bản trước trong cùng chuỗi được chuyển xong", "Waiting for the one before it in the same conversation"
    ),
    State.LEASED: Sentence("Đang chuyển đến trục {to} từ {since}", "Being sent to the axis {to} since {since}"),
    State.DEFERRED: Sentence(
        "Chưa chuyển được đến trục {to} sau {tries} lần{code}, sẽ thử lại lúc {due}",
        "Not yet sent to the axis {to} after {tries} tries{code}, next try at {due}",
    ),
    State.HELD: Sentence("Tạm giữ từ {since}{code}, chờ người xử lý", "Held since {since}{code}, a person must decide"),
    State.DELIVERED: Sentence(
        "Đã chuyển đến trục {to} lúc {since}{reference}", "Delivered to the axis {to} at {since}{reference}"
    ),
    State.REJECTED: Sentence("Trục {to} từ chối lúc {since}{code}", "The axis {to} refused it at {since}{code}"),
    State.EXPIRED: Sentence(
        "Hết hạn lúc {since} sau {tries} lần thử{code}", "Expired at {since} after {tries} tries{code}"
    ),
    State.CANCELLED: Sentence("Đã hủy lúc {since}{code}", "Cancelled at {since}{code}"),
}

_TO_MAILBOX: Final[Mapping[State, Sentence]] = {
    **_TO_PLATFORM,
    State.QUEUED: Sentence(
        "Đang trong hộp thư, chờ hệ thống {to} nhận", "In the mailbox, waiting for the system {to} to take it"
    ),
    State.DELIVERED: Sentence("Hệ thống {to} đã xác nhận lúc {since}", "Acknowledged by the system {to} at {since}"),
    State.REJECTED: Sentence("Hệ thống {to} từ chối lúc {since}{code}", "The system {to} refused it at {since}{code}"),
}

_FETCHED: Final = Sentence("Hệ thống {to} đã lấy về, chưa xác nhận", "Fetched by the system {to}, not yet acknowledged")
_UNROUTED: Final = Sentence(
    "Chưa có tuyến đến đơn vị này, tạm giữ từ {since}, chờ người phân tuyến",
    "No route to this party is known, held since {since} until a person assigns one",
)
_TWICE: Final = Sentence(". Có thể đã đến hai lần", ". It may have arrived twice")


def sentence(delivery: Delivery, since: datetime) -> Sentence:
    """What happened to *delivery*; *since* is when it entered its state."""
    chosen = _chosen(delivery)
    twice = _TWICE if delivery.maybe_twice else Sentence("", "")
    vi = chosen.vi.format_map(_words(delivery, since, "%H:%M:%S ngày %d/%m/%Y", "mã", "mã trục"))
    en = chosen.en.format_map(_words(delivery, since, "%H:%M:%S on %Y-%m-%d", "code", "axis id"))
    return Sentence(f"{vi}{twice.vi}.", f"{en}{twice.en}.")


def _chosen(delivery: Delivery) -> Sentence:
    if delivery.destination == UNASSIGNED and delivery.state is State.HELD:
        return _UNROUTED
    if not delivery.party:
        return _TO_PLATFORM[delivery.state]
    if delivery.state is State.QUEUED and delivery.attempts:
        return _FETCHED
    return _TO_MAILBOX[delivery.state]


def _words(delivery: Delivery, since: datetime, clock: str, code: str, reference: str) -> Mapping[str, str]:
    return {
        "to": delivery.destination,
        "since": since.astimezone(VIETNAM).strftime(clock),
        "due": delivery.due_at.astimezone(VIETNAM).strftime(clock),
        "tries": str(delivery.attempts),
        "code": f" ({code} {delivery.code})" if delivery.code else "",
        "reference": f", {reference} {delivery.reference}" if delivery.reference else "",
    }
