"""The JSON interface as published: JSON Schema of a document, and the OpenAPI 3.1 description around it."""

from __future__ import annotations

import json
from importlib.resources import files

Json = dict[str, object]

_ON_DISK = "document.schema.json#/$defs/"
_IN_DEFS = "#/$defs/"
_SERVED = "#/components/schemas/"


def document_schema() -> Json:
    """`document.schema.json`: JSON Schema 2020-12 of a document or status."""
    return _read("document.schema.json")


def openapi() -> Json:
    """`openapi.json` with the document's schema folded into its components, so that it stands on its own."""
    described = _read("openapi.json")
    components = described["components"]
    definitions = document_schema()["$defs"]
    if not (isinstance(components, dict) and isinstance(definitions, dict)):
        raise TypeError("openapi.json has no components or document.schema.json no $defs")
    components["schemas"] = {**components["schemas"], **definitions}
    return {name: _folded(member) for name, member in described.items()}


def _read(name: str) -> Json:
    content = json.loads(files("schemas.rest").joinpath(name).read_bytes())
    if not isinstance(content, dict):
        raise TypeError(f"{name} is not a JSON object")
    return content


def _folded(value: object) -> object:
    if isinstance(value, dict):
        return {name: _reference(member) if name == "$ref" else _folded(member) for name, member in value.items()}
    return [_folded(item) for item in value] if isinstance(value, list) else value


def _reference(target: object) -> object:
    return str(target).replace(_ON_DISK, _SERVED).replace(_IN_DEFS, _SERVED)
