"""Where a configuration comes from: one file, its drop-in folder, and the environment, laid over each other.

Tables merge; values and lists of values are replaced; ``[[tables]]`` are added. Every key remembers its origin.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.config.locate import KeyPath, Place, locate
from gateway.config.problem import Problem

PREFIX = "LIENTHONG__"
_POSITION = re.compile(r"\(at line (\d+), column (\d+)\)")


@dataclass(frozen=True, slots=True)
class Origin:
    """The file (or ``$VARIABLE``) a key came from, and its place there; 0 where there is none."""

    file: str
    line: int = 0
    column: int = 0


@dataclass(slots=True)
class Layers:
    """The merged *tree*, the *origins* of its keys, and the *problems* met while reading."""

    file: str
    tree: dict[str, Any] = field(default_factory=dict)
    origins: dict[KeyPath, Origin] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def origin(self, path: KeyPath) -> Origin:
        """Where *path* stands, or the nearest table around it; a missing table belongs to the file itself."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.origins:
                return self.origins[path[:length]]
        return Origin(self.file, 1, 1)


def read_layers(path: Path, environ: Mapping[str, str]) -> Layers:
    """Read *path*, then ``path.d/*.toml`` by name, then the environment. OSError if *path* itself cannot be read."""
    layers = Layers(str(path))
    _add_file(layers, path)
    for drop_in in sorted(path.with_name(path.name + ".d").glob("*.toml")):
        _add_file(layers, drop_in)
    for name in sorted(environ):
        if name.startswith(PREFIX):
            _add_variable(layers, name, environ[name])
    return layers


def _add_file(layers: Layers, path: Path) -> None:
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
        tree = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - (raw.rfind(b"\n", 0, error.start) + 1) + 1
        layers.problems.append(Problem(str(path), line, column, "", "Tệp không phải UTF-8", "The file is not UTF-8"))
    except tomllib.TOMLDecodeError as error:
        layers.problems.append(_syntax(str(path), text, str(error)))
    except RecursionError:
        layers.problems.append(Problem(str(path), 1, 1, "", "TOML lồng quá sâu", "The TOML is nested too deeply"))
    else:
        _Overlay(layers, str(path), locate(text)).table(layers.tree, tree, (), ())


def _syntax(file: str, text: str, message: str) -> Problem:
    match = _POSITION.search(message)
    line, column = (int(match[1]), int(match[2])) if match else (text.count("\n") + 1, 1)
    reason = message.partition(" (at ")[0]
    return Problem(file, line, column, "", f"Sai cú pháp TOML: {reason}", f"Not valid TOML: {reason}")


@dataclass(frozen=True, slots=True)
class _Overlay:
    """One file laid over what was read before it."""

    layers: Layers
    file: str
    places: Mapping[KeyPath, Place]

    def table(self, under: dict[str, Any], over: dict[str, Any], at: KeyPath, source: KeyPath) -> None:
        for key, value in over.items():
            here, there = (*at, key), (*source, key)
            old = under.get(key)
            if isinstance(old, dict) and isinstance(value, dict):
                self.table(old, value, here, there)
            elif isinstance(old, list) and _are_tables(old) and _are_tables(value):
                for index, row in enumerate(value, len(old)):
                    self._adopt((*here, index), (*there, index - len(old)))
                    old.append(row)
            else:
                under[key] = value
                _forget(self.layers, here)
                self._adopt(here, there)

    def _adopt(self, here: KeyPath, there: KeyPath) -> None:
        for path, place in self.places.items():
            if path[: len(there)] == there:
                origin = Origin(self.file, place.line, place.column)
                self.layers.origins[here + path[len(there) :]] = origin


def _are_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def _forget(layers: Layers, path: KeyPath) -> None:
    for known in [known for known in layers.origins if known[: len(path)] == path]:
        del layers.origins[known]


def _add_variable(layers: Layers, name: str, value: str) -> None:
    """``LIENTHONG__LISTEN__INTAKE__ADDRESS``; in ``[[tables]]`` a row goes by its id or its index."""
    table: Any = layers.tree
    path: KeyPath = ()
    *parents, last = name.removeprefix(PREFIX).lower().split("__")
    for segment in parents:
        if isinstance(table, list):
            key: str | int | None = _row(table, segment)
        else:
            key = segment
            table.setdefault(segment, {})
        if key is None or not isinstance(table[key], dict | list):
            layers.problems.append(_nowhere(name, segment))
            return
        path, table = (*path, key), table[key]
    if not isinstance(table, dict):
        layers.problems.append(_nowhere(name, last))
        return
    _forget(layers, (*path, last))
    table[last] = _variable_value(value)
    layers.origins[(*path, last)] = Origin(f"${name}")


def _row(rows: list[Any], segment: str) -> int | None:
    if segment.isdecimal():
        return int(segment) if int(segment) < len(rows) else None
    names = [re.sub(r"[.-]", "_", str(row.get("id", ""))).lower() if isinstance(row, dict) else "" for row in rows]
    return names.index(segment) if segment in names else None


def _nowhere(name: str, segment: str) -> Problem:
    return Problem(
        f"${name}",
        0,
        0,
        name.removeprefix(PREFIX).lower().replace("__", "."),
        f"'{segment}' không ứng với mục nào trong cấu hình",
        f"'{segment}' matches nothing in the configuration",
        "Dòng của [[systems]], [[platforms]] gọi theo id hoặc số thứ tự từ 0",
        "Rows of [[systems]] and [[platforms]] go by their id, or by their index from 0",
    )


def _variable_value(value: str) -> Any:
    """Text as it is; a list or inline table in TOML. Numbers and booleans are read from text by the model."""
    if value.startswith(("[", "{")):
        try:
            return tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            return value
    return value
