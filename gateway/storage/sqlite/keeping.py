"""Rows of bodies."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from io import BytesIO

from gateway.clock import to_millis
from gateway.model.message import BodyRef
from gateway.storage.bodies import Body, framed, unframed
from gateway.storage.sqlite.transaction import Transaction


def keep(tx: Transaction, body: Body) -> BodyRef:
    """Write the row that makes *body* part of this commit."""
    content = None if body.content is None else framed(body.content)
    tx.do(
        "INSERT INTO bodies (id, retention, sha256, size, kept_at, path, content) VALUES (?, ?, ?, ?, ?, ?, ?)",
        body.id,
        body.retention,
        body.sha256,
        body.size,
        to_millis(body.at),
        body.path,
        content,
    )
    body.kept = True
    return BodyRef(body.id, body.sha256, body.size)


@dataclass(frozen=True, slots=True)
class Kept:
    """Where a body is: *content* (verified) if it is in the row, else *path* of its file."""

    sha256: str
    path: str
    content: bytes


def find(db: sqlite3.Connection, body_id: str) -> Kept | None:
    """Read a body's row; None if there is no such body. Raises BodyDamaged."""
    row = db.execute("SELECT sha256, path, content FROM bodies WHERE id = ?", (body_id,)).fetchone()
    if row is None:
        return None
    if row["path"]:
        return Kept(row["sha256"], row["path"], b"")
    return Kept(row["sha256"], "", unframed(body_id, BytesIO(row["content"]), row["sha256"]))
