"""Which certificates a CRL speaks of: their distribution points against its own (RFC 5280 §6.3.3 b, d)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from asn1crypto import core

from gateway.signing.trust.node import CRL_POINTS, Node, name_key

ALL_REASONS: Final = frozenset(
    {
        "key_compromise",
        "ca_compromise",
        "affiliation_changed",
        "superseded",
        "cessation_of_operation",
        "certificate_hold",
        "privilege_withdrawn",
        "aa_compromise",
    }
)
"""The reasons a CRL may be limited to (RFC 5280 §4.2.1.13); together they are the whole status."""

NameSet = frozenset[str]


@dataclass(frozen=True, slots=True)
class Scope:
    """issuingDistributionPoint of a CRL (§5.2.5), decoded; the default is a CRL without it."""

    present: bool = False
    point: Any = None
    users_only: bool = False
    authorities_only: bool = False
    attributes_only: bool = False
    indirect: bool = False
    reasons: frozenset[str] = ALL_REASONS
    der: bytes = b""


@dataclass(frozen=True, slots=True)
class Point:
    """One distribution point of a certificate, or the implicit one: the name of its issuer."""

    name: Any
    issuers: NameSet
    reasons: frozenset[str]
    implicit: bool = False


def scope_of(value: Any) -> Scope:
    """Decode an issuingDistributionPoint extension."""
    reasons = value["only_some_reasons"].native
    return Scope(
        present=True,
        point=None if isinstance(value["distribution_point"], core.Void) else value["distribution_point"],
        users_only=bool(value["only_contains_user_certs"].native),
        authorities_only=bool(value["only_contains_ca_certs"].native),
        attributes_only=bool(value["only_contains_attribute_certs"].native),
        indirect=bool(value["indirect_crl"].native),
        reasons=ALL_REASONS if reasons is None else frozenset(reasons) & ALL_REASONS,
        der=value.dump(),
    )


def points_of(node: Node) -> Iterator[Point]:
    """The distribution points of *node*, then the implicit one (§6.3.3, last paragraph)."""
    for one in node.extensions.get(CRL_POINTS, ()):
        reasons = one["reasons"].native
        named = not isinstance(one["distribution_point"], core.Void)
        yield Point(
            name=one["distribution_point"] if named else None,
            issuers=frozenset() if isinstance(one["crl_issuer"], core.Void) else general_keys(one["crl_issuer"]),
            reasons=ALL_REASONS if reasons is None else frozenset(reasons) & ALL_REASONS,
        )
    yield Point(name=None, issuers=frozenset(), reasons=ALL_REASONS, implicit=True)


def covered(node: Node, crl_issuer: Any, scope: Scope) -> frozenset[str]:
    """The reasons for which a CRL of *crl_issuer* (asn1crypto Name) and *scope* decides about *node*."""
    if scope.attributes_only or (scope.users_only and node.is_ca) or (scope.authorities_only and not node.is_ca):
        return frozenset()
    reached: frozenset[str] = frozenset()
    for point in points_of(node):
        if _meets(point, node, crl_issuer, scope):
            reached |= point.reasons & scope.reasons
    return reached


def _meets(point: Point, node: Node, crl_issuer: Any, scope: Scope) -> bool:
    issuer = name_key(crl_issuer)
    if point.issuers:
        if issuer not in point.issuers or not scope.indirect:
            return False
    elif issuer != node.issuer:
        return False
    if scope.point is None:
        return True
    issued = _point_keys(scope.point, crl_issuer)
    if point.implicit:
        # §6.3.3 lets a list that names its issuer as its point stand in for others; one that says so where the
        # certificate itself names points is of another part of its issuer's certificates (BSI CERT_PATH_CRL_13).
        return CRL_POINTS not in node.extensions and node.issuer in issued
    if point.name is not None:
        return bool(issued & _point_keys(point.name, crl_issuer))
    return bool(issued & point.issuers)


def _point_keys(point: Any, crl_issuer: Any) -> NameSet:
    """The names of a DistributionPointName; a relative one is completed with the CRL issuer's (§4.2.1.13)."""
    if point.name == "full_name":
        return general_keys(point.chosen)
    whole = crl_issuer.copy()
    whole.chosen.append(point.chosen.untag())
    return frozenset({name_key(whole)})


def general_keys(names: Any) -> NameSet:
    """A key for each GeneralName: directory names by their prepared strings, others by form and bytes."""
    return frozenset(
        name_key(one.chosen.untag()) if one.name == "directory_name" else f"{one.name}:{one.chosen.contents.hex()}"
        for one in names
    )
