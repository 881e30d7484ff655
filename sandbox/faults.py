"""Fault scripts: which request of the axis goes wrong, and how. Deterministic by order and seed.

A rule is a JSON object:

    {"operation": "sendEdoc" | "*",
     "match": {"nth": 2 | [1, 3], "probability": 0.3, "seed": 7, "system": "…", "from": "…", "messagetype": "edoc"},
     "action": "refuse" | "503" | "slow" | "cut_after_send" | "answer_lost" | "duplicate" | "garbage" | "fail"
               | "truncate",
     "times": 3, "seconds": 2.0, "retry_after": 5, "code": "20", "description": "…", "processed": false}

`nth` counts requests that match the rest of the rule, from 1, also those another rule struck. `times` bounds how
often the rule strikes. `processed` makes `garbage` and `fail` answer after the request took effect, as a server that
dies while answering does. `duplicate` on sendEdoc stores the package twice, on getReceivedEdocList lists every row
twice, on updateStatus answers OK and delivers again.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

ACTIONS: Final = frozenset(
    {"refuse", "503", "slow", "cut_after_send", "answer_lost", "duplicate", "garbage", "fail", "truncate"}
)
_KEYS: Final = frozenset(
    {"operation", "match", "action", "times", "seconds", "retry_after", "code", "description", "processed"}
)
_HEADER_MATCHES: Final = ("system", "from", "messagetype", "serial", "path")
_MATCH_KEYS: Final = frozenset({"nth", "probability", "seed", *_HEADER_MATCHES})


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a fault script."""

    operation: str
    action: str
    nth: frozenset[int] = frozenset()
    probability: float = 1.0
    seed: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    times: int | None = None
    seconds: float = 1.0
    retry_after: int | None = None
    code: str = "20"
    description: str = "Fault script"
    processed: bool = False

    @classmethod
    def from_json(cls, source: object, actions: Set[str] = ACTIONS) -> Rule:
        """Read a rule from decoded JSON, its action one of `actions`. Raises ValueError naming what is wrong."""
        if not isinstance(source, dict):
            raise ValueError("a rule is a JSON object")
        match = source.get("match", {})
        if not isinstance(match, dict) or match.keys() - _MATCH_KEYS or source.keys() - _KEYS:
            raise ValueError(f"unknown key in rule: {source}")
        if source.get("action") not in actions:
            raise ValueError(f"unknown action: {source.get('action')}")
        nth = match.get("nth", [])
        options: dict[str, Any] = {
            name: source[name] for name in _KEYS - {"operation", "match", "action"} if name in source
        }
        return cls(
            operation=str(source.get("operation", "*")),
            action=str(source["action"]),
            nth=frozenset(nth if isinstance(nth, list) else [nth]),
            probability=float(match.get("probability", 1.0)),
            seed=int(match.get("seed", 0)),
            headers={name: str(match[name]) for name in _HEADER_MATCHES if name in match},
            **options,
        )

    def concerns(self, operation: str, headers: Mapping[str, str]) -> bool:
        """Tell whether a request is one this rule counts."""
        if self.operation not in ("*", operation):
            return False
        return all(headers.get(name) == value for name, value in self.headers.items())


class Script:
    """The rules in force and what they have done so far."""

    def __init__(self) -> None:
        self._lines: list[_Line] = []
        self.fired: list[dict[str, str]] = []

    def add(self, rules: list[Rule]) -> None:
        """Append rules; the first that fires decides."""
        self._lines += [_Line(rule) for rule in rules]

    def clear(self) -> None:
        """Forget all rules, keep the record of what fired."""
        self._lines.clear()

    def state(self) -> list[dict[str, object]]:
        """Return the rules with how many requests each has seen and how often it fired."""
        return [
            {
                "operation": line.rule.operation,
                "action": line.rule.action,
                "seen": line.seen,
                "fired": line.fired,
                "times": line.rule.times,
            }
            for line in self._lines
        ]

    def decide(self, operation: str, headers: Mapping[str, str]) -> Rule | None:
        """Count one request with every rule it concerns; return the first that wants to strike."""
        due = [line for line in self._lines if line.rule.concerns(operation, headers) and line.counts()]
        if not due:
            return None
        due[0].fired += 1
        rule = due[0].rule
        self.fired.append({"operation": operation, "action": rule.action, "system": headers.get("system", "")})
        return rule


class _Line:
    """A rule with its counters and its own dice."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.seen = 0
        self.fired = 0
        self._dice = Random(rule.seed)  # noqa: S311 (a fault script, not a secret)

    def counts(self) -> bool:
        """Count a request; True if the rule wants to strike. The dice roll once per request, struck or not."""
        self.seen += 1
        unlucky = self._dice.random() < self.rule.probability
        chosen = not self.rule.nth or self.seen in self.rule.nth
        left = self.rule.times is None or self.fired < self.rule.times
        return unlucky and chosen and left
