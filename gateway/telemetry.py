"""Logs and figures. No body, no secret and no personal number ever reaches either."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Mapping

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


def set_up_logging(*, json_lines: bool, level: int = logging.INFO) -> None:
    """Structured lines on standard error: JSON for a collector, aligned text for a person's terminal."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if json_lines
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty() and "NO_COLOR" not in os.environ)
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=False),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


class Metrics:
    """The gateway's figures, in a registry of its own so that two gateways in one process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.accepted = self._counter("accepted", "Messages accepted durably", "peer", "kind")
        self.duplicates = self._counter("duplicates", "Duplicates answered with the first answer", "peer")
        self.refused = self._counter("refused", "Calls refused", "code")
        self.strangers = self._counter("strangers", "Calls of unidentified callers refused")
        self.quarantined = self._counter("quarantined", "Packages put into quarantine", "peer", "code")
        self.attempts = self._counter("attempts", "Delivery attempts concluded", "destination", "outcome")
        self.polls = self._counter("polls", "Poll rounds", "platform", "type", "result")
        self.open_deliveries = Gauge(
            "lienthong_open_deliveries", "Deliveries not ended", ["destination"], registry=self.registry
        )
        self.accept_seconds = self._histogram("accept_seconds", "From body read to durable commit")
        self.loop_lag_seconds = self._histogram("loop_lag_seconds", "How late the event loop wakes")

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"lienthong_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str) -> Histogram:
        buckets = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
        return Histogram(f"lienthong_{name}", text, buckets=buckets, registry=self.registry)

    def exposition(self) -> bytes:
        """The Prometheus text format."""
        return generate_latest(self.registry)


class CrashPoint:
    """Kills this very process with SIGKILL at the nth passing of a named point: the crash harness's lever.

    Armed only by ``LIENTHONG_CRASH_AT="<point>[:<n>]"``; in service it is one comparison and a return.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        point, _, count = environ.get("LIENTHONG_CRASH_AT", "").partition(":")
        self._point = point
        self._left = int(count or 1)

    def __call__(self, point: str) -> None:
        if point != self._point:
            return
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
