"""State secrets: what stays on record of a body that is not kept (DESIGN §7)."""

from __future__ import annotations

import sqlite3

from gateway.ports import Withholding
from gateway.storage.sqlite import incidents
from gateway.storage.sqlite.transaction import Transaction

CODE = "message.secret"
"""The incident, and the refusal that our own systems hear."""


def withhold(tx: Transaction, item: Withholding) -> None:
    """Entry and incident; a system that repeats its mistake leaves one entry and a growing count."""
    known = tx.one(
        "SELECT 1 FROM withheld WHERE peer = ? AND reference = ? AND sha256 = ?", item.peer, item.reference, item.sha256
    )
    tx.do(
        """INSERT INTO withheld (peer, reference, sha256, rules, at) VALUES (?, ?, ?, ?, ?)
           ON CONFLICT (peer, reference, sha256) DO UPDATE SET rules = excluded.rules, at = excluded.at""",
        item.peer,
        item.reference,
        item.sha256,
        item.rules,
        tx.millis,
    )
    if known is None:
        tx.entry("message.withheld", _fields(item))
    incidents.raise_incident(tx, CODE, f"{item.peer} {item.reference}".rstrip(), _detail(item))


def rules_of(db: sqlite3.Connection, peer: str, reference: str) -> str | None:
    """The rules under which the package was withheld last, or None."""
    row = db.execute(
        "SELECT rules FROM withheld WHERE peer = ? AND reference = ? ORDER BY at DESC LIMIT 1", (peer, reference)
    ).fetchone()
    return str(row["rules"]) if row else None


def _fields(item: Withholding) -> dict[str, object]:
    return {
        "peer": item.peer,
        "reference": item.reference,
        "body_sha256": item.sha256,
        "size": item.size,
        "sender": item.sender,
        "rule": item.rule,
    }


def _detail(item: Withholding) -> str:
    known = f"{item.rule}; {item.size} bytes; SHA-256 {item.sha256}"
    return f"{known}; {item.sender}" if item.sender else known
