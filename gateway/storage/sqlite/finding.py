"""Finding messages: newest first, narrowed by who sent them, whom they concern and what they say."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from gateway.model.access import Caller
from gateway.model.message import Message
from gateway.storage.sqlite import parties, rows
from gateway.storage.sqlite.messages import fold
from gateway.storage.sqlite.rows import MESSAGES

ALL = 2**63 - 1

OWN = """
    SELECT p.message_seq FROM json_each(:codes) own CROSS JOIN message_parties p
    WHERE p.party = own.value AND p.message_seq < :before AND p.message_seq >= coalesce((
        SELECT last.message_seq FROM message_parties last
        WHERE last.party = own.value AND last.message_seq < :before
        ORDER BY last.message_seq DESC LIMIT 1 OFFSET :depth), 0)
    UNION SELECT seq FROM (
        SELECT seq FROM messages WHERE peer = :system AND seq < :before ORDER BY seq DESC LIMIT :depth + 1)
"""
"""What a system handed over, and of each of its parties the newest: enough for a page of depth + 1."""


def messages(
    db: sqlite3.Connection,
    *,
    peer: str | None,
    party: str | None,
    own: Caller | None,
    text: str,
    before: str,
    limit: int,
) -> Sequence[Message]:
    """Newest first. A peer, a party or a system's own are found by index: a page costs the same in a full store. Text
    is looked for in all that these conditions leave, from the newest on, until *limit* are found.
    """
    conditions = ["m.seq < :before"]
    given: dict[str, object] = {"before": _sequence(db, before), "limit": limit}
    if peer is not None:
        conditions.append("m.peer = :peer")
        given["peer"] = peer
    if party is not None:
        conditions.append("m.seq IN (SELECT message_seq FROM message_parties WHERE party = :party)")
        given["party"] = party
    if own is not None:
        conditions.append(f"m.seq IN ({OWN})")
        narrowed = bool(text) or peer is not None or party is not None
        codes = json.dumps(parties.codes(db, own.parties))
        given |= {"codes": codes, "system": own.system, "depth": ALL - 1 if narrowed else limit - 1}
    if text:
        conditions.append("instr(m.search, :text) > 0")
        given["text"] = fold(text)
    where = " AND ".join(conditions)
    found = db.execute(f"{MESSAGES} WHERE {where} ORDER BY m.seq DESC LIMIT :limit", given)
    return [rows.message(row) for row in found]


def _sequence(db: sqlite3.Connection, before: str) -> int:
    """Where to page from: behind the newest for "", before the first for an id that nobody knows."""
    if not before:
        return ALL
    row = db.execute("SELECT seq FROM messages WHERE id = ?", (before,)).fetchone()
    return int(row["seq"]) if row else 0
