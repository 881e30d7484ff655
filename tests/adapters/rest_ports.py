"""In-memory ports for the tests of adapters/rest: what the store and the accept story promise, in a few lines each."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from adapters.rest.codec import decode, encode
from adapters.rest.own import concerns
from adapters.rest.served import RestEndpoints
from gateway.errors import Refusal
from gateway.model.access import Caller
from gateway.model.delivery import Attempt, Concluded, Delivery, Purpose, State
from gateway.model.digest import content_digest
from gateway.model.document import Content, Document, Organization, OtherInfo
from gateway.model.message import Accepted, BodyRef, Envelope, Kind, Message, Submission, envelope_of
from gateway.model.party import Parties
from gateway.model.verdict import Applied, Judged, Judgement, Verdict
from gateway.ports import Books, Call, QueueState, Reply, SealWish

NOW = datetime(2026, 11, 20, 0, 31, tzinfo=UTC)
QLVB = Caller("qlvb", Parties(("H53.01", "H53.02")))
OTHER = Caller("other", Parties(("H53.99",)))
PROVINCE = Caller("province", Parties(("H53.*",)))


CHANGED = Verdict(
    Judgement.INVALID,
    "signature.changed_later",
    signer="CN=Sở Nội vụ",
    signed_at=NOW,
    time_proven=True,
    certificate="d" * 64,
    signatures=2,
    later_changes=("page 2 was added",),
)


class StillClock:
    def now(self) -> datetime:
        return NOW + timedelta(hours=1)

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        return None


class House:
    """Accept, Mailbox and Records over plain dictionaries, with the rows that tests put in."""

    def __init__(self) -> None:
        self.rows: dict[str, Message] = {}
        self.bodies: dict[str, bytes] = {}
        self.delivery_rows: dict[str, Delivery] = {}
        self.attempts: dict[str, list[Attempt]] = {}
        self.submissions: list[Submission] = []
        self.fetches: list[str] = []
        self.settlements: list[tuple[str, str, bool, str]] = []
        self.duplicate = False
        self.judged: list[Judged] = []
        self.asked: list[tuple[str, bytes, dict[str, bytes]]] = []
        self.wishes: list[SealWish] = []

    # Accept

    async def __call__(self, submission: Submission) -> Accepted:
        self.submissions.append(submission)
        return Accepted("0" * 31 + "1", NOW, self.duplicate, ("d1", "d2"))

    # Judge and Seals

    async def judge(
        self,
        kind: str,
        content: bytes,
        *,
        at: datetime,
        party: str = "",
        detached: Mapping[str, bytes] | None = None,
    ) -> Verdict:
        self.asked.append((kind, content, dict(detached or {})))
        return CHANGED

    async def seal(self, pdf: bytes, wish: SealWish) -> tuple[bytes, Applied]:
        self.wishes.append(wish)
        return pdf + b"%signed", Applied(wish.name, "van-thu", "c" * 64, "a" * 64, "b" * 64)

    # putting rows in

    def put(
        self,
        content: Content,
        *,
        peer: str = "vxp",
        dialect: str = "rest-json",
        raw: bytes | None = None,
        key: str = "",
    ) -> Message:
        digest = content_digest(content)
        return self.put_raw(envelope_of(content, digest), raw or encode(content), digest, peer, dialect, key)

    def put_raw(
        self,
        envelope: Envelope,
        raw: bytes,
        digest: str = "d" * 64,
        peer: str = "vxp",
        dialect: str = "rest-json",
        key: str = "",
    ) -> Message:
        message_id = f"{len(self.rows) + 1:032x}"
        at = NOW + timedelta(seconds=len(self.rows))
        body = BodyRef(f"b{message_id}", hashlib.sha256(raw).hexdigest(), len(raw))
        message = Message(message_id, envelope, peer, dialect, key, at, digest, body)
        self.rows[message_id], self.bodies[body.id] = message, raw
        return message

    def deliver(self, message: Message, destination: str, party: str = "", **fields: object) -> Delivery:
        created = message.received_at
        delivery = Delivery(
            id=f"d{len(self.delivery_rows) + 1}",
            message_id=message.id,
            purpose=Purpose.CONTENT,
            destination=destination,
            party=party,
            recipients=(party,) if party else message.envelope.recipients,
            conversation=message.envelope.conversation,
            state=State.QUEUED,
            urgent=message.envelope.urgent,
            instruction={},
            created_at=created,
            due_at=created,
            expires_at=created + timedelta(days=3),
            ended_at=None,
            attempts=0,
            code="",
            detail="",
            reference="",
            maybe_twice=False,
        )
        delivery = dataclasses.replace(delivery, **fields)
        self.delivery_rows[delivery.id] = delivery
        return delivery

    # Mailbox

    async def mailbox(self, system: str, party: str | None, limit: int) -> Sequence[Delivery]:
        rows = [
            row
            for row in self.delivery_rows.values()
            if row.destination == system and row.state is State.QUEUED and party in (None, row.party)
        ]
        return rows[:limit]

    async def delivery(self, delivery_id: str) -> Delivery | None:
        return self.delivery_rows.get(delivery_id)

    async def fetched(self, delivery: Delivery) -> None:
        self.fetches.append(delivery.id)

    async def settle(
        self, delivery_id: str, system: str, done: bool, reason: str, follow_up: object = None
    ) -> Concluded:
        row = self.delivery_rows[delivery_id]
        state = State.DELIVERED if done else State.HELD
        if row.state is state:
            return Concluded(False, state)
        if row.state is State.DELIVERED:
            raise Refusal("delivery.ended")
        self.delivery_rows[delivery_id] = dataclasses.replace(row, state=state)
        self.settlements.append((delivery_id, system, done, reason))
        return Concluded(True, state)

    # Records

    async def message(self, message_id: str) -> Message | None:
        return self.rows.get(message_id)

    async def messages(
        self,
        *,
        peer: str | None = None,
        party: str | None = None,
        own: Caller | None = None,
        text: str = "",
        before: str = "",
        limit: int = 50,
    ) -> Sequence[Message]:
        found = [
            row
            for row in sorted(self.rows.values(), key=lambda row: row.id, reverse=True)
            if peer in (None, row.peer)
            and (own is None or concerns(row, own))
            and (party is None or party == row.envelope.sender or party in row.envelope.recipients)
            and text in row.envelope.subject
            and (not before or row.id < before)
        ]
        return found[:limit]

    async def conversation(self, conversation: str, limit: int = 1000) -> Sequence[Message]:
        return [row for row in self.rows.values() if row.envelope.conversation == conversation][:limit]

    async def deliveries_of(self, message_id: str) -> Sequence[Delivery]:
        return [row for row in self.delivery_rows.values() if row.message_id == message_id]

    async def verdicts(self, message_id: str) -> Sequence[Judged]:
        return self.judged

    async def attempts_of(self, delivery_id: str) -> Sequence[Attempt]:
        return self.attempts.get(delivery_id, [])

    async def body(self, body_id: str) -> bytes:
        return self.bodies[body_id]

    async def queues(self) -> Sequence[QueueState]:
        return []

    async def books(self) -> Books:
        return Books(*[0] * 11)


async def served(
    house: House,
    method: str,
    path: str,
    caller: Caller = QLVB,
    *,
    query: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    language: str = "vi",
) -> Reply:
    """Route a call as the HTTP layer does, and answer a refusal in the adapter's own way."""

    async def contents(message: Message) -> Content:
        return decode(house.bodies[message.body.id]).content

    rest = RestEndpoints(house, house, house, contents, StillClock(), house.judge, house.seal)
    for endpoint in rest.endpoints():
        names = _matched(endpoint.path, path)
        if endpoint.method == method and names is not None:
            call = Call(caller, names, query or {}, headers or {}, body, NOW, language)
            try:
                return await endpoint.handle(call)
            except Refusal as refusal:
                return rest.refuse(refusal, language, "ref-1")
    raise LookupError(f"{method} {path} is not served")


def _matched(pattern: str, path: str) -> dict[str, str] | None:
    steps, given = pattern.split("/"), path.split("/")
    if len(steps) != len(given):
        return None
    names: dict[str, str] = {}
    for step, value in zip(steps, given, strict=True):
        if step.startswith("{"):
            names[step.strip("{}")] = value
        elif step != value:
            return None
    return names


def read(reply: Reply) -> dict[str, object]:
    """The JSON object of a reply."""
    value = json.loads(reply.body)
    assert isinstance(value, dict)
    return value


def document(
    sender: str = "G22", to: tuple[str, ...] = ("H53.01",), subject: str = "V/v báo cáo", priority: int = 0
) -> Document:
    """A small document."""
    return Document(
        Organization(sender),
        tuple(Organization(code) for code in to),
        f"{sender},2026/11/20,1/X {subject}",
        subject=subject,
        other=OtherInfo(priority=priority),
    )


def opaque(to: str) -> Envelope:
    """The envelope of bytes nobody could read."""
    return Envelope(Kind.OPAQUE, "", (to,), "opaque|#1", "opaque|q1")


def notice(to: str) -> Envelope:
    """The envelope of a notice to *to*."""
    return Envelope(Kind.NOTICE, "", (to,), "notice|1", "document|H53.01|x", subject="Không chuyển được")
