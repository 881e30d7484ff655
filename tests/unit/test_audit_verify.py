"""Verification names what was done to a log: changed, removed, reordered, inserted, checkpoints altered or gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.checkpoint import Checkpoint
from gateway.audit.entry import canonical
from gateway.audit.merkle import leaf_hash, root_of
from gateway.audit.verify import Finding, Verdict, verify
from gateway.ports import StoredCheckpoint, StoredEntry

START = datetime(2026, 11, 22, 7, 0, tzinfo=UTC)
ORIGIN = "lienthong.example/test"


def entry(position: int, id: int | None = None, count: int | None = None) -> StoredEntry:
    at = START + timedelta(seconds=position)
    fields = {"network": "10.0.0.0/24", "count": position if count is None else count}
    raw = canonical("strangers.refused", at, fields)
    return StoredEntry(position + 1 if id is None else id, position, at, "strangers.refused", raw)


def checkpoint(entries: Sequence[StoredEntry], size: int) -> StoredCheckpoint:
    return StoredCheckpoint(size, root_of(leaf_hash(row.raw) for row in entries[:size]), START)


def renumbered(entries: Sequence[StoredEntry]) -> list[StoredEntry]:
    return [replace(row, position=position) for position, row in enumerate(entries)]


LOG = [entry(position) for position in range(20)]
SEALED = [checkpoint(LOG, size) for size in (5, 10, 15, 20)]


def found(verdict: Verdict) -> tuple[Finding, int | None, int | None]:
    return verdict.finding, verdict.position, verdict.last


def test_an_untouched_log_is_intact() -> None:
    verdict = verify(LOG, SEALED)
    assert verdict.intact
    assert (verdict.size, verdict.root) == (20, SEALED[-1].root)
    assert "20" in verdict.vi
    assert "20" in verdict.en


def test_an_empty_log_is_intact() -> None:
    assert verify([], []).intact


def test_a_changed_entry_is_found_in_the_range_its_checkpoint_covers() -> None:
    tampered = [*LOG[:7], entry(7, count=999), *LOG[8:]]
    verdict = verify(tampered, SEALED)
    assert found(verdict) == (Finding.ALTERED, 5, 9)
    assert "5" in verdict.vi
    assert "9" in verdict.en


def test_a_changed_entry_is_named_exactly_when_each_entry_has_a_checkpoint() -> None:
    each = [checkpoint(LOG, size) for size in range(1, 21)]
    verdict = verify([*LOG[:7], entry(7, count=999), *LOG[8:]], each)
    assert found(verdict) == (Finding.ALTERED, 7, 7)


def test_a_changed_entry_is_named_exactly_when_it_is_no_entry_any_more() -> None:
    broken = replace(LOG[8], raw=LOG[8].raw.replace(b":8", b": 8"))
    assert found(verify([*LOG[:8], broken, *LOG[9:]], SEALED)) == (Finding.ALTERED, 8, 8)


@pytest.mark.parametrize("change", [{"type": "server.started"}, {"at": START}])
def test_columns_that_contradict_the_sealed_bytes_are_found(change: dict[str, object]) -> None:
    liar = replace(LOG[12], **change)  # type: ignore[arg-type]
    assert found(verify([*LOG[:12], liar, *LOG[13:]], SEALED)) == (Finding.ALTERED, 12, 12)


def test_a_removed_entry_is_named() -> None:
    assert found(verify([*LOG[:11], *LOG[12:]], SEALED)) == (Finding.MISSING, 11, 11)


def test_several_removed_entries_are_named() -> None:
    assert found(verify([*LOG[:11], *LOG[14:]], SEALED)) == (Finding.MISSING, 11, 13)


def test_a_removed_entry_is_found_although_the_others_were_renumbered() -> None:
    assert found(verify(renumbered([*LOG[:11], *LOG[12:]]), SEALED)) == (Finding.MISSING, 10, 14)


def test_a_cut_off_end_is_found() -> None:
    assert found(verify(LOG[:17], SEALED)) == (Finding.MISSING, 15, 19)


def test_a_log_emptied_together_with_its_checkpoints_is_found_by_a_kept_checkpoint() -> None:
    kept = Checkpoint(ORIGIN, 20, SEALED[-1].root)
    assert verify([], []).intact
    assert found(verify([], [], [kept])) == (Finding.MISSING, 0, 19)


def test_two_entries_that_changed_places_are_named() -> None:
    swapped = renumbered([*LOG[:6], LOG[8], LOG[7], LOG[6], *LOG[9:]])
    assert found(verify(swapped, SEALED)) == (Finding.REORDERED, 6, 6)


def test_an_inserted_entry_is_named_although_the_others_were_renumbered() -> None:
    inserted = renumbered([*LOG[:6], entry(6, id=500, count=1), *LOG[6:]])
    assert found(verify(inserted, SEALED)) == (Finding.INSERTED, 6, 6)


def test_an_entry_at_a_taken_position_is_named() -> None:
    assert found(verify([*LOG[:7], entry(6, id=500), *LOG[7:]], SEALED)) == (Finding.INSERTED, 6, 6)


def test_an_entry_after_the_last_checkpoint_is_named() -> None:
    assert found(verify([*LOG, entry(20)], SEALED)) == (Finding.INSERTED, 20, 20)


def test_an_altered_checkpoint_is_told_from_altered_entries() -> None:
    forged = replace(SEALED[1], root=bytes(32))
    verdict = verify(LOG, [SEALED[0], forged, *SEALED[2:]])
    assert (verdict.finding, verdict.size, verdict.position) == (Finding.CHECKPOINT, 10, None)
    assert "10" in verdict.en


def test_a_second_checkpoint_of_one_size_must_agree_too() -> None:
    forged = replace(SEALED[3], root=bytes(32))
    for order in ([*SEALED, forged], [forged, *SEALED]):
        assert verify(LOG, order).finding is Finding.CHECKPOINT


def test_checkpoints_may_come_in_any_order() -> None:
    assert verify(LOG, SEALED[::-1]).intact


def test_a_log_rewritten_with_its_checkpoints_is_found_by_a_kept_checkpoint() -> None:
    rewritten = [*LOG[:7], entry(7, count=999), *LOG[8:]]
    new = [checkpoint(rewritten, size) for size in (5, 10, 15, 20)]
    kept = [Checkpoint(ORIGIN, 5, SEALED[0].root), Checkpoint(ORIGIN, 15, SEALED[2].root)]
    assert verify(rewritten, new).intact
    assert found(verify(rewritten, new, kept)) == (Finding.ALTERED, 5, 14)


def test_a_kept_checkpoint_does_not_widen_the_range_that_stored_ones_give() -> None:
    kept = [Checkpoint(ORIGIN, 20, SEALED[3].root)]
    tampered = [*LOG[:17], entry(17, count=999), *LOG[18:]]
    assert found(verify(tampered, SEALED, kept)) == (Finding.ALTERED, 15, 19)


def test_a_kept_checkpoint_of_an_untouched_log_holds() -> None:
    assert verify(LOG, SEALED, [Checkpoint(ORIGIN, 13, checkpoint(LOG, 13).root)]).intact


@given(st.data())
def test_no_change_of_content_order_or_number_goes_unnoticed(data: st.DataObject) -> None:
    log = list(LOG)
    at = data.draw(st.integers(0, 19))
    match data.draw(st.sampled_from(["change", "remove", "insert", "move"])):
        case "change":
            log[at] = replace(log[at], raw=entry(at, count=data.draw(st.integers(100, 999))).raw)
        case "remove":
            del log[at]
        case "insert":
            log.insert(at, entry(at, id=data.draw(st.integers(1, 99)), count=100))
        case "move":
            log.insert((at + data.draw(st.integers(1, 18))) % 19, log.pop(at))
            if [row.id for row in log] == list(range(1, 21)):
                return
    verdict = verify(renumbered(log), SEALED)
    assert not verdict.intact
    assert verdict.position is not None
    assert verdict.last is not None
    assert "{" not in verdict.vi + verdict.en
    changed = next((i for i, row in enumerate(log) if i > 19 or row.raw != LOG[i].raw), len(log))
    assert verdict.position <= changed
    assert verdict.last >= verdict.position
