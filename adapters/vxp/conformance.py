"""Strict conformance: what the lenient reader repaired, and what the schema says, as one list of findings by clause."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

from lxml import etree

import schemas
from adapters.vxp import codec
from adapters.vxp.findings import MAX_FINDINGS, Finding, finding
from adapters.vxp.kinds import Severity
from adapters.vxp.node import is_ours, qualified
from adapters.vxp.shape import NAMESPACE, clause_of
from gateway.errors import Refusal
from gateway.formats import safexml
from gateway.formats.safexml import Element

_STRUCTURE: Final = frozenset(
    {
        "element.missing",
        "element.order",
        "element.unknown",
        "element.repeated",
        "element.place",
        "organ.repeated",
    }
)
"""Findings about a child of the element whose structure is wrong."""
_ON_ITSELF: Final = frozenset(
    {
        "text.stray",
        "text.null",
        "element.empty",
        "element.ignored",
        "element.dotnet",
        "attachment.id",
        "attachment.absent",
        "attachment.unlisted",
        "attachment.empty",
        "attachment.spaces",
    }
)
_NAMESPACE: Final = frozenset({"namespace.missing", "namespace.old"})
_NAME: Final = re.compile(r"\{[^{}]*\}([\w.\-]+)")
_EXPECTED: Final = re.compile(r"Expected is (?:one of )?\( (.*?) \)")
_TYPE: Final = re.compile(r"type '(?:\{[^{}]*\})?(?:xs:)?([\w.\-]+)'")
_STRUCTURAL_TYPES: Final = frozenset({"SCHEMAV_ELEMENT_CONTENT", "SCHEMAV_CVC_IDC"})
_COMPILING: Final = threading.Lock()
"""libxml2 sets up its built-in types in the first compilation of a process and guards them by nothing: two first ones
at once fail, or the process dies."""


@dataclass(frozen=True, slots=True)
class _Fault:
    """A complaint of the schema, at an element."""

    xpath: str
    line: int
    structural: bool
    detail: str

    @property
    def container(self) -> str:
        return self.xpath.rpartition("/")[0]


def check(raw: bytes) -> tuple[Finding, ...]:
    """Every deviation of a package from what this gateway itself would send; never raises a Refusal.

    An *error* is what the schema rejects or what cannot be read; a package without errors is conformant.
    """
    try:
        lenient = codec.decode(raw).findings
        faults = list(_schema_faults(safexml.parse(raw, lenient=True, prefixes=codec.PREFIXES).root))
    except Refusal as refusal:
        return (_of_refusal(refusal),)
    raised = tuple(_raised(one) if _breaks(one, faults) else one for one in lenient)
    return raised + tuple(_of_fault(fault) for fault in faults if not any(_covers(one, fault) for one in lenient))


def is_strict(raw: bytes) -> bool:
    """Whether the package is well-formed without repair, valid to the strict schema, and readable."""
    try:
        root = safexml.parse(raw).root
        codec.decode(raw)
    except Refusal:
        return False
    return bool(_schema().validate(root))


def exit_ok(findings: Iterable[Finding]) -> bool:
    """Whether `lienthong validate` ends with 0: warnings and notes, but no error."""
    return all(one.severity is not Severity.ERROR for one in findings)


def _schema() -> Any:
    """The compiled schema, one for each thread: its log of errors is not for sharing, and compiling takes a
    millisecond, of every accepted document."""
    return _compiled(threading.get_ident())


@lru_cache(maxsize=64)
def _compiled(thread: int) -> Any:
    with _COMPILING:
        return etree.XMLSchema(safexml.parse(schemas.read("edxml")).root)


def _schema_faults(root: Element) -> Iterator[_Fault]:
    """The schema's complaints, the first of each element, at most `MAX_FINDINGS`; namespaces are put right before."""
    for element in root.iter("*"):
        if is_ours(element):
            element.tag = f"{{{NAMESPACE}}}{qualified(element)[1]}"
    schema = _schema()
    schema.validate(root)
    prefixes = {prefix: uri for element in root.iter("*") for prefix, uri in element.nsmap.items() if prefix}
    seen: set[str] = set()
    for entry in schema.error_log:
        element = _element_at(root, entry.path, prefixes)
        xpath = _xpath(element) if element is not None else "/edXML"
        if xpath not in seen:
            seen.add(xpath)
            structural = entry.type_name.startswith("SCHEMAV_CVC_COMPLEX_TYPE") or entry.type_name in _STRUCTURAL_TYPES
            yield _Fault(xpath, entry.line or 1, structural, _detail(entry))
        if len(seen) >= MAX_FINDINGS:
            return


def _element_at(root: Element, path: str | None, prefixes: Mapping[str, str]) -> Element | None:
    """The element at libxml2's path, which names prefixes as the document has them."""
    try:
        found = root.getroottree().xpath(path or "", namespaces=prefixes)
    except etree.XPathError:
        return None
    return found[0] if isinstance(found, list) and found else None


def _xpath(element: Element) -> str:
    """The reader's kind of path: local names, an index only among siblings of one name."""
    steps = []
    while element is not None:
        name = qualified(element)[1]
        before, after = (
            int(element.xpath(f"count({axis}-sibling::*[local-name() = $name])", name=name))
            for axis in ("preceding", "following")
        )
        steps.append(f"{name}[{before + 1}]" if before + after else name)
        element = element.getparent()
    return "/" + "/".join(reversed(steps))


def _detail(entry: Any) -> str:
    """What the schema wanted, without a value of the document."""
    expected = _EXPECTED.search(entry.message)
    if expected:
        return "→ " + ", ".join(_NAME.findall(expected[1])[:6])
    wanted = _TYPE.search(entry.message)
    return wanted[1] if wanted else str(entry.type_name.removeprefix("SCHEMAV_").lower())


def _covers(one: Finding, fault: _Fault) -> bool:
    """Whether the lenient finding already says, better, what the schema complains about."""
    if one.xpath == fault.xpath:
        return one.code in _ON_ITSELF or one.code in _STRUCTURE or one.code.startswith(("value.", "text."))
    container = one.xpath.rpartition("/")[0]
    return fault.structural and one.code in _STRUCTURE and container in (fault.xpath, fault.container)


def _breaks(one: Finding, faults: Iterable[_Fault]) -> bool:
    return one.code in _NAMESPACE or any(_covers(one, fault) for fault in faults)


def _raised(one: Finding) -> Finding:
    return replace(one, severity=Severity.ERROR)


def _of_fault(fault: _Fault) -> Finding:
    code = "strict.structure" if fault.structural else "strict.value"
    return finding(code, fault.xpath, fault.line, detail=fault.detail)


def _of_refusal(refusal: Refusal) -> Finding:
    """A file that cannot be read at all is one error, in the words of the refusal."""
    line = refusal.where.partition(":")[0]
    xpath = refusal.where if refusal.where.startswith("/") else "/"
    fault = refusal.fault
    return Finding(
        refusal.code,
        clause_of(xpath),
        xpath,
        int(line) if line.isdecimal() else 1,
        fault.vi,
        fault.en,
        fault.remedy_vi,
        fault.remedy_en,
        Severity.ERROR,
    )
