"""Parties: the books of one, how much lies in every mailbox, and which codes in use a list of patterns holds.

SQLite's NOCASE ignores the case of ASCII letters only; organisation codes have no others.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from gateway.model.delivery import ENDED, State
from gateway.model.party import Parties
from gateway.ports import PartyBooks, PartyMailbox, Tally

LAST = "\U0010ffff"
"""Sorts behind every character of a code."""

NEXT_CODE = "SELECT min(party) AS code FROM message_parties WHERE party > ? AND party < ?"
OUTGOING = """
    SELECT d.state, count(*) AS count FROM messages m JOIN deliveries d ON d.message_id = m.id
    WHERE m.sender = ? COLLATE NOCASE AND d.purpose = 'content' GROUP BY d.state
"""
INCOMING = (
    "SELECT state, count(*) AS count FROM deliveries WHERE party = ? COLLATE NOCASE AND party <> '' GROUP BY state"
)
MAILBOXES = """
    SELECT min(party) AS party, destination, state, count(*) AS count FROM deliveries WHERE party <> ''
    GROUP BY party COLLATE NOCASE, destination, state
"""
SET_ASIDE = """
    SELECT count(*) AS count, coalesce(sum(size), 0) AS bytes FROM quarantine
    WHERE party = ? AND party <> '' AND state = 'open'
"""


def books(db: sqlite3.Connection, party: str) -> PartyBooks:
    """The books of one party at this moment; all zero for one that nobody ever named."""
    sent = db.execute("SELECT count(*) AS count FROM messages WHERE sender = ? COLLATE NOCASE", (party,)).fetchone()
    aside = db.execute(SET_ASIDE, (party,)).fetchone()
    return PartyBooks(
        party=party,
        sent=sent["count"],
        outgoing=_tally(_counts(db.execute(OUTGOING, (party,)))),
        incoming=_tally(_counts(db.execute(INCOMING, (party,)))),
        quarantined=aside["count"],
        quarantined_bytes=aside["bytes"],
    )


def mailboxes(db: sqlite3.Connection) -> Sequence[PartyMailbox]:
    """Every party that ever had a delivery in a mailbox, by code; once for each system it had it with."""
    found: dict[tuple[str, str], dict[State, int]] = {}
    names: dict[tuple[str, str], str] = {}
    for row in db.execute(MAILBOXES):
        key = (row["party"].casefold(), row["destination"])
        names.setdefault(key, row["party"])
        counts = found.setdefault(key, {})
        counts[State(row["state"])] = counts.get(State(row["state"]), 0) + row["count"]
    return [PartyMailbox(key[1], names[key], _tally(counts)) for key, counts in found.items()]


def codes(db: sqlite3.Connection, parties: Parties) -> Sequence[str]:
    """Every code of *parties* that any message names. A pattern costs one step in the index for each code below it,
    however many messages there are.
    """
    found: dict[str, str] = {}
    for pattern in parties.patterns:
        for code in _below(db, pattern.removesuffix("*")) if pattern.endswith("*") else (pattern,):
            found.setdefault(code.casefold(), code)
    return tuple(found.values())


def _below(db: sqlite3.Connection, stem: str) -> Iterable[str]:
    """Codes that begin with *stem* and go on."""
    code, end = stem, stem + LAST
    while (row := db.execute(NEXT_CODE, (code, end)).fetchone()) and row["code"] is not None:
        code = row["code"]
        yield code


def _counts(rows: Iterable[sqlite3.Row]) -> dict[State, int]:
    return {State(row["state"]): row["count"] for row in rows}


def _tally(counts: Mapping[State, int]) -> Tally:
    return Tally(
        created=sum(counts.values()),
        delivered=counts.get(State.DELIVERED, 0),
        rejected=counts.get(State.REJECTED, 0),
        expired=counts.get(State.EXPIRED, 0),
        cancelled=counts.get(State.CANCELLED, 0),
        open=sum(count for state, count in counts.items() if state not in ENDED),
    )
