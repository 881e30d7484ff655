"""A question about a file runs in a process that may die without taking the caller along."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.cli import confined
from gateway.cli.confined import Answer, Confined, Failure, Options


def behave(content: bytes, options: Options) -> Answer:
    match options["kind"]:
        case "spin":
            while True:
                pass
        case "swallow":
            hoard = [bytearray(16 << 20) for _ in range(64)]
            return {"size": len(hoard)}
        case "stumble":
            raise LookupError("a defect")
        case "sleep":
            time.sleep(60)
    return {"size": len(content)}


@pytest.fixture
def asked() -> Iterator[Confined]:
    one = Confined(behave)
    yield one
    one.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "f"
    path.write_bytes(b"12345")
    return path


@pytest.mark.parametrize(
    ("kind", "code", "seconds"),
    [
        ("spin", "limit.time", 0.5),
        ("sleep", "limit.time", 0.5),
        ("swallow", "limit.memory", confined.SECONDS),
        ("stumble", "internal", confined.SECONDS),
    ],
)
def test_a_file_that_costs_too_much_gets_a_reason_and_the_next_one_its_answer(
    file: Path, kind: str, code: str, seconds: float
) -> None:
    with closing(Confined(behave, seconds=seconds)) as asked:
        failure = asked.ask(file, {"kind": kind})
        assert isinstance(failure, Failure)
        assert failure.code == code
        assert asked.ask(file, {"kind": "read"}) == {"size": 5}


def test_only_a_regular_file_is_opened(asked: Confined, tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path, Path("/dev/zero"), tmp_path / "a\0b"):
        answer = asked.ask(path, {"kind": "read"})
        assert isinstance(answer, Failure), path
        assert answer.code == "file.unreadable"


def test_a_file_above_the_limit_is_not_read(asked: Confined, tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as opened:
        opened.truncate(confined.MAX_FILE + 1)
    assert asked.ask(large, {"kind": "read"}) == Failure("limit.body", f"more than {confined.MAX_FILE} bytes")
