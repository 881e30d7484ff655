"""The kinds of finding: stable code, severity and texts, Vietnamese first. `{name}` is the element's name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Severity(StrEnum):
    """*error*: not conformant; *warning*: understood, but a peer may not; *note*: harmless."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Kind:
    """The texts of one kind of finding, in both languages: what is wrong, and what to do."""

    code: str
    severity: Severity
    vi: str
    en: str
    remedy_vi: str
    remedy_en: str


def _catalogue(*kinds: Kind) -> Mapping[str, Kind]:
    return {kind.code: kind for kind in kinds}


KINDS: Final = _catalogue(
    Kind(
        "text.bom",
        Severity.NOTE,
        "Tệp bắt đầu bằng BOM",
        "The file starts with a byte order mark",
        "Ghi UTF-8 không BOM",
        "Write UTF-8 without a byte order mark",
    ),
    Kind(
        "text.crlf",
        Severity.NOTE,
        "Tệp dùng xuống dòng CRLF",
        "The file uses CRLF line ends",
        "Dùng LF",
        "Use LF",
    ),
    Kind(
        "text.junk",
        Severity.ERROR,
        "Có ký tự thừa trước khai báo XML ({detail})",
        "There is junk before the XML declaration ({detail})",
        "Xóa mọi ký tự trước '<?xml'",
        "Remove everything before '<?xml'",
    ),
    Kind(
        "text.label",
        Severity.ERROR,
        "Bảng mã khai báo ({detail}) không đúng với nội dung",
        "The declared encoding ({detail}) is not that of the bytes",
        'Khai báo encoding="UTF-8"',
        'Declare encoding="UTF-8"',
    ),
    Kind(
        "text.utf16",
        Severity.WARNING,
        "Tệp dùng UTF-16",
        "The file is UTF-16",
        "Ghi tệp bằng UTF-8",
        "Write the file as UTF-8",
    ),
    Kind(
        "text.nfc",
        Severity.NOTE,
        "Chữ trong {name} không ở dạng dựng sẵn (NFC)",
        "Text of {name} is not in NFC",
        "Chuẩn hóa Unicode dựng sẵn (NFC)",
        "Normalise text to NFC",
    ),
    Kind(
        "text.null",
        Severity.WARNING,
        "{name} ghi chữ 'null' thay cho giá trị",
        "{name} says 'null' instead of a value",
        "Bỏ phần tử khi không có giá trị",
        "Leave the element out when there is no value",
    ),
    Kind(
        "text.length",
        Severity.WARNING,
        "{name} dài {length} ký tự, quá {most}",
        "{name} has {length} characters, over {most}",
        "Rút ngắn còn tối đa {most} ký tự",
        "Shorten it to at most {most} characters",
    ),
    Kind(
        "text.stray",
        Severity.WARNING,
        "Có chữ lạc trong {name}",
        "There is stray text in {name}",
        "Chỉ để phần tử con trong {name}",
        "Put only child elements in {name}",
    ),
    Kind(
        "namespace.missing",
        Severity.WARNING,
        "Thiếu namespace edXML",
        "The edXML namespace is missing",
        'Khai báo xmlns="http://www.mic.gov.vn/TBT/QCVN_102_2016" ở gốc',
        'Declare xmlns="http://www.mic.gov.vn/TBT/QCVN_102_2016" at the root',
    ),
    Kind(
        "namespace.old",
        Severity.WARNING,
        "Dùng namespace cũ",
        "An old namespace is used",
        "Dùng http://www.mic.gov.vn/TBT/QCVN_102_2016",
        "Use http://www.mic.gov.vn/TBT/QCVN_102_2016",
    ),
    Kind(
        "namespace.prefix",
        Severity.WARNING,
        "Tiền tố khác 'edXML' trong phong bì",
        "A prefix other than 'edXML' in the envelope",
        "Dùng tiền tố 'edXML': phần mềm cũ tìm theo tiền tố",
        "Use the prefix 'edXML': old software searches by prefix",
    ),
    Kind(
        "namespace.undeclared",
        Severity.ERROR,
        "Tiền tố '{detail}' chưa được khai báo",
        "The prefix '{detail}' is not declared",
        "Khai báo xmlns:{detail} ở gốc hoặc bỏ thuộc tính",
        "Declare xmlns:{detail} at the root or drop it",
    ),
    Kind(
        "element.missing",
        Severity.WARNING,
        "Thiếu {name}",
        "{name} is missing",
        "Bổ sung {name}",
        "Add {name}",
    ),
    Kind(
        "element.empty",
        Severity.NOTE,
        "{name} rỗng",
        "{name} is empty",
        "Bỏ phần tử khi không có giá trị",
        "Leave the element out when there is no value",
    ),
    Kind(
        "element.order",
        Severity.WARNING,
        "{name} không đúng thứ tự",
        "{name} is out of order",
        "Đặt {name} theo thứ tự của thư viện edXML",
        "Put {name} in the order of the edXML library",
    ),
    Kind(
        "element.unknown",
        Severity.WARNING,
        "{name} không thuộc edXML, bị bỏ qua",
        "{name} is not part of edXML and is ignored",
        "Bỏ phần tử này; trục cũng sẽ bỏ",
        "Remove it; the axis drops it too",
    ),
    Kind(
        "element.ignored",
        Severity.NOTE,
        "{name} không được chuyển tiếp",
        "{name} is known but not carried on",
        "Không cần làm gì",
        "Nothing to do",
    ),
    Kind(
        "element.repeated",
        Severity.WARNING,
        "{name} lặp lại; chỉ dùng phần tử đầu",
        "{name} is repeated; only the first counts",
        "Chỉ ghi {name} một lần",
        "Write {name} once",
    ),
    Kind(
        "element.place",
        Severity.WARNING,
        "{name} nằm sai chỗ",
        "{name} is in the wrong place",
        "Đặt {name} ngay dưới gốc edXML",
        "Put {name} directly under the root edXML",
    ),
    Kind(
        "element.dotnet",
        Severity.NOTE,
        "{name} mang thuộc tính của bộ SDK .NET",
        "{name} has attributes of the .NET SDK",
        "Không cần làm gì",
        "Nothing to do",
    ),
    Kind(
        "value.date",
        Severity.WARNING,
        "{name} không ghi theo yyyy/MM/dd",
        "{name} is not written yyyy/MM/dd",
        "Ghi yyyy/MM/dd (thời điểm: yyyy/MM/dd HH:mm:ss)",
        "Write yyyy/MM/dd (moments: yyyy/MM/dd HH:mm:ss)",
    ),
    Kind(
        "value.unreadable",
        Severity.ERROR,
        "Không đọc được giá trị của {name}, bị bỏ qua",
        "The value of {name} cannot be read and is ignored",
        "Sửa giá trị theo đúng kiểu ({detail})",
        "Correct the value; it should be a {detail}",
    ),
    Kind(
        "value.range",
        Severity.WARNING,
        "Giá trị của {name} ngoài danh mục",
        "The value of {name} is outside its list",
        "Dùng giá trị trong danh mục: {detail}",
        "Use a value of the list: {detail}",
    ),
    Kind(
        "organ.opaque",
        Severity.NOTE,
        "Mã định danh không theo QCVN 102 hay QĐ 20",
        "The code follows neither QCVN 102 nor QĐ 20",
        "Kiểm tra mã trong danh bạ của trục",
        "Check the code in the axis' directory",
    ),
    Kind(
        "organ.repeated",
        Severity.WARNING,
        "Nơi nhận lặp lại",
        "A recipient is repeated",
        "Ghi mỗi nơi nhận một lần",
        "Name each recipient once",
    ),
    Kind(
        "document.id_derived",
        Severity.WARNING,
        "Thiếu DocumentId; đã lập từ đơn vị, ngày và số ký hiệu",
        "DocumentId is missing; it was derived from organisation, date and code",
        "Ghi DocumentId: <OrganId>,<yyyy/MM/dd>,<số>/<ký hiệu>",
        "Write DocumentId: <OrganId>,<yyyy/MM/dd>,<number>/<notation>",
    ),
    Kind(
        "business.missing",
        Severity.WARNING,
        "Thiếu Bussiness; coi là văn bản mới",
        "Bussiness is missing; taken as a new document",
        "Ghi Bussiness với BussinessDocType 0…3",
        "Write Bussiness with BussinessDocType 0…3",
    ),
    Kind(
        "signature.ignored",
        Severity.NOTE,
        "Signature của gói không được dùng làm chứng cứ",
        "The package's Signature is not used as evidence",
        "Ký số trên tệp PDF; trục làm hỏng chữ ký của gói",
        "Sign the PDF; the axis breaks a signature of the package",
    ),
    Kind(
        "attachment.id",
        Severity.NOTE,
        "ContentId không có 'cid:'",
        "ContentId has no 'cid:'",
        "Ghi 'cid:<mã>'",
        "Write 'cid:<id>'",
    ),
    Kind(
        "attachment.unlisted",
        Severity.ERROR,
        "Tệp không có Reference trong danh mục",
        "The file has no Reference in the manifest",
        "Thêm Reference cùng ContentId",
        "Add a Reference of the same ContentId",
    ),
    Kind(
        "attachment.absent",
        Severity.ERROR,
        "Reference không có tệp kèm theo",
        "The Reference has no file",
        "Thêm Attachment cùng ContentId",
        "Add an Attachment of the same ContentId",
    ),
    Kind(
        "attachment.type",
        Severity.WARNING,
        "ContentType không phải application/zip nhưng nội dung là ZIP",
        "ContentType is not application/zip but the content is a ZIP",
        "Ghi application/zip khi bọc ZIP",
        "Write application/zip when wrapping in a ZIP",
    ),
    Kind(
        "attachment.zip_kept",
        Severity.WARNING,
        "Tệp ZIP không theo quy ước bọc (một tệp <uuid>.<đuôi>); giữ nguyên",
        "The ZIP is not a wrapping (one entry <uuid>.<extension>) and is kept as it is",
        "Bọc đúng một tệp, cùng đuôi với AttachmentName",
        "Wrap exactly one file with the extension of AttachmentName",
    ),
    Kind(
        "attachment.spaces",
        Severity.NOTE,
        "Base64 có khoảng trắng hoặc xuống dòng",
        "The base64 has white space",
        "Ghi base64 liền một dòng",
        "Write base64 in one line",
    ),
    Kind(
        "attachment.empty",
        Severity.WARNING,
        "Tệp đính kèm rỗng",
        "The attachment is empty",
        "Kiểm tra tệp gốc",
        "Check the original file",
    ),
    Kind(
        "strict.structure",
        Severity.ERROR,
        "Cấu trúc tại {name} không đúng: {detail}",
        "The structure at {name} is not valid: {detail}",
        "Theo thứ tự và số lần của lược đồ edxml.xsd",
        "Follow order and cardinality of edxml.xsd",
    ),
    Kind(
        "strict.value",
        Severity.ERROR,
        "Giá trị của {name} không đúng kiểu: {detail}",
        "The value of {name} is not valid: {detail}",
        "Theo kiểu dữ liệu của lược đồ edxml.xsd",
        "Follow the type in edxml.xsd",
    ),
    Kind(
        "findings.more",
        Severity.NOTE,
        "Còn {count} nhận xét khác",
        "{count} more findings",
        "Sửa các lỗi trên rồi kiểm tra lại",
        "Correct the above and check again",
    ),
)
