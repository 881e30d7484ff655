"""What was said of a message's signatures, kept with it from the commit that accepted it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence

from gateway.clock import from_millis, to_millis
from gateway.model.verdict import Judged, Judgement, Scope, SignedPart, Verdict
from gateway.storage.sqlite.transaction import Transaction, listed


def insert(tx: Transaction, message_id: str, judged: Iterable[Judged]) -> None:
    """Keep the verdicts about *message_id*, in the transaction that accepts it."""
    tx.db.executemany(
        """INSERT INTO verdicts (message_id, place, name, sha256, form, at, judgement, reason, detail, signer,
                                 certificate, signed_at, time_proven, scope, signed, later_changes, signatures)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        [(message_id, *_columns(one)) for one in judged],
    )


def _columns(one: Judged) -> tuple[object, ...]:
    verdict = one.verdict
    return (
        one.place,
        one.name,
        one.sha256,
        one.form,
        to_millis(one.at),
        verdict.judgement.value,
        verdict.reason,
        verdict.detail,
        verdict.signer,
        verdict.certificate,
        to_millis(verdict.signed_at) if verdict.signed_at else None,
        int(verdict.time_proven),
        verdict.scope.value,
        json.dumps([[part.path, part.sha256] for part in verdict.signed]),
        listed(verdict.later_changes),
        verdict.signatures,
    )


def of_message(db: sqlite3.Connection, message_id: str) -> Sequence[Judged]:
    """The verdicts about a message, by the place of the attachment."""
    found = db.execute("SELECT * FROM verdicts WHERE message_id = ? ORDER BY place", (message_id,))
    return [_judged(row) for row in found]


def _judged(row: sqlite3.Row) -> Judged:
    verdict = Verdict(
        judgement=Judgement(row["judgement"]),
        reason=row["reason"],
        detail=row["detail"],
        signer=row["signer"],
        signed_at=None if row["signed_at"] is None else from_millis(row["signed_at"]),
        time_proven=bool(row["time_proven"]),
        scope=Scope(row["scope"]),
        signed=tuple(SignedPart(path, sha256) for path, sha256 in json.loads(row["signed"])),
        later_changes=tuple(json.loads(row["later_changes"])),
        certificate=row["certificate"],
        signatures=row["signatures"],
    )
    return Judged(row["place"], row["name"], row["sha256"], row["form"], verdict, from_millis(row["at"]))


def written(one: Judged) -> str:
    """One verdict as an entry of the log names it: digest of the file, verdict, reason, digest of the certificate."""
    return " ".join(
        part for part in (one.sha256, one.verdict.judgement, one.verdict.reason, one.verdict.certificate) if part
    )
