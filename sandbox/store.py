"""What the simulated axis remembers: packages, one copy per receiver, registered agencies. One SQLite file or memory.

Separate from the gateway's store in code and in file. A commit survives a killed process; power loss is not this
store's concern, hence `synchronous=NORMAL`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.agencies import Agency

_SCHEMA = """
CREATE TABLE IF NOT EXISTS packages (
    doc_id TEXT PRIMARY KEY, system TEXT NOT NULL, sender TEXT NOT NULL, message_type TEXT NOT NULL,
    document_id TEXT NOT NULL, business_type TEXT NOT NULL, title TEXT NOT NULL, notation TEXT NOT NULL,
    digests TEXT NOT NULL, identity TEXT NOT NULL, created TEXT NOT NULL, sent BLOB NOT NULL, relayed BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS copies (
    number INTEGER PRIMARY KEY AUTOINCREMENT, receiver_doc_id TEXT UNIQUE NOT NULL,
    doc_id TEXT NOT NULL REFERENCES packages, system TEXT NOT NULL, recipients TEXT NOT NULL,
    state TEXT NOT NULL, updated TEXT NOT NULL, fetched INTEGER NOT NULL DEFAULT 0, acks INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS copies_pending ON copies (system, number) WHERE state = 'processing';
CREATE INDEX IF NOT EXISTS packages_identity ON packages (identity);
CREATE TABLE IF NOT EXISTS agencies (
    number INTEGER NOT NULL, code TEXT PRIMARY KEY, name TEXT NOT NULL, mail TEXT NOT NULL, parent TEXT NOT NULL,
    qd20 TEXT NOT NULL, owner TEXT NOT NULL, modified TEXT NOT NULL, deleted INTEGER NOT NULL);
"""
_COPY = """SELECT c.receiver_doc_id, c.doc_id, p.message_type, p.sender, c.recipients, c.system, c.state, p.created,
                  c.updated, p.title, p.notation, c.fetched, c.acks
           FROM copies c JOIN packages p USING (doc_id)"""


@dataclass(frozen=True, slots=True)
class Package:
    """A sent package: `sent` as it came in, `relayed` as receivers get it; `identity` is equal for repeats."""

    doc_id: str
    system: str
    sender: str
    message_type: str
    document_id: str
    business_type: str
    title: str
    notation: str
    digests: tuple[str, ...]
    identity: str
    created: str
    sent: bytes
    relayed: bytes


@dataclass(frozen=True, slots=True)
class Copy:
    """A package as one receiving system sees it; `state` is processing, done or fail."""

    receiver_doc_id: str
    doc_id: str
    message_type: str
    sender: str
    recipients: tuple[str, ...]
    system: str
    state: str
    created: str
    updated: str
    title: str
    notation: str
    fetched: int
    acks: int


class Store:
    """All reads and writes of the axis; every writing method is one transaction."""

    def __init__(self, path: Path | None) -> None:
        self._db = sqlite3.connect(path if path is not None else ":memory:", isolation_level=None)
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + _SCHEMA)

    def close(self) -> None:
        """Close the file; everything committed stays."""
        self._db.close()

    def add(self, package: Package, copies: Sequence[Copy]) -> None:
        """Keep a package and its receivers' copies."""
        with self._transaction() as db:
            db.execute(
                "INSERT INTO packages VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
                (
                    package.doc_id,
                    package.system,
                    package.sender,
                    package.message_type,
                    package.document_id,
                    package.business_type,
                    package.title,
                    package.notation,
                    json.dumps(package.digests),
                    package.identity,
                    package.created,
                    package.sent,
                    package.relayed,
                ),
            )
            for copy in copies:
                db.execute(
                    "INSERT INTO copies (receiver_doc_id, doc_id, system, recipients, state, updated)"
                    " VALUES (?,?,?,?,?,?)",
                    (
                        copy.receiver_doc_id,
                        copy.doc_id,
                        copy.system,
                        json.dumps(copy.recipients),
                        copy.state,
                        copy.updated,
                    ),
                )

    def pending(self, system: str, message_type: str) -> list[Copy]:
        """Return what a system has not acknowledged for good, oldest first."""
        rows = self._db.execute(
            _COPY + " WHERE c.system = ? AND c.state = 'processing' AND p.message_type = ? ORDER BY c.number",
            (system, message_type),
        )
        return [_copy(row) for row in rows]

    def copy(self, system: str, doc_id: str) -> Copy | None:
        """Find a system's copy by the id it was listed under."""
        row = self._db.execute(_COPY + " WHERE c.system = ? AND c.receiver_doc_id = ?", (system, doc_id)).fetchone()
        return None if row is None else _copy(row)

    def sent_by(self, system: str, message_type: str | None, doc_id: str | None) -> list[Copy]:
        """Return all copies of what a system sent, oldest first."""
        rows = self._db.execute(
            _COPY + " WHERE p.system = ? AND (? IS NULL OR p.message_type = ?) AND (? IS NULL OR p.doc_id = ?)"
            " ORDER BY c.number",
            (system, message_type, message_type, doc_id, doc_id),
        )
        return [_copy(row) for row in rows]

    def copies(self) -> list[Copy]:
        """Return every copy, oldest first."""
        return [_copy(row) for row in self._db.execute(_COPY + " ORDER BY c.number")]

    def acknowledge(self, copy: Copy, state: str, now: str) -> None:
        """Record an updateStatus; `processing` leaves the copy on the list."""
        self._db.execute(
            "UPDATE copies SET state = ?, updated = ?, acks = acks + 1 WHERE receiver_doc_id = ?",
            (state, now, copy.receiver_doc_id),
        )

    def relayed(self, copy: Copy) -> bytes:
        """Return the bytes a receiver downloads, and count the download."""
        self._db.execute("UPDATE copies SET fetched = fetched + 1 WHERE receiver_doc_id = ?", (copy.receiver_doc_id,))
        row = self._db.execute("SELECT relayed FROM packages WHERE doc_id = ?", (copy.doc_id,)).fetchone()
        return bytes(row[0])

    def content(self, doc_id: str, form: str) -> bytes | None:
        """Return a package's bytes as `sent` or as `relayed`, by the sender's id."""
        row = self._db.execute("SELECT sent, relayed FROM packages WHERE doc_id = ?", (doc_id,)).fetchone()
        return None if row is None else bytes(row[0] if form == "sent" else row[1])

    def packages(self) -> Iterator[Package]:
        """Yield every package without its bytes, oldest first."""
        rows = self._db.execute(
            "SELECT doc_id, system, sender, message_type, document_id, business_type, title, notation, digests,"
            " identity, created FROM packages ORDER BY rowid"
        )
        for row in rows.fetchall():
            doc_id, system, sender, kind, document_id, business_type, title, notation, digests, identity, created = row
            yield Package(
                doc_id,
                system,
                sender,
                kind,
                document_id,
                business_type,
                title,
                notation,
                tuple(json.loads(digests)),
                identity,
                created,
                b"",
                b"",
            )

    def count(self) -> int:
        """Return how many packages were ever taken."""
        return int(self._db.execute("SELECT count(*) FROM packages").fetchone()[0])

    def repeats(self) -> list[tuple[str, int, tuple[str, ...]]]:
        """Return (identity, how often, doc ids) for everything sent more than once."""
        rows = self._db.execute(
            "SELECT identity, count(*), json_group_array(doc_id) FROM packages"
            " GROUP BY identity HAVING count(*) > 1 ORDER BY min(rowid)"
        )
        return [(identity, count, tuple(json.loads(ids))) for identity, count, ids in rows]

    def agencies(self) -> list[Agency]:
        """Return agencies that registered or deleted themselves; they go over the shipped ones."""
        return [
            Agency(number, code, name, mail, parent, qd20, owner, modified, bool(deleted))
            for number, code, name, mail, parent, qd20, owner, modified, deleted in self._db.execute(
                "SELECT * FROM agencies"
            )
        ]

    def put_agency(self, agency: Agency) -> None:
        """Add or replace a registered agency."""
        self._db.execute(
            "INSERT OR REPLACE INTO agencies VALUES (?,?,?,?,?,?,?,?,?)",
            (
                agency.number,
                agency.code,
                agency.name,
                agency.mail,
                agency.parent,
                agency.qd20,
                agency.owner,
                agency.modified,
                agency.deleted,
            ),
        )

    def _transaction(self) -> _Transaction:
        return _Transaction(self._db)


class _Transaction:
    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> sqlite3.Connection:
        self._db.execute("BEGIN IMMEDIATE")
        return self._db

    def __exit__(self, kind: object, *_: object) -> None:
        self._db.execute("COMMIT" if kind is None else "ROLLBACK")


def _copy(row: Sequence[Any]) -> Copy:
    receiver_doc_id, doc_id, kind, sender, recipients, system, state, created, updated, title, notation, *counts = row
    return Copy(
        receiver_doc_id,
        doc_id,
        kind,
        sender,
        tuple(json.loads(recipients)),
        system,
        state,
        created,
        updated,
        title,
        notation,
        *counts,
    )
