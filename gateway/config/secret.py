"""Secrets by reference: the configuration file names where a secret is, never the secret (DESIGN §5)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import PlainSerializer, PlainValidator, ValidationInfo, WithJsonSchema

from gateway.config.values import Surroundings, surroundings_of, wrong

_REFERENCE = re.compile(r"(env|file|credential):(.+)", re.DOTALL)
_LARGEST = 64 * 1024


class Secret:
    """A secret and where it came from. Whatever prints it prints the reference; only :meth:`reveal` gives the text."""

    __slots__ = ("_text", "reference")

    def __init__(self, reference: str, text: str | None) -> None:
        self.reference = reference
        self._text = text

    @property
    def opened(self) -> bool:
        """Whether the secret itself is known here."""
        return self._text is not None

    def reveal(self) -> str:
        """The secret itself. LookupError if the configuration was loaded without opening secrets."""
        if self._text is None:
            raise LookupError(f"the secret {self.reference} was not opened")
        return self._text

    def __repr__(self) -> str:
        return f"Secret({self.reference!r}, '********')"

    def __str__(self) -> str:
        return "********"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and (self.reference, self._text) == (other.reference, other._text)

    def __hash__(self) -> int:
        return hash((self.reference, self._text))

    def __reduce__(self) -> str:
        raise TypeError("a secret is not copied or pickled")


def open_secret(value: object, info: ValidationInfo) -> Secret:
    """``env:NAME``, ``file:PATH`` or ``credential:NAME`` (systemd's $CREDENTIALS_DIRECTORY) to its secret."""
    if isinstance(value, Secret):
        return value
    match = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise wrong(
            "Không ghi bí mật trực tiếp vào tệp cấu hình",
            "A secret must not stand in the configuration itself",
            'Ghi nơi cất: "env:TÊN_BIẾN", "file:/đường/dẫn" hoặc "credential:TÊN"; nếu bí mật này đã dùng, hãy đổi nó',
            'Say where it is: "env:NAME", "file:/path" or "credential:NAME"; if this one was in use, change it',
        )
    around = surroundings_of(info)
    if not around.opens_secrets:
        return Secret(match[0], None)
    text = _from_environment(match[2], around) if match[1] == "env" else _from_file(match[1], match[2], around)
    if not text:
        raise wrong(f"Bí mật {match[0]} rỗng", f"The secret {match[0]} is empty")
    return Secret(match[0], text)


def _from_environment(name: str, around: Surroundings) -> str:
    if name in around.environ:
        return around.environ[name]
    raise wrong(
        f"Biến môi trường {name} chưa được đặt",
        f"The environment variable {name} is not set",
        "Đặt biến trong dịch vụ (EnvironmentFile=) hoặc dùng credential:",
        "Set it for the service (EnvironmentFile=), or use credential:",
    )


def _from_file(scheme: str, name: str, around: Surroundings) -> str:
    path = around.base / name if scheme == "file" else _credential(name, around)
    try:
        with path.open("rb") as file:
            raw = file.read(_LARGEST + 1)
        if len(raw) > _LARGEST:
            raise wrong(f"Tệp bí mật {path} quá lớn", f"The secret file {path} is larger than 64 KB")
        return raw.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise wrong(f"Tệp bí mật {path} không phải UTF-8", f"The secret file {path} is not UTF-8") from None
    except OSError as error:
        raise wrong(
            f"Không đọc được tệp bí mật {path}",
            f"Cannot read the secret file {path}: {error.strerror}",
            "Kiểm tra đường dẫn và quyền đọc của tài khoản chạy dịch vụ",
            "Check the path, and that the service's account may read it",
        ) from None


def _credential(name: str, around: Surroundings) -> Path:
    folder = around.environ.get("CREDENTIALS_DIRECTORY")
    if folder and "/" not in name and name not in {".", ".."}:
        return Path(folder) / name
    raise wrong(
        f"Không mở được credential {name}: không chạy dưới systemd hoặc tên không hợp lệ",
        f"Cannot open the credential {name}: $CREDENTIALS_DIRECTORY is not set, or the name has a path in it",
        "Thêm LoadCredential= vào dịch vụ systemd",
        "Add LoadCredential= to the systemd unit",
    )


SecretReference = Annotated[
    Secret,
    PlainValidator(open_secret),
    PlainSerializer(lambda secret: secret.reference, return_type=str),
    WithJsonSchema({"type": "string", "pattern": "^(env|file|credential):.+", "examples": ["credential:vxp-secret"]}),
]
