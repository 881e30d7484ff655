"""Sizes, durations, addresses, secrets."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from gateway.config import Address, Config, Secret, json_schema
from gateway.config.values import Surroundings, parse_address, parse_duration, parse_size

SCHEMA = Path(__file__).parents[2] / "schemas" / "config.schema.json"


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("512", 512),
        ("1B", 1),
        ("16KB", 16384),
        ("16 KiB", 16384),
        ("50MB", 52428800),
        ("1gb", 1024**3),
        (7, 7),
    ],
)
def test_a_size_is_bytes(text: object, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MB", "1.5MB", "-1", "1 MB MB", "1EB", True, -1, 1.5, None, []])
def test_a_size_that_cannot_be_read_is_refused(text: object) -> None:
    with pytest.raises(PydanticCustomError):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "seconds"), [("250ms", 0.25), ("10s", 10), ("1.5h", 5400), ("15m", 900), ("3d", 259200), ("0s", 0)]
)
def test_a_duration_is_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "10", 10, "s", "-1s", "1w", "1h30m", None, "1 s s"])
def test_a_duration_without_a_clear_unit_is_refused(text: object) -> None:
    with pytest.raises(PydanticCustomError):
        parse_duration(text)


@pytest.mark.parametrize("text", ["0.0.0.0:8443", "[::]:8443", "localhost:0", "gateway.example:65535"])
def test_an_address_is_written_as_it_was_read(text: str) -> None:
    address = parse_address(text)
    assert isinstance(address, Address) and str(address) == text


@pytest.mark.parametrize("text", ["8443", ":8443", "::1:8443", "host:", "host:99999", "host:1:2", "a b:1", 8443])
def test_an_address_that_is_none_is_refused(text: object) -> None:
    with pytest.raises(PydanticCustomError):
        parse_address(text)


def tree(secret: str) -> dict[str, object]:
    platform = {
        "id": "truc",
        "adapter": "vxp",
        "base_url": "https://axis.example",
        "environment": "test",
        "system_id": "x",
        "secret": secret,
    }
    return {"gateway": {"id": "g"}, "platforms": [platform]}


def opened(secret: str, around: Surroundings) -> Secret:
    return Config.model_validate(tree(secret), context=around).platforms[0].secret


def test_a_secret_is_read_from_the_environment() -> None:
    assert opened("env:NAME", Surroundings(environ={"NAME": "hunter2 "})).reveal() == "hunter2 "


def test_a_secret_is_read_from_a_file_without_its_last_line_end(tmp_path: Path) -> None:
    (tmp_path / "vxp").write_bytes(b"hunter2\r\n")
    assert opened("file:vxp", Surroundings(base=tmp_path)).reveal() == "hunter2"
    assert opened(f"file:{tmp_path}/vxp", Surroundings()).reveal() == "hunter2"


def test_a_secret_is_read_from_a_systemd_credential(tmp_path: Path) -> None:
    (tmp_path / "vxp").write_text("hunter2")
    assert (
        opened("credential:vxp", Surroundings(environ={"CREDENTIALS_DIRECTORY": str(tmp_path)})).reveal() == "hunter2"
    )


@pytest.mark.parametrize(
    "secret",
    [
        "hunter2",
        "",
        "env:",
        "env:NOT_SET",
        "env:EMPTY",
        "file:/nowhere/at/all",
        "file:large",
        "file:binary",
        "credential:a",
    ],
)
def test_a_secret_that_cannot_be_opened_is_refused(tmp_path: Path, secret: str) -> None:
    (tmp_path / "large").write_bytes(b"x" * 65537)
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(ValidationError):
        opened(secret, Surroundings(base=tmp_path, environ={"EMPTY": ""}))


def test_a_credential_s_name_does_not_leave_its_folder(tmp_path: Path) -> None:
    (tmp_path / "credentials").mkdir()
    (tmp_path / "outside").write_text("hunter2")
    around = Surroundings(environ={"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")})
    with pytest.raises(ValidationError):
        opened("credential:../outside", around)


def test_a_secret_never_shows_itself() -> None:
    config = Config.model_validate(tree("env:NAME"), context=Surroundings(environ={"NAME": "hunter2"}))
    shown = [repr(config), str(config), config.model_dump_json(), json.dumps(config.model_dump(mode="json"))]
    shown += [f"{config.platforms[0].secret}", repr(config.model_dump()), f"{config.platforms[0].secret!r:>40}"]
    assert not [text for text in shown if "hunter2" in text]
    with pytest.raises(TypeError):
        pickle.dumps(config.platforms[0].secret)


def test_a_configuration_never_changes() -> None:
    config = Config.model_validate({"gateway": {"id": "g"}})
    with pytest.raises(ValidationError):
        config.gateway.id = "other"  # type: ignore[misc]


def test_the_published_schema_is_the_current_one() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == json_schema(), "write it anew: lienthong check-config --schema"
