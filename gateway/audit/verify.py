"""Checking a log: recompute the tree over its entries and hold it against every checkpoint.

A root says that something before it changed, not what. So the first entry at fault is named exactly where the rows
themselves give it away (a gap, a repeated position, a disturbed order, a row whose columns contradict its bytes), and
otherwise as the range of entries between the last root that held and the first that did not.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from gateway.audit.checkpoint import Checkpoint
from gateway.audit.entry import InvalidEntry, parse
from gateway.audit.merkle import Frontier, leaf_hash
from gateway.ports import StoredCheckpoint, StoredEntry

_CLOCK_GRAIN = timedelta(milliseconds=2)
"""Stores keep milliseconds; two roundings may differ by one."""


class Finding(StrEnum):
    """What a verification found; stable codes."""

    INTACT = "audit.intact"
    ALTERED = "audit.altered"
    MISSING = "audit.missing"
    REORDERED = "audit.reordered"
    INSERTED = "audit.inserted"
    CHECKPOINT = "audit.checkpoint"


_SENTENCES = {
    Finding.INTACT: (
        "Nhật ký nguyên vẹn: {size} mục khớp với mọi điểm kiểm tra.",
        "The log is intact: {size} entries agree with every checkpoint.",
    ),
    Finding.ALTERED: (
        "Nội dung đã bị sửa: {place_vi} không còn như khi niêm phong.",
        "Altered: {place_en} not what was sealed.",
    ),
    Finding.MISSING: ("Bị xóa: thiếu {place_vi}.", "Missing: {place_en} no longer in the log."),
    Finding.REORDERED: (
        "Thứ tự đã bị đảo, bắt đầu từ {place_vi}.",
        "Reordered: {place_en} the first out of place.",
    ),
    Finding.INSERTED: (
        "Bị chèn thêm: {place_vi} không thuộc nhật ký đã niêm phong.",
        "Inserted: {place_en} not part of the sealed log.",
    ),
    Finding.CHECKPOINT: (
        "Điểm kiểm tra tại kích thước {size} đã bị sửa; các mục khớp với điểm kiểm tra sau đó.",
        "The checkpoint at size {size} was altered; the entries agree with a later checkpoint.",
    ),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """*position* is the first entry at fault and *last* the end of the range it lies in (equal if it is known exactly);
    both None if no entry is. *size* and *root* are of the tree as recomputed where this was found.
    """

    finding: Finding
    size: int
    root: bytes
    position: int | None = None
    last: int | None = None

    @property
    def intact(self) -> bool:
        return self.finding is Finding.INTACT

    @property
    def vi(self) -> str:
        """The verdict as a Vietnamese sentence."""
        return self._sentence(0)

    @property
    def en(self) -> str:
        """The verdict as an English sentence."""
        return self._sentence(1)

    def _sentence(self, language: int) -> str:
        one = self.position == self.last
        vi = f"mục {self.position}" if one else f"một mục trong khoảng {self.position} đến {self.last}"
        en = f"entry {self.position} is" if one else f"an entry between {self.position} and {self.last} is"
        return _SENTENCES[self.finding][language].format(size=self.size, place_vi=vi, place_en=en)


@dataclass(frozen=True, slots=True)
class _Mark:
    """A root the log must have at *size*; *kept* if it was kept outside the store and therefore outranks it."""

    size: int
    kept: bool
    root: bytes


class Verification:
    """One pass over a log's entries, in position order. Memory: the checkpoints, and 8 bytes per entry since the last
    root that held.
    """

    def __init__(self, checkpoints: Iterable[StoredCheckpoint], kept: Iterable[Checkpoint] = ()) -> None:
        marks = [_Mark(point.size, False, point.root) for point in checkpoints]
        marks += [_Mark(point.size, True, point.root) for point in kept]
        self._marks = sorted(marks, key=lambda mark: (mark.size, mark.kept), reverse=True)
        self._frontier = Frontier()
        self._held = 0
        self._kept_held = 0
        self._ids = array("q")
        self._suspect: tuple[Finding, int] | None = None
        self._fault: Verdict | None = None
        self._mismatch: Verdict | None = None
        self._break: Verdict | None = None
        self._bad_checkpoint: Verdict | None = None
        self._surplus = False
        self._compare()

    def feed(self, entries: Iterable[StoredEntry]) -> bool:
        """Take the next entries. False if those after them cannot change the verdict."""
        return all(self._take(entry) for entry in entries)

    def verdict(self) -> Verdict:
        """What was found so far; to be asked after the last entry."""
        faulty = self._fault or self._renamed(self._mismatch) or self._break
        if faulty is None and self._marks:
            faulty = self._entry_fault(Finding.MISSING, self._held, self._marks[0].size - 1)
        return faulty or self._bad_checkpoint or self._plain(Finding.INTACT)

    def _take(self, entry: StoredEntry) -> bool:
        due = self._frontier.size
        if entry.position is None or entry.position < due:
            self._break = self._entry_fault(Finding.INSERTED, entry.position or 0)
        elif entry.position > due:
            self._break = self._entry_fault(Finding.MISSING, due, entry.position - 1)
        elif not self._marks:
            self._surplus = True
            self._break = self._entry_fault(Finding.INSERTED, due)
        else:
            self._look(entry, due)
            self._frontier.append(leaf_hash(entry.raw))
            self._compare()
            return True
        return False

    def _look(self, entry: StoredEntry, position: int) -> None:
        """Note the first entry since the last good root that gives itself away."""
        if self._suspect:
            return
        if self._ids and entry.id < self._ids[-1]:
            first_wrong = position - len(self._ids) + bisect_right(self._ids, entry.id)
            self._suspect = (Finding.REORDERED, first_wrong)
        elif not _agrees(entry):
            self._suspect = (Finding.ALTERED, position)
        self._ids.append(entry.id)

    def _compare(self) -> None:
        """Hold the tree against every checkpoint of its present size."""
        while self._marks and self._marks[-1].size == self._frontier.size:
            mark = self._marks.pop()
            if mark.root == self._frontier.root():
                self._hold(mark)
            elif mark.kept:
                self._fault = self._fault or self._mismatch or self._located(self._kept_held)
            elif self._held == mark.size > 0:
                self._bad_checkpoint = self._bad_checkpoint or self._plain(Finding.CHECKPOINT)
            else:
                self._mismatch = self._mismatch or self._located(self._held)

    def _hold(self, mark: _Mark) -> None:
        """The tree agrees with *mark*: an earlier disagreement was the checkpoint's fault, not an entry's."""
        if self._mismatch:
            cleared = replace(self._mismatch, finding=Finding.CHECKPOINT, position=None, last=None)
            self._bad_checkpoint, self._mismatch = self._bad_checkpoint or cleared, None
        if self._suspect and self._suspect[0] is Finding.ALTERED:
            self._fault = self._fault or self._entry_fault(*self._suspect)
        self._held = mark.size
        self._kept_held = mark.size if mark.kept else self._kept_held
        self._suspect = None
        del self._ids[:]

    def _located(self, since: int) -> Verdict:
        """The disagreement at the present size, as exactly as the rows allow."""
        if self._suspect:
            return self._entry_fault(*self._suspect)
        return self._entry_fault(Finding.ALTERED, since, max(since, self._frontier.size - 1))

    def _renamed(self, mismatch: Verdict | None) -> Verdict | None:
        """An insertion or removal with all later rows renumbered shows as a changed root and another count."""
        if mismatch is None or (self._break and not self._surplus):
            return mismatch
        finding = Finding.INSERTED if self._surplus else Finding.MISSING if self._marks else mismatch.finding
        return replace(mismatch, finding=finding)

    def _plain(self, finding: Finding) -> Verdict:
        return Verdict(finding, self._frontier.size, self._frontier.root())

    def _entry_fault(self, finding: Finding, position: int, last: int | None = None) -> Verdict:
        return replace(self._plain(finding), position=position, last=position if last is None else last)


def verify(
    entries: Iterable[StoredEntry], checkpoints: Iterable[StoredCheckpoint], kept: Iterable[Checkpoint] = ()
) -> Verdict:
    """The verdict on sealed *entries* in position order; *kept* are checkpoints from outside the store."""
    verification = Verification(checkpoints, kept)
    verification.feed(entries)
    return verification.verdict()


def _agrees(entry: StoredEntry) -> bool:
    """Whether the row's columns say what its bytes say; a row that lies about them misleads every search."""
    try:
        inside = parse(entry.raw)
    except InvalidEntry:
        return False
    return inside.type == entry.type and abs(inside.at - entry.at) < _CLOCK_GRAIN
