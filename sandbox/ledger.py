"""What a simulated system has received or heard accepted, kept in a journal file so that a restart does not forget."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Ledger:
    """Append-only records by key. With a path every record is a JSON line, handed to the operating system at once."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self.records: dict[str, Mapping[str, Any]] = {}
        self.seen: dict[str, int] = {}
        if path is not None and path.exists():
            self._replay(path)

    def add(self, key: str, **fields: Any) -> bool:
        """Record one occurrence; True if the key is new. Later occurrences only count."""
        is_new = key not in self.seen
        record = {"key": key, **(fields if is_new else {})}
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as journal:
                journal.write(json.dumps(record, ensure_ascii=False) + "\n")
        self._count(record)
        return is_new

    def __contains__(self, key: object) -> bool:
        return key in self.seen

    @property
    def distinct(self) -> int:
        """How many different keys."""
        return len(self.seen)

    @property
    def repeated(self) -> int:
        """How many occurrences beyond the first of their key."""
        return sum(self.seen.values()) - len(self.seen)

    def _replay(self, path: Path) -> None:
        """Count what the journal holds; a last line torn by a crash was never confirmed to anybody and is cut off."""
        whole, _, torn = path.read_bytes().rpartition(b"\n")
        if torn:
            path.write_bytes(whole + b"\n" if whole else b"")
        for line in whole.splitlines():
            self._count(json.loads(line))

    def _count(self, record: Mapping[str, Any]) -> None:
        key = str(record["key"])
        self.records.setdefault(key, record)
        self.seen[key] = self.seen.get(key, 0) + 1
