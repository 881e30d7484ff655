"""What the store tells about itself: queues, books, entries, checkpoints; and what was withheld."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gateway.model.delivery import (
    State,
)


@dataclass(frozen=True, slots=True)
class QueueState:
    """One destination's queue as a person sees it: deliveries per state, the oldest open one, whether paused."""

    destination: str
    counts: Mapping[State, int]
    oldest_open: datetime | None
    paused: str = ""


@dataclass(frozen=True, slots=True)
class Books:
    """P2 at one moment: created = delivered + rejected + expired + cancelled + open, and received = accepted +
    quarantined. *maybe_twice* counts deliveries that may have arrived more than once.
    """

    received: int
    accepted: int
    quarantined: int
    duplicates: int
    created: int
    delivered: int
    rejected: int
    expired: int
    cancelled: int
    open: int
    maybe_twice: int

    @property
    def balanced(self) -> bool:
        ended = self.delivered + self.rejected + self.expired + self.cancelled
        return self.created == ended + self.open and self.received == self.accepted + self.quarantined


@dataclass(frozen=True, slots=True)
class Tally:
    """Deliveries at one moment by how they stand: created = delivered + rejected + expired + cancelled + open."""

    created: int = 0
    delivered: int = 0
    rejected: int = 0
    expired: int = 0
    cancelled: int = 0
    open: int = 0


@dataclass(frozen=True, slots=True)
class PartyBooks:
    """One party's own books. *sent* counts messages, *outgoing* the deliveries of their content, *incoming* what came
    into its mailbox: documents, statuses, notices. *quarantined* and its bytes are what lies open in quarantine in its
    name.
    """

    party: str
    sent: int
    outgoing: Tally
    incoming: Tally
    quarantined: int = 0
    quarantined_bytes: int = 0


@dataclass(frozen=True, slots=True)
class PartyMailbox:
    """How much one party ever got through *system*, and how it stands."""

    system: str
    party: str
    tally: Tally


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An audit entry: *position* is its place in the tree, None until sealed; *raw* its canonical bytes."""

    id: int
    position: int | None
    at: datetime
    type: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """A sealed tree: its size, root hash (32 bytes), and when."""

    size: int
    root: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class Withholding:
    """What stays on record of a marked body (DESIGN §7): digest and size of the bytes as they came, the sending
    organisation's code or "", and the *rule* that recognised it. *reference* is what a platform calls it, "" for our
    own systems; *rules* the fingerprint of all the rules then in force.
    """

    peer: str
    reference: str
    sha256: str
    size: int
    sender: str
    rule: str
    rules: str
