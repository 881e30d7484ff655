"""Every refusal the outside can hear: one stable code, one HTTP status, one title and remedy in two languages.

The codes are part of the contract (DESIGN §5): they are never renamed, only added.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of refusal, as published in `docs/errors.md`."""

    code: str
    status: int
    vi: str
    en: str
    remedy_vi: str
    remedy_en: str


def _catalogue(*faults: Fault) -> dict[str, Fault]:
    return {fault.code: fault for fault in faults}


# fmt: off
FAULTS: Final = _catalogue(
    Fault("auth.missing", 401, "Thiếu khóa truy cập", "No API key was sent",
          "Gửi tiêu đề 'Authorization: Bearer <khóa>'", "Send the header 'Authorization: Bearer <key>'"),
    Fault("auth.unknown", 401, "Khóa truy cập không đúng", "The API key is not known",
          "Kiểm tra khóa, hoặc xin khóa mới bằng 'lienthong key add'", "Check the key, or ask for a new one ('lienthong key add')"),
    Fault("auth.expired", 401, "Khóa truy cập đã hết hạn", "The API key has expired",
          "Xin khóa mới bằng 'lienthong key add'", "Ask for a new key ('lienthong key add')"),
    Fault("auth.revoked", 401, "Khóa truy cập đã bị thu hồi", "The API key was revoked",
          "Xin khóa mới bằng 'lienthong key add'", "Ask for a new key ('lienthong key add')"),
    Fault("auth.forbidden", 403, "Hệ thống không có quyền với đối tượng này", "This system has no right to this object",
          "Kiểm tra mã định danh đơn vị và cấu hình 'parties' của hệ thống", "Check the party code and the system's 'parties' setting"),
    Fault("limit.body", 413, "Nội dung vượt quá giới hạn kích thước", "The body is larger than allowed",
          "Chia nhỏ hoặc nén tệp đính kèm", "Split or compress the attachments"),
    Fault("limit.busy", 503, "Cổng đang quá tải", "The gateway is at its limit",
          "Gửi lại sau thời gian ghi ở Retry-After", "Send again after the time given in Retry-After"),
    Fault("limit.disk", 503, "Hết dung lượng đĩa dự trữ, tạm ngừng nhận", "Disk is below its reserve; accepting has stopped",
          "Báo quản trị; gửi lại sau", "Tell the administrator; send again later"),
    Fault("limit.flood", 429, "Quá nhiều yêu cầu từ địa chỉ này", "Too many requests from this address",
          "Giảm tần suất gửi", "Send less often"),
    Fault("limit.quota", 429, "Khu cách ly của hệ thống đã đầy", "The quarantine quota of this system is used up",
          "Báo quản trị xử lý các gói đang cách ly", "Ask the administrator to settle what is in quarantine"),
    Fault("http.not_found", 404, "Không có đường dẫn này", "No such path",
          "Xem /api/v1/openapi.json", "See /api/v1/openapi.json"),
    Fault("http.media_type", 415, "Kiểu nội dung không được hỗ trợ", "This content type is not supported",
          "Dùng application/json hoặc application/xml", "Use application/json or application/xml"),
    Fault("http.request", 400, "Yêu cầu HTTP không hợp lệ", "The HTTP request is not valid",
          "Kiểm tra tham số của yêu cầu", "Check the parameters of the request"),
    Fault("xml.malformed", 422, "XML không đúng cú pháp", "The XML is not well-formed",
          "Kiểm tra vị trí được chỉ ra", "Check the position given"),
    Fault("xml.doctype", 422, "XML chứa DOCTYPE, không được phép", "The XML has a DOCTYPE, which is not allowed",
          "Bỏ khai báo DOCTYPE và thực thể", "Remove the DOCTYPE and its entities"),
    Fault("xml.encoding", 422, "Bảng mã XML không được hỗ trợ", "The XML's encoding is not supported",
          "Dùng UTF-8 (hoặc UTF-16)", "Use UTF-8 (or UTF-16)"),
    Fault("xml.limit", 422, "XML quá sâu hoặc quá nhiều phần tử", "The XML is too deep or has too many elements",
          "Giảm độ sâu (tối đa 100) và số phần tử (tối đa 200.000)", "Stay within 100 levels and 200,000 elements"),
    Fault("json.malformed", 422, "JSON không đúng cú pháp", "The JSON is not well-formed",
          "Kiểm tra vị trí được chỉ ra", "Check the position given"),
    Fault("json.duplicate", 422, "JSON có tên trùng nhau", "The JSON repeats a name in one object",
          "Mỗi tên chỉ xuất hiện một lần", "Use each name once"),
    Fault("json.limit", 422, "JSON quá sâu hoặc có số không hợp lệ", "The JSON is too deep or has an unusable number",
          "Giảm độ sâu (tối đa 64); không dùng NaN/Infinity", "Stay within 64 levels; no NaN or Infinity"),
    Fault("json.value", 422, "Giá trị JSON thiếu hoặc sai", "A JSON value is missing or wrong",
          "Xem trường được chỉ ra và /api/v1/openapi.json", "See the field named and /api/v1/openapi.json"),
    Fault("zip.limit", 422, "Tệp ZIP vượt giới hạn (tỷ lệ nén hoặc kích thước)", "The ZIP exceeds the limits (ratio or size)",
          "Gửi tệp gốc, không nén lồng nhau", "Send the file itself, not nested archives"),
    Fault("edxml.root", 422, "Phần tử gốc không phải edXML", "The root element is not edXML",
          "Gốc phải là 'edXML' (e thường), bên trong là 'edXMLEnvelope'", "The root must be 'edXML' (lower-case e) with 'edXMLEnvelope' inside"),
    Fault("edxml.missing", 422, "Thiếu phần tử edXML bắt buộc", "A required edXML element is missing",
          "Bổ sung phần tử được chỉ ra", "Add the element named"),
    Fault("edxml.value", 422, "Giá trị phần tử edXML không hợp lệ", "An edXML value is not valid",
          "Sửa giá trị được chỉ ra", "Correct the value named"),
    Fault("edxml.base64", 422, "Tệp đính kèm base64 bị hỏng", "An attachment's base64 is damaged",
          "Gửi lại gói; kiểm tra phần mềm có cắt nội dung không", "Send the package again; check that nothing truncates it"),
    Fault("edxml.attachment", 422, "Tệp đính kèm không khớp danh mục", "Attachments do not match the manifest",
          "Mỗi Reference phải có đúng một Attachment cùng ContentId", "Each Reference needs one Attachment of the same ContentId"),
    Fault("edxml.strict", 422, "Không thể lập gói edXML đúng chuẩn từ nội dung này", "No conformant edXML can be made of this content",
          "Bổ sung các trường được chỉ ra", "Fill in the fields named"),
    Fault("soap.version", 422, "Không phải phong bì SOAP 1.1 hoặc 1.2", "This is no SOAP 1.1 or 1.2 envelope",
          "Dùng không gian tên của SOAP 1.1 hoặc 1.2", "Use the namespace of SOAP 1.1 or 1.2"),
    Fault("soap.envelope", 422, "Phong bì SOAP không đúng cấu trúc", "The SOAP envelope is not built as it must be",
          "Một Header (nếu có) rồi một Body; không có chỉ thị xử lý", "An optional Header, then one Body; no processing instructions"),
    Fault("wsdl.invalid", 422, "Bản mô tả WSDL không dùng được", "The WSDL description cannot be used",
          "Khai báo đủ các tên được dùng, mỗi tên một lần", "Declare every name that is used, once"),
    Fault("wsdl.network", 422, "Bản mô tả WSDL tham chiếu qua mạng", "The WSDL description imports over the network",
          "Tải các tệp được tham chiếu về và sửa thành đường dẫn tương đối", "Download what is imported and make the locations relative"),
    Fault("message.conflict", 409, "Mã văn bản đã dùng cho nội dung khác", "This id was already used for other content",
          "Dùng DocumentId mới, hoặc gửi dạng cập nhật (BussinessDocType 2)", "Use a new DocumentId, or send an update (BussinessDocType 2)"),
    Fault("message.not_found", 404, "Không tìm thấy văn bản", "No such message",
          "Kiểm tra mã", "Check the id"),
    Fault("message.no_recipient", 422, "Văn bản không có nơi nhận", "The message has no recipient",
          "Thêm ít nhất một To/OrganId", "Add at least one To/OrganId"),
    Fault("signature.absent", 422, "Văn bản chưa được ký số", "The document bears no digital signature",
          "Ký số tệp PDF bằng chữ ký số của cơ quan rồi gửi lại", "Sign the PDF with the organisation's signature and send it again"),
    Fault("signature.changed", 422, "Tệp bị sửa sau khi ký số", "The file was changed after it was signed",
          "Gửi lại đúng tệp đã ký; không sửa, in lại hay ghép trang sau khi ký", "Send the file as it was signed; do not edit, reprint or merge pages after signing"),
    Fault("signature.invalid", 422, "Chữ ký số không hợp lệ", "The digital signature is not valid",
          "Xem lý do; ký lại bằng chứng thư còn hiệu lực", "See the reason; sign again with a certificate that holds"),
    Fault("signature.untrusted", 422, "Chữ ký số không thuộc đơn vị gửi hoặc nguồn chưa được tin cậy", "The signer is not trusted here, or may not speak for the sender",
          "Ký bằng chứng thư của đơn vị; hoặc báo quản trị thêm chứng thư vào [trust]", "Sign with the unit's certificate, or ask the administrator to add it to [trust]"),
    Fault("signature.unproven", 503, "Tạm thời chưa kiểm tra được chữ ký số", "The signature cannot be checked just now",
          "Gửi lại sau thời gian ghi ở Retry-After", "Send again after the time given in Retry-After"),
    Fault("sign.profile", 404, "Không có cấu hình ký này cho đơn vị", "There is no such signing profile for this party",
          "Xem [[signing.profiles]] trong tệp cấu hình", "See [[signing.profiles]] in the configuration"),
    Fault("status.invalid", 422, "Trạng thái văn bản không hợp lệ", "The document status is not valid",
          "Dùng mã 01-06, 13, 15, 16; ghi ResponseFor; 02 và 13 phải có lý do", "Use 01-06, 13, 15, 16; give ResponseFor; 02 and 13 need a reason"),
    Fault("status.order", 409, "Trạng thái không đúng thứ tự", "The status is out of order",
          "Xem các trạng thái đã báo của văn bản này", "See what was reported of this document before"),
    Fault("delivery.not_found", 404, "Không tìm thấy lượt chuyển", "No such delivery",
          "Kiểm tra mã", "Check the id"),
    Fault("delivery.ended", 409, "Lượt chuyển đã kết thúc", "This delivery has already ended",
          "Không cần làm gì thêm", "Nothing more to do"),
    Fault("store.unavailable", 503, "Kho lưu trữ tạm thời không sẵn sàng", "The store is not available",
          "Gửi lại sau thời gian ghi ở Retry-After", "Send again after the time given in Retry-After"),
    Fault("body.damaged", 500, "Nội dung lưu trữ bị hỏng hoặc mất", "The stored bytes are damaged or missing",
          "Báo quản trị: khôi phục từ bản sao lưu", "Tell the administrator: restore from a backup"),
    Fault("internal", 500, "Lỗi nội bộ của cổng", "Internal error of the gateway",
          "Báo quản trị kèm mã yêu cầu", "Tell the administrator, quoting the request id"),
    Fault("peer.unknown", 404, "Không có hệ thống, nền tảng hoặc đơn vị này trong cấu hình", "No such system, platform or party is configured",
          "Xem [[systems]] và [[platforms]] trong tệp cấu hình", "See [[systems]] and [[platforms]] in the configuration"),
    Fault("delivery.not_held", 409, "Không có lượt chuyển nào đang bị giữ", "No delivery is held here",
          "Xem trạng thái bằng 'lienthong message show'", "Look at its state with 'lienthong message show'"),
    Fault("key.not_found", 404, "Không tìm thấy khóa đang dùng được", "No such key in use",
          "Xem danh sách bằng 'lienthong key list'", "See 'lienthong key list'"),
    Fault("incident.not_found", 404, "Không có sự cố đang mở này", "No such open incident",
          "Xem danh sách bằng 'lienthong incident list'", "See 'lienthong incident list'"),
    Fault("control.request", 400, "Lệnh điều khiển không hợp lệ", "The control request is not valid",
          "Kiểm tra tên lệnh và tham số", "Check the operation and its arguments"),
    Fault("control.forbidden", 403, "Tài khoản này không được điều khiển cổng", "This account may not control the gateway",
          "Chạy bằng tài khoản của dịch vụ hoặc root", "Run it as the service's account or as root"),
    Fault("control.slow", 503, "Lệnh chưa xong trong thời hạn, vẫn đang chạy", "The operation has not finished in time and is still running",
          "Xem kết quả bằng lệnh list hoặc show", "Look at the result with list or show"),
    Fault("state.changed", 409, "Trạng thái vừa thay đổi bởi việc khác", "The state was changed by something else meanwhile",
          "Xem lại rồi thử lại", "Look again, then try again"),
    Fault("vxp.credentials", 401, "Sai SystemId hoặc SecretKey", "The system id or the secret is wrong",
          "Kiểm tra systemid, secret và tiêu đề hash-header (HMAC-SHA256 của sign-header)", "Check systemid, secret and hash-header (HMAC-SHA256 of sign-header)"),
    Fault("vxp.headers", 401, "Tiêu đề không khớp với phần đã ký", "The headers do not match what was signed",
          "Gửi đúng các giá trị đã ký trong sign-header, mỗi tên một lần", "Send exactly the values signed in sign-header, each name once"),
    Fault("vxp.timestamp", 401, "Thời gian ký ngoài khoảng cho phép", "The time of signing is outside the accepted window",
          "Chỉnh đồng hồ máy; ghi ddMMyyyy'T'HHmmss+SSSS theo giờ Việt Nam", "Set the clock; write ddMMyyyy'T'HHmmss+SSSS in Vietnamese time"),
    Fault("vxp.operation", 404, "Không có thao tác này", "There is no such operation",
          "Xem danh sách thao tác trong docs/vxp-codes.md", "See the operations in docs/vxp-codes.md"),
    Fault("vxp.hash_file", 422, "Tệp không khớp với hash-file", "The file does not match hash-file",
          "Gửi lại; hash-file là SHA-256 của tệp, không tính CRLF cuối", "Send again; hash-file is the file's SHA-256, without the final CRLF"),
    Fault("vxp.message_type", 422, "messagetype không đúng với nội dung gói", "messagetype does not fit the package",
          "Dùng 'status' cho gói trạng thái, 'edoc' cho văn bản", "Use 'status' for a status package, 'edoc' for a document"),
    Fault("vxp.agencies", 503, "Chưa lấy được danh mục đơn vị từ nền tảng", "The platform gave no list of agencies",
          "Gọi lại sau; báo quản trị nếu kéo dài", "Call again later; tell the administrator if it lasts"),
    Fault("vxp.agency", 422, "Trục không nhận thay đổi đơn vị này", "The axis does not take this change of an agency",
          "Kiểm tra mã đơn vị và đơn vị cấp trên (pcode)", "Check the agency's code and its superior (pcode)"),
    Fault("message.secret", 422, "Văn bản mang dấu mật: không được gửi qua cổng và không được lưu", "The document is marked as a state secret: it may not pass and was not stored",
          "Chuyển theo đường dành cho văn bản mật; nếu không phải văn bản mật, báo cán bộ bảo mật", "Use the channel for secret documents; if it is none, tell the security officer"),
    Fault("soap.must_understand", 422, "Khối tiêu đề SOAP bắt buộc nhưng không được hỗ trợ", "A mandatory SOAP header block is not understood",
          "Bỏ khối tiêu đề được chỉ ra hoặc bỏ mustUnderstand", "Remove the header block named, or its mustUnderstand"),
    Fault("soap.mime", 422, "Thông điệp SOAP nhiều phần (MIME) bị hỏng", "The multipart SOAP message (MIME) is damaged",
          "Kiểm tra boundary, Content-ID và Content-Transfer-Encoding của từng phần", "Check boundary, Content-ID and Content-Transfer-Encoding of each part"),
    Fault("pdf.malformed", 422, "Tệp PDF không đúng cấu trúc, không ký được", "The PDF is not well-formed and cannot be signed",
          "Xuất lại tệp PDF từ phần mềm soạn thảo", "Export the PDF again from the program it was written with"),
    Fault("pdf.encrypted", 422, "Tệp PDF được mã hóa hoặc đặt mật khẩu, không ký được", "The PDF is encrypted and cannot be signed",
          "Lưu lại tệp không có mật khẩu rồi ký", "Save the file without a password, then sign it"),
    Fault("pdf.xfa", 422, "Tệp PDF là biểu mẫu động (XFA), không ký được", "The PDF is a dynamic form (XFA) and cannot be signed",
          "In biểu mẫu ra PDF thường rồi ký", "Print the form into an ordinary PDF, then sign that"),
    Fault("pdf.certified", 422, "Tác giả đã chứng thực tệp PDF và không cho thêm chữ ký này", "The PDF was certified by its author, who does not allow this signature",
          "Đề nghị tác giả chừa sẵn ô chữ ký hoặc gửi tệp chưa chứng thực", "Ask its author for a prepared signature field, or for the file as it was before"),
    Fault("pdf.hybrid", 422, "Tệp PDF bị thêm phần lai (hybrid) sau chữ ký, các phần mềm sẽ thấy nội dung khác nhau", "A hybrid section was added to the PDF after it was signed; programs would show different content",
          "Dùng tệp gốc đã ký", "Use the file as it was signed"),
    Fault("pdf.signature_broken", 422, "Chữ ký đã có trong tệp PDF bị hỏng, không ký thêm được", "A signature that is in the PDF already is broken; no further one is added",
          "Lấy lại tệp từ người ký trước", "Get the file again from whoever signed it before"),
    Fault("sign.field", 409, "Ô chữ ký này đã được ký", "This signature field is signed already",
          "Chọn ô khác hoặc để trống tên ô", "Choose another field, or give no name"),
    Fault("sign.image", 422, "Ảnh con dấu hoặc chữ ký không dùng được", "The image of the seal or signature cannot be used",
          "Dùng PNG nền trong suốt, ghi độ phân giải hoặc nêu bề rộng thật (mm)", "Use a PNG with transparent ground that states its resolution, or give its true width (mm)"),
    Fault("sign.text", 422, "Nội dung chữ của chữ ký số không in được", "The text of the signature cannot be printed",
          "Chỉ dùng chữ tiếng Việt và La-tinh, không để trống", "Use Vietnamese and Latin letters, and at least one"),
    Fault("sign.place", 422, "Không tìm được chỗ đặt hình chữ ký số", "There is no place for the signature's image",
          "Nêu tọa độ, hoặc họ tên người ký in trong văn bản", "Give a position, or the signer's name as it is printed"),
    Fault("sign.no_stamp", 422, "Mức chữ ký này cần dấu thời gian nhưng không có", "This level of signature needs a time stamp, and there is none",
          "Khai báo máy chủ dấu thời gian (TSA), hoặc chấp nhận mức B-B", "Configure a time stamping authority (TSA), or accept level B-B"),
    Fault("sign.room", 422, "Dấu thời gian lớn hơn chỗ đã chừa trong tệp", "The time stamp is larger than the room kept for it",
          "Tăng dung lượng dành cho dấu thời gian rồi ký lại", "Keep more room for the time stamp, then sign again"),
    Fault("sign.key", 503, "Khóa ký không dùng được lúc này", "The signing key cannot be used now",
          "Xem chi tiết: sai tên khóa, sai PIN, thiết bị bận hoặc mất kết nối", "See the detail: unknown key, wrong PIN, device busy or offline"),
    Fault("sign.authority", 503, "Không lấy được dấu thời gian hoặc thông tin thu hồi", "The time stamp or the revocation data could not be obtained",
          "Kiểm tra kết nối đến TSA, OCSP, CRL rồi ký lại", "Check the connection to TSA, OCSP and CRL, then sign again"),
    Fault("sign.unsound", 500, "Chữ ký vừa tạo không qua được kiểm tra, tệp không được trả ra", "The signature just made did not pass its own verification; the file was not handed out",
          "Báo quản trị kèm chi tiết: chứng thư, chuỗi tin cậy, thời hạn", "Tell the administrator the detail: certificate, trusted chain, validity"),
)
# fmt: on


class GatewayError(Exception):
    """Root of the gateway's own exceptions."""


class Refusal(GatewayError):
    """Input or a call that is not accepted; raised where it is noticed, answered once, in the caller's dialect.

    *code* is a key of :data:`FAULTS`; *where* an XPath, JSON pointer, header name or position; *detail* one English
    sentence for the log and the integrator (never content, never a secret).
    """

    def __init__(self, code: str, where: str = "", detail: str = "", *, retry_after: float | None = None) -> None:
        self.fault = FAULTS[code]
        self.code = code
        self.where = where
        self.detail = detail
        self.retry_after = retry_after
        self.party = ""
        """The organisation in whose name the refused bytes came, once that is known."""
        super().__init__(f"{code} {where} {detail}".strip())


@contextmanager
def on_behalf_of(party: str) -> Iterator[None]:
    """Refusals raised inside name *party*, unless they name one already."""
    try:
        yield
    except Refusal as refusal:
        refusal.party = refusal.party or party
        raise


class StoreUnavailable(GatewayError):
    """The store cannot promise durability now; nothing was accepted and nothing may be acknowledged."""


class BodyDamaged(Refusal):
    """Stored bytes are missing or are not the bytes that were stored: an integrity incident."""

    def __init__(self, body_id: str, reason: str) -> None:
        self.body_id = body_id
        super().__init__("body.damaged", body_id, reason)


class Stale(GatewayError):
    """A conditional change found that somebody else had changed the row first."""
