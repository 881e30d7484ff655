"""Incidents, folded by cause: one open row per (code, subject), counted up."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from gateway.clock import from_millis
from gateway.model.incident import Incident
from gateway.storage.sqlite import rows
from gateway.storage.sqlite.transaction import Transaction, written

DETAIL_LIMIT = 2000
"""Characters kept of a detail: what a destination answers is foreign input (P7)."""


def raise_incident(tx: Transaction, code: str, subject: str, detail: str) -> Incident:
    """Open the incident of (code, subject) or count it up; the entry is written only when it opens."""
    row = tx.one(
        """INSERT INTO incidents (code, subject, detail, first_at, last_at, count, open) VALUES (?, ?, ?, ?, ?, 1, 1)
           ON CONFLICT (code, subject) WHERE open = 1 DO UPDATE
           SET detail = excluded.detail, last_at = excluded.last_at, count = count + 1
           RETURNING *""",
        code,
        subject,
        detail[:DETAIL_LIMIT],
        tx.millis,
        tx.millis,
    )
    if row is None:
        raise LookupError("an upsert returns its row")
    if row["count"] == 1:
        tx.entry("incident.opened", {"incident": rows.incident_key(code, subject), "code": code, "subject": subject})
    return rows.incident(row)


def close_incident(tx: Transaction, code: str, subject: str, actor: str) -> bool:
    """Close the open incident of (code, subject); False if there is none."""
    row = tx.one("SELECT * FROM incidents WHERE code = ? AND subject = ? AND open = 1", code, subject)
    if row is None:
        return False
    tx.do("UPDATE incidents SET open = 0 WHERE id = ?", row["id"])
    tx.entry(
        "incident.closed",
        {
            "incident": rows.incident_key(code, subject),
            "code": code,
            "subject": subject,
            "actor": actor,
            "count": row["count"],
            "first": written(from_millis(row["first_at"])),
            "last": written(from_millis(row["last_at"])),
        },
    )
    return True


def incidents(db: sqlite3.Connection, open_only: bool, limit: int) -> Sequence[Incident]:
    """Latest first."""
    found = db.execute(
        "SELECT * FROM incidents WHERE open >= ? ORDER BY last_at DESC, id DESC LIMIT ?", (int(open_only), limit)
    )
    return [rows.incident(row) for row in found]
