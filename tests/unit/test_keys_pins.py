"""What is remembered of PINs, and when one may be tried."""

import os
from pathlib import Path

import pytest

from gateway.signing.keys.pin_memory import KEPT, PinMemory, TokenState

TOKEN = "lienthong/1"
FREE = TokenState("1")


def wrong(memory: PinMemory, pin: str) -> None:
    memory.trying(TOKEN, pin)
    memory.outcome(TOKEN, pin, "wrong")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "pins.json"


def test_a_new_pin_may_be_tried_and_one_that_was_wrong_not_again(path: Path) -> None:
    memory = PinMemory(path)
    assert memory.refusal(TOKEN, "1", FREE) == ""
    wrong(memory, "1")
    for one in (memory, PinMemory(path)):
        assert "wrong" in one.refusal(TOKEN, "1", FREE)
        assert one.refusal(TOKEN, "2", TokenState("1", count_low=True)) == ""
        assert one.refusal("another/2", "1", FREE) == ""


def test_going_back_to_a_wrong_pin_is_remembered_too(path: Path) -> None:
    memory = PinMemory(path)
    wrong(memory, "1")
    wrong(memory, "2")
    assert "wrong" in memory.refusal(TOKEN, "1", FREE)


def test_what_the_token_says_goes_before_what_is_remembered(path: Path) -> None:
    memory = PinMemory(path)
    memory.outcome(TOKEN, "1", "good")
    assert "locked" in memory.refusal(TOKEN, "1", TokenState("1", locked=True))
    assert "no PIN yet" in memory.refusal(TOKEN, "1", TokenState("1", initialized=False))
    assert "lock the token" in memory.refusal(TOKEN, "1", TokenState("1", final_try=True))


def test_an_expired_pin_is_told_apart(path: Path) -> None:
    memory = PinMemory(path)
    memory.outcome(TOKEN, "1", "expired")
    assert "expired" in memory.refusal(TOKEN, "1", FREE)


def test_a_pin_without_an_answer_is_tried_twice_and_one_that_was_good_for_ever(path: Path) -> None:
    for _ in range(2):
        memory = PinMemory(path)
        assert memory.refusal(TOKEN, "1", FREE) == ""
        memory.trying(TOKEN, "1")  # and the process dies
    assert "no answer" in PinMemory(path).refusal(TOKEN, "1", FREE)
    memory.outcome(TOKEN, "1", "good")
    for _ in range(5):
        memory.trying(TOKEN, "1")
    assert PinMemory(path).refusal(TOKEN, "1", FREE) == ""


def test_without_a_file_a_wrong_try_of_somebody_makes_us_careful(tmp_path: Path) -> None:
    low = TokenState("1", count_low=True)
    assert "operator" in PinMemory().refusal(TOKEN, "1", low)
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    assert "operator" in PinMemory(broken).refusal(TOKEN, "1", low)


def test_an_operator_allows_one_try_of_anything_but_a_locked_pin(path: Path) -> None:
    memory = PinMemory(path)
    wrong(memory, "1")
    memory.forget(TOKEN)
    assert memory.refusal(TOKEN, "1", TokenState("1", final_try=True)) == ""
    assert "locked" in memory.refusal(TOKEN, "1", TokenState("1", locked=True))
    wrong(memory, "1")
    assert "wrong" in memory.refusal(TOKEN, "1", FREE)


def test_what_another_process_wrote_counts_at_once(path: Path) -> None:
    service, person = PinMemory(path), PinMemory(path)
    wrong(service, "1")
    assert "wrong" in person.refusal(TOKEN, "1", FREE)
    assert not service.allowed(TOKEN)
    person.forget(TOKEN)
    assert service.allowed(TOKEN)
    assert service.refusal(TOKEN, "1", TokenState("1", final_try=True)) == ""
    wrong(service, "1")
    assert not person.allowed(TOKEN)
    assert "wrong" in person.refusal(TOKEN, "1", FREE)


def test_the_file_is_private_and_holds_no_pin_and_no_endless_list(path: Path) -> None:
    memory = PinMemory(path)
    for index in range(KEPT + 3):
        wrong(memory, f"27182{index}")
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert b"27182" not in path.read_bytes()
    assert len(memory._tokens[TOKEN]["pins"]) == KEPT
