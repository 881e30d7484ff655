"""The seams of the house: protocols, and the small values that cross them. Everything that does I/O is behind one."""

from collections.abc import Callable

from gateway.ports.books import (
    Books,
    PartyBooks,
    PartyMailbox,
    QueueState,
    StoredCheckpoint,
    StoredEntry,
    Tally,
    Withholding,
)
from gateway.ports.entrances import Accept, Call, Decode, Endpoint, Identify, Inbound, Knock, Reply
from gateway.ports.polling import Fetched, Listed, Poller, PollFault
from gateway.ports.sending import Conclusion, Outbound, Parcel, Repeat, Tells
from gateway.ports.signing import (
    Fetch,
    FetchFault,
    Judge,
    KeyProvider,
    KeyUnavailable,
    Seals,
    SealWish,
    SigningKey,
    Stamps,
)
from gateway.ports.store import Accepting, Delivering, EntrySource, Mailbox, Records, Store, Tending

Reach = Callable[[str], None]
"""Called at the named points where the crash harness kills the process; a no-op in service."""

__all__ = [
    "Accept",
    "Accepting",
    "Books",
    "Call",
    "Conclusion",
    "Decode",
    "Delivering",
    "Endpoint",
    "EntrySource",
    "Fetch",
    "FetchFault",
    "Fetched",
    "Identify",
    "Inbound",
    "Judge",
    "KeyProvider",
    "KeyUnavailable",
    "Knock",
    "Listed",
    "Mailbox",
    "Outbound",
    "Parcel",
    "PartyBooks",
    "PartyMailbox",
    "PollFault",
    "Poller",
    "QueueState",
    "Reach",
    "Records",
    "Repeat",
    "Reply",
    "SealWish",
    "Seals",
    "SigningKey",
    "Stamps",
    "Store",
    "StoredCheckpoint",
    "StoredEntry",
    "Tally",
    "Tells",
    "Tending",
    "Withholding",
]
