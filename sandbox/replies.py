"""What a simulated ministry answers the documents it takes with, in which order and how fast."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

STATUS_TEXT: Final[Mapping[str, str]] = {
    "01": "Đã đến",
    "02": "Từ chối tiếp nhận",
    "03": "Đã tiếp nhận",
    "04": "Phân công",
    "05": "Đang xử lý",
    "06": "Hoàn thành",
    "13": "Yêu cầu lấy lại",
    "15": "Đồng ý cập nhật, lấy lại",
    "16": "Từ chối cập nhật, lấy lại",
}
"""Every status code seen, with the words a system writes when nobody gave others (reference vxp-edxml §5.1)."""

_CHANGES: Final = frozenset({"1", "2", "3"})
_KEYS: Final = frozenset({"codes", "polls_between", "reasons", "change_answer"})


@dataclass(frozen=True, slots=True)
class Replies:
    """The statuses owed for what comes in.

    `codes` answer every new document in this order, `polls_between` polls lie between two of them (0: all in one
    poll). `reasons` are the words of a code. `change_answer` (15, 16 or none) answers recalls, updates, replacements
    and requests to give a document back, instead of what follows the first of `codes`.
    """

    codes: tuple[str, ...] = ("01", "03")
    polls_between: int = 0
    reasons: Mapping[str, str] = field(default_factory=dict)
    change_answer: str = ""

    @classmethod
    def from_json(cls, source: object) -> Replies:
        """Read from decoded JSON. Raises ValueError naming what is wrong."""
        if not isinstance(source, dict) or source.keys() - _KEYS:
            raise ValueError(f"replies are an object of {', '.join(sorted(_KEYS))}")
        codes = source.get("codes", ["01", "03"])
        reasons, answer = source.get("reasons", {}), source.get("change_answer", "")
        polls = source.get("polls_between", 0)
        if not isinstance(codes, list) or not isinstance(reasons, dict):
            raise ValueError("codes is a list of status codes, reasons an object of words by code")
        if unknown := [code for code in [*codes, *reasons] if code not in STATUS_TEXT]:
            raise ValueError(f"unknown status codes: {unknown}")
        if answer not in ("", "15", "16"):
            raise ValueError(f"change_answer is 15, 16 or empty: {answer}")
        if isinstance(polls, bool) or not isinstance(polls, int) or polls < 0:
            raise ValueError("polls_between is a whole number from 0")
        return cls(tuple(codes), polls, {code: str(words) for code, words in reasons.items()}, answer)

    def to_document(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the codes owed for a document of the ledger."""
        if self.change_answer and record.get("business_type") in _CHANGES:
            return (*self.codes[:1], self.change_answer)
        return self.codes

    def to_status(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the codes owed for a status of the ledger: only a request to give back is answered."""
        return (self.change_answer,) if self.change_answer and record.get("status_code") == "13" else ()

    def words(self, code: str) -> str:
        """Return the description sent with a code."""
        return self.reasons.get(code, STATUS_TEXT[code])
