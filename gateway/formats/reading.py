"""Whether bytes can be read at all, by kind: the parsers of the live path and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from gateway.formats import safexml, soap, strictjson, wsdl

KINDS: Final[Mapping[str, Callable[[bytes], object]]] = {
    "xml": safexml.parse,
    "json": strictjson.loads,
    "soap": soap.parse,
    "wsdl": wsdl.check,
}
"""Kind to its parser: returns, or raises Refusal with code, place and reason; never anything else."""
