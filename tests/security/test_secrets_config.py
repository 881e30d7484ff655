"""The table [secrecy]: its defaults are the rules' own, and a pattern that is none is named with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import ConfigError, load
from gateway.intake.secrecy import Secrecy, SecrecySettings

BASE = '[gateway]\nid = "t"\ndata_dir = "state"\n[listen.intake]\nplain_http = "127.0.0.1:0"\n'


def written(folder: Path, table: str) -> Path:
    file = folder / "lienthong.toml"
    file.write_text(BASE + table, encoding="utf-8")
    return file


def test_without_the_table_the_rules_are_on_and_their_own_defaults(tmp_path: Path) -> None:
    config = load(written(tmp_path, ""), {})
    assert Secrecy(SecrecySettings(**config.secrecy.model_dump())).fingerprint == Secrecy().fingerprint
    assert config.secrecy.enabled


@pytest.mark.parametrize("table", ["words = ['(']", "file_names = ['a', '(?i)b']", "grades = { DoMat = '[' }"])
def test_a_pattern_that_is_no_regular_expression_is_named_with_its_line(tmp_path: Path, table: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path, f"[secrecy]\n{table}\n"), {})
    (problem,) = caught.value.problems
    assert problem.line == 7
    assert "biểu thức chính quy" in str(problem).lower()
