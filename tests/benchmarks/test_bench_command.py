"""The command `lienthong bench`: its figures, and one short measurement of everything."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.cli.bench.figures import NAMES, Round, medians, quantile
from gateway.cli.bench.floor import append_rate, commit_rate


def a_round(accepted: float, http_floor: float) -> Round:
    """A round in which everything else is 1."""
    ones = dict.fromkeys((field.name for field in dataclasses.fields(Round)), 1.0)
    return Round(**{**ones, "accepted": accepted, "http_floor": http_floor})


def test_a_ratio_is_formed_within_a_round_and_not_of_two_medians() -> None:
    rounds = [a_round(10, 100), a_round(20, 50), a_round(90, 1000)]
    assert medians(rounds)["over_http"] == 0.1
    assert medians(rounds)["accepted"] == 20
    assert medians(rounds)["http_floor"] == 100


def test_a_quantile_is_a_value_that_was_measured() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert quantile(values, 0.5) == 51
    assert quantile(values, 0.99) == 100
    with pytest.raises(ValueError, match="nothing"):
        quantile([], 0.5)


def test_the_floors_leave_nothing_on_the_disk(tmp_path: Path) -> None:
    assert append_rate(tmp_path, 0.05) > 0
    assert commit_rate(tmp_path, 0.05) > 0
    assert list(tmp_path.iterdir()) == []


def test_a_short_measurement_gives_every_figure_and_leaves_nothing_behind(tmp_path: Path) -> None:
    options = ("--seconds", "0.5", "--messages", "20", "--repeat", "1", "--size", "500", "--concurrency", "4")
    command = [sys.executable, "-m", "gateway.cli", "bench", *options, "--json", "--data-dir", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["medians"]["500"]
    assert found.keys() == set(NAMES)
    assert all(value > 0 for value in found.values())
    assert list(tmp_path.iterdir()) == []
