"""The store contract: domain verbs, each stating its transaction promise, grouped by who needs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from gateway.model.access import ApiKey, Caller
from gateway.model.delivery import (
    Attempt,
    Claim,
    Concluded,
    Delivery,
    NewDelivery,
    State,
)
from gateway.model.incident import Incident
from gateway.model.message import (
    Acceptance,
    Accepted,
    BodyRef,
    Message,
    Quarantined,
    QuarantineState,
    Quarantining,
)
from gateway.model.verdict import Applied, Judged
from gateway.ports.books import (
    Books,
    PartyBooks,
    PartyMailbox,
    QueueState,
    StoredCheckpoint,
    StoredEntry,
    Withholding,
)
from gateway.ports.sending import Conclusion


class Accepting(Protocol):
    """What story 1 needs of the store."""

    async def arrival(self, peer: str, reference: str) -> tuple[str, str] | None:
        """(message or quarantine id, SHA-256 of the bytes) that *peer* already handed over under *reference*."""
        ...

    async def accept(self, acceptance: Acceptance) -> Accepted:
        """One transaction: bytes, message, deliveries, acknowledgement, arrival, identity, entry; fsynced before this
        returns. The decisive duplicate check is inside: an identical message (P3) gets the first answer and only
        deliveries to destinations and recipients that have none yet. Refusal 'message.conflict' if *on_conflict* says
        refuse and the id or the reference was used for other content. StoreUnavailable if durability is unknown.
        """
        ...

    async def quarantine(self, item: Quarantining) -> Quarantined:
        """One transaction: bytes, reason, acknowledgement, arrival, entry. Refusal 'limit.quota' above the peer's
        quota, or above the share of it that the party named by the hint "from" may use (systems only; a platform's
        package is always kept, principle 8)."""
        ...

    async def withhold(self, item: Withholding) -> None:
        """One transaction, and no bytes: entry and incident 'message.secret'; of a platform's package its reference is
        remembered. The same bytes of the same peer again only count the incident up."""
        ...

    async def withheld(self, peer: str, reference: str) -> str | None:
        """The fingerprint of the rules under which *peer*'s package *reference* was withheld last."""
        ...

    async def statuses(self, conversation: str, sender: str) -> Sequence[int]:
        """The business statuses *sender* has reported in *conversation*, first to last."""
        ...

    async def known(self, peer: str, sender: str, identity: str, digest: str) -> bool:
        """Whether *peer* already handed over this content under this identity, and it was accepted (P3)."""
        ...

    async def acknowledge_again(self, peer: str, reference: str, acknowledgement: NewDelivery) -> bool:
        """The peer listed *reference* again: one new acknowledgement delivery, with the instruction of the last one,
        unless one is still open or none was ever due. True if one was made."""
        ...


class Delivering(Protocol):
    """What story 2 needs of the store."""

    async def claim(self, destination: str, limit: int) -> Sequence[Claim]:
        """Lease up to *limit* due heads and write each attempt as started, in one commit. Urgent first, but one
        slot in five goes to the rest."""
        ...

    async def keep_wire(self, claim: Claim, wire: bytes, applied: Sequence[Applied] = ()) -> BodyRef:
        """Keep the encoded bytes before the first send; every retry reuses them. The same commit has an entry for each
        signature *applied* to what they carry."""
        ...

    async def conclude(self, claim: Claim, conclusion: Conclusion) -> Concluded:
        """Outcome, next state, receipt, promotion of the next in the conversation, notice, entry: one transaction,
        conditional on the attempt still holding the lease; else the outcome is kept as a late attempt."""
        ...

    async def next_due(self, destination: str) -> datetime | None:
        """When the next queued or deferred delivery of *destination* becomes due; None if there is none."""
        ...

    async def due_to_expire(self, now: datetime, limit: int) -> Sequence[Delivery]:
        """Open deliveries (not leased) past their expiry; the caller ends them with :meth:`end`."""
        ...

    async def end(
        self, delivery_id: str, state: State, code: str, detail: str, actor: str, conclusion: Conclusion | None = None
    ) -> Concluded:
        """End a delivery without an attempt (expired, cancelled by a named person), promoting the next; *conclusion*
        may carry the wording of a notice. Refusal 'delivery.ended' if it already ended, Stale if it is leased."""
        ...

    async def rescue(self) -> Sequence[Delivery]:
        """Take back every lease of a server that is gone (on SQLite: of any other start id). The attempt ends as
        unknown, the delivery is due at once and marked as possibly arrived."""
        ...

    async def destinations(self) -> Sequence[str]:
        """Destinations that have open deliveries."""
        ...


class Mailbox(Protocol):
    """Deliveries that a system pulls (DESIGN §4: queued until acknowledged, no lease, oldest first)."""

    async def mailbox(self, system: str, party: str | None, limit: int) -> Sequence[Delivery]:
        """Un-acknowledged deliveries of *system*, oldest first; of one *party* if given."""
        ...

    async def delivery(self, delivery_id: str) -> Delivery | None: ...

    async def fetched(self, delivery: Delivery) -> None:
        """Record a fetch as an attempt of a queued mailbox delivery."""
        ...

    async def settle(
        self,
        delivery_id: str,
        system: str,
        done: bool,
        reason: str,
        follow_up: Callable[[Delivery, Message], Acceptance | None] | None = None,
    ) -> Concluded:
        """The system's acknowledgement: done = delivered, fail = held with an incident. Repeating `done` succeeds.
        What *follow_up* makes of the delivery that is done is accepted in the same commit (the automatic 01).
        """
        ...


class Records(Protocol):
    """What anybody may read back; object-level rights are the caller's duty."""

    async def message(self, message_id: str) -> Message | None: ...

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
        """Newest first; *peer* those it sent, *party* those it sent or receives, *own* those that system handed over
        or that any of its parties sent or receives, *text* matches id, DocumentId, code or subject (accents and case
        ignored), *before* a message id to page from. Exact: fewer than *limit* are found only if there are no more.
        """
        ...

    async def conversation(self, conversation: str, limit: int = 1000) -> Sequence[Message]:
        """The messages of one conversation, first to last: a document with its statuses, recall and updates."""
        ...

    async def deliveries_of(self, message_id: str) -> Sequence[Delivery]: ...

    async def attempts_of(self, delivery_id: str) -> Sequence[Attempt]: ...

    async def verdicts(self, message_id: str) -> Sequence[Judged]:
        """What was said of the signatures of its attachments when it was accepted, by their place."""
        ...

    async def body(self, body_id: str) -> bytes:
        """The bytes, verified against their SHA-256 while read."""
        ...

    async def before(self, delivery_id: str) -> Delivery | None:
        """The live delivery that one in state `waiting` waits behind: the one under way, or the head of its
        conversation, which may be held. None if it does not wait."""
        ...

    async def queues(self) -> Sequence[QueueState]: ...

    async def books(self) -> Books: ...

    async def party_books(self, party: str) -> PartyBooks:
        """The books of one party (case ignored), exact at one moment; all zero if nobody ever named it."""
        ...

    async def party_mailboxes(self) -> Sequence[PartyMailbox]:
        """Every party that ever had a delivery in a mailbox, by code, once for each system it had it with."""
        ...


class Tending(Protocol):
    """What persons change, each with a named actor and an entry."""

    async def quarantined(
        self, *, state: QuarantineState | None = QuarantineState.OPEN, limit: int = 100
    ) -> Sequence[Quarantined]: ...

    async def quarantined_item(self, quarantine_id: str) -> Quarantined | None: ...

    async def reject_quarantined(
        self, quarantine_id: str, actor: str, reason: str, acknowledgement: NewDelivery | None = None
    ) -> None:
        """Settle as rejected; for a platform's package the acknowledgement `fail` goes out with the same commit."""
        ...

    async def hold(self, delivery_id: str, actor: str, reason: str) -> Concluded:
        """A live delivery stops until it is released, and what comes after it in its conversation waits. Refusal
        'delivery.ended', Stale while an attempt is under way."""
        ...

    async def release(
        self, delivery_id: str, actor: str, reason: str, destination: str = "", party: str = ""
    ) -> Concluded:
        """A held delivery becomes queued (or waiting) again, at another destination if given."""
        ...

    async def pause(self, destination: str, actor: str, reason: str) -> None: ...

    async def resume(self, destination: str, actor: str, reason: str) -> None: ...

    async def paused(self) -> Mapping[str, str]:
        """Scope to reason: destinations, and pollers as "poll:<platform>:<type>"."""
        ...

    async def raise_incident(self, code: str, subject: str, detail: str) -> Incident:
        """Open or count up the incident of (code, subject); an entry when it opens."""
        ...

    async def close_incident(self, code: str, subject: str, actor: str) -> bool: ...

    async def incidents(self, *, open_only: bool = True, limit: int = 100) -> Sequence[Incident]: ...

    async def add_key(self, key: ApiKey, actor: str) -> None: ...

    async def key(self, key_id: str) -> ApiKey | None: ...

    async def keys(self) -> Sequence[ApiKey]: ...

    async def revoke_key(self, key_id: str, actor: str) -> bool: ...

    async def record(self, type: str, fields: Mapping[str, object]) -> None:
        """Append one entry that no state change carries (server started, strangers refused)."""
        ...


class EntrySource(Protocol):
    """What the sealer and the verifier need."""

    async def unsealed(self, limit: int) -> Sequence[StoredEntry]:
        """Entries without a position, in commit order."""
        ...

    async def seal(self, entries: Sequence[StoredEntry], first_position: int, checkpoint: StoredCheckpoint) -> None:
        """Give *entries* consecutive positions and store the checkpoint, in one transaction; Stale if the tree grew."""
        ...

    async def sealed(self, start: int, limit: int) -> Sequence[StoredEntry]: ...

    async def last_checkpoint(self) -> StoredCheckpoint | None: ...

    async def checkpoints(self, limit: int = 1000) -> Sequence[StoredCheckpoint]: ...


class Store(Accepting, Delivering, Mailbox, Records, Tending, EntrySource, Protocol):
    """The whole contract; one conformance suite runs against every implementation (principle 9)."""

    async def close(self) -> None: ...
