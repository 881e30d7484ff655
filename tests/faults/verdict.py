"""The judgement after a run: what was promised against what everybody holds."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass

from evidence import AXIS, Evidence, what
from lives import SLOTS

from gateway.audit.entry import parse
from gateway.clock import SystemClock
from gateway.model.delivery import Purpose, State
from gateway.proof.sealer import Sealer
from gateway.proof.verification import verify_store
from gateway.storage import BodyDamaged, SqliteStore, StoreSettings
from sandbox.settings import PROVINCE_SYSTEM


@dataclass(frozen=True, slots=True)
class Verdict:
    """*lost* promises broken by absence, *doubled* effects that happened more than once, *faults* everything else
    that must not be. *repeats* are second copies at the axis; the protocol cannot avoid them, so they are counted.
    """

    kills: Mapping[str, int]
    power_losses: int
    documents: int
    injected: int
    mixed: int
    statuses: int
    automatic: int
    also_arrived: int
    repeats: int
    maybe_twice: int
    entries: int
    lost: tuple[str, ...]
    doubled: tuple[str, ...]
    faults: tuple[str, ...]

    @property
    def good(self) -> bool:
        return not (self.lost or self.doubled or self.faults)

    def summary(self) -> str:
        """For people: Vietnamese, then English."""
        total = sum(self.kills.values())
        points = ", ".join(f"{point} {count}" for point, count in sorted(self.kills.items()))
        lines = [
            f"Đã giết {total} lần ({points}); mất điện {self.power_losses} lần",
            f"  Killed {total} times; {self.power_losses} power losses",
            f"Văn bản đi {self.documents} (nhiều loại nơi nhận {self.mixed}), đến {self.injected}, "
            f"trạng thái {self.statuses} (01 tự động {self.automatic}): "
            f"mất {len(self.lost)}, hiệu lực hai lần {len(self.doubled)}, sai khác {len(self.faults)}",
            f"  Documents out {self.documents} (mixed recipients {self.mixed}), in {self.injected}, "
            f"statuses {self.statuses} (automatic 01 {self.automatic}): "
            f"lost {len(self.lost)}, in effect twice {len(self.doubled)}, other faults {len(self.faults)}",
            f"Trục trả về văn bản đã chuyển trong tỉnh: {self.also_arrived}",
            f"  Documents served here that the axis brought back: {self.also_arrived}",
            f"Bản gửi lặp nhìn thấy trên trục: {self.repeats} (đã đánh dấu có thể đến hai lần: {self.maybe_twice})",
            f"  Repeats visible at the axis: {self.repeats} (marked as possibly twice: {self.maybe_twice})",
            f"Nhật ký: {self.entries} mục đã niêm phong / sealed entries",
        ]
        complaints = [*self.lost, *self.doubled, *self.faults]
        return "\n".join([*lines, *(f"  - {line}" for line in complaints[:40])])


async def judge(
    evidence: Evidence, store: SqliteStore, settings: StoreSettings, kills: Mapping[str, int], power_losses: int
) -> Verdict:
    """The whole judgement. The store is open and nobody else writes to it."""
    entries, audit = await _audit(evidence, store)
    repeats, unexplained = _repeats(evidence, sum(kills.values()))
    return Verdict(
        kills=kills,
        power_losses=power_losses,
        documents=len(evidence.letters),
        injected=len(evidence.injected),
        mixed=sum(bool(letter.ministries and letter.neighbours) for letter in evidence.letters),
        statuses=sum(promised.total() for promised in evidence.promised_statuses().values()),
        automatic=evidence.automatic(),
        also_arrived=evidence.marked("also_arrived"),
        repeats=repeats,
        maybe_twice=evidence.books.maybe_twice,
        entries=entries,
        lost=(*_lost_outgoing(evidence), *_lost_incoming(evidence), *_lost_statuses(evidence)),
        doubled=(*_doubled_in_store(evidence), *_doubled_outside(evidence), *_doubled_at_axis(evidence)),
        faults=(
            *unexplained,
            *audit,
            *_books(evidence),
            *_unfinished(evidence),
            *[line async for line in _disk(store, settings)],
            *(f"refused: {line}" for line in evidence.refused),
            *_defects(evidence.log),
        ),
    )


def _lost_outgoing(evidence: Evidence) -> Iterator[str]:
    """Everything heard accepted is in the store, at the axis, at each ministry and at each neighbour."""
    at_axis = {row["documentId"] for row in evidence.axis["packages"] if row["system"] == PROVINCE_SYSTEM}
    for letter in evidence.letters:
        if not evidence.of_document(letter.system, letter.document_id):
            yield f"{letter.document_id}: accepted, and not in the store"
        if letter.ministries and letter.document_id not in at_axis:
            yield f"{letter.document_id}: accepted, and not at the axis"
        for receiver in (*letter.ministries, *letter.neighbours):
            if letter.document_id not in evidence.documents[receiver]:
                yield f"{letter.document_id}: accepted, and not at {receiver}"


def _lost_incoming(evidence: Evidence) -> Iterator[str]:
    for item in evidence.injected:
        if not evidence.of_document(AXIS, item.document_id):
            yield f"{item.document_id}: sent by a ministry, and not in the store"
        for system in item.systems:
            if item.document_id not in evidence.documents[system]:
                yield f"{item.document_id}: sent by a ministry, and never pulled by {system}"
    for copy in evidence.axis["copies"]:
        if copy["system"] == PROVINCE_SYSTEM and copy["state"] != "done":
            yield f"{copy['receiverDocId']}: not acknowledged at the axis ({copy['state']})"


def _lost_statuses(evidence: Evidence) -> Iterator[str]:
    """Every sender heard 01 and 03 from every recipient of every document."""
    for receiver, promised in evidence.promised_statuses().items():
        for one in (promised - evidence.statuses[receiver]).elements():
            yield f"{receiver}: {one.sender} said {one.status:02d} about {one.document_id}, and it never came"


def _doubled_in_store(evidence: Evidence) -> Iterator[str]:
    """One message per document and per status of a sender, one delivery of it per destination and party."""
    for letter in evidence.letters:
        if (count := len(evidence.of_document(letter.system, letter.document_id))) > 1:
            yield f"{letter.document_id}: {count} messages"
    identities = Counter((m.peer, m.envelope.sender, m.envelope.identity) for m in evidence.messages)
    yield from (f"{identity}: {count} messages" for identity, count in identities.items() if count > 1)
    targets: Counter[tuple[str, ...]] = Counter()
    for message in evidence.messages:
        content = [one for one in evidence.deliveries[message.id] if one.purpose is Purpose.CONTENT]
        targets.update((*what(message), one.destination, one.party) for one in content)
        if not content:
            yield f"{message.id}: no delivery"
    yield from (f"{count} deliveries of {target}" for target, count in targets.items() if count > 1)


def _doubled_outside(evidence: Evidence) -> Iterator[str]:
    """Receivers that dedupe hold exactly what was meant for them: documents, and statuses about theirs."""
    for receiver, promised in evidence.promised_documents().items():
        for document_id, count in (evidence.documents[receiver] - promised).items():
            yield f"{document_id}: {count} more at {receiver} than were meant for it"
    for receiver, expected in evidence.promised_statuses().items():
        for one, count in (evidence.statuses[receiver] - expected).items():
            yield f"{receiver}: {one.sender} said {one.status:02d} about {one.document_id} {count} times more than once"
    yield from evidence.complaints


def _doubled_at_axis(evidence: Evidence) -> Iterator[str]:
    """What a party of ours says about a document has one content at the axis, however often it arrived: one 01."""
    same = {doc_id: place for place, group in enumerate(evidence.axis["repeats"]) for doc_id in group["docIds"]}
    contents: defaultdict[tuple[str, ...], set[int | str]] = defaultdict(set)
    for row in evidence.axis["packages"]:
        if row["system"] == PROVINCE_SYSTEM:
            said = row["from"], row["documentId"], row["businessType"]
            contents[said].add(same.get(row["docId"], row["docId"]))
    yield from (f"{said}: {len(found)} contents at the axis" for said, found in contents.items() if len(found) > 1)


def _repeats(evidence: Evidence, kills: int) -> tuple[int, list[str]]:
    """Second copies of ours at the axis, and those that no delivery owns up to. A kill leaves as many sends in the
    air as there are slots.
    """
    ours = {row["docId"]: row for row in evidence.axis["packages"] if row["system"] == PROVINCE_SYSTEM}
    count, complaints = 0, []
    for group in evidence.axis["repeats"]:
        copies = [ours[doc_id] for doc_id in group["docIds"] if doc_id in ours]
        if len(copies) < 2:
            continue
        count += len(copies) - 1
        rows = [one for message in evidence.of_package(copies[0]) for one in evidence.deliveries[message.id]]
        sent = [one for one in rows if one.destination == AXIS and one.purpose is Purpose.CONTENT]
        if not sent or not all(one.maybe_twice and one.attempts >= len(copies) for one in sent):
            complaints.append(f"{copies[0]['documentId']}: {len(copies)} copies at the axis, and not marked")
    if count > kills * SLOTS + evidence.cuts:
        complaints.append(f"{count} repeats from {kills} kills with {SLOTS} slots and {evidence.cuts} lost answers")
    return count, complaints


async def _audit(evidence: Evidence, store: SqliteStore) -> tuple[int, list[str]]:
    """The tree verifies; every message has its one entry, and every entry its message."""
    sealer = Sealer(store, SystemClock())
    while await sealer.seal_once():
        pass
    found = await verify_store(store)
    complaints = [] if found.intact else [found.en]
    named: Counter[str] = Counter()
    position = 0
    while chunk := await store.sealed(position, 2000):
        position += len(chunk)
        entries = (parse(row.raw) for row in chunk if row.type == "message.accepted")
        named.update(str(entry.fields["message"]) for entry in entries)
    wanted = Counter(message.id for message in evidence.messages)
    complaints += [f"{message}: no message.accepted entry" for message in (wanted - named)]
    complaints += [f"{message}: an entry without message" for message in (named - wanted)]
    return position, complaints


def _books(evidence: Evidence) -> Iterator[str]:
    if not evidence.books.balanced:
        yield f"the books do not balance: {evidence.books}"
    if evidence.books.quarantined:
        yield f"{evidence.books.quarantined} packages in quarantine"


def _unfinished(evidence: Evidence) -> Iterator[str]:
    for one in (delivery for rows in evidence.deliveries.values() for delivery in rows):
        if one.state is not State.DELIVERED:
            yield f"delivery {one.id} to {one.destination} is {one.state} ({one.code})"


async def _disk(store: SqliteStore, settings: StoreSettings) -> AsyncIterator[str]:
    """The database is whole, every body can be read and is what it was, no file lies there without a row."""
    with closing(sqlite3.connect(f"{settings.database.absolute().as_uri()}?mode=ro", uri=True)) as db:
        rows = db.execute("SELECT id, path FROM bodies").fetchall()
        for pragma in ("integrity_check", "foreign_key_check"):
            for finding in db.execute(f"PRAGMA {pragma}").fetchall():
                if tuple(finding) != ("ok",):
                    yield f"{pragma}: {tuple(finding)}"
    for body_id, _ in rows:
        try:
            await store.body(body_id)
        except BodyDamaged as damage:
            yield str(damage)
    known = {settings.bodies / path for _, path in rows if path}
    files = {path for path in settings.bodies.rglob("*") if path.is_file()}
    for path in files - known:
        yield f"{path.name}: a body file that no row knows"


def _defects(log: str) -> Iterator[str]:
    """What the gateway itself calls a defect may never happen because of a crash; each kind once, with its count."""
    lines = [line for line in log.splitlines() if "internal error" in line or "Traceback" in line]
    for kind, count in Counter(_kind_of_defect(line) for line in lines).items():
        yield f"log, {count} times: {kind}"


def _kind_of_defect(line: str) -> str:
    """Where it happened and what it was: the last frame and the last line of the exception, if the line has one."""
    try:
        told = str(json.loads(line)["exception"]).strip().splitlines()
    except (ValueError, KeyError, TypeError):
        return line[:300]
    frames = [text.strip() for text in told if text.lstrip().startswith("File ")]
    return f"{told[-1]} ({frames[-1] if frames else 'no frame'})"
