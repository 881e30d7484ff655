"""What the sealer and the verifier need: entries in commit order, and the tree's checkpoints."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from gateway.clock import to_millis
from gateway.errors import Stale
from gateway.ports import StoredCheckpoint, StoredEntry
from gateway.storage.sqlite import rows
from gateway.storage.sqlite.transaction import Transaction


def seal(tx: Transaction, entries: Sequence[StoredEntry], first_position: int, checkpoint: StoredCheckpoint) -> None:
    """Give *entries* the positions from *first_position* on and store the checkpoint. Stale if the tree is not of
    that size, or an entry was sealed before; ValueError if the checkpoint is not of the size that follows.
    """
    if checkpoint.size != first_position + len(entries):
        raise ValueError(f"a checkpoint of size {checkpoint.size} does not follow from these entries")
    if (size := _size(tx.db)) != first_position:
        raise Stale(f"the tree has {size} entries, not {first_position}")
    for position, entry in enumerate(entries, first_position):
        if not tx.do("UPDATE entries SET position = ? WHERE id = ? AND position IS NULL", position, entry.id):
            raise Stale(f"entry {entry.id} was sealed before")
    tx.do(
        "INSERT INTO checkpoints (size, root, at) VALUES (?, ?, ?)",
        checkpoint.size,
        checkpoint.root,
        to_millis(checkpoint.at),
    )


def unsealed(db: sqlite3.Connection, limit: int) -> Sequence[StoredEntry]:
    """Entries without a position, in commit order."""
    found = db.execute("SELECT * FROM entries WHERE position IS NULL ORDER BY id LIMIT ?", (limit,))
    return [rows.entry(row) for row in found]


def sealed(db: sqlite3.Connection, start: int, limit: int) -> Sequence[StoredEntry]:
    """Entries from position *start* on."""
    found = db.execute("SELECT * FROM entries WHERE position >= ? ORDER BY position LIMIT ?", (start, limit))
    return [rows.entry(row) for row in found]


def last_checkpoint(db: sqlite3.Connection) -> StoredCheckpoint | None:
    """The newest checkpoint; None before the first sealing."""
    row = db.execute("SELECT * FROM checkpoints ORDER BY id DESC LIMIT 1").fetchone()
    return rows.checkpoint(row) if row else None


def checkpoints(db: sqlite3.Connection, limit: int) -> Sequence[StoredCheckpoint]:
    """The newest *limit* checkpoints, oldest first."""
    found = db.execute("SELECT * FROM checkpoints ORDER BY id DESC LIMIT ?", (limit,)).fetchall()
    return [rows.checkpoint(row) for row in reversed(found)]


def _size(db: sqlite3.Connection) -> int:
    row = db.execute("SELECT coalesce(max(position) + 1, 0) AS size FROM entries").fetchone()
    return int(row["size"])
