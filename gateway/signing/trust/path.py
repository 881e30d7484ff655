"""One given path, walked from the anchor to the end entity by RFC 5280 §6.1, without revocation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from gateway.model.verdict import NotValid
from gateway.signing.trust import profile
from gateway.signing.trust.limits import Budget, Rigour
from gateway.signing.trust.names import NameSpace
from gateway.signing.trust.node import Node
from gateway.signing.trust.policies import PolicyState


def walk(path: Sequence[Node], *, budget: Budget, rigour: Rigour) -> None:
    """Check *path*, the end entity first and the anchor last, but for signatures, time and revocation.

    Signatures were checked link by link when the path was built. Raises NotValid chain.invalid, limit.exceeded.
    """
    anchor, length = path[-1], len(path) - 1
    _check_anchor(anchor, rigour)
    space = NameSpace().narrowed(anchor)
    policies = PolicyState.at_start(length, anchor)
    remaining = length if anchor.path_length is None else min(length, anchor.path_length)
    for place in range(length - 1, -1, -1):
        node, last = path[place], place == 0
        profile.check_sound(node)
        if rigour.conformance:
            profile.check_conformance(node, anchor=False)
        if node.issuer != path[place + 1].subject:
            raise NotValid("chain.invalid", "issuer and subject of a link differ")
        if last or not node.self_issued:
            space.check(node, budget)
        policies.admit(node, last=last)
        if last:
            policies.conclude(node)
            return
        profile.check_authority(node, anchor=False)
        policies.pass_on(node)
        space = space.narrowed(node)
        remaining = _shortened(remaining, node)


def _check_anchor(anchor: Node, rigour: Rigour) -> None:
    profile.check_sound(anchor)
    profile.check_authority(anchor, anchor=True)
    if rigour.conformance:
        profile.check_conformance(anchor, anchor=True)


def _shortened(remaining: int, node: Node) -> int:
    """§6.1.4 l–m: how many more authorities may follow *node*."""
    if not node.self_issued:
        if remaining <= 0:
            raise NotValid("chain.invalid", "the path is longer than an authority allows")
        remaining -= 1
    return remaining if node.path_length is None else min(remaining, node.path_length)


def check_window(node: Node, at: datetime) -> None:
    """Whether *at* (whole seconds) lies in the validity of *node*, both ends included (§4.1.2.5).

    Raises NotValid certificate.not_yet or certificate.expired.
    """
    if at < node.not_before:
        raise NotValid("certificate.not_yet", "a certificate of the path was not yet valid")
    if at > node.not_after:
        raise NotValid("certificate.expired", "a certificate of the path had expired")
