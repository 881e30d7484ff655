"""Writing messages: the one place where a message's rows are made."""

from __future__ import annotations

import json
import unicodedata

from gateway.clock import to_millis
from gateway.model.message import BodyRef, Message, Submission
from gateway.storage.sqlite.transaction import Transaction, listed, mapped


def insert(tx: Transaction, message: Message, submission: Submission | None = None) -> None:
    """Write *message*, whose body's row already exists, and who takes part in it."""
    envelope = message.envelope
    sequence = tx.db.execute(
        """INSERT INTO messages (id, kind, sender, recipients, identity, conversation, business_id, code, subject,
                                 priority, status, peer, dialect, reference, received_at, digest, body_id, findings,
                                 marks, hints, search)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            message.id,
            envelope.kind,
            envelope.sender,
            listed(envelope.recipients),
            envelope.identity,
            envelope.conversation,
            envelope.business_id,
            envelope.code,
            envelope.subject,
            envelope.priority,
            envelope.status,
            message.peer,
            message.dialect,
            message.reference,
            to_millis(message.received_at),
            message.digest,
            message.body.id,
            listed(message.findings),
            listed(message.marks),
            mapped(submission.hints if submission else None),
            fold("\n".join((message.id, envelope.business_id, envelope.code, envelope.subject))),
        ),
    ).lastrowid
    parties = {party.casefold(): party for party in (envelope.sender, *envelope.recipients) if party}
    tx.db.executemany(
        "INSERT OR IGNORE INTO message_parties (party, message_seq) VALUES (?, ?)",
        [(party, sequence) for party in parties.values()],
    )


def mark(tx: Transaction, message_id: str, mark: str) -> None:
    """Add *mark* to a message, once."""
    row = tx.one("SELECT marks FROM messages WHERE id = ?", message_id)
    marks = json.loads(row["marks"]) if row else []
    if mark not in marks:
        tx.do("UPDATE messages SET marks = ? WHERE id = ?", listed((*marks, mark)), message_id)


def fold(text: str) -> str:
    """*text* as people search for it: without accents and case. `đ` has no decomposition and is folded by hand."""
    plain = (sign for sign in unicodedata.normalize("NFD", text) if not unicodedata.combining(sign))
    return "".join(plain).casefold().replace("đ", "d")


def reference_of(tx: Transaction, body_id: str) -> BodyRef:
    """The reference to a body already kept."""
    row = tx.one("SELECT id, sha256, size FROM bodies WHERE id = ?", body_id)
    if row is None:
        raise LookupError(f"no body {body_id}")
    return BodyRef(row["id"], row["sha256"], row["size"])
