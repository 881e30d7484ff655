"""Schemas as data that can be imported: each listed in `catalogue.toml` with its origin and SHA-256."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Schema:
    """One schema of the catalogue. *file* is relative to this package; *sha256* is of the file, in hex."""

    name: str
    file: str
    title: str
    origin: str
    sha256: str


def catalogue() -> tuple[Schema, ...]:
    """All schemas, as `catalogue.toml` lists them."""
    listed = tomllib.loads(files(__name__).joinpath("catalogue.toml").read_text("utf-8"))
    return tuple(Schema(**entry) for entry in listed["schema"])


def read(name: str) -> bytes:
    """The bytes of the schema called *name* in the catalogue, e.g. "edxml". Raises KeyError if there is none."""
    by_name = {schema.name: schema.file for schema in catalogue()}
    return files(__name__).joinpath(by_name[name]).read_bytes()
