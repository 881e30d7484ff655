"""Whether a WSDL description can be used: well-formed, self-contained, every name it uses declared.

WSDL 1.1 (W3C Note 2001-03-15) §2, WSDL 2.0 Part 1 §2. Nothing is ever fetched: a description that imports over the
network is refused, one that imports a file beside it is left to whoever loads that file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gateway.errors import Refusal
from gateway.formats import safexml
from gateway.formats.safexml import Element

WSDL_11: Final = "http://schemas.xmlsoap.org/wsdl/"
WSDL_20: Final = "http://www.w3.org/ns/wsdl"
_SCHEMA: Final = "{http://www.w3.org/2001/XMLSchema}"
_USES: Final = {
    WSDL_11: (
        ("portType/operation/input", "message", "message"),
        ("portType/operation/output", "message", "message"),
        ("portType/operation/fault", "message", "message"),
        ("binding", "type", "portType"),
        ("service/port", "binding", "binding"),
    ),
    WSDL_20: (
        ("binding", "interface", "interface"),
        ("service", "interface", "interface"),
        ("service/endpoint", "binding", "binding"),
    ),
}
"""Where a name is used, by which attribute, and what declares it."""


def check(raw: bytes, *, max_bytes: int = safexml.MAX_BYTES) -> None:
    """Return if *raw* is a usable description.

    Raises Refusal: everything of :func:`gateway.formats.safexml.parse`; wsdl.invalid (no WSDL, a name declared twice
    or used and not declared); wsdl.network (an import from an address).
    """
    root = safexml.parse(raw, max_bytes=max_bytes).root
    dialect = {f"{{{WSDL_11}}}definitions": WSDL_11, f"{{{WSDL_20}}}description": WSDL_20}.get(root.tag)
    if dialect is None:
        raise Refusal("wsdl.invalid", _place(root), "the root is no WSDL 1.1 definitions or 2.0 description")
    _refuse_network(root, dialect)
    declared = {part: _declared(root, dialect, part) for part in ("message", "portType", "interface", "binding")}
    _declared(root, dialect, "service")
    imports = {one.get("namespace", "") for one in root.iterfind(f"{{{dialect}}}import")}
    for element, attribute, part in _used(root, dialect):
        _check_name(element, attribute, declared[part], root.get("targetNamespace", ""), imports)


def _refuse_network(root: Element, dialect: str) -> None:
    places = [(one, "location") for name in ("import", "include") for one in root.iter(f"{{{dialect}}}{name}")]
    places += [
        (one, "schemaLocation") for name in ("import", "include", "redefine") for one in root.iter(f"{_SCHEMA}{name}")
    ]
    for element, attribute in places:
        address = element.get(attribute, "").strip()
        if ":" in address.partition("/")[0] or address.startswith(("//", "\\\\")):
            raise Refusal("wsdl.network", _place(element), f"{attribute} is an address")


def _declared(root: Element, dialect: str, part: str) -> frozenset[str]:
    names: set[str] = set()
    for element in root.iterfind(f"{{{dialect}}}{part}"):
        name = element.get("name", "")
        if not name or name in names:
            raise Refusal("wsdl.invalid", _place(element), f"a {part} without a name of its own")
        names.add(name)
    return frozenset(names)


def _used(root: Element, dialect: str) -> Iterator[tuple[Element, str, str]]:
    for path, attribute, part in _USES[dialect]:
        steps = "/".join(f"{{{dialect}}}{step}" for step in path.split("/"))
        for element in root.iterfind(steps):
            yield element, attribute, part


def _check_name(element: Element, attribute: str, declared: frozenset[str], target: str, imports: set[str]) -> None:
    given = element.get(attribute)
    if given is None:
        if attribute == "interface" and element.tag.endswith("}binding"):  # 2.0 §2.9: a binding may serve any interface
            return
        raise Refusal("wsdl.invalid", _place(element), f"{attribute} is missing")
    prefix, _, local = given.strip().rpartition(":")
    if prefix and prefix not in element.nsmap:
        raise Refusal("wsdl.invalid", _place(element), f"the prefix of {attribute} is not declared")
    namespace = element.nsmap.get(prefix or None, "")
    if namespace in (target, "") and local not in declared and target not in imports:
        raise Refusal("wsdl.invalid", _place(element), f"{attribute} names nothing that is declared")


def _place(element: Element) -> str:
    return f"{element.sourceline}:1"
