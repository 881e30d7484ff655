"""Every schema is listed with its origin and the digest of the file as shipped."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

import schemas


@pytest.mark.parametrize("schema", schemas.catalogue(), ids=lambda schema: schema.name)
def test_the_digest_of_each_schema_is_that_of_its_file(schema: schemas.Schema) -> None:
    assert hashlib.sha256(schemas.read(schema.name)).hexdigest() == schema.sha256
    assert schema.origin and schema.title


def test_no_xml_schema_is_shipped_unlisted() -> None:
    folder = Path(schemas.__file__).parent
    shipped = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.suffix in {".xsd", ".wsdl"}}
    assert shipped <= {schema.file for schema in schemas.catalogue()}
