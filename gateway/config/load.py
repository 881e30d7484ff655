"""From files and environment to a frozen Config, or to a list of everything that is wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import chain
from pathlib import Path

from pydantic import ValidationError

from gateway.config.checks import check_machine, check_tables
from gateway.config.disagreement import Disagreement
from gateway.config.model import Config
from gateway.config.problem import ConfigError, Problem
from gateway.config.sources import Layers, read_layers
from gateway.config.values import Surroundings
from gateway.config.wording import key_text, problem_of


def load(path: Path, environ: Mapping[str, str], *, opens_secrets: bool = True) -> Config:
    """The configuration of *path*, its drop-in folder ``path.d/*.toml`` and *environ* (``LIENTHONG__TABLE__KEY``).

    ``opens_secrets=False`` is for a person's commands, whose account needs neither the service's secrets nor its
    rights: secrets stay closed and the machine is not looked at. Raises ConfigError with every problem found.
    """
    path = path.absolute()
    try:
        layers = read_layers(path, environ)
    except OSError as error:
        raise ConfigError([_unreadable(error, path)]) from None
    if layers.problems:
        raise ConfigError(_ordered(layers.problems))
    try:
        config = Config.model_validate(layers.tree, context=Surroundings(path.parent, environ, opens_secrets))
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        raise ConfigError(_ordered([problem_of(detail, layers) for detail in details])) from None
    findings = chain(check_tables(config), check_machine(config) if opens_secrets else ())
    if problems := [_placed(finding, layers) for finding in findings]:
        raise ConfigError(_ordered(problems))
    return config


def json_schema() -> str:
    """The published JSON Schema of the configuration file, as text that does not change between runs."""
    schema = Config.model_json_schema(mode="validation")
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "lienthong.toml"}
    return json.dumps(schema, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def _placed(finding: Disagreement, layers: Layers) -> Problem:
    origin = layers.origin(finding.path)
    return Problem(
        origin.file,
        origin.line,
        origin.column,
        key_text(finding.path),
        finding.vi,
        finding.en,
        finding.hint_vi,
        finding.hint_en,
    )


def _unreadable(error: OSError, path: Path) -> Problem:
    return Problem(
        str(error.filename or path),
        0,
        0,
        "",
        "Không đọc được tệp cấu hình",
        f"Cannot read the configuration: {error.strerror}",
        "Chỉ đúng tệp bằng -c TỆP hoặc biến LIENTHONG_CONFIG",
        "Name the file with -c FILE or LIENTHONG_CONFIG",
    )


def _ordered(problems: list[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda problem: (problem.file, problem.line, problem.column))
