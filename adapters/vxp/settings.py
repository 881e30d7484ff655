"""What one connection to the axis is configured with; everything reference §12 leaves open is a setting."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from adapters.vxp.wire import Secret
from gateway.client import MAX_ANSWER


@dataclass(frozen=True, slots=True)
class VxpSettings:
    """One system id at one axis. Deadlines are in seconds for a whole call, waiting for its turn included.

    *hash_file*: "unpadded" is what the vendor's SDK sends. *to_header*: "auto" names this delivery's recipients in
    the ``to`` header only if they are not all of the document's, so that those of our own province, served locally,
    are not served by the axis too.
    *wrap_attachments*: zip them singly, as the vendor's library does. *rejected_codes*, *settled_codes*: FAIL codes
    that mean "never" and, for an acknowledgement, "nothing left to do" (see `answers`). *outage_jitter*: the longest
    random wait before each try while the platform is down.
    """

    id: str
    base_url: str
    system_id: str
    secret: Secret = field(repr=False)
    requests_per_second: float = 5.0
    burst: int = 1
    outage_jitter: float = 5.0
    hash_file: Literal["unpadded", "padded"] = "unpadded"
    to_header: Literal["auto", "never", "always"] = "auto"
    wrap_attachments: bool = True
    max_answer: int = MAX_ANSWER
    list_deadline: float = 60.0
    fetch_deadline: float = 300.0
    directory_deadline: float = 120.0
    rejected_codes: frozenset[str] = frozenset()
    settled_codes: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.hash_file not in ("unpadded", "padded"):
            raise ValueError("hash_file is 'unpadded' or 'padded'")
        if not self.system_id or not self.base_url:
            raise ValueError("a VXP platform needs a base_url and a system_id")
