"""What is asked of a file's signature, whatever its form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from gateway.signing.policy import Policy
from gateway.signing.trust.model import Evidence, TrustStore

KINDS: Final = ("xmldsig", "wsse", "xades", "asic", "jws", "pdf", "x509", "ocsp", "tsr")


@dataclass(frozen=True, slots=True)
class Question:
    """*kind* is one of KINDS; *at* (aware) the time to judge for where none is proven.

    *detached*: file name to bytes of what belongs to the file (signed content, certificates, CRLs, OCSP responses).
    *evidence*: revocation data fetched before. *stamping*: the authorities of time stamps where they are others than
    those of documents; None where one directory holds both.
    """

    kind: str
    trust: TrustStore
    at: datetime
    policy: Policy
    detached: Mapping[str, bytes] = field(default_factory=dict)
    evidence: Evidence = field(default_factory=Evidence)
    stamping: TrustStore | None = None

    @property
    def stamps(self) -> TrustStore:
        """What time stamps are judged by."""
        return self.trust if self.stamping is None else self.stamping
