"""The kinds of values a configuration holds: sizes, durations, addresses, paths, parties and references to secrets."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, PlainValidator, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from gateway.model.party import Parties

_SIZE = re.compile(r"(\d+)\s*(B|KB|KiB|MB|MiB|GB|GiB|TB|TiB)?", re.IGNORECASE)
_SIZE_UNITS = {"b": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)", re.IGNORECASE)
_DURATION_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_ADDRESS = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9._-]+)):(?P<port>\d{1,5})")
_PARTY = re.compile(r"[^\s*,;]+\*?|\*")
_HEADINGS = {"code", "organ_id", "organid", "party", "ma", "mã", "mã định danh", "ma_dinh_danh"}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What values are read against: *base* is the folder that relative paths start from."""

    base: Path = field(default_factory=Path)
    environ: Mapping[str, str] = field(default_factory=dict)
    opens_secrets: bool = True


def surroundings_of(info: ValidationInfo) -> Surroundings:
    """The surroundings handed to pydantic as context."""
    return info.context if isinstance(info.context, Surroundings) else Surroundings()


def wrong(vi: str, en: str, hint_vi: str = "", hint_en: str = "", **place: Any) -> PydanticCustomError:
    """An error that carries its own words; *place* (file, line) points elsewhere than the key, at a row of a list."""
    context = {"vi": vi, "en": en, "hint_vi": hint_vi, "hint_en": hint_en, **place}
    return PydanticCustomError("lienthong", "{en}", context)


def parse_size(value: object) -> int:
    """Bytes of "50MB", "16 KiB" or 4096. As in PostgreSQL, every unit is a power of 1024, with or without the "i"."""
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match:
        return int(match[1]) * _SIZE_UNITS[(match[2] or "b")[0].lower()]
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise wrong(
        "Kích thước không đọc được", "Not a size", 'Ví dụ: "50MB", "256KB", "1GB"', 'Write for example "50MB" or "1GB"'
    )


def parse_duration(value: object) -> float:
    """Seconds of "30s", "5m", "2h", "3d" or "250ms". A bare number is refused: nobody can tell its unit."""
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match:
        return float(match[1]) * _DURATION_UNITS[match[2].lower()]
    raise wrong(
        "Khoảng thời gian không đọc được",
        "Not a duration",
        'Ghi kèm đơn vị: "30s", "5m", "2h", "3d"',
        'Give a unit: "30s", "5m", "2h", "3d"',
    )


@dataclass(frozen=True, slots=True)
class Address:
    """Where a listener listens. Port 0 takes a free one."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        return is_loopback(self.host)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def is_loopback(host: str) -> bool:
    """Whether *host* is this machine itself."""
    return host in {"localhost", "::1"} or host.startswith("127.")


def parse_address(value: object) -> Address | None:
    """ "0.0.0.0:8443", "[::]:8443", "localhost:0"; "" is None: not listening."""
    if value is None or value == "":
        return None
    if isinstance(value, Address):
        return value
    match = _ADDRESS.fullmatch(value) if isinstance(value, str) else None
    if match and int(match["port"]) <= 65535:
        return Address(match["six"] or match["host"], int(match["port"]))
    raise wrong(
        "Địa chỉ nghe không đúng dạng máy:cổng",
        "Not an address of the form host:port",
        'Ví dụ: "0.0.0.0:8443" hoặc "[::]:8443"',
        'Write for example "0.0.0.0:8443" or "[::]:8443"',
    )


def parse_base_url(value: object) -> str:
    """An absolute http(s) URL without credentials, query and fragment, and without a slash at its end."""
    parts = urlsplit(value) if isinstance(value, str) else None
    if parts and parts.scheme in {"http", "https"} and _bare(parts.netloc) and not (parts.query or parts.fragment):
        return str(value).rstrip("/")
    raise wrong(
        "Địa chỉ nền tảng không hợp lệ",
        "Not a usable base URL",
        "Dạng https://máy/đường-dẫn, không kèm mật khẩu, '?' hay '#'",
        "Write https://host/path, without credentials, '?' or '#'",
    )


def parse_call_url(value: object) -> str:
    """An absolute http(s) URL to call, as it is: a query is allowed, credentials, blanks and a fragment are not."""
    parts = urlsplit(value) if isinstance(value, str) and not re.search(r"\s", value) else None
    if parts and parts.scheme in {"http", "https"} and _bare(parts.netloc) and not parts.fragment:
        return str(value)
    raise wrong(
        "Địa chỉ gọi đến không hợp lệ",
        "Not a usable URL",
        "Dạng https://máy/đường-dẫn, không kèm mật khẩu hay '#'",
        "Write https://host/path, without credentials or '#'",
    )


def _bare(netloc: str) -> bool:
    return bool(netloc) and "@" not in netloc and not re.search(r"\s", netloc)


def parse_expression(value: str) -> str:
    """A regular expression (Python's `re`) that can be compiled, by itself and as an alternative among others."""
    try:
        re.compile(f"(?:{value})")
    except re.error as error:
        raise wrong(
            f"Biểu thức chính quy không dùng được: {error}",
            f"Not a usable regular expression: {error}",
            "Trong TOML hãy viết giữa hai dấu nháy đơn: '\\bMẬT\\b'",
            "In TOML write it between single quotes: '\\bMẬT\\b'",
        ) from None
    return value


def parse_path(value: object, info: ValidationInfo) -> Path:
    """A path; a relative one starts at the folder of the configuration file."""
    if isinstance(value, str | Path) and str(value).strip():
        return surroundings_of(info).base / value
    raise wrong("Đường dẫn trống hoặc không phải chuỗi", "The path is empty or not a string")


def parse_parties(value: object, info: ValidationInfo) -> Parties:
    """A list of codes and patterns (``H53.*``), or the path of a CSV file whose first column holds them."""
    if isinstance(value, Parties):
        return value
    if isinstance(value, str):
        return _parties_of_file(surroundings_of(info).base / value)
    if isinstance(value, list | tuple) and value and all(isinstance(code, str) for code in value):
        return Parties(tuple(_party(code) for code in value))
    raise wrong(
        "Danh sách đơn vị trống hoặc sai dạng",
        "The list of parties is empty or not a list of strings",
        'Ví dụ: ["H53.1.2", "H53.5.*"] hoặc "don-vi.csv"',
        'Write for example ["H53.1.2", "H53.5.*"] or "parties.csv"',
    )


def is_party(code: str) -> bool:
    """Whether *code* is usable as a party's code or as a pattern."""
    return _PARTY.fullmatch(code) is not None


def _party(code: str, **place: Any) -> str:
    if is_party(code):
        return code
    raise wrong(
        f"Mã đơn vị '{code}' không dùng được",
        f"'{code}' is not a usable party code",
        "Không có dấu cách; dấu * chỉ đứng cuối, như H53.*",
        "No spaces; * only at the end, as in H53.*",
        **place,
    )


@dataclass(frozen=True, slots=True)
class PartyRow:
    """One code or pattern of a CSV file, as it stands there, with its line."""

    line: int
    code: str


def read_party_rows(path: Path) -> list[PartyRow]:
    """The first column of a CSV file in UTF-8, without a heading, empty cells and comments (#). Raises
    PydanticCustomError if it cannot be read or holds nothing.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise wrong(
            f"Không đọc được danh sách đơn vị {path}",
            f"Cannot read the list of parties {path}: {_reason(error)}",
            "Tệp CSV mã UTF-8, cột đầu là mã định danh",
            "A CSV file in UTF-8 whose first column is the party code",
        ) from None
    reader = csv.reader(text.splitlines())
    rows = [PartyRow(reader.line_num, row[0].strip()) for row in reader if row]
    if rows and rows[0].code.casefold() in _HEADINGS:
        rows = rows[1:]
    rows = [row for row in rows if row.code and not row.code.startswith("#")]
    if not rows:
        raise wrong(f"Danh sách đơn vị {path} không có mã nào", f"The list of parties {path} holds no code")
    return rows


def _parties_of_file(path: Path) -> Parties:
    rows = read_party_rows(path)
    return Parties(tuple(_party(row.code, file=str(path), line=row.line) for row in rows))


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return error.strerror or "error" if isinstance(error, OSError) else "not UTF-8"


Size = Annotated[
    int, BeforeValidator(parse_size), WithJsonSchema({"type": ["string", "integer"], "examples": ["50MB"]})
]
"""Bytes."""
Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?\s*(ms|s|m|h|d)$", "examples": ["30s"]}),
]
"""Seconds."""
Listening = Annotated[
    Address | None,
    PlainValidator(parse_address),
    PlainSerializer(lambda address: str(address or "")),
    WithJsonSchema({"type": "string", "examples": ["0.0.0.0:8443"]}),
]
"""An address to listen on; None when off."""
Expression = Annotated[str, AfterValidator(parse_expression), WithJsonSchema({"type": "string", "format": "regex"})]
"""A regular expression, kept as it is written."""
BaseUrl = Annotated[str, PlainValidator(parse_base_url), WithJsonSchema({"type": "string", "format": "uri"})]
CallUrl = Annotated[str, PlainValidator(parse_call_url), WithJsonSchema({"type": "string", "format": "uri"})]
FilePath = Annotated[Path, PlainValidator(parse_path), PlainSerializer(str), WithJsonSchema({"type": "string"})]
PartyList = Annotated[
    Parties,
    PlainValidator(parse_parties),
    PlainSerializer(lambda parties: list(parties.patterns)),
    WithJsonSchema(
        {"oneOf": [{"type": "array", "items": {"type": "string"}, "minItems": 1}, {"type": "string", "minLength": 1}]}
    ),
]
