"""What a verb works with inside the writer's transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.audit.entry import canonical
from gateway.audit.events import TYPES
from gateway.clock import to_millis
from gateway.model.ids import new_id


@dataclass(frozen=True, slots=True)
class Transaction:
    """One unit of work: the connection inside its savepoint, the moment, and who we are.

    *start* is this server's start id; *mailboxes* the destinations that are pulled from; *platforms* the peers whose
    packages are always kept.
    """

    db: sqlite3.Connection
    now: datetime
    start: str
    mailboxes: frozenset[str]
    platforms: frozenset[str]
    quarantine_quota: int

    @property
    def millis(self) -> int:
        return to_millis(self.now)

    def new_id(self) -> str:
        return new_id(self.now)

    def one(self, sql: str, *values: object) -> sqlite3.Row | None:
        """The first row of a query, or None."""
        row: sqlite3.Row | None = self.db.execute(sql, values).fetchone()
        return row

    def all(self, sql: str, *values: object) -> list[sqlite3.Row]:
        """All rows of a query."""
        return self.db.execute(sql, values).fetchall()

    def do(self, sql: str, *values: object) -> int:
        """Execute a change; the number of rows changed."""
        return self.db.execute(sql, values).rowcount

    def count(self, counter: str, by: int = 1) -> None:
        """Count in the same transaction (P2: the books are exact at every moment)."""
        self.db.execute("UPDATE counters SET value = value + ? WHERE name = ?", (by, counter))

    def entry(self, type: str, fields: Mapping[str, object]) -> None:
        """Append an audit entry in the same transaction (principle 7). Optional fields that are empty are left out."""
        required = TYPES[type].required if type in TYPES else frozenset()
        given = {name: value for name, value in fields.items() if value != "" or name in required}
        self.db.execute(
            "INSERT INTO entries (at, type, raw) VALUES (?, ?, ?)",
            (self.millis, type, canonical(type, self.now, given)),
        )


def listed(items: Iterable[str]) -> str:
    """A tuple of text as its column."""
    return json.dumps(list(items), ensure_ascii=False)


def mapped(items: Mapping[str, str] | None) -> str:
    """A mapping of text as its column."""
    return json.dumps(dict(items or {}), ensure_ascii=False, sort_keys=True)


def written(moment: datetime) -> str:
    """A time inside an entry: RFC 3339, UTC, milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
