"""Name constraints (RFC 5280 §4.2.1.10, §6.1): which names an authority's certificates may carry.

A constraint that is malformed, or of a form that is not understood while a name of that form occurs, refuses the path.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from asn1crypto import core

from gateway.model.verdict import NotValid
from gateway.signing.trust.armour import DECODING_FAULTS
from gateway.signing.trust.limits import Budget
from gateway.signing.trust.node import NAME_CONSTRAINTS, SUBJECT_ALT_NAME, Node, rdn_keys

DNS: Final = "dns_name"
MAIL: Final = "rfc822_name"
URI: Final = "uniform_resource_identifier"
IP: Final = "ip_address"
DIRECTORY: Final = "directory_name"

Base = str | bytes | tuple[str, ...]
Names = list[tuple[str, Base]]
Subtrees = Mapping[str, tuple[Base, ...]]

_SMTP_UTF8: Final = "1.3.6.1.5.5.7.8.9"
"""SmtpUTF8Mailbox, which rfc822Name constraints bind as well (RFC 9598 §6)."""
_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_LOCAL: Final = re.compile(r"[\x21-\x3f\x41-\x7e]{1,256}")


@dataclass(frozen=True, slots=True)
class NameSpace:
    """What is permitted so far (each authority's list narrows, per form of name) and what is excluded."""

    permitted: tuple[Subtrees, ...] = ()
    excluded: tuple[Subtrees, ...] = field(default=())

    def narrowed(self, authority: Node) -> NameSpace:
        """This space under *authority*'s nameConstraints as well. Raises NotValid chain.invalid: malformed ones."""
        value = authority.extensions.get(NAME_CONSTRAINTS)
        if value is None:
            return self
        permitted = _subtrees(value["permitted_subtrees"])
        excluded = _subtrees(value["excluded_subtrees"])
        return NameSpace(
            self.permitted + ((permitted,) if permitted else ()), self.excluded + ((excluded,) if excluded else ())
        )

    def check(self, node: Node, budget: Budget) -> None:
        """Raise NotValid chain.invalid if a name of *node* is outside this space, or limit.exceeded."""
        if not self.permitted and not self.excluded:
            return
        forms = {form for subtrees in self.permitted + self.excluded for form in subtrees}
        for form, name in _names(node, forms):
            inside = _INSIDE.get(form)
            if inside is None:
                raise NotValid("chain.invalid", f"a name constraint of the form {form} cannot be decided")
            self._check_name(form, name, inside, budget)

    def _check_name(self, form: str, name: Base, inside: Callable[[Any, Any], bool], budget: Budget) -> None:
        for subtrees in self.permitted:
            bases = subtrees.get(form)
            budget.compare(len(bases or ()))
            if bases is not None and not any(inside(base, name) for base in bases):
                raise NotValid("chain.invalid", f"a {form} is outside the permitted names")
        reaches: Callable[[Any, Any], bool] = _reaches if form == DNS else inside
        for subtrees in self.excluded:
            bases = subtrees.get(form, ())
            budget.compare(len(bases))
            if any(reaches(base, name) for base in bases):
                raise NotValid("chain.invalid", f"a {form} is among the excluded names")


def _subtrees(value: Any) -> Subtrees:
    found: dict[str, tuple[Base, ...]] = {}
    if isinstance(value, core.Void):
        return found
    grouped: dict[str, list[Base]] = {}
    for subtree in value:
        if subtree["minimum"].native != 0 or subtree["maximum"].native is not None:
            raise NotValid("chain.invalid", "a name constraint with minimum or maximum")
        form, base = _general(subtree["base"])
        grouped.setdefault(form, []).append(_CONSTRAINT.get(form, _as_is)(base))
    found.update({form: tuple(bases) for form, bases in grouped.items()})
    return found


def _general(name: Any) -> tuple[str, Base]:
    """Form and content of a GeneralName; text forms in ASCII."""
    form = str(name.name)
    if form == DIRECTORY:
        return form, rdn_keys(name.chosen)
    if form in (DNS, MAIL, URI):
        return form, ascii_text(name.chosen)
    if form == IP:
        return form, bytes(name.chosen.contents)
    return form, b""


def ascii_text(value: Any) -> str:
    """The characters of an IA5String. Raises NotValid chain.invalid outside printable ASCII."""
    try:
        text = bytes(value.contents).decode("ascii")
    except DECODING_FAULTS as fault:
        raise NotValid("chain.invalid", "a name that is not ASCII") from fault
    if any(character < " " or character == "\x7f" for character in text):
        raise NotValid("chain.invalid", "a name with control characters")
    return text


def _names(node: Node, forms: set[str]) -> Iterator[tuple[str, Base]]:
    """The names of *node* of the *forms*: subject, its mail addresses and subjectAltName, comparable."""
    subject = node.tbs["subject"]
    if DIRECTORY in forms and len(subject.chosen):
        yield DIRECTORY, rdn_keys(subject)
    if MAIL in forms:
        for rdn in subject.chosen:
            for pair in rdn:
                if pair["type"].native == "email_address":
                    yield MAIL, _mail_name(ascii_text(pair["value"]))
    alternatives = node.extensions.get(SUBJECT_ALT_NAME)
    for alternative in alternatives if alternatives is not None else ():
        if MAIL in forms and alternative.name == "other_name" and alternative.chosen["type_id"].dotted == _SMTP_UTF8:
            raise NotValid("chain.invalid", "a mail address in UTF-8 under a mail constraint cannot be decided")
        if alternative.name in forms:
            form, content = _general(alternative)
            yield form, _NAME.get(form, _as_is)(content)


def _as_is(content: Base) -> Base:
    return content


def _bad(what: str) -> NotValid:
    return NotValid("chain.invalid", f"{what} is malformed")


def _labels(host: str) -> tuple[str, ...]:
    return tuple(host.lower().split("."))


def is_host(host: str) -> bool:
    """Whether *host* is a DNS name in preferred syntax (RFC 1034 §3.5; underscore tolerated), without a final dot."""
    return 0 < len(host) <= 253 and all(_LABEL.fullmatch(label) for label in _labels(host))


def _dns_constraint(base: Base) -> Base:
    text = str(base)
    if text and not is_host(text):
        raise _bad("a dNSName constraint")
    return _labels(text) if text else ()


def _dns_name(content: Base) -> Base:
    text = str(content)
    if not is_host(text.removeprefix("*.")):
        raise _bad("a dNSName")
    return _labels(text)


def _dns_inside(base: tuple[str, ...], name: tuple[str, ...]) -> bool:
    whole = name[1:] if name[0] == "*" else name
    return len(whole) >= len(base) and whole[len(whole) - len(base) :] == base


def _reaches(base: tuple[str, ...], name: tuple[str, ...]) -> bool:
    """As :func:`_dns_inside`, and for a wildcard also whether one of the hosts it stands for may be inside."""
    if name[0] != "*":
        return _dns_inside(base, name)
    parent = name[1:]
    return _dns_inside(base, name) or (len(base) > len(parent) and base[len(base) - len(parent) :] == parent)


def _mail_constraint(base: Base) -> Base:
    text = str(base)
    if "@" in text:
        return _mail_name(text)
    if not is_host(text.removeprefix(".")):
        raise _bad("an rfc822Name constraint")
    return ("", text.lower())


def _mail_name(content: Base) -> Base:
    local, separator, host = str(content).partition("@")
    if not separator or not _LOCAL.fullmatch(local) or not is_host(host):
        raise _bad("an rfc822Name")
    return (local, host.lower())


def _mail_inside(base: tuple[str, str], name: tuple[str, str]) -> bool:
    if base[0]:
        return base == name
    return _host_inside(base[1], name[1])


def _host_inside(base: str, host: str) -> bool:
    """``.domain`` holds every host below the domain, ``host`` itself only (§4.2.1.10, mail and URI)."""
    return host.endswith(base) and len(host) > len(base) if base.startswith(".") else host == base


def _uri_constraint(base: Base) -> Base:
    text = str(base).lower()
    if not is_host(text.removeprefix(".")):
        raise _bad("a URI constraint")
    return text


def _uri_name(content: Base) -> Base:
    try:
        host = urlsplit(str(content)).hostname or ""
    except ValueError as fault:
        raise _bad("a URI") from fault
    if not is_host(host) or host.rpartition(".")[2].isdigit():
        raise NotValid("chain.invalid", "a URI under a name constraint names no host")
    return host


def _ip_constraint(base: Base) -> Base:
    octets = bytes(base) if isinstance(base, bytes) else b""
    half = len(octets) // 2
    mask = int.from_bytes(octets[half:])
    ones = (1 << (half * 8)) - 1
    if len(octets) not in (8, 32) or (mask ^ ones) & ((mask ^ ones) + 1):
        raise _bad("an iPAddress constraint")
    return octets


def _ip_name(content: Base) -> Base:
    if len(content) not in (4, 16):
        raise _bad("an iPAddress")
    return content


def _ip_inside(base: bytes, name: bytes) -> bool:
    half = len(base) // 2
    mask = int.from_bytes(base[half:])
    return len(name) == half and int.from_bytes(name) & mask == int.from_bytes(base[:half]) & mask


def _directory_inside(base: tuple[str, ...], name: tuple[str, ...]) -> bool:
    return name[: len(base)] == base


_CONSTRAINT: Final[dict[str, Callable[[Base], Base]]] = {
    DNS: _dns_constraint,
    MAIL: _mail_constraint,
    URI: _uri_constraint,
    IP: _ip_constraint,
}
_NAME: Final[dict[str, Callable[[Base], Base]]] = {DNS: _dns_name, MAIL: _mail_name, URI: _uri_name, IP: _ip_name}
_INSIDE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    DNS: _dns_inside,
    MAIL: _mail_inside,
    URI: _host_inside,
    IP: _ip_inside,
    DIRECTORY: _directory_inside,
}
