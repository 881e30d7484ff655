"""edXML to canonical content and back: pure functions, the only door to this dialect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from adapters.vxp.findings import Finding, Findings
from adapters.vxp.reader import read
from adapters.vxp.shape import DSIG, NAMESPACE, XLINK
from adapters.vxp.writer import write
from gateway.formats import safexml
from gateway.model.document import Content

PREFIXES: Final[Mapping[str, str]] = {"edXML": NAMESPACE, "edxml": NAMESPACE, "xlink": XLINK, "ds": DSIG}
"""What prefixes that a package forgot to declare are taken for."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A package read: its content, and every deviation that was repaired on the way."""

    content: Content
    findings: tuple[Finding, ...]


def decode(raw: bytes, *, max_bytes: int = safexml.MAX_BYTES) -> Reading:
    """Read a package as any peer may write it.

    Raises Refusal only for what cannot be understood: limit.body, xml.*, edxml.root, edxml.missing, edxml.value,
    edxml.base64, zip.limit.
    """
    findings = Findings()
    content = read(safexml.parse(raw, max_bytes=max_bytes, lenient=True, prefixes=PREFIXES), findings)
    return Reading(content, findings.all())


def encode(content: Content, *, wrap: bool = True) -> bytes:
    """Write a package in the form and order of the vendor's library; equal content gives equal bytes.

    *wrap* puts every attachment into a one-entry ZIP, as the axis expects; without it only those are wrapped that a
    reader would otherwise unwrap. `decode(encode(x)).content == x` for canonical x (text in NFC, no blanks at its
    ends). Raises Refusal edxml.strict, naming the field, for what XML cannot carry.
    """
    return write(content, wrap=wrap)
