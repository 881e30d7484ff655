"""Incidents: what a person must know, folded by key so that a flood of one cause is one line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Incident:
    """*key* identifies the cause (code and subject); *count* how often since *first*; *open* until settled."""

    key: str
    code: str
    subject: str
    detail: str
    first: datetime
    last: datetime
    count: int
    open: bool = True
