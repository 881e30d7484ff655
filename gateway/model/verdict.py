"""What is said of a signature: one of five verdicts, a stable reason, and the exact bytes it stands for (DESIGN §5).

The three answers of ETSI EN 319 102-1 §5.1 (passed, failed, indeterminate) in DESIGN's words, and two for what could
not be judged at all: *unsupported* and *malformed*.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from gateway.errors import GatewayError
from gateway.model.changes import vietnamese


class Judgement(StrEnum):
    """*valid* is said only when everything was checked; whatever could not be is *indeterminate* (P6)."""

    VALID = "valid"
    INVALID = "invalid"
    INDETERMINATE = "indeterminate"
    UNSUPPORTED = "unsupported"
    MALFORMED = "malformed"


class Scope(StrEnum):
    """How much of the file the signature covers."""

    FULL = "full"
    PARTIAL = "partial"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class SignedPart:
    """Bytes that were handed on as signed: their place (XPath, "0-1023,2048-4000", member name, "payload") and SHA-256."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer about one file. *reason* is a key of :data:`REASONS`, *detail* one English sentence.

    *signer* is the certificate's subject (RFC 4514), "" if unknown; *signed_at* the proven time, else the claimed one
    (*time_proven* tells which); *later_changes* what came after the signature.
    """

    judgement: Judgement
    reason: str
    detail: str = ""
    signer: str = ""
    signed_at: datetime | None = None
    time_proven: bool = False
    scope: Scope = Scope.NONE
    signed: tuple[SignedPart, ...] = ()
    later_changes: tuple[str, ...] = ()
    certificate: str = ""
    """SHA-256 (hex) of the signer's certificate in DER, "" if unknown."""
    signatures: int = 0
    """How many signatures the file carries."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What was said of one attachment when its message was accepted (*at*), kept with the message.

    *place* counts the attachments from 0; *form* is what was judged: "pdf", "asic", "xades", or "" where the file is of
    no form that carries a signature (its verdict is then *unsupported*).
    """

    place: int
    name: str
    sha256: str
    form: str
    verdict: Verdict
    at: datetime


@dataclass(frozen=True, slots=True)
class Applied:
    """A signature of ours on a file: which *key* signed (its name and the SHA-256 of its certificate), and the SHA-256
    of the file before and after."""

    name: str
    key: str
    certificate: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Reason:
    """A stable code and what it means to an officer."""

    code: str
    judgement: Judgement
    vi: str
    en: str


def _catalogue(*reasons: Reason) -> dict[str, Reason]:
    return {reason.code: reason for reason in reasons}


_V, _I, _Q, _U, _M = (
    Judgement.VALID,
    Judgement.INVALID,
    Judgement.INDETERMINATE,
    Judgement.UNSUPPORTED,
    Judgement.MALFORMED,
)

# fmt: off
REASONS: Final = _catalogue(
    Reason("ok", _V, "Chữ ký hợp lệ", "The signature is valid"),
    Reason("signature.absent", _I, "Không có chữ ký", "There is no signature"),
    Reason("signature.wrong", _I, "Chữ ký sai: không do khóa của chứng thư này ký", "The signature was not made by this certificate's key"),
    Reason("signature.digest", _I, "Nội dung đã bị sửa sau khi ký", "The content was changed after it was signed"),
    Reason("signature.place", _I, "Chữ ký không nằm đúng chỗ, hoặc không phủ phần cần ký", "The signature is not where it must be, or does not cover what it must"),
    Reason("signature.ambiguous", _I, "Mã định danh lặp lại: không rõ phần nào được ký", "An id occurs twice: it is unclear what was signed"),
    Reason("signature.changed_later", _I, "Tệp bị sửa sau chữ ký ngoài mức cho phép", "The file was changed after the signature beyond what is allowed"),
    Reason("signature.reference", _I, "Chữ ký trỏ đến phần không được phép hoặc không có", "The signature refers to something absent or not allowed"),
    Reason("signature.properties", _I, "Thuộc tính ký không khớp với chứng thư hoặc nội dung", "The signed properties do not fit the certificate or the content"),
    Reason("signature.replayed", _I, "Thông điệp này đã nhận trước đó (gửi lại)", "This message was received before (replay)"),
    Reason("signature.time", _I, "Thời gian ký ngoài khoảng cho phép", "The time of signing is outside the accepted window"),
    Reason("algorithm.forbidden", _I, "Thuật toán hoặc độ dài khóa không được chính sách cho phép", "The algorithm or key length is not allowed by policy"),
    Reason("algorithm.unsupported", _U, "Thuật toán hoặc dạng chữ ký này không được hỗ trợ", "This algorithm or form of signature is not supported"),
    Reason("key.untrusted", _I, "Khóa chỉ có trong thông điệp, không thuộc nguồn tin cậy", "The key is known from the message only and is not trusted"),
    Reason("chain.unknown", _Q, "Không lập được chuỗi chứng thư đến gốc tin cậy", "No chain of certificates leads to a trusted root"),
    Reason("chain.invalid", _I, "Chuỗi chứng thư không hợp lệ", "The chain of certificates is not valid"),
    Reason("chain.usage", _I, "Chứng thư không được cấp cho mục đích này", "The certificate was not issued for this use"),
    Reason("certificate.expired", _Q, "Chứng thư hết hạn và không có dấu thời gian chứng minh đã ký trước đó", "The certificate has expired and no time stamp proves an earlier signature"),
    Reason("certificate.not_yet", _I, "Chứng thư chưa có hiệu lực vào thời điểm ký", "The certificate was not yet valid at the time of signing"),
    Reason("certificate.revoked", _I, "Chứng thư đã bị thu hồi", "The certificate was revoked"),
    Reason("certificate.speaker", _I, "Chứng thư này không thuộc đơn vị gửi", "This certificate does not belong to the sending organisation"),
    Reason("revocation.unknown", _Q, "Không biết chứng thư có bị thu hồi hay không", "It is unknown whether the certificate was revoked"),
    Reason("revocation.stale", _Q, "Thông tin thu hồi đã cũ", "The revocation information is stale"),
    Reason("timestamp.invalid", _I, "Dấu thời gian không hợp lệ", "The time stamp is not valid"),
    Reason("timestamp.unknown", _Q, "Không xác minh được dấu thời gian", "The time stamp could not be verified"),
    Reason("limit.exceeded", _Q, "Tệp vượt giới hạn xử lý (thời gian, bộ nhớ)", "The file exceeds a limit of time or memory"),
    Reason("internal", _Q, "Lỗi nội bộ khi kiểm tra tệp", "An internal error while the file was judged"),
    Reason("question", _U, "Câu hỏi không hợp lệ", "The question is not valid"),
    Reason("file.unreadable", _M, "Không mở được tệp", "The file cannot be opened"),
    Reason("header.not_understood", _U, "Thông điệp có phần đầu bắt buộc mà hệ thống không hiểu", "The message has a mandatory header that is not understood"),
    Reason("malformed", _M, "Tệp không đúng cấu trúc", "The file is not well-formed"),
)
# fmt: on


class NotValid(GatewayError):
    """A verification that did not end in *valid*: raised where it is noticed (DESIGN principle 11).

    *reason* is a key of :data:`REASONS`, *where* a place in the file, *detail* one English sentence without content.
    *judgement* is the reason's own unless given. *signer*, *signed_at*: what was known by then.
    """

    def __init__(
        self,
        reason: str,
        detail: str = "",
        where: str = "",
        *,
        judgement: Judgement | None = None,
        signer: str = "",
        signed_at: datetime | None = None,
    ) -> None:
        self.reason = reason
        self.judgement = judgement or REASONS[reason].judgement
        self.where = where
        self.detail = detail
        self.signer = signer
        self.signed_at = signed_at
        super().__init__(f"{reason} {where} {detail}".strip())

    def verdict(self) -> Verdict:
        """The same as a value."""
        detail = f"{self.where}: {self.detail}" if self.where and self.detail else self.where or self.detail
        return Verdict(self.judgement, self.reason, detail, self.signer, self.signed_at)


def members(verdict: Verdict) -> dict[str, object]:
    """A verdict as the contract writes it (DESIGN §5), plain JSON."""
    reason = REASONS[verdict.reason]
    return {
        "verdict": verdict.judgement.value,
        "reason": verdict.reason,
        "detail": verdict.detail,
        "explanation": {
            "vi": _explained(reason.vi, map(vietnamese, verdict.later_changes)),
            "en": _explained(reason.en, verdict.later_changes),
        },
        "signer": verdict.signer,
        "certificate": verdict.certificate,
        "signed_at": verdict.signed_at.isoformat() if verdict.signed_at else None,
        "time_proven": verdict.time_proven,
        "signatures": verdict.signatures,
        "scope": verdict.scope.value,
        "signed": [{"path": part.path, "sha256": part.sha256} for part in verdict.signed],
        "later_changes": list(verdict.later_changes),
    }


def _explained(reason: str, changes: Iterable[str]) -> str:
    """The reason, and what was changed if anything was."""
    told = "; ".join(changes)
    return f"{reason}: {told}" if told else reason
