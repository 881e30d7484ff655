"""Parties (organisations) and who acts for them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Parties:
    """The parties one system acts for: exact codes, and patterns such as ``H53.*`` (every code below H53).

    ``code in parties`` answers in the number of patterns; a pattern never matches its own stem (``H53`` is not
    below ``H53``), and matching ignores case because the same code is typed both ways.
    """

    patterns: tuple[str, ...]

    def __contains__(self, code: object) -> bool:
        return isinstance(code, str) and any(_matches(pattern, code) for pattern in self.patterns)

    def overlap(self, other: Parties) -> str | None:
        """A pattern of either side that both claim, or None. Two systems must never claim one party."""
        for mine in self.patterns:
            for theirs in other.patterns:
                if _matches(mine, theirs) or _matches(theirs, mine) or mine.casefold() == theirs.casefold():
                    return mine
        return None


def _matches(pattern: str, code: str) -> bool:
    pattern, code = pattern.casefold(), code.casefold()
    if pattern.endswith("*"):
        return code.startswith(pattern[:-1]) and len(code) > len(pattern) - 1
    return code == pattern
