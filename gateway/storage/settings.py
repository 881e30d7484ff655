"""What the store may be told from outside."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Sizes in bytes, times in seconds.

    *synchronous* is a negative control of the crash harness: with "OFF" nothing is flushed, promise P1 is broken on
    purpose, and the harness must notice. No configuration file can set it.
    """

    data_dir: Path
    inline_limit: int = 16 * 1024
    """Bodies up to this size live in a row, larger ones in a file."""
    quarantine_quota_bytes: int = 256 * 1024 * 1024
    """Open quarantine of one system (P7); platforms have no quota (principle 8)."""
    group_limit: int = 256
    """Units of work that share one commit at most."""
    queue_limit: int = 8192
    """Units of work that may wait for the writer; above it the store is unavailable rather than slow."""
    read_timeout: float = 5.0
    readers: int = 4
    synchronous: Literal["FULL", "OFF"] = "FULL"

    @property
    def database(self) -> Path:
        return self.data_dir / "gateway.db"

    @property
    def bodies(self) -> Path:
        return self.data_dir / "bodies"
