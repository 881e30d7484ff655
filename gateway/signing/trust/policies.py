"""Certificate policies along a path (RFC 5280 §6.1.3 d–f, §6.1.4 a–b, h–j) in the form of RFC 9618.

With the initial set {any-policy} only one question is open at each step: which policies are still valid, and what each
expects next. So one level of the policy graph is kept; its size is bounded by the certificates, not by their product.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from gateway.model.verdict import NotValid
from gateway.signing.trust.node import INHIBIT_ANY_POLICY, POLICIES, POLICY_CONSTRAINTS, POLICY_MAPPINGS, Node

ANY: Final = "2.5.29.32.0"
MAX_POLICIES: Final = 256
"""Policies or mappings of one certificate."""

Level = dict[str, frozenset[str]]


def _start() -> Level | None:
    return {ANY: frozenset({ANY})}


@dataclass(slots=True)
class PolicyState:
    """The state variables of §6.1.2 that concern policies. *level* maps each valid policy to what it expects next;
    None is the NULL tree.
    """

    explicit: int
    mapping: int
    inhibit_any: int
    level: Level | None = field(default_factory=_start)

    @classmethod
    def at_start(cls, length: int, anchor: Node) -> PolicyState:
        """For a path of *length* certificates without the anchor; the anchor's own constraints count (RFC 5937 §3)."""
        state = cls(length + 1, length + 1, length + 1)
        state._constrain(anchor)
        return state

    def admit(self, node: Node, *, last: bool) -> None:
        """§6.1.3 d–f for one certificate. Raises NotValid chain.invalid where an explicit policy is required."""
        policies = _policies(node)
        if policies is None:
            self.level = None
        elif self.level is not None:
            any_allowed = self.inhibit_any > 0 or (not last and node.self_issued)
            self.level = _next(self.level, policies, any_allowed)
        if self.level is None and self.explicit <= 0:
            raise NotValid("chain.invalid", "no certificate policy is valid for the path, and one is required")

    def pass_on(self, node: Node) -> None:
        """§6.1.4 a–b, h–j: prepare for the next certificate. Raises NotValid chain.invalid: any-policy mapped."""
        self._map(_mappings(node))
        if not node.self_issued:
            self.explicit = max(0, self.explicit - 1)
            self.mapping = max(0, self.mapping - 1)
            self.inhibit_any = max(0, self.inhibit_any - 1)
        self._constrain(node)

    def conclude(self, node: Node) -> None:
        """§6.1.5 a, b, g. Raises NotValid chain.invalid."""
        self.explicit = max(0, self.explicit - 1)
        constraints = node.extensions.get(POLICY_CONSTRAINTS)
        if constraints is not None and constraints["require_explicit_policy"].native == 0:
            self.explicit = 0
        if self.explicit == 0 and self.level is None:
            raise NotValid("chain.invalid", "no certificate policy is valid for the path, and one is required")

    def _constrain(self, node: Node) -> None:
        constraints = node.extensions.get(POLICY_CONSTRAINTS)
        if constraints is not None:
            required = constraints["require_explicit_policy"].native
            inhibited = constraints["inhibit_policy_mapping"].native
            self.explicit = min(self.explicit, self.explicit if required is None else max(0, required))
            self.mapping = min(self.mapping, self.mapping if inhibited is None else max(0, inhibited))
        skip = node.extensions.get(INHIBIT_ANY_POLICY)
        if skip is not None:
            self.inhibit_any = min(self.inhibit_any, max(0, skip.native))

    def _map(self, mappings: dict[str, frozenset[str]]) -> None:
        if self.level is None:
            return
        level = dict(self.level)
        for policy, subjects in mappings.items():
            if self.mapping > 0:
                if policy in level or ANY in level:
                    level[policy] = subjects
            else:
                level.pop(policy, None)
        self.level = level or None


def _next(level: Level, policies: frozenset[str], any_allowed: bool) -> Level | None:
    expected = frozenset(one for wanted in level.values() for one in wanted)
    following = {
        policy: frozenset({policy}) for policy in policies if policy != ANY and (policy in expected or ANY in level)
    }
    if ANY in policies and any_allowed:
        for one in expected:
            following.setdefault(one, frozenset({one}))
    return following or None


def check_mappings(node: Node) -> None:
    """Policies are mapped neither to nor from any-policy (§4.2.1.5), also where nothing follows that it could affect.

    Raises NotValid chain.invalid.
    """
    _mappings(node)


def _policies(node: Node) -> frozenset[str] | None:
    value = node.extensions.get(POLICIES)
    if value is None:
        return None
    if len(value) > MAX_POLICIES:
        raise NotValid("limit.exceeded", "too many certificate policies")
    return frozenset(one["policy_identifier"].dotted for one in value)


def _mappings(node: Node) -> dict[str, frozenset[str]]:
    value = node.extensions.get(POLICY_MAPPINGS)
    if value is None:
        return {}
    if len(value) > MAX_POLICIES:
        raise NotValid("limit.exceeded", "too many policy mappings")
    found: dict[str, set[str]] = {}
    for one in value:
        issuer, subject = one["issuer_domain_policy"].dotted, one["subject_domain_policy"].dotted
        if ANY in (issuer, subject):
            raise NotValid("chain.invalid", "a policy mapping of any-policy")
        found.setdefault(issuer, set()).add(subject)
    return {issuer: frozenset(subjects) for issuer, subjects in found.items()}
