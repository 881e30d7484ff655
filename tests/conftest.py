"""Rules for every test: a skip is never silent, and on the build machine (CI=true) it fails the run."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

settings.register_profile("shared-machine", deadline=None)
settings.register_profile("quick", deadline=None, max_examples=15)


def pytest_configure(config: pytest.Config) -> None:
    """`make check` asks for "quick"; everything else tries as many examples as hypothesis does."""
    settings.load_profile(config.getoption("--hypothesis-profile") or "shared-machine")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if _skipped(session.config) and exitstatus == pytest.ExitCode.OK and os.environ.get("CI") == "true":
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    skipped = _skipped(config)
    if skipped:
        terminalreporter.section(f"{len(skipped)} SKIPPED, not proved", red=True)
    for report in skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        terminalreporter.line(f"{report.nodeid}: {reason}")


def _skipped(config: pytest.Config) -> list[pytest.TestReport]:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return reporter.stats.get("skipped", []) if reporter else []
