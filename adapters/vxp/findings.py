"""What a reader of edXML noticed: each deviation with its clause, place, meaning and remedy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from adapters.vxp.kinds import KINDS, Severity
from adapters.vxp.shape import clause_of

MAX_FINDINGS: Final = 200


@dataclass(frozen=True, slots=True)
class Finding:
    """One deviation. *clause* numbers QCVN 102:2016 (§… where unknown); *xpath* uses local names; *line* from 1."""

    code: str
    clause: str
    xpath: str
    line: int
    message_vi: str
    message_en: str
    remedy_vi: str
    remedy_en: str
    severity: Severity


def finding(code: str, xpath: str, line: int, **words: str | int) -> Finding:
    """A finding of the kind *code*; *words* fill the gaps of its texts and never hold content of a document."""
    kind = KINDS[code]
    gaps: Mapping[str, str | int] = {"name": xpath.rpartition("/")[2].partition("[")[0], **words}
    vi, en, remedy_vi, remedy_en = (
        text.format_map(gaps) for text in (kind.vi, kind.en, kind.remedy_vi, kind.remedy_en)
    )
    return Finding(code, clause_of(xpath), xpath, line, vi, en, remedy_vi, remedy_en, kind.severity)


@dataclass(slots=True)
class Findings:
    """Collects findings while a document is read; keeps the first `MAX_FINDINGS` and counts the others."""

    found: list[Finding] = field(default_factory=list)
    more: int = 0
    seen: set[str] = field(default_factory=set)

    @property
    def full(self) -> bool:
        """Whether further findings are only counted."""
        return len(self.found) >= MAX_FINDINGS

    def add(self, code: str, xpath: str, line: int, **words: str | int) -> None:
        if self.full:
            self.more += 1
        else:
            self.found.append(finding(code, xpath, line, **words))

    def once(self, code: str, xpath: str, line: int, **words: str | int) -> None:
        """Like :meth:`add`, but only at the first place of the document."""
        if code not in self.seen:
            self.seen.add(code)
            self.add(code, xpath, line, **words)

    def all(self) -> tuple[Finding, ...]:
        """Everything found, in reading order."""
        rest = (finding("findings.more", "/edXML", 1, count=self.more),) if self.more else ()
        return (*self.found, *rest)
