"""A token that is locked, hangs, dies or talks nonsense: what the caller hears, and how often the PIN is tried."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.ports.signing import KeyUnavailable
from gateway.signing.keys import line
from gateway.signing.keys.provider import Keys
from gateway.signing.keys.settings import Terms, TokenKey

TERMS = Terms(deadline=0.2, start=1, reread=0.02, pause=0.01, longest_pause=0.02)


@pytest.fixture(autouse=True)
def _stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "PROCESS", "tests.unit.keys_token_process")


async def heard(folder: Path, manner: str, *, memory: Path | None, allow: bool = False) -> tuple[KeyUnavailable, int]:
    """What a caller hears at last, and how often the PIN was tried until then."""
    tries = folder / "tries"
    settings = TokenKey("k", folder / manner, str(tries), "271828", label="k")
    keys = Keys([settings], warn=lambda *_: None, now=lambda: datetime.now(UTC), terms=TERMS, pin_memory=memory)
    try:
        await keys.open()
        if allow:
            await keys.allow_try("k")
        for _ in range(8):
            with pytest.raises(KeyUnavailable) as caught:
                await keys.key("k")
            await asyncio.sleep(TERMS.reread)  # its PIN is looked at anew
        return caught.value, len(tries.read_bytes()) if tries.exists() else 0
    finally:
        await keys.close()


@pytest.mark.parametrize(
    ("manner", "detail", "tries"),
    [
        ("wrong", "wrong", 1),
        ("len", "wrong", 1),
        ("expired", "expired", 1),
        ("locked", "locked", 0),
        ("final", "lock the token", 0),
    ],
)
async def test_a_refused_pin_is_told_as_it_is_and_left_alone(
    tmp_path: Path, manner: str, detail: str, tries: int
) -> None:
    reason, tried = await heard(tmp_path, manner, memory=tmp_path / "pins")
    assert (reason.code, reason.temporary, tried) == ("key.pin", False, tries)
    assert detail in reason.detail


async def test_an_operator_may_allow_the_final_try(tmp_path: Path) -> None:
    _, tried = await heard(tmp_path, "final", memory=tmp_path / "pins", allow=True)
    assert tried == 1


async def test_a_strangers_wrong_try_matters_only_if_nothing_can_be_remembered(tmp_path: Path) -> None:
    _, tried = await heard(tmp_path, "low", memory=None)
    assert tried == 0
    _, tried = await heard(tmp_path, "low", memory=tmp_path / "pins")
    assert tried > 0


@pytest.mark.parametrize("manner", ["die", "hang", "babble"])
async def test_a_login_without_an_answer_is_repeated_once_and_then_left_to_an_operator(
    tmp_path: Path, manner: str
) -> None:
    memory = tmp_path / "pins"
    for _ in range(4):
        reason, tried = await heard(tmp_path, manner, memory=memory)
    assert (reason.code, tried) == ("key.pin", 2)
    assert "no answer" in reason.detail


async def test_no_pin_is_tried_that_could_not_be_remembered(tmp_path: Path) -> None:
    reason, tried = await heard(tmp_path, "wrong", memory=tmp_path / "absent" / "pins")
    assert (reason.code, reason.temporary, tried) == ("key.offline", True, 0)
